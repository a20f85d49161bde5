package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/comlam/comlam/spec"
)

// Report is what a build did.
type Report struct {
	Library   string         `json:"library"` // its file
	Added     int            `json:"added"`   // documents
	Changed   int            `json:"changed"`
	Unchanged int            `json:"unchanged"`
	Removed   int            `json:"removed"`
	Refused   []Refused      `json:"refused"`     // documents that could not be read
	Remarks   []Remark       `json:"remarks"`     // what was not read as it was meant
	Other     map[string]int `json:"other_files"` // files of other kinds, by ending
	Bytes     int64          `json:"bytes"`       // of the files read
	Seconds   float64        `json:"seconds"`
}

// Refused is a document that is not in the library, and why.
type Refused struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// Remark is something in a document of the library that was not read as it was meant.
type Remark struct {
	Document string `json:"document"`
	What     string `json:"what"`
}

// Progress tells how far a build is.
type Progress struct {
	Done, All int64 // bytes of the files
	Documents int
}

// Options of a build.
type Options struct {
	Limits   spec.Limits
	Progress func(Progress) // called after each document; may be nil
}

// commitEvery bounds what a crash costs.
const commitEvery = time.Second

// Build makes or renews the library file of the documents in dir. When ctx ends, it
// keeps what it has and returns ctx's error.
func Build(ctx context.Context, dir, file string, o Options) (*Report, error) {
	began := time.Now()
	folder, err := spec.OpenFolder(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	l, err := create(file)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	b := &builder{Library: l, o: o, folder: folder, report: &Report{Library: file, Other: folder.Other, Refused: []Refused{}}}
	for _, f := range folder.Files {
		b.progress.All += f.Bytes
	}
	err = b.run(ctx)
	b.report.Seconds = time.Since(began).Seconds()
	return b.report, err
}

// create opens the library, makes its tables where there are none, and makes them
// anew where they are of another version.
func create(file string) (*Library, error) {
	l, err := open(file, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	if err := l.prepare(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Library) prepare() error {
	id, v, err := l.marks()
	if err != nil {
		return err
	}
	tables, err := l.number("SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return err
	case tables == 0:
		return l.script(fmt.Sprintf("BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d; %s COMMIT", application, version, schema))
	case id != application:
		return fmt.Errorf("%s: %w; it is left as it is", l.file, ErrOther)
	case v == version:
		return nil
	}
	// Another version: all of it can be made again from the documents.
	if err := l.Close(); err != nil {
		return err
	}
	if err := os.Remove(l.file); err != nil {
		return err
	}
	fresh, err := create(l.file)
	if err != nil {
		return err
	}
	*l = *fresh
	return nil
}

func (l *Library) script(sql string) error {
	if err := l.db.Exec(sql); err != nil {
		l.db.Exec("ROLLBACK")
		return told(l.file, err)
	}
	return nil
}

// A builder is one build.
type builder struct {
	*Library
	o        Options
	folder   *spec.Folder
	report   *Report
	progress Progress
	old      map[string][]byte // path -> hash of the files that the library knows
	began    time.Time         // of the open transaction
}

func (b *builder) run(ctx context.Context) error {
	b.old = map[string][]byte{}
	err := b.each("SELECT path, hash FROM source", nil, func(s *sqlite3.Stmt) error {
		b.old[s.ColumnText(0)] = s.ColumnBlob(1, nil)
		return nil
	})
	if err != nil {
		return err
	}
	if err := b.script("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	b.began = time.Now()
	if err := b.removeGone(); err != nil {
		return b.undo(err)
	}
	for _, f := range b.folder.Files {
		if err := b.file(ctx, f); err != nil {
			if ctx.Err() != nil {
				return errors.Join(ctx.Err(), b.script("COMMIT"))
			}
			return b.undo(err)
		}
	}
	if err := b.script("COMMIT"); err != nil {
		return err
	}
	b.report.Remarks, err = b.remarks()
	return err
}

func (b *builder) undo(err error) error {
	b.db.Exec("ROLLBACK")
	return err
}

// checkpoint commits when the last commit is a while ago.
func (b *builder) checkpoint() error {
	if time.Since(b.began) < commitEvery {
		return nil
	}
	b.began = time.Now()
	return b.script("COMMIT; BEGIN IMMEDIATE")
}

// removeGone drops the documents of files that are no longer there.
func (b *builder) removeGone() error {
	here := map[string]bool{}
	for _, f := range b.folder.Files {
		here[f.Path] = true
	}
	for path := range b.old {
		if here[path] {
			continue
		}
		n, err := b.number("SELECT count(*) FROM document WHERE source = ?", path)
		if err != nil {
			return err
		}
		b.report.Removed += n
		if err := b.exec("DELETE FROM source WHERE path = ?", path); err != nil {
			return err
		}
	}
	return nil
}

// file brings the documents of a file up to date.
func (b *builder) file(ctx context.Context, f spec.File) error {
	before := b.progress.Done
	sum, err := b.folder.Hash(f)
	if err != nil {
		return err
	}
	if string(b.old[f.Path]) == string(sum[:]) {
		err = b.keep(f)
	} else {
		err = b.renew(ctx, f, sum[:])
	}
	b.progress.Done = before + f.Bytes
	b.tell()
	return err
}

func (b *builder) tell() {
	if b.o.Progress != nil {
		b.o.Progress(b.progress)
	}
}

// keep counts the documents of a file that is as it was.
func (b *builder) keep(f spec.File) error {
	n, err := b.number("SELECT count(*) FROM document WHERE source = ?", f.Path)
	b.report.Unchanged += n
	b.progress.Documents += n
	return errors.Join(err, b.each("SELECT why FROM refused WHERE path = ?", []any{f.Path}, func(s *sqlite3.Stmt) error {
		b.report.Refused = append(b.report.Refused, Refused{f.Path, s.ColumnText(0)})
		return nil
	}))
}

// renew reads a file and replaces those of its documents that changed. The file's
// hash is stored last: a build that stops on the way reads the file again.
func (b *builder) renew(ctx context.Context, f spec.File, sum []byte) error {
	had := map[string][]byte{}
	err := b.each("SELECT name, hash FROM document WHERE source = ?", []any{f.Path}, func(s *sqlite3.Stmt) error {
		had[s.ColumnText(0)] = s.ColumnBlob(1, nil)
		return nil
	})
	if err == nil {
		err = b.exec("INSERT INTO source VALUES (?1, x'') ON CONFLICT DO UPDATE SET hash = x''", f.Path)
	}
	if err == nil {
		err = b.exec("DELETE FROM refused WHERE path = ?", f.Path)
	}
	if err != nil {
		return err
	}
	b.report.Bytes += f.Bytes
	for s, bad := range b.folder.Sources(f, b.o.Limits) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.source(s, bad, had); err != nil {
			return err
		}
	}
	for name := range had { // the file no longer has them
		b.report.Removed++
		if err := b.exec("DELETE FROM document WHERE name = ?", name); err != nil {
			return err
		}
	}
	return b.exec("UPDATE source SET hash = ? WHERE path = ?", sum, f.Path)
}

// source stores one document, unless it is as it was. It takes it from had.
func (b *builder) source(s spec.Source, bad error, had map[string][]byte) error {
	hash := sha256.Sum256(append([]byte(s.License+"\x00"), s.Data...))
	old, known := had[s.ID]
	if known && bad == nil && string(old) == string(hash[:]) {
		delete(had, s.ID)
		b.report.Unchanged++
		return b.stored(s)
	}
	var doc *spec.Document
	if bad == nil {
		doc, bad = s.Read(b.o.Limits)
	}
	if bad == nil && !known {
		bad = b.twice(s)
	}
	if bad != nil {
		return b.refuse(s, bad)
	}
	if known {
		delete(had, s.ID)
		b.report.Changed++
		if err := b.exec("DELETE FROM document WHERE name = ?", s.ID); err != nil {
			return err
		}
	} else {
		b.report.Added++
	}
	if err := b.insert(s, doc, hash[:]); err != nil {
		return err
	}
	return b.stored(s)
}

func (b *builder) stored(s spec.Source) error {
	b.progress.Documents++
	if s.Line > 0 {
		b.progress.Done += min(int64(len(s.Data)/4), b.progress.All-b.progress.Done) // packed text is about a quarter
		b.tell()
	}
	return b.checkpoint()
}

// twice refuses a name that the library has from another file, or from an earlier
// record.
func (b *builder) twice(s spec.Source) (bad error) {
	err := b.each("SELECT source, line FROM document WHERE name = ?", []any{s.ID}, func(row *sqlite3.Stmt) error {
		bad = fmt.Errorf("its name %q is taken by %s; give one of them another", s.ID, spec.Source{File: row.ColumnText(0), Line: row.ColumnInt(1)}.Where())
		return nil
	})
	return errors.Join(err, bad)
}

func (b *builder) refuse(s spec.Source, bad error) error {
	b.report.Refused = append(b.report.Refused, Refused{s.Where(), bad.Error()})
	return b.exec("INSERT INTO refused VALUES (?, ?)", s.File, bad.Error())
}

// insert stores a document with its clauses.
func (b *builder) insert(s spec.Source, d *spec.Document, hash []byte) error {
	refs, err := json.Marshal(d.References)
	if err != nil {
		return err
	}
	counts := Counts{References: len(d.References)}
	var bodies []string
	for c := range d.All() {
		counts.count(c)
		body := spec.PlainText(c.Blocks)
		counts.TextBytes += len(c.Name()) + len(body)
		bodies = append(bodies, body)
	}
	sums, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	err = b.exec(`INSERT INTO document (name, source, line, hash, bytes, format, title, number, release, date, license, refs, counts)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, d.ID, s.File, s.Line, hash, len(s.Data), string(d.Format),
		d.Title, d.Number, d.Release, d.Date, d.License, string(refs), string(sums))
	if err != nil {
		return err
	}
	id := b.db.LastInsertRowID()
	for _, what := range d.Remarks {
		if err := b.exec("INSERT INTO remark VALUES (?, ?)", id, what); err != nil {
			return err
		}
	}
	return b.clauses(d, id, bodies)
}

func (b *builder) clauses(d *spec.Document, id int64, bodies []string) error {
	insert, _, err := b.db.Prepare("INSERT INTO clause (document, level, number, title, anchor, blocks, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return told(b.Library.file, err)
	}
	defer insert.Close()
	i := 0
	for c := range d.All() {
		title, err := json.Marshal(c.Title)
		if err != nil {
			return err
		}
		blocks, err := spec.MarshalBlocks(c.Blocks)
		if err != nil {
			return err
		}
		if err := bind(insert, []any{id, c.Level, c.Number, string(title), c.Anchor, string(blocks), c.Name(), bodies[i]}); err != nil {
			return told(b.Library.file, err)
		}
		if err := insert.Exec(); err != nil {
			return told(b.Library.file, err)
		}
		i++
	}
	return nil
}
