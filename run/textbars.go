package run

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"

	"github.com/comlam/comlam/corpus/ngram"
	"github.com/comlam/comlam/corpus/xz"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/tokenizer"
)

// The n-gram models that stand beside every language model, in tables.
const (
	nameTokenGrams = "Kneser-Ney 5-gram of tokens"
	nameByteGrams  = "Kneser-Ney 8-gram of bytes"
)

// bars is what the classical models make of the held-out documents.
type bars struct {
	readings
	XZ map[string]xz.Figures `json:"xz"` // by source; empty where there is no xz
}

// measureBars is the stage that trains the n-gram models on the text that the model is
// trained on and measures them, and xz, on the same held-out documents.
func (j *textJob) measureBars(ctx context.Context, tok *tokenizer.Tokenizer) (*bars, error) {
	if !j.text.measures() {
		return &bars{}, nil
	}
	key, err := j.key("bars", j.tokenizerKey(), perDocument)
	if err != nil {
		return nil, err
	}
	dir, err := j.stages.run(ctx, "bars", key, func(dir string) ([]string, error) {
		j.show.stage("bars", "%s: n-gram models of the same text", j.r.Name)
		b, err := j.makeBars(ctx, tok)
		if err != nil {
			return nil, err
		}
		return []string{"bars.json"}, j.stages.writeJSON(filepath.Join(dir, "bars.json"), b)
	})
	if err != nil {
		return nil, err
	}
	b := new(bars)
	return b, j.stages.readJSON(filepath.Join(dir, "bars.json"), b)
}

func (j *textJob) makeBars(ctx context.Context, tok *tokenizer.Tokenizer) (*bars, error) {
	b := &bars{XZ: map[string]xz.Figures{}}
	for _, m := range []struct {
		name    string
		config  ngram.Config
		symbols func(string) []int32
	}{
		{nameTokenGrams, ngram.Config{Order: 5, Size: tok.Size()}, tok.Encode},
		{nameByteGrams, ngram.Config{Order: 8, Size: ngram.NumBytes}, ngram.Bytes},
	} {
		if err := j.measureGrams(ctx, &b.readings, m.name, m.config, m.symbols); err != nil {
			return nil, err
		}
	}
	for _, s := range j.text.sources {
		if len(s.held) < 2 {
			continue
		}
		f, err := xz.Measure(ctx, whole(j.text.training()), whole(slices.Values(s.held)))
		if errors.Is(err, xz.ErrAbsent) {
			j.show.stage("bars", "%v", err)
			break
		}
		if err != nil {
			return nil, err
		}
		b.XZ[s.Title()] = f
	}
	return b, nil
}

func (j *textJob) measureGrams(ctx context.Context, r *readings, name string, c ngram.Config, symbols func(string) []int32) error {
	m, err := ngram.Train(ctx, encoded(j.text.training(), symbols), c)
	if err != nil {
		return err
	}
	for _, s := range j.text.sources {
		if len(s.held) < 2 {
			continue
		}
		bits := make([]float64, len(s.held))
		for i, text := range s.held {
			score, err := m.Score(symbols(text))
			if err != nil {
				return err
			}
			bits[i] = score.Bits + score.EndBits
		}
		if err := r.add(j.r.TaskName, s, name, eval.Classical, bits); err != nil {
			return err
		}
	}
	return nil
}

// whole gives texts as a reader that cannot fail.
func whole(texts iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for text := range texts {
			if !yield(text, nil) {
				return
			}
		}
	}
}

func encoded(texts iter.Seq[string], symbols func(string) []int32) iter.Seq2[[]int32, error] {
	return func(yield func([]int32, error) bool) {
		for text := range texts {
			if !yield(symbols(text), nil) {
				return
			}
		}
	}
}
