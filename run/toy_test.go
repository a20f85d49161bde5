package run

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/task/channelpred"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// toy is a masked model of one dense layer over patches of four slots: it compiles
// in milliseconds, so that a whole run can be killed at every file operation.
type toy struct {
	Bias bool `yaml:"bias"` // something to set
}

func (toy) Validate() error               { return nil }
func (c toy) Build() (model.Model, error) { return c, nil }
func (toy) Weights() checkpoint.Map       { return nil }

func (toy) Patches(g model.Grid) ([3]int, error) { return [3]int{g.NumSlots / 4, 1, 1}, nil }

func (toy) Reconstruct(s *nn.Scope, x, visible *nn.Node) *nn.Node {
	dims := x.Shape().Dimensions
	b, p := dims[0], dims[1]/4
	seen := nn.Pick(graph.Reshape(x, b, p, -1), visible) // [B V C]
	y := nn.Dense(s.In("query"), graph.Reshape(seen, b, -1), x.Shape().Size()/b)
	return graph.Reshape(y, dims...)
}

// toyRecipe trains the toy for a few steps on flat fading.
func toyRecipe() *Recipe {
	d := data.Default()
	d.Channel, d.NumSlots, d.NumSubcarriers = "jakes", 12, 1
	d.Tx.Rows, d.Tx.Cols, d.Rx.Rows, d.Rx.Cols = 1, 1, 1, 1
	d.Speed = setting.SpeedRange{Min: setting.KMH(3), Max: setting.KMH(60)}
	d.Mask = data.Mask{Time: 1, TimeRatio: 1. / 3, FreqRatio: 0.5, RandomRatio: 0.5}
	c := train.Default()
	c.Steps, c.BatchSize, c.MicroBatchSize, c.LogEvery, c.CheckpointEvery, c.KeepCheckpoints = 6, 8, 4, 2, 3, 1
	c.Schedule.WarmupSteps = 1
	return &Recipe{
		Name: "test/toy", Seed: 3, TaskName: "channelpred", ModelName: "toy", Model: toy{}, Data: d, Train: c,
		Task: &channelpred.Config{Past: 8, Future: 4, Speeds: []setting.Speed{setting.KMH(30)}, NumExamples: 12, NumFit: 40},
	}
}

// adaptedToy goes on to adapt the toy to 120 km/h.
func adaptedToy() *Recipe {
	r := toyRecipe()
	c := tune.Default()
	c.NumExamples, c.NumValidation, c.Steps, c.BatchSize, c.ValidateEvery = 16, 8, 4, 8, 2
	c.Full.LearningRates, c.LoRA.LearningRates = []float64{1e-3, 3e-3}, []float64{3e-3}
	c.LoRA.Rank, c.LoRA.Targets = 2, []string{"query"}
	r.Tune = &c
	return r
}

// needsEngine skips a test that runs the engine where that cannot be done.
func needsEngine(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
}

// outcomeOn runs a recipe that must work.
func outcomeOn(t *testing.T, fsys durable.FS, r *Recipe) *Outcome {
	t.Helper()
	needsEngine(t)
	o, err := Execute(context.Background(), r, Options{FS: fsys, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// rowsText is every figure of an outcome, to the bit.
func rowsText(t *testing.T, o *Outcome) string {
	t.Helper()
	text, err := json.Marshal(o.Rows)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// infoOn reads run.json.
func infoOn(t *testing.T, fsys durable.FS, dir string) Info {
	t.Helper()
	var info Info
	raw, err := durable.ReadFile(fsys, filepath.Join(dir, "run.json"))
	if err == nil {
		err = json.Unmarshal(raw, &info)
	}
	if err != nil {
		t.Fatal(err)
	}
	return info
}
