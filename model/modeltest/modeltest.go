// Package modeltest is the one exam for all model families. A family's test calls
// [Run], or [RunLM] for a language model, with a small configuration and with a plain
// reading of its forward pass; plain.go has the layers for that, as loops over float64.
//
// The exam for fillers ([model.Filler]):
//
//   - parameter counts, exactly;
//   - weights map one to one to published names, and come back through a file
//     without a changed bit;
//   - the output is that of the plain reading, to 1e-5 of its largest value;
//   - a sample alone gives what it gives in a batch of eight, to 1e-6;
//   - what is hidden cannot influence the result, not even where it is no number,
//     and everything that is seen does;
//   - gradients are finite, and there is one for every variable;
//   - training on one batch learns it by heart.
//
// The exam for language models ([model.LM]) is the same, but that instead of masks the
// future cannot influence the past, to the bit, and every token reaches what follows;
// that a text packed among others is read as it is alone, with the same gradient; and
// that reading on from a cache is reading the whole, to 1e-5.
package modeltest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// Tolerances of float32 against float64, and of one matrix kernel against another,
// as a fraction of the largest output.
const (
	referenceTolerance = 1e-5
	batchTolerance     = 1e-6
)

// Case is a family under examination.
type Case struct {
	Config model.Config // small: its graph runs in milliseconds
	Grid   model.Grid
	Counts []Count
	// Reference is a plain reading of the family: sample x [S K A 2], seen at
	// patches visible, under weights w.
	Reference func(w Weights, x []float64, visible []int32) []float64
	// Steps of AdamW that learn one batch by heart, to a tenth of its power.
	Steps int
}

// Count is a configuration with its number of parameters.
type Count struct {
	Name   string
	Config model.Config
	Grid   model.Grid // of a filler: any that fits
	Want   int
}

// Run examines a filler.
func Run(t *testing.T, c Case) {
	t.Run("counts", func(t *testing.T) { c.counts(t) })
	t.Run("weights", func(t *testing.T) { c.weights(t) })
	t.Run("reference", func(t *testing.T) { c.reference(t) })
	t.Run("batch", func(t *testing.T) { c.batch(t) })
	t.Run("masks", func(t *testing.T) { c.masks(t) })
	t.Run("gradients", func(t *testing.T) { c.gradients(t) })
	t.Run("overfit", func(t *testing.T) { c.overfit(t) })
}

// A subject is a filler on an engine.
type subject struct {
	filler  model.Filler
	grid    model.Grid
	patches int
	store   *nn.Store
	program *nn.Program
}

func build(t *testing.T, config model.Config, grid model.Grid) *subject {
	t.Helper()
	m, err := config.Build()
	if err != nil {
		t.Fatal(err)
	}
	filler, ok := m.(model.Filler)
	if !ok {
		t.Fatalf("%T is not a model.Filler", m)
	}
	n, err := filler.Patches(grid)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &subject{filler: filler, grid: grid, patches: n[0] * n[1] * n[2], store: nn.NewStore(1)}
	s.program, err = nn.NewProgram(engine, s.store, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{filler.Reconstruct(sc, in[0], in[1])}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *subject) size() int { return 2 * s.grid.NumSlots * s.grid.NumSubcarriers * s.grid.NumAnt }

// samples draws n samples with patches of their own to be seen, half of all.
func (s *subject) samples(n int) (x, visible nn.Array) {
	x = nn.Array{Shape: []int{n, s.grid.NumSlots, s.grid.NumSubcarriers, s.grid.NumAnt, 2}}
	visible = nn.Array{Shape: []int{n, (s.patches + 1) / 2}}
	for b := range n {
		r := rng.New(2, uint64(b))
		for range s.size() {
			x.Float32 = append(x.Float32, float32(r.Normal()))
		}
		list := r.Perm(s.patches)[:visible.Shape[1]]
		slices.Sort(list)
		for _, p := range list {
			visible.Int32 = append(visible.Int32, int32(p))
		}
	}
	return x, visible
}

func (s *subject) run(t *testing.T, x, visible nn.Array) []float32 {
	t.Helper()
	out, err := s.program.Run(x, visible)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out[0].Shape, x.Shape) {
		t.Fatalf("the output is %v, the sample %v", out[0].Shape, x.Shape)
	}
	return out[0].Float32
}

// shaken moves every weight off its first value, so that a bias that is never
// added or a scale that is always one does not pass unseen.
func (s *subject) shaken(t *testing.T) nn.Weights {
	t.Helper()
	s.run(t, first(s.samples(1)), second(s.samples(1)))
	return shake(t, s.store)
}

func shake(t *testing.T, store *nn.Store) nn.Weights {
	t.Helper()
	w, err := nn.Pull(store)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(4)
	for i := range w {
		for j := range w[i].Values {
			w[i].Values[j] += float32(0.1 * r.Normal())
		}
	}
	if err := nn.Push(store, w); err != nil {
		t.Fatal(err)
	}
	return w
}

func first(x, _ nn.Array) nn.Array  { return x }
func second(_, v nn.Array) nn.Array { return v }

func (c Case) counts(t *testing.T) {
	for _, n := range c.Counts {
		s := build(t, n.Config, n.Grid)
		x, visible := s.samples(1)
		s.run(t, x, visible)
		n.check(t, s.store)
	}
}

// check compares the store that a graph has filled with the number of parameters.
func (n Count) check(t *testing.T, store *nn.Store) {
	t.Helper()
	w, err := nn.Pull(store)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.NumParameters(); got != n.Want {
		t.Errorf("%s: %d parameters in its graph, want %d", n.Name, got, n.Want)
	}
	if counter, ok := n.Config.(interface{ NumParameters() int }); ok && counter.NumParameters() != n.Want {
		t.Errorf("%s: NumParameters says %d, want %d", n.Name, counter.NumParameters(), n.Want)
	}
}

func (c Case) weights(t *testing.T) {
	s := build(t, c.Config, c.Grid)
	w := s.shaken(t)
	x, visible := s.samples(3)
	want := s.run(t, x, visible)

	fresh := build(t, c.Config, c.Grid)
	throughFile(t, s.filler, w, fresh.store)
	equal(t, "after a file", fresh.run(t, x, visible), want)
}

// throughFile saves weights under their published names and loads them into a store.
func throughFile(t *testing.T, from model.Model, w nn.Weights, to *nn.Store) {
	t.Helper()
	m := from.Weights()
	shapes := map[string][]int{}
	for _, item := range w {
		shapes[item.Name] = item.Shape
	}
	var file bytes.Buffer
	err := m.Save(&file, checkpoint.F32, shapes, nil, func(name string) ([]float32, error) { return w.Find(name).Values, nil })
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Heads()) != len(w) {
		t.Errorf("%d tensors for %d variables", len(f.Heads()), len(w))
	}
	var loaded nn.Weights
	err = m.Load(f, shapes, func(name string, values []float32) error {
		loaded = append(loaded, nn.Weight{Name: name, Shape: shapes[name], Values: values})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Push(to, loaded); err != nil {
		t.Fatal(err)
	}
}

func (c Case) reference(t *testing.T) {
	s := build(t, c.Config, c.Grid)
	w := Weights{s.shaken(t)}
	x, visible := s.samples(3)
	got := s.run(t, x, visible)
	var want []float64
	for b := range 3 {
		var sample []float64
		for _, v := range x.Float32[b*s.size() : (b+1)*s.size()] {
			sample = append(sample, float64(v))
		}
		v := visible.Shape[1]
		want = append(want, c.Reference(w, sample, visible.Int32[b*v:(b+1)*v])...)
	}
	near(t, "against the plain reading", got, want, referenceTolerance)
}

func (c Case) batch(t *testing.T) {
	s := build(t, c.Config, c.Grid)
	s.shaken(t)
	x, visible := s.samples(8)
	eight := s.run(t, x, visible)
	for b := range 8 {
		v := visible.Shape[1]
		one := s.run(t,
			nn.Array{Shape: append([]int{1}, x.Shape[1:]...), Float32: x.Float32[b*s.size() : (b+1)*s.size()]},
			nn.Array{Shape: []int{1, v}, Int32: visible.Int32[b*v : (b+1)*v]})
		var want []float64
		for _, e := range eight[b*s.size() : (b+1)*s.size()] {
			want = append(want, float64(e))
		}
		near(t, fmt.Sprintf("sample %d alone and among eight", b), one, want, batchTolerance)
	}
}

// masks changes one entry of the input after the other.
func (c Case) masks(t *testing.T) {
	s := build(t, c.Config, c.Grid)
	s.shaken(t)
	x, visible := s.samples(2)
	before := s.run(t, x, visible)
	seen := s.seen(t, visible.Int32[:visible.Shape[1]])
	for i, see := range seen {
		changed := nn.Array{Shape: x.Shape, Float32: slices.Clone(x.Float32)}
		values := []float32{changed.Float32[i] + 1}
		if !see {
			values = append(values, float32(math.NaN()), float32(math.Inf(-1)))
		}
		for _, v := range values {
			changed.Float32[i] = v
			after := s.run(t, changed, visible)
			if same := slices.Equal(bits(after[:s.size()]), bits(before[:s.size()])); same == see {
				t.Fatalf("entry %d is seen: %v; the output stayed the same when it became %v: %v", i, see, v, same)
			}
			if !slices.Equal(bits(after[s.size():]), bits(before[s.size():])) {
				t.Fatalf("entry %d of one sample reached the other", i)
			}
		}
	}
}

// seen says for each entry of a sample whether a visible patch covers it.
func (s *subject) seen(t *testing.T, visible []int32) []bool {
	t.Helper()
	n, err := s.filler.Patches(s.grid)
	if err != nil {
		t.Fatal(err)
	}
	g := s.grid
	p := [3]int{g.NumSlots / n[0], g.NumSubcarriers / n[1], g.NumAnt / n[2]}
	var seen []bool
	for i := range s.size() {
		a, k, slot := i/2%g.NumAnt, i/2/g.NumAnt%g.NumSubcarriers, i/2/g.NumAnt/g.NumSubcarriers
		patch := (slot/p[0]*n[1]+k/p[1])*n[2] + a/p[2]
		seen = append(seen, slices.Contains(visible, int32(patch)))
	}
	return seen
}

func (c Case) gradients(t *testing.T) {
	s := build(t, c.Config, c.Grid)
	w := s.shaken(t)
	source := s.memory()
	b, err := source.Batch(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	finiteGradients(t, s.store, w, train.MaskedLoss(s.filler), b)
}

// finiteGradients wants a gradient of its shape for every weight, of numbers only.
func finiteGradients(t *testing.T, store *nn.Store, w nn.Weights, loss train.Loss, b data.Batch) {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	p, err := nn.NewProgram(engine, store, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		var grads []*nn.Node
		names, grads = nn.Gradients(sc, mean(loss(sc, in)), nil)
		return grads
	})
	if err != nil {
		t.Fatal(err)
	}
	grads, err := p.Run(b.Arrays...)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(w) {
		t.Errorf("%d gradients for %d variables", len(names), len(w))
	}
	for i, g := range grads {
		for _, v := range g.Float32 {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("the gradient of %q holds %v", names[i], v)
			}
		}
		if !slices.Equal(g.Shape, w.Find(names[i]).Shape) {
			t.Errorf("the gradient of %q is %v", names[i], g.Shape)
		}
	}
}

// memory is one batch for ever: smooth samples of power one, the second half of
// the patches hidden.
func (s *subject) memory() data.Source { return memory{s} }

type memory struct{ s *subject }

func (m memory) Batch(_ uint64, n int) (data.Batch, error) {
	s := m.s
	g := s.grid
	shape := []int{n, g.NumSlots, g.NumSubcarriers, g.NumAnt, 2}
	x := nn.Array{Shape: shape}
	w := nn.Array{Shape: append(slices.Clone(shape[:4]), 1)}
	keep := s.patches / 2
	v := nn.Array{Shape: []int{n, keep}}
	var samples []uint64
	for b := range n {
		r := rng.New(6, uint64(b))
		turn, phase := r.Uniform(-0.5, 0.5), r.Uniform(-math.Pi, math.Pi)
		for i := range s.size() / 2 {
			sin, cos := math.Sincos(phase + turn*float64(i))
			x.Float32 = append(x.Float32, float32(cos), float32(sin))
		}
		for p := range keep {
			v.Int32 = append(v.Int32, int32(p))
		}
		samples = append(samples, uint64(b))
	}
	for range n * s.size() / 2 {
		w.Float32 = append(w.Float32, 1)
	}
	return data.Batch{Arrays: []nn.Array{x, v, x, w}, Samples: samples}, nil
}

func (c Case) overfit(t *testing.T) {
	s := build(t, c.Config, c.Grid)
	cfg := train.Default()
	cfg.Steps, cfg.BatchSize, cfg.LogEvery = c.Steps, 4, c.Steps
	cfg.Optimizer.LR = 5e-3
	cfg.Schedule = train.Schedule{Name: "cosine", WarmupSteps: c.Steps / 10, MinRatio: 0.01}
	var last float64
	j := train.Job{
		Config: cfg, Seed: 1, Loss: train.MaskedLoss(s.filler), Source: s.memory(), Workers: 1,
		Progress: func(p train.Point) { last = p.Loss },
		Judge:    s.score, JudgeEvery: c.Steps,
	}
	res, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if res.BestScore > 0.1 {
		t.Errorf("after %d steps on one batch its error is %g of its power (mean on the way: %g), want 0.1", c.Steps, res.BestScore, last)
	}
}

// score is the error on the memorised batch as a fraction of its power.
func (s *subject) score(w nn.Weights) (float64, error) {
	b, err := s.memory().Batch(0, 4)
	if err != nil {
		return 0, err
	}
	if err := nn.Push(s.store, w); err != nil {
		return 0, err
	}
	out, err := s.program.Run(b.Arrays[0], b.Arrays[1])
	if err != nil {
		return 0, err
	}
	var e, p float64
	for i, v := range b.Arrays[2].Float32 {
		d := float64(out[0].Float32[i] - v)
		e, p = e+d*d, p+float64(v)*float64(v)
	}
	return e / p, nil
}
