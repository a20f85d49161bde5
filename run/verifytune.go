package run

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// tunings lists the trials of each way of adapting that a run has begun, on the base
// that the training left in trainDir.
func (j *radioJob) tunings(trainDir string) ([]*training, error) {
	base, err := j.weights(trainDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it was stopped before there was anything to adapt
	}
	if err != nil {
		return nil, err
	}
	full, err := j.tuningStage(stageFull, nil)
	if full == nil {
		return nil, err
	}
	lora, err := j.tuningStage(stageLoRA, nil)
	if err != nil {
		return nil, err
	}
	control, err := j.tuningStage(stageControl, []string{full.key})
	if err != nil {
		return nil, err
	}
	rates := j.r.Tune
	list, err := j.trials(full, tune.WayFull, rates.Full.LearningRates, base)
	if err != nil || lora == nil {
		return list, err
	}
	more, err := j.trials(lora, tune.WayLoRA, rates.LoRA.LearningRates, base)
	if list = append(list, more...); err != nil || control == nil {
		return list, err
	}
	more, err = j.trials(control, tune.WayControl, []float64{full.Best.LearningRate}, base)
	return append(list, more...), err
}

// tunedStage is a stage that adapts, as it was left; it is done where it says so.
type tunedStage struct {
	adaptation
	dir  string
	done bool
}

// tuningStage reads what a stage left; it is nil where the stage was not begun.
func (j *radioJob) tuningStage(stage string, after []string) (*tunedStage, error) {
	key, err := j.adaptKey(stage, after)
	if err != nil {
		return nil, err
	}
	s := &tunedStage{dir: filepath.Join(j.stages.dir, stage+"-"+key[:12])}
	if _, err := j.fsys.Stat(s.dir); err != nil {
		return nil, nil
	}
	err = j.stages.readJSON(filepath.Join(s.dir, adaptedFile), &s.adaptation)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s.key, s.done = key, err == nil
	return s, nil
}

// trials lists those of a stage that have left something.
func (j *radioJob) trials(s *tunedStage, way tune.Way, rates []float64, base nn.Weights) ([]*training, error) {
	task, err := j.tuneTask(s.dir, s.key, base)
	if err != nil {
		return nil, err
	}
	if way == tune.WayControl {
		if err := j.makeControl(task, rates[0]); err != nil {
			return nil, err
		}
	}
	var list []*training
	for _, lr := range rates {
		name := tune.TrialName(way, lr)
		if _, err := j.fsys.Stat(filepath.Join(s.dir, trialFolder(name))); err != nil {
			continue // the stage was stopped before it
		}
		t := &training{
			dir: s.dir, trial: name, checkpoints: trialFolder(name), trail: trialTrail(name), steps: task.Config.Steps, final: -1,
			replay: func(ctx context.Context, from *durable.Snapshot, steps int, see func(train.Replayed) error) error {
				return task.Replay(ctx, way, lr, from, steps, see)
			},
		}
		var adapter nn.Adapter
		if way == tune.WayLoRA {
			adapter = task.Config.LoRA
		}
		t.judge = func(w nn.Weights) (float64, error) { return task.Judge(w, adapter) }
		s.recorded(t, lr)
		list = append(list, t)
	}
	return list, nil
}

// recorded fills in what a finished stage says of the trial of a learning rate.
func (s *tunedStage) recorded(t *training, lr float64) {
	if !s.done {
		return
	}
	for _, trial := range s.Trials {
		if trial.LearningRate == lr && len(trial.Curve) > 0 {
			t.scores = trial.Curve[1:] // the first is the base's
		}
	}
	if s.Best.LearningRate == lr && s.Best.Step > 0 {
		t.final = s.Best.Step
	}
}
