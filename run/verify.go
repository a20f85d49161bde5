package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// VerifySteps is how many steps [Past.Verify] replays unless it is told.
const VerifySteps = 5

// Replay says what one training of a recipe was compared in: the pre-training, or one
// trial of a way of adapting.
type Replay struct {
	Recipe     string   `json:"recipe"`
	Stage      string   `json:"stage"`      // folder of the stage
	Trial      string   `json:"trial"`      // of an adaptation; "" for the pre-training
	From       int      `json:"from"`       // step of the checkpoint; 0 is the start
	To         int      `json:"to"`         // last step that was replayed
	Kept       []int    `json:"kept"`       // steps of the checkpoints that there are
	Marks      int      `json:"marks"`      // steps whose loss, gradient norm and weights were compared
	Points     int      `json:"points"`     // points of the history that were compared
	Scores     int      `json:"scores"`     // validation scores that were compared
	Stored     []string `json:"stored"`     // files of weights that were compared, below the stage
	Difference string   `json:"difference"` // the first; "" where every bit is the same
}

// Training names what was replayed: the stage, and the trial.
func (r Replay) Training() string {
	name := r.Stage
	if i := strings.LastIndexByte(name, '-'); i >= 0 { // the key
		name = name[:i]
	}
	if r.Trial != "" && r.Trial != name {
		name += ", " + r.Trial
	}
	return name
}

// DifferenceError says that a replay came to other bits.
type DifferenceError struct{ Run, Recipe, Training, What string }

func (e *DifferenceError) Error() string {
	return fmt.Sprintf("run %q, %s, %s: the replay differs: %s; the run was changed, made by another build, or the machine miscalculates", e.Run, e.Recipe, e.Training, e.What)
}

// Verify replays steps of every training of each recipe of a run: the pre-training,
// each trial of full fine-tuning and of LoRA, and the control. Each begins at the newest
// checkpoint after which something was recorded, and is compared with what the run
// recorded: losses, gradient norms, weights and validation scores, to the bit. It writes
// nothing. The error is a *[DifferenceError] where bits differ, a *train.MismatchError on
// another kernel, on which they must.
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
		trainings, err := j.trainings()
		if err != nil {
			return list, err
		}
		for _, t := range trainings {
			v := newVerifier(part{s, r}, t)
			err := v.verify(ctx, steps)
			list = append(list, v.Replay)
			if err == nil && v.Difference != "" {
				err = &DifferenceError{p.Dir, r.Name, v.Training(), v.Difference}
			}
			if err != nil {
				return list, err
			}
		}
	}
	return list, nil
}

// training is one training that a run did, with what it left.
type training struct {
	dir, trial         string // of the stage; of an adaptation
	checkpoints, trail string // in the folder
	steps              int
	points             []train.Point // of the history
	scores             []train.Score // on the validation samples
	final              int           // step whose weights the stage left; -1 for none of this training
	replay             func(ctx context.Context, from *durable.Snapshot, steps int, see func(train.Replayed) error) error
	judge              func(nn.Weights) (float64, error) // of the scores
}

// trainings lists the trainings that a run has begun.
func (j *radioJob) trainings() ([]*training, error) {
	t, err := j.pretraining()
	if err != nil {
		return nil, err
	}
	list := []*training{t}
	if j.r.Tune == nil {
		return list, nil
	}
	more, err := j.tunings(t.dir)
	return append(list, more...), err
}

// pretraining is that of the first stage, which must be there.
func (j *radioJob) pretraining() (*training, error) {
	return j.trained("train", j.trainKey, j.trainJob)
}

// trained is the training of a whole stage, which must be there.
func (j part) trained(stage, key string, job func() (*train.Job, error)) (*training, error) {
	t := &training{
		dir: j.stages.folder(stage, key), checkpoints: checkpointDir, trail: trailFile, steps: j.r.Train.Steps, final: j.r.Train.Steps,
	}
	if _, err := j.fsys.Stat(t.dir); err != nil {
		return nil, fmt.Errorf("%s has not been trained with the settings of this run: %w; continue it first with: comlam runs resume %s", j.r.Name, err, filepath.Base(j.session.dir))
	}
	var err error
	if t.points, err = j.history(t.dir); err != nil {
		return nil, err
	}
	t.replay = func(ctx context.Context, from *durable.Snapshot, steps int, see func(train.Replayed) error) error {
		task, err := job()
		if err != nil {
			return err
		}
		return task.Replay(ctx, from, steps, see)
	}
	return t, nil
}

// verifier replays one training.
type verifier struct {
	part
	t *training
	Replay
	store *durable.Store
	marks []train.Mark
}

func newVerifier(j part, t *training) *verifier {
	return &verifier{part: j, t: t, Replay: Replay{
		Recipe: j.r.Name, Stage: filepath.Base(t.dir), Trial: t.trial, Kept: []int{}, Stored: []string{},
	}}
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
	v.show.stage("verify", "%s, %s: steps %d to %d", v.r.Name, v.Training(), v.From+1, min(v.From+steps, v.t.steps))
	v.To = v.From
	err = v.t.replay(ctx, snap, steps, v.compare)
	if errors.Is(err, errDiffers) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("replay %s, %s from step %d: %w", v.r.Name, v.Training(), v.From, err)
	}
	return nil
}

// open reads what the training has recorded.
func (v *verifier) open() error {
	var err error
	v.marks, err = train.ReadMarks(v.fsys, filepath.Join(v.t.dir, v.t.trail))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // runs of earlier versions have none
		return err
	}
	v.store, err = durable.OpenStore(v.fsys, filepath.Join(v.t.dir, v.t.checkpoints), durable.Options{ReadOnly: true})
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
	return nil, fmt.Errorf("run %q, %s, %s: nothing was recorded within %d steps of its checkpoints %v: %w; give more --steps",
		v.session.dir, v.r.Name, v.Training(), steps, v.Kept, fs.ErrNotExist)
}

// recorded says whether there is something to compare with after step from, up to
// step to.
func (v *verifier) recorded(from, to int) bool {
	within := func(step int) bool { return from < step && step <= to }
	return slices.ContainsFunc(v.marks, func(m train.Mark) bool { return within(m.Step) }) ||
		slices.ContainsFunc(v.t.points, func(p train.Point) bool { return within(p.Step) }) ||
		slices.ContainsFunc(v.t.scores, func(s train.Score) bool { return within(s.Step) }) || slices.ContainsFunc(v.Kept, within)
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
	for _, p := range v.t.points {
		if r.Point != nil && p.Step == r.Step {
			v.Points++
			v.differs(r.Step, "metrics.jsonl", comparePoints(p, *r.Point))
		}
	}
	if err := v.compareScores(r); err != nil {
		return err
	}
	if slices.Contains(v.Kept, r.Step) {
		if err := v.compareCheckpoint(r); err != nil {
			return err
		}
	}
	if r.Step == v.t.final {
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
	name := fmt.Sprintf("%s/step-%06d", v.t.checkpoints, r.Step)
	v.Stored = append(v.Stored, name)
	v.differs(r.Step, name, compareWeights(weights, r.Weights))
	v.differs(r.Step, name, compareWeights(optimizer, r.Optimizer))
	return nil
}

// compareScores judges the weights again where they were judged.
func (v *verifier) compareScores(r train.Replayed) error {
	for _, s := range v.t.scores {
		if s.Step != r.Step {
			continue
		}
		now, err := v.t.judge(r.Weights)
		if err != nil {
			return err
		}
		v.Scores++
		if now != s.Value {
			v.differs(r.Step, adaptedFile, fmt.Sprintf("the validation score is %v, it was %v", now, s.Value))
		}
	}
	return nil
}

// compareFinal holds the weights of a step against those that the stage left.
func (v *verifier) compareFinal(r train.Replayed) error {
	weights, err := v.weights(v.t.dir)
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
