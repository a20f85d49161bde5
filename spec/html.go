package spec

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// HTML is parsed as browsers parse it. Scripts, styles, forms and navigation are
// left out; a table that holds headings or tables is layout and read as text.

func readHTML(t *tree, data []byte) error {
	root, err := html.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	r := &htmlReader{t: t, top: true, add: t.add}
	for n := range root.Descendants() {
		if n.DataAtom == atom.Title && t.doc.Title == "" {
			t.doc.Title = strings.Join(strings.Fields(visible(textOf(n))), " ")
		}
	}
	r.flow(root)
	r.flush()
	return first(r.err, t.err)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// htmlBlocks reads HTML inside another document.
func htmlBlocks(t *tree, raw string, depth int) ([]Block, error) {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(raw), body)
	if err != nil {
		return nil, err
	}
	var out []Block
	r := &htmlReader{t: t, depth: depth, add: func(b ...Block) { out = append(out, b...) }}
	for _, n := range nodes {
		r.node(n)
	}
	r.flush()
	t.room(int64(len(out)))
	return out, first(r.err, t.err)
}

// An htmlReader turns nodes into blocks. Text collects in line until a block begins
// or ends.
type htmlReader struct {
	t     *tree
	add   sink
	top   bool // headings begin clauses
	depth int
	line  Text
	style Span // of the text that is read: its kind and target
	err   error
}

func (r *htmlReader) flush() {
	text := r.line
	r.line = nil
	r.add(paragraph(text)...)
}

func (r *htmlReader) flow(n *html.Node) {
	for c := n.FirstChild; c != nil && r.err == nil; c = c.NextSibling {
		r.node(c)
	}
}

func (r *htmlReader) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		s := r.style
		s.Text = n.Data
		r.line = append(r.line, s)
	case html.ElementNode:
		if !r.inlineElement(n) {
			r.flush()
			r.blockElement(n)
			r.flush()
		}
	case html.DocumentNode:
		r.flow(n)
	}
}

// inlineElement reads an element that does not end a paragraph.
func (r *htmlReader) inlineElement(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Nav, atom.Head, atom.Iframe, atom.Svg, atom.Select, atom.Button:
		return true // not for readers
	case atom.Br:
		r.line = append(r.line, Span{Kind: Break})
	case atom.Code, atom.Tt, atom.Kbd, atom.Samp:
		r.line = append(r.line, Span{Kind: Mono, Text: textOf(n)})
	case atom.Math:
		r.mathElement(n)
	case atom.Sub:
		r.styled(n, Span{Kind: Sub})
	case atom.Sup:
		r.styled(n, Span{Kind: Sup})
	case atom.A:
		r.anchor(n)
	case atom.Img:
		if blocks := figure(Str(attr(n, "alt")), attr(n, "src")); soleChild(n) {
			r.flush()
			r.add(blocks...)
			return true
		}
		r.line = append(r.line, Span{Text: attr(n, "alt")})
	case atom.Span:
		if hasClass(n, "math") {
			return r.mathSpan(n)
		}
		r.flow(n)
	default:
		if isBlockElement[n.DataAtom] {
			return false
		}
		r.flow(n)
	}
	return true
}

var isBlockElement = map[atom.Atom]bool{
	atom.Html: true, atom.Body: true, atom.Div: true, atom.P: true, atom.Section: true, atom.Article: true, atom.Main: true,
	atom.Header: true, atom.Footer: true, atom.Aside: true, atom.Center: true, atom.Details: true, atom.Summary: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Hr: true, atom.Form: true,
	atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Pre: true, atom.Blockquote: true, atom.Table: true, atom.Figure: true,
	atom.Figcaption: true, atom.Li: true, atom.Dt: true, atom.Dd: true, atom.Address: true, atom.Fieldset: true,
	atom.Thead: true, atom.Tbody: true, atom.Tfoot: true, atom.Tr: true, atom.Td: true, atom.Th: true, atom.Caption: true,
}

func (r *htmlReader) styled(n *html.Node, s Span) {
	before := r.style
	r.style = s
	r.flow(n)
	r.style = before
}

// anchor is a link, or only a name.
func (r *htmlReader) anchor(n *html.Node) {
	target := linkTarget(attr(n, "href"))
	if target == "" || r.style.Kind == Link {
		r.flow(n)
		return
	}
	for c := range n.Descendants() {
		if isBlockElement[c.DataAtom] || c.DataAtom == atom.Img {
			r.flow(n)
			return
		}
	}
	r.line = append(r.line, Span{Kind: Link, Text: textOf(n), Target: target})
}

// mathSpan is mathematics in LaTeX as pandoc and this package write it.
func (r *htmlReader) mathSpan(n *html.Node) bool {
	latex := strings.TrimSpace(textOf(n))
	latex = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(latex, `\(`), `\)`), `\[`), `\]`)
	if hasClass(n, "display") {
		r.flush()
		r.add(equation(latex, "")...)
		return true
	}
	r.line = append(r.line, Span{Kind: Math, Text: mathText(latex)})
	return true
}

// mathElement is MathML, of which the LaTeX is taken that it brings along.
func (r *htmlReader) mathElement(n *html.Node) {
	latex := attr(n, "alttext")
	for c := range n.Descendants() {
		if c.Data == "annotation" && attr(c, "encoding") == "application/x-tex" {
			latex = textOf(c)
		}
	}
	if latex == "" {
		r.flow(n)
		return
	}
	if attr(n, "display") == "block" {
		r.flush()
		r.add(equation(latex, "")...)
		return
	}
	r.line = append(r.line, Span{Kind: Math, Text: mathText(latex)})
}

func (r *htmlReader) blockElement(n *html.Node) {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		r.heading(n)
	case atom.Ul, atom.Ol:
		r.list(n)
	case atom.Dl:
		r.definitions(n)
	case atom.Pre:
		r.add(code(language(n), textOf(n), nil)...)
	case atom.Blockquote:
		if b := r.inside(n); len(b) > 0 {
			r.add(&Quote{b})
		}
	case atom.Table:
		r.table(n)
	case atom.Figure:
		r.figure(n)
	default:
		if label := remark(n); label != "" {
			r.add(labelled(label, r.inside(n))...)
			return
		}
		r.flow(n)
	}
}

func (r *htmlReader) heading(n *html.Node) {
	text := r.flat(n)
	if !r.top {
		r.add(paragraph(text)...)
		return
	}
	name := attr(n, "id")
	for c := range n.Descendants() {
		name = orElse(name, orElse(attr(c, "id"), attr(c, "name")))
	}
	if p := n.Parent; name == "" && p != nil && (p.DataAtom == atom.Section || p.DataAtom == atom.Div) {
		name = attr(p, "id")
	}
	r.t.heading(int(n.Data[1]-'0'), text, name)
}

// inside reads the blocks below a node apart.
func (r *htmlReader) inside(n *html.Node) []Block {
	if err := r.t.lim.depth("quotes, lists and tables", r.depth+1); err != nil {
		r.err = first(r.err, at("<"+n.Data+">", err))
		return nil
	}
	var out []Block
	in := &htmlReader{t: r.t, depth: r.depth + 1, add: func(b ...Block) { out = append(out, b...) }}
	in.flow(n)
	in.flush()
	r.t.room(int64(len(out)))
	r.err = first(r.err, in.err)
	return out
}

func (r *htmlReader) list(n *html.Node) {
	l := &List{Ordered: n.DataAtom == atom.Ol}
	if l.Ordered {
		l.Start = 1
		fmt.Sscanf(attr(n, "start"), "%d", &l.Start)
		l.Start = listStart(l.Start)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Li {
			l.Items = append(l.Items, Item{Blocks: r.inside(c)})
		}
	}
	if len(l.Items) > 0 {
		r.add(l)
	}
}

func (r *htmlReader) definitions(n *html.Node) {
	l := &List{}
	var term Text
	for c := range n.Descendants() {
		if owner(c, atom.Dl) != n {
			continue
		}
		switch c.DataAtom {
		case atom.Dt:
			if len(term) > 0 {
				term = append(term, Span{Kind: Break})
			}
			term = append(term, oneLine(r.flat(c))...)
		case atom.Dd:
			l.define(term, r.inside(c))
			term = nil
		}
	}
	if term = term.clean(); len(term) > 0 {
		l.Items = append(l.Items, Item{Term: term})
	}
	if len(l.Items) > 0 {
		r.add(l)
	}
}

// define adds a definition: of a new term, or one more of the last.
func (l *List) define(term Text, blocks []Block) {
	if last := len(l.Items) - 1; len(term) == 0 && last >= 0 {
		l.Items[last].Blocks = append(l.Items[last].Blocks, blocks...)
		return
	}
	l.Items = append(l.Items, Item{term.clean(), blocks})
}

// owner is the nearest ancestor of that kind.
func owner(n *html.Node, kind atom.Atom) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.DataAtom == kind {
			return p
		}
	}
	return nil
}

func (r *htmlReader) figure(n *html.Node) {
	var caption Text
	source := ""
	for c := range n.Descendants() {
		switch c.DataAtom {
		case atom.Figcaption:
			caption = r.flat(c)
		case atom.Img:
			source = orElse(source, attr(c, "src"))
			caption = orText(caption, Str(attr(c, "alt")))
		case atom.Table, atom.Pre:
			r.flow(n)
			return
		}
	}
	r.add(figure(caption, source)...)
}

func orText(a, b Text) Text {
	if len(a) > 0 {
		return a
	}
	return b
}

// flat is the text below a node with breaks between its blocks.
func (r *htmlReader) flat(n *html.Node) Text {
	in := &htmlReader{t: r.t, depth: r.depth}
	var out Text
	in.add = func(blocks ...Block) {
		for _, b := range blocks {
			out = append(append(out, Span{Kind: Break}), flatten(b)...)
		}
	}
	in.flow(n)
	in.flush()
	r.err = first(r.err, in.err)
	return out.clean()
}

// flatten is the text of a block where only text can stand, such as in a cell.
func flatten(b Block) Text {
	switch b := b.(type) {
	case *Paragraph:
		return b.Text
	case *Equation:
		return Text{{Kind: Math, Text: b.LaTeX}}
	case *Figure:
		return b.Caption
	case *Note:
		return append(Str(b.Label+": "), append(Text{{Text: " "}}, flattenAll(b.Blocks)...)...)
	case *Code:
		return codeLines(b.Text)
	case *ASN1:
		return codeLines(b.Text)
	case *Quote:
		return flattenAll(b.Blocks)
	case *List:
		var out Text
		for _, it := range b.Items {
			out = append(append(out, Span{Kind: Break}), it.Term...)
			if len(it.Term) > 0 {
				out = append(out, Span{Text: ": "})
			}
			out = append(out, flattenAll(it.Blocks)...)
		}
		return out
	case *Table:
		return flattenTable(b)
	}
	return nil
}

func codeLines(text string) Text {
	var out Text
	for line := range strings.Lines(text) {
		out = append(out, Span{Kind: Mono, Text: strings.TrimSpace(line)}, Span{Kind: Break})
	}
	return out
}

func flattenAll(blocks []Block) Text {
	var out Text
	for i, b := range blocks {
		if i > 0 {
			out = append(out, Span{Kind: Break})
		}
		out = append(out, flatten(b)...)
	}
	return out
}

func flattenTable(t *Table) Text {
	var out Text
	for _, row := range t.Rows {
		for i, c := range row {
			if i > 0 {
				out = append(out, Span{Text: "; "})
			}
			out = append(out, c.Text...)
		}
		out = append(out, Span{Kind: Break})
	}
	return out
}

func (r *htmlReader) table(n *html.Node) {
	if isLayout(n) {
		r.flow(n)
		return
	}
	t := &Table{}
	heads := true
	for c := range n.Descendants() {
		switch {
		case owner(c, atom.Table) != n:
		case c.DataAtom == atom.Caption:
			t.Caption = oneLine(r.flat(c)).clean()
		case c.DataAtom == atom.Tr:
			cells, head := r.row(c)
			if notes, ok := footNotes(c, cells); ok {
				t.Notes = append(t.Notes, notes...)
				continue
			}
			t.Rows = append(t.Rows, cells)
			if heads = heads && head; heads {
				t.Head++
			}
		}
	}
	if err := t.settle(r.t.lim); err != nil {
		r.err = first(r.err, at("<table>", err))
		return
	}
	r.t.room(int64(len(t.Rows)))
	if len(t.Rows) > 0 {
		r.add(t)
	}
}

// footNotes are the notes of a row at the foot of a table that holds nothing else.
func footNotes(row *html.Node, cells []Cell) ([]Note, bool) {
	if row.Parent == nil || row.Parent.DataAtom != atom.Tfoot || len(cells) != 1 {
		return nil, false
	}
	return notesOf(cells[0].Text)
}

func (r *htmlReader) row(n *html.Node) (cells []Cell, head bool) {
	head = n.Parent != nil && n.Parent.DataAtom == atom.Thead
	th := true
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
			continue
		}
		th = th && c.DataAtom == atom.Th
		cells = append(cells, Cell{Text: r.flat(c), Columns: number(attr(c, "colspan")), Rows: number(attr(c, "rowspan"))})
	}
	return cells, head || th && len(cells) > 0
}

// isLayout reports whether a table arranges a page.
func isLayout(n *html.Node) bool {
	for c := range n.Descendants() {
		switch c.DataAtom {
		case atom.Table, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
			return true
		}
	}
	return false
}

func number(s string) int {
	n := 0
	fmt.Sscanf(s, "%d", &n)
	return n
}

// remark is the label of an element that is a note by its class.
func remark(n *html.Node) string {
	for _, class := range strings.Fields(attr(n, "class")) {
		switch c := strings.ToLower(class); c {
		case "note", "warning", "tip", "important", "caution", "danger":
			return c
		}
	}
	return ""
}

// language of <pre>, which it or the <code> inside names as a class.
func language(n *html.Node) string {
	for c := range n.Descendants() {
		for _, class := range strings.Fields(attr(c, "class")) {
			if l, ok := strings.CutPrefix(class, "language-"); ok {
				return l
			}
		}
	}
	for _, class := range strings.Fields(attr(n, "class")) {
		if class != "sourceCode" && class != "programlisting" && class != "screen" && class != "synopsis" && class != "literal-block" {
			return strings.TrimPrefix(class, "language-")
		}
	}
	return ""
}

func soleChild(n *html.Node) bool {
	p := n.Parent
	if p == nil || p.DataAtom != atom.P && p.DataAtom != atom.Div {
		return false
	}
	for c := p.FirstChild; c != nil; c = c.NextSibling {
		if c != n && !(c.Type == html.TextNode && strings.TrimSpace(c.Data) == "") {
			return false
		}
	}
	return true
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

func hasClass(n *html.Node, class string) bool {
	for _, c := range strings.Fields(attr(n, "class")) {
		if c == class {
			return true
		}
	}
	return false
}

// textOf is all text below a node, as it stands.
func textOf(n *html.Node) string {
	var w strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			w.WriteString(c.Data)
		} else if c.DataAtom == atom.Br {
			w.WriteByte('\n')
		}
	}
	return w.String()
}
