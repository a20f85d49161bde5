package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A metaspace writes blanks as a visible rune, most often U+2581, and splits before it.
type metaspace struct {
	mark    string
	prepend string // always, first, never
	cut     bool
}

func readMetaspace(raw json.RawMessage) (*metaspace, error) {
	var p struct {
		Type           string
		Replacement    string
		StrRep         *string `json:"str_rep"`
		AddPrefixSpace *bool   `json:"add_prefix_space"`
		PrependScheme  *string `json:"prepend_scheme"`
		Split          *bool
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Metaspace: %w", err)
	}
	m := &metaspace{mark: p.Replacement, prepend: "always", cut: p.Split == nil || *p.Split}
	switch {
	case utf8.RuneCountInString(m.mark) != 1:
		return nil, fmt.Errorf("step Metaspace: the replacement %q is not one character", m.mark)
	case p.PrependScheme != nil:
		m.prepend = *p.PrependScheme
	case p.AddPrefixSpace != nil && !*p.AddPrefixSpace:
		m.prepend = "never"
	}
	if m.prepend != "always" && m.prepend != "first" && m.prepend != "never" {
		return nil, fmt.Errorf("step Metaspace: prepend_scheme %q is not known", m.prepend)
	}
	return m, nil
}

func (m *metaspace) split(dst []string, s string, first bool) []string {
	s = strings.ReplaceAll(s, " ", m.mark)
	if !strings.HasPrefix(s, m.mark) && (m.prepend == "always" || m.prepend == "first" && first) {
		s = m.mark + s
	}
	if !m.cut {
		return append(dst, s)
	}
	return pieces{func(s string) [][2]int { return findText(s, m.mark) }, toNext, false}.split(dst, s, first)
}

// decode writes blanks again; those of the first token were put there.
func (m *metaspace) decode(tokens []string) []string {
	for i, t := range tokens {
		blank := " "
		if i == 0 && m.prepend != "never" {
			blank = ""
		}
		tokens[i] = strings.ReplaceAll(t, m.mark, blank)
	}
	return tokens
}
