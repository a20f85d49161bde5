package tune

import (
	"context"
	"fmt"
	"math"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// Task is what is adapted to what.
type Task struct {
	Config   Config
	Seed     uint64
	Base     nn.Weights
	Loss     train.Loss
	Source   data.Source // adaptation samples, repeated
	Judge    func(w nn.Weights, a nn.Adapter) (float64, error)
	Progress func(name string, p train.Point)
	Workers  int

	// Checkpoints opens the folder in which the trial of that name is kept, so that
	// it can be resumed; nil keeps nothing. Trail opens the file of its marks, so that
	// it can be replayed; nil leaves none.
	Checkpoints func(trial string) (*durable.Store, error)
	Trail       func(trial string) (*durable.Log, error)
	Fingerprint string // what the checkpoints must have been trained with

	// Under is what is put under the model for the ways of text; nil trains every weight.
	Under nn.Adapter

	// MicroBatchSize is that of pre-training, so that graphs are shared; 0 = whole
	// batches.
	MicroBatchSize int
}

// Way is one way of adapting.
type Way string

// The ways.
const (
	WayFull    Way = "full"    // every weight learns
	WayLoRA    Way = "lora"    // the factors of LoRA learn
	WayControl Way = "control" // every weight learns on, on the samples that the base knows
)

// TrialName is what a trial is called where it is kept, shown or failed.
func TrialName(way Way, lr float64) string {
	if way == WayControl {
		return string(way)
	}
	return fmt.Sprintf("%s lr %g", way, lr)
}

// Trial is one learning rate of one method.
type Trial struct {
	LearningRate float64       `json:"learning_rate"`
	Score        float64       `json:"score"` // lowest validation NMSE
	Step         int           `json:"step"`  // at which it was reached
	Curve        []train.Score `json:"curve"` // validation over the steps, from the base at step 0
}

// Adapted is the outcome of one method: the weights at the validation minimum of
// the best learning rate, with every trial.
type Adapted struct {
	Weights nn.Weights
	Adapter nn.Adapter // to run the weights with; nil after full fine-tuning
	Trained int        // parameters that learned
	Best    Trial
	Trials  []Trial
}

// FullFineTune trains every weight.
func (t *Task) FullFineTune(ctx context.Context) (*Adapted, error) {
	return t.best(ctx, WayFull, t.Config.Full.LearningRates)
}

// LowRank trains the factors of LoRA on frozen base weights.
func (t *Task) LowRank(ctx context.Context) (*Adapted, error) {
	if err := t.Config.LoRA.check(t.Base); err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	return t.best(ctx, WayLoRA, t.Config.LoRA.LearningRates)
}

// Instruct adapts a language model in one of the ways of text.
func (t *Task) Instruct(ctx context.Context, c Text, way Way) (*Adapted, error) {
	if err := c.check(way, t.Base); err != nil {
		return nil, err
	}
	return t.instructed(c, way).best(ctx, way, c.Rates(way))
}

// instructed is the task with the settings of one way of text.
func (t *Task) instructed(c Text, way Way) *Task {
	one := *t
	one.Config, one.Under, one.MicroBatchSize = c.Loop(), c.Adapter(way), c.MicroBatchSize
	return &one
}

// ReplayInstruct is Replay for a trial of Instruct.
func (t *Task) ReplayInstruct(ctx context.Context, c Text, way Way, lr float64, from *durable.Snapshot, steps int, see func(train.Replayed) error) error {
	return t.instructed(c, way).Replay(ctx, way, lr, from, steps, see)
}

// Continue trains every weight on, at the first learning rate of full fine-tuning,
// and keeps the last step: the control that has no samples of the new condition to
// choose with.
func (t *Task) Continue(ctx context.Context) (*Adapted, error) {
	unjudged := *t
	unjudged.Judge = nil
	return unjudged.trial(ctx, WayControl, t.Config.Full.LearningRates[0], math.Inf(1))
}

// best runs every learning rate and keeps the lowest validation score. The base
// itself competes, at step 0.
func (t *Task) best(ctx context.Context, way Way, rates []float64) (*Adapted, error) {
	start, err := t.Judge(t.Base, nil)
	if err != nil {
		return nil, err
	}
	var winner *Adapted
	var trials []Trial
	for _, lr := range rates {
		a, err := t.trial(ctx, way, lr, start)
		if err != nil {
			return nil, err
		}
		trials = append(trials, a.Best)
		if winner == nil || a.Best.Score < winner.Best.Score {
			winner = a
		}
	}
	winner.Trials = trials
	return winner, nil
}

func (t *Task) trial(ctx context.Context, way Way, lr, start float64) (*Adapted, error) {
	name, job := TrialName(way, lr), t.job(way, lr)
	if t.Judge != nil {
		job.Judge = func(w nn.Weights) (float64, error) { return t.Judge(w, job.Adapter) }
	}
	if t.Progress != nil {
		job.Progress = func(p train.Point) { t.Progress(name, p) }
	}
	done, err := t.keep(job, name)
	if err != nil {
		return nil, err
	}
	defer done()
	res, err := job.Run(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	best := Trial{LearningRate: lr, Score: res.BestScore, Step: res.BestStep}
	if t.Judge == nil {
		best.Score, best.Step = 0, t.Config.Steps
	} else {
		best.Curve = append([]train.Score{{Step: 0, Value: start}}, res.Scores...)
	}
	a := &Adapted{Weights: res.Best, Adapter: job.Adapter, Best: best, Trained: res.Best.NumParameters()}
	if job.Adapter != nil {
		a.Trained = Keep(job.Adapter, res.Best).Weights.NumParameters()
	}
	if start <= best.Score { // nothing learned beats the base: keep the base
		a.Weights, a.Adapter = t.Base, nil
		a.Best.Score, a.Best.Step = start, 0
	}
	return a, nil
}

// keep opens what a trial leaves behind; done closes it.
func (t *Task) keep(job *train.Job, name string) (done func(), err error) {
	done = func() {}
	if t.Checkpoints == nil {
		return done, nil
	}
	store, err := t.Checkpoints(name)
	if err != nil {
		return done, err
	}
	job.Checkpoints, job.Fingerprint = store, t.Fingerprint
	if t.Trail == nil {
		return func() { store.Close() }, nil
	}
	if job.Trail, err = t.Trail(name); err != nil {
		store.Close()
		return done, err
	}
	return func() { job.Trail.Close(); store.Close() }, nil
}

// job is the training of one trial, without what it keeps.
func (t *Task) job(way Way, lr float64) *train.Job {
	j := &train.Job{
		Config: t.trainConfig(lr), Seed: t.Seed, Start: t.Base,
		Loss: t.Loss, Source: t.Source, Workers: t.Workers, JudgeEvery: t.Config.ValidateEvery,
	}
	switch {
	case t.Under != nil:
		j.Adapter, j.Trains = t.Under, t.Under.Trains
	case way == WayLoRA:
		j.Adapter, j.Trains = t.Config.LoRA, t.Config.LoRA.Trains
	}
	return j
}

// Replay does steps of one trial over again, from a checkpoint of it or, where that
// is nil, from the base, and shows each to see. It keeps nothing.
func (t *Task) Replay(ctx context.Context, way Way, lr float64, from *durable.Snapshot, steps int, see func(train.Replayed) error) error {
	job := t.job(way, lr)
	job.Fingerprint = t.Fingerprint
	return job.Replay(ctx, from, steps, see)
}

// trainConfig is the loop of one trial: a short cosine.
func (t *Task) trainConfig(lr float64) train.Config {
	c := train.Default()
	c.Steps, c.BatchSize, c.MicroBatchSize = t.Config.Steps, t.Config.BatchSize, t.MicroBatchSize
	c.LogEvery, c.CheckpointEvery = t.Config.ValidateEvery, max(c.Steps/4, 1)
	c.Optimizer.LR = lr
	c.Schedule.WarmupSteps = min(20, c.Steps/10)
	return c
}
