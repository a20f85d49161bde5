package tokenizer

import (
	"encoding/json"
	"fmt"
)

// The regular expressions of published tokenizers that have a scanner.
const (
	gpt2Regex  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	llamaRegex = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwenRegex  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var knownPatterns = map[string]*wordPattern{
	gpt2Regex:  {contractions: lowerContractions},
	llamaRegex: {contractions: anyContractions, prefix: true, maxDigits: 3, tail: "\r\n", lines: true},
	qwenRegex:  {contractions: anyContractions, prefix: true, maxDigits: 1, tail: "\r\n", lines: true},
}

func (p *wordPattern) split(dst []string, s string, _ bool) []string {
	for i := 0; i < len(s); {
		end := p.next(s, i)
		dst = append(dst, s[i:end])
		i = end
	}
	return dst
}

// readSplitters reads a pre_tokenizer. bytes says that the pieces are raw bytes, which
// the vocabulary writes in the byte alphabet.
func readSplitters(raw json.RawMessage, model string) (list []splitter, bytes bool, err error) {
	if isNull(raw) {
		return nil, false, nil
	}
	parts, err := flatten(raw, "pretokenizers", 0)
	if err != nil {
		return nil, false, err
	}
	for i, p := range parts {
		s, isBytes, err := readSplitter(p)
		if err != nil {
			return nil, false, err
		}
		if isBytes && (i != len(parts)-1 || model != "BPE") {
			return nil, false, fmt.Errorf("ByteLevel before other steps is not supported")
		}
		bytes = bytes || isBytes
		if s != nil {
			list = append(list, s)
		}
	}
	return list, bytes, nil
}

// maxDepth is how deep sequences may hold sequences.
const maxDepth = 16

// flatten lists the parts of nested sequences.
func flatten(raw json.RawMessage, key string, depth int) ([]json.RawMessage, error) {
	kind, err := typeOf(raw)
	if err != nil || kind != "Sequence" {
		return []json.RawMessage{raw}, err
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("sequences are nested more than %d deep", maxDepth)
	}
	var seq map[string]json.RawMessage
	if err := json.Unmarshal(raw, &seq); err != nil {
		return nil, err
	}
	for k := range seq {
		if k != "type" && k != key {
			return nil, fmt.Errorf("Sequence has the unknown key %q", k)
		}
	}
	var parts, all []json.RawMessage
	if err := json.Unmarshal(seq[key], &parts); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	for _, p := range parts {
		inner, err := flatten(p, key, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

type patternSpec struct {
	Regex  *string
	String *string
}

func readSplitter(raw json.RawMessage) (s splitter, bytes bool, err error) {
	kind, err := typeOf(raw)
	if err != nil {
		return nil, false, err
	}
	switch kind {
	case "ByteLevel":
		var p struct {
			Type           string
			AddPrefixSpace bool  `json:"add_prefix_space"`
			TrimOffsets    bool  `json:"trim_offsets"`
			UseRegex       *bool `json:"use_regex"`
		}
		if err := strict(raw, &p); err != nil {
			return nil, false, fmt.Errorf("ByteLevel: %w", err)
		}
		if p.UseRegex == nil || *p.UseRegex {
			return knownPatterns[gpt2Regex], true, nil
		}
		return nil, true, nil
	case "Split":
		var p struct {
			Type     string
			Pattern  patternSpec
			Behavior string
			Invert   bool
		}
		if err := strict(raw, &p); err != nil {
			return nil, false, fmt.Errorf("Split: %w", err)
		}
		if p.Pattern.Regex != nil && p.Behavior == "Isolated" {
			if w := knownPatterns[*p.Pattern.Regex]; w != nil {
				return w, false, nil
			}
		}
		return nil, false, fmt.Errorf("Split by %s is not known", raw)
	}
	return nil, false, fmt.Errorf("type %q is not known", kind)
}
