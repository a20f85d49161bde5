package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// Load reads the tokenizer of a Hugging Face folder: tokenizer.json, and where they
// are there tokenizer_config.json and chat_template.jinja, which comes before a template
// in the former. A folder without tokenizer.json may have vocab.json and merges.txt
// (GPT-2), vocab.txt (BERT) or tokenizer.model (SentencePiece, or Llama 3's tiktoken).
func Load(dir string) (*Tokenizer, error) {
	t, err := load(dir)
	if err != nil {
		var format *bounded.FormatError
		if errors.As(err, &format) {
			return nil, &bounded.FormatError{Where: dir, Why: err.Error()}
		}
		return nil, fmt.Errorf("load the tokenizer of %s: %w", dir, err)
	}
	return t, nil
}

// Open reads a tokenizer from a folder, or from one file of it: a tokenizer.json, a
// SentencePiece .model, a .gguf, or a vocabulary of tiktoken, whose name then says the
// pattern, such as cl100k.tiktoken.
func Open(name string) (*Tokenizer, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return Load(name)
	}
	t, err := openFile(name)
	var format *bounded.FormatError
	if errors.As(err, &format) {
		return nil, &bounded.FormatError{Where: name, Why: err.Error()}
	}
	return t, err
}

func openFile(name string) (*Tokenizer, error) {
	switch base, ext := filepath.Base(name), filepath.Ext(name); {
	case base == tokenizerFile:
		return load(filepath.Dir(name))
	case ext == ".gguf":
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return ParseGGUF(f)
	case ext == ".json", ext == ".model", ext == ".tiktoken":
		data, err := readFile(name)
		if err != nil {
			return nil, err
		}
		switch {
		case ext == ".json":
			return Parse(data, nil)
		case ext == ".tiktoken":
			return ParseTiktoken(data, strings.TrimSuffix(base, ext), DefaultSpecial)
		}
		return parseModelFile(data)
	}
	return nil, bounded.Malformed("", "it is no tokenizer: give a folder, tokenizer.json, .model, .gguf or .tiktoken")
}

func load(dir string) (*Tokenizer, error) {
	config, err := readOptional(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	template, err := readOptional(filepath.Join(dir, templateFile))
	if err != nil {
		return nil, err
	}
	data, err := readFile(filepath.Join(dir, tokenizerFile))
	if err == nil {
		return parse(data, config, template)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	t, other := loadOther(dir, config)
	if other != nil || t == nil {
		return nil, errors.Join(other, err)
	}
	set, err := readSettings(config)
	if err != nil {
		return nil, malformed("", err)
	}
	if template != nil {
		set.Template = string(template)
	}
	return t.with(set)
}

// with applies what tokenizer_config.json says to a tokenizer from another file.
func (t *Tokenizer) with(set settings) (*Tokenizer, error) {
	for to, from := range map[*string]string{&set.EOS: t.set.EOS, &set.BOS: t.set.BOS, &set.PAD: t.set.PAD, &set.UNK: t.set.UNK, &set.Template: t.set.Template} {
		if *to == "" {
			*to = from
		}
	}
	t, err := build(t.spec, set)
	if err != nil {
		return nil, malformed("", err)
	}
	return t, nil
}

// loadOther reads a folder without tokenizer.json; nil: it has no other files either.
func loadOther(dir string, config []byte) (*Tokenizer, error) {
	vocab, err := readOptional(filepath.Join(dir, "vocab.json"))
	if err != nil {
		return nil, err
	}
	merges, err := readOptional(filepath.Join(dir, "merges.txt"))
	if err != nil {
		return nil, err
	}
	if vocab != nil && merges != nil {
		return parseGPT2(vocab, merges)
	}
	if model, err := readOptional(filepath.Join(dir, "tokenizer.model")); err != nil || model != nil {
		if err != nil {
			return nil, err
		}
		return parseModelFile(model)
	}
	words, err := readOptional(filepath.Join(dir, "vocab.txt"))
	if err != nil || words == nil {
		return nil, err
	}
	return parseBERT(words, config)
}

// parseGPT2 reads vocab.json and merges.txt of GPT-2's kind.
func parseGPT2(vocab, merges []byte) (*Tokenizer, error) {
	s := byteLevelSpec(gpt2Regex)
	s.Model.Type = "BPE"
	if err := json.Unmarshal(vocab, &s.Model.Vocab); err != nil {
		return nil, malformed("vocab.json", err)
	}
	for i, line := range strings.Split(strings.TrimRight(string(merges), "\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || i == 0 && strings.HasPrefix(line, "#version") {
			continue
		}
		m, ok := cutMerge(line)
		if !ok {
			return nil, bounded.Malformed(fmt.Sprintf("merges.txt:%d", i+1), "%q is not two tokens with one space between", line)
		}
		s.Model.Merges = append(s.Model.Merges, m)
	}
	set := settings{}
	for id, token := range s.Model.Vocab.tokens {
		if token == EndOfText {
			s.AddedTokens = append(s.AddedTokens, addedToken{ID: int32(id), Content: token, Special: true})
			set.EOS, set.BOS = token, token
		}
	}
	t, err := build(s, set)
	if err != nil {
		return nil, malformed("vocab.json and merges.txt", err)
	}
	return t, nil
}

// parseModelFile reads tokenizer.model: SentencePiece's, or tiktoken's as Llama 3 has it.
func parseModelFile(data []byte) (*Tokenizer, error) {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if _, _, isText := bytes.Cut(first, []byte(" ")); !isText || !isPrintable(first) {
		return ParseSentencePiece(data)
	}
	t, err := ParseTiktoken(data, "llama3", llama3Special())
	if err != nil {
		return nil, err
	}
	return t.with(settings{BOS: "<|begin_of_text|>", EOS: "<|end_of_text|>", PAD: "<|finetune_right_pad_id|>"})
}

func isPrintable(line []byte) bool {
	return !bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' })
}

// llama3Special are the 256 special tokens of Llama 3.
func llama3Special() []string {
	list := []string{
		"<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>",
		"<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>", "<|image|>",
	}
	for i := 2; len(list) < 256; i++ {
		list = append(list, fmt.Sprintf("<|reserved_special_token_%d|>", i))
	}
	return list
}

// parseBERT reads vocab.txt, one token a line.
func parseBERT(words, config []byte) (*Tokenizer, error) {
	var c struct {
		Lower   *bool `json:"do_lower_case"`
		Chinese *bool `json:"tokenize_chinese_chars"`
		Accents *bool `json:"strip_accents"`
	}
	if config != nil {
		if err := json.Unmarshal(config, &c); err != nil {
			return nil, malformed(configFile, err)
		}
	}
	norm, err := json.Marshal(map[string]any{
		"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": c.Chinese == nil || *c.Chinese,
		"strip_accents": c.Accents, "lowercase": c.Lower == nil || *c.Lower,
	})
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(words), "\r\n", "\n"), "\n"), "\n")
	kinds := make([]pieceKind, len(lines))
	at := map[string]int{}
	for i, w := range lines {
		kinds[i] = normalPiece
		if w == "[PAD]" || w == "[UNK]" || w == "[CLS]" || w == "[SEP]" || w == "[MASK]" {
			kinds[i] = controlPiece
		}
		at[w] = i
	}
	s := spec{
		Version: "1.0", Normalizer: norm, PreTokenizer: json.RawMessage(`{"type":"BertPreTokenizer"}`), PostProcessor: json.RawMessage("null"),
		Decoder: json.RawMessage(`{"type":"WordPiece","prefix":"##","cleanup":true}`), AddedTokens: addedOf(lines, kinds),
		Model: wordPieceSpec(lines, "[UNK]"),
	}
	if cls, ok := at["[CLS]"]; ok {
		if sep, ok := at["[SEP]"]; ok {
			s.PostProcessor = fmt.Appendf(nil, `{"type":"BertProcessing","sep":["[SEP]",%d],"cls":["[CLS]",%d]}`, sep, cls)
		}
	}
	t, err := build(s, settings{UNK: "[UNK]", PAD: "[PAD]"})
	if err != nil {
		return nil, malformed("vocab.txt", err)
	}
	return t, nil
}
