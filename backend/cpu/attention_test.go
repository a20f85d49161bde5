package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// TestStreamedAttention: the streaming operation and its gradient are what the
// composition says, for one and for several blocks of queries and keys.
func TestStreamedAttention(t *testing.T) {
	b := open(t, "workers=1")
	for _, c := range []struct {
		batch, heads, keyHeads, rows, keys, width, values int
		layout                                            compute.AttentionAxesLayout
		causal                                            bool
		scale                                             float64
		mask                                              string
	}{
		{2, 4, 2, 16, 16, 8, 8, compute.AttentionAxesLayoutBSHD, true, 0, ""},
		{1, 2, 2, 70, 33, 5, 7, compute.AttentionAxesLayoutBHSD, false, 0.3, ""},
		{1, 1, 1, 300, 600, 16, 16, compute.AttentionAxesLayoutBSHD, false, -0.2, ""},
		{1, 3, 1, 600, 600, 33, 20, compute.AttentionAxesLayoutBSHD, true, 0, ""},
		{1, 1, 1, 530, 100, 64, 64, compute.AttentionAxesLayoutBHSD, true, 2, ""},
		{2, 2, 1, 600, 600, 16, 16, compute.AttentionAxesLayoutBSHD, true, 0, "documents"},
		{2, 2, 2, 40, 50, 8, 7, compute.AttentionAxesLayoutBHSD, false, 0, "random"},
		{2, 4, 2, 530, 300, 8, 8, compute.AttentionAxesLayoutBSHD, false, -1, "random"},
		{3, 2, 1, 70, 600, 8, 8, compute.AttentionAxesLayoutBSHD, false, 0, "one for all"},
		{2, 2, 1, 70, 600, 8, 8, compute.AttentionAxesLayoutBHSD, true, 0, "one row"},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(c.rows)))
			array := func(heads, rows, width int) (*Buffer, shapes.Shape) {
				dims := []int{c.batch, heads, rows, width}
				if c.layout == compute.AttentionAxesLayoutBSHD {
					dims[1], dims[2] = rows, heads
				}
				x := make([]float32, product(dims))
				for i := range x {
					x[i] = float32(r.NormFloat64())
				}
				return buffer(t, b, x, dims...), shapes.Make(dtypes.Float32, dims...)
			}
			q, qs := array(c.heads, c.rows, c.width)
			k, ks := array(c.keyHeads, c.keys, c.width)
			v, vs := array(c.keyHeads, c.keys, c.values)
			g, gs := array(c.heads, c.rows, c.values)
			in := []compute.Buffer{q, k, v, g}
			seen, maskShape := maskOf(c.mask, c.layout, c.batch, c.rows, c.keys)
			if seen != nil {
				in = append(in, buffer(t, b, seen, maskShape...))
			}
			x := compiled(t, b, func(f *function) []compute.Value {
				var in []compute.Value
				for i, s := range []shapes.Shape{qs, ks, vs, gs} {
					in = append(in, must(f.Parameter(fmt.Sprint(i), s, nil)))
				}
				options := &compute.ScaledDotProductAttentionConfig{Causal: c.causal, Scale: c.scale}
				if seen != nil {
					options.Mask = must(f.Parameter("mask", shapes.Make(dtypes.Bool, maskShape...), nil))
				}
				out, states := must2(f.FusedScaledDotProductAttention(in[0], in[1], in[2], c.layout, options))
				dq, dk, dv := must3(f.FusedScaledDotProductAttentionVJP(in[0], in[1], in[2], c.layout, options, out, states, in[3]))
				a := f.attentionOperands(compute.OpTypeFusedScaledDotProductAttention, in[0], in[1], in[2], c.layout, options)
				if !a.streams() {
					t.Fatal("no streaming")
				}
				wantOut, wantLSE := f.attention(a)
				wq, wk, wv := f.attentionVJP(a, wantOut, wantLSE, in[3].(*node))
				return []compute.Value{out, states[0], dq, dk, dv, wantOut, wantLSE, wq, wk, wv}
			})
			got := must(x.Execute(in, nil, 0))
			for i, name := range []string{"output", "logarithm", "query", "key", "value"} {
				closeEnough(t, name, floats(got[i]), floats(got[i+5]))
			}
			again := must(x.Execute(in, nil, 0))
			for i := range got {
				if !slices.Equal(floats(got[i]), floats(again[i])) {
					t.Errorf("result %d has other bits the second time", i)
				}
			}
		})
	}
}

// maskOf makes a mask of a kind; nil for none. Some rows of random ones see nothing.
func maskOf(kind string, layout compute.AttentionAxesLayout, batch, rows, keys int) (seen []bool, dims []int) {
	r := rand.New(rand.NewPCG(2, uint64(rows)))
	dims = []int{batch, 1, rows, keys}
	switch kind {
	case "":
		return nil, nil
	case "one for all":
		batch, dims = 1, []int{rows, keys}
	case "one row":
		rows, dims[2] = 1, 1
	}
	if layout == compute.AttentionAxesLayoutBSHD && len(dims) == 4 {
		dims[1], dims[2] = dims[2], dims[1]
	}
	for b := range batch {
		for i := range rows {
			for j := range keys {
				switch kind {
				case "documents": // of 100 tokens, and of 170
					n := 100 + 70*b
					seen = append(seen, i/n == j/n)
				default:
					seen = append(seen, i%7 != 3 && r.IntN(3) > 0)
				}
			}
		}
	}
	return seen, dims
}

func floats(b compute.Buffer) []float32 { return must(b.Data()).([]float32) }

// closeEnough compares relative to the greatest element.
func closeEnough(t *testing.T, name string, got, want []float32) {
	t.Helper()
	scale := 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i] - v)); !(d <= 1e-5*scale) {
			t.Errorf("%s: element %d is %g, want %g", name, i, got[i], v)
			return
		}
	}
}

// TestAttentionSeesNothing: scores of minus infinity weigh nothing where others do, and
// give no numbers where all are.
func TestAttentionSeesNothing(t *testing.T) {
	b := open(t, "workers=0")
	const n, d = 300, 4
	inf := float32(math.Inf(-1))
	q, k, v := make([]float32, n*d), make([]float32, n*d), make([]float32, n*d)
	for i := range n {
		q[i*d], v[i*d] = 1, 1
		if i < 260 { // a whole block of keys
			k[i*d] = inf
		}
	}
	shape := shapes.Make(dtypes.Float32, 1, n, 1, d)
	x := compiled(t, b, func(f *function) []compute.Value {
		var in []compute.Value
		for i := range 3 {
			in = append(in, must(f.Parameter(fmt.Sprint(i), shape, nil)))
		}
		all, _ := must2(f.FusedScaledDotProductAttention(in[0], in[1], in[2], compute.AttentionAxesLayoutBSHD, nil))
		causal, _ := must2(f.FusedScaledDotProductAttention(in[0], in[1], in[2], compute.AttentionAxesLayoutBSHD, &compute.ScaledDotProductAttentionConfig{Causal: true}))
		return []compute.Value{all, causal}
	})
	dims := shape.Dimensions
	got := must(x.Execute([]compute.Buffer{buffer(t, b, q, dims...), buffer(t, b, k, dims...), buffer(t, b, v, dims...)}, nil, 0))
	if y := floats(got[0]); y[0] != 1 || y[(n-1)*d] != 1 {
		t.Errorf("all keys: %v %v, want 1", y[0], y[(n-1)*d])
	}
	if y := floats(got[1]); y[0] == y[0] || y[(n-1)*d] != 1 {
		t.Errorf("causal: first %v, want NaN; last %v, want 1", y[0], y[(n-1)*d])
	}
}

// TestFaintWeights: keys that a query hardly attends to get exactly nothing, never a
// subnormal number; the others get their exponential.
func TestFaintWeights(t *testing.T) {
	const n = 150
	w := newRoom(n + 8)
	defer w.free()
	x := unsafe.Slice((*float32)(w.array(n)), n)
	for i := range x {
		x[i] = -2 * float32(i) // times half, less 3: from -3 to -152
	}
	x[n-1], x[n-2] = float32(math.Inf(-1)), float32(math.NaN())
	w.one[2] = 3
	(&attentionStep{scale: 0.5}).exponentials(w, unsafe.Pointer(&x[0]), n)
	for i, v := range x {
		want := math.Exp(-float64(i) - 3)
		switch {
		case i == n-2:
			if v == v {
				t.Errorf("NaN became %g", v)
			}
		case i == n-1 || i > 37:
			if v != 0 {
				t.Errorf("exp(%d) is %g, want exactly 0", -i-3, v)
			}
		case math.Abs(float64(v)-want) > 1e-6*want+math.Exp(faint):
			t.Errorf("exp(%d) is %g, want %g", -i-3, v, want)
		}
	}
}
