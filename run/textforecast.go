package run

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/spec/facts"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

func (j *textJob) shapes() *Forecast {
	f := j.forecast()
	f.Parameters = j.r.forVocabulary(j.r.Text.Tokenizer.VocabSize).NumParameters()
	tokens := float64(j.r.Train.Steps * j.r.Train.BatchSize * j.r.Text.Data.SequenceLength)
	f.FLOP = 6 * float64(f.Parameters) * tokens
	f.PeakMiB, f.DiskMiB = j.shapeMiB(f.Parameters), j.diskMiB(f.Parameters)
	return f
}

// Constants of the memory forecast from shapes: what must be there, without what the
// collector lets grow. Measured peaks of long runs lie 20 to 50 % above the forecast.
const (
	textProcessMiB = 60 // the program itself
	textPerByte    = 6  // of the documents: text, tokens and the tables of n-gram models
	textPerLogit   = 12 // bytes: logits, their softmax and gradient
)

func (j *textJob) shapeMiB(parameters int) float64 {
	weights := 4 * float64(parameters) * float64(copiesOfWeights+3*j.workers())
	logits := float64(j.microSize()*j.r.Text.Data.SequenceLength*j.r.Text.Tokenizer.VocabSize) * textPerLogit * float64(j.workers())
	return textProcessMiB + (weights+logits+textPerByte*float64(j.text.bytes()))/(1<<20)
}

func (j *textJob) diskMiB(parameters int) float64 {
	weights := 4 * float64(parameters) / (1 << 20)
	return 2 + weights + 3*float64(j.r.Train.KeepCheckpoints+1)*weights
}

// barsPerMB is what n-gram models and xz take for each megabyte of text, in seconds.
const barsPerMB = 1.2

// probe makes the tokenizer and does a few real steps and looks of each kind.
func (j *textJob) probe(ctx context.Context, f *Forecast) error {
	began := time.Now()
	m, err := j.probeTokenizer(ctx, f)
	if err != nil {
		return err
	}
	base, err := j.probePretraining(ctx, f, m.tok)
	if err != nil {
		return err
	}
	f.Parameters = base.NumParameters()
	f.DiskMiB = j.diskMiB(f.Parameters)
	for _, part := range []func(context.Context, *Forecast, *languageModel, nn.Weights) error{j.probeDocuments, j.probeTuning, j.probeAlignment, j.probeQuestions} {
		runtime.GC() // a run has let go of a stage's memory by the next
		if err := part(ctx, f, m, base); err != nil {
			return err
		}
	}
	for _, s := range f.Stages {
		f.Seconds += s.Seconds
	}
	f.PeakMiB, f.ProbeSeconds = PeakMiB(), time.Since(began).Seconds()
	return nil
}

func (j *textJob) probeTokenizer(ctx context.Context, f *Forecast) (*languageModel, error) {
	began := time.Now()
	tok := (*tokenizer.Tokenizer)(nil)
	if b := j.r.Text.base; b != nil {
		tok = b.Tokenizer
	} else {
		var err error
		if tok, err = tokenizer.Train(ctx, j.text.training(), j.r.Text.Tokenizer); err != nil {
			return nil, err
		}
	}
	f.Stages = append(f.Stages, StageForecast{"tokenizer", time.Since(began).Seconds()})
	lm, err := j.build(tok)
	return &languageModel{tok: tok, lm: lm}, err
}

// probeDocuments times one batch of rows of held-out text.
func (j *textJob) probeDocuments(_ context.Context, f *Forecast, m *languageModel, base nn.Weights) error {
	if !j.text.measures() {
		return nil
	}
	begin, end, err := ends(m.tok)
	if err != nil {
		return err
	}
	rows, first := 0, (*data.Windows)(nil)
	for _, s := range j.text.sources {
		docs := make([][]int32, len(s.held))
		for i, text := range s.held {
			docs[i] = m.tok.Encode(text)
		}
		if w := data.NewWindows(docs, j.r.Text.Data.SequenceLength, begin, end); len(docs) > 1 {
			rows, first = rows+w.NumRows(), w
		}
	}
	p, err := newScorer(m.lm, base, nil)
	if err != nil {
		return err
	}
	b, _, _ := first.Rows(0, measureRows)
	batch, err := lookTime(func() error { _, err := p.run(b); return err })
	models := float64(len(j.measured(base)))
	f.Stages = append(f.Stages,
		StageForecast{"bars", barsPerMB * float64(j.text.bytes()) / 1e6},
		StageForecast{"documents", models * batch * float64((rows+measureRows-1)/measureRows)})
	return err
}

// probeTuning times a few steps of every way, and one look at the validation set.
func (j *textJob) probeTuning(ctx context.Context, f *Forecast, m *languageModel, base nn.Weights) error {
	c := j.r.Text.Tune
	if c == nil {
		return nil
	}
	t, _, err := j.instructTask(m, base, "", j.trainKey())
	if err != nil {
		return err
	}
	begun, err := c.Begin(m.lm, base, t.Source)
	if err != nil {
		return err
	}
	c = &begun
	for _, name := range c.Methods {
		way := tune.Way(name)
		p, last, err := measurePace(tuneBudget, func(see func(train.Replayed) error) error {
			return t.ReplayInstruct(ctx, *c, way, c.Rates(way)[0], nil, c.Steps, see)
		})
		if err != nil {
			return err
		}
		look, err := lookTime(func() error { _, err := t.Judge(last.Weights, c.Adapter(way)); return err })
		if err != nil {
			return err
		}
		looks := float64(c.Steps/c.ValidateEvery + 1)
		f.Stages = append(f.Stages, StageForecast{"tune-" + name, float64(len(c.Rates(way))) * (p.total(c.Steps) + looks*look)})
	}
	return nil
}

// probeAlignment times a few steps of alignment, on pairs of which the reference is not
// known, and one batch of a look at the held-out pairs.
func (j *textJob) probeAlignment(ctx context.Context, f *Forecast, m *languageModel, base nn.Weights) error {
	c := j.r.Text.Align
	if c == nil {
		return nil
	}
	pairs, err := j.preferences(m, facts.Train, data.Adapt)
	if err != nil {
		return err
	}
	if err := pairs.SetReference(make([]float32, 2*pairs.Len())); err != nil {
		return err
	}
	task := c.Job(m.lm, base, nil, pairs, j.r.Seed)
	task.Workers = j.o.Workers
	p, _, err := measurePace(tuneBudget, func(see func(train.Replayed) error) error { return task.Replay(ctx, nil, c.Steps, see) })
	if err != nil {
		return err
	}
	// A look runs two models forward over as many pairs as there are, a third of what
	// training takes for each; the reference is one more model.
	perPair := p.seconds / float64(c.BatchSize) / 3
	looks := float64(c.Steps/c.ValidateEvery)*2 + 1 + 4
	f.Stages = append(f.Stages, StageForecast{"align", p.total(c.Steps) + looks*perPair*float64(pairs.Len())})
	return nil
}

// probedQuestions is how many questions a probe asks.
const probedQuestions = 32

// probeQuestions times a few questions.
func (j *textJob) probeQuestions(ctx context.Context, f *Forecast, m *languageModel, base nn.Weights) error {
	sets, err := j.questionSets()
	if err != nil || len(sets) == 0 {
		return err
	}
	all, models := 0, 1
	for _, s := range sets {
		all += len(s.Questions)
	}
	if t := j.r.Text.Tune; t != nil {
		models += len(t.Methods)
	}
	if j.r.Text.Align != nil {
		models++
	}
	few := sets[0].Questions[:min(probedQuestions, len(sets[0].Questions))]
	seconds, err := lookTime(func() error {
		_, err := j.answers(ctx, m, asked{namePretrained, eval.Chat, base, nil}, few)
		return err
	})
	f.Stages = append(f.Stages, StageForecast{"ask", float64(models) * float64(all) * seconds / float64(len(few))})
	return err
}

func (j *textJob) probePretraining(ctx context.Context, f *Forecast, tok *tokenizer.Tokenizer) (nn.Weights, error) {
	lm, err := j.build(tok)
	if err != nil {
		return nil, err
	}
	source, err := j.pack(tok)
	if err != nil {
		return nil, err
	}
	p, last, err := measurePace(trainBudget, func(see func(train.Replayed) error) error {
		return j.trainJob(lm, source).Replay(ctx, nil, j.r.Train.Steps, see)
	})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for _, w := range []nn.Weights{last.Weights, last.Optimizer} {
		if err := train.WriteWeights(io.Discard, w, nil); err != nil {
			return nil, err
		}
	}
	saves := float64(j.r.Train.Steps/j.r.Train.CheckpointEvery+1) * time.Since(began).Seconds()
	f.Stages = append(f.Stages, StageForecast{"pretrain", p.total(j.r.Train.Steps) + 2*saves})
	return last.Weights.Clone(), nil
}

// lessMemory proposes the largest micro-batch that fits.
func (j *textJob) lessMemory(f *Forecast, room float64) Proposal {
	smaller, recipe := *j, *j.r
	smaller.r = &recipe
	scale := f.PeakMiB / j.shapeMiB(f.Parameters)
	for micro := j.microSize() - 1; micro > 0; micro-- {
		if recipe.Train.MicroBatchSize = micro; recipe.Train.BatchSize%micro != 0 {
			continue
		}
		if need := scale * smaller.shapeMiB(f.Parameters); need <= room {
			return Proposal{[]string{fmt.Sprintf("train.micro_batch_size=%d", micro)}, fmt.Sprintf("some %.0f MiB, the same training up to rounding", need)}
		}
	}
	return Proposal{[]string{}, "a smaller model: no micro-batch of this one fits"}
}

func (j *textJob) lessDisk(*Forecast) Proposal {
	return Proposal{[]string{"train.keep_checkpoints=1"}, "or another disk with -C"}
}

func (j *textJob) lessTime(factor float64) Proposal {
	steps := max(1, int(0.95*factor*float64(j.r.Train.Steps)))
	return Proposal{[]string{fmt.Sprintf("train.steps=%d", steps)}, "the same job, smaller; its results will be worse"}
}
