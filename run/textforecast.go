package run

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
)

func (j *textJob) shapes() *Forecast {
	f := j.forecast()
	f.Parameters = j.r.forVocabulary(j.r.Text.Tokenizer.VocabSize).NumParameters()
	tokens := float64(j.r.Train.Steps * j.r.Train.BatchSize * j.r.Text.Data.SequenceLength)
	f.FLOP = 6 * float64(f.Parameters) * tokens
	f.PeakMiB, f.DiskMiB = j.shapeMiB(f.Parameters), j.diskMiB(f.Parameters)
	return f
}

// Constants of the memory forecast, fitted to measured peaks of the shipped recipes.
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

// probe trains a small tokenizer on a part of the text and does a few real steps.
func (j *textJob) probe(ctx context.Context, f *Forecast) error {
	began := time.Now()
	tok, err := tokenizer.Train(ctx, j.text.training(), j.r.Text.Tokenizer)
	if err != nil {
		return err
	}
	f.Stages = append(f.Stages, StageForecast{"tokenizer", time.Since(began).Seconds()})
	base, err := j.probePretraining(ctx, f, tok)
	if err != nil {
		return err
	}
	f.Parameters = base.NumParameters()
	f.DiskMiB = j.diskMiB(f.Parameters)
	for _, s := range f.Stages {
		f.Seconds += s.Seconds
	}
	f.PeakMiB, f.ProbeSeconds = PeakMiB(), time.Since(began).Seconds()
	return nil
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
