package spec

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// The Markdown in which RFCs are written (kramdown-rfc): "--- abstract", "--- middle"
// and "--- back" divide the file, sections of the middle are numbered 1, 1.1, those
// of the back A, A.1, and {{name}} refers to a section, figure, table or document.

var (
	rfcPart   = regexp.MustCompile(`(?m)^--- ?(abstract|middle|back|note_\w*|fluff)[ \t]*$`)
	rfcMiddle = regexp.MustCompile(`(?m)^--- ?middle[ \t]*$`)
)

// rfcMarkdown is what such a file needs besides.
type rfcMarkdown struct {
	back    bool
	counts  []int             // of the sections so far, by level
	names   map[string]string // anchor -> "Section 4.1", "Figure 2"
	figures int
	tables  int
}

func readRFCMarkdown(t *tree, body []byte) error {
	rfc := &rfcMarkdown{names: map[string]string{}}
	marks := rfcPart.FindAllSubmatchIndex(body, -1)
	before, counted := 0, 0 // lines before the part, and the byte up to which they are counted
	for i, m := range marks {
		end := len(body)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		part := string(body[m[2]:m[3]])
		switch {
		case part == "middle":
		case part == "back":
			rfc.back, rfc.counts = true, nil
		default:
			t.clause(1, "", Str(partTitle(part)), "")
		}
		before += bytes.Count(body[counted:m[1]], []byte("\n"))
		counted = m[1]
		r := &mdReader{t: t, rfc: rfc, src: body[m[1]:end], before: before}
		if err := r.read(); err != nil {
			return err
		}
	}
	t.doc.resolve(rfc.names)
	return nil
}

func partTitle(part string) string {
	if name, ok := strings.CutPrefix(part, "note_"); ok {
		return strings.ReplaceAll(name, "_", " ")
	}
	return strings.ToUpper(part[:1]) + part[1:]
}

// heading numbers a section.
func (f *rfcMarkdown) heading(r *mdReader, h *ast.Heading, level int, title Text, anchor string) {
	number := ""
	if !unnumbered(h, r.src) {
		number = f.next(level)
	}
	if anchor == "" {
		anchor = slug(title.String())
	}
	r.t.clause(level, number, oneLine(title).clean(), anchor)
	f.names[anchor] = strings.TrimSpace(sectionWord(number) + " " + orElse(number, title.String()))
}

func sectionWord(number string) string {
	switch {
	case number == "":
		return ""
	case number[0] >= 'A':
		return "Appendix"
	}
	return "Section"
}

// unnumbered looks for {:numbered="false"} below the heading.
func unnumbered(h *ast.Heading, src []byte) bool {
	p, ok := h.NextSibling().(*ast.Paragraph)
	if !ok || p.Lines().Len() == 0 {
		return false
	}
	seg := p.Lines().At(0)
	line := seg.Value(src)
	return bytes.HasPrefix(line, []byte("{:")) && bytes.Contains(line, []byte(`numbered="false"`))
}

func (f *rfcMarkdown) next(level int) string {
	for len(f.counts) < level {
		f.counts = append(f.counts, 0)
	}
	f.counts = f.counts[:level]
	f.counts[level-1]++
	var parts []string
	for i, n := range f.counts {
		if i == 0 && f.back {
			parts = append(parts, letters(n))
			continue
		}
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, ".")
}

// letters counts A to Z, AA, AB.
func letters(n int) string {
	s := ""
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('A'+(n-1)%26)) + s
	}
	return orElse(s, "0")
}

var attributeName = regexp.MustCompile(`#([^\s"]+)`)

// attributed numbers the figure or table that has a name.
func (f *rfcMarkdown) attributed(r *mdReader, list string) {
	m := attributeName.FindStringSubmatch(list)
	if m == nil {
		return
	}
	switch r.recent.(type) {
	case *Table:
		f.tables++
		f.names[m[1]] = fmt.Sprintf("Table %d", f.tables)
	case *Code, *ASN1, *Figure:
		f.figures++
		f.names[m[1]] = fmt.Sprintf("Figure %d", f.figures)
	}
}

// slug is the anchor that a heading gets without one of its own.
func slug(title string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(title, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f)
	}), "-"))
}

var rfcReference = regexp.MustCompile(`\{\{[!?&]?((?:Section|Sections|Appendix|Figure|Table) [^{}\n]{1,80} of )?[!?&]?([^{}\n]{1,120})\}\}(?:\{:[^}]*\})?`)

// resolve puts names for the references of an RFC in all text of the document.
func (d *Document) resolve(names map[string]string) {
	put := func(t Text) Text {
		for i, s := range t {
			if s.Kind == Plain && strings.Contains(s.Text, "{{") {
				t[i].Text = rfcReference.ReplaceAllStringFunc(s.Text, func(m string) string {
					return resolved(rfcReference.FindStringSubmatch(m), names)
				})
			}
		}
		return t.clean()
	}
	for c := range d.All() {
		c.Title = put(c.Title)
		for b := range Blocks(c.Blocks) {
			eachText(b, put)
		}
	}
}

func resolved(m []string, names map[string]string) string {
	key, _, _ := strings.Cut(strings.TrimLeft(m[2], "!?&"), "=")
	if _, rfc, ok := strings.Cut(m[2], "="); ok {
		key = rfc
	}
	if name, ok := names[key]; ok && m[1] == "" {
		return name
	}
	return m[1] + "[" + key + "]"
}

// eachText replaces every text of a block, but for those of blocks inside it.
func eachText(b Block, f func(Text) Text) {
	switch b := b.(type) {
	case *Paragraph:
		b.Text = f(b.Text)
	case *Code:
		b.Caption = f(b.Caption)
	case *Figure:
		b.Caption = f(b.Caption)
	case *List:
		for i := range b.Items {
			b.Items[i].Term = f(b.Items[i].Term)
		}
	case *Table:
		b.Caption = f(b.Caption)
		for _, row := range b.Rows {
			for i := range row {
				row[i].Text = f(row[i].Text)
			}
		}
	}
}
