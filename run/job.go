package run

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/task/channelpred"
	"github.com/comlam/comlam/train"
)

// Names of the learned methods in tables.
const (
	nameTrained = "model"
	nameBase    = "model, zero-shot"
	nameFull    = "model, full fine-tuning"
	nameLoRA    = "model, LoRA"
	nameControl = "model, trained longer"
)

// metricGain is the gain of an adapted model over its base, in dB of
// nmse/ratio-of-sums on the same samples: positive is better.
const metricGain = "gain-dB/nmse/ratio-of-sums"

// trainedFile is where the training stage says how it went.
const trainedFile = "trained.json"

type trained struct {
	Seconds float64 `json:"seconds"` // of the process that finished it
	Resumed int     `json:"resumed"` // step at which that process took over; 0: it did it all
}

// weightsFile is where a stage leaves the weights it made; checkpointDir and
// trailFile are what training can be continued and checked from.
const (
	weightsFile   = "model.safetensors"
	checkpointDir = "checkpoints"
	historyFile   = "metrics.jsonl"
	trailFile     = "trail.jsonl"
	rowsFile      = "rows.json"
)

// radioJob is one recipe of the channel prediction task in a session.
type radioJob struct {
	part
	c       channelpred.Config
	filler  model.Filler
	grid    model.Grid
	patches [3]int
	bench   *channelpred.Bench
	speeds  []setting.Speed // test conditions

	trainKey string
}

// radioResult is what the report shows of a radioJob.
type radioResult struct {
	r       *Recipe
	rows    []eval.Row
	gates   []Gate
	history []train.Point
	trained trained
	params  int
	adapted []adaptation // empty without a tune section
}

func newRadioJob(r *Recipe, s *session) (*radioJob, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	c, ok := r.Task.(*channelpred.Config)
	if !ok {
		return nil, fmt.Errorf("recipe %q: task %q cannot be run", r.Name, r.TaskName)
	}
	m, err := r.Model.Build()
	if err != nil {
		return nil, err
	}
	filler, ok := m.(model.Filler)
	if !ok {
		return nil, fmt.Errorf("recipe %q: model %q does not reconstruct channels", r.Name, r.ModelName)
	}
	gen, err := r.Data.Config.Build()
	if err != nil {
		return nil, err
	}
	shape := gen.Shape()
	j := &radioJob{part: part{s, r}, c: *c, filler: filler, speeds: speedsOf(r)}
	j.grid = model.Grid{NumSlots: shape.NumSlots, NumSubcarriers: shape.NumSubcarriers, NumAnt: shape.NumRxAnt * shape.NumTxAnt}
	if j.patches, err = filler.Patches(j.grid); err != nil {
		return nil, err
	}
	if j.bench, err = channelpred.NewBench(j.c, r.Data, r.Seed); err != nil {
		return nil, err
	}
	j.trainKey, err = j.key("train", "seed", "model", "data", "train")
	return j, err
}

// speedsOf lists the test conditions: the speeds of the task, and the one that is
// adapted to, where what adaptation gains is measured.
func speedsOf(r *Recipe) []setting.Speed {
	c, ok := r.Task.(*channelpred.Config)
	if !ok {
		return nil
	}
	list := slices.Clone(c.Speeds)
	if r.Tune == nil || slices.ContainsFunc(list, func(v setting.Speed) bool { return v.String() == r.Tune.Speed.String() }) {
		return list
	}
	return append(list, r.Tune.Speed.Min)
}

// plan lists the stages and whether they are there already.
func (j *radioJob) plan() []string {
	state := "to do"
	if j.done() {
		state = "done before"
	}
	steps := j.r.Train.Steps * j.r.Train.BatchSize
	list := []string{fmt.Sprintf("%s: train %d samples in %d steps (%s)", j.r.Name, steps, j.r.Train.Steps, state)}
	if t := j.r.Tune; t != nil {
		trials := len(t.Full.LearningRates) + len(t.LoRA.LearningRates) + 1
		list = append(list, fmt.Sprintf("%s: adapt to %v in %d trials of %d steps", j.r.Name, t.Speed, trials, t.Steps))
	}
	return append(list, fmt.Sprintf("%s: evaluate %d conditions of %d samples, then report", j.r.Name, len(j.speeds), j.c.NumExamples))
}

func (j *radioJob) done() bool { return j.stages.complete("train", j.trainKey) }

// run does the stages in order.
func (j *radioJob) run(ctx context.Context) (result, error) {
	res := &radioResult{r: j.r}
	dir, err := j.pretrain(ctx)
	if err != nil {
		return nil, err
	}
	base, err := j.weights(dir)
	if err != nil {
		return nil, err
	}
	res.params = base.NumParameters()
	if res.history, err = j.history(dir); err != nil {
		return nil, err
	}
	if err := j.stages.readJSON(filepath.Join(dir, trainedFile), &res.trained); err != nil {
		return nil, err
	}
	if j.r.Tune != nil {
		if res.adapted, err = j.adapt(ctx, base); err != nil {
			return nil, err
		}
	}
	if res.rows, err = j.evaluate(ctx, base, res.adapted); err != nil {
		return nil, err
	}
	res.gates = gates(j.r, res.rows)
	return res, nil
}

// pretrain is the stage that trains the model by masked reconstruction.
func (j *radioJob) pretrain(ctx context.Context) (string, error) {
	return j.stages.run(ctx, "train", j.trainKey, func(dir string) ([]string, error) {
		j.show.stage("train", "%s: %d steps of %d samples", j.r.Name, j.r.Train.Steps, j.r.Train.BatchSize)
		task, err := j.trainJob()
		if err != nil {
			return nil, err
		}
		res, how, err := j.runTraining(ctx, "train", dir, task)
		if err != nil {
			return nil, err
		}
		if err := j.stages.writeJSON(filepath.Join(dir, trainedFile), how); err != nil {
			return nil, err
		}
		return []string{weightsFile, historyFile, trainedFile}, j.saveWeights(filepath.Join(dir, weightsFile), res.Weights)
	})
}

// trainJob is the training of the model, without the files that it leaves.
func (j *radioJob) trainJob() (*train.Job, error) {
	source, err := data.NewMasked(j.r.Data, data.Train, j.r.Seed, j.patchSize(), j.patches)
	if err != nil {
		return nil, err
	}
	return &train.Job{
		Config: j.r.Train, Seed: j.r.Seed, Loss: train.MaskedLoss(j.filler), Source: source,
		Fingerprint: j.fingerprint(j.trainKey), Workers: j.o.Workers, FLOPPerSample: 3 * j.forwardFLOP(),
	}, nil
}

func (j *radioJob) patchSize() [3]int {
	return [3]int{j.grid.NumSlots / j.patches[0], j.grid.NumSubcarriers / j.patches[1], j.grid.NumAnt / j.patches[2]}
}

// forwardFLOP is the cost of one forward pass while half of the patches are seen;
// 0 where the model does not tell.
func (j *radioJob) forwardFLOP() float64 {
	counter, ok := j.filler.(interface {
		ForwardFLOP(visible, patches int) float64
	})
	if !ok {
		return 0
	}
	n := j.patches[0] * j.patches[1] * j.patches[2]
	return counter.ForwardFLOP((n+1)/2, n)
}

// evaluate is the stage that measures every method at every condition.
func (j *radioJob) evaluate(ctx context.Context, base nn.Weights, adapted []adaptation) ([]eval.Row, error) {
	inputs := []string{"task", "data", "seed", j.trainKey}
	for _, a := range adapted {
		inputs = append(inputs, a.key)
	}
	key, err := j.key("evaluate", inputs...)
	if err != nil {
		return nil, err
	}
	dir, err := j.stages.run(ctx, "evaluate", key, func(dir string) ([]string, error) {
		learned, err := j.learned(base, adapted)
		if err != nil {
			return nil, err
		}
		var rows []eval.Row
		for _, speed := range j.speeds {
			j.show.stage("evaluate", "%s at %v: %d samples", j.r.Name, speed, j.c.NumExamples)
			more, err := j.measure(ctx, speed, learned)
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
		if err := checkFinite(rows); err != nil {
			return nil, err
		}
		return []string{rowsFile}, j.stages.writeJSON(filepath.Join(dir, rowsFile), rows)
	})
	if err != nil {
		return nil, err
	}
	var rows []eval.Row
	return rows, j.stages.readJSON(filepath.Join(dir, rowsFile), &rows)
}

// checkFinite refuses numbers that neither JSON nor a table in dB can hold.
func checkFinite(rows []eval.Row) error {
	for _, r := range rows {
		for _, v := range []float64{r.Value, r.CI95[0], r.CI95[1]} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%s at %s: %s is %v; look at its test samples, or take the setting out that makes it so", r.Method, r.Condition, r.Metric, v)
			}
		}
	}
	return nil
}

// learned makes the methods that run the model.
func (j *radioJob) learned(base nn.Weights, adapted []adaptation) ([]channelpred.Method, error) {
	name := nameTrained
	if len(adapted) > 0 {
		name = nameBase
	}
	p, err := channelpred.NewLearned(j.filler, j.c, j.grid, base, nil)
	if err != nil {
		return nil, err
	}
	methods := []channelpred.Method{{Name: name, Class: eval.Learned, Predictor: p}}
	for _, a := range adapted {
		p, err := channelpred.NewLearned(j.filler, j.c, j.grid, a.weights, a.adapter)
		if err != nil {
			return nil, err
		}
		methods = append(methods, channelpred.Method{Name: a.Method, Class: eval.Learned, Predictor: p})
	}
	return methods, nil
}

// condition names a test condition: channel and speed.
func condition(r *Recipe, speed setting.Speed) eval.Condition {
	return channelpred.Condition(r.Data.Channel, speed)
}

// measure runs all methods on the test samples of one speed.
func (j *radioJob) measure(ctx context.Context, speed setting.Speed, learned []channelpred.Method) ([]eval.Row, error) {
	began := time.Now()
	methods, err := j.bench.Methods(ctx, speed)
	if err != nil {
		return nil, err
	}
	set, err := j.bench.Set(data.Test, speed, j.c.NumExamples)
	if err != nil {
		return nil, err
	}
	result, err := eval.Run(ctx, condition(j.r, speed), set, append(methods, learned...))
	if err != nil {
		return nil, err
	}
	rows, err := result.Rows()
	if err != nil {
		return nil, err
	}
	for _, m := range learned[1:] {
		d, err := result.DifferenceDB(m.Name, learned[0].Name, metric.RatioOfSums)
		if err != nil {
			return nil, err
		}
		rows = append(rows, eval.Row{
			Task: j.r.TaskName, Condition: rows[0].Condition, Method: m.Name, Class: eval.Learned,
			Metric: metricGain, Value: 0 - d.Value, CI95: [2]float64{0 - d.CI95[1], 0 - d.CI95[0]}, N: d.N, // 0-x is never -0
		})
	}
	if took := time.Since(began); took > 2*time.Second {
		j.show.stage("evaluate", "%s at %v took %v", j.r.Name, speed, took.Round(100*time.Millisecond))
	}
	return rows, nil
}
