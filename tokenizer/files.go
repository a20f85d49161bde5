package tokenizer

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/comlam/comlam/internal/bounded"
)

// The files of a tokenizer in a Hugging Face folder.
const (
	tokenizerFile = "tokenizer.json"
	configFile    = "tokenizer_config.json"
	specialFile   = "special_tokens_map.json"
	templateFile  = "chat_template.jinja"
)

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded.NewReader(f, maxFile).All()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// readOptional reads a file that may be absent: nil then.
func readOptional(name string) ([]byte, error) {
	data, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Parse reads tokenizer.json and, unless it is nil, tokenizer_config.json from memory.
// A construct that ComLAM does not know is an error that names it.
func Parse(tokenizerJSON, configJSON []byte) (*Tokenizer, error) {
	return parse(tokenizerJSON, configJSON, nil)
}

func parse(tokenizerJSON, configJSON, template []byte) (*Tokenizer, error) {
	t, err := parseFiles(tokenizerJSON, configJSON, template)
	if err != nil {
		return nil, malformed("", err)
	}
	t.original = map[string][]byte{tokenizerFile: bytes.Clone(tokenizerJSON)}
	if configJSON != nil {
		t.original[configFile] = bytes.Clone(configJSON)
	}
	if template != nil {
		t.original[templateFile] = bytes.Clone(template)
	}
	return t, nil
}

func parseFiles(tokenizerJSON, configJSON, template []byte) (*Tokenizer, error) {
	s, err := readSpec(tokenizerJSON)
	if err != nil {
		return nil, err
	}
	set, err := readSettings(configJSON)
	if err != nil {
		return nil, err
	}
	if template != nil {
		set.Template = string(template)
	}
	return build(s, set)
}

// malformed makes an error about data of one about what is in them.
func malformed(where string, err error) error {
	var limit *bounded.LimitError
	if errors.As(err, &limit) {
		return fmt.Errorf("%s: %w", cmp.Or(where, "tokenizer"), err)
	}
	return &bounded.FormatError{Where: where, Why: err.Error()}
}

// Files returns the tokenizer as files of a Hugging Face folder, by name:
// tokenizer.json, tokenizer_config.json and special_tokens_map.json. Files that it was
// parsed from are returned as they were.
func (t *Tokenizer) Files() (map[string][]byte, error) {
	files := maps.Clone(t.original)
	if files == nil {
		files = map[string][]byte{}
	}
	for name, make := range map[string]func() (any, error){
		tokenizerFile: func() (any, error) { return t.spec, nil },
		configFile:    t.config,
		specialFile:   t.specialMap,
	} {
		if files[name] != nil {
			continue
		}
		v, err := make()
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		if files[name], err = pretty(v); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return files, nil
}

// pretty writes JSON as Hugging Face's libraries do: indented, without escapes that
// only HTML needs.
func pretty(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// config is tokenizer_config.json.
func (t *Tokenizer) config() (any, error) {
	c := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	for key, raw := range t.set.rest {
		c[key] = raw
	}
	t.nameTokens(c)
	if t.set.Template != "" {
		c["chat_template"] = t.set.Template
	}
	decoder := map[string]any{}
	for _, a := range t.spec.AddedTokens {
		decoder[strconv.Itoa(int(a.ID))] = map[string]any{
			"content": a.Content, "lstrip": a.LStrip, "normalized": a.Normalized, "rstrip": a.RStrip,
			"single_word": a.SingleWord, "special": a.Special,
		}
	}
	c["added_tokens_decoder"] = decoder
	return c, nil
}

// nameTokens says which special token has which use.
func (t *Tokenizer) nameTokens(c map[string]any) {
	for key, token := range map[string]string{"eos_token": t.set.EOS, "bos_token": t.set.BOS, "pad_token": t.set.PAD, "unk_token": t.set.UNK} {
		if token != "" {
			c[key] = token
		}
	}
}

// specialMap is special_tokens_map.json.
func (t *Tokenizer) specialMap() (any, error) {
	c := map[string]any{}
	t.nameTokens(c)
	var more []string
	for _, a := range sortTokens(t.spec.AddedTokens) {
		if a.Special && !slices.Contains([]string{t.set.EOS, t.set.BOS, t.set.PAD, t.set.UNK}, a.Content) {
			more = append(more, a.Content)
		}
	}
	if more != nil {
		c["additional_special_tokens"] = more
	}
	return c, nil
}

// Hash is the SHA-256, in hexadecimal, of all that decides which ids a text or a chat
// becomes: vocabulary, rules, special tokens and chat template. How the files are
// written, does not count.
func (t *Tokenizer) Hash() string { return t.hash }

func hashOf(s spec, set settings) (string, error) {
	s.Version, s.Truncation, s.Padding = "", nil, nil
	s.AddedTokens = sortTokens(s.AddedTokens)
	for _, part := range []*json.RawMessage{&s.Normalizer, &s.PreTokenizer, &s.PostProcessor, &s.Decoder} {
		var v any
		if !isNull(*part) {
			if err := json.Unmarshal(*part, &v); err != nil {
				return "", fmt.Errorf("hash the tokenizer: %w", err)
			}
		}
		sorted, err := json.Marshal(v) // keys in order
		if err != nil {
			return "", fmt.Errorf("hash the tokenizer: %w", err)
		}
		*part = sorted
	}
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, v := range []any{s, s.Model.ranks, set.EOS, set.BOS, set.PAD, set.UNK, set.Template} {
		if err := e.Encode(v); err != nil {
			return "", fmt.Errorf("hash the tokenizer: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
