"""Records what Hugging Face's trainer learns of the RFCs. Usage: python train.py DATA"""
import hashlib
import json
import pathlib
import sys

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
t = Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
texts = [p.read_text() for p in sorted((pathlib.Path(sys.argv[1]) / "rfc_quic").glob("*.md"))]
t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=4096, min_frequency=2, special_tokens=["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"],
                                                 initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
merges = json.loads(t.to_str())["model"]["merges"]
lines = "\n".join(m if isinstance(m, str) else " ".join(m) for m in merges)
out = {"merges": hashlib.sha256(lines.encode()).hexdigest(), "tokens": sum(len(t.encode(x).ids) for x in texts)}
pathlib.Path(__file__).with_name("trained.json").write_text(json.dumps(out) + "\n")
