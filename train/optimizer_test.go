package train

import (
	"errors"
	"math"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
	. "github.com/gomlx/gomlx/core/graph"
)

// TestOptimizers compares several updates with the formulas of the papers, one
// number at a time and in float64.
func TestOptimizers(t *testing.T) {
	const lr, b1, b2, eps, decay, momentum = 0.05, 0.9, 0.99, 1e-6, 0.1, 0.8
	adamw := func(w, g []float64, decay float64) float64 { // over all gradients so far
		var m, v float64
		x := w[0]
		for i, g := range g {
			m = b1*m + (1-b1)*g
			v = b2*v + (1-b2)*g*g
			step := float64(i + 1)
			x = x - lr*decay*x - lr*(m/(1-math.Pow(b1, step)))/(math.Sqrt(v/(1-math.Pow(b2, step)))+eps)
		}
		return x
	}
	sgd := func(w, g []float64, decay float64) float64 {
		var v float64
		x := w[0]
		for _, g := range g {
			v = momentum*v + g + decay*x
			x -= lr * v
		}
		return x
	}
	for name, reference := range map[string]func(w, g []float64, decay float64) float64{"adamw": adamw, "sgd": sgd} {
		w := nn.Weights{
			{Name: "layer/weight", Shape: []int{2, 2}, Values: []float32{0.5, -1, 2, 0}},
			{Name: "layer/bias", Shape: []int{2}, Values: []float32{0.3, -0.7}},
		}
		start, g := w.Clone(), w.Clone()
		u := newUpdater(Optimizer{Name: name, LR: lr, Beta1: b1, Beta2: b2, Eps: eps, WeightDecay: decay, Momentum: momentum}, w)
		seen := map[[2]int][]float64{}
		r := rng.New(3)
		for range 7 {
			for i := range g {
				for j := range g[i].Values {
					g[i].Values[j] = float32(r.Normal())
					seen[[2]int{i, j}] = append(seen[[2]int{i, j}], float64(g[i].Values[j]))
				}
			}
			u.update(w, g, lr)
		}
		for at, grads := range seen {
			d := decay
			if len(w[at[0]].Shape) == 1 {
				d = 0 // only matrices decay
			}
			want := reference([]float64{float64(start[at[0]].Values[at[1]])}, grads, d)
			if got := float64(w[at[0]].Values[at[1]]); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: %s[%d] is %.8g, want %.8g", name, w[at[0]].Name, at[1], got, want)
			}
		}
	}
}

// TestOptimizerState: the state that one updater gives lets another go on to the
// bit, and a state of another model is refused.
func TestOptimizerState(t *testing.T) {
	for _, name := range []string{"adamw", "muon", "sgd"} {
		o := Default().Optimizer
		o.Name, o.Momentum = name, 0.9
		w := nn.Weights{{Name: "a", Shape: []int{3}, Values: []float32{1, 2, 3}}, {Name: "m", Shape: []int{2, 2}, Values: []float32{1, 2, 3, 4}}}
		g := nn.Weights{{Name: "a", Shape: []int{3}, Values: []float32{0.1, -0.2, 0.3}}, {Name: "m", Shape: []int{2, 2}, Values: []float32{1, -1, 2, 1}}}
		first := newUpdater(o, w)
		first.update(w, g, 0.1)
		second, v := newUpdater(o, w), w.Clone()
		if err := second.restore(first.state().Clone()); err != nil {
			t.Fatal(err)
		}
		first.update(w, g, 0.1)
		second.update(v, g, 0.1)
		if digest(t, w) != digest(t, v) {
			t.Errorf("%s: %v after a restore, %v without", name, v[0].Values, w[0].Values)
		}
		other := newUpdater(o, nn.Weights{{Name: "b", Shape: []int{3}, Values: make([]float32, 3)}})
		if err := other.restore(first.state()); err == nil {
			t.Errorf("%s: took the state of another model", name)
		}
		small := newUpdater(o, nn.Weights{{Name: "a", Shape: []int{2}, Values: make([]float32, 2)}})
		if err := small.restore(first.state()); err == nil {
			t.Errorf("%s: took a state of another shape", name)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		norm, value float64
		want        [3]float32
	}{
		{0, 0, [3]float32{3, 0, -4}},
		{10, 0, [3]float32{3, 0, -4}},
		{1, 0, [3]float32{0.6, 0, -0.8}},
		{0, 2, [3]float32{2, 0, -2}},
		{math.Sqrt2, 2, [3]float32{1, 0, -1}}, // entries first, then the norm
	} {
		g := nn.Weights{{Name: "a", Values: []float32{3, 0}}, {Name: "b", Values: []float32{-4}}}
		if before := clip(g, c.norm, c.value); before != 5 {
			t.Errorf("norm %g, value %g: the norm before is %g, want 5", c.norm, c.value, before)
		}
		for i, v := range []float32{g[0].Values[0], g[0].Values[1], g[1].Values[0]} {
			if math.Abs(float64(v-c.want[i])) > 1e-6 {
				t.Errorf("norm %g, value %g: entry %d is %g, want %g", c.norm, c.value, i, v, c.want[i])
			}
		}
	}
}

// TestClippingConverges: descent on w^4 from 10 leaps ever further without a
// limit on the gradient, and arrives with either of them.
func TestClippingConverges(t *testing.T) {
	loss := func(s *nn.Scope, in []*nn.Node) *nn.Node {
		w := nn.Variable(s, in[0].Graph(), "w", nn.Zeros, 1)
		return Mul(in[0], Square(Square(w)))
	}
	run := func(norm, value float64) (*Result, error) {
		c := toyConfig(400)
		c.BatchSize, c.MicroBatchSize, c.ClipNorm, c.ClipValue = 2, 0, norm, value
		c.Optimizer.Name, c.Optimizer.LR = "sgd", 0.05
		c.Schedule = Schedule{Name: "constant"}
		j := Job{
			Config: c, Loss: loss, Source: ones{}, Workers: 1,
			Start: nn.Weights{{Name: "w", Shape: []int{1}, Values: []float32{10}}},
		}
		return j.Run(t.Context())
	}
	var bad *NonFiniteError
	if _, err := run(0, 0); !errors.As(err, &bad) {
		t.Errorf("without clipping: %v, want it to diverge", err)
	}
	for _, c := range [][2]float64{{1, 0}, {0, 1}} {
		res, err := run(c[0], c[1])
		if err != nil {
			t.Fatalf("clip_norm %g, clip_value %g: %v", c[0], c[1], err)
		}
		if w := res.Weights[0].Values[0]; math.Abs(float64(w)) > 0.5 {
			t.Errorf("clip_norm %g, clip_value %g: ended at %g, want near 0", c[0], c[1], w)
		}
	}
}

// ones is a source of the number one.
type ones struct{}

func (ones) Batch(first uint64, n int) (data.Batch, error) {
	b := data.Batch{Samples: make([]uint64, n)}
	x := nn.Array{Shape: []int{n}, Float32: make([]float32, n)}
	for i := range n {
		b.Samples[i], x.Float32[i] = first+uint64(i), 1
	}
	b.Arrays = []nn.Array{x}
	return b, nil
}

// TestMuon: the update of a matrix is its scale times a matrix whose singular values
// are near one and whose singular vectors are the gradient's, tall or wide; what is no
// hidden matrix goes the way of AdamW.
func TestMuon(t *testing.T) {
	o := Optimizer{Name: "muon", LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Momentum: 0.95}
	for _, shape := range [][]int{{12, 20}, {20, 12}, {16, 16}} {
		rows, cols := shape[0], shape[1]
		w := nn.Weights{
			{Name: "layers/q_proj/weights", Shape: shape, Values: make([]float32, rows*cols)},
			{Name: "embed_tokens/weight", Shape: shape, Values: make([]float32, rows*cols)},
			{Name: "norm/weight", Shape: []int{cols}, Values: make([]float32, cols)},
		}
		g, r := w.Clone(), rng.New(uint64(rows))
		for i := range g {
			for j := range g[i].Values {
				g[i].Values[j] = float32(r.Normal())
			}
		}
		newUpdater(o, w).update(w, g, o.LR)
		update := make([]float64, rows*cols)
		for j, v := range w[0].Values {
			update[j] = -float64(v) / (0.1 * 0.2 * math.Sqrt(float64(max(rows, cols))))
		}
		// Singular vectors are kept: update^T g is symmetric. Singular values are near
		// one: so are the eigenvalues of the smaller Gram matrix, its trace and that of
		// its square.
		at := func(m []float64, i, j int) float64 { return m[i*cols+j] }
		var gram, square, skew float64
		for i := range cols {
			for j := range cols {
				var uu, ug, gu float64
				for k := range rows {
					uu += at(update, k, i) * at(update, k, j)
					ug += at(update, k, i) * float64(g[0].Values[k*cols+j])
					gu += at(update, k, j) * float64(g[0].Values[k*cols+i])
				}
				if i == j {
					gram += uu
				}
				square += uu * uu
				skew = max(skew, math.Abs(ug-gu))
			}
		}
		n := float64(min(rows, cols))
		if gram/n < 0.6 || gram/n > 1.4 || square/n > 1.8 {
			t.Errorf("%v: mean squared singular value %.3g, mean fourth power %.3g, want both near 1", shape, gram/n, square/n)
		}
		if skew > 1e-3 {
			t.Errorf("%v: the update has other singular vectors than the gradient: %g", shape, skew)
		}
		same := newUpdater(Optimizer{Name: "adamw", Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}, w[1:])
		adam := nn.Weights{{Name: "a", Shape: shape, Values: make([]float32, rows*cols)}, {Name: "b", Shape: []int{cols}, Values: make([]float32, cols)}}
		same.update(adam, g[1:], o.LR)
		for i := range adam {
			for j, v := range adam[i].Values {
				if w[i+1].Values[j] != v {
					t.Fatalf("%s[%d] is %g, AdamW gives %g", w[i+1].Name, j, w[i+1].Values[j], v)
				}
			}
		}
	}
}
