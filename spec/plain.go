package spec

import (
	"fmt"
	"strings"
)

// Text is the document as plain text: headings with their numbers, paragraphs with
// an empty line between, tables with a line for each row.
func (d *Document) Text() string {
	var w strings.Builder
	for c := range d.All() {
		c.plain(&w)
	}
	return w.String()
}

// Text is the clause alone as plain text, without the clauses below it.
func (c *Clause) Text() string {
	var w strings.Builder
	c.plain(&w)
	return w.String()
}

func (c *Clause) plain(w *strings.Builder) {
	if title := heading(c.Number, c.Title); len(title) > 0 {
		w.WriteString(title.String())
		w.WriteString("\n\n")
	}
	plainBlocks(w, c.Blocks)
}

// PlainText is the text of blocks, an empty line after each.
func PlainText(blocks []Block) string {
	var w strings.Builder
	plainBlocks(&w, blocks)
	return w.String()
}

func plainBlocks(w *strings.Builder, blocks []Block) {
	for _, b := range blocks {
		w.WriteString(plainBlock(b))
		w.WriteString("\n\n")
	}
}

func plainBlock(b Block) string {
	switch b := b.(type) {
	case *Paragraph:
		return b.Text.String()
	case *List:
		return plainList(b)
	case *Equation:
		if b.Number != "" {
			return "$$" + b.LaTeX + "$$ (" + b.Number + ")"
		}
		return "$$" + b.LaTeX + "$$"
	case *Code:
		return joined(b.Caption.String(), b.Text)
	case *ASN1:
		return b.Text
	case *Note:
		return b.Label + ": " + strings.TrimRight(PlainText(b.Blocks), "\n")
	case *Quote:
		return strings.TrimRight(PlainText(b.Blocks), "\n")
	case *Figure:
		return "[Figure: " + orElse(b.Caption.String(), b.Source) + "]"
	case *Table:
		return plainTable(b)
	}
	return ""
}

func joined(lines ...string) string {
	var out []string
	for _, l := range lines {
		if l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

func plainList(l *List) string {
	var lines []string
	for i, it := range l.Items {
		body := strings.TrimRight(PlainText(it.Blocks), "\n")
		if len(it.Blocks) == 1 || !hasSpace(it.Blocks) {
			body = strings.ReplaceAll(body, "\n\n", "\n")
		}
		mark := "- "
		switch {
		case len(it.Term) > 0:
			mark = it.Term.String() + ": "
		case l.Ordered:
			mark = fmt.Sprintf("%d. ", l.Start+i)
		}
		lines = append(lines, mark+indented(body))
	}
	return strings.Join(lines, "\n")
}

// hasSpace reports whether blocks need empty lines between them: those with lines of
// their own do.
func hasSpace(blocks []Block) bool {
	for _, b := range blocks {
		switch b.(type) {
		case *Paragraph, *List:
		default:
			return true
		}
	}
	return false
}

func indented(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

func plainTable(t *Table) string {
	lines := []string{t.Caption.String()}
	for _, row := range t.Grid() {
		var cells []string
		for _, c := range row {
			cells = append(cells, strings.ReplaceAll(c.String(), "\n", " "))
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	for _, n := range t.Notes {
		lines = append(lines, plainBlock(&n))
	}
	return joined(lines...)
}
