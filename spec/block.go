package spec

import (
	"regexp"
	"strings"
)

// This file makes the blocks that all readers make, so that the same thing has the
// same form whatever it was read from.

// noteLabel begins a paragraph that is a note.
var noteLabel = regexp.MustCompile(`^(NOTE(?: ?\d{1,3}[a-zA-Z]?)?|Note(?: \d{1,3})?|Editor['’]s [Nn]ote|EDITOR['’]S NOTE)(?: ?:| ?-| ?–|\.) *`)

// paragraph is a paragraph, a note where it says that it is one, or nothing where
// there is no text.
func paragraph(text Text) []Block { return cleanParagraph(text.clean()) }

// cleanParagraph is paragraph of clean text.
func cleanParagraph(text Text) []Block {
	if len(text) == 0 {
		return nil
	}
	if label, rest, ok := splitNote(text); ok {
		return []Block{&Note{label, []Block{&Paragraph{rest}}}}
	}
	return []Block{&Paragraph{text}}
}

// splitNote takes the label off a note.
func splitNote(text Text) (label string, rest Text, ok bool) {
	if len(text) == 0 || text[0].Kind != Plain {
		return "", text, false
	}
	if c := text[0].Text[:min(1, len(text[0].Text))]; c != "N" && c != "E" {
		return "", text, false // most paragraphs, without the regular expression
	}
	m := noteLabel.FindStringSubmatch(text[0].Text)
	if m == nil {
		return "", text, false
	}
	rest = append(Text{{Text: text[0].Text[len(m[0]):]}}, text[1:]...).clean()
	return strings.TrimSpace(m[1]), rest, len(rest) > 0
}

// labelled is a note with the label that a reader found.
func labelled(label string, blocks []Block) []Block {
	label = strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]\\`<>*_&$", r) {
			return -1
		}
		return r
	}, Str(label).String())
	if label == "" {
		label = "note"
	}
	if len(blocks) == 0 {
		return nil
	}
	return []Block{&Note{label, blocks}}
}

// code is a block of code, or of ASN.1 where it is that.
func code(language, text string, caption Text) []Block {
	text = tidyCode(text)
	if text == "" {
		return nil
	}
	language = languageName(language)
	if isASN1(language, text) {
		return []Block{&ASN1{text}}
	}
	return []Block{&Code{Language: language, Text: text, Caption: oneLine(caption).clean()}}
}

// languageName keeps what may name a language.
func languageName(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("+-_.#/", r)) {
			return r
		}
		return -1
	}, first)
}

// tidyCode drops unseen characters, blanks at the ends of lines and empty lines at
// either end, and puts blanks for tabs.
func tidyCode(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(untab(visibleCode(l)), " ")
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

func visibleCode(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 0xa0:
			return ' '
		case r != '\t' && unwanted(r):
			return -1
		}
		return r
	}, line)
}

// untab replaces tabs; a tab leads to the next multiple of eight columns.
func untab(line string) string {
	if strings.IndexByte(line, '\t') < 0 {
		return line
	}
	var w strings.Builder
	column := 0
	for _, r := range line {
		if r != '\t' {
			w.WriteRune(r)
			column++
			continue
		}
		n := 8 - column%8
		w.WriteString("        "[:n])
		column += n
	}
	return w.String()
}

var equationNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,30}$`)

// equation is mathematics on its own, or nothing where there is none.
func equation(latex, number string) []Block {
	var lines []string
	for line := range strings.Lines(mathText(latex)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	number = strings.Trim(strings.TrimSpace(number), "()")
	if !equationNumber.MatchString(number) {
		number = ""
	}
	return []Block{&Equation{strings.Join(lines, "\n"), number}}
}

// mathText makes LaTeX that stands safely between dollar signs: no bare dollar sign
// inside, no backslash that would hide the one after it.
func mathText(s string) string {
	s = visible(s)
	if !strings.ContainsAny(s, `$\`) {
		return s
	}
	var w strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			w.WriteString(s[i : i+2])
			i++
		case s[i] == '\\':
		case s[i] == '$':
			w.WriteString(`\$`)
		default:
			w.WriteByte(s[i])
		}
	}
	return strings.TrimRight(w.String(), " \n")
}

// figure is a picture.
func figure(caption Text, source string) []Block {
	source = strings.Join(strings.Fields(visible(source)), "%20")
	if caption = oneLine(caption).clean(); len(caption) == 0 && source == "" {
		return nil
	}
	return []Block{&Figure{caption, source}}
}
