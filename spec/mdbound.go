package spec

import (
	"bytes"
	"fmt"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The Markdown library looks ahead at each bracket and back at each star, which on
// text made for it takes time with the square of a paragraph's length. Here each
// paragraph has so much work; where it is used up, the marks that follow in the
// paragraph are plain text, as marks without a partner are, and a remark says so.

const (
	maxEmphasis    = 1000     // runs of * and _ in one paragraph
	maxDefinitions = 1000     // lines of a paragraph that defines links
	linkWork       = 64       // bytes looked at for each byte of a paragraph
	linkWorkLeast  = 64 << 10 // and for the shortest
)

// boundedInline are goldmark's parsers of what stands inside paragraphs.
func boundedInline() []util.PrioritizedValue {
	return []util.PrioritizedValue{
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(boundedLinks{parser.NewLinkParser()}, 200),
		util.Prioritized(parser.NewAutoLinkParser(), 300),
		util.Prioritized(parser.NewRawHTMLParser(), 400),
		util.Prioritized(boundedEmphasis{parser.NewEmphasisParser()}, 500),
	}
}

// mdSpent is what a document has used up, kept in the parser's context.
type mdSpent struct{ emphasis, links, definitions mdOver }

// mdOver is where work first was more than a paragraph has, and in how many.
type mdOver struct{ first, paragraphs int }

func (o *mdOver) note(offset int) {
	if o.paragraphs == 0 {
		o.first = offset
	}
	o.paragraphs++
}

var spentKey = parser.NewContextKey()

func spentOf(pc parser.Context) *mdSpent {
	return pc.ComputeIfAbsent(spentKey, func() any { return new(mdSpent) }).(*mdSpent)
}

// spent makes remarks of what was too much.
func (r *mdReader) spent(s *mdSpent) {
	for _, x := range []struct {
		over mdOver
		what string
	}{
		{s.emphasis, fmt.Sprintf("more than %d runs of * and _", maxEmphasis)},
		{s.links, "brackets and parentheses without a partner that take too long to search"},
		{s.definitions, fmt.Sprintf("more than %d lines that begin with a definition of a link", maxDefinitions)},
	} {
		if x.over.paragraphs > 0 {
			r.t.remark(r.lineOf(x.over.first), "a paragraph has %s; those that follow in it are plain text%s", x.what, others(x.over.paragraphs-1))
		}
	}
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and so it is in %d more", n)
}

var (
	emphasisKey = parser.NewContextKey() // int: runs in the paragraph so far
	linksKey    = parser.NewContextKey() // *linkState of the paragraph
)

type boundedEmphasis struct{ parser.InlineParser }

func (b boundedEmphasis) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	runs, _ := pc.Get(emphasisKey).(int)
	pc.Set(emphasisKey, runs+1)
	if runs >= maxEmphasis {
		if runs == maxEmphasis {
			_, seg := block.PeekLine()
			spentOf(pc).emphasis.note(seg.Start)
		}
		return nil
	}
	return b.InlineParser.Parse(parent, block, pc)
}

func (boundedEmphasis) CloseBlock(_ ast.Node, _ text.Reader, pc parser.Context) {
	pc.Set(emphasisKey, nil)
}

// A linkState is what the links of one paragraph have cost.
type linkState struct {
	open []int // where the brackets begin that are still open
	work int   // bytes looked at so far
	most int
	end  int // of the paragraph
	told bool
}

type boundedLinks struct{ parser.InlineParser }

func (b boundedLinks) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s, _ := pc.Get(linksKey).(*linkState)
	if s == nil {
		s = newLinkState(parent)
		pc.Set(linksKey, s)
	}
	line, seg := block.PeekLine()
	if s.work > s.most {
		if !s.told {
			spentOf(pc).links.note(seg.Start)
		}
		s.told = true
		return nil
	}
	n := b.InlineParser.Parse(parent, block, pc)
	switch {
	case line[0] != ']' && n != nil:
		s.open = append(s.open, seg.Start)
	case line[0] == ']' && len(s.open) > 0:
		last := len(s.open) - 1
		s.work += seg.Start - s.open[last]
		s.open = s.open[:last]
		if n == nil && len(line) > 1 && line[1] == '(' {
			s.work += s.end - seg.Start // the address or title was sought to the end
		} else if n == nil {
			s.work += len(line)
		}
	}
	return n
}

func newLinkState(parent ast.Node) *linkState {
	s := &linkState{most: linkWorkLeast}
	if l := parent.Lines(); l != nil && l.Len() > 0 {
		s.end = l.At(l.Len() - 1).Stop
		s.most += linkWork * (s.end - l.At(0).Start)
	}
	return s
}

func (b boundedLinks) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	pc.Set(linksKey, nil)
	if c, ok := b.InlineParser.(parser.CloseBlocker); ok {
		c.CloseBlock(parent, block, pc)
	}
}

// boundedDefinitions takes definitions of links off the beginning of paragraphs of at
// most maxDefinitions lines; a longer one stays a paragraph.
type boundedDefinitions struct{}

func (boundedDefinitions) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	first := node.Lines().At(0)
	switch {
	case node.Lines().Len() <= maxDefinitions:
		parser.LinkReferenceParagraphTransformer.Transform(node, reader, pc)
	case bytes.HasPrefix(bytes.TrimLeft(first.Value(reader.Source()), " "), []byte("[")):
		spentOf(pc).definitions.note(first.Start)
	}
}
