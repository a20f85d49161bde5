"""Records reference.safetensors and reference.json with Hugging Face transformers.

    python3 record.py      (torch, transformers and safetensors; last run with 2.15, 5.23)

A tiny GPT-2 with random weights, saved under its published names, and what the
reference implementation computes from them in double precision: logits, the loss of
one batch and the norm of every gradient, with a tied head and with one of its own.
"""
import json

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

B, T, V = 3, 12, 97
torch.manual_seed(20190214)


def build(tied):
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=V, n_positions=16, n_embd=32, n_layer=2, n_head=4, tie_word_embeddings=tied,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)).eval()


def shake(parameters):
    """Moves every weight off its first value, and rounds it to bfloat16 to save space."""
    with torch.no_grad():
        for p in parameters:
            p.add_(0.1 * torch.randn_like(p))
            p.copy_(p.to(torch.bfloat16))


tied, own = build(True), build(False)
shake(tied.parameters())
own.transformer.load_state_dict(tied.transformer.state_dict())
shake([own.lm_head.weight])

ids = torch.randint(0, V, (B, T + 1))
out = {"tokens": ids.tolist()}
weights = {k: v.to(torch.bfloat16).contiguous() for k, v in own.transformer.state_dict().items()}
logits = {}
for name, m in {"tied": tied, "own": own}.items():
    m = m.double()
    y = m(ids[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(y.reshape(-1, V), ids[:, 1:].reshape(-1))
    loss.backward()
    norms = {k.removeprefix("transformer."): p.grad.norm().item() for k, p in m.named_parameters()}
    out[name] = {"loss": loss.item(), "gradients": norms}
    logits["logits." + name] = y.detach().float()
    print(name, "loss", loss.item(), "logits", y.abs().max().item(), len(norms), "gradients")
with open("reference.json", "w") as f:
    json.dump(out, f, indent=1, sort_keys=True)
    f.write("\n")
save_file(weights, "weights.safetensors")
save_file({"lm_head.weight": own.lm_head.weight.detach().to(torch.bfloat16).contiguous()}, "head.safetensors")
save_file(logits, "logits.safetensors")
