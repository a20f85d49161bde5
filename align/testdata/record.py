"""Records trl.json and the weights of two tiny Llamas with TRL.

    python3 record.py      (trl, transformers, torch; last run with 1.16, 5.24, 2.15)

A policy and its reference, one batch of preferences and one of labels: the losses that
DPOTrainer (sigmoid and ipo) and KTOTrainer compute for the batch, and the norm of the
gradient of every weight of the policy.
"""
import json
import os

import torch
from datasets import Dataset
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer


torch.manual_seed(1)
V = 40
words = ["<pad>", "</s>"] + [f"w{i}" for i in range(V - 2)]
inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="w0"))
inner.pre_tokenizer = pre_tokenizers.Whitespace()
tok = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>", pad_token="<pad>")


def model():
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=V, max_position_embeddings=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=24, tie_word_embeddings=False, pad_token_id=0, eos_token_id=1,
        attention_dropout=0)).float()


def shake(m, amount):
    with torch.no_grad():
        for p in m.parameters():
            p.add_(amount * torch.randn_like(p))
            p.copy_(p.to(torch.bfloat16))


reference = model()
shake(reference, 0.3)
policy = model()
policy.load_state_dict(reference.state_dict())
shake(policy, 0.1)


def text(n):
    return " ".join(f"w{i}" for i in torch.randint(0, V - 2, (n,)).tolist())


pairs = Dataset.from_list([{"prompt": text(3 + i), "chosen": " " + text(2 + i % 3), "rejected": " " + text(5 - i)} for i in range(4)])
labels = Dataset.from_list([{"prompt": text(2 + i), "completion": " " + text(4 - i % 2), "label": i % 3 != 0} for i in range(4)])
common = dict(output_dir="/tmp/trl-out", per_device_train_batch_size=4, report_to="none", use_cpu=True, bf16=False,
              gradient_checkpointing=False, beta=0.2)
trainers = {
    "dpo": lambda: DPOTrainer(policy, reference, DPOConfig(loss_type=["sigmoid"], **common), train_dataset=pairs, processing_class=tok),
    "ipo": lambda: DPOTrainer(policy, reference, DPOConfig(loss_type=["ipo"], **common), train_dataset=pairs, processing_class=tok),
    "kto": lambda: KTOTrainer(policy, reference, KTOConfig(desirable_weight=1.0, undesirable_weight=1.5, train_sampling_strategy="sequential", **common),
                              train_dataset=labels, processing_class=tok),
}
out = {"beta": 0.2, "undesirable_weight": 1.5}
for name, make in trainers.items():
    t = make()
    m = t.model
    m.train()
    batch = next(iter(t.get_train_dataloader()))
    m.zero_grad()
    loss = t.compute_loss(m, batch)
    loss.backward()
    grads = {k.removeprefix("module."): p.grad.norm().item() for k, p in m.named_parameters() if p.grad is not None}
    out[name] = {"loss": loss.item(), "gradients": grads,
                 "batch": {k: v.tolist() for k, v in batch.items() if torch.is_tensor(v)},
                 "metrics": {k: v for k, v in t._metrics["train"].items() if "reward" in k or k in ("kl",)}}
    print(name, loss.item(), out[name]["metrics"], {k: tuple(v.shape) for k, v in batch.items() if torch.is_tensor(v)})
for name, m in {"policy": policy, "reference": reference}.items():
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in m.state_dict().items()}, f"{name}.safetensors")
policy.config.architectures = ["LlamaForCausalLM"]
with open("config.json", "w") as f:
    f.write(policy.config.to_json_string())
with open("trl.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
