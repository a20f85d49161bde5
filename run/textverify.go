package run

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// trainings lists the trainings that a run has begun: pre-training, then every trial of
// every way of tuning.
func (j *textJob) trainings() ([]*training, error) {
	tok, err := j.readTokenizer(j.stages.folder("tokenizer", j.tokenizerKey()))
	if err != nil {
		return nil, err
	}
	lm, err := j.build(tok)
	if err != nil {
		return nil, err
	}
	first, err := j.trained("pretrain", j.trainKey(), func() (*train.Job, error) { return j.pretrainJob(tok, lm) })
	if err != nil {
		return nil, err
	}
	list := []*training{first}
	base, err := j.weights(first.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && j.r.Text.Tune == nil {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	m := &languageModel{tok: tok, lm: lm}
	for _, name := range j.r.Text.Tune.Methods {
		more, err := j.instructTrials(m, base, tune.Way(name))
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return j.withAlignment(list, m, base)
}

// withAlignment adds the training of alignment, if it was begun.
func (j *textJob) withAlignment(list []*training, m *languageModel, base nn.Weights) ([]*training, error) {
	c := j.r.Text.Align
	if c == nil {
		return list, nil
	}
	way := tune.Way(j.r.Text.Tune.Methods[0])
	tunedKey, err := j.instructKey(way)
	if err != nil || !j.stages.complete("tune-"+string(way), tunedKey) {
		return list, err
	}
	first, err := j.instructStage(context.Background(), m, base, way) // is there: it is read
	if err != nil {
		return list, err
	}
	start, err := startOfAlignment([]instructed{*first})
	if err != nil {
		return list, err
	}
	key, err := j.alignKey(tunedKey)
	if err != nil {
		return list, err
	}
	dir := j.stages.folder("align", key)
	if _, err := j.fsys.Stat(dir); err != nil {
		return list, nil
	}
	t := &training{dir: dir, checkpoints: checkpointDir, trail: trailFile, steps: c.Steps, final: -1}
	var left aligned
	if err := j.stages.readJSON(filepath.Join(dir, alignedFile), &left); err == nil {
		t.scores, t.final = left.Curve, left.Step
	}
	if t.points, err = j.history(dir); err != nil {
		return list, err
	}
	task, _, err := j.alignJob(context.Background(), m, start, dir, key)
	if err != nil {
		return list, err
	}
	t.judge = task.Judge
	task.Judge = nil
	t.replay = task.Replay
	return append(list, t), nil
}

// pretrainJob is the training of the model on documents, without the files that it leaves.
func (j *textJob) pretrainJob(tok *tokenizer.Tokenizer, lm model.LM) (*train.Job, error) {
	source, err := j.pack(tok)
	if err != nil {
		return nil, err
	}
	return j.trainJob(lm, source), nil
}

// instructTrials lists the trials of one way that have left something.
func (j *textJob) instructTrials(m *languageModel, base nn.Weights, way tune.Way) ([]*training, error) {
	key, err := j.instructKey(way)
	if err != nil {
		return nil, err
	}
	s := &tunedStage{dir: j.stages.folder("tune-"+string(way), key)}
	var left instructed
	switch err := j.stages.readJSON(filepath.Join(s.dir, adaptedFile), &left); {
	case err == nil:
		s.done, s.Best, s.Trials = true, left.Best, left.Trials
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	task, _, err := j.instructTask(m, base, s.dir, key)
	if err != nil {
		return nil, err
	}
	settings, err := j.r.Text.Tune.Begin(m.lm, base, task.Source)
	if err != nil {
		return nil, err
	}
	var list []*training
	for _, lr := range settings.Rates(way) {
		name := tune.TrialName(way, lr)
		if _, err := j.fsys.Stat(filepath.Join(s.dir, trialFolder(name))); err != nil {
			continue
		}
		t := &training{dir: s.dir, trial: name, checkpoints: trialFolder(name), trail: trialTrail(name), steps: settings.Steps, final: -1}
		t.replay = func(ctx context.Context, from *durable.Snapshot, steps int, see func(train.Replayed) error) error {
			return task.ReplayInstruct(ctx, settings, way, lr, from, steps, see)
		}
		t.judge = func(w nn.Weights) (float64, error) { return task.Judge(w, settings.Adapter(way)) }
		s.recorded(t, lr)
		list = append(list, t)
	}
	return list, nil
}
