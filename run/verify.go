package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// VerifySteps is how many steps [Past.Verify] replays unless it is told.
const VerifySteps = 5

// Replay says what the training of one recipe was compared in.
type Replay struct {
	Recipe     string   `json:"recipe"`
	Stage      string   `json:"stage"`
	From       int      `json:"from"`       // step of the checkpoint; 0 is the start
	To         int      `json:"to"`         // last step that was replayed
	Kept       []int    `json:"kept"`       // steps of the checkpoints that there are
	Marks      int      `json:"marks"`      // steps whose loss, gradient norm and weights were compared
	Points     int      `json:"points"`     // points of the history that were compared
	Stored     []string `json:"stored"`     // files of weights that were compared, below the stage
	Difference string   `json:"difference"` // the first; "" where every bit is the same
}

// DifferenceError says that a replay came to other bits.
type DifferenceError struct{ Run, Recipe, What string }

func (e *DifferenceError) Error() string {
	return fmt.Sprintf("run %q, %s: the replay differs: %s; the run was changed, made by another build, or the machine miscalculates", e.Run, e.Recipe, e.What)
}

// Verify replays steps of the training of each recipe of a run, from the newest
// checkpoint after which something was recorded, and compares with what the run
// recorded: losses, gradient norms and weights, to the bit. It writes nothing. The
// error is a *[DifferenceError] where bits differ, a *train.MismatchError on another
// kernel, on which they must.
func (p *Past) Verify(ctx context.Context, steps int, o Options) ([]Replay, error) {
	if p.Status == "running" {
		return nil, fmt.Errorf("run %q: %w; wait for it", p.Dir, durable.ErrLocked)
	}
	if here := backend.Variant(); p.Kernel != here {
		e := &train.MismatchError{Have: "kernel " + p.Kernel, Want: "kernel " + here}
		return nil, fmt.Errorf("run %q cannot be verified here: another kernel rounds otherwise; verify it on a machine with %s, or run its recipe here with -C and verify that: %w", p.Dir, p.Kernel, e)
	}
	recipes, err := p.recipes()
	if err != nil {
		return nil, err
	}
	s := newSession(p.Name, recipes, o)
	s.dir, s.stages.dir = p.Dir, filepath.Join(p.Dir, "stages")
	var list []Replay
	for _, r := range recipes {
		j, err := newJob(r, s)
		if err != nil {
			return list, err
		}
		v := verifier{job: j, Replay: Replay{Recipe: r.Name, Kept: []int{}, Stored: []string{}}}
		err = v.verify(ctx, steps)
		list = append(list, v.Replay)
		if err == nil && v.Difference != "" {
			err = &DifferenceError{p.Dir, r.Name, v.Difference}
		}
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

// verifier replays the training of one recipe.
type verifier struct {
	*job
	Replay
	dir    string // of the stage
	store  *durable.Store
	marks  []train.Mark
	points []train.Point
}

// errDiffers ends a replay whose difference is known.
var errDiffers = errors.New("the bits differ")

func (v *verifier) verify(ctx context.Context, steps int) error {
	if err := v.open(); err != nil {
		return err
	}
	snap, err := v.start(steps)
	if err != nil {
		return err
	}
	task, err := v.trainJob()
	if err != nil {
		return err
	}
	v.show.stage("verify", "%s: steps %d to %d", v.r.Name, v.From+1, min(v.From+steps, v.r.Train.Steps))
	v.To = v.From
	err = task.Replay(ctx, snap, steps, v.compare)
	if errors.Is(err, errDiffers) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("replay %s from step %d: %w", v.r.Name, v.From, err)
	}
	return nil
}

// open reads what the stage has recorded.
func (v *verifier) open() error {
	v.Stage = "train-" + v.trainKey[:12]
	v.dir = filepath.Join(v.stages.dir, v.Stage)
	if _, err := v.fsys.Stat(v.dir); err != nil {
		return fmt.Errorf("%s has not been trained with the settings of this run: %w; continue it first with: comlam runs resume %s", v.r.Name, err, filepath.Base(v.session.dir))
	}
	var err error
	if v.points, err = v.history(v.dir); err != nil {
		return err
	}
	v.marks, err = train.ReadMarks(v.fsys, filepath.Join(v.dir, trailFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // runs of earlier versions have none
		return err
	}
	v.store, err = durable.OpenStore(v.fsys, filepath.Join(v.dir, checkpointDir), durable.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	for _, step := range v.store.Steps() {
		v.Kept = append(v.Kept, int(step))
	}
	return nil
}

// start chooses the newest checkpoint after which steps lead past something that was
// recorded; nil is the start of the training.
func (v *verifier) start(steps int) (*durable.Snapshot, error) {
	for _, from := range slices.Backward(append([]int{0}, v.Kept...)) {
		if !v.recorded(from, from+steps) {
			continue
		}
		v.From = from
		if from == 0 {
			return nil, nil
		}
		return v.store.Load(uint64(from))
	}
	return nil, fmt.Errorf("run %q, %s: nothing was recorded within %d steps of its checkpoints %v: %w; give more --steps",
		v.session.dir, v.r.Name, steps, v.Kept, fs.ErrNotExist)
}

// recorded says whether there is something to compare with after step from, up to
// step to.
func (v *verifier) recorded(from, to int) bool {
	within := func(step int) bool { return from < step && step <= to }
	return slices.ContainsFunc(v.marks, func(m train.Mark) bool { return within(m.Step) }) ||
		slices.ContainsFunc(v.points, func(p train.Point) bool { return within(p.Step) }) || slices.ContainsFunc(v.Kept, within)
}

// compare holds one replayed step against every record of it.
func (v *verifier) compare(r train.Replayed) error {
	v.To = r.Step
	for _, m := range v.marks {
		if m.Step == r.Step {
			v.Marks++
			v.differs(r.Step, "the trail", m.Differs(r.Mark, r.Names))
		}
	}
	for _, p := range v.points {
		if r.Point != nil && p.Step == r.Step {
			v.Points++
			v.differs(r.Step, "metrics.jsonl", comparePoints(p, *r.Point))
		}
	}
	if slices.Contains(v.Kept, r.Step) {
		if err := v.compareCheckpoint(r); err != nil {
			return err
		}
	}
	if r.Step == v.r.Train.Steps {
		if err := v.compareFinal(r); err != nil {
			return err
		}
	}
	if v.Difference != "" {
		return errDiffers
	}
	return nil
}

// differs notes the first difference.
func (v *verifier) differs(step int, where, what string) {
	if what != "" && v.Difference == "" {
		v.Difference = fmt.Sprintf("step %d, against %s: %s", step, where, what)
	}
}

func comparePoints(was, now train.Point) string {
	switch {
	case was.Loss != now.Loss:
		return fmt.Sprintf("the mean loss is %v, it was %v", now.Loss, was.Loss)
	case was.GradNorm != now.GradNorm:
		return fmt.Sprintf("the gradient norm is %v, it was %v", now.GradNorm, was.GradNorm)
	case was.Rate != now.Rate:
		return fmt.Sprintf("the learning rate is %v, it was %v", now.Rate, was.Rate)
	}
	return ""
}

// compareCheckpoint holds weights and optimizer against the checkpoint of the step.
func (v *verifier) compareCheckpoint(r train.Replayed) error {
	snap, err := v.store.Load(uint64(r.Step))
	if err != nil {
		return err
	}
	weights, optimizer, err := train.SnapshotWeights(snap)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s/step-%06d", checkpointDir, r.Step)
	v.Stored = append(v.Stored, name)
	v.differs(r.Step, name, compareWeights(weights, r.Weights))
	v.differs(r.Step, name, compareWeights(optimizer, r.Optimizer))
	return nil
}

// compareFinal holds the weights of the last step against those that the stage left.
func (v *verifier) compareFinal(r train.Replayed) error {
	weights, err := v.weights(v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was stopped before it wrote them
	}
	if err != nil {
		return err
	}
	v.Stored = append(v.Stored, weightsFile)
	v.differs(r.Step, weightsFile, compareWeights(weights, r.Weights))
	return nil
}

// compareWeights names the first tensor that differs in a bit, "" if none does.
func compareWeights(was, now nn.Weights) string {
	now = slices.Clone(now).Sorted()
	if len(was) != len(now) {
		return fmt.Sprintf("%d tensors, there were %d", len(now), len(was))
	}
	sameBits := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	for i, w := range was.Sorted() {
		if w.Name != now[i].Name {
			return fmt.Sprintf("tensor %q, there was %q", now[i].Name, w.Name)
		}
		if !slices.EqualFunc(w.Values, now[i].Values, sameBits) {
			return fmt.Sprintf("tensor %q", w.Name)
		}
	}
	return ""
}
