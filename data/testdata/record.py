"""Records trl.json: what TRL and transformers make of examples.

    python3 record.py ../../../shared/data      (trl, transformers, torch; last run with 1.16, 5.24, 2.15)

Of the preferences of hh_rlhf, a digest of prompt, chosen and rejected as TRL's
extract_prompt cuts them. Of a few examples, token ids and masks as SFTTrainer makes
them, with the tokenizer of torchtune's assets and the chat template below.
"""
import gzip
import hashlib
import json
import sys

from transformers import PreTrainedTokenizerFast
from trl.data_utils import apply_chat_template, common_prefix_length, extract_prompt, is_conversational, maybe_convert_to_chatml

data = sys.argv[1]
TEMPLATE = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message.role + '\n' -}}"
    "{%- if message.role == 'assistant' -%}{%- generation -%}{{- message.content + '<|im_end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- message.content + '<|im_end|>' -}}{%- endif -%}{{- '\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}")

digest = hashlib.sha256()
with gzip.open(f"{data}/hh_rlhf/harmless-base-test.dev.jsonl.gz", "rt") as f:
    for n, line in enumerate(f, 1):
        x = extract_prompt(json.loads(line))
        digest.update("\0".join([x["prompt"], x["chosen"], x["rejected"]]).encode() + b"\n")
with open(f"{data}/torchtune_assets/hh_rlhf_tiny.json") as f:
    turns = extract_prompt(json.load(f)[0])

tok = PreTrainedTokenizerFast(tokenizer_file=f"{data}/torchtune_assets/tiny_bpe_tokenizer.json", eos_token="<|endoftext|>")
tok.chat_template = TEMPLATE
user, said = {"role": "user", "content": "What is the meaning of life?"}, {"role": "assistant", "content": "The meaning of life is 42."}
examples = [
    {"messages": [{"role": "system", "content": "Be brief."}, user, said, {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "It is so."}]},
    {"conversations": [{"from": "user", "value": "Hello there"}, {"from": "assistant", "value": "Hello."}]},
    {"prompt": [user], "completion": [said]},
    {"prompt": [user, said, {"role": "user", "content": "Why?"}], "completion": [{"role": "assistant", "content": "It is so."}]},
    {"prompt": "The sky is", "completion": " blue."},
    {"prompt": "The sky is ", "completion": "blue."},
    {"text": "A cell serves the users within its reach."},
]


def sft(x):
    """Ids and mask, by the steps of SFTTrainer._prepare_dataset, assistant_only_loss for whole chats."""
    x = maybe_convert_to_chatml(json.loads(json.dumps(x)))
    if "messages" in x:
        out = tok.apply_chat_template(x["messages"], return_dict=True, return_assistant_tokens_mask=True)
        return out["input_ids"], out["assistant_masks"]
    if "text" in x:
        ids = tok(x["text"] + tok.eos_token)["input_ids"]
        return ids, [1] * len(ids)
    if is_conversational(x):
        head = tok.apply_chat_template(x["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
        ids = tok.apply_chat_template(x["prompt"] + x["completion"], return_dict=True)["input_ids"]
    else:
        head = tok(x["prompt"])["input_ids"]
        ids = tok(x["prompt"] + x["completion"] + tok.eos_token)["input_ids"]
    k = common_prefix_length(head, ids)
    return ids, [0] * k + [1] * (len(ids) - k)


out = {"template": TEMPLATE, "hh_rlhf": {"rows": n, "sha256": digest.hexdigest()}, "hh_rlhf_tiny": turns, "sft": []}
for x in examples:
    ids, mask = sft(x)
    out["sft"].append({"example": x, "ids": ids, "mask": mask, "decoded": tok.decode(ids)})
with open("trl.json", "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
print(n, digest.hexdigest(), [len(x["ids"]) for x in out["sft"]])
