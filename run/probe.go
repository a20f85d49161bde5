package run

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/task/channelpred"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// Time that each part of a probe may take; together less than ten seconds, of which
// the rest is for compiling.
const (
	trainBudget = 3500 * time.Millisecond
	tuneBudget  = 700 * time.Millisecond // of each kind
	fitBudget   = time.Second
)

// errEnough ends a probe whose time is up.
var errEnough = errors.New("enough")

// pace is how fast steps are.
type pace struct {
	first   float64 // seconds to the end of the first step: compiling and it
	seconds float64 // of a step, once its graph is compiled
}

// total is the time of so many steps.
func (p pace) total(steps int) float64 { return p.first + p.seconds*float64(steps-1) }

// measurePace times the steps that replay shows, for at most budget after the first,
// at least three. Steps that compiled another graph, for another number of visible
// patches, are told by their length and left out.
func measurePace(budget time.Duration, replay func(see func(train.Replayed) error) error) (pace, train.Replayed, error) {
	began := time.Now()
	var p pace
	var took []float64
	var last train.Replayed
	var since time.Time
	err := replay(func(r train.Replayed) error {
		now := time.Now()
		if p.first == 0 {
			p.first, since = now.Sub(began).Seconds(), now
		} else {
			took = append(took, now.Sub(since).Seconds())
			since = now
		}
		last = r
		if len(took) >= 3 && now.Sub(began).Seconds()-p.first > budget.Seconds() {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return p, last, err
	}
	p.seconds = usual(took)
	return p, last, nil
}

// usual is the mean without those that took more than 2.5 times the median.
func usual(took []float64) float64 {
	if len(took) == 0 {
		return 0
	}
	median := slices.Sorted(slices.Values(took))[len(took)/2]
	var sum float64
	n := 0
	for _, v := range took {
		if v <= 2.5*median {
			sum, n = sum+v, n+1
		}
	}
	return sum / float64(n)
}

// probe does a little of each stage and fills in time and memory.
func (j *radioJob) probe(ctx context.Context, f *Forecast) error {
	began := time.Now()
	base, err := j.probeTraining(ctx, f)
	if err != nil {
		return err
	}
	f.Parameters = base.NumParameters()
	f.DiskMiB = j.diskMiB(f.Parameters)
	runtime.GC() // a run has let go of a stage's memory by the next
	if j.r.Tune != nil {
		if err := j.probeTuning(ctx, f, base); err != nil {
			return err
		}
		runtime.GC()
	}
	if err := j.probeEvaluation(ctx, f, base); err != nil {
		return err
	}
	for _, s := range f.Stages {
		f.Seconds += s.Seconds
	}
	f.PeakMiB, f.ProbeSeconds = PeakMiB(), time.Since(began).Seconds()
	return nil
}

func (j *radioJob) probeTraining(ctx context.Context, f *Forecast) (nn.Weights, error) {
	task, err := j.trainJob()
	if err != nil {
		return nil, err
	}
	p, last, err := measurePace(trainBudget, func(see func(train.Replayed) error) error {
		return task.Replay(ctx, nil, j.r.Train.Steps, see)
	})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for _, w := range []nn.Weights{last.Weights, last.Optimizer} { // what a checkpoint takes
		if err := train.WriteWeights(io.Discard, w, nil); err != nil {
			return nil, err
		}
	}
	saves := float64(j.r.Train.Steps/j.r.Train.CheckpointEvery+1) * time.Since(began).Seconds()
	f.Stages = append(f.Stages, StageForecast{"train", p.total(j.r.Train.Steps) + 2*saves})
	return last.Weights.Clone(), nil
}

// probeTuning times a few steps of both ways of adapting, and one look at the
// validation samples.
func (j *radioJob) probeTuning(ctx context.Context, f *Forecast, base nn.Weights) error {
	t, err := j.tuneTask("", j.trainKey, base)
	if err != nil {
		return err
	}
	look, err := lookTime(func() error { _, err := t.Judge(base, nil); return err })
	if err != nil {
		return err
	}
	looks := float64(j.r.Tune.Steps/j.r.Tune.ValidateEvery + 1)
	for _, way := range []struct {
		name  string
		tune  tune.Way
		rates []float64
	}{
		{stageFull, tune.WayFull, j.r.Tune.Full.LearningRates}, {stageLoRA, tune.WayLoRA, j.r.Tune.LoRA.LearningRates}, {stageControl, tune.WayControl, nil},
	} {
		if way.tune == tune.WayControl { // the steps are those of full fine-tuning
			full := f.Stages[len(f.Stages)-2].Seconds/float64(len(j.r.Tune.Full.LearningRates)) - looks*look
			f.Stages = append(f.Stages, StageForecast{way.name, full})
			continue
		}
		p, _, err := measurePace(tuneBudget, func(see func(train.Replayed) error) error {
			return t.Replay(ctx, way.tune, way.rates[0], nil, j.r.Tune.Steps, see)
		})
		if err != nil {
			return err
		}
		f.Stages = append(f.Stages, StageForecast{way.name, float64(len(way.rates)) * (p.total(j.r.Tune.Steps) + looks*look)})
	}
	return nil
}

// lookTime is the time of the second call: the first compiles.
func lookTime(do func() error) (float64, error) {
	if err := do(); err != nil {
		return 0, err
	}
	began := time.Now()
	err := do()
	return time.Since(began).Seconds(), err
}

// fewFits is the smaller number of samples that a probe fits methods on.
const fewFits = 100

// probeEvaluation times the fits on two numbers of samples, and two chunks of the
// evaluation, and draws lines through them.
func (j *radioJob) probeEvaluation(ctx context.Context, f *Forecast, base nn.Weights) error {
	few := min(j.c.NumFit, fewFits)
	var methods []channelpred.Method
	fixed, err := lookTime(func() (err error) { methods, err = j.fit(ctx, few); return err })
	if err != nil {
		return err
	}
	// As many more as take a second, were all of that time the samples'.
	more := min(j.c.NumFit, few+int(float64(few)*fitBudget.Seconds()/fixed))
	each := 0.0 // seconds for each sample of a fit
	if more > few {
		began := time.Now()
		if _, err := j.fit(ctx, more); err != nil {
			return err
		}
		each = max(0, (time.Since(began).Seconds()-fixed)/float64(more-few))
	}
	fit := fixed + each*float64(j.c.NumFit-few)
	chunk, err := j.chunkTime(ctx, methods, base)
	if err != nil {
		return err
	}
	n := float64(len(j.speeds))
	// The fit over all speeds is made once, about a third of what fitting takes.
	seconds := n*(fit+chunk*float64(j.c.NumExamples)) - (n-1)*each*float64(j.c.NumFit)/3
	f.Stages = append(f.Stages, StageForecast{"evaluate", seconds})
	return nil
}

// fit fits the classical methods to the first condition on so many samples.
func (j *radioJob) fit(ctx context.Context, samples int) ([]channelpred.Method, error) {
	c := j.c
	c.NumFit = samples
	bench, err := channelpred.NewBench(c, j.r.Data, j.r.Seed)
	if err != nil {
		return nil, err
	}
	return bench.Methods(ctx, j.speeds[0])
}

// chunkTime is the time that all methods take for one test sample.
func (j *radioJob) chunkTime(ctx context.Context, methods []channelpred.Method, base nn.Weights) (float64, error) {
	adapted := make([]adaptation, 0, 3)
	if j.r.Tune != nil {
		for _, name := range []string{nameFull, nameLoRA, nameControl} {
			adapted = append(adapted, adaptation{Method: name, weights: base})
		}
	}
	learned, err := j.learned(base, adapted)
	if err != nil {
		return 0, err
	}
	n := min(j.c.NumExamples, 2*eval.ChunkSize)
	set, err := j.bench.Set(data.Test, j.speeds[0], n)
	if err != nil {
		return 0, err
	}
	seconds, err := lookTime(func() error {
		result, err := eval.Run(ctx, condition(j.r, j.speeds[0]), set, append(slices.Clone(methods), learned...))
		if err == nil {
			_, err = result.Rows()
		}
		return err
	})
	return seconds / float64(n), err
}
