#!/usr/bin/env python3
"""Records what lm-evaluation-harness 0.4.13 scores, for harness_test.go: a tiny Llama that
was never trained, its byte-level tokenizer, questions, and for each answer the harness's
log-likelihood, with acc and acc_norm.

    pip install lm_eval==0.4.13 torch transformers tokenizers && python3 record.py
"""
import json
import pathlib
import random
import tempfile

import torch
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

here = pathlib.Path(__file__).parent / "harness"
model_dir = here / "model"
WORDS = "slot frame beam carrier symbol antenna channel a the of in each one two 0.5 ms 15 kHz resource block é Übertragung 信道".split()


def questions(rng):
    rows = []
    for i in range(40):
        phrase = lambda n: " ".join(rng.choice(WORDS) for _ in range(n))
        options = [phrase(rng.randint(1, 5)) for _ in range(rng.randint(2, 5))]
        rows.append({"id": f"q{i}", "question": phrase(6) + "?", "options": options, "answer": rng.randrange(len(options)), "category": "ab"[i % 2]})
    return rows


def tokenizer(rows):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator((json.dumps(r, ensure_ascii=False) for r in rows), trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|endoftext|>")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rows = questions(random.Random(1))
    here.mkdir(exist_ok=True)
    (here / "questions.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
    t = tokenizer(rows)
    t.save_pretrained(model_dir)
    lm = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(t), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=128, tie_word_embeddings=True, initializer_range=0.4, bos_token_id=None, eos_token_id=0))
    lm.save_pretrained(model_dir)
    task = {
        "task": "small", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(here / "questions.jsonl")}}, "test_split": "test",
        "output_type": "multiple_choice", "doc_to_text": "Question: {{question}}\nAnswer:", "doc_to_choice": "{{options}}", "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in ("acc", "acc_norm")],
    }
    out = simple_evaluate(model="hf", model_args={"pretrained": str(model_dir), "dtype": "float32"}, tasks=[task], device="cpu", batch_size=32, bootstrap_iters=0, log_samples=True)
    samples = sorted(out["samples"]["small"], key=lambda s: s["doc_id"])
    golden = {
        "acc": out["results"]["small"]["acc,none"], "acc_norm": out["results"]["small"]["acc_norm,none"],
        "sample_keys": sorted(samples[0]), "result_keys": sorted(out["results"]["small"]),
        "samples": [{"id": s["doc"]["id"], "arguments": [list(a) for a in s["arguments"]],
                     "log_likelihoods": [r[0] for r in s["filtered_resps"]], "greedy": [bool(r[1]) for r in s["filtered_resps"]],
                     "acc": s["acc"], "acc_norm": s["acc_norm"]} for s in samples],
    }
    (here / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
    print(golden["acc"], golden["acc_norm"])


main()
