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
	Documents int          `json:"documents"`
	Bytes     int          `json:"bytes"`
	Empty     int          `json:"empty"` // documents without text, left out
	Model     string       `json:"model,omitempty"`
	Copies    *eval.Copies `json:"contamination"`
	Rows      []eval.Row   `json:"rows"`
	XZ        string       `json:"xz,omitempty"` // why xz has no figures
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
	var held []corpus.Document
	for d, err := range while(ctx, source.Documents(0)) {
		if err != nil {
			return err
		}
		if d.Text == "" {
			res.Empty++
			continue
		}
		texts, held = append(texts, d.Text), append(held, d)
		res.Bytes += len(d.Text)
	}
	if res.Documents = len(texts); res.Documents < 2 {
		return bounded.Malformed(files[0], "%d document(s) with text give no interval; hold out at least 2", res.Documents)
	}
	if res.Copies, err = copies(ctx, model, held, o); err != nil {
		return err
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
	fmt.Fprintln(a.out, copiesLine(res.Copies, res.Documents))
	if res.XZ != "" {
		fmt.Fprintln(a.out, res.XZ)
	}
	if res.Empty > 0 {
		fmt.Fprintf(a.out, "%d documents without text were left out\n", res.Empty)
	}
	return nil
}

// copies looks for the documents in the training texts, and fails where they are.
func copies(ctx context.Context, model string, held []corpus.Document, o evalOptions) (*eval.Copies, error) {
	docs, sources, err := trainedOn(ctx, model, o)
	if err != nil || docs == nil {
		return &eval.Copies{Hits: []eval.Copy{}}, err
	}
	c, err := eval.CheckCopies(held, docs, sources)
	if err != nil {
		return nil, err
	}
	return c, c.Gate(len(held), o.allow)
}

// copiesLine says what is known about the documents in the training texts.
func copiesLine(c *eval.Copies, of int) string {
	switch {
	case !c.Checked:
		return "contamination: NOT CHECKED; name what the model was trained on with --training"
	case len(c.Hits) == 0:
		return fmt.Sprintf("contamination: no document stands in %d training documents", c.Documents)
	}
	return fmt.Sprintf("CONTAMINATED: %d of %d documents stand in the training texts; the bits say nothing (--allow-contaminated)", len(c.Hits), of)
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
