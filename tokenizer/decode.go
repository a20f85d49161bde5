package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// readDecoder reads a decoder.
func readDecoder(raw json.RawMessage) (decoder, error) {
	if isNull(raw) {
		return func(tokens []string) string { return strings.Join(tokens, " ") }, nil
	}
	kind, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	if kind == "ByteLevel" {
		return decodeBytes, nil
	}
	return nil, fmt.Errorf("type %q is not known", kind)
}

// decodeBytes reads tokens in the byte alphabet. A token with other runes in it is one
// that was added, and stands for itself.
func decodeBytes(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		if raw, ok := fromAlphabet(t); ok {
			b.WriteString(raw)
		} else {
			b.WriteString(t)
		}
	}
	return b.String()
}
