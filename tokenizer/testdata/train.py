"""Records what Hugging Face's trainer learns of the RFCs, and how transformers then renders,
encodes and masks a chat. Usage: python train.py DATA   (pip install tokenizers transformers)"""
import hashlib
import json
import pathlib
import re
import sys

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
t = Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
texts = [p.read_text() for p in sorted((pathlib.Path(sys.argv[1]) / "rfc_quic").glob("*.md"))]
t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=4096, min_frequency=2, special_tokens=["<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"],
                                                 initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
merges = json.loads(t.to_str())["model"]["merges"]
lines = "\n".join(m if isinstance(m, str) else " ".join(m) for m in merges)
t.decoder = decoders.ByteLevel()
fast = PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|endoftext|>", pad_token="<|pad|>")
fast.chat_template = re.search(r"const DefaultTemplate = `(.*?)`", pathlib.Path(__file__).with_name("..").joinpath("chat.go").read_text(), re.S)[1]
chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which band is n78?\n\n"}, {"role": "assistant", "content": "3300 to 3800 MHz."},
        {"role": "user", "content": "多少 RB? "}, {"role": "assistant", "content": "273 at 30 kHz."}]
r = fast.apply_chat_template(chat, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
out = {"chat": chat, "ids": r["input_ids"], "trained": [bool(x) for x in r["assistant_masks"]], "text": fast.apply_chat_template(chat, tokenize=False), "merges": hashlib.sha256(lines.encode()).hexdigest(), "tokens": sum(len(t.encode(x).ids) for x in texts)}
pathlib.Path(__file__).with_name("trained.json").write_text(json.dumps(out) + "\n")
