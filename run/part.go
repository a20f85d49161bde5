package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/run/report"
	"github.com/comlam/comlam/train"
)

// job is one recipe in a session: what kind of recipe it is, its type says.
type job interface {
	recipe() *Recipe
	plan() []string                          // its stages, and whether they are there already
	run(ctx context.Context) (result, error) // the stages, in order
	trainings() ([]*training, error)         // what can be replayed

	done() bool        // its first training is there already
	shapes() *Forecast // what follows from the sizes of things
	probe(ctx context.Context, f *Forecast) error
	lessMemory(f *Forecast, room float64) Proposal
	lessDisk(f *Forecast) Proposal
	lessTime(factor float64) Proposal
}

// result is what a job found.
type result interface {
	recipe() *Recipe
	measured() ([]eval.Row, []Gate)
	findings() []report.Text // the sentences at the head of the report, failures included
	section() (report.Section, error)
}

// newJob is the job of a recipe.
func newJob(r *Recipe, s *session) (job, error) {
	if r.Text != nil {
		return newTextJob(r, s)
	}
	return newRadioJob(r, s)
}

// part is what every job has: its recipe, and its session with stages and files.
type part struct {
	*session
	r *Recipe
}

func (j part) recipe() *Recipe { return j.r }

// key hashes sections of the recipe, under the keys of the stages before.
func (j part) key(stage string, parts ...string) (string, error) {
	var inputs [][]byte
	for _, p := range parts {
		text := []byte(p)
		if slices.Contains(j.r.sections(), p) {
			var err error
			if text, err = j.r.Section(p); err != nil {
				return "", err
			}
		}
		inputs = append(inputs, text)
	}
	return stageKey(stage, inputs...), nil
}

// fingerprint names what a checkpoint can only be continued with, beside what
// package train compares itself: the kernel, the seed and its own settings.
func (j part) fingerprint(key string) string { return "settings " + key[:12] }

func (j part) checkpoints(dir string, keep int) (*durable.Store, error) {
	return durable.OpenStore(j.fsys, dir, durable.Options{
		Keep:   keep,
		Report: func(err error) { j.show.stage("notice", "%v", err) },
	})
}

func (j part) saveWeights(path string, w nn.Weights) error {
	f, err := durable.Create(j.fsys, path)
	if err != nil {
		return err
	}
	metadata := map[string]string{"recipe": j.r.Name, "model": j.r.ModelName, "kernel": backend.Variant()}
	if err := train.WriteWeights(f, w, metadata); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

func (j part) weights(dir string) (nn.Weights, error) {
	path := filepath.Join(dir, weightsFile)
	raw, err := durable.ReadFile(j.fsys, path)
	if err != nil {
		return nil, err
	}
	w, err := train.ReadWeights(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return w, nil
}

func (j part) history(dir string) ([]train.Point, error) {
	path := filepath.Join(dir, historyFile)
	records, err := durable.ReadLog(j.fsys, path)
	if err != nil {
		return nil, err
	}
	points := make([]train.Point, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r, &points[i]); err != nil {
			return nil, fmt.Errorf("read %q, record %d: %w", path, i+1, err)
		}
	}
	return points, nil
}

// runTraining runs a training with its checkpoints, history and trail in the folder of
// its stage, and says how it went.
func (j part) runTraining(ctx context.Context, stage, dir string, task *train.Job) (res *train.Result, how trained, err error) {
	task.Progress = func(p train.Point) { j.show.training(stage, p) }
	if task.Checkpoints, err = j.checkpoints(filepath.Join(dir, checkpointDir), task.Config.KeepCheckpoints); err != nil {
		return nil, how, err
	}
	defer task.Checkpoints.Close()
	if task.History, err = durable.OpenLog(j.fsys, filepath.Join(dir, historyFile)); err != nil {
		return nil, how, err
	}
	defer task.History.Close()
	if task.Trail, err = durable.OpenLog(j.fsys, filepath.Join(dir, trailFile)); err != nil {
		return nil, how, err
	}
	defer task.Trail.Close()
	began := time.Now()
	res, err = task.Run(ctx)
	if err != nil {
		return nil, how, err
	}
	return res, trained{time.Since(began).Seconds(), res.Resumed}, nil
}
