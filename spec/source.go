package spec

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// A Source is the bytes of one document in a folder.
type Source struct {
	ID      string // of the document: its path with slashes, or the id of its record
	File    string // the file that it is in, as a path below the folder
	Line    int    // of its record in a .jsonl or .jsonl.gz file; 0 for a whole file
	License string // what a record says
	Data    []byte
}

// Where names the place of the source, for messages.
func (s Source) Where() string {
	if s.Line == 0 {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// Read reads the document.
func (s Source) Read(lim Limits) (*Document, error) {
	doc, err := Read(s.ID, s.Data, lim)
	if err != nil {
		var f *FormatError
		if errors.As(err, &f) && s.Line > 0 {
			f.ID = s.Where() + " (" + s.ID + ")"
		}
		return nil, err
	}
	doc.License = orElse(doc.License, s.License)
	return doc, nil
}

// A File is one file of a folder that holds documents.
type File struct {
	Path  string // below the folder, with slashes
	Bytes int64
}

// A Folder is where documents are. Files and folders whose names begin with a dot, locks
// of Word (~$NAME), and links that lead elsewhere, are left out.
type Folder struct {
	Files []File         // in order of their paths
	Other map[string]int // how many files of each other ending there are
	root  *os.Root
}

// OpenFolder lists a folder. Close it afterwards. ctx can stop the listing.
func OpenFolder(ctx context.Context, dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{Other: map[string]int{}, root: root}
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err = first(err, ctx.Err()); err != nil {
			return err
		}
		return f.see(name, e)
	})
	if err != nil {
		root.Close()
		return nil, err
	}
	slices.SortFunc(f.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return f, nil
}

// OpenPath is OpenFolder, or a folder of which one file is seen.
func OpenPath(ctx context.Context, dirOrFile string) (*Folder, error) {
	info, err := os.Stat(dirOrFile)
	if err != nil || info.IsDir() {
		return OpenFolder(ctx, dirOrFile)
	}
	file, err := filepath.EvalSymlinks(dirOrFile)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	f := &Folder{Other: map[string]int{}, root: root}
	if err := f.see(filepath.Base(file), fs.FileInfoToDirEntry(info)); err != nil {
		root.Close()
		return nil, err
	}
	return f, nil
}

// Close lets go of the folder.
func (f *Folder) Close() error { return f.root.Close() }

func (f *Folder) see(name string, e fs.DirEntry) error {
	base := path.Base(name)
	hidden := name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "~$")) // the latter: locks of Word
	switch {
	case hidden && e.IsDir():
		return fs.SkipDir
	case hidden || e.IsDir():
		return nil
	case !e.Type().IsRegular():
		f.Other["link or device"]++
		return nil
	case ByName(name) == "" && !isRecords(name):
		f.Other[orElse(path.Ext(name), "no ending")]++
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	f.Files = append(f.Files, File{name, info.Size()})
	return nil
}

func isRecords(name string) bool {
	return strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".jsonl.gz")
}

// Hash is the SHA-256 of a file.
func (f *Folder) Hash(file File) (sum [32]byte, err error) {
	r, err := f.root.Open(file.Path)
	if err != nil {
		return sum, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// Sources yields the documents of a file: itself, or its records. An error that
// comes with a source concerns only that one.
func (f *Folder) Sources(file File, lim Limits) iter.Seq2[Source, error] {
	return func(yield func(Source, error) bool) {
		r, err := f.root.Open(file.Path)
		if err != nil {
			yield(Source{ID: file.Path, File: file.Path}, err)
			return
		}
		defer r.Close()
		if isRecords(file.Path) {
			records(r, file, lim, yield)
			return
		}
		data, err := bounded.NewReader(r, lim.Bytes).All()
		if err != nil {
			err = &FormatError{ID: file.Path, Err: err}
		}
		yield(Source{ID: file.Path, File: file.Path, Data: data}, err)
	}
}

// All yields the documents of all files.
func (f *Folder) All(lim Limits) iter.Seq2[Source, error] {
	return func(yield func(Source, error) bool) {
		for _, file := range f.Files {
			for s, err := range f.Sources(file, lim) {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}

// Sources yields every document of a folder, or those of one file.
func Sources(ctx context.Context, dirOrFile string, lim Limits) iter.Seq2[Source, error] {
	return func(yield func(Source, error) bool) {
		f, err := OpenPath(ctx, dirOrFile)
		if err != nil {
			yield(Source{}, err)
			return
		}
		defer f.Close()
		f.All(lim)(yield)
	}
}

// record is a line of a .jsonl file.
type record struct {
	ID      string `json:"id"`
	License string `json:"license"`
	Text    string `json:"text"`
}

// records yields the records of a file. One that cannot be read is an error and
// ends neither the file nor the loop; where the file itself breaks off, that is the
// last.
func records(r io.Reader, file File, lim Limits, yield func(Source, error) bool) {
	refuse := func(line int, err error) bool {
		s := Source{ID: fmt.Sprintf("%s:%d", file.Path, line), File: file.Path, Line: line}
		return yield(s, &FormatError{ID: file.Path, Where: fmt.Sprintf("line %d", line), Err: err})
	}
	text, err := unpacked(r, file, lim)
	if err != nil {
		refuse(1, err)
		return
	}
	lines := bufio.NewReaderSize(text, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(lines, lim.Bytes)
		if err == io.EOF && len(line) == 0 {
			return
		}
		if err != nil && err != io.EOF {
			refuse(n, err)
			return
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var rec record
		bad := json.Unmarshal(line, &rec)
		if bad == nil && rec.ID == "" {
			bad = errors.New(`the record has no "id"; give each a name that ends like a file, such as .md`)
		}
		if bad != nil && !refuse(n, bad) {
			return
		}
		s := Source{ID: rec.ID, File: file.Path, Line: n, License: rec.License, Data: []byte(rec.Text)}
		if bad == nil && !yield(s, nil) {
			return
		}
	}
}

// unpacked is the text of a file that may be packed with gzip.
func unpacked(r io.Reader, file File, lim Limits) (io.Reader, error) {
	if !strings.HasSuffix(file.Path, ".gz") {
		return r, nil
	}
	z, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	most := min(lim.Expanded, 1<<20+lim.Ratio*file.Bytes)
	return bounded.NewReader(z, most), nil
}

// readLine reads up to and with the next line feed.
func readLine(r *bufio.Reader, most int64) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if limit := bounded.Check("bytes of the line", int64(len(line)), most); limit != nil {
			return nil, limit
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}
