package eval

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/bounded"
)

// TrainingDocuments reads what a model was trained on, whatever the form: documents as
// package corpus reads them, and files of examples as package data does, of which each
// example is a document with all that is said in it. Folders are walked for documents.
func TrainingDocuments(paths ...string) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for _, path := range paths {
			docs, err := openTraining(path)
			if err != nil {
				yield(corpus.Document{}, err)
				return
			}
			for d, err := range docs {
				if !yield(d, err) || err != nil {
					return
				}
			}
		}
	}
}

func openTraining(path string) (iter.Seq2[corpus.Document, error], error) {
	texts, err := holdsTexts(path)
	if err != nil {
		return nil, err
	}
	if texts {
		s, err := corpus.Open(path)
		if err != nil {
			return nil, err
		}
		return s.Documents(0), nil
	}
	examples, err := data.OpenExamples(path, nil)
	if err != nil {
		return nil, err
	}
	return func(yield func(corpus.Document, error) bool) {
		for i, x := range examples.List {
			where := fmt.Sprintf("%s:%d", path, x.Line)
			if !yield(corpus.Document{Index: i, ID: where, Where: where, Text: saidIn(x)}, nil) {
				return
			}
		}
	}, nil
}

// saidIn is all that an example says, in order.
func saidIn(x data.Example) string {
	var parts []string
	for _, p := range []data.Passage{x.Prompt, x.Completion, x.Rejected} {
		parts = append(parts, p.Text)
		for _, m := range p.Messages {
			parts = append(parts, m.Content)
		}
	}
	return strings.Join(parts, "\n")
}

// maxFirst is how long the first line of a file may be that tells its form.
const maxFirst = 16 << 20

// holdsTexts tells documents from examples: a file of JSON lines holds documents where
// its first object has "text", a file .json holds examples, and all else documents.
func holdsTexts(path string) (bool, error) {
	name := strings.ToLower(path)
	if strings.HasSuffix(name, ".json") {
		return false, nil
	}
	if !strings.HasSuffix(name, ".jsonl") && !strings.HasSuffix(name, ".jsonl.gz") {
		return true, nil
	}
	keys, err := FirstKeys(path)
	// Of what is no object package corpus says what is wrong with it.
	return keys == nil || slices.Contains(keys, "text"), err
}

// FirstKeys are the keys of the first object of a file of JSON lines, plain or gzip,
// sorted; nil where its first line is no object.
func FirstKeys(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, bounded.Malformed(path, "not a gzip file: %v", err)
		}
	}
	line, err := bufio.NewReader(bounded.NewReader(r, maxFirst)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var first map[string]json.RawMessage
	if json.Unmarshal(line, &first) != nil {
		return nil, nil
	}
	return slices.Sorted(maps.Keys(first)), nil
}
