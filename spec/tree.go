package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/comlam/comlam/internal/bounded"
)

// A tree collects headings and blocks in reading order and makes the clauses. Once
// a limit is passed it keeps the error and ignores the rest.
type tree struct {
	doc   *Document
	lim   Limits
	stack []open // from the outermost to the one that blocks go to
	count int64  // of blocks and cells
	err   error
}

// open is a clause that may still get blocks, with the level that its heading has in
// the source, which may skip some.
type open struct {
	*Clause
	level int
}

// remark notes what was not read as it was meant.
func (t *tree) remark(where, format string, args ...any) {
	t.doc.Remarks = append(t.doc.Remarks, where+": "+fmt.Sprintf(format, args...))
}

func newTree(doc *Document, lim Limits) *tree { return &tree{doc: doc, lim: lim} }

// heading opens a clause. A numbered one goes below the clause whose number begins
// its own, whatever the levels say; any other below the last heading of a smaller
// level. A heading without text opens none.
func (t *tree) heading(level int, title Text, anchor string) *Clause {
	number, title := splitNumber(oneLine(title).clean())
	return t.clause(level, number, title, anchor)
}

func (t *tree) clause(level int, number string, title Text, anchor string) *Clause {
	if number == "" && len(title) == 0 && len(t.stack) > 0 || !t.room(1) {
		return &Clause{}
	}
	keep := 0
	for i, o := range t.stack {
		other := number != "" && o.Number != "" && !isBelow(number, o.Number)
		if isBelow(number, o.Number) || o.level < level && !other {
			keep = i + 1
		}
	}
	t.stack = t.stack[:keep]
	c := &Clause{Number: number, Title: title, Anchor: anchorName(anchor), Level: keep + 1}
	if keep > 0 {
		parent := t.stack[keep-1].Clause
		parent.Clauses = append(parent.Clauses, c)
	} else {
		t.doc.Clauses = append(t.doc.Clauses, c)
	}
	if t.err = errors.Join(t.err, t.lim.depth("clauses", keep+1)); t.err == nil {
		t.stack = append(t.stack, open{c, level})
	}
	return c
}

// oneLine makes breaks blanks.
func oneLine(text Text) Text {
	out := slices.Clone(text)
	for i, s := range out {
		if s.Kind == Break {
			out[i] = Span{Text: " "}
		}
	}
	return out
}

// anchorName drops what cannot stand in a link.
func anchorName(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unwanted(r) || strings.ContainsRune("{}<>\"'`\\#()[]", r) {
			return -1
		}
		return r
	}, s)
}

// add puts blocks into the open clause.
func (t *tree) add(blocks ...Block) {
	if len(blocks) == 0 || !t.room(int64(len(blocks))) {
		return
	}
	if len(t.stack) == 0 {
		t.clause(1, "", nil, "")
	}
	if len(t.stack) == 0 {
		return // a limit is passed
	}
	c := t.stack[len(t.stack)-1]
	c.Blocks = append(c.Blocks, blocks...)
}

// room counts n blocks or cells more.
func (t *tree) room(n int64) bool {
	t.count += n
	if t.err == nil {
		t.err = bounded.Check("blocks and cells", t.count, t.lim.Blocks)
	}
	return t.err == nil
}

// finish gives the document its title and bibliography and returns it.
func (t *tree) finish() (*Document, error) {
	if t.err != nil {
		return nil, t.err
	}
	for _, c := range t.doc.Clauses {
		if t.doc.Title == "" {
			t.doc.Title = c.Title.String()
		}
	}
	if len(t.doc.References) == 0 {
		for c := range t.doc.All() {
			if bibliographyTitle.MatchString(c.Title.String()) {
				t.doc.References = append(t.doc.References, c.references()...)
			}
		}
	}
	return t.doc, nil
}

var (
	bibliographyTitle = regexp.MustCompile(`(?i)^(normative |informative )?(references|bibliography)$`)
	bibliographyEntry = regexp.MustCompile(`^\[([^\]\s]{1,40})\]\s+(.+)`)
)

// references are the paragraphs of a bibliography that begin with a key in brackets.
func (c *Clause) references() (list []Reference) {
	for b := range Blocks(c.Blocks) {
		if p, ok := b.(*Paragraph); ok {
			if m := bibliographyEntry.FindStringSubmatch(oneLine(p.Text).clean().String()); m != nil {
				list = append(list, Reference{m[1], m[2]})
			}
		}
	}
	return list
}
