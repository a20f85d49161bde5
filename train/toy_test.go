package train

import (
	"bytes"
	"context"
	"testing"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
	. "github.com/gomlx/gomlx/core/graph"
)

// The toy is a regression of two numbers from three by a small network: a graph
// of a few milliseconds that has every part of the loop.

// toySource draws its samples from their numbers. poison replaces an input value
// of one sample.
type toySource struct {
	poison map[uint64]poison
}

type poison struct {
	array int // 0 input, 1 target, 2 the value under the root
	value float32
}

func (s toySource) Batch(first uint64, n int) (data.Batch, error) {
	x := nn.Array{Shape: []int{n, 3}}
	y := nn.Array{Shape: []int{n, 2}}
	z := nn.Array{Shape: []int{n}}
	var b data.Batch
	for i := first; i < first+uint64(n); i++ {
		b.Samples = append(b.Samples, i)
		r := rng.New(7, i)
		a := [3]float32{float32(r.Normal()), float32(r.Normal()), float32(r.Normal())}
		x.Float32 = append(x.Float32, a[:]...)
		y.Float32 = append(y.Float32, a[0]*a[1], a[2]-0.5*a[0])
		z.Float32 = append(z.Float32, 1)
		if p, ok := s.poison[i]; ok {
			last := []*[]float32{&x.Float32, &y.Float32, &z.Float32}[p.array]
			(*last)[len(*last)-1] = p.value
		}
	}
	b.Arrays = []nn.Array{x, y, z}
	return b, nil
}

// toyLoss is the squared error, plus a root whose gradient is not a number where
// the value under it is zero while the loss still is one.
func toyLoss(s *nn.Scope, in []*nn.Node) *nn.Node {
	x, y, z := in[0], in[1], in[2]
	out := nn.Dense(s.In("out"), nn.Gelu(nn.Dense(s.In("hidden"), x, 4)), 2)
	w := nn.Variable(s.In("root"), x.Graph(), "weight", nn.Zeros, 1)
	root := Sqrt(Mul(z, AddScalar(Square(w), 1)))
	return Add(ReduceSum(Square(Sub(out, y)), -1), root)
}

func toyConfig(steps int) Config {
	c := Default()
	c.Steps, c.BatchSize, c.MicroBatchSize = steps, 8, 4
	c.Schedule.WarmupSteps = min(3, steps)
	c.Optimizer.LR = 1e-2
	c.CheckpointEvery, c.KeepCheckpoints, c.LogEvery = 4, 2, 3
	return c
}

func toyJob(steps int) *Job {
	return &Job{Config: toyConfig(steps), Seed: 1, Loss: toyLoss, Source: toySource{}, Workers: 1, Fingerprint: "toy"}
}

// toyJudge scores weights by a number that is cheap and goes up and down.
func toyJudge(w nn.Weights) (float64, error) {
	v := float64(w.Find("out/weight").Values[0])
	return 1 + v*v*100 - float64(int(v*v*100)), nil
}

// digest is equal for two sets of weights exactly when every bit is.
func digest(t testing.TB, w nn.Weights) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteWeights(&b, w, nil); err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustRun(t testing.TB, j *Job) *Result {
	t.Helper()
	res, err := j.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// openToy gives a job a checkpoint store and a history on fsys.
func openToy(fsys durable.FS, j *Job) (done func(), err error) {
	if err := durable.MkdirAll(fsys, "run"); err != nil {
		return nil, err
	}
	store, err := durable.OpenStore(fsys, "run/checkpoints", durable.Options{Keep: j.Config.KeepCheckpoints})
	if err != nil {
		return nil, err
	}
	history, err := durable.OpenLog(fsys, "run/metrics.jsonl")
	if err != nil {
		store.Close()
		return nil, err
	}
	j.Checkpoints, j.History = store, history
	return func() { history.Close(); store.Close() }, nil
}
