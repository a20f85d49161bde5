package run

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
)

// measureRows is how many rows of held-out text are run at once.
const measureRows = 8

// documentBits is the bits that the model needs for each document and its end.
func (j *textJob) documentBits(ctx context.Context, tok *tokenizer.Tokenizer, lm model.LM, w nn.Weights, texts []string) ([]float64, error) {
	begin, end, err := ends(tok)
	if err != nil {
		return nil, err
	}
	docs := make([][]int32, len(texts))
	for i, text := range texts {
		docs[i] = tok.Encode(text)
	}
	windows := data.NewWindows(docs, j.r.Text.Data.SequenceLength, begin, end)
	p, err := newScorer(lm, w, nil)
	if err != nil {
		return nil, err
	}
	bits := make([]float64, len(texts))
	for first := 0; first < windows.NumRows(); first += measureRows {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		b, of, counts := windows.Rows(first, measureRows)
		means, err := p.run(b)
		if err != nil {
			return nil, err
		}
		for i, n := range counts {
			bits[of[i]] += float64(means[i]) * float64(n) / math.Ln2
		}
	}
	return bits, nil
}

// scorer runs the token loss without its gradient.
type scorer struct {
	store   *nn.Store
	program *nn.Program
}

func newScorer(lm model.LM, w nn.Weights, a nn.Adapter) (*scorer, error) {
	engine, err := backend.OpenAll()
	if err != nil {
		return nil, err
	}
	store := nn.NewStore(0)
	nn.SetAdapter(store, a)
	if err := nn.Push(store, w); err != nil {
		return nil, err
	}
	loss := train.TokenLoss(lm)
	p, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node { return []*nn.Node{loss(s, in)} })
	return &scorer{store, p}, err
}

// run returns the mean loss of each row over the places that count.
func (s *scorer) run(b data.Batch) ([]float32, error) {
	out, err := s.program.Run(b.Arrays...)
	if err != nil {
		return nil, err
	}
	return out[0].Float32, nil
}

// metricBits is the metric of language models on documents.
const metricBits = "bits-per-byte/with-end"

// namePretrained is the model after pre-training, in tables.
const namePretrained = "model, pre-trained"

// measureDocuments is the stage that measures the model on the documents that were held
// out, a condition for each source.
func (j *textJob) measureDocuments(ctx context.Context, tok *tokenizer.Tokenizer, lm model.LM, w nn.Weights) (*readings, error) {
	key, err := j.key("documents", j.trainKey(), perDocument)
	if err != nil {
		return nil, err
	}
	dir, err := j.stages.run(ctx, "documents", key, func(dir string) ([]string, error) {
		r := &readings{Rows: []eval.Row{}}
		for _, s := range j.text.sources {
			if len(s.held) < 2 {
				continue
			}
			j.show.stage("documents", "%s: %s of %s", j.r.Name, count(len(s.held), "held-out document"), s.Title())
			for _, m := range j.measured(w) {
				bits, err := j.documentBits(ctx, tok, lm, m.weights, s.held)
				if err != nil {
					return nil, err
				}
				if err := r.add(j.r.TaskName, s, m.name, eval.Learned, bits); err != nil {
					return nil, err
				}
			}
		}
		return []string{rowsFile}, j.stages.writeJSON(filepath.Join(dir, rowsFile), r)
	})
	if err != nil {
		return nil, err
	}
	r := new(readings)
	return r, j.stages.readJSON(filepath.Join(dir, rowsFile), r)
}

// nameBefore is the model that training went on with, in tables.
const nameBefore = "model, before"

// measured lists what is measured on documents: the model that training went on with, if
// there is one, and what training made.
func (j *textJob) measured(w nn.Weights) []asked {
	list := []asked{{name: namePretrained, weights: w}}
	if b := j.r.Text.base; b != nil {
		list = append([]asked{{name: nameBefore, weights: b.Weights}}, list...)
	}
	return list
}

// forgetting checks that going on with a model has not made it worse on the sources that
// have a gate by more than that.
func (j *textJob) forgetting(rows []eval.Row) []Gate {
	var gates []Gate
	for _, s := range j.text.sources {
		var before, after *eval.Row
		for i, r := range rows {
			switch {
			case r.Condition != s.Title():
			case r.Method == nameBefore:
				before = &rows[i]
			case r.Method == namePretrained:
				after = &rows[i]
			}
		}
		if s.Gate == 0 || before == nil || after == nil {
			continue
		}
		rise := after.Value/before.Value - 1
		gates = append(gates, Gate{
			Name: "general text is not forgotten", OK: rise <= s.Gate,
			Text:    fmt.Sprintf("%s: bits a byte of %s went from %.3f to %.3f (%+.1f %%, allowed %+.1f %%)", j.r.Name, s.Title(), before.Value, after.Value, 100*rise, 100*s.Gate),
			Chinese: fmt.Sprintf("%s：%s 每字节比特数由 %.3f 变为 %.3f（%+.1f%%，允许 %+.1f%%）", j.r.Name, s.Title(), before.Value, after.Value, 100*rise, 100*s.Gate),
		})
	}
	return gates
}
