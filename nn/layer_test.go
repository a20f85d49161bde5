package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model/modeltest"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

func program(t *testing.T, store *nn.Store, f nn.GraphFunc) *nn.Program {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewProgram(engine, store, f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, p *nn.Program, in ...nn.Array) []nn.Array {
	t.Helper()
	out, err := p.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func pull(t *testing.T, store *nn.Store) nn.Weights {
	t.Helper()
	w, err := nn.Pull(store)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func normal(seed uint64, shape ...int) nn.Array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	a := nn.Array{Shape: shape}
	r := rng.New(seed)
	for range n {
		a.Float32 = append(a.Float32, float32(r.Normal()))
	}
	return a
}

// shake moves all weights off their first values.
func shake(t *testing.T, store *nn.Store) nn.Weights {
	t.Helper()
	w := pull(t, store)
	r := rng.New(99)
	for i := range w {
		for j := range w[i].Values {
			w[i].Values[j] += float32(0.2 * r.Normal())
		}
	}
	if err := nn.Push(store, w); err != nil {
		t.Fatal(err)
	}
	return w
}

// wide cuts the values into rows of float64.
func wide(values []float32, width int) [][]float64 {
	var v []float64
	for _, x := range values {
		v = append(v, float64(x))
	}
	return modeltest.Rows(v, width)
}

func flat(rows [][]float64) []float64 { return slices.Concat(rows...) }

func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s: value %d is %.8g, want %.8g", what, i, v, want[i])
		}
	}
}

// TestLayers compares each layer with plain loops over float64.
func TestLayers(t *testing.T) {
	const b, tokens, width, heads = 2, 5, 6, 3
	block := nn.BlockSize{NumHeads: heads, Intermediate: 10, Act: nn.Gelu, NormEps: 1e-5}
	each := func(f func(float64) float64) func(modeltest.Weights, [][]float64) [][]float64 {
		return func(_ modeltest.Weights, x [][]float64) [][]float64 {
			for _, row := range x {
				for i := range row {
					row[i] = f(row[i])
				}
			}
			return x
		}
	}
	for _, c := range []struct {
		name  string
		layer func(s *nn.Scope, x *nn.Node) *nn.Node
		plain func(w modeltest.Weights, x [][]float64) [][]float64 // one sample
	}{
		{"dense", func(s *nn.Scope, x *nn.Node) *nn.Node { return nn.Dense(s.In("a"), x, 4) },
			func(w modeltest.Weights, x [][]float64) [][]float64 { return w.Dense("a", x) }},
		{"norm", func(s *nn.Scope, x *nn.Node) *nn.Node { return nn.LayerNorm(s.In("a"), x, 1e-5) },
			func(w modeltest.Weights, x [][]float64) [][]float64 { return w.LayerNorm("a", x, 1e-5) }},
		{"gelu", func(_ *nn.Scope, x *nn.Node) *nn.Node { return nn.Gelu(graph.MulScalar(x, 3)) },
			each(func(v float64) float64 { return modeltest.Gelu(3 * v) })},
		{"relu", func(_ *nn.Scope, x *nn.Node) *nn.Node { return nn.Relu(x) }, each(modeltest.Relu)},
		{"attention", func(s *nn.Scope, x *nn.Node) *nn.Node { return nn.SelfAttention(s.In("a"), x, heads) },
			func(w modeltest.Weights, x [][]float64) [][]float64 { return w.Attention("a", x, heads) }},
		{"block", func(s *nn.Scope, x *nn.Node) *nn.Node { return nn.Block(s.In("a"), x, block) },
			func(w modeltest.Weights, x [][]float64) [][]float64 {
				return w.Block("a", x, heads, modeltest.Gelu, 1e-5)
			}},
	} {
		store := nn.NewStore(1)
		p := program(t, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node { return []*nn.Node{c.layer(s, in[0])} })
		x := normal(3, b, tokens, width)
		run(t, p, x)
		w := modeltest.Weights{W: shake(t, store)}
		var want []float64
		for sample := range slices.Chunk(x.Float32, tokens*width) {
			want = append(want, flat(c.plain(w, wide(sample, width)))...)
		}
		near(t, c.name, run(t, p, x)[0].Float32, want, 2e-6)
	}
}

// TestLargeScores: the softmax neither overflows nor loses the small ones.
func TestLargeScores(t *testing.T) {
	store := nn.NewStore(1)
	p := program(t, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{nn.SelfAttention(s.In("a"), in[0], 1)}
	})
	x := normal(3, 1, 4, 2)
	for i := range x.Float32 {
		x.Float32[i] *= 1e4
	}
	for _, v := range run(t, p, x)[0].Float32 {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("got %v", v)
		}
	}
}

// TestBlockGradient compares the gradients of a block, weights and input alike,
// with differences of the plain reading in float64.
func TestBlockGradient(t *testing.T) {
	const tokens, width, heads = 4, 6, 2
	size := nn.BlockSize{NumHeads: heads, Intermediate: 8, Act: nn.Gelu, NormEps: 1e-5}
	store := nn.NewStore(1)
	x, target := normal(5, 1, tokens, width), normal(6, 1, tokens, width)
	var names []string
	p := program(t, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		// The input is a variable too: its gradient goes through both residuals.
		x := nn.Variable(s, in[0].Graph(), "x", nn.Table(x.Float32), 1, tokens, width)
		loss := graph.ReduceAllSum(graph.Mul(nn.Block(s.In("a"), x, size), in[0]))
		var grads []*nn.Node
		names, grads = nn.Gradients(s, loss, nil)
		return grads
	})
	run(t, p, target)
	w := shake(t, store)
	grads := run(t, p, target)
	loss := func() float64 {
		plain := modeltest.Weights{W: w}
		y := flat(plain.Block("a", modeltest.Rows(plain.At("x"), width), heads, modeltest.Gelu, 1e-5))
		sum := 0.0
		for i, v := range y {
			sum += v * float64(target.Float32[i])
		}
		return sum
	}
	if len(names) != len(w) {
		t.Fatalf("gradients of %q", names)
	}
	for i, name := range names {
		values := w.Find(name).Values
		for j, v := range values {
			values[j] = v + 1e-2
			up, above := loss(), float64(values[j])
			values[j] = v - 1e-2
			down, below := loss(), float64(values[j])
			values[j] = v
			want := (up - down) / (above - below)
			if got := float64(grads[i].Float32[j]); math.Abs(got-want) > 2e-3*max(1, math.Abs(want)) {
				t.Errorf("%s[%d]: gradient %.6g, by differences %.6g", name, j, got, want)
			}
		}
	}
}

// TestPickPut: rows come from and go to where they belong; what is not picked has
// no influence even where it is no number; gradients find their way back.
func TestPickPut(t *testing.T) {
	x := normal(1, 2, 4, 3)
	nan := float32(math.NaN())
	for i := range 3 {
		x.Float32[i] = nan // row 0 of sample 0
	}
	index := nn.Array{Shape: []int{2, 2}, Int32: []int32{3, 1, 0, 2}}
	p := program(t, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
		picked := nn.Pick(in[0], in[1])
		put := nn.Put(picked, in[1], 5)
		grad := graph.Gradient(graph.ReduceAllSum(graph.Square(put)), in[0])[0]
		return []*nn.Node{picked, put, grad}
	})
	out := run(t, p, x, index)
	row := func(a nn.Array, sample, r int) []float32 {
		n := a.Shape[1]
		return a.Float32[(sample*n+r)*3 : (sample*n+r+1)*3]
	}
	for sample := range 2 {
		used := map[int]bool{}
		for v := range 2 {
			at := int(index.Int32[2*sample+v])
			used[at] = true
			if !slices.Equal(row(out[0], sample, v), row(x, sample, at)) {
				t.Errorf("sample %d: picked row %d is %v, want %v", sample, at, row(out[0], sample, v), row(x, sample, at))
			}
			if !slices.Equal(row(out[1], sample, at), row(x, sample, at)) {
				t.Errorf("sample %d: put row %d is %v, want %v", sample, at, row(out[1], sample, at), row(x, sample, at))
			}
			for i, g := range row(out[2], sample, at) {
				if g != 2*row(x, sample, at)[i] {
					t.Errorf("sample %d, row %d: gradient %v", sample, at, row(out[2], sample, at))
				}
			}
		}
		for r := range 5 {
			if !used[r] && !slices.Equal(row(out[1], sample, r), []float32{0, 0, 0}) {
				t.Errorf("sample %d: row %d is %v, want zeros", sample, r, row(out[1], sample, r))
			}
			if r < 4 && !used[r] && !slices.Equal(row(out[2], sample, r), []float32{0, 0, 0}) {
				t.Errorf("sample %d: the gradient of row %d is %v, want zeros", sample, r, row(out[2], sample, r))
			}
		}
	}
}

// TestSinCos compares with the formula, for a few entries by hand.
func TestSinCos(t *testing.T) {
	table := nn.SinCos(3, 4)
	for i, want := range []float64{
		0, 0, 1, 1,
		math.Sin(1), math.Sin(0.01), math.Cos(1), math.Cos(0.01),
		math.Sin(2), math.Sin(0.02), math.Cos(2), math.Cos(0.02),
	} {
		if table[i] != float32(want) {
			t.Errorf("entry %d is %g, want %g", i, table[i], want)
		}
	}
}

// TestShapeError: a graph that cannot be built is an error, not a panic.
func TestShapeError(t *testing.T) {
	p := program(t, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{graph.Add(in[0], in[1])}
	})
	_, err := p.Run(normal(1, 2, 3), normal(2, 3, 2))
	if err == nil || !strings.HasPrefix(err.Error(), "run graph: ") {
		t.Errorf("got %v", err)
	}
	if _, err := p.Run(normal(1, 2, 3), nn.Array{Shape: []int{2, 3}, Float32: make([]float32, 5)}); err == nil {
		t.Error("took five values for a shape of six")
	}
}
