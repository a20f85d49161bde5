package tokenizer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fuzzTexts are encoded with every tokenizer that a fuzzer manages to build.
var fuzzTexts = []string{"", "the cell", "  A1\n\n基站\xff\x00<|im_end|>▁é", strings.Repeat("ab", 40)}

// exercise uses a tokenizer in every way.
func exercise(t *testing.T, tok *Tokenizer) {
	t.Helper()
	if tok.Size() > 2*maxTokens {
		t.Fatalf("%d tokens", tok.Size())
	}
	for _, text := range fuzzTexts {
		for _, ids := range [][]int32{tok.Encode(text), tok.EncodeSpecial(text)} {
			for _, id := range ids {
				if id < 0 || int(id) >= tok.Size() {
					t.Fatalf("id %d of %d", id, tok.Size())
				}
			}
			tok.Decode(ids)
		}
	}
	tok.Frame(nil)
	if c, err := tok.Chat([]Message{{"user", "a"}, {"assistant", "b"}}, false); err == nil && len(c.IDs) != len(c.Trained) {
		t.Fatalf("%d ids, %d marks", len(c.IDs), len(c.Trained))
	}
}

func FuzzTokenizerJSON(f *testing.F) {
	small := map[string]any{"version": "1.0", "added_tokens": []any{map[string]any{"id": 3, "content": "<s>", "special": true, "lstrip": true}},
		"normalizer":     map[string]any{"type": "Sequence", "normalizers": []any{map[string]any{"type": "NFKC"}, map[string]any{"type": "Replace", "pattern": map[string]any{"Regex": " {2,}"}, "content": "▁"}}},
		"pre_tokenizer":  map[string]any{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
		"decoder":        map[string]any{"type": "Metaspace", "replacement": "▁"},
		"post_processor": map[string]any{"type": "BertProcessing", "sep": []any{"<s>", 3}, "cls": []any{"<s>", 3}},
		"model":          map[string]any{"type": "Unigram", "unk_id": 0, "vocab": []any{[]any{"<unk>", 0.0}, []any{"▁a", -1.0}, []any{"b", -2.0}}}}
	unigram, err := json.Marshal(small)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"model":{"type":"BPE","byte_fallback":true,"ignore_merges":true,"vocab":{"a":0,"b":1,"Ġ":2,"ab":3},"merges":[["a","b"]]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},"decoder":{"type":"ByteLevel"}}`), []byte(`{"chat_template":[{"name":"default","template":"{% generation %}a{% endgeneration %}"}]}`))
	f.Add(unigram, []byte(`{"chat_template":"{% for m in messages %}{{ m.content }}{% endfor %}"}`))
	f.Add([]byte(`{"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"a":1,"##b":2}},"pre_tokenizer":{"type":"BertPreTokenizer"},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true}}`), []byte("{}"))
	f.Add([]byte(`{"model":{"type":"BPE","unk_token":"u","fuse_unk":true,"end_of_word_suffix":"</w>","vocab":{"u":0,"a":1,"b</w>":2,"ab</w>":3},"merges":["a b</w>"]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"MergedWithNext","invert":false}}`), []byte(`{"eos_token":{"content":"u"}}`))
	f.Fuzz(func(t *testing.T, tokenizerJSON, configJSON []byte) {
		tok, err := Parse(tokenizerJSON, configJSON)
		if err != nil {
			return
		}
		exercise(t, tok)
		if _, err := tok.Files(); err != nil {
			t.Fatal(err)
		}
	})
}

// protoText writes one field of a protocol buffer that holds bytes.
func protoText(id int, data []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(id)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

func protoPiece(text string, kind byte, score uint32) []byte {
	b := protoText(1, []byte(text))
	b = binary.LittleEndian.AppendUint32(append(b, 2<<3|5), score)
	return protoText(1, append(b, 3<<3, kind))
}

func FuzzSentencePiece(f *testing.F) {
	for _, trainer := range [][]byte{{3 << 3, 1}, {3 << 3, 2, 0x98, 0x02, 1}} {
		var b []byte
		b = append(b, protoPiece("<unk>", 2, 0)...)
		b = append(b, protoPiece("▁a", 1, 0xBF800000)...)
		b = append(b, protoPiece("▁", 1, 0xC0000000)...)
		b = append(b, protoPiece("a", 1, 0xC0000000)...)
		b = append(b, protoPiece("[U]", 4, 0)...)
		f.Add(append(b, protoText(2, trainer)...))
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		if tok, err := ParseSentencePiece(model); err == nil {
			exercise(t, tok)
		}
	})
}

// ggufText writes a string of a GGUF file.
func ggufText(s string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
}

func ggufFile(pairs ...[]byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("GGUF"), 3)
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(pairs)))
	return append(b, bytes.Join(pairs, nil)...)
}

func ggufWords(key string, list ...string) []byte {
	b := binary.LittleEndian.AppendUint32(ggufText(key), ggufArray)
	b = binary.LittleEndian.AppendUint32(b, ggufString)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(list)))
	for _, s := range list {
		b = append(b, ggufText(s)...)
	}
	return b
}

func ggufWord(key, value string) []byte {
	return append(binary.LittleEndian.AppendUint32(ggufText(key), ggufString), ggufText(value)...)
}

func FuzzGGUF(f *testing.F) {
	f.Add(ggufFile(ggufWord(ggml+"model", "gpt2"), ggufWord(ggml+"pre", "gpt-2"), ggufWords(ggml+"tokens", "a", "b", "ab"), ggufWords(ggml+"merges", "a b")))
	f.Add(ggufFile(ggufWord(ggml+"model", "bert"), ggufWords(ggml+"tokens", "[UNK]", "▁a", "b", "[CLS]")))
	f.Add(ggufFile(ggufWord(ggml+"model", "llama"), ggufWords(ggml+"tokens", "<unk>", "▁a")))
	f.Fuzz(func(t *testing.T, file []byte) {
		if tok, err := ParseGGUF(bytes.NewReader(file)); err == nil {
			exercise(t, tok)
		}
	})
}

func FuzzTiktoken(f *testing.F) {
	f.Add([]byte("YQ== 0\nYg== 1\nYWI= 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range Patterns() {
			if tok, err := ParseTiktoken(data, p, []string{"<|im_end|>"}); err == nil {
				exercise(t, tok)
			}
		}
	})
}

// FuzzRoundTrip: any bytes come back from a byte-level vocabulary.
func FuzzRoundTrip(f *testing.F) {
	tok := tiny(f)
	for _, s := range fuzzTexts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := tok.Decode(tok.Encode(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
		if got := tok.Decode(tok.EncodeSpecial(s)); got != s {
			t.Errorf("%q became %q with special tokens", s, got)
		}
		c, err := tok.Chat([]Message{{"user", s}, {"assistant", s}}, false)
		if err != nil {
			return // every noncharacter and a special token
		}
		if tok.Decode(c.IDs) != c.Text || len(c.IDs) != len(c.Trained) {
			t.Errorf("the chat of %q is %q", s, tok.Decode(c.IDs))
		}
	})
}

// TestHostileFiles: files that ask for more than they hold are errors, soon.
func TestHostileFiles(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, 1<<60)
	for name, data := range map[string][]byte{
		"keys":    append([]byte("GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), huge...),
		"text":    append(ggufFile()[:16], append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, huge...)...),
		"array":   append(ggufFile()[:16], append(append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, ggufText("k")...), append([]byte{9, 0, 0, 0, 0, 0, 0, 0}, huge...)...)...),
		"version": []byte("GGUF\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"magic":   []byte("GGML\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"empty":   nil,
	} {
		if _, err := ParseGGUF(bytes.NewReader(data)); err == nil {
			t.Errorf("gguf %s: no error", name)
		}
	}
	for _, data := range []string{
		"", "{", "[]", "{}", `{"model":{"type":"BPE","vocab":{"a":4000000000}}}`, `{"model":{"type":"BPE","vocab":{"a":4000000}}}`,
		`{"model":{"type":"BPE","vocab":{"a":-1}}}`, `{"model":{"type":"BPE","vocab":{"a":0,"b":0}}}`, `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`,
		`{"model":{"type":"BPE","vocab":{"a":0},"dropout":0.1}}`, `{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":7}}`, `{"model":{"type":"Odd","vocab":{"a":0}}}`,
		`{"model":{"type":"BPE","vocab":{"a":0}},"extra":1}`, `{"model":{"type":"BPE","vocab":{"a":0}},"added_tokens":[{"id":100000000,"content":"x"}]}`,
		`{"model":{"type":"BPE","vocab":{"a":0}},"normalizer":` + strings.Repeat(`{"type":"Sequence","normalizers":[`, 1000) + strings.Repeat(`]}`, 1000) + `}`,
		`{"model":{"type":"BPE","vocab":{"a":0}},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(?<=a)b"},"behavior":"Isolated","invert":false}}`,
		`{"model":{"type":"BPE","vocab":{"a":0}},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a++"},"behavior":"Isolated","invert":false}}`,
		`{"model":{"type":"BPE","vocab":{"a":0}},"decoder":{"type":"CTC"}}`, `{"model":{"type":"BPE","vocab":{"a":0}},"normalizer":{"type":"Precompiled","precompiled_charsmap":"////////"}}`,
	} {
		if _, err := Parse([]byte(data), nil); err == nil {
			t.Errorf("%.100s: no error", data)
		}
	}
}

// TestLoadFolders reads the forms that a folder of a model can have.
func TestLoadFolders(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"gpt2":    {"vocab.json": `{"a":0,"b":1,"ab":2,"<|endoftext|>":3}`, "merges.txt": "#version: 0.2\na b\n"},
		"bert":    {"vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\nab\n##b\n"},
		"llama3":  {"tokenizer.model": "YQ== 0\nYg== 1\nYWI= 2\n"},
		"spm":     {"tokenizer.model": string(protoPiece("<unk>", 2, 0)) + string(protoPiece("▁", 1, 0)) + string(protoPiece("ab", 1, 0xBF800000))},
		"current": {"tokenizer.json": `{"model":{"type":"BPE","vocab":{"ab":0},"ignore_merges":true}}`, "tokenizer_config.json": `{"eos_token":"ab"}`, "chat_template.jinja": "{{ messages[0].content }}"},
	} {
		dir := t.TempDir()
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		tok, err := Load(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ids := tok.Encode("ab")
		if len(ids) == 0 || tok.Token(ids[len(ids)-1]) != "ab" {
			t.Errorf("%s: ab has the ids %d", name, ids)
		}
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("an empty folder: no error")
	}
}
