"""Loads the adapters of written/ with Hugging Face PEFT and compares logits.

    go test ./tune -run TestWritten -update
    cd tune/testdata && python3 verify.py      (last run with torch 2.15, transformers 5.24, peft 0.21)

The adapters were made and written by ComLAM, and the logits beside each were computed by
it; the tokens are those of peft/.
"""
import glob
import os

import peft
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

for path in sorted(glob.glob("written/*/*")):
    name = path.split("/")[1]
    base = AutoModelForCausalLM.from_pretrained(f"peft/{name}/base", dtype=torch.float32).eval()
    m = peft.PeftModel.from_pretrained(base, path).eval()
    ids = load_file(f"peft/{name}/lora/logits.safetensors")["tokens"].long()
    with torch.no_grad():
        got = m(input_ids=ids).logits
        plain = AutoModelForCausalLM.from_pretrained(f"peft/{name}/base", dtype=torch.float32).eval()(ids).logits
    want = load_file(os.path.join(path, "logits.safetensors"))["logits"]
    d = (got - want).abs().max().item()
    print(f"{path}: logits differ by {d:.2g}, the adapter moves them by {(got - plain).abs().max().item():.2g}")
    assert d < 1e-4
