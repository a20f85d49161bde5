package run

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/comlam/comlam/align"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/spec/facts"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// nameAligned is the model after alignment, in tables.
const nameAligned = "model, aligned"

// aligned is the outcome of alignment, as its stage keeps it.
type aligned struct {
	Loss    align.Loss    `json:"loss"`
	Pairs   int           `json:"pairs"`
	Seconds float64       `json:"seconds"`
	Step    int           `json:"step"`   // whose weights were kept
	Curve   []train.Score `json:"curve"`  // share of held-out pairs got wrong, over the steps
	Before  align.Report  `json:"before"` // on pairs that nothing was chosen by
	After   align.Report  `json:"after"`

	key     string
	weights nn.Weights
}

const alignedFile = "aligned.json"

// align is the stage that teaches the model which of two answers is the better one. It
// goes on with the first of the tuned models.
func (j *textJob) align(ctx context.Context, m *languageModel, tuned []instructed) (*aligned, error) {
	if j.r.Text.Align == nil {
		return nil, nil
	}
	start, err := startOfAlignment(tuned)
	if err != nil {
		return nil, err
	}
	key, err := j.alignKey(tuned[0].key)
	if err != nil {
		return nil, err
	}
	dir, err := j.stages.run(ctx, "align", key, func(dir string) ([]string, error) { return j.runAlign(ctx, m, start, dir, key) })
	if err != nil {
		return nil, err
	}
	a := &aligned{key: key}
	if err := j.stages.readJSON(filepath.Join(dir, alignedFile), a); err != nil {
		return nil, err
	}
	a.weights, err = j.weights(dir)
	return a, err
}

func (j *textJob) alignKey(tuned string) (string, error) {
	return j.key("align", "align", "seed", tuned)
}

// startOfAlignment is the first tuned model without its adapter.
func startOfAlignment(tuned []instructed) (nn.Weights, error) {
	first := tuned[0]
	if first.adapter == nil {
		return first.weights, nil
	}
	k := tune.Keep(first.adapter, first.weights)
	var base nn.Weights
	for _, w := range first.weights {
		if !first.adapter.Trains(w.Name) {
			base = append(base, w)
		}
	}
	return k.Merged(base)
}

func (j *textJob) runAlign(ctx context.Context, m *languageModel, start nn.Weights, dir, key string) ([]string, error) {
	c := *j.r.Text.Align
	task, pairs, err := j.alignJob(ctx, m, start, dir, key)
	if err != nil {
		return nil, err
	}
	j.show.stage("align", "%s: %s on %s, %d steps of %s", j.r.Name, c.Loss, count(pairs.Len(), "pair"), c.Steps, count(c.BatchSize, "pair"))
	res, how, err := j.runTraining(ctx, "align", dir, task)
	if err != nil {
		return nil, err
	}
	a := aligned{Loss: c.Loss, Pairs: pairs.Len(), Seconds: how.Seconds, Step: res.BestStep, Curve: res.Scores}
	test, err := j.preferences(m, facts.Test, data.Test)
	if err != nil {
		return nil, err
	}
	for _, side := range []struct {
		w  nn.Weights
		to *align.Report
	}{{start, &a.Before}, {res.Best, &a.After}} {
		report, err := c.Measure(ctx, m.lm, side.w, nil, start, test, nil)
		if err != nil {
			return nil, err
		}
		*side.to = *report
	}
	if err := j.stages.writeJSON(filepath.Join(dir, alignedFile), a); err != nil {
		return nil, err
	}
	return []string{alignedFile, weightsFile}, j.saveWeights(filepath.Join(dir, weightsFile), res.Best)
}

// alignJob is the training of alignment, without the files that it leaves but the
// reference's log-probabilities.
func (j *textJob) alignJob(ctx context.Context, m *languageModel, start nn.Weights, dir, key string) (*train.Job, *data.Pairs, error) {
	c := *j.r.Text.Align
	pairs, err := j.preferences(m, facts.Train, data.Adapt)
	if err != nil {
		return nil, nil, err
	}
	if err := align.CachedReference(ctx, j.fsys, filepath.Join(dir, "reference.safetensors"), m.lm, start, pairs, nil); err != nil {
		return nil, nil, err
	}
	held, err := j.preferences(m, facts.Validation, data.Validate)
	if err != nil {
		return nil, nil, err
	}
	task := c.Job(m.lm, start, nil, pairs, j.r.Seed)
	task.Config.KeepCheckpoints, task.Workers, task.Fingerprint = 1, j.o.Workers, j.fingerprint(key)
	task.Judge = func(w nn.Weights) (float64, error) {
		r, err := c.Measure(ctx, m.lm, w, nil, start, held, nil)
		if err != nil {
			return 0, err
		}
		return r.Loss, nil
	}
	return task, pairs, nil
}

// preferences are pairs of answers in a phrasing, about facts that the model has been
// tuned on or has only read.
func (j *textJob) preferences(m *languageModel, p facts.Phrasing, split data.Split) (*data.Pairs, error) {
	g, err := j.r.facts()
	if err != nil {
		return nil, err
	}
	e := &data.Examples{File: "facts", Format: data.FormatPreference, Kind: data.KindPreference}
	for x := range g.Preferences(p, facts.Exposure(j.r.Text.Align.Facts)) {
		say := func(role, text string) data.Passage {
			return data.Passage{Messages: []data.Message{{Role: role, Content: text}}}
		}
		e.List = append(e.List, data.Example{
			Line: len(e.List) + 1, Kind: data.KindPreference,
			Prompt: say("user", x.Prompt), Completion: say("assistant", x.Chosen), Rejected: say("assistant", x.Rejected),
		})
	}
	if len(e.List) == 0 {
		return nil, fmt.Errorf("no preferences can be made: no source of the recipe tells facts")
	}
	return j.r.Text.Align.Pairs(e, m.tok, split, j.r.Seed)
}

// rows are the figures of alignment as tables show them.
func (a *aligned) rows(task, before string) []eval.Row {
	var list []eval.Row
	add := func(method string, v align.Report) {
		list = append(list, eval.Row{
			Task: task, Condition: conditionPairs, Method: method, Class: eval.Learned,
			Metric: v.Preference.Name, Value: v.Preference.Value, CI95: v.Preference.CI95, N: v.Pairs,
		})
	}
	add(before, a.Before)
	add(nameAligned, a.After)
	return list
}

// conditionPairs are the preferences that alignment is measured on.
const conditionPairs = "preferences, new phrasings"
