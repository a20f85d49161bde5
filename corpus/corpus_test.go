package corpus

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/testdata"
)

// tree writes files into a folder of the test.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// read gathers documents, or the error that ends them.
func read(t testing.TB, first int, paths ...string) ([]Document, error) {
	t.Helper()
	s, err := Open(paths...)
	if err != nil {
		return nil, err
	}
	var list []Document
	for d, err := range s.Documents(first) {
		if err != nil {
			return list, err
		}
		list = append(list, d)
	}
	return list, nil
}

func small(t testing.TB) string {
	return tree(t, map[string]string{
		"b.md": "# second\n", "a/one.txt": "first", "c.jsonl": "\ufeff{\"id\": 7, \"text\": \"third\", \"more\": [1]}\n\n{\"text\": \"\"}",
		"d.jsonl.gz": packed(`{"id": "x", "text": "fifth\nline"}` + "\n"), ".hidden.md": "no", ".git/x.md": "no", "e.png": "no",
	})
}

func TestOrderAndRestart(t *testing.T) {
	dir := small(t)
	all, err := read(t, 0, dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, d := range all {
		if d.Index != i {
			t.Errorf("document %d has index %d", i, d.Index)
		}
		where, _ := filepath.Rel(dir, d.Where)
		id, _ := strings.CutPrefix(d.ID, dir+string(filepath.Separator))
		got = append(got, fmt.Sprintf("%s %s %q", filepath.ToSlash(where), filepath.ToSlash(id), d.Text))
	}
	want := []string{`a/one.txt a/one.txt "first"`, `b.md b.md "# second\n"`, `c.jsonl:1 7 "third"`, `c.jsonl:3 c.jsonl:3 ""`, `d.jsonl.gz:1 x "fifth\nline"`}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for first := range len(all) + 2 {
		rest, err := read(t, first, dir)
		if err != nil || !slices.Equal(rest, all[min(first, len(all)):]) {
			t.Errorf("from %d: %d documents, %v", first, len(rest), err)
		}
	}
	s, _ := Open(dir)
	for range s.Documents(0) {
		break // a reader may stop early
	}
}

func TestRefusals(t *testing.T) {
	dir := tree(t, map[string]string{
		"json.jsonl": "{\"text\": \"a\"}\n{\"text\": ", "text.jsonl": `{"content": "a"}`, "number.jsonl": `{"text": 3}`, "half.jsonl": "{\"text\": \"\ufffd \"}\n{\"text\": \"\\ud83d\"}",
		"latin.txt": "caf\xe9", "latin.jsonl": "{\"text\": \"caf\xe9\"}", "broken.jsonl.gz": packed(`{"text": "a"}`)[:20], "plain.jsonl.gz": "plain",
		"other.pdf": "%PDF",
	})
	for name, says := range map[string]string{
		"json.jsonl": "json.jsonl:2", "text.jsonl": `no "text"`, "number.jsonl": "number.jsonl:1", "half.jsonl": "half.jsonl:2", "latin.txt": "UTF-8", "latin.jsonl": "latin.jsonl:1",
		"broken.jsonl.gz": "damaged", "plain.jsonl.gz": "not a gzip", "other.pdf": "this is none",
	} {
		_, err := read(t, 0, filepath.Join(dir, name))
		var format *bounded.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want a FormatError with %q", name, err, says)
		}
	}
	if _, err := read(t, 0, tree(t, map[string]string{"x.png": ""})); err == nil {
		t.Error("a folder without documents is read")
	}
	if _, err := Open(filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestBomb(t *testing.T) {
	dir := tree(t, map[string]string{"lines.jsonl.gz": packed(strings.Repeat("\n", 64<<20)), "line.jsonl.gz": packed(strings.Repeat(" ", 128<<20))})
	for _, name := range []string{"lines.jsonl.gz", "line.jsonl.gz"} {
		var limit *bounded.LimitError
		if _, err := read(t, 0, filepath.Join(dir, name)); !errors.As(err, &limit) {
			t.Errorf("%s: %v, want a LimitError", name, err)
		}
	}
}

func TestPart(t *testing.T) {
	var lines strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&lines, "{\"text\": \"document %d\"}\n", i%3000) // the last thousand are copies
	}
	s, err := Open(filepath.Join(tree(t, map[string]string{"d.jsonl": lines.String()}), "d.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]int{}
	counts := make([]int, 3)
	for p, ends := range [][2]float64{{0, 0.1}, {0.1, 0.5}, {0.5, 1}} {
		for d, err := range Part(s.Documents(0), ends[0], ends[1]) {
			if err != nil {
				t.Fatal(err)
			}
			if was, ok := part[d.Text]; ok && was != p {
				t.Fatalf("%q is in parts %d and %d", d.Text, was, p)
			}
			part[d.Text] = p
			counts[p]++
		}
	}
	if len(part) != 3000 || counts[0]+counts[1]+counts[2] != 4000 {
		t.Errorf("%d texts in parts of %d documents", len(part), counts)
	}
	if counts[0] < 340 || counts[0] > 460 || counts[1] < 1500 || counts[1] > 1700 {
		t.Errorf("parts of a tenth, four tenths and a half have %d documents", counts)
	}
	failing := func(yield func(Document, error) bool) { yield(Document{}, fs.ErrInvalid) }
	for _, err := range Part(failing, 0, 0) {
		if err != fs.ErrInvalid {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("an error does not pass")
}

// TestRealDocuments reads the public texts whole.
func TestRealDocuments(t *testing.T) {
	docs, err := read(t, 0, testdata.Dir(t, "rfc_quic"), filepath.Join(testdata.Dir(t, "prose"), "network.jsonl.gz"))
	if err != nil || len(docs) < 100 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	n := 0
	for _, d := range docs {
		n += len(d.Text)
	}
	if n < 1<<20 {
		t.Errorf("%d bytes", n)
	}
}

func FuzzDocuments(f *testing.F) {
	for _, text := range []string{`{"text": "a"}`, "{\"id\": [1], \"text\": \"\\ud800\"}\n\n{}", packed(`{"text": "a"}`), "\ufeff\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func(string, *bytes.Reader, func(func() (Document, error)) error) error{
			func(name string, r *bytes.Reader, visit func(func() (Document, error)) error) error {
				return eachLine(name, r, visit)
			},
			func(name string, r *bytes.Reader, visit func(func() (Document, error)) error) error {
				return eachPacked(name, r, visit)
			},
		} {
			read("f", bytes.NewReader(data), func(get func() (Document, error)) error {
				d, err := get()
				if err == nil && d.Where == "" {
					t.Fatal("a document from nowhere")
				}
				return err
			})
		}
	})
}
