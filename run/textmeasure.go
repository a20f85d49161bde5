package run

import (
	"context"
	"math"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
)

// measureRows is how many rows of held-out text are run at once.
const measureRows = 8

// documentNats is the negative log-likelihood of each document and of its end, in nats.
func (j *textJob) documentNats(ctx context.Context, tok *tokenizer.Tokenizer, lm model.LM, w nn.Weights, texts []string) ([]float64, error) {
	begin, end, err := ends(tok)
	if err != nil {
		return nil, err
	}
	docs := make([][]int32, len(texts))
	for i, text := range texts {
		docs[i] = tok.Encode(text)
	}
	windows := data.NewWindows(docs, j.r.Text.Data.SequenceLength, begin, end)
	p, err := newScorer(lm, w)
	if err != nil {
		return nil, err
	}
	nats := make([]float64, len(texts))
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
			nats[of[i]] += float64(means[i]) * float64(n)
		}
	}
	return nats, nil
}

// scorer runs the token loss without its gradient.
type scorer struct{ program *nn.Program }

func newScorer(lm model.LM, w nn.Weights) (*scorer, error) {
	engine, err := backend.OpenAll()
	if err != nil {
		return nil, err
	}
	store := nn.NewStore(0)
	if err := nn.Push(store, w); err != nil {
		return nil, err
	}
	loss := train.TokenLoss(lm)
	p, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node { return []*nn.Node{loss(s, in)} })
	return &scorer{p}, err
}

// run returns the mean loss of each row over the places that count.
func (s *scorer) run(b data.Batch) ([]float32, error) {
	out, err := s.program.Run(b.Arrays...)
	if err != nil {
		return nil, err
	}
	return out[0].Float32, nil
}

// bitsPerByte gathers a document's nats as bits, and its bytes: the end of a document
// counts as bits and not as a byte.
func bitsPerByte(nats []float64, texts []string) (*metric.Tally, error) {
	t := metric.NewTally(metricBits)
	for i, n := range nats {
		if err := t.Add(uint64(i), n/math.Ln2, float64(len(texts[i]))); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// metricBits is the metric of language models on documents.
const metricBits = "bits-per-byte/with-end"

// namePretrained is the model after pre-training, in tables.
const namePretrained = "model, pre-trained"

// measureDocuments is the stage that measures the model on the documents that were held
// out, a condition for each source.
func (j *textJob) measureDocuments(ctx context.Context, tok *tokenizer.Tokenizer, lm model.LM, w nn.Weights) ([]eval.Row, error) {
	var rows []eval.Row
	for _, s := range j.text.sources {
		if len(s.held) < 2 {
			continue
		}
		nats, err := j.documentNats(ctx, tok, lm, w, s.held)
		if err != nil {
			return nil, err
		}
		t, err := bitsPerByte(nats, s.held)
		if err != nil {
			return nil, err
		}
		v, err := t.Value(metric.Bootstrap{})
		if err != nil {
			return nil, err
		}
		rows = append(rows, eval.Row{
			Task: j.r.TaskName, Condition: s.Title(), Method: namePretrained, Class: eval.Learned,
			Metric: v.Name, Value: v.Value, CI95: v.CI95, N: v.N,
		})
	}
	return rows, nil
}
