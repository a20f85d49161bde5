"""Records the folders tied, own and llama3, and reference.json, with Hugging Face transformers.

    python3 record.py      (torch, transformers and safetensors; last run with 2.15, 5.24)

Tiny Llamas with random weights, each a folder as save_pretrained leaves it, and what the
reference implementation computes from them in double precision: logits, the loss of one
batch and the norm of every gradient. The first shares its table with its head; the
others have heads of their own and query heads that share key heads; the last stretches its
rotary positions as Llama 3.1 does.
"""
import json
import os

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

B, T, V = 3, 24, 97
torch.manual_seed(20230227)
ids = torch.randint(0, V, (B, T + 1))


def build(**change):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=V, max_position_embeddings=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, **change)).eval()


def shake(parameters):
    """Moves every weight off its first value, and rounds it to bfloat16 to save space."""
    with torch.no_grad():
        for p in parameters:
            p.add_(0.1 * torch.randn_like(p))
            p.copy_(p.to(torch.bfloat16))


out, logits = {"tokens": ids.tolist()}, {}
for name, change in {
    "tied": dict(num_key_value_heads=4, tie_word_embeddings=True),
    "own": dict(num_key_value_heads=2, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
    "llama3": dict(num_key_value_heads=1, head_dim=12, tie_word_embeddings=False, rope_parameters={
        "rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}),
}.items():
    m = build(**change)
    shake(m.parameters())
    m.to(torch.bfloat16).save_pretrained(name)
    if os.path.exists(name + "/generation_config.json"):
        os.remove(name + "/generation_config.json")
    m = LlamaForCausalLM.from_pretrained(name, dtype=torch.float64).eval()
    y = m(ids[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(y.reshape(-1, V), ids[:, 1:].reshape(-1))
    loss.backward()
    norms = {k: p.grad.norm().item() for k, p in m.named_parameters()}
    out[name] = {"loss": loss.item(), "gradients": norms}
    logits[name] = y.detach().float()
    print(name, "loss", loss.item(), "logits", y.abs().max().item(), len(norms), "gradients")
with open("reference.json", "w") as f:
    json.dump(out, f, indent=1, sort_keys=True)
    f.write("\n")
save_file(logits, "logits.safetensors")
