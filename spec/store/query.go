package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/comlam/comlam/spec"
)

// Info is a document as lists show it.
type Info struct {
	ID      string      `json:"id"`
	Format  spec.Format `json:"format"`
	Title   string      `json:"title"`
	Number  string      `json:"number,omitempty"`
	Release string      `json:"release,omitempty"`
	Date    string      `json:"date,omitempty"`
	License string      `json:"license,omitempty"`
	File    string      `json:"file"`
	Bytes   int         `json:"bytes"`
	Counts
}

// Documents lists the library in order of the ids.
func (l *Library) Documents() (list []Info, err error) {
	err = l.each("SELECT name, format, title, number, release, date, license, source, bytes, counts FROM document ORDER BY name", nil,
		func(s *sqlite3.Stmt) error {
			d := Info{
				ID: s.ColumnText(0), Format: spec.Format(s.ColumnText(1)), Title: s.ColumnText(2), Number: s.ColumnText(3),
				Release: s.ColumnText(4), Date: s.ColumnText(5), License: s.ColumnText(6), File: s.ColumnText(7), Bytes: s.ColumnInt(8),
			}
			list = append(list, d)
			return l.decode(s.ColumnRawText(9), &list[len(list)-1].Counts)
		})
	return list, err
}

func (l *Library) decode(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w (%v)", l.file, ErrDamaged, err)
	}
	return nil
}

// NotFoundError says that a name leads to no document or clause, or to several.
type NotFoundError struct {
	What    string   // "document", "clause"
	Name    string   // as it was asked for
	Choices []string // what it could mean
}

func (e *NotFoundError) Error() string {
	if len(e.Choices) == 0 {
		list := map[string]string{"document": "spec ls", "clause": "spec toc"}[e.What]
		return fmt.Sprintf("there is no %s %q; comlam %s lists what there is", e.What, e.Name, list)
	}
	more := ""
	if len(e.Choices) > 5 {
		more = fmt.Sprintf(" and %d more", len(e.Choices)-5)
	}
	return fmt.Sprintf("%s %q could be: %s%s", e.What, e.Name, strings.Join(e.Choices[:min(5, len(e.Choices))], ", "), more)
}

// Document finds a document by its id, with or without its ending, or by a part of its id,
// number or title that no other has.
func (l *Library) Document(name string) (*spec.Document, error) {
	id, err := l.find(name)
	if err != nil {
		return nil, err
	}
	return l.load(id)
}

// find returns the row of the document that name means.
func (l *Library) find(name string) (int64, error) {
	var exact, bare, part []int64
	var names []string
	low := strings.ToLower(name)
	err := l.each("SELECT id, name, number, title FROM document ORDER BY name", nil, func(s *sqlite3.Stmt) error {
		id, full, number, title := s.ColumnInt64(0), s.ColumnText(1), s.ColumnText(2), s.ColumnText(3)
		if strings.TrimSuffix(full, path.Ext(full)) == name {
			bare = append(bare, id)
		}
		switch {
		case full == name:
			exact = []int64{id}
		case strings.Contains(strings.ToLower(full), low), strings.EqualFold(number, name), strings.Contains(strings.ToLower(title), low):
			part = append(part, id)
			names = append(names, full)
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case len(exact) == 1:
		return exact[0], nil
	case len(bare) == 1:
		return bare[0], nil
	case len(part) == 1:
		return part[0], nil
	}
	return 0, &NotFoundError{"document", name, names}
}

// load reads a document with its clauses.
func (l *Library) load(id int64) (*spec.Document, error) {
	d := &spec.Document{}
	err := l.each("SELECT name, format, title, number, release, date, license, refs FROM document WHERE id = ?", []any{id}, func(s *sqlite3.Stmt) error {
		d.ID, d.Format, d.Title, d.Number = s.ColumnText(0), spec.Format(s.ColumnText(1)), s.ColumnText(2), s.ColumnText(3)
		d.Release, d.Date, d.License = s.ColumnText(4), s.ColumnText(5), s.ColumnText(6)
		return l.decode(s.ColumnRawText(7), &d.References)
	})
	if err != nil {
		return nil, err
	}
	var stack []*spec.Clause
	err = l.each("SELECT level, number, title, anchor, blocks FROM clause WHERE document = ? ORDER BY id", []any{id}, func(s *sqlite3.Stmt) error {
		c := &spec.Clause{Level: s.ColumnInt(0), Number: s.ColumnText(1), Anchor: s.ColumnText(3)}
		if err := l.decode(s.ColumnRawText(2), &c.Title); err != nil {
			return err
		}
		blocks, err := spec.UnmarshalBlocks(s.ColumnRawText(4))
		if err != nil || c.Level < 1 || c.Level > len(stack)+1 {
			return fmt.Errorf("%s: %w (%s, clause %s: %v)", l.file, ErrDamaged, d.ID, c.Name(), err)
		}
		c.Blocks = blocks
		stack = append(stack[:c.Level-1], c)
		if c.Level == 1 {
			d.Clauses = append(d.Clauses, c)
		} else {
			stack[c.Level-2].Clauses = append(stack[c.Level-2].Clauses, c)
		}
		return nil
	})
	return d, err
}

// All yields every document in order of the ids. It stops after an error.
func (l *Library) All(ctx context.Context) iter.Seq2[*spec.Document, error] {
	return func(yield func(*spec.Document, error) bool) {
		var ids []int64
		err := l.each("SELECT id FROM document ORDER BY name", nil, func(s *sqlite3.Stmt) error {
			ids = append(ids, s.ColumnInt64(0))
			return nil
		})
		for _, id := range ids {
			var d *spec.Document
			if err = ctx.Err(); err == nil {
				d, err = l.load(id)
			}
			if err != nil {
				break
			}
			if !yield(d, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// Passage is the plain text of one clause and where it stands.
type Passage struct {
	Document string `json:"document"`
	Number   string `json:"number,omitempty"` // of the clause
	Heading  string `json:"heading,omitempty"`
	Text     string `json:"text"` // heading and text
}

// Passages yields the text of every clause, for training and to cite. It stops
// after an error.
func (l *Library) Passages(ctx context.Context) iter.Seq2[Passage, error] {
	return func(yield func(Passage, error) bool) {
		for d, err := range l.All(ctx) {
			if err != nil {
				yield(Passage{}, err)
				return
			}
			for c := range d.All() {
				if !yield(Passage{d.ID, c.Number, c.Title.String(), c.Text()}, nil) {
					return
				}
			}
		}
	}
}

// Hit is a clause that a search found.
type Hit struct {
	Document string  `json:"document"`
	Clause   string  `json:"clause,omitempty"` // what Document.Find takes
	Title    string  `json:"title,omitempty"`  // of the clause
	Snippet  string  `json:"snippet"`          // what was found is between [ and ]
	Score    float64 `json:"score"`            // BM25, larger is better
}

// Found is the result of a search.
type Found struct {
	Hits []Hit `json:"hits"`
	// Loose is true when no clause has all words and these have some of them.
	Loose bool `json:"loose"`
}

// ErrNoWord says that a query holds no letter or digit.
var ErrNoWord = errors.New("nothing to search for: give letters or digits")

// Search finds clauses by words; words between double quotes are a phrase. Clauses
// that hold all of them are found or, where there are none, those that hold some.
// document, when it is not "", limits the search to one.
func (l *Library) Search(query, document string, most int) (*Found, error) {
	terms := terms(query)
	if len(terms) == 0 {
		return nil, ErrNoWord
	}
	id := int64(-1)
	if document != "" {
		var err error
		if id, err = l.find(document); err != nil {
			return nil, err
		}
	}
	hits, err := l.match(strings.Join(terms, " AND "), id, most)
	if err == nil && len(hits) == 0 && len(terms) > 1 {
		hits, err = l.match(strings.Join(terms, " OR "), id, most)
		return &Found{hits, len(hits) > 0}, err
	}
	return &Found{hits, false}, err
}

func (l *Library) match(query string, document int64, most int) ([]Hit, error) {
	hits := []Hit{}
	err := l.each(`SELECT d.name, c.number, c.title, c.anchor, snippet(search, -1, '[', ']', '…', 24), -bm25(search, 4.0, 1.0)
		FROM search JOIN clause c ON c.id = search.rowid JOIN document d ON d.id = c.document
		WHERE search MATCH ?1 AND (?2 < 0 OR c.document = ?2)
		ORDER BY bm25(search, 4.0, 1.0), c.id LIMIT ?3`, []any{query, document, most}, func(s *sqlite3.Stmt) error {
		var title spec.Text
		if err := l.decode(s.ColumnRawText(2), &title); err != nil {
			return err
		}
		c := spec.Clause{Number: s.ColumnText(1), Title: title, Anchor: s.ColumnText(3)}
		hits = append(hits, Hit{
			Document: s.ColumnText(0), Clause: c.Key(), Title: title.String(),
			Snippet: strings.Join(strings.Fields(s.ColumnText(4)), " "), Score: s.ColumnFloat(5),
		})
		return nil
	})
	return hits, err
}

// terms are the words and phrases of a query, each as FTS5 quotes it. A term of
// several words, such as 38.211, is a phrase by itself.
func terms(query string) []string {
	var out []string
	for i, part := range strings.Split(query, `"`) {
		list := strings.Fields(part)
		if i%2 == 1 {
			list = []string{part}
		}
		for _, term := range list {
			term = strings.ReplaceAll(term, "\x00", " ")
			if strings.ContainsFunc(term, func(r rune) bool { return isWord(r) || isPaired(r) }) {
				out = append(out, `"`+term+`"`)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Stats is what a library holds.
type Stats struct {
	File        string              `json:"file"`
	FileBytes   int64               `json:"file_bytes"`
	Documents   int                 `json:"documents"`
	SourceBytes int64               `json:"source_bytes"`
	Formats     map[spec.Format]int `json:"formats"`
	Licenses    map[string]int      `json:"licenses"`
	Refused     []Refused           `json:"refused"`
	Remarks     []Remark            `json:"remarks"`
	Counts
}

// remarks are those of all documents.
func (l *Library) remarks() ([]Remark, error) {
	list := []Remark{}
	err := l.each("SELECT name, what FROM remark JOIN document ON document = document.id ORDER BY name, remark.rowid", nil, func(s *sqlite3.Stmt) error {
		list = append(list, Remark{s.ColumnText(0), s.ColumnText(1)})
		return nil
	})
	return list, err
}

// Stats counts.
func (l *Library) Stats() (*Stats, error) {
	docs, err := l.Documents()
	if err != nil {
		return nil, err
	}
	st := &Stats{File: l.file, Documents: len(docs), Formats: map[spec.Format]int{}, Licenses: map[string]int{}, Refused: []Refused{}}
	for _, d := range docs {
		st.Counts.add(d.Counts)
		st.Formats[d.Format]++
		st.SourceBytes += int64(d.Bytes)
		if d.License != "" {
			st.Licenses[d.License]++
		}
	}
	err = l.each("SELECT path, why FROM refused ORDER BY path, why", nil, func(s *sqlite3.Stmt) error {
		st.Refused = append(st.Refused, Refused{s.ColumnText(0), s.ColumnText(1)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if st.Remarks, err = l.remarks(); err != nil {
		return nil, err
	}
	pages, err := l.number("PRAGMA page_count")
	if err != nil {
		return nil, err
	}
	size, err := l.number("PRAGMA page_size")
	st.FileBytes = int64(pages) * int64(size)
	return st, err
}
