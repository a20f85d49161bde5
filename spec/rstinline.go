package spec

import (
	"regexp"
	"strings"
)

var (
	rstRole = regexp.MustCompile(`:([A-Za-z][\w+.:-]{0,60}):$`)
	rstLink = regexp.MustCompile(`^(?s:(.*?))\s*<([^<>]+)>$`)
)

// rstInline reads the marks inside text, in time that grows with its length only.
func rstInline(s string) (out Text) {
	var w strings.Builder
	flush := func() {
		out = append(out, Span{Text: w.String()})
		w.Reset()
	}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if s[i+1] != ' ' && s[i+1] != '\n' {
				w.WriteByte(s[i+1])
			}
			i += 2
		case strings.HasPrefix(s[i:], "``"):
			end := strings.Index(s[i+2:], "``")
			if end < 0 {
				w.WriteString(s[i:])
				i = len(s)
				break
			}
			flush()
			out = append(out, Span{Kind: Mono, Text: s[i+2 : i+2+end]})
			i += end + 4
		case c == '`':
			end := strings.IndexByte(s[i+1:], '`')
			if end < 0 {
				w.WriteString(s[i:])
				i = len(s)
				break
			}
			before, role := w.String(), ""
			if strings.HasSuffix(before, ":") {
				if m := rstRole.FindStringSubmatch(before[max(0, len(before)-64):]); m != nil {
					role = m[1]
					before = before[:len(before)-len(m[0])]
				}
			}
			w.Reset()
			w.WriteString(before)
			flush()
			out = append(out, rstInterpreted(role, s[i+1:i+1+end]))
			i += end + 2
			for i < len(s) && s[i] == '_' {
				i++
			}
		case c == '*':
			i++ // emphasis is not kept
			if i < len(s) && s[i] == ' ' {
				w.WriteByte('*')
			}
		default:
			n := 1
			for i+n < len(s) && s[i+n] != '\\' && s[i+n] != '`' && s[i+n] != '*' {
				n++
			}
			w.WriteString(s[i : i+n])
			i += n
		}
	}
	flush()
	return out.clean()
}

func rstInterpreted(role, text string) Span {
	switch role {
	case "math":
		return Span{Kind: Math, Text: text}
	case "sub", "subscript":
		return Span{Kind: Sub, Text: text}
	case "sup", "superscript":
		return Span{Kind: Sup, Text: text}
	case "code", "literal":
		return Span{Kind: Mono, Text: text}
	}
	if !strings.HasSuffix(text, ">") {
		return Span{Text: text}
	}
	if m := rstLink.FindStringSubmatch(text); m != nil {
		return Span{Kind: Link, Text: orElse(m[1], m[2]), Target: m[2]}
	}
	return Span{Text: text}
}
