"""Records ids and parts from the reference implementations.

Usage: python record.py DATA VOCABS
       (pip install tokenizers sentencepiece tiktoken transformers)

DATA is the folder with the public data sets, VOCABS the one that vocabularies.sh fills.
Writes texts.json, parts.json and ids.json beside itself. Long texts are kept as the
SHA-256 of their ids, four little-endian bytes each.
"""
import array
import base64
import hashlib
import json
import pathlib
import sys

import sentencepiece
import tiktoken
import tokenizers
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers

from texts import TEXTS

HERE = pathlib.Path(__file__).parent
DATA, VOCABS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])

LONG = ["rfc_quic/rfc9000.md", "rfc_quic/rfc9001.md", "chat_templates/models/templates/README.md"]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA.replace("{1,3}", "")
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
UP, LOW, CON = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = "|".join([rf"[^\r\n\p{{L}}\p{{N}}]?{UP}*{LOW}+{CON}", rf"[^\r\n\p{{L}}\p{{N}}]?{UP}+{LOW}*{CON}", r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
TEKKEN = O200K.replace(CON, "").replace("{1,3}", "")
DEEPSEEK = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def split(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def literal(text, behavior, invert=False):
    return {"type": "Split", "pattern": {"String": text}, "behavior": behavior, "invert": invert}


def fields(b):
    """Fields of a protobuf message that are of variable length."""
    at = 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            n |= (b[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if b[at - 1] < 128:
                return n
    while at < len(b):
        tag = varint()
        if tag & 7 == 2:
            n = varint()
            yield tag >> 3, b[at:at + n]
            at += n
        elif tag & 7 == 0:
            varint()
        else:
            at += {1: 8, 5: 4}[tag & 7]


def charsmap():
    """The character map of the test model: normalizer_spec, precompiled_charsmap."""
    model = dict(fields((DATA / "sentencepiece/test_model.model").read_bytes()))
    return dict(fields(model[3]))[2]


NORMALIZERS = [
    {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "Nmt"},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]},
    {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Strip", "strip_left": False, "strip_right": True},
    {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "_"},
    {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "Prepend", "prepend": "\u2581"},
    {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": True, "lowercase": False},
    {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": True, "strip_accents": False, "lowercase": True},
]
PRE_TOKENIZERS = [
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    split(GPT2), split(LLAMA), split(QWEN), split(CL100K), split(O200K), split(TEKKEN), split(DEEPSEEK), split(CLIP, "Removed", True),
    split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(r"[^\s]+|\s", "Removed"), split(r"\d", "Contiguous"), split(r"\w+", "MergedWithNext"), split(r"[^\w\s]", "MergedWithPrevious"),
    literal(" ", "MergedWithPrevious"), literal(" ", "MergedWithNext"), literal(" ", "Removed"), literal(" ", "Isolated"), literal(" ", "Contiguous"), literal(" ", "Removed", True), literal("e", "MergedWithNext", True),
    {"type": "Digits", "individual_digits": True}, {"type": "Digits", "individual_digits": False},
    {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Punctuation", "behavior": "Contiguous"}, {"type": "Punctuation", "behavior": "Removed"},
    {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}, {"type": "CharDelimiterSplit", "delimiter": "a"},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": False},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Contiguous"}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}, {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]")]},
]
FALLBACK = ["<0xE4>", "<0xB8>", "<0x8B>", "\u2581a", "<0x0A>", "\u2581", "b", "<0xzz>"]
DECODERS = [
    [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, ["Hello", "\u0120w", "\u00c3\u00a9", "\u010a", " x", "a b"]],
    [{"type": "WordPiece", "prefix": "##", "cleanup": True}, ["the", "cell", "##s", "are", "n't", "on", ".", "##x", "'s", "!", "do", "not"]],
    [{"type": "WordPiece", "prefix": "##", "cleanup": False}, ["the", "cell", "##s", "."]],
    [{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}, ["\u2581a\u2581", "b", "\u2581c\u2581d"]],
    [{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": True}, ["\u2581a\u2581", "b", "\u2581c\u2581d"]],
    [{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}, FALLBACK],
    [{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]}, FALLBACK],
    [{"type": "BPEDecoder", "suffix": "</w>"}, ["the</w>", "ce", "ll</w>", "on</w>"]],
]


def part(kind, spec):
    """A tokenizer with one part, made of its JSON."""
    t = json.loads(Tokenizer(tokenizers.models.BPE()).to_str())
    t[kind] = spec
    return getattr(Tokenizer.from_str(json.dumps(t)), kind)


def record_parts():
    pre = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap()).decode()}
    out = {"normalizers": [], "pre_tokenizers": [], "decoders": []}
    for spec in NORMALIZERS + [pre]:
        n = part("normalizer", spec)
        kept = {"type": "Precompiled", "precompiled_charsmap": "test_model.model"} if spec is pre else spec
        out["normalizers"].append({"spec": kept, "want": [n.normalize_str(t) for t in TEXTS]})
    for spec in PRE_TOKENIZERS:
        p = part("pre_tokenizer", spec)
        ends = []
        alphabet = "ByteLevel" in json.dumps(spec)
        for t in TEXTS:
            ends.append([w for w, _ in p.pre_tokenize_str(t)])
        out["pre_tokenizers"].append({"spec": spec, "alphabet": alphabet, "want": [hashlib.sha256("\0".join(e).encode()).hexdigest()[:16] + f" {len(e)}" for e in ends]})
    for spec, tokens in DECODERS:
        out["decoders"].append({"spec": spec, "tokens": tokens, "want": part("decoder", spec).decode(tokens)})
    return out


def digest(ids):
    return hashlib.sha256(array.array("I", ids).tobytes()).hexdigest()


def row(encode, special=None, decode=None):
    """ids of all texts; special: those in which special tokens count, where they differ."""
    r = {"ids": [encode(t) for t in TEXTS], "long": {}}
    for name in LONG:
        ids = encode((DATA / name).read_text())
        r["long"][name] = {"n": len(ids), "sha256": digest(ids)}
    if special:
        other = [special(t) for t in TEXTS]
        r["special"] = {str(i): o for i, (a, o) in enumerate(zip(r["ids"], other)) if a != o}
    if decode:
        r["text"] = {str(i): decode(x) for i, (t, x) in enumerate(zip(TEXTS, r["ids"])) if decode(x) != t}
    return r


def hf(path):
    t = Tokenizer.from_file(str(path))

    def run(special):
        def encode(text):
            t.encode_special_tokens = not special
            return t.encode(text, add_special_tokens=False).ids
        return encode
    r = row(run(False), run(True), lambda ids: t.decode(ids, skip_special_tokens=False))
    t.encode_special_tokens = False
    r["framed"] = t.encode("a cell").ids
    return r


def spm(path):
    p = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return row(p.encode, None, p.decode)


def tik(path, regex, special):
    ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in pathlib.Path(path).read_bytes().splitlines() if line)}
    e = tiktoken.Encoding("x", pat_str=regex, mergeable_ranks=ranks, special_tokens={s: len(ranks) + i for i, s in enumerate(special)})
    return row(lambda t: e.encode(t, disallowed_special=()), lambda t: e.encode(t, allowed_special="all"))


SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def main():
    (HERE / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=True) + "\n")
    (HERE / "parts.json").write_text(json.dumps(record_parts(), ensure_ascii=True) + "\n")
    ta = DATA / "torchtune_assets"
    rows = {
        "data/tokenizers_json/gpt-neo-test-tokenizer.json": hf(DATA / "tokenizers_json/gpt-neo-test-tokenizer.json"),
        "data/torchtune_assets/tiny_bpe_tokenizer.json": hf(ta / "tiny_bpe_tokenizer.json"),
        "data/torchtune_assets/tokenizer.json": hf(ta / "tokenizer.json"),
        "data/torchtune_assets/tokenizer_gemma_cropped.json": hf(ta / "tokenizer_gemma_cropped.json"),
        "data/torchtune_assets/m.model": spm(ta / "m.model"),
        "data/torchtune_assets/sentencepiece.model": spm(ta / "sentencepiece.model"),
        "data/torchtune_assets/tiktoken_small.model": tik(ta / "tiktoken_small.model", LLAMA, SPECIAL),
        "data/sentencepiece/test_model.model": spm(DATA / "sentencepiece/test_model.model"),
        "data/llama2c/tokenizer.model": spm(DATA / "llama2c/tokenizer.model"),
    }
    for name, kind, *more in [
        ("anthropic.json", hf), ("deepseek.json", hf), ("bert-chinese.json", hf), ("clip.json", hf),
        ("mistral-v1.model", spm), ("mistral-v3.model", spm),
        ("llama3.tiktoken", tik, LLAMA, SPECIAL), ("llama4.tiktoken", tik, O200K, SPECIAL), ("qwen.tiktoken", tik, QWEN, SPECIAL),
        ("cl100k.tiktoken", tik, CL100K, SPECIAL), ("o200k.tiktoken", tik, O200K, SPECIAL), ("tekken.tiktoken", tik, TEKKEN, SPECIAL),
    ]:
        if (VOCABS / name).exists():
            rows["vocabs/" + name] = kind(VOCABS / name, *more)
        else:
            print("not there:", name)
    versions = {m.__name__: m.__version__ for m in (tokenizers, sentencepiece)}
    (HERE / "ids.json").write_text(json.dumps({"versions": versions | {"tiktoken": tiktoken.__version__}, "rows": rows}, ensure_ascii=True, separators=(",", ":")) + "\n")


main()
