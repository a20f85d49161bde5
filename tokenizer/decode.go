package tokenizer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A decodeStep changes the list of tokens on the way to text; it may change it in place.
type decodeStep func(tokens []string) []string

// readDecoder reads a decoder. Without one the reference puts blanks between tokens.
func readDecoder(raw json.RawMessage) (decoder, error) {
	if isNull(raw) {
		return func(tokens []string) string { return strings.Join(tokens, " ") }, nil
	}
	parts, err := flatten(raw, "decoders", 0)
	if err != nil {
		return nil, err
	}
	var steps []decodeStep
	for _, p := range parts {
		s, err := readDecodeStep(p)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return func(tokens []string) string {
		for _, s := range steps {
			tokens = s(tokens)
		}
		return strings.Join(tokens, "")
	}, nil
}

func readDecodeStep(raw json.RawMessage) (decodeStep, error) {
	kind, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "ByteLevel":
		_, err := readByteLevel(raw)
		return decodeBytes, err
	case "ByteFallback":
		return decodeFallback, onlyType(kind, raw)
	case "Fuse":
		return func(tokens []string) []string { return []string{strings.Join(tokens, "")} }, onlyType(kind, raw)
	case "Metaspace":
		m, err := readMetaspace(raw)
		if err != nil {
			return nil, err
		}
		return m.decode, nil
	case "Replace":
		replace, err := readReplace(raw)
		return eachToken(replace), err
	case "Strip":
		return readStripDecoder(raw)
	case "WordPiece":
		return readWordPieceDecoder(raw)
	case "BPEDecoder":
		return readBPEDecoder(raw)
	}
	return nil, fmt.Errorf("type %q is not known", kind)
}

func eachToken(f func(string) string) decodeStep {
	return func(tokens []string) []string {
		for i, t := range tokens {
			tokens[i] = f(t)
		}
		return tokens
	}
}

// decodeBytes reads tokens in the byte alphabet. A token with other runes in it is one
// that was added, and stands for itself.
func decodeBytes(tokens []string) []string {
	var b strings.Builder
	for _, t := range tokens {
		if raw, ok := fromAlphabet(t); ok {
			b.WriteString(raw)
		} else {
			b.WriteString(t)
		}
	}
	return []string{b.String()}
}

// decodeFallback reads runs of tokens such as <0xE2> as bytes.
func decodeFallback(tokens []string) []string {
	out := tokens[:0:0]
	run := false
	for _, t := range tokens {
		b, ok := byteOf(t)
		switch {
		case ok && run:
			out[len(out)-1] += string([]byte{b})
		case ok:
			out = append(out, string([]byte{b}))
		default:
			out = append(out, t)
		}
		run = ok
	}
	return out
}

// byteOf reads a token such as <0x0A>.
func byteOf(token string) (byte, bool) {
	if len(token) != 6 || token[:3] != "<0x" || token[5] != '>' {
		return 0, false
	}
	n, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(n), err == nil
}

func readStripDecoder(raw json.RawMessage) (decodeStep, error) {
	var p struct {
		Type, Content string
		Start, Stop   int
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Strip: %w", err)
	}
	if utf8.RuneCountInString(p.Content) != 1 || p.Start < 0 || p.Stop < 0 {
		return nil, fmt.Errorf("step Strip: give one character, and how many at the start and the end, not %q, %d, %d", p.Content, p.Start, p.Stop)
	}
	return eachToken(func(t string) string {
		for i := 0; i < p.Start && strings.HasPrefix(t, p.Content); i++ {
			t = t[len(p.Content):]
		}
		for i := 0; i < p.Stop && strings.HasSuffix(t, p.Content); i++ {
			t = t[:len(t)-len(p.Content)]
		}
		return t
	}), nil
}

func readWordPieceDecoder(raw json.RawMessage) (decodeStep, error) {
	var p struct {
		Type, Prefix string
		Cleanup      bool
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step WordPiece: %w", err)
	}
	return func(tokens []string) []string {
		for i, t := range tokens {
			if rest, ok := strings.CutPrefix(t, p.Prefix); i > 0 && ok {
				t = rest
			} else if i > 0 {
				t = " " + t
			}
			if p.Cleanup {
				t = cleanup.Replace(t)
			}
			tokens[i] = t
		}
		return tokens
	}, nil
}

// cleanup closes the gaps that WordPiece leaves before punctuation and contractions.
var cleanup = chain{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"},
	{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}

// A chain of replacements, each made in the result of those before.
type chain [][2]string

func (c chain) Replace(s string) string {
	for _, p := range c {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}

func readBPEDecoder(raw json.RawMessage) (decodeStep, error) {
	var p struct{ Type, Suffix string }
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step BPEDecoder: %w", err)
	}
	return func(tokens []string) []string {
		for i, t := range tokens {
			blank := " "
			if i == len(tokens)-1 {
				blank = ""
			}
			if p.Suffix != "" {
				tokens[i] = strings.ReplaceAll(t, p.Suffix, blank)
			}
		}
		return tokens
	}, nil
}
