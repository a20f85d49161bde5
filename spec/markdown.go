package spec

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/comlam/comlam/internal/bounded"
)

// Markdown as CommonMark has it, with tables, lists of definitions, mathematics
// between dollar signs and, from kramdown, attributes in braces below a block. A
// quote that begins with [!LABEL] is a note. A file with the line "--- middle" is an
// RFC: its sections have the numbers that the published RFC gives them.

// A mdReader turns goldmark's nodes into blocks.
type mdReader struct {
	t        *tree
	src      []byte
	before   int // lines of the file before src
	rfc      *rfcMarkdown
	equation string // the number that a comment gave the equation that follows
	recent   Block  // what was made last, which attributes speak about
	spans    Text   // room for those of one block
}

// markdownParser is one for all documents: what it knows of one is in its context.
var markdownParser = sync.OnceValue(newMarkdownParser)

func newMarkdownParser() parser.Parser {
	p := parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(boundedInline()...),
		parser.WithParagraphTransformers(util.Prioritized(boundedDefinitions{}, 100)),
		parser.WithHeadingAttribute(),
	)
	p.AddOptions(
		parser.WithParagraphTransformers(util.Prioritized(extension.NewTableParagraphTransformer(), 200)),
		parser.WithASTTransformers(util.Prioritized(extension.NewTableASTTransformer(), 0)),
		parser.WithBlockParsers(
			util.Prioritized(extension.NewDefinitionListParser(), 101),
			util.Prioritized(extension.NewDefinitionDescriptionParser(), 102)),
	)
	p.AddOptions(mathExtension()...)
	return p
}

func readMarkdown(t *tree, data []byte) error {
	body, err := frontMatter(t.doc, data)
	if err != nil {
		return err
	}
	if mayHaveMiddle(body) && rfcMiddle.Match(body) {
		return readRFCMarkdown(t, body)
	}
	r := &mdReader{t: t, src: body}
	return r.read()
}

// mayHaveMiddle spares most documents the regular expression.
func mayHaveMiddle(body []byte) bool {
	return bytes.Contains(body, []byte("--- middle")) || bytes.Contains(body, []byte("---middle"))
}

// read parses src into the tree.
func (r *mdReader) read() error {
	if err := r.shallow(); err != nil {
		return err
	}
	context := parser.NewContext()
	root := markdownParser().Parse(text.NewReader(r.src), parser.WithContext(context))
	r.spent(spentOf(context))
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			r.heading(h)
			continue
		}
		if err := r.block(n, 1, r.t.add); err != nil {
			return err
		}
	}
	return r.t.err
}

// shallow refuses lines that open more blocks inside each other than are allowed,
// before a parser recurses into them.
func (r *mdReader) shallow() error {
	offset := 0
	for line := range bytes.Lines(r.src) {
		if err := r.t.lim.depth("quotes and lists", marksBefore(line)); err != nil {
			return at(r.lineOf(offset), err)
		}
		offset += len(line)
	}
	return nil
}

// marksBefore counts what opens blocks inside each other at the beginning of a line:
// "> ", "- ", "12. ".
func marksBefore(line []byte) (marks int) {
	blank := func(i int) bool { return i < len(line) && (line[i] == ' ' || line[i] == '\t') }
	for i := 0; i < len(line); marks++ {
		for blank(i) {
			i++
		}
		digits := i
		for digits < len(line) && digits < i+9 && line[digits] >= '0' && line[digits] <= '9' {
			digits++
		}
		switch {
		case i == len(line):
			return marks
		case line[i] == '>':
			i++
		case bytes.IndexByte([]byte("-+*"), line[i]) >= 0 && blank(i+1):
			i += 2
		case digits > i && digits < len(line) && (line[digits] == '.' || line[digits] == ')') && blank(digits+1):
			i = digits + 2
		default:
			return marks
		}
	}
	return marks
}

// lineOf names the line of a byte.
func (r *mdReader) lineOf(offset int) string {
	return fmt.Sprintf("line %d", 1+r.before+bytes.Count(r.src[:min(offset, len(r.src))], []byte("\n")))
}

// A sink takes blocks.
type sink func(...Block)

func (r *mdReader) heading(h *ast.Heading) {
	anchor, level := "", h.Level
	if v, ok := h.AttributeString("id"); ok {
		if b, ok := v.([]byte); ok {
			anchor = string(b)
		}
	}
	if v, ok := h.AttributeString("level"); ok {
		if f, ok := v.(float64); ok && f >= 1 && f <= float64(r.t.lim.Depth) {
			level = int(f)
		}
	}
	title := r.inline(h)
	r.recent = nil
	if r.rfc != nil {
		r.rfc.heading(r, h, level, title, anchor)
		return
	}
	r.t.heading(level, title, anchor)
}

// blocks converts the children of a node.
func (r *mdReader) blocks(parent ast.Node, depth int) (out []Block, err error) {
	if err := r.t.lim.depth("quotes and lists", depth); err != nil {
		return nil, at("below "+r.place(parent), err)
	}
	add := func(b ...Block) { r.t.room(int64(len(b))); out = append(out, b...) }
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if err := r.block(n, depth, add); err != nil {
			return nil, err
		}
	}
	return out, r.t.err
}

// place names the line of a node that has lines, or of its first child.
func (r *mdReader) place(n ast.Node) string {
	for n != nil && n.Type() != ast.TypeInline {
		if n.Lines() != nil && n.Lines().Len() > 0 {
			return r.lineOf(n.Lines().At(0).Start)
		}
		n = n.FirstChild()
	}
	return "the first line"
}

// block converts one block. Headings inside lists and quotes are paragraphs: they
// begin no clause.
func (r *mdReader) block(n ast.Node, depth int, add sink) error {
	number := r.equation
	r.equation = ""
	keep := add
	add = func(b ...Block) {
		if len(b) > 0 {
			r.recent = b[len(b)-1]
		}
		keep(b...)
	}
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock, *ast.Heading:
		r.paragraph(n, add)
	case *displayNode:
		add(equation(lines(n, r.src), orElse(number, n.after))...)
	case *ast.FencedCodeBlock:
		add(code(string(n.Language(r.src)), lines(n, r.src), nil)...)
	case *ast.CodeBlock:
		add(code("", lines(n, r.src), nil)...)
	case *ast.HTMLBlock:
		return r.html(n, depth, add)
	case *ast.List:
		return r.list(n, depth, add)
	case *extast.DefinitionList:
		return r.definitions(n, depth, add)
	case *ast.Blockquote:
		return r.quote(n, depth, add)
	case *extast.Table:
		return r.table(n, add)
	}
	return nil // lines across the page, definitions of links
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// lines is the raw text of a block.
func lines(n ast.Node, src []byte) string {
	var w strings.Builder
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		w.Write(seg.Value(src))
	}
	return w.String()
}

// attributes match a line of kramdown's attributes.
var attributes = regexp.MustCompile(`(?:^|\n)[ \t]*\{:([^{}\n]*)\}[ \t]*\n?$`)

// attributesOf is the match of the attributes at the end of a text. Most have none, so
// it looks for their mark first.
func attributesOf(text string) []string {
	if !strings.Contains(text, "{:") {
		return nil
	}
	return attributes.FindStringSubmatch(text)
}

func (r *mdReader) paragraph(n ast.Node, add sink) {
	content := r.inline(n)
	if m := attributesOf(lines(n, r.src)); m != nil {
		r.attributed(m[1])
		if content = beforeAttributes(content); len(content) == 0 {
			return
		}
	}
	if f, ok := soleImage(n); ok {
		add(figure(r.inline(f), string(f.Destination))...)
		return
	}
	add(cleanParagraph(content)...)
}

// beforeAttributes drops the attributes at the end of a paragraph.
func beforeAttributes(t Text) Text {
	for len(t) > 0 {
		s := &t[len(t)-1]
		if i := strings.LastIndex(s.Text, "{:"); s.Kind == Plain && i >= 0 {
			s.Text = s.Text[:i]
			return t.clean()
		}
		t = t[:len(t)-1]
	}
	return nil
}

func soleImage(n ast.Node) (*ast.Image, bool) {
	f, ok := n.FirstChild().(*ast.Image)
	return f, ok && f.NextSibling() == nil
}

var attributeTitle = regexp.MustCompile(`title="((?:[^"\\]|\\.)*)"`)

// attributed gives the block before what its attributes say: a title, the name that
// references use.
func (r *mdReader) attributed(list string) {
	if r.rfc != nil {
		r.rfc.attributed(r, list)
	}
	m := attributeTitle.FindStringSubmatch(list)
	if m == nil {
		return
	}
	title := inlineMarkdown(strings.ReplaceAll(m[1], `\"`, `"`))
	switch b := r.recent.(type) {
	case *Code:
		b.Caption = title
	case *Table:
		b.Caption = title
	}
}

// inlineMarkdown reads a line of Markdown.
func inlineMarkdown(s string) Text {
	r := &mdReader{t: newTree(&Document{}, DefaultLimits), src: []byte(s)}
	root := markdownParser().Parse(text.NewReader(r.src))
	if n := root.FirstChild(); n != nil && n.NextSibling() == nil && n.Kind() == ast.KindParagraph {
		return oneLine(r.inline(n)).clean()
	}
	return Str(s)
}

func (r *mdReader) list(n *ast.List, depth int, add sink) error {
	l := &List{Ordered: n.IsOrdered()}
	if l.Ordered {
		l.Start = listStart(n.Start)
	}
	for it := n.FirstChild(); it != nil; it = it.NextSibling() {
		blocks, err := r.blocks(it, depth+1)
		if err != nil {
			return err
		}
		l.Items = append(l.Items, Item{Blocks: blocks})
	}
	add(l)
	return nil
}

// listStart keeps the number of a first item within nine digits however many follow.
func listStart(n int) int {
	if n < 0 || n > 99_999_999 {
		return 1
	}
	return n
}

func (r *mdReader) definitions(n ast.Node, depth int, add sink) error {
	l := &List{}
	var term Text
	for it := n.FirstChild(); it != nil; it = it.NextSibling() {
		if it.Kind() == extast.KindDefinitionTerm {
			if len(term) > 0 {
				term = append(term, Span{Kind: Break})
			}
			term = append(term, r.inline(it)...)
			continue
		}
		blocks, err := r.blocks(it, depth+1)
		if err != nil {
			return err
		}
		if last := len(l.Items) - 1; len(term) == 0 && last >= 0 {
			l.Items[last].Blocks = append(l.Items[last].Blocks, blocks...)
			continue
		}
		l.Items = append(l.Items, Item{term.clean(), blocks})
		term = nil
	}
	add(l)
	return nil
}

// noteMark begins a quote that is a note.
var noteMark = regexp.MustCompile(`^\[!([^\]\n]{1,60})\]$`)

func (r *mdReader) quote(n *ast.Blockquote, depth int, add sink) error {
	blocks, err := r.blocks(n, depth+1)
	if err != nil || len(blocks) == 0 {
		return err
	}
	first, ok := blocks[0].(*Paragraph)
	if !ok || first.Text[0].Kind != Plain || !bytes.HasPrefix(firstLine(n, r.src), []byte("[!")) {
		add(&Quote{blocks})
		return nil
	}
	mark, rest, _ := strings.Cut(first.Text[0].Text, "]")
	m := noteMark.FindStringSubmatch(mark + "]")
	if m == nil {
		add(&Quote{blocks})
		return nil
	}
	text := append(Text{{Text: rest}}, first.Text[1:]...).clean()
	if first.Text = trimBreaks(text); len(first.Text) == 0 {
		blocks = blocks[1:]
	}
	add(labelled(m[1], blocks)...)
	return nil
}

func trimBreaks(t Text) Text {
	for len(t) > 0 && t[0].Kind == Break {
		t = t[1:]
	}
	return t.clean()
}

func firstLine(n ast.Node, src []byte) []byte {
	if c := n.FirstChild(); c != nil && c.Lines() != nil && c.Lines().Len() > 0 {
		seg := c.Lines().At(0)
		return seg.Value(src)
	}
	return nil
}

// html reads a block of HTML: a comment may number the equation that follows.
func (r *mdReader) html(n *ast.HTMLBlock, depth int, add sink) error {
	raw := lines(n, r.src)
	if n.HasClosure() {
		raw += string(n.ClosureLine.Value(r.src))
	}
	if m := equationComment.FindStringSubmatch(raw); m != nil {
		r.equation = m[1]
		return nil
	}
	blocks, err := htmlBlocks(r.t, raw, depth)
	if err != nil {
		return at(r.place(n), err)
	}
	add(blocks...)
	return nil
}

var equationComment = regexp.MustCompile(`^\s*<!--\s*Eq(?:uation|\.)?\s*\(?([A-Za-z0-9.-]+)\)?[^\n]*-->\s*$`)

func (r *mdReader) table(n *extast.Table, add sink) error {
	t := &Table{Head: 1}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []Cell
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, Cell{Text: r.inline(c)})
		}
		t.Rows = append(t.Rows, cells)
		if err := bounded.Check("cells of the table", int64(len(t.Rows)*len(cells)), r.t.lim.Cells); err != nil {
			return at(r.place(n), err)
		}
	}
	attrs := t.takeAttributes()
	r.t.room(int64(len(t.Rows)))
	add(t)
	if attrs != "" {
		r.attributed(attrs)
	}
	return nil
}

// takeAttributes takes a last row off that is a line of attributes.
func (t *Table) takeAttributes() string {
	last := t.Rows[len(t.Rows)-1]
	if len(t.Rows) < 2 || len(last) == 0 {
		return ""
	}
	m := attributesOf(last[0].Text.String())
	if m == nil {
		return ""
	}
	t.Rows = t.Rows[:len(t.Rows)-1]
	return m[1]
}
