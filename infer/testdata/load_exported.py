"""Records exported.json: what Hugging Face transformers computes from folders written here.

    go test ./infer -run TestExported -folders /tmp/exported
    python3 testdata/load_exported.py /tmp/exported      (torch and transformers; last run with 2.15, 5.24)

Each folder is loaded as anybody would, every tensor accounted for, and read by the model
in float32; beside the logits stand the hashes of the files, by which the test knows that
it writes what was loaded. A folder with a tokenizer is asked for the ids of a text too.
"""
import hashlib
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

out = {}
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir()):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    ids = [(7 * i * i + 3) % 31 for i in range(24)]
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids])).logits[0, -1]
        written = model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False, repetition_penalty=1.0, eos_token_id=None)[0, 24:]
    entry = {"ids": ids, "logits": [round(float(v), 7) for v in logits], "written": written.tolist()}
    if (folder / "tokenizer.json").exists():
        t = AutoTokenizer.from_pretrained(folder)
        chat = [{"role": "user", "content": "the base station"}, {"role": "assistant", "content": "a slot"}]
        entry["text"] = t("the base station hears\nthe user", add_special_tokens=False)["input_ids"]
        entry["chat"] = t.apply_chat_template(chat, tokenize=True, return_dict=False)
    else:
        entry["files"] = {f: hashlib.sha256((folder / f).read_bytes()).hexdigest()
                          for f in ("config.json", "generation_config.json", "model.safetensors")}
    out[folder.name] = entry
    print(folder.name, type(model).__name__, "largest logit", logits.abs().max().item())
with open(pathlib.Path(__file__).parent / "exported.json", "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
