// Package store keeps a library of documents in one SQLite file and finds clauses
// in it by their words.
//
// [Build] makes or renews the file for a folder: a document whose bytes have the
// hash of the last time stays as it is, a changed one is replaced, one that is gone
// is dropped. It commits every second; after a crash SQLite's own journal leaves
// the last commit, and the next Build continues there.
//
// [Open] reads. [Library.Search] takes words as people type them; it ranks clauses
// by BM25 of SQLite's FTS5 over the words of headings, which weigh four times, and
// of text. Words are matched whole, without regard to case and without stemming, so
// that SI does not find "is"; 38.211 and PDSCH-Config are found as they stand.
// Chinese, Japanese and Korean are indexed by letters and pairs of letters, so that
// any part of a sentence is found.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"github.com/comlam/comlam/spec"
)

// FileName is the name of a library inside the folder of its documents.
const FileName = ".comlam-spec.db"

// Path is where the library of a folder is: file where it is not "", dir itself
// where that is a file, else FileName in dir.
func Path(dir, file string) string {
	if file != "" {
		return file
	}
	if info, err := os.Stat(dir); err == nil && info.Mode().IsRegular() {
		return dir
	}
	return filepath.Join(dir, FileName)
}

// What Errors of this package say. Others come from SQLite, wrapped.
var (
	ErrNoLibrary = errors.New("there is no library")
	ErrOther     = errors.New("not a library of this program")
	ErrDamaged   = errors.New("the library is damaged; delete the file and build it again")
	ErrBusy      = errors.New("another program holds the library")
	ErrFull      = errors.New("no space is left for the library")
	ErrReadOnly  = errors.New("the library cannot be written there; name another place with --db")
)

const (
	application = 0x434f4d4c // "COML", what SQLite calls the application id
	// version changes whenever the tables or what readers make of a document do; a
	// library of another version is built anew.
	version = 2
)

const schema = `
CREATE TABLE source (path TEXT PRIMARY KEY, hash BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE refused (path TEXT NOT NULL REFERENCES source ON DELETE CASCADE, why TEXT NOT NULL);
CREATE TABLE document (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
	source TEXT NOT NULL REFERENCES source ON DELETE CASCADE, line INTEGER NOT NULL, hash BLOB NOT NULL,
	bytes INTEGER NOT NULL, format TEXT NOT NULL, title TEXT NOT NULL, number TEXT NOT NULL, release TEXT NOT NULL,
	date TEXT NOT NULL, license TEXT NOT NULL, refs TEXT NOT NULL, counts TEXT NOT NULL);
CREATE TABLE remark (document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, what TEXT NOT NULL);
CREATE INDEX remark_document ON remark (document);
CREATE INDEX document_source ON document (source);
CREATE TABLE clause (
	id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE,
	level INTEGER NOT NULL, number TEXT NOT NULL, title TEXT NOT NULL, anchor TEXT NOT NULL,
	blocks TEXT NOT NULL, head TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX clause_document ON clause (document);
CREATE VIRTUAL TABLE search USING fts5(head, body, content='clause', content_rowid='id', tokenize='comlam');
CREATE TRIGGER clause_in AFTER INSERT ON clause BEGIN
	INSERT INTO search(rowid, head, body) VALUES (new.id, new.head, new.body);
END;
CREATE TRIGGER clause_out AFTER DELETE ON clause BEGIN
	INSERT INTO search(search, rowid, head, body) VALUES ('delete', old.id, old.head, old.body);
END;
`

// A Library is an open library. It is used by one goroutine at a time.
type Library struct {
	db   *sqlite3.Conn
	file string
}

// Open opens a library for reading.
func Open(file string) (*Library, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w %s; build it first, with comlam spec build", ErrNoLibrary, file)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w %s: that is no file", ErrNoLibrary, file)
	}
	l, err := open(file, sqlite3.OPEN_READONLY)
	if err != nil {
		return nil, err
	}
	id, v, err := l.marks()
	switch {
	case err != nil:
	case id != application:
		err = fmt.Errorf("%s: %w", file, ErrOther)
	case v != version:
		err = fmt.Errorf("%w of this version in %s, which is of version %d and not %d; build it again", ErrNoLibrary, file, v, version)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func open(file string, flags sqlite3.OpenFlag) (*Library, error) {
	db, err := sqlite3.OpenFlags(file, flags)
	if err != nil {
		return nil, told(file, err)
	}
	l := &Library{db, file}
	err = fts5.RegisterCustom(db, func(api *fts5.API) error {
		return api.CreateTokenizer("comlam", func([]string) (fts5.Tokenizer, error) { return words{}, nil })
	})
	if err == nil {
		err = db.BusyTimeout(2 * time.Second)
	}
	if err == nil {
		err = db.Exec("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -32768")
	}
	if err != nil {
		db.Close()
		return nil, told(file, err)
	}
	return l, nil
}

// Close closes the library.
func (l *Library) Close() error { return l.db.Close() }

// told wraps an error of SQLite in the one of ours that says what to do.
func told(file string, err error) error {
	kinds := []struct {
		code sqlite3.ErrorCode
		err  error
	}{
		{sqlite3.CORRUPT, ErrDamaged}, {sqlite3.NOTADB, ErrOther}, {sqlite3.BUSY, ErrBusy}, {sqlite3.LOCKED, ErrBusy},
		{sqlite3.FULL, ErrFull}, {sqlite3.READONLY, ErrReadOnly}, {sqlite3.CANTOPEN, ErrReadOnly},
	}
	for _, k := range kinds {
		if errors.Is(err, k.code) {
			return fmt.Errorf("%s: %w (%w)", file, k.err, err)
		}
	}
	if errors.Is(err, sqlite3.INTERRUPT) {
		return context.Canceled
	}
	return fmt.Errorf("%s: %w", file, err)
}

// marks are the application id and version of the file.
func (l *Library) marks() (id, v int, err error) {
	if id, err = l.number("PRAGMA application_id"); err == nil {
		v, err = l.number("PRAGMA user_version")
	}
	return id, v, err
}

func (l *Library) number(query string, args ...any) (n int, err error) {
	err = l.each(query, args, func(s *sqlite3.Stmt) error {
		n = s.ColumnInt(0)
		return nil
	})
	return n, err
}

// each runs a query and calls row for each row.
func (l *Library) each(query string, args []any, row func(*sqlite3.Stmt) error) error {
	s, _, err := l.db.Prepare(query)
	if err != nil {
		return told(l.file, err)
	}
	defer s.Close()
	if err := bind(s, args); err != nil {
		return told(l.file, err)
	}
	for s.Step() {
		if err := row(s); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return told(l.file, err)
	}
	return nil
}

func bind(s *sqlite3.Stmt, args []any) error {
	for i, a := range args {
		var err error
		switch a := a.(type) {
		case string:
			err = s.BindText(i+1, a)
		case int:
			err = s.BindInt(i+1, a)
		case int64:
			err = s.BindInt64(i+1, a)
		case []byte:
			err = s.BindBlob(i+1, a)
		default:
			err = fmt.Errorf("a value of type %T cannot be stored", a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exec runs a statement that returns no rows.
func (l *Library) exec(query string, args ...any) error {
	return l.each(query, args, func(*sqlite3.Stmt) error { return nil })
}

// Counts say what a document or library holds.
type Counts struct {
	Clauses    int `json:"clauses"`
	Paragraphs int `json:"paragraphs"`
	Tables     int `json:"tables"`
	Equations  int `json:"equations"` // that stand alone
	Formulas   int `json:"formulas"`  // inside text
	Code       int `json:"code"`
	ASN1       int `json:"asn1"`
	Notes      int `json:"notes"`
	Figures    int `json:"figures"`
	References int `json:"references"` // of bibliographies
	TextBytes  int `json:"text_bytes"` // of plain text
}

func (c *Counts) add(o Counts) {
	c.Clauses += o.Clauses
	c.Paragraphs += o.Paragraphs
	c.Tables += o.Tables
	c.Equations += o.Equations
	c.Formulas += o.Formulas
	c.Code += o.Code
	c.ASN1 += o.ASN1
	c.Notes += o.Notes
	c.Figures += o.Figures
	c.References += o.References
	c.TextBytes += o.TextBytes
}

// count looks at a clause.
func (c *Counts) count(clause *spec.Clause) {
	c.Clauses++
	c.formulas(clause.Title)
	for b := range spec.Blocks(clause.Blocks) {
		switch b := b.(type) {
		case *spec.Paragraph:
			c.Paragraphs++
			c.formulas(b.Text)
		case *spec.Table:
			c.Tables++
			c.Notes += len(b.Notes)
			for _, row := range b.Rows {
				for _, cell := range row {
					c.formulas(cell.Text)
				}
			}
		case *spec.Equation:
			c.Equations++
		case *spec.Code:
			c.Code++
		case *spec.ASN1:
			c.ASN1++
		case *spec.Note:
			c.Notes++
		case *spec.Figure:
			c.Figures++
		}
	}
}

func (c *Counts) formulas(t spec.Text) {
	for _, s := range t {
		if s.Kind == spec.Math {
			c.Formulas++
		}
	}
}
