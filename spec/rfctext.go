package spec

import (
	"regexp"
	"strings"
)

var (
	rfcFooter  = regexp.MustCompile(`\[Page \d+\]$`)
	rfcHeader  = regexp.MustCompile(`^(?:RFC \d+|Internet-Draft) .*\d{4}$`)
	rfcSection = regexp.MustCompile(`^(?:\d{1,3}\.(?:\d{1,3}\.?)*|[A-Z]\.(?:\d{1,3}\.?)*|Appendix [A-Z][.:]?) +\S`)
	rfcMark    = regexp.MustCompile(`(?m)^(?:RFC \d+ |Request for Comments: |Internet-Draft|Network Working Group|Internet Engineering Task Force)`)
	rfcBullet  = regexp.MustCompile(`^ +(?:o|\*|-|•) +(\S)`)
	rfcDrawing = regexp.MustCompile(`\S {3,}\S|[+|]-|-[+|]|^ *[A-Za-z][\w-]* += |^ *\||[-=]{4,}|[{}];?$`)
)

// readText reads an RFC where text looks like one, else paragraphs alone.
func readText(t *tree, data []byte) error {
	isRFC := rfcMark.Match(data[:min(len(data), 4096)])
	lines := strings.Split(string(data), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(untab(lines[i]), " ")
	}
	if isRFC {
		lines = unpaged(lines)
	}
	for i := 0; i < len(lines); {
		n := untilEmpty(lines[i:])
		if n == 0 {
			i++
			continue
		}
		textBlock(t, lines[i:i+n], isRFC)
		i += n
	}
	return t.err
}

// unpaged drops the feet and heads of pages and joins what they cut.
func unpaged(lines []string) (out []string) {
	cut := false
	for _, l := range lines {
		bare := strings.TrimLeft(l, "\f")
		switch {
		case rfcFooter.MatchString(bare):
			for len(out) > 0 && out[len(out)-1] == "" {
				out = out[:len(out)-1]
			}
			cut = true
			continue
		case cut && (bare == "" || rfcHeader.MatchString(bare)):
			continue
		case cut:
			before := ""
			if len(out) > 0 {
				before = out[len(out)-1]
			}
			word := strings.TrimLeft(bare, " ")
			if !(word[0] >= 'a' && word[0] <= 'z' && !strings.HasSuffix(before, ".") && indentOf(bare) == indentOf(before)) {
				out = append(out, "")
			}
		}
		cut = false
		out = append(out, bare)
	}
	return out
}

func textBlock(t *tree, lines []string, isRFC bool) {
	text := strings.Join(lines, "\n")
	if !isRFC {
		t.add(paragraph(Str(text))...)
		return
	}
	drawn := 0
	for _, l := range lines {
		if rfcDrawing.MatchString(l) {
			drawn++
		}
	}
	first := lines[0]
	switch {
	case indentOf(first) == 0 && rfcSection.MatchString(first):
		number, _, _ := strings.Cut(strings.TrimPrefix(first, "Appendix "), " ")
		t.heading(1+strings.Count(strings.Trim(number, ".:"), "."), Str(text), "")
	case indentOf(first) == 0 && len(lines) == 1 && !strings.HasSuffix(first, "."):
		t.heading(1, Str(first), "")
	case rfcBullet.MatchString(first):
		t.add(&List{Items: []Item{{Blocks: paragraph(Str(strings.TrimLeft(first, " o*-•") + "\n" + strings.Join(lines[1:], "\n")))}}})
	case drawn*2 >= len(lines) && !bibliographyEntry.MatchString(strings.TrimSpace(first)):
		t.add(code("", text, nil)...)
	default:
		t.add(paragraph(Str(text))...)
	}
}
