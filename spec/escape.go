package spec

import (
	"regexp"
	"strings"
)

// inlineOf writes text as Markdown on one line, or on several where it has breaks
// and does not stand in a cell.
func inlineOf(t Text, cell bool) string {
	var w strings.Builder
	for i, s := range t {
		switch s.Kind {
		case Math:
			w.WriteString("$" + s.Text + "$" + apart(t[i+1:]))
		case Mono:
			w.WriteString(codeSpan(s.Text) + apart(t[i+1:]))
		case Link:
			w.WriteString("[" + escaped(s.Text) + "](" + destination(s.Target) + ")")
		case Sub, Sup:
			w.WriteString("<" + string(s.Kind) + ">" + escaped(s.Text) + "</" + string(s.Kind) + ">")
		case Break:
			if cell {
				w.WriteString("<br>")
			} else {
				w.WriteString("\\\n")
			}
		default:
			text := escaped(s.Text)
			if (i == 0 || t[i-1].Kind == Break) && !cell {
				text = escapedStart(text)
			}
			w.WriteString(text)
		}
	}
	return w.String()
}

// apart keeps two spans from joining their marks.
func apart(rest Text) string {
	if len(rest) > 0 && (rest[0].Kind == Math || rest[0].Kind == Mono) {
		return "<!-- -->"
	}
	return ""
}

var special = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `<`, `\<`, `>`, `\>`, `&`, `\&`, `$`, `\$`, `{`, `\{`, `|`, `\|`, `~`, `\~`,
)

// escaped hides what Markdown would read as marks.
func escaped(s string) string { return special.Replace(s) }

// lineStart matches marks that count at the beginning of a line only.
var lineStart = regexp.MustCompile(`^(?:[#+=:-]|(\d{1,9})[.)](?: |$))`)

func escapedStart(s string) string {
	m := lineStart.FindStringSubmatchIndex(s)
	switch {
	case m == nil:
		return s
	case m[2] >= 0:
		return s[:m[3]] + `\` + s[m[3]:]
	}
	return `\` + s
}

func codeSpan(s string) string {
	fence := "`"
	for _, run := range fences.FindAllString(s, -1) {
		if len(run) >= len(fence) {
			fence = run + "`"
		}
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// destination writes where a link leads.
func destination(s string) string {
	return "<" + strings.NewReplacer(`\`, `\\`, `<`, `\<`, `>`, `\>`, `&`, `\&`).Replace(s) + ">"
}
