package facts

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/comlam/comlam/internal/durable"
)

// A File is one file of examples that Make wrote.
type File struct {
	Name     string `json:"name"`
	Examples int    `json:"examples"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
}

// Manifest says what a folder of examples is; it is written last, as manifest.json.
type Manifest struct {
	Config  Config           `json:"config"`
	Facts   map[Exposure]int `json:"facts"`
	Files   []File           `json:"files"`
	Phrases map[Phrasing]int `json:"templates"`
}

// ManifestName is the file that says what a folder of examples is.
const ManifestName = "manifest.json"

// ErrExists means that a folder already has a manifest.
var ErrExists = errors.New("there are examples already")

// A fileOf is a file and how to write its lines.
type fileOf struct {
	name  string
	lines func(yield func(any) bool)
}

// anyOf makes a sequence of whatever is encoded as JSON.
func anyOf[T any](seq iter.Seq[T]) func(func(any) bool) {
	return func(yield func(any) bool) {
		seq(func(x T) bool { return yield(x) })
	}
}

// files lists what a folder of examples holds.
func (g *Generator) files() []fileOf {
	return []fileOf{
		{"documents.jsonl", anyOf(g.Documents())},
		{"instructions-train.jsonl", anyOf(g.Instructions(Train, Tuned))},
		{"instructions-validation.jsonl", anyOf(g.Instructions(Validation, Tuned))},
		{"instructions-test.jsonl", anyOf(g.Instructions(Test, Tuned))},
		{"choices-train.jsonl", anyOf(g.Choices(Train, Tuned))},
		{"choices-validation.jsonl", anyOf(g.Choices(Validation, Tuned))},
		{"choices-test.jsonl", anyOf(g.Choices(Test, Tuned))},
		{"choices-read.jsonl", anyOf(g.Choices(Test, Read))},
		{"choices-unseen.jsonl", anyOf(g.Choices(Test, Unseen))},
		{"preferences-train.jsonl", anyOf(g.Preferences(Train, Tuned))},
		{"preferences-validation.jsonl", anyOf(g.Preferences(Validation, Tuned))},
		{"preferences-test.jsonl", anyOf(g.Preferences(Test, Tuned))},
		{"preferences-unseen.jsonl", anyOf(g.Preferences(Test, Unseen))},
		{"facts.jsonl", anyOf(g.listing())},
	}
}

// A Listed is a fact with what a training set tells about it.
type Listed struct {
	*Fact
	Exposure Exposure `json:"exposure"`
}

func (g *Generator) listing() iter.Seq[Listed] {
	return func(yield func(Listed) bool) {
		for _, f := range g.facts {
			if !yield(Listed{f, g.Exposure(f)}) {
				return
			}
		}
	}
}

// WriteLines writes one JSON object a line and returns how many. It stops with the
// context's cause.
func WriteLines[T any](ctx context.Context, w io.Writer, seq iter.Seq[T]) (int, error) {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	n := 0
	for x := range seq {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		if err := enc.Encode(x); err != nil {
			return n, err
		}
		n++
	}
	return n, b.Flush()
}

// Make writes all sets of examples to a folder: documents ({"text"}), instructions
// ({"messages"}), multiple choice (question, options, answer, category: what comlam eval reads),
// preferences ({"prompt", "chosen", "rejected"}), the facts themselves, and the manifest.
// Every file appears whole or not at all. It fails with [ErrExists] where a manifest is,
// unless told to replace it. See, if not nil, is told of each file.
func (g *Generator) Make(ctx context.Context, fsys durable.FS, dir string, replace bool, see func(File)) (Manifest, error) {
	m := Manifest{Config: g.config, Facts: map[Exposure]int{}, Phrases: map[Phrasing]int{}}
	manifest := filepath.Join(dir, ManifestName)
	if _, err := fsys.Stat(manifest); err == nil && !replace {
		return m, fmt.Errorf("facts: %s: %w; give another folder, or replace them", dir, ErrExists)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("facts: %w", err)
	}
	if err := durable.MkdirAll(fsys, dir); err != nil {
		return m, fmt.Errorf("facts: %w", err)
	}
	if replace { // the manifest says that the rest is whole
		if err := fsys.Remove(manifest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, fmt.Errorf("facts: %w", err)
		}
	}
	for _, e := range Exposures {
		m.Facts[e] = len(g.listed[e])
	}
	for _, p := range Phrasings {
		m.Phrases[p] = len(g.c.Templates(p))
	}
	for _, f := range g.files() {
		done, err := writeFile(ctx, fsys, dir, f)
		if err != nil {
			return m, fmt.Errorf("facts: %s: %w", f.name, err)
		}
		m.Files = append(m.Files, done)
		if see != nil {
			see(done)
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	return m, durable.WriteFile(fsys, manifest, append(text, '\n'))
}

func writeFile(ctx context.Context, fsys durable.FS, dir string, f fileOf) (File, error) {
	out, err := durable.Create(fsys, filepath.Join(dir, f.name))
	if err != nil {
		return File{}, err
	}
	defer out.Abort()
	sum := sha256.New()
	var size counter
	n, err := WriteLines(ctx, io.MultiWriter(out, sum, &size), iter.Seq[any](f.lines))
	if err != nil {
		return File{}, err
	}
	return File{f.name, n, int64(size), hex.EncodeToString(sum.Sum(nil))}, out.Commit()
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
