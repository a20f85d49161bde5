package eval

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/comlam/comlam/corpus/ngram"
	"github.com/comlam/comlam/corpus/xz"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/tokenizer"
)

// BitsPerByte is the exact name of what a text costs: the negative base-2 logarithm of
// its probability, its end included, over its bytes in UTF-8; the sum over all texts of
// the one, divided by that of the other.
const BitsPerByte = "bits-per-byte/with-end"

// Reading is held-out documents and the bits that every method needs for each. Documents
// are the independent drops of the intervals.
type Reading struct {
	condition Condition
	texts     []string
	bytes     int
	methods   []reader
}

// reader is one method: bits document by document, or one figure for all.
type reader struct {
	name, class string
	tally       *metric.Tally
	figure      float64
}

// NewReading starts with the documents, none of which may be empty. Two or more give
// intervals.
func NewReading(c Condition, texts []string) (*Reading, error) {
	if len(texts) < 2 {
		return nil, fmt.Errorf("%s, %s: %d held-out document(s) give no interval; hold out at least 2", c.Task, c.Name, len(texts))
	}
	r := &Reading{condition: c, texts: texts}
	for i, t := range texts {
		if t == "" {
			return nil, fmt.Errorf("%s, %s: held-out document %d is empty; leave it out", c.Task, c.Name, i)
		}
		r.bytes += len(t)
	}
	return r, nil
}

// Texts are the documents.
func (r *Reading) Texts() []string { return r.texts }

// Add counts a method that needed so many bits for each document.
func (r *Reading) Add(method, class string, bits []float64) error {
	if len(bits) != len(r.texts) {
		return fmt.Errorf("%s, %s: method %q read %d of %d documents", r.condition.Task, r.condition.Name, method, len(bits), len(r.texts))
	}
	t := metric.NewTally(BitsPerByte)
	for i, b := range bits {
		if err := t.Add(uint64(i), b, float64(len(r.texts[i]))); err != nil {
			return fmt.Errorf("method %q: %w", method, err)
		}
	}
	r.methods = append(r.methods, reader{name: method, class: class, tally: t})
	return nil
}

// Rows gives the bits a byte of every method. A compressor, which reads all documents as
// one, has its figure at both ends of the interval.
func (r *Reading) Rows() ([]Row, error) {
	var rows []Row
	for _, m := range r.methods {
		row := Row{Task: r.condition.Task, Condition: r.condition.Name, Method: m.name, Class: m.class, Metric: BitsPerByte,
			Value: m.figure, CI95: [2]float64{m.figure, m.figure}, N: len(r.texts)}
		if m.tally != nil {
			v, err := m.tally.Value(metric.Bootstrap{})
			if err != nil {
				return nil, fmt.Errorf("method %q: %w", m.name, err)
			}
			row.Value, row.CI95 = v.Value, v.CI95
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Difference is the method's bits a byte less the reference's, with the interval of the
// paired bootstrap over documents: negative where the method is better.
func (r *Reading) Difference(method, reference string) (metric.Value, error) {
	var tallies [2]*metric.Tally
	for i, name := range []string{method, reference} {
		at := slices.IndexFunc(r.methods, func(m reader) bool { return m.name == name && m.tally != nil })
		if at < 0 {
			return metric.Value{}, fmt.Errorf("no method %q read the documents of %s one by one; use a name of its rows", name, r.condition.Name)
		}
		tallies[i] = r.methods[at].tally
	}
	return metric.Difference(tallies[0], tallies[1], metric.Bootstrap{})
}

// Names of the bars of held-out text.
const (
	NameByteKN   = "Kneser-Ney 8-gram of bytes"
	NameTokenKN  = "Kneser-Ney 5-gram of tokens"
	NameXZ       = "xz -9e, alone"
	NameXZPrimed = "xz -9e, after the training text"
)

// Texts yields texts, or the error that ends them. A bar reads them more than once.
type Texts = iter.Seq2[string, error]

// AddBars trains the bars on the training texts and counts what they need: Kneser-Ney
// models over 8 bytes and, where there is a tokenizer, over 5 of its tokens, and xz. It
// returns [xz.ErrAbsent], with all else done, where there is no xz. Say is told what is
// being done, where it is not nil.
func (r *Reading) AddBars(ctx context.Context, training Texts, t *tokenizer.Tokenizer, say func(string)) error {
	if say == nil {
		say = func(string) {}
	}
	say(NameByteKN)
	if err := r.addNGram(ctx, NameByteKN, training, ngram.Config{Order: 8, Size: ngram.NumBytes}, ngram.Bytes); err != nil {
		return err
	}
	if t != nil {
		say(NameTokenKN)
		if err := r.addNGram(ctx, NameTokenKN, training, ngram.Config{Order: 5, Size: t.Size()}, t.Encode); err != nil {
			return err
		}
	}
	say("xz -9e")
	f, err := xz.Measure(ctx, training, r.held())
	if errors.Is(err, xz.ErrAbsent) {
		return err
	}
	if err != nil {
		return fmt.Errorf("xz: %w", err)
	}
	r.methods = append(r.methods, reader{name: NameXZ, class: Classical, figure: f.Alone}, reader{name: NameXZPrimed, class: Classical, figure: f.Primed})
	return nil
}

func (r *Reading) held() Texts {
	return func(yield func(string, error) bool) {
		for _, t := range r.texts {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// addNGram trains one n-gram model and reads the documents with it.
func (r *Reading) addNGram(ctx context.Context, name string, training Texts, c ngram.Config, symbols func(string) []int32) error {
	m, err := ngram.Train(ctx, func(yield func([]int32, error) bool) {
		for text, err := range training {
			if !yield(symbols(text), err) {
				return
			}
		}
	}, c)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	bits := make([]float64, len(r.texts))
	for i, text := range r.texts {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := m.Score(symbols(text))
		if err != nil {
			return fmt.Errorf("%s: document %d: %w", name, i, err)
		}
		bits[i] = s.Bits + s.EndBits
	}
	return r.Add(name, Classical, bits)
}
