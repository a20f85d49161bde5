package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/corpus/xz"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/tokenizer"
)

// textRead is the result of eval on held-out documents.
type textRead struct {
	Documents int        `json:"documents"`
	Bytes     int        `json:"bytes"`
	Empty     int        `json:"empty"` // documents without text, left out
	Model     string     `json:"model,omitempty"`
	Rows      []eval.Row `json:"rows"`
	XZ        string     `json:"xz,omitempty"` // why xz has no figures
}

// evaluateText says what held-out documents cost, in bits a byte.
func (a *app) evaluateText(ctx context.Context, model string, files []string, o evalOptions) error {
	if model == barsOnly && len(o.training) == 0 {
		return usagef("the bars of documents are trained on text; name it with --training")
	}
	source, err := corpus.Open(files...)
	if err != nil {
		return err
	}
	res := textRead{}
	var texts []string
	for d, err := range while(ctx, source.Documents(0)) {
		if err != nil {
			return err
		}
		if d.Text == "" {
			res.Empty++
			continue
		}
		texts = append(texts, d.Text)
		res.Bytes += len(d.Text)
	}
	if res.Documents = len(texts); res.Documents < 2 {
		return bounded.Malformed(files[0], "%d document(s) with text give no interval; hold out at least 2", res.Documents)
	}
	reading, err := eval.NewReading(eval.Condition{Task: "text", Name: fmt.Sprintf("held out, %d bytes", res.Bytes)}, texts)
	if err != nil {
		return err
	}
	var tok *tokenizer.Tokenizer
	if model != barsOnly {
		res.Model = model
		if tok, err = a.readBy(ctx, model, reading, o); err != nil {
			return err
		}
	}
	if len(o.training) > 0 {
		if err := a.readByBars(ctx, reading, tok, o, &res); err != nil {
			return err
		}
	}
	if res.Rows, err = reading.Rows(); err != nil {
		return err
	}
	if a.json {
		return a.print(res)
	}
	writeRows(a.out, res.Rows)
	if res.XZ != "" {
		fmt.Fprintln(a.out, res.XZ)
	}
	if res.Empty > 0 {
		fmt.Fprintf(a.out, "%d documents without text were left out\n", res.Empty)
	}
	return nil
}

// readByBars trains the bars and reads the documents with them.
func (a *app) readByBars(ctx context.Context, r *eval.Reading, t *tokenizer.Tokenizer, o evalOptions, res *textRead) error {
	say := func(what string) {
		if !a.quiet {
			fmt.Fprintf(a.err, "comlam: %s\n", what)
		}
	}
	if !isTerminal(a.err) {
		say = nil
	}
	training := func(yield func(string, error) bool) {
		for d, err := range while(ctx, eval.TrainingDocuments(o.training...)) {
			if !yield(d.Text, err) {
				return
			}
		}
	}
	err := r.AddBars(ctx, training, t, say)
	if errors.Is(err, xz.ErrAbsent) {
		res.XZ = err.Error()
		return nil
	}
	return err
}

// while yields documents until ctx ends.
func while(ctx context.Context, docs iter.Seq2[corpus.Document, error]) iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for d, err := range docs {
			if ctx.Err() != nil {
				yield(corpus.Document{}, ctx.Err())
				return
			}
			if !yield(d, err) {
				return
			}
		}
	}
}
