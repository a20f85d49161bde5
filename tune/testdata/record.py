"""Records the folders of peft/ with Hugging Face PEFT.

    python3 record.py      (torch, transformers, peft and safetensors; last run with 2.15, 5.24, 0.21)

A tiny Llama and a tiny GPT-2 with random weights, saved as transformers saves them; on
each of them adapters that PEFT made and trained for a few steps, saved as PEFT saves
them: LoRA on some layers, LoRA with the square-root scale, and a learned prefix. Beside
each adapter the logits that the two give for tokens.
"""
import json
import os
import shutil

import peft
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

B, T, V, P = 2, 9, 61, 3
torch.manual_seed(20210615)

bases = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(
        vocab_size=V, max_position_embeddings=32, hidden_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=40, tie_word_embeddings=True, attention_dropout=0)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(
        vocab_size=V, n_positions=32, n_embd=24, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)),
}
lora = {"llama": ["q_proj", "v_proj", "down_proj"], "gpt2": ["attn.c_proj", "c_attn", "c_fc"]}
ids = torch.randint(0, V, (B, T))


def adapters(name):
    flat = name == "gpt2"
    yield "lora", peft.LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=6, target_modules=lora[name], fan_in_fan_out=flat)
    yield "rslora", peft.LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=5, target_modules=lora[name][1:2],
                                    fan_in_fan_out=flat, use_rslora=True)
    yield "prefix", peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=P)


shutil.rmtree("peft", ignore_errors=True)
for name, make in bases.items():
    base = make().eval()
    with torch.no_grad():
        for p in base.parameters():
            p.add_(0.1 * torch.randn_like(p))
            p.copy_(p.to(torch.bfloat16))
    base.save_pretrained(f"peft/{name}/base")
    for kind, config in adapters(name):
        base = type(base).from_pretrained(f"peft/{name}/base", dtype=torch.float32).eval()
        m = peft.get_peft_model(base, config)
        # Labels as a model that learns in a few steps sees them.
        optimizer = torch.optim.Adam([p for p in m.parameters() if p.requires_grad], lr=2e-2)
        for _ in range(8):
            loss = m(input_ids=ids, labels=ids).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        out = f"peft/{name}/{kind}"
        m.save_pretrained(out)
        logits = m(input_ids=ids).logits.detach().float()
        plain = base_logits = type(base).from_pretrained(f"peft/{name}/base", dtype=torch.float32).eval()(ids).logits
        save_file({"logits": logits.contiguous(), "tokens": ids.to(torch.int32)}, f"{out}/logits.safetensors")
        print(name, kind, "loss", loss.item(), "moved", (logits - plain).abs().max().item(),
              {k: list(v.shape) for k, v in load_file(f"{out}/adapter_model.safetensors").items()})
        if os.path.exists(f"{out}/README.md"):
            os.remove(f"{out}/README.md")
