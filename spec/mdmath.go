package spec

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Mathematics in Markdown: $...$ inside text, and $$...$$ that begins a line and
// ends one.

var (
	mathKind    = ast.NewNodeKind("Math")
	displayKind = ast.NewNodeKind("Display")
)

// mathNode is $...$.
type mathNode struct {
	ast.BaseInline
	latex string
}

func (*mathNode) Kind() ast.NodeKind          { return mathKind }
func (n *mathNode) Dump(src []byte, lvl int)  { ast.DumpHelper(n, src, lvl, nil, nil) }
func (*displayNode) Kind() ast.NodeKind       { return displayKind }
func (n *displayNode) Dump(s []byte, lvl int) { ast.DumpHelper(n, s, lvl, nil, nil) }
func (*displayNode) IsRaw() bool              { return true }

// displayNode is a block $$...$$. What stands after it on its last line, such as its
// number, is kept.
type displayNode struct {
	ast.BaseBlock
	after  string
	closed bool
}

// mathExtension adds both to a goldmark parser.
func mathExtension() []parser.Option {
	return []parser.Option{
		parser.WithInlineParsers(util.Prioritized(mathInline{}, 150)),
		parser.WithBlockParsers(util.Prioritized(mathBlock{}, 650)),
	}
}

type mathInline struct{}

// noMath is the key of how far a line was searched for a closing dollar sign in
// vain, so that a line of dollar signs takes one search.
var noMath = parser.NewContextKey()

func (mathInline) Trigger() []byte { return []byte{'$'} }

func (mathInline) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, seg := block.PeekLine()
	fence := []byte("$")
	if bytes.HasPrefix(line, []byte("$$")) {
		fence = []byte("$$")
	}
	if stop, ok := pc.Get(noMath).(int); ok && stop == seg.Stop {
		return nil
	}
	n := len(fence)
	end := closingDollar(line[n:], fence)
	if end < 0 {
		pc.Set(noMath, seg.Stop)
		return nil
	}
	inside := line[n : n+end]
	trimmed := bytes.TrimSpace(inside)
	if len(trimmed) == 0 || n == 1 && len(trimmed) != len(inside) {
		return nil
	}
	block.Advance(end + 2*n)
	return &mathNode{latex: string(trimmed)}
}

// closingDollar is where the fence stands that closes mathematics, or -1: a pair of
// a backslash and another character is passed over.
func closingDollar(line, fence []byte) int {
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\':
			i++
		case line[i] == '$' && bytes.HasPrefix(line[i:], fence):
			return i
		}
	}
	return -1
}

type mathBlock struct{}

func (mathBlock) Trigger() []byte             { return []byte{'$'} }
func (mathBlock) CanInterruptParagraph() bool { return true }
func (mathBlock) CanAcceptIndentedLine() bool { return false }

func (mathBlock) Open(_ ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, seg := reader.PeekLine()
	pos := pc.BlockOffset()
	if pos < 0 || !bytes.HasPrefix(line[pos:], []byte("$$")) {
		return nil, parser.NoChildren
	}
	n := &displayNode{}
	begin := pos + 2
	if end := closingDollar(line[begin:], []byte("$$")); end >= 0 {
		after := bytes.TrimSpace(line[begin+end+2:])
		if len(after) > 0 && !equationNumber.Match(bytes.Trim(after, "()")) {
			return nil, parser.NoChildren // a sentence that begins with mathematics
		}
		n.after, n.closed = string(after), true
		n.Lines().Append(text.NewSegment(seg.Start+begin, seg.Start+begin+end))
	} else {
		n.Lines().Append(text.NewSegment(seg.Start+begin, seg.Stop))
	}
	reader.AdvanceToEOL()
	return n, parser.NoChildren
}

func (mathBlock) Continue(node ast.Node, reader text.Reader, _ parser.Context) parser.State {
	n := node.(*displayNode)
	line, seg := reader.PeekLine()
	if n.closed || line == nil {
		return parser.Close
	}
	if end := closingDollar(line, []byte("$$")); end >= 0 {
		n.after, n.closed = string(bytes.TrimSpace(line[end+2:])), true
		n.Lines().Append(text.NewSegment(seg.Start, seg.Start+end))
	} else {
		n.Lines().Append(seg)
	}
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

func (mathBlock) Close(ast.Node, text.Reader, parser.Context) {}
