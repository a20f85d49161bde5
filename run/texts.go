package run

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/docs"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/run/report"
	"github.com/comlam/comlam/spec"
	"github.com/comlam/comlam/spec/facts"
	"github.com/comlam/comlam/tokenizer"
)

// texts are the documents of a recipe, split into those to train and to measure on.
type texts struct {
	sources []textSource
	digest  string // of every document, its source and its side
}

// textSource is the documents of one source.
type textSource struct {
	data.TextSource
	train, held []string
	copies      int // documents that were left out
	unread
}

// unread is what of a source is left out.
type unread struct {
	other   map[string]int // files of other endings, by ending
	refused int            // records
	first   error          // why the first of them is
}

// readTexts reads the documents of a recipe. A document is held out by a hash of its
// text, so that the same document is on the same side whatever stands around it.
func readTexts(r *Recipe) (*texts, error) {
	t, h := &texts{}, sha256.New()
	var seen corpus.Duplicates
	for i, c := range r.Text.Data.Sources {
		s := textSource{TextSource: c}
		var err error
		s.unread, err = eachDocument(r, c, func(text string) {
			if limit := r.Text.Data.Duplicate; limit > 0 && c.Facts == 0 {
				if seen.Share(text) >= limit {
					s.copies++
					return
				}
				seen.Add(text)
			}
			if held(c, r.Text.Data.HeldOut, text) {
				s.held = append(s.held, text)
			} else if c.Trains() {
				s.train = append(s.train, text)
			}
		})
		if err != nil {
			return nil, r.locate("data", setting.Bad(fmt.Sprintf("sources[%d].path", i), "give files that are there and whole (Word and HTML with parse: true), or take the source out", "%v", err))
		}
		if c.Trains() && len(s.train) == 0 {
			return nil, r.locate("data", setting.Bad(fmt.Sprintf("sources[%d]", i), "give it more documents, or a smaller held_out", "no document of %q is left to train on", c.Title()))
		}
		s.sum(h)
		t.sources = append(t.sources, s)
	}
	t.digest = hex.EncodeToString(h.Sum(nil))
	return t, nil
}

func (s textSource) sum(h hash.Hash) {
	fmt.Fprintf(h, "%s %d %d\n", s.Title(), len(s.train), len(s.held))
	for _, side := range [][]string{s.train, s.held} {
		for _, text := range side {
			fmt.Fprintf(h, "%d\n%s", len(text), text)
		}
	}
}

// held says whether a document is measured on.
func held(c data.TextSource, share float64, text string) bool {
	if !c.Measures() {
		return false
	}
	return !c.Trains() || corpus.Place(text) < share
}

// eachDocument reads the documents of a source in order.
func eachDocument(r *Recipe, c data.TextSource, yield func(text string)) (u unread, err error) {
	switch {
	case c.Facts > 0:
		g, err := r.facts()
		if err != nil {
			return u, err
		}
		for d := range g.Documents() {
			yield(d.Text)
		}
		return u, nil
	case c.Path == "docs:":
		return u, ownDocuments(yield)
	case c.Parse:
		return parsedDocuments(c.Path, yield)
	}
	source, err := corpus.Open(c.Path)
	if err != nil {
		return u, err
	}
	for d, err := range source.Documents(0) {
		if err != nil {
			return u, err
		}
		if strings.TrimSpace(d.Text) != "" {
			yield(d.Text)
		}
	}
	u.other = source.Other
	return u, nil
}

// parsedDocuments reads the documents below a path as a library of standards does. A file
// that cannot be read is an error; a record of .jsonl is left out and counted.
func parsedDocuments(path string, yield func(text string)) (u unread, err error) {
	f, err := spec.OpenPath(context.Background(), path)
	if err != nil {
		return u, err
	}
	defer f.Close()
	none := true
	for s, err := range f.All(spec.DefaultLimits) {
		var d *spec.Document
		if err == nil {
			d, err = s.Read(spec.DefaultLimits)
		}
		if err != nil && s.Line == 0 {
			return u, fmt.Errorf("%s: %w", path, err)
		}
		if err != nil {
			if u.refused++; u.refused == 1 {
				u.first = err
			}
			continue
		}
		if text := d.Text(); strings.TrimSpace(text) != "" {
			none = false
			yield(text)
		}
	}
	switch {
	case none && u.refused > 0:
		return u, fmt.Errorf("%s: no record can be read: %w", path, u.first)
	case none:
		return u, bounded.Malformed(path, "there is no document that comlam spec reads")
	}
	u.other = f.Other
	return u, nil
}

// ownDocuments are sections of ComLAM's documentation, so that some can be held out.
func ownDocuments(yield func(text string)) error {
	z, err := gzip.NewReader(bytes.NewReader(docs.Sections))
	if err != nil {
		return err
	}
	for records := json.NewDecoder(z); ; {
		var section struct{ Text string }
		switch err := records.Decode(&section); err {
		case nil:
			yield(section.Text)
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// training are the texts that are trained on.
func (t *texts) training() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range t.sources {
			for _, text := range s.train {
				if !yield(text) {
					return
				}
			}
		}
	}
}

// describe counts what is trained on.
func (t *texts) describe() string {
	docs, bytes := t.count()
	text := fmt.Sprintf("%s (%.1f MB)", count(docs, "document"), float64(bytes)/1e6)
	if n := t.copies(); n > 0 {
		text += fmt.Sprintf(", %s left out", plural(n, "near copy", "near copies"))
	}
	return text
}

// describeZH is describe in Chinese.
func (t *texts) describeZH() string {
	docs, bytes := t.count()
	text := fmt.Sprintf("%s 篇文档（%.1f MB）", thousands(docs), float64(bytes)/1e6)
	if n := t.copies(); n > 0 {
		text += fmt.Sprintf("，去除近似重复 %s 篇", thousands(n))
	}
	return text
}

// remarks say what of the sources is not as one may think.
func (t *texts) remarks() []report.Text {
	var list []report.Text
	for _, s := range t.sources {
		if len(s.other) > 0 {
			var parts []string
			for _, ending := range slices.Sorted(maps.Keys(s.other)) {
				parts = append(parts, fmt.Sprintf("%d %s", s.other[ending], ending))
			}
			files := strings.Join(parts, ", ")
			how, howZH := "", ""
			if !s.Parse {
				how, howZH = " (Word and HTML are read with parse: true)", "（加 parse: true 可读 Word 与 HTML）"
			}
			list = append(list, report.Text{
				EN: fmt.Sprintf("Source %s: files that are not read: %s%s.", s.Title(), files, how),
				ZH: fmt.Sprintf("来源 %s：未读取的文件：%s%s。", s.Title(), files, howZH),
			})
		}
		if s.refused > 0 {
			list = append(list, report.Text{
				EN: fmt.Sprintf("Source %s: %s left out that cannot be read, the first: %v.", s.Title(), plural(s.refused, "record is", "records are"), s.first),
				ZH: fmt.Sprintf("来源 %s：%d 条记录无法读取，已略去；第一条：%v。", s.Title(), s.refused, s.first),
			})
		}
		if s.Measures() && len(s.held) < 2 {
			list = append(list, report.Text{
				EN: fmt.Sprintf("Source %s: nothing is measured on its documents, as %d of %d are held out; two are needed: raise data.held_out.", s.Title(), len(s.held), len(s.held)+len(s.train)),
				ZH: fmt.Sprintf("来源 %s：%d 篇文档中仅留出 %d 篇，至少需要两篇，因此不在其上评测；请增大 data.held_out。", s.Title(), len(s.held)+len(s.train), len(s.held)),
			})
		}
	}
	return list
}

// copies is how many documents were left out.
func (t *texts) copies() int {
	n := 0
	for _, s := range t.sources {
		n += s.copies
	}
	return n
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func (t *texts) count() (docs, bytes int) {
	for text := range t.training() {
		docs, bytes = docs+1, bytes+len(text)
	}
	return docs, bytes
}

// streams are the tokens of the sources that are trained on.
func (t *texts) streams(tok *tokenizer.Tokenizer) ([]*data.Stream, error) {
	var list []*data.Stream
	for _, s := range t.sources {
		if !s.Trains() {
			continue
		}
		stream := &data.Stream{Name: s.Title(), Weight: s.Weight}
		for i, text := range s.train {
			if !stream.Add(tok.Encode(text)) {
				return nil, fmt.Errorf("source %q: document %d of the training side is empty", s.Title(), i+1)
			}
		}
		list = append(list, stream)
	}
	return list, nil
}

// bytes is the size of all documents.
func (t *texts) bytes() int {
	n := 0
	for _, s := range t.sources {
		for _, side := range [][]string{s.train, s.held} {
			for _, text := range side {
				n += len(text)
			}
		}
	}
	return n
}

// measures says whether documents were held out.
func (t *texts) measures() bool {
	return slices.ContainsFunc(t.sources, func(s textSource) bool { return len(s.held) > 1 })
}

// facts makes documents, instructions, questions and preferences of telecom facts. Which
// facts are never told, follows from the recipe's seed.
func (r *Recipe) facts() (*facts.Generator, error) {
	list, err := facts.Load()
	if err != nil {
		return nil, err
	}
	c := facts.Default()
	c.Seed = r.Seed
	for _, s := range r.Text.Data.Sources {
		if s.Facts > 0 {
			c.Tellings, c.Tables = s.Facts, s.Tables
		}
	}
	return list.Generator(c)
}
