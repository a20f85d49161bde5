package cpu

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
)

// shaped is flat values as a parameter of some dimensions.
func shaped(f *function, v compute.Value, dims ...int) compute.Value {
	return must(f.Reshape(v, dims...))
}

// attentionCase is one attention, whose oracle is loops of float64.
type attentionCase struct {
	b, h, k, s, t, d, dv  int
	layout                compute.AttentionAxesLayout
	causal, lengths, bias bool
	mask                  string // "", "bool [S T]", "bool [B 1 1 T]", "number [H]"
}

var attentionCases = []attentionCase{
	{b: 2, h: 3, k: 3, s: 4, t: 4, d: 5, dv: 5, causal: true},
	{b: 2, h: 4, k: 2, s: 3, t: 6, d: 4, dv: 4, layout: compute.AttentionAxesLayoutBSHD, mask: "bool [S T]"},
	{b: 2, h: 4, k: 1, s: 5, t: 5, d: 3, dv: 2, causal: true, bias: true},
	{b: 3, h: 2, k: 2, s: 4, t: 4, d: 3, dv: 3, layout: compute.AttentionAxesLayoutBSHD, lengths: true, causal: true},
	{b: 2, h: 2, k: 2, s: 3, t: 4, d: 3, dv: 3, layout: compute.AttentionAxesLayoutBSHD, mask: "number [H]", bias: true},
	{b: 2, h: 6, k: 3, s: 2, t: 7, d: 4, dv: 4, mask: "bool [B 1 1 T]"},
}

// seen says whether query i of a batch may see key j. Batch 1 of the mask over keys
// sees nothing at all.
func (c attentionCase) seen(b, i, j int) bool {
	ok := !c.causal || i >= j
	switch c.mask {
	case "bool [S T]":
		ok = ok && (i+j)%3 != 0
	case "bool [B 1 1 T]":
		ok = ok && b == 0 && j != 2
	}
	return ok && (!c.lengths || i < b+2 && j < c.t-b)
}

func (c attentionCase) added(h, i, j int) float64 {
	v := 0.0
	if c.bias {
		v += float64(h+1) * float64(i-j) / 8
	}
	if c.mask == "number [H]" {
		v += float64(h*j) / 4
	}
	return v
}

// at is the place of an element of a query (heads h) or key (heads k).
func (c attentionCase) at(b, head, i, e, heads, seq, d int) int {
	if c.layout == compute.AttentionAxesLayoutBSHD {
		return ((b*seq+i)*heads+head)*d + e
	}
	return ((b*heads+head)*seq+i)*d + e
}

// forward is the attention in loops.
func (c attentionCase) forward(q, k, v []float64) []float64 {
	out := make([]float64, c.b*c.h*c.s*c.dv)
	for b := range c.b {
		for h := range c.h {
			kh := h / (c.h / c.k)
			for i := range c.s {
				p, sum := make([]float64, c.t), 0.0
				for j := range c.t {
					if !c.seen(b, i, j) {
						continue
					}
					s := 0.0
					for e := range c.d {
						s += q[c.at(b, h, i, e, c.h, c.s, c.d)] * k[c.at(b, kh, j, e, c.k, c.t, c.d)]
					}
					p[j] = math.Exp(s/math.Sqrt(float64(c.d)) + c.added(h, i, j))
					sum += p[j]
				}
				for j := range c.t {
					for e := range c.dv {
						if sum > 0 {
							out[c.at(b, h, i, e, c.h, c.s, c.dv)] += p[j] / sum * v[c.at(b, kh, j, e, c.k, c.t, c.dv)]
						}
					}
				}
			}
		}
	}
	return out
}

func (c attentionCase) dims(heads, seq, d int) []int {
	if c.layout == compute.AttentionAxesLayoutBSHD {
		return []int{c.b, seq, heads, d}
	}
	return []int{c.b, heads, seq, d}
}

// options are those of the case, with constants for masks.
func (c attentionCase) options(f *function) *compute.ScaledDotProductAttentionConfig {
	o := &compute.ScaledDotProductAttentionConfig{Causal: c.causal}
	fill := func(v func(b, h, i, j int) float64, dims ...int) []float64 {
		var out []float64
		for b := range dims[0] {
			for h := range dims[1] {
				for i := range dims[2] {
					for j := range dims[3] {
						out = append(out, v(b, h, i, j))
					}
				}
			}
		}
		return out
	}
	bools := func(v []float64) compute.Value {
		return must(f.NotEqual(must(f.Constant(v, len(v))), must(f.Constant([]float64{0}))))
	}
	plain := c
	plain.causal, plain.lengths = false, false
	visible := func(b, _, i, j int) float64 {
		if plain.seen(b, i, j) {
			return 1
		}
		return 0
	}
	switch c.mask {
	case "bool [S T]":
		o.Mask = shaped(f, bools(fill(visible, 1, 1, c.s, c.t)), c.s, c.t)
	case "bool [B 1 1 T]":
		o.Mask = shaped(f, bools(fill(visible, c.b, 1, 1, c.t)), c.b, 1, 1, c.t)
	case "number [H]": // [B S H T]
		v := fill(func(_, _, h, j int) float64 { return float64(h*j) / 4 }, 1, 1, c.h, c.t)
		o.Mask = must(f.Constant(v, 1, 1, c.h, c.t))
	}
	if c.bias {
		v := fill(func(_, h, i, j int) float64 { return float64(h+1) * float64(i-j) / 8 }, 1, c.h, c.s, c.t)
		o.Bias = must(f.Constant(v, c.h, c.s, c.t))
	}
	if c.lengths {
		var ql, kl []int32
		for b := range c.b {
			ql, kl = append(ql, int32(b+2)), append(kl, int32(c.t-b))
		}
		o.QuerySeqLen, o.KeyValueSeqLen = must(f.Constant(ql, c.b)), must(f.Constant(kl, c.b))
	}
	return o
}

func widened(v []float32) []float64 { return flatten(v) }

// TestAttention compares attention and its gradient with loops; the gradient of the
// loops is taken by differences.
func TestAttention(t *testing.T) {
	b := open(t, "workers=1")
	for n, c := range attentionCases {
		q, k, v := widened(noise(c.b*c.h*c.s*c.d, 1)), widened(noise(c.b*c.k*c.t*c.d, 2)), widened(noise(c.b*c.k*c.t*c.dv, 3))
		g := widened(noise(c.b*c.h*c.s*c.dv, 4))
		got := graph(t, b, []any{q, k, v, g}, func(f *function, in []compute.Value) []compute.Value {
			x, y, z := shaped(f, in[0], c.dims(c.h, c.s, c.d)...), shaped(f, in[1], c.dims(c.k, c.t, c.d)...), shaped(f, in[2], c.dims(c.k, c.t, c.dv)...)
			o := c.options(f)
			out, states := must2(f.FusedScaledDotProductAttention(x, y, z, c.layout, o))
			dx, dy, dz := must3(f.FusedScaledDotProductAttentionVJP(x, y, z, c.layout, o, out, states, shaped(f, in[3], c.dims(c.h, c.s, c.dv)...)))
			return []compute.Value{flat(f, out), flat(f, dx), flat(f, dy), flat(f, dz)}
		})
		near(t, fmt.Sprint("case ", n, " output"), got[0], c.forward(q, k, v), 1e-9)
		for i, p := range [][]float64{q, k, v} {
			want := make([]float64, len(p))
			for e := range p {
				want[e] = slope(p, e, func() float64 { return dotted(c.forward(q, k, v), g) })
			}
			near(t, fmt.Sprint("case ", n, " gradient ", i), got[1+i], want, 1e-6)
		}
	}
}

// slope is the derivative of a function by an element.
func slope(p []float64, e int, f func() float64) float64 {
	const step = 1e-5
	x := p[e]
	p[e] = x + step
	up := f()
	p[e] = x - step
	down := f()
	p[e] = x
	return (up - down) / (2 * step)
}

func dotted(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// TestAttentionTypes: halves are computed in float32 and keep their type.
func TestAttentionTypes(t *testing.T) {
	b := open(t, "workers=1")
	out := graph(t, b, []any{noise(2*8*4, 1)}, func(f *function, in []compute.Value) []compute.Value {
		x := must(f.ConvertDType(shaped(f, in[0], 1, 2, 8, 4), dtypes.BFloat16))
		o, states := must2(f.FusedScaledDotProductAttention(x, x, x, compute.AttentionAxesLayoutBHSD, &compute.ScaledDotProductAttentionConfig{Causal: true}))
		dq, dk, dv := must3(f.FusedScaledDotProductAttentionVJP(x, x, x, compute.AttentionAxesLayoutBHSD, &compute.ScaledDotProductAttentionConfig{Causal: true}, o, states, o))
		for _, v := range []compute.Value{o, dq, dk, dv} {
			if s := v.(*node).shape; !s.Equal(x.(*node).shape) {
				t.Errorf("shape %s", s)
			}
		}
		if s := states[0].(*node).shape; !s.Equal(shapes.Make(f32, 1, 2, 8)) {
			t.Errorf("state %s", s)
		}
		return []compute.Value{must(f.ConvertDType(flat(f, o), f32))}
	})
	c := attentionCase{b: 1, h: 2, k: 2, s: 8, t: 8, d: 4, dv: 4, causal: true}
	x := noise(2*8*4, 1)
	for i, v := range x {
		x[i] = bfloat16.FromFloat32(v).Float32()
	}
	near(t, "output", out[0], c.forward(widened(x), widened(x), widened(x)), 1.0/128)
}

// normalise is (x-mean)/sqrt(variance+eps) for each feature of x [rows, features].
func normalise(x []float64, features int, eps float64) (y, mean, variance []float64) {
	rows := len(x) / features
	mean, variance, y = make([]float64, features), make([]float64, features), make([]float64, len(x))
	for i, v := range x {
		mean[i%features] += v / float64(rows)
	}
	for i, v := range x {
		d := v - mean[i%features]
		variance[i%features] += d * d / float64(rows)
	}
	for i, v := range x {
		y[i] = (v - mean[i%features]) / math.Sqrt(variance[i%features]+eps)
	}
	return y, mean, variance
}

// TestBatchNorm compares batch normalisation with loops, its gradient with differences.
func TestBatchNorm(t *testing.T) {
	const features, rows, eps = 3, 10, 1e-3
	b := open(t, "workers=1")
	x, scale, offset, g := widened(noise(features*rows, 1)), widened(noise(features, 2)), widened(noise(features, 3)), widened(noise(features*rows, 4))
	forward := func() []float64 {
		y, _, _ := normalise(x, features, float64(float32(eps)))
		for i := range y {
			y[i] = y[i]*scale[i%features] + offset[i%features]
		}
		return y
	}
	_, mean, variance := normalise(x, features, eps)
	for _, axis := range []int{2, 1, 0} { // x as [5 2 F], [5 F 2] and [F 5 2]
		to := map[int][]int{2: {0, 1, 2}, 1: {0, 2, 1}, 0: {2, 0, 1}}[axis]
		back := map[int][]int{2: {0, 1, 2}, 1: {0, 2, 1}, 0: {1, 2, 0}}[axis]
		got := graph(t, b, []any{x, scale, offset, g}, func(f *function, in []compute.Value) []compute.Value {
			v := must(f.Transpose(shaped(f, in[0], 5, 2, features), to...))
			dv := must(f.Transpose(shaped(f, in[3], 5, 2, features), to...))
			y, m, s := must3(f.BatchNormForTraining(v, in[1], in[2], eps, axis))
			z := must(f.BatchNormForInference(v, in[1], in[2], m, s, eps, axis))
			dx, dscale, doffset := must3(f.BatchNormGradient(v, in[1], m, s, dv, eps, axis))
			undo := func(w compute.Value) compute.Value { return flat(f, must(f.Transpose(w, back...))) }
			return []compute.Value{undo(y), m, s, undo(z), undo(dx), dscale, doffset}
		})
		near(t, "normalised", got[0], forward(), 1e-9)
		near(t, "mean", got[1], mean, 1e-9)
		near(t, "variance", got[2], variance, 1e-9)
		near(t, "inference", got[3], forward(), 1e-9)
		for i, p := range [][]float64{x, scale, offset} {
			want := make([]float64, len(p))
			for e := range p {
				want[e] = slope(p, e, func() float64 { return dotted(forward(), g) })
			}
			near(t, fmt.Sprint("gradient ", i), got[4+i], want, 1e-6)
		}
	}
}

// TestFusedShares: fused operations make the nodes that a gradient's decomposition
// makes, so that both are computed once; all but the division by a sum or a deviation,
// which is a product with one division a row.
func TestFusedShares(t *testing.T) {
	f := newBuilder(open(t, "workers=0"), "c").main
	x := must(f.Parameter("x", shapes.Make(f32, 4, 6), nil))
	must(f.FusedSoftmax(x, 1))
	must(f.FusedLayerNorm(x, []int{1}, 1e-5, nil, nil))
	must(f.FusedGelu(x, true))
	made := len(f.nodes)
	keep := func(v compute.Value) compute.Value { return must(f.Reshape(v, 4, 1)) }
	number := func(v float64) compute.Value { return f.scalar(f32, v) }
	e := must(f.Exp(must(f.Sub(x, keep(must(f.ReduceMax(x, 1)))))))
	must(f.Div(e, keep(must(f.ReduceSum(e, 1)))))
	mean := func(v compute.Value) compute.Value {
		return keep(must(f.Mul(must(f.ReduceSum(v, 1)), number(1.0/6))))
	}
	c := must(f.Sub(x, mean(x)))
	must(f.Div(c, must(f.Sqrt(must(f.Add(mean(must(f.Mul(c, c))), number(1e-5)))))))
	cdf := must(f.Mul(must(f.Add(must(f.Erf(must(f.Mul(x, number(1/math.Sqrt2))))), number(1))), number(0.5)))
	must(f.Mul(x, cdf))
	var more []*node
	for _, n := range f.nodes[made:] {
		if n.size() == 4*6 && !isView(n.op) {
			more = append(more, n)
		}
	}
	if len(more) != 2 || more[0].op != compute.OpTypeDiv || more[1].op != compute.OpTypeDiv {
		t.Errorf("more nodes than two divisions: %v", more)
	}
}

// TestDense compares all layouts and activations with loops.
func TestDense(t *testing.T) {
	b := open(t, "workers=1")
	x, w, bias := noise(2*3*4, 1), noise(4*6, 2), noise(6, 3)
	activations := map[compute.ActivationType]func(float64) float64{
		compute.ActivationNone: func(v float64) float64 { return v },
		compute.ActivationRelu: func(v float64) float64 { return max(v, 0) },
		compute.ActivationSilu: func(v float64) float64 { return v / (1 + math.Exp(-v)) },
		compute.ActivationTanh: math.Tanh,
		compute.ActivationGelu: func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) },
		compute.ActivationHardSwish: func(v float64) float64 {
			return v * min(max(v/6+0.5, 0), 1)
		},
	}
	for activation, act := range activations {
		for _, layout := range []compute.DenseLayout{compute.DenseLayoutInputOutputs, compute.DenseLayoutOutputsInput} {
			want := make([]float64, 2*3*6)
			for i := range want {
				row, col, s := i/6, i%6, float64(bias[i%6])
				for k := range 4 {
					at := k*6 + col
					if layout == compute.DenseLayoutOutputsInput {
						at = col*4 + k
					}
					s += float64(x[row*4+k]) * float64(w[at])
				}
				want[i] = act(s)
			}
			got := graph(t, b, []any{x, w, bias}, func(f *function, in []compute.Value) []compute.Value {
				dims := []int{4, 2, 3}
				if layout == compute.DenseLayoutOutputsInput {
					dims = []int{2, 3, 4}
				}
				y := must(f.FusedDense(shaped(f, in[0], 2, 3, 4), shaped(f, in[1], dims...), shaped(f, in[2], 2, 3), compute.DenseConfig{Activation: activation, WeightLayout: layout}))
				if s := y.(*node).shape; !slices.Equal(s.Dimensions, []int{2, 3, 2, 3}) {
					t.Errorf("shape %s", s)
				}
				return []compute.Value{flat(f, y)}
			})
			near(t, fmt.Sprint(activation, layout), got[0], want, 1e-5)
		}
	}
}

// TestQuantised compares packed weights with the products of what they stand for.
func TestQuantised(t *testing.T) {
	b := open(t, "workers=1")
	packed := []uint8{0x21, 0x43, 0x65, 0x87, 0xa9, 0xcb, 0xed, 0x0f} // 4 x 4 of 4 bits, low bits first
	x, scales, zeros := noise(3*4, 1), noise(4*2, 2), noise(4*2, 3)
	for _, kind := range []dtypes.DType{dtypes.Int4, dtypes.Uint4} {
		for _, scheme := range []compute.QuantizationScheme{compute.QuantLinear, compute.QuantNF4} {
			level := func(i int) float64 {
				v := int(packed[i/2] >> (i % 2 * 4) & 15)
				if scheme == compute.QuantNF4 {
					return float64(compute.NF4LookupTable[v])
				}
				if kind == dtypes.Int4 && v > 7 {
					v -= 16
				}
				return float64(v)
			}
			want := make([]float64, 3*4)
			for i := range want {
				row, col := i/4, i%4
				for k := range 4 {
					w := level(k*4+col) * float64(scales[k*2+col/2])
					if scheme == compute.QuantLinear {
						w += float64(zeros[k*2+col/2])
					}
					want[i] += float64(x[row*4+k]) * w
				}
				want[i] = max(want[i], 0)
			}
			got := graph(t, b, []any{x, packed, scales, zeros}, func(f *function, in []compute.Value) []compute.Value {
				w := shaped(f, must(f.Bitcast(in[1], kind)), 4, 4)
				q := &compute.Quantization{Scheme: scheme, Scale: shaped(f, in[2], 4, 2), BlockAxis: 1, BlockSize: 2}
				if scheme == compute.QuantLinear {
					q.ZeroPoint = shaped(f, in[3], 4, 2)
				}
				wide := must(f.ConvertDType(w, f32))
				return []compute.Value{flat(f, must(f.FusedQuantizedDense(shaped(f, in[0], 3, 4), w, nil, q, compute.ActivationRelu))), flat(f, wide)}
			})
			near(t, fmt.Sprint(kind, scheme), got[0], want, 1e-5)
			if scheme == compute.QuantLinear {
				for i := range 16 {
					near(t, "converted", got[1].([]float32)[i:i+1], []float64{level(i)}, 0)
				}
			}
		}
	}
}

// TestProductTypes: integers wrap around in the result's type, floats sum in float32
// or, where asked for, in float64; complex numbers are made of real products.
func TestProductTypes(t *testing.T) {
	b := open(t, "workers=1")
	out := graph(t, b, []any{[]int8{100, 100}, []float32{1 << 24, 1}, []complex64{1 + 2i, 3 - 1i}}, func(f *function, in []compute.Value) []compute.Value {
		self := func(v compute.Value, sum, out dtypes.DType) compute.Value {
			return must(f.DotGeneral(v, []int{0}, nil, v, []int{0}, nil, compute.DotGeneralConfig{AccumulatorDType: sum, OutputDType: out}))
		}
		ones := must(f.Constant([]float32{1, 1}, 2))
		long := must(f.DotGeneral(in[1], []int{0}, nil, ones, []int{0}, nil, compute.DotGeneralConfig{AccumulatorDType: dtypes.Float64, OutputDType: dtypes.Float64}))
		return []compute.Value{self(in[0], 0, 0), self(in[0], dtypes.Int32, dtypes.Int32), self(in[0], dtypes.Int32, f32), long, self(in[2], 0, 0)}
	})
	want := []any{int8(20000 - 78*256), int32(20000), float32(20000), float64(1<<24 + 1), complex64((1+2i)*(1+2i) + (3-1i)*(3-1i))}
	for i := range want {
		if out[i] != want[i] {
			t.Errorf("%d: %v (%T), want %v (%T)", i, out[i], out[i], want[i], want[i])
		}
	}
}
