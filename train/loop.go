package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
)

// Job is one training run.
type Job struct {
	Config  Config
	Seed    uint64                 // of fresh weights
	Start   nn.Weights             // weights to start from; those missing are drawn from Seed
	Adapter nn.Adapter             // under every dense layer; nil for none
	Trains  func(name string) bool // which variables learn; nil for all
	Loss    Loss
	Source  data.Source

	// Judge scores weights on held-out samples, lower is better, every JudgeEvery
	// steps (0: never between) and at the end. It must not change the weights.
	// Without it there is no best checkpoint but the last.
	Judge      func(nn.Weights) (float64, error)
	JudgeEvery int

	Checkpoints *durable.Store // nil: keep nothing
	Fingerprint string         // what a checkpoint must have been trained with
	History     *durable.Log   // one record per logged step; nil for none
	Trail       *durable.Log   // a [Mark] for some steps after each checkpoint, for [Job.Replay]; nil for none
	Progress    func(Point)    // called for each logged step; nil for none

	FLOPPerSample float64 // of forward and backward, for the progress line
	Workers       int     // 0 = GOMAXPROCS
}

// Point is one line of the metric history.
type Point struct {
	Step       int     `json:"step"` // updates done
	Steps      int     `json:"steps"`
	Loss       float64 `json:"loss"` // mean since the last point
	GradNorm   float64 `json:"grad_norm"`
	Rate       float64 `json:"lr"`
	Validation float64 `json:"validation,omitempty"` // last score of Judge
	SamplesPS  float64 `json:"samples_per_s"`
	GFLOPS     float64 `json:"gflop_per_s,omitempty"`
	ETA        float64 `json:"eta_s"`
}

// Result is what training leaves.
type Result struct {
	Weights   nn.Weights // after the last step
	Best      nn.Weights // at the lowest score of Judge; Weights without one
	BestScore float64    // +Inf without Judge
	BestStep  int        // 0 without Judge
	Loss      float64    // mean over the last LogEvery steps
	Scores    []Score    // every look of Judge, in order
	Resumed   int        // step that training resumed from, 0 for a fresh start
}

// Score is what Judge said of the weights after a number of steps.
type Score struct {
	Step  int     `json:"step"`
	Value float64 `json:"value"`
}

// ErrStopped is returned, wrapped, when the context ended a run: it has left a
// checkpoint to resume from.
var ErrStopped = errors.New("training stopped")

// loop is a running Job.
type loop struct {
	*Job
	replicas []*replica
	weights  nn.Weights // all variables
	trained  nn.Weights // those that learn; shares values with weights
	updater  updater
	state    progressState
	loss     float64 // of the last step
	began    time.Time
	since    int // step at which this process began
	saved    int // step of the newest checkpoint
}

// progressState is what a checkpoint holds beside weights and optimizer.
type progressState struct {
	Identity   identity `json:"identity"`
	Step       int      `json:"step"`
	LossSum    float64  `json:"loss_sum"` // since the last point
	LossCount  int      `json:"loss_count"`
	LastLoss   float64  `json:"last_loss"`
	Validation float64  `json:"validation"`
	BestScore  float64  `json:"best_score"`
	BestStep   int      `json:"best_step"`
	Scores     []Score  `json:"scores"`
	Records    int      `json:"records"` // of the history
	Marks      int      `json:"marks"`   // of the trail
}

// Run trains to the last step, from the newest checkpoint if there is one.
func (j *Job) Run(ctx context.Context) (*Result, error) {
	l, err := j.prepare()
	if err != nil {
		return nil, err
	}
	resumed := l.state.Step
	l.saved = resumed
	best := nn.Weights(nil)
	if resumed > 0 {
		if best, err = l.bestWeights(); err != nil {
			return nil, err
		}
	}
	g := l.trained.Clone()
	l.began, l.since = time.Now(), resumed
	for l.state.Step < l.Config.Steps {
		if ctx.Err() != nil {
			return nil, l.stop(ctx, best)
		}
		if err := l.advance(g, &best); err != nil {
			return nil, err
		}
	}
	if best == nil {
		best = l.weights.Clone()
	}
	return &Result{
		Weights: l.weights, Best: best, BestScore: l.state.BestScore, BestStep: l.state.BestStep,
		Scores: l.state.Scores, Loss: l.state.LastLoss, Resumed: resumed,
	}, nil
}

// prepare makes the replicas, the weights and the optimizer, and loads the newest
// checkpoint into them.
func (j *Job) prepare() (*loop, error) {
	if err := j.Config.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	l := &loop{Job: j, state: progressState{Identity: j.identity(), BestScore: math.Inf(1)}}
	workers := j.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, j.Config.BatchSize/l.microSize())
	for range workers {
		r, err := newReplica(j)
		if err != nil {
			return nil, err
		}
		l.replicas = append(l.replicas, r)
	}
	if err := l.create(); err != nil {
		return nil, err
	}
	l.updater = newUpdater(j.Config.Optimizer, l.trained)
	if err := l.resume(); err != nil {
		return nil, err
	}
	return l, l.push(l.weights)
}

func (l *loop) microSize() int {
	if l.Config.MicroBatchSize > 0 {
		return l.Config.MicroBatchSize
	}
	return l.Config.BatchSize
}

// create runs each replica once so that its variables exist, and takes their
// values.
func (l *loop) create() error {
	b, err := l.Source.Batch(0, l.microSize())
	if err != nil {
		return fmt.Errorf("first batch: %w", err)
	}
	for _, r := range l.replicas {
		if _, _, err := r.run(b); err != nil {
			return err
		}
	}
	if l.weights, err = nn.Pull(l.replicas[0].store); err != nil {
		return err
	}
	for _, name := range l.replicas[0].names {
		l.trained = append(l.trained, *l.weights.Find(name))
	}
	if len(l.trained) == 0 {
		return errors.New("train: no variable learns; check the names of the layers to adapt")
	}
	return nil
}

func (l *loop) push(w nn.Weights) error {
	for _, r := range l.replicas {
		if err := nn.Push(r.store, w); err != nil {
			return err
		}
	}
	return nil
}

// advance does one update and what is due after it.
func (l *loop) advance(g nn.Weights, best *nn.Weights) error {
	norm, rate, err := l.step(g)
	if err != nil {
		return err
	}
	if l.Trail != nil && l.marked() {
		if err := l.Trail.Append(l.mark(norm)); err != nil {
			return err
		}
	}
	if err := l.judge(best); err != nil {
		return err
	}
	if l.due(l.Config.LogEvery) {
		if err := l.log(norm, rate); err != nil {
			return err
		}
	}
	if l.due(l.Config.CheckpointEvery) {
		return l.save(*best)
	}
	return nil
}

// due says whether something is to be done after this step that is done every so
// many steps, and after the last.
func (l *loop) due(every int) bool {
	return l.state.Step == l.Config.Steps || (every > 0 && l.state.Step%every == 0)
}

// step does one update.
func (l *loop) step(g nn.Weights) (norm, rate float64, err error) {
	s := &l.state
	loss, err := l.gradients(s.Step, g)
	if err != nil {
		return 0, 0, err
	}
	norm = clip(g, l.Config.ClipNorm, l.Config.ClipValue)
	rate = l.Config.Schedule.Rate(s.Step, l.Config.Steps, l.Config.Optimizer.LR)
	l.updater.update(l.trained, g, rate)
	if err := l.inspectUpdate(); err != nil {
		return 0, 0, err
	}
	if err := l.push(l.trained); err != nil {
		return 0, 0, err
	}
	l.loss = loss
	s.Step++
	s.LossSum += loss
	s.LossCount++
	return norm, rate, nil
}

// log writes one point and starts the next mean.
func (l *loop) log(norm, rate float64) error {
	s := &l.state
	s.LastLoss = s.LossSum / float64(s.LossCount)
	s.LossSum, s.LossCount = 0, 0
	elapsed := time.Since(l.began).Seconds()
	p := Point{Step: s.Step, Steps: l.Config.Steps, Loss: s.LastLoss, GradNorm: norm, Rate: rate, Validation: s.Validation}
	if elapsed > 0 {
		p.SamplesPS = float64((s.Step-l.since)*l.Config.BatchSize) / elapsed
		p.GFLOPS = p.SamplesPS * l.FLOPPerSample / 1e9
		p.ETA = elapsed / float64(s.Step-l.since) * float64(l.Config.Steps-s.Step)
	}
	if l.Progress != nil {
		l.Progress(p)
	}
	if l.History == nil {
		return nil
	}
	return l.History.Append(p)
}

// judge scores the weights when it is time and remembers the best.
func (l *loop) judge(best *nn.Weights) error {
	s := &l.state
	if l.Judge == nil || !l.due(l.JudgeEvery) {
		return nil
	}
	score, err := l.Judge(l.weights)
	if err != nil {
		return fmt.Errorf("validation at step %d: %w", s.Step, err)
	}
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return fmt.Errorf("validation at step %d: the score is %v; lower the learning rate, or look at the held-out samples", s.Step, score)
	}
	s.Validation = score
	s.Scores = append(s.Scores, Score{s.Step, score})
	if score < s.BestScore {
		s.BestScore, s.BestStep, *best = score, s.Step, l.weights.Clone()
	}
	return nil
}

// stop leaves a checkpoint and says how far training came.
func (l *loop) stop(ctx context.Context, best nn.Weights) error {
	kept := "checkpoint kept"
	switch {
	case l.Checkpoints == nil || l.state.Step == 0:
		kept = "nothing kept"
	case l.state.Step > l.saved: // the periodic save may just have come before
		if err := l.save(best); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w at step %d of %d, %s: %w", ErrStopped, l.state.Step, l.Config.Steps, kept, context.Cause(ctx))
}
