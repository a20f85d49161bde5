package corpus

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comlam/comlam/internal/bounded"
)

const (
	maxLine  = 64 << 20 // bytes of a line or of a text file
	maxRatio = 200      // of unpacked to packed bytes, beyond which a file is a bomb
	slack    = 16 << 20 // unpacked bytes below which the ratio does not count
)

// Document is one text.
type Document struct {
	Index int    // place in the order of its source, from 0
	ID    string // what its file calls it, otherwise the same as Where
	Where string // file, or file:line
	Text  string
}

// Source is files of documents in a fixed order.
type Source struct {
	Other map[string]int // how many files of each other ending the folders hold
	files []string
}

// suffixes are what the names of files end in.
var suffixes = []string{".jsonl", ".jsonl.gz", ".md", ".txt", ".rst"}

// Open finds the files below the paths, which are files or folders, in the order in
// which they are given. Nothing is read yet. A folder without any such file is an
// error, as is a file with another ending.
func Open(paths ...string) (*Source, error) {
	s := &Source{Other: map[string]int{}}
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%q: %w", path, fs.ErrNotExist)
		}
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			if !readable(path) {
				return nil, bounded.Malformed(path, "documents are read from files %s; this is none", strings.Join(suffixes, ", "))
			}
			s.files = append(s.files, path)
			continue
		}
		before := len(s.files)
		if err := s.walk(path); err != nil {
			return nil, err
		}
		if len(s.files) == before {
			return nil, bounded.Malformed(path, "the folder holds no file %s", strings.Join(suffixes, ", "))
		}
	}
	return s, nil
}

func readable(name string) bool {
	return slices.ContainsFunc(suffixes, func(end string) bool { return strings.HasSuffix(strings.ToLower(name), end) })
}

func (s *Source) walk(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch hidden := path != root && strings.HasPrefix(d.Name(), "."); {
		case err != nil:
			return err
		case hidden && d.IsDir():
			return fs.SkipDir
		case !hidden && d.Type().IsRegular() && readable(path):
			s.files = append(s.files, path)
		case !hidden && d.Type().IsRegular():
			s.Other[cmp.Or(filepath.Ext(path), "no ending")]++
		}
		return nil
	})
}

// Files lists the files in the order in which they are read.
func (s *Source) Files() []string { return slices.Clone(s.files) }

// errEnough ends a file whose reader wants no more.
var errEnough = errors.New("enough")

// Documents yields the documents from number first on, in order. Those before are
// passed over without being parsed. The first error is the last thing yielded.
func (s *Source) Documents(first int) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		index := 0
		for _, file := range s.files {
			err := eachDocument(file, func(get func() (Document, error)) error {
				index++
				if index <= first {
					return nil
				}
				d, err := get()
				if err != nil {
					return err
				}
				d.Index = index - 1
				if !yield(d, nil) {
					return errEnough
				}
				return nil
			})
			if err == errEnough {
				return
			}
			if err != nil {
				yield(Document{}, err)
				return
			}
		}
	}
}

// eachDocument visits the documents of a file; get parses one.
func eachDocument(file string, visit func(get func() (Document, error)) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	name := strings.ToLower(file)
	switch {
	case strings.HasSuffix(name, ".jsonl.gz"):
		return eachPacked(file, f, visit)
	case strings.HasSuffix(name, ".jsonl"):
		return eachLine(file, f, visit)
	}
	return visit(func() (Document, error) {
		text, err := bounded.NewReader(f, maxLine).All()
		if err != nil {
			return Document{}, at(file, err)
		}
		if !utf8.Valid(text) {
			return Document{}, bounded.Malformed(file, "the text is not UTF-8; convert it, for example with iconv")
		}
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
		return Document{ID: file, Where: file, Text: string(text)}, nil
	})
}

func at(file string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}

func eachPacked(file string, f io.Reader, visit func(func() (Document, error)) error) error {
	packed := &counter{r: f}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return bounded.Malformed(file, "not a gzip file: %v", err)
	}
	err = eachLine(file, &ratio{r: z, packed: packed}, visit)
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bounded.Malformed(file, "the gzip file is damaged: %v", err)
	}
	return err
}

// counter counts the bytes that pass.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// ratio fails where far more is unpacked than a text could be packed to.
type ratio struct {
	r      io.Reader
	packed *counter
	n      int64
}

func (r *ratio) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	if limit := slack + maxRatio*r.packed.n; r.n > limit {
		return 0, &bounded.LimitError{What: "unpacked bytes", Size: r.n, Limit: limit}
	}
	return n, err
}

// eachLine visits the lines of r that are not blank.
func eachLine(file string, r io.Reader, visit func(func() (Document, error)) error) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if err != nil && err != io.EOF {
			return at(fmt.Sprintf("%s:%d", file, number), err)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if line := bytes.TrimSpace(line); len(line) > 0 {
			if err := visit(func() (Document, error) { return parse(fmt.Sprintf("%s:%d", file, number), line) }); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// readLine reads to the end of the line, at most maxLine bytes.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, &bounded.LimitError{What: "bytes of a line", Size: int64(len(line)), Limit: maxLine}
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// parse reads one line of JSON.
func parse(where string, line []byte) (Document, error) {
	if !utf8.Valid(line) {
		return Document{}, bounded.Malformed(where, "the line is not UTF-8")
	}
	var v struct {
		ID   json.RawMessage `json:"id"`
		Text *string         `json:"text"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return Document{}, bounded.Malformed(where, "%v", err)
	}
	if v.Text == nil {
		return Document{}, bounded.Malformed(where, `the object has no "text"`)
	}
	if lost(*v.Text, line) {
		return Document{}, bounded.Malformed(where, "the text has half of a surrogate pair, such as \\ud83d alone; write the whole character")
	}
	d := Document{ID: where, Where: where, Text: *v.Text}
	if len(v.ID) > 0 && string(v.ID) != "null" {
		var id string
		if json.Unmarshal(v.ID, &id) != nil {
			id = string(v.ID) // a number
		}
		d.ID = id
	}
	return d, nil
}

// lost reports whether the parser put a replacement character where the line has none.
func lost(text string, line []byte) bool {
	return strings.ContainsRune(text, utf8.RuneError) && !bytes.ContainsRune(line, utf8.RuneError) &&
		!bytes.Contains(bytes.ToLower(line), []byte(`\ufffd`))
}
