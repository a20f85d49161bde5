"""Makes tokenizer.json files of vocabularies that are published in other forms. Run in the folder of the vocabularies."""
import base64
import gzip
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

# BERT for Chinese.
vocab = {w: i for i, w in enumerate(pathlib.Path("vocab.txt").read_text().splitlines())}
t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
t.normalizer, t.pre_tokenizer, t.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
t.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
t.add_special_tokens([AddedToken(s, normalized=False) for s in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")])
t.save("bert-chinese.json")

# CLIP.
merges = [tuple(m.split()) for m in gzip.open("clip.txt.gz").read().decode().split("\n")[1:49152 - 256 - 2 + 1]]
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet(), key=lambda c: (ord(c) > 255, ord(c)))
words = alphabet + [c + "</w>" for c in alphabet] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
t = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, merges, unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
                                           pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
t.decoder = decoders.ByteLevel()
t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 49407), ("<|startoftext|>", 49406), trim_offsets=False, add_prefix_space=False)
t.add_special_tokens([AddedToken("<|startoftext|>", normalized=True), AddedToken("<|endoftext|>", normalized=False)])
t.save("clip.json")

# Mistral's Tekken, as tiktoken writes vocabularies.
tekken = json.loads(pathlib.Path("tekken.json").read_text())
size = tekken["config"]["default_vocab_size"] - tekken["config"]["default_num_special_tokens"]
pathlib.Path("tekken.tiktoken").write_text("".join(f"{w['token_bytes']} {w['rank']}\n" for w in tekken["vocab"][:size]))
