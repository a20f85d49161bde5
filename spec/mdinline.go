package spec

import (
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// inline converts the text below a node.
func (r *mdReader) inline(n ast.Node) Text {
	in := mdInline{src: r.src, out: r.spans[:0], table: n.Kind() == extast.KindTableCell}
	in.children(n, 0)
	r.spans = in.out
	return in.out.clean()
}

type mdInline struct {
	src    []byte
	out    Text
	raised SpanKind // inside <sub> or <sup>
	table  bool
}

// maxInline is how deep emphasis and links may stand inside each other; what is
// deeper keeps its characters.
const maxInline = 1000

func (in *mdInline) children(n ast.Node, depth int) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		in.node(c, depth)
	}
}

func (in *mdInline) put(s Span) { in.out = append(in.out, s) }

func (in *mdInline) node(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.Text:
		in.put(Span{Kind: in.raised, Text: unescape(string(n.Segment.Value(in.src)))})
		if n.HardLineBreak() {
			in.put(Span{Kind: Break})
		} else if n.SoftLineBreak() {
			in.put(Span{Text: " "})
		}
	case *ast.String:
		in.put(Span{Kind: in.raised, Text: string(n.Value)})
	case *ast.CodeSpan:
		in.put(Span{Kind: Mono, Text: rawText(n, in.src)})
	case *mathNode:
		latex := n.latex
		if in.table {
			latex = strings.ReplaceAll(latex, `\|`, `|`) // so has GitHub's Markdown
		}
		in.put(Span{Kind: Math, Text: mathText(latex)})
	case *ast.AutoLink:
		in.put(Span{Kind: Link, Text: string(n.Label(in.src)), Target: linkTarget(string(n.URL(in.src)))})
	case *ast.Link:
		in.link(n, depth)
	case *ast.RawHTML:
		in.tag(n)
	default: // emphasis, the text of a picture
		if depth < maxInline {
			in.children(n, depth+1)
		}
	}
}

// link keeps the text of a link plain, so that links do not nest.
func (in *mdInline) link(n *ast.Link, depth int) {
	inner := mdInline{src: in.src, table: in.table}
	if depth < maxInline {
		inner.children(n, depth+1)
	}
	in.put(Span{Kind: Link, Text: oneLine(inner.out).clean().String(), Target: linkTarget(unescape(string(n.Destination)))})
}

// linkTarget keeps a target on one line.
func linkTarget(s string) string { return strings.Join(strings.Fields(visible(s)), "%20") }

// tag reads the few tags that change text; others vanish, and so do comments.
func (in *mdInline) tag(n *ast.RawHTML) {
	var raw strings.Builder
	for i := range n.Segments.Len() {
		seg := n.Segments.At(i)
		raw.Write(seg.Value(in.src))
	}
	switch strings.ToLower(strings.Join(strings.Fields(raw.String()), "")) {
	case "<br>", "<br/>":
		in.put(Span{Kind: Break})
	case "<sub>":
		in.raised = Sub
	case "<sup>":
		in.raised = Sup
	case "</sub>", "</sup>":
		in.raised = Plain
	}
}

func rawText(n ast.Node, src []byte) string {
	var w strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			w.Write(c.Segment.Value(src))
			if c.SoftLineBreak() {
				w.WriteByte(' ')
			}
		case *ast.String:
			w.Write(c.Value)
		}
	}
	return w.String()
}

// unescape resolves backslashes and entities in one pass.
func unescape(s string) string {
	if !strings.ContainsAny(s, `\&`) {
		return s
	}
	var w strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && punctuation(s[i+1]):
			i++
			w.WriteByte(s[i])
		case s[i] == '&':
			end := strings.IndexByte(s[i:min(len(s), i+40)], ';')
			if end < 0 {
				w.WriteByte('&')
				continue
			}
			w.WriteString(html.UnescapeString(s[i : i+end+1]))
			i += end
		default:
			w.WriteByte(s[i])
		}
	}
	return w.String()
}

func punctuation(c byte) bool {
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
}
