package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// readNormalizer reads a normalizer; nil changes nothing.
func readNormalizer(raw json.RawMessage) (normalizer, error) {
	if isNull(raw) {
		return nil, nil
	}
	parts, err := flatten(raw, "normalizers", 0)
	if err != nil {
		return nil, err
	}
	var steps []normalizer
	for _, p := range parts {
		n, err := readOneNormalizer(p)
		if err != nil {
			return nil, err
		}
		steps = append(steps, n)
	}
	switch len(steps) {
	case 0:
		return nil, nil
	case 1:
		return steps[0], nil
	}
	return func(s string, begins bool) string {
		for _, n := range steps {
			s = n(s, begins)
		}
		return s
	}, nil
}

// plainNormalizer makes a normalizer of a function that does the same everywhere.
func plainNormalizer(f func(string) string) normalizer {
	return func(s string, _ bool) string { return f(s) }
}

var forms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

func readOneNormalizer(raw json.RawMessage) (normalizer, error) {
	kind, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	if form, ok := forms[kind]; ok {
		return plainNormalizer(form.String), onlyType(kind, raw)
	}
	switch kind {
	case "Lowercase":
		return plainNormalizer(lower), onlyType(kind, raw)
	case "StripAccents":
		return plainNormalizer(func(s string) string { return dropRunes(s, func(r rune) bool { return unicode.Is(unicode.M, r) }) }), onlyType(kind, raw)
	case "Nmt":
		return plainNormalizer(nmt), onlyType(kind, raw)
	case "ByteLevel":
		return plainNormalizer(toAlphabet), onlyType(kind, raw)
	case "Strip":
		return readStrip(raw)
	case "Replace":
		replace, err := readReplace(raw)
		return plainNormalizer(replace), err
	case "Prepend":
		return readPrepend(raw)
	case "BertNormalizer":
		return readBertNormalizer(raw)
	case "Precompiled":
		return readPrecompiled(raw)
	}
	return nil, fmt.Errorf("type %q is not known", kind)
}

// onlyType refuses a part that says more than its type.
func onlyType(kind string, raw json.RawMessage) error {
	var p struct{ Type string }
	if err := strict(raw, &p); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// lower maps every rune by itself, so that no final sigma depends on what is around.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c >= 'A' && c <= 'Z' {
			return s[:i] + lowerRunes(s[i:])
		}
	}
	return s
}

func lowerRunes(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	eachRune(s, func(r rune, text string) {
		switch {
		case r < 0: // no UTF-8
			b.WriteString(text)
		case r == 'İ': // the one rune whose lower case is two
			b.WriteString("i̇")
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	})
	return b.String()
}

// eachRune calls f for each rune with its bytes; the rune is -1 for a byte that is no
// UTF-8, which comes by itself.
func eachRune(s string, f func(r rune, text string)) {
	for i := 0; i < len(s); {
		r, n := decodeRune(s[i:])
		f(r, s[i:i+n])
		i += n
	}
}

func dropRunes(s string, drop func(rune) bool) string {
	if !strings.ContainsFunc(s, drop) {
		return s
	}
	var b strings.Builder
	eachRune(s, func(r rune, text string) {
		if r < 0 || !drop(r) {
			b.WriteString(text)
		}
	})
	return b.String()
}

// nmt is the cleaning of Google's NMT systems.
func nmt(s string) string {
	var b strings.Builder
	eachRune(s, func(r rune, text string) {
		switch {
		case r >= 0x01 && r <= 0x08, r == 0x0B, r >= 0x0E && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		case r == 0x09, r == 0x0A, r == 0x0C, r == 0x0D, r == 0x1680, r >= 0x200B && r <= 0x200F, r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == 0xFFFD:
			b.WriteByte(' ')
		default:
			b.WriteString(text)
		}
	})
	return b.String()
}

func readStrip(raw json.RawMessage) (normalizer, error) {
	var p struct {
		Type  string
		Left  bool `json:"strip_left"`
		Right bool `json:"strip_right"`
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Strip: %w", err)
	}
	return plainNormalizer(func(s string) string {
		if p.Left {
			s = strings.TrimLeftFunc(s, isWhite)
		}
		if p.Right {
			s = strings.TrimRightFunc(s, isWhite)
		}
		return s
	}), nil
}

// readReplace reads a Replace of a normalizer or decoder.
func readReplace(raw json.RawMessage) (func(string) string, error) {
	var p struct {
		Type    string
		Pattern patternSpec
		Content string
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Replace: %w", err)
	}
	if p.Pattern.String != nil {
		old := *p.Pattern.String
		if old == "" {
			return func(s string) string { return s }, nil
		}
		return func(s string) string { return strings.ReplaceAll(s, old, p.Content) }, nil
	}
	find, err := p.Pattern.finder()
	if err != nil {
		return nil, fmt.Errorf("step Replace: %w", err)
	}
	return func(s string) string {
		var b strings.Builder
		at := 0
		for _, m := range find(s) {
			b.WriteString(s[at:m[0]])
			b.WriteString(p.Content)
			at = m[1]
		}
		if at == 0 {
			return s
		}
		b.WriteString(s[at:])
		return b.String()
	}, nil
}

func readPrepend(raw json.RawMessage) (normalizer, error) {
	var p struct{ Type, Prepend string }
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Prepend: %w", err)
	}
	return func(s string, begins bool) string {
		if s == "" || !begins {
			return s
		}
		return p.Prepend + s
	}, nil
}

func readBertNormalizer(raw json.RawMessage) (normalizer, error) {
	p := struct {
		Type         string
		CleanText    bool  `json:"clean_text"`
		Chinese      bool  `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"`
		Lowercase    bool
	}{}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step BertNormalizer: %w", err)
	}
	accents := p.Lowercase
	if p.StripAccents != nil {
		accents = *p.StripAccents
	}
	return plainNormalizer(func(s string) string {
		if p.CleanText {
			s = cleanText(s)
		}
		if p.Chinese {
			s = spaceChinese(s)
		}
		if accents {
			s = dropRunes(norm.NFD.String(s), func(r rune) bool { return unicode.Is(unicode.Mn, r) })
		}
		if p.Lowercase {
			s = lower(s)
		}
		return s
	}), nil
}

// cleanText drops control characters and makes white space blanks.
func cleanText(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	eachRune(s, func(r rune, text string) {
		switch {
		case r < 0, r == 0, r == 0xFFFD:
		case r == '\t', r == '\n', r == '\r':
			b.WriteByte(' ')
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
		case isWhite(r):
			b.WriteByte(' ')
		default:
			b.WriteString(text)
		}
	})
	return b.String()
}

// spaceChinese puts blanks around CJK ideographs.
func spaceChinese(s string) string {
	if !strings.ContainsFunc(s, isChinese) {
		return s
	}
	var b strings.Builder
	eachRune(s, func(r rune, text string) {
		if isChinese(r) {
			b.WriteByte(' ')
			b.WriteString(text)
			b.WriteByte(' ')
		} else {
			b.WriteString(text)
		}
	})
	return b.String()
}

func isChinese(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF || r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}
