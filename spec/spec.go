// Package spec is the standards library: it reads specifications and other
// technical documents into one typed form.
//
// # Documents
//
// A [Document] is a tree of clauses. A [Clause] has the number that the document
// itself gives it ("7.4.1", "A.2"), a title and [Block]s in reading order:
// [Paragraph], [List], [Table], [Equation], [Code], [ASN1], [Note], [Quote] and
// [Figure]. Text inside them is a list of [Span]s: plain characters, mathematics as
// LaTeX, code, links, subscripts. Colour, fonts and emphasis are not kept.
//
// # Reading
//
// [Read] takes a file's name and bytes and chooses a reader by [Sniff]: Markdown
// (CommonMark with tables and mathematics, and the dialect in which RFCs are
// written), reStructuredText, HTML, plain text in the layout of RFCs, and .docx as
// 3GPP and others write it. A document that breaks its format gives a
// *[FormatError] that says where; one that is beyond what [Limits] allow gives one
// that wraps a *bounded.LimitError. Nothing that a document says is executed,
// fetched or opened: links and images stay names.
//
// [Sources] lists what a folder holds, files and the records of .jsonl.gz files
// alike.
//
// # Writing
//
// [Document.Markdown] writes a document as Markdown from which [Read] makes the
// same tree again; [Document.Text] writes plain text for training, with every
// merged table cell repeated where it counts.
//
// The store with full-text search is package spec/store.
package spec

import (
	"iter"
	"strings"
)

// A Document is one file of the library.
type Document struct {
	ID         string      `json:"id"`                // its path below the folder, or the id of its record
	Format     Format      `json:"format"`            // what it was read from
	Title      string      `json:"title"`             // as it says itself, else its first heading
	Number     string      `json:"number,omitempty"`  // "TS 38.211", "RFC 9000"
	Release    string      `json:"release,omitempty"` // "V17.3.0", as it is written there
	Date       string      `json:"date,omitempty"`    // "2022-09", as it is written there
	License    string      `json:"license,omitempty"` // where a record says one
	Clauses    []*Clause   `json:"clauses"`
	References []Reference `json:"references,omitempty"` // its bibliography
	Remarks    []string    `json:"remarks,omitempty"`    // what was not read as it was meant, and where
}

// A Clause is a heading and what stands below it up to the next. Text before the
// first heading is a clause without number and title.
type Clause struct {
	Number  string    `json:"number,omitempty"` // "7.4.1"; of an annex "A"; "" where the document gives none
	Title   Text      `json:"title,omitempty"`
	Anchor  string    `json:"anchor,omitempty"` // the name that links use
	Level   int       `json:"level"`            // of its heading: 1 for the outermost
	Blocks  []Block   `json:"-"`
	Clauses []*Clause `json:"clauses,omitempty"`
}

// A Block is a part of a clause: one of the types below.
type Block interface{ kind() string }

type (
	// Paragraph is running text.
	Paragraph struct {
		Text Text `json:"text"`
	}
	// List is a list; its items have terms where it defines some.
	List struct {
		Ordered bool   `json:"ordered,omitempty"`
		Start   int    `json:"start,omitempty"` // of an ordered list
		Items   []Item `json:"items"`
	}
	// Equation is mathematics that stands alone.
	Equation struct {
		LaTeX  string `json:"latex"`
		Number string `json:"number,omitempty"` // "7.4-1"
	}
	// Code is text whose lines and spaces count: programs, drawings in characters.
	Code struct {
		Language string `json:"language,omitempty"`
		Caption  Text   `json:"caption,omitempty"`
		Text     string `json:"text"` // without a line feed at its end
	}
	// ASN1 is a block of ASN.1, as between -- ASN1START and -- ASN1STOP.
	ASN1 struct {
		Text string `json:"text"`
	}
	// Note is a note or another kind of remark that stands out.
	Note struct {
		Label  string  `json:"label"` // "NOTE 1", "Editor's note", "warning"
		Blocks []Block `json:"-"`
	}
	// Quote is quoted text.
	Quote struct {
		Blocks []Block `json:"-"`
	}
	// Figure is a picture that is not read.
	Figure struct {
		Caption Text   `json:"caption,omitempty"`
		Source  string `json:"source,omitempty"` // its file or address, as written
	}
	// Table is a table. Its rows are as in HTML: a cell that covers several rows or
	// columns stands once, where it begins.
	Table struct {
		Caption Text     `json:"caption,omitempty"` // "Table 7.4.1-1: Pathloss models"
		Head    int      `json:"head,omitempty"`    // how many rows are headings
		Rows    [][]Cell `json:"rows"`
		Notes   []Note   `json:"notes,omitempty"` // below the rows, "NOTE 1"
	}
)

// Item is one of a list.
type Item struct {
	Term   Text    `json:"term,omitempty"`
	Blocks []Block `json:"-"`
}

// Cell is one of a table. Zero columns or rows count as one.
type Cell struct {
	Text    Text `json:"text,omitempty"`
	Columns int  `json:"columns,omitempty"`
	Rows    int  `json:"rows,omitempty"`
}

// Reference is an entry of a bibliography.
type Reference struct {
	Key  string `json:"key"` // what the text writes in brackets
	Text string `json:"text"`
}

func (*Paragraph) kind() string { return "paragraph" }
func (*List) kind() string      { return "list" }
func (*Equation) kind() string  { return "equation" }
func (*Code) kind() string      { return "code" }
func (*ASN1) kind() string      { return "asn1" }
func (*Note) kind() string      { return "note" }
func (*Quote) kind() string     { return "quote" }
func (*Figure) kind() string    { return "figure" }
func (*Table) kind() string     { return "table" }

// All yields every clause in reading order.
func (d *Document) All() iter.Seq[*Clause] {
	return func(yield func(*Clause) bool) { walk(d.Clauses, yield) }
}

func walk(clauses []*Clause, yield func(*Clause) bool) bool {
	for _, c := range clauses {
		if !yield(c) || !walk(c.Clauses, yield) {
			return false
		}
	}
	return true
}

// All yields the clause and every clause below it in reading order.
func (c *Clause) All() iter.Seq[*Clause] {
	return func(yield func(*Clause) bool) { walk([]*Clause{c}, yield) }
}

// Name is how the clause is spoken of: its number and title.
func (c *Clause) Name() string {
	return strings.TrimSpace(c.Number + " " + c.Title.String())
}

// Blocks yields the blocks of a list of them and, after each, those inside it.
func Blocks(list []Block) iter.Seq[Block] {
	return func(yield func(Block) bool) { walkBlocks(list, yield) }
}

func walkBlocks(list []Block, yield func(Block) bool) bool {
	for _, b := range list {
		if !yield(b) {
			return false
		}
		for inner := range insides(b) {
			if !walkBlocks(inner, yield) {
				return false
			}
		}
	}
	return true
}

// insides yields the lists of blocks that a block holds.
func insides(b Block) iter.Seq[[]Block] {
	return func(yield func([]Block) bool) {
		switch b := b.(type) {
		case *List:
			for _, it := range b.Items {
				if !yield(it.Blocks) {
					return
				}
			}
		case *Note:
			yield(b.Blocks)
		case *Quote:
			yield(b.Blocks)
		case *Table:
			for _, n := range b.Notes {
				if !yield(n.Blocks) {
					return
				}
			}
		}
	}
}
