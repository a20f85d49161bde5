package run

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/task/channelpred"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// adaptation is one way of adapting the base, as its stage keeps it.
type adaptation struct {
	Method  string       `json:"method"`
	Trained int          `json:"trained"` // parameters that learned
	Total   int          `json:"total"`   // of the base
	Best    tune.Trial   `json:"best"`
	Trials  []tune.Trial `json:"trials"`
	LoRA    bool         `json:"lora"` // the weights need the recipe's adapter

	key     string
	weights nn.Weights
	adapter nn.Adapter
}

const adaptedFile = "adapted.json"

// The stages that adapt.
const (
	stageFull    = "adapt-full"
	stageLoRA    = "adapt-lora"
	stageControl = "control"
)

// adapt runs the stages that adapt the base to the new speed: full fine-tuning,
// LoRA on the same samples, and the control, which goes on as long on the speeds
// that the base has seen.
func (j *radioJob) adapt(ctx context.Context, base nn.Weights) ([]adaptation, error) {
	full, err := j.adaptStage(ctx, stageFull, nameFull, nil, func(t *tune.Task) (*tune.Adapted, error) { return t.FullFineTune(ctx) }, base)
	if err != nil {
		return nil, err
	}
	lora, err := j.adaptStage(ctx, stageLoRA, nameLoRA, nil, func(t *tune.Task) (*tune.Adapted, error) { return t.LowRank(ctx) }, base)
	if err != nil {
		return nil, err
	}
	control, err := j.adaptStage(ctx, stageControl, nameControl, []string{full.key}, func(t *tune.Task) (*tune.Adapted, error) {
		if err := j.makeControl(t, full.Best.LearningRate); err != nil {
			return nil, err
		}
		return t.Continue(ctx)
	}, base)
	if err != nil {
		return nil, err
	}
	return []adaptation{*full, *lora, *control}, nil
}

// makeControl turns a task into that of the control: it takes the learning rate that
// full fine-tuning chose, and its last step, for it has no validation set of the new
// condition to choose with.
func (j *radioJob) makeControl(t *tune.Task, lr float64) error {
	t.Config.Full.LearningRates = []float64{lr}
	source, err := j.tuneSource(data.Train, j.r.Data.Speed, 0)
	if err != nil {
		return err
	}
	t.Source = later{source, uint64(j.r.Train.Steps) * uint64(j.r.Train.BatchSize)}
	return nil
}

// later is a source from a sample number on, so that training continues on
// samples that it has not seen.
type later struct {
	data.Source
	first uint64
}

func (l later) Batch(first uint64, n int) (data.Batch, error) {
	return l.Source.Batch(l.first+first, n)
}

// adaptStage runs one way of adapting as a stage.
func (j *radioJob) adaptStage(ctx context.Context, stage, method string, after []string, do func(*tune.Task) (*tune.Adapted, error), base nn.Weights) (*adaptation, error) {
	key, err := j.adaptKey(stage, after)
	if err != nil {
		return nil, err
	}
	dir, err := j.stages.run(ctx, stage, key, func(dir string) ([]string, error) {
		j.show.stage("adapt", "%s to %v on %d samples", method, j.r.Tune.Speed, j.r.Tune.NumExamples)
		t, err := j.tuneTask(dir, key, base)
		if err != nil {
			return nil, err
		}
		res, err := do(t)
		if err != nil {
			return nil, err
		}
		a := adaptation{
			Method: method, Trained: res.Trained, Total: base.NumParameters(),
			Best: res.Best, Trials: res.Trials, LoRA: res.Adapter != nil,
		}
		if err := j.stages.writeJSON(filepath.Join(dir, adaptedFile), a); err != nil {
			return nil, err
		}
		return []string{adaptedFile, weightsFile}, j.saveWeights(filepath.Join(dir, weightsFile), res.Weights)
	})
	if err != nil {
		return nil, err
	}
	a := adaptation{key: key}
	if err := j.stages.readJSON(filepath.Join(dir, adaptedFile), &a); err != nil {
		return nil, err
	}
	if a.LoRA {
		a.adapter = j.r.Tune.LoRA
	}
	a.weights, err = j.weights(dir)
	return &a, err
}

// adaptKey hashes what one way of adapting depends on, and nothing that only the
// others do: other ranks of LoRA leave full fine-tuning as it was.
func (j *radioJob) adaptKey(stage string, after []string) (string, error) {
	c := *j.r.Tune
	if stage != stageLoRA {
		c.LoRA = tune.LoRA{}
	}
	if stage != stageFull { // the control's learning rate follows from the stage before
		c.Full = tune.Full{}
	}
	settings, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("key of stage %s: %w", stage, err)
	}
	task := fmt.Sprintf("past %d future %d", j.c.Past, j.c.Future)
	return j.key(stage, append([]string{string(settings), task, j.trainKey}, after...)...)
}

// tuneTask is what all ways of adapting share.
func (j *radioJob) tuneTask(dir, key string, base nn.Weights) (*tune.Task, error) {
	source, err := j.tuneSource(data.Adapt, j.r.Tune.Speed, j.r.Tune.NumExamples)
	if err != nil {
		return nil, err
	}
	judge, err := j.judge()
	if err != nil {
		return nil, err
	}
	return &tune.Task{
		Config: *j.r.Tune, Seed: j.r.Seed, Base: base, Source: source, Judge: judge,
		Loss: train.MaskedLoss(j.filler), Workers: j.o.Workers, MicroBatchSize: j.tuneMicroBatch(),
		Fingerprint: j.fingerprint(key),
		Progress:    func(name string, p train.Point) { j.show.training(name, p) },
		Checkpoints: func(trial string) (*durable.Store, error) {
			return j.checkpoints(filepath.Join(dir, trialFolder(trial)), 1)
		},
		Trail: func(trial string) (*durable.Log, error) {
			return durable.OpenLog(j.fsys, filepath.Join(dir, trialTrail(trial)))
		},
	}, nil
}

// trialFolder is the folder of a trial's checkpoints in its stage, trialTrail the file
// of its marks beside it.
func trialFolder(trial string) string { return strings.ReplaceAll(trial, " ", "-") }
func trialTrail(trial string) string  { return trialFolder(trial) + "." + trailFile }

// tuneMicroBatch splits a batch in two where it can, so that two cores work.
func (j *radioJob) tuneMicroBatch() int {
	if n := j.r.Tune.BatchSize; n%2 == 0 {
		return n / 2
	}
	return 0
}

// tuneSource gives samples whose future is hidden, at the speeds of a condition.
func (j *radioJob) tuneSource(split data.Split, speed setting.SpeedRange, num int) (data.Source, error) {
	c := j.r.Data
	c.Speed, c.NumExamples = speed, num
	c.Mask = data.Mask{Time: 1, TimeRatio: float64(j.c.Future) / float64(j.grid.NumSlots), FreqRatio: 0.5, RandomRatio: 0.5}
	return data.NewMasked(c, split, j.r.Seed, j.patchSize(), j.patches)
}

// judge returns the validation score: nmse/ratio-of-sums at the new speed.
func (j *radioJob) judge() (func(nn.Weights, nn.Adapter) (float64, error), error) {
	set, err := j.bench.Set(data.Validate, j.r.Tune.Speed.Min, j.r.Tune.NumValidation)
	if err != nil {
		return nil, err
	}
	examples, err := set.Examples(0, set.Len())
	if err != nil {
		return nil, err
	}
	predictors := map[bool]*channelpred.Learned{}
	return func(w nn.Weights, a nn.Adapter) (float64, error) {
		p := predictors[a != nil]
		if p == nil {
			if p, err = channelpred.NewLearned(j.filler, j.c, j.grid, w, a); err != nil {
				return 0, err
			}
			predictors[a != nil] = p
		}
		if err := p.SetWeights(w); err != nil {
			return 0, err
		}
		return nmse(p, examples)
	}, nil
}

// nmse is nmse/ratio-of-sums over examples.
func nmse(p channelpred.Predictor, examples []channelpred.Example) (float64, error) {
	out := make([][]complex64, len(examples))
	for i, e := range examples {
		out[i] = make([]complex64, len(e.Future))
	}
	if err := p.Predict(examples, out); err != nil {
		return 0, err
	}
	var num, den float64
	for i, e := range examples {
		m, err := metric.Measure(out[i], e.Future)
		if err != nil {
			return 0, err
		}
		num, den = num+m.Error, den+m.Reference
	}
	return num / den, nil
}
