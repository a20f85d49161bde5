package spec

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// Markdown writes the document so that [Read] makes the same clauses of it.
func (d *Document) Markdown() string {
	var w mdWriter
	w.frontMatter(d)
	for _, c := range d.Clauses {
		w.clause(c, c.Level)
	}
	return w.String()
}

// Markdown writes the clause with what is below it. The heading has the level that
// it has in the document.
func (c *Clause) Markdown() string {
	var w mdWriter
	w.clause(c, c.Level)
	return w.String()
}

type mdWriter struct{ strings.Builder }

func (w *mdWriter) frontMatter(d *Document) {
	var lines []string
	for _, f := range []struct{ key, value string }{
		{"title", d.Title}, {"spec", d.Number}, {"release", d.Release}, {"date", d.Date}, {"license", d.License},
	} {
		if f.value != "" {
			lines = append(lines, fmt.Sprintf("%s: %s\n", f.key, yamlQuote(f.value)))
		}
	}
	if len(d.References) > 0 {
		lines = append(lines, "informative:\n")
	}
	for _, r := range d.References {
		lines = append(lines, fmt.Sprintf("  %s:\n    title: %s\n", yamlQuote(r.Key), yamlQuote(r.Text)))
	}
	if len(lines) > 0 {
		w.WriteString("---\n" + strings.Join(lines, "") + "---\n\n")
	}
}

// yamlQuote writes a string in YAML's single quotes.
func yamlQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (w *mdWriter) clause(c *Clause, level int) {
	if title := heading(c.Number, c.Title); len(title) > 0 {
		w.WriteString(strings.Repeat("#", min(level, 6)) + " " + inlineOf(title, false))
		w.WriteString(headingAttributes(c.Anchor, level) + "\n\n")
	}
	w.WriteString(blocksOf(c.Blocks))
	for _, below := range c.Clauses {
		w.clause(below, level+1)
	}
}

// headingAttributes are the anchor and a level that six hashes do not reach.
func headingAttributes(anchor string, level int) string {
	var parts []string
	if anchor != "" {
		parts = append(parts, `id="`+anchor+`"`)
	}
	if level > 6 {
		parts = append(parts, fmt.Sprintf("level=%d", level))
	}
	if len(parts) == 0 {
		return ""
	}
	return " {" + strings.Join(parts, " ") + "}"
}

// blocksOf writes blocks with an empty line after each.
func blocksOf(blocks []Block) string {
	var w strings.Builder
	for i, b := range blocks {
		if i > 0 && sameList(blocks[i-1], b) {
			w.WriteString("<!-- -->\n\n") // or the two would be one
		}
		w.WriteString(blockOf(b) + "\n\n")
	}
	return w.String()
}

func sameList(a, b Block) bool {
	_, first := a.(*List)
	_, second := b.(*List)
	_, quote := a.(*Quote)
	_, note := a.(*Note)
	switch b.(type) {
	case *Quote, *Note:
		return quote || note
	case *Paragraph:
		return first // of definitions, a paragraph may look like the next term
	}
	return first && second
}

func blockOf(b Block) string {
	switch b := b.(type) {
	case *Paragraph:
		return inlineOf(b.Text, false)
	case *List:
		return listOf(b)
	case *Equation:
		text := "$$\n" + b.LaTeX + "\n$$"
		if b.Number != "" {
			text = "<!-- Eq. " + b.Number + " -->\n" + text
		}
		return text
	case *Code:
		return fenced(b.Language, b.Text) + titleLine(b.Caption)
	case *ASN1:
		return fenced("asn1", b.Text)
	case *Note:
		return prefixed("> ", "> ", "[!"+b.Label+"]\n\n"+blocksOf(b.Blocks))
	case *Quote:
		return prefixed("> ", "> ", blocksOf(b.Blocks))
	case *Figure:
		return "![" + inlineOf(b.Caption, false) + "](" + destination(b.Source) + ")"
	case *Table:
		return tableOf(b)
	}
	return ""
}

func titleLine(caption Text) string {
	if len(caption) == 0 {
		return ""
	}
	return "\n{: title=\"" + strings.ReplaceAll(inlineOf(caption, false), `"`, `\"`) + "\"}"
}

var fences = regexp.MustCompile("`+")

func fenced(language, text string) string {
	fence := "```"
	for _, run := range fences.FindAllString(text, -1) {
		if len(run) >= len(fence) {
			fence = run + "`"
		}
	}
	return fence + language + "\n" + text + "\n" + fence
}

// prefixed puts first before the first line and next before the others.
func prefixed(first, next, text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		switch {
		case i == 0:
			l = first + l
		case l != "" || strings.TrimSpace(next) != "":
			l = next + l
		}
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

func listOf(l *List) string {
	var w strings.Builder
	for i, it := range l.Items {
		body := blocksOf(it.Blocks)
		switch {
		case len(it.Term) > 0:
			w.WriteString(strings.ReplaceAll(inlineOf(it.Term, false), "\\\n", "\n") + "\n" + prefixed(":   ", "    ", orElse(body, "<!-- -->")))
			w.WriteByte('\n')
		case l.Ordered:
			mark := fmt.Sprintf("%d. ", l.Start+i)
			w.WriteString(prefixed(mark, strings.Repeat(" ", len(mark)), startOf(it.Blocks)+body))
		default:
			w.WriteString(prefixed("- ", "  ", startOf(it.Blocks)+body))
		}
		w.WriteByte('\n')
	}
	return strings.TrimRight(w.String(), "\n")
}

// startOf is what an item begins with before a block that cannot stand right after
// the mark, or before none.
func startOf(blocks []Block) string {
	if len(blocks) == 0 {
		return "<!-- -->"
	}
	switch blocks[0].(type) {
	case *Paragraph:
		return ""
	}
	return "<!-- -->\n\n"
}

func tableOf(t *Table) string {
	text := htmlTable(t)
	if t.isPlain() {
		text = pipeTable(t)
		text += titleLine(t.Caption)
	}
	return text
}

// isPlain reports whether a table of pipes can hold it.
func (t *Table) isPlain() bool {
	if t.Head != 1 || len(t.Notes) > 0 || len(t.Rows[0]) == 0 {
		return false
	}
	for _, row := range t.Rows {
		if len(row) != len(t.Rows[0]) {
			return false
		}
		for _, c := range row {
			if c.Columns > 1 || c.Rows > 1 || hasPipe(c.Text) {
				return false
			}
		}
	}
	return true
}

// hasPipe reports whether code or mathematics hold a pipe, which a table of pipes
// cannot say without doubt.
func hasPipe(t Text) bool {
	for _, s := range t {
		if s.Kind != Plain && strings.Contains(s.Text+s.Target, "|") {
			return true
		}
	}
	return false
}

func pipeTable(t *Table) string {
	var w strings.Builder
	for i, row := range t.Rows {
		for _, c := range row {
			w.WriteString("| " + inlineOf(c.Text, true) + " ")
		}
		w.WriteString("|\n")
		if i == 0 {
			w.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return strings.TrimRight(w.String(), "\n")
}

func htmlTable(t *Table) string {
	var w strings.Builder
	w.WriteString("<table>\n")
	if len(t.Caption) > 0 {
		w.WriteString("<caption>" + htmlOf(t.Caption) + "</caption>\n")
	}
	for i, row := range t.Rows {
		name := "td"
		if i < t.Head {
			name = "th"
		}
		if i == 0 && t.Head > 0 {
			w.WriteString("<thead>\n")
		}
		w.WriteString("<tr>")
		for _, c := range row {
			w.WriteString("<" + name + spanOf("colspan", c.Columns) + spanOf("rowspan", c.Rows) + ">" + htmlOf(c.Text) + "</" + name + ">")
		}
		w.WriteString("</tr>\n")
		if i+1 == t.Head {
			w.WriteString("</thead>\n")
		}
	}
	if len(t.Notes) > 0 {
		w.WriteString("<tfoot>\n<tr><td>" + htmlOf(notesText(t.Notes)) + "</td></tr>\n</tfoot>\n")
	}
	return w.String() + "</table>"
}

func spanOf(name string, n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(` %s="%d"`, name, n)
}

func htmlOf(t Text) string {
	var w strings.Builder
	for _, s := range t {
		text := html.EscapeString(s.Text)
		switch s.Kind {
		case Plain:
			w.WriteString(text)
		case Math:
			w.WriteString(`<span class="math">` + text + `</span>`)
		case Mono:
			w.WriteString("<code>" + text + "</code>")
		case Link:
			w.WriteString(`<a href="` + html.EscapeString(s.Target) + `">` + text + "</a>")
		case Sub, Sup:
			w.WriteString("<" + string(s.Kind) + ">" + text + "</" + string(s.Kind) + ">")
		case Break:
			w.WriteString("<br>")
		}
	}
	return w.String()
}
