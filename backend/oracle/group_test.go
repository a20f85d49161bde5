package oracle

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
)

// check runs one operation and compares its outputs as text.
func check(t *testing.T, name string, b build, inputs []array, want ...string) []*Tensor {
	t.Helper()
	out := compute1(t, b, inputs...)
	if len(out) != len(want) {
		t.Fatalf("%s: %d outputs, want %d", name, len(out), len(want))
	}
	for i, w := range want {
		if got := show(out[i]); got != w {
			t.Errorf("%s, output %d: %s, want %s", name, i, got, w)
		}
	}
	return out
}

func TestReduce(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	check(t, "floats", func(f *Function, in []compute.Value) []compute.Value {
		x := in[0]
		return []compute.Value{
			must(f.ReduceSum(x, 1)), must(f.ReduceSum(x, 0)), must(f.ReduceSum(x)), must(f.ReduceMax(x, 1)),
			must(f.ReduceMin(x)), must(f.ReduceProduct(x, 0)), must(f.ArgMinMax(x, 1, dtypes.Int32, false)),
		}
	}, []array{matrixOf(2, 1., 5, 3, -4, -6, 2)}, "9 -8", "-3 -1 5", "1", "5 2", "-6", "-4 -30 6", "1 2")
	check(t, "special", func(f *Function, in []compute.Value) []compute.Value {
		return []compute.Value{
			must(f.ReduceSum(in[0], 1)), must(f.ReduceMax(in[0], 1)), must(f.ArgMinMax(in[0], 1, dtypes.Int32, true)),
			must(f.ReduceSum(in[1], 1)), must(f.ReduceMax(in[1], 1)), must(f.ReduceProduct(in[1], 1)),
		}
	}, []array{matrixOf(3, 1, inf, -inf, inf, 2, nan), {[]float64{}, []int{1, 0}}}, "+Inf NaN NaN", "+Inf +Inf NaN", "0 0 1", "0", "-Inf", "1")
	check(t, "integers", func(f *Function, in []compute.Value) []compute.Value {
		return []compute.Value{
			must(f.ReduceSum(in[0])), must(f.ReduceProduct(in[0])), must(f.ReduceMax(in[0])), must(f.ReduceBitwiseAnd(in[0])),
			must(f.ReduceBitwiseOr(in[0])), must(f.ReduceBitwiseXor(in[0])),
			must(f.ReduceLogicalAnd(in[1])), must(f.ReduceLogicalOr(in[1])), must(f.ReduceLogicalXor(in[1])),
		}
	}, []array{vector[int8](100, 100, 7), vector(true, false, true)}, "-49", "112", "100", "4", "103", "7", "false", "true", "false")
	check(t, "no integers", func(f *Function, in []compute.Value) []compute.Value {
		return []compute.Value{must(f.ReduceBitwiseAnd(in[0])), must(f.ReduceMin(in[0])), must(f.ReduceMax(in[0])), must(f.ReduceProduct(in[0]))}
	}, []array{{[]uint8{}, []int{0}}}, "255", "255", "0", "1")
	check(t, "complex", only(func(f *Function, in []compute.Value) (compute.Value, error) { return f.ReduceSum(in[0]) }),
		[]array{vector[complex64](1+2i, 3-5i)}, "(4-3i)")
}

// TestReduceUnsure: infinity times what may become zero first.
func TestReduceUnsure(t *testing.T) {
	product := only(func(f *Function, in []compute.Value) (compute.Value, error) { return f.ReduceProduct(in[0]) })
	inf := float32(math.Inf(1))
	check(t, "underflow", product, []array{vector(inf, 1e-30, 1e-30, 1e20)}, "?")
	check(t, "infinite", product, []array{vector(inf, 2, -3)}, "-Inf")
	sum := only(func(f *Function, in []compute.Value) (compute.Value, error) { return f.ReduceSum(in[0]) })
	check(t, "overflow", sum, []array{vector[float32](3e38, 3e38, -3e38)}, "?")
}

// TestMaxOfZeros: the greater of -0 and 0 is either, and so is what is left of one of them.
func TestMaxOfZeros(t *testing.T) {
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		x := must(f.Mul(in[0], in[1])) // -0
		return []compute.Value{must(f.Sub(x, must(f.Max(x, in[1]))))}
	}, vector[float32](-2), vector[float32](0))
	if y := out[0].Data[0]; y.Re != 0 || !y.anyZero {
		t.Errorf("%+v", y)
	}
}

func TestProduct(t *testing.T) {
	dot := func(lc, lb, rc, rb []int, config compute.DotGeneralConfig) build {
		return only(func(f *Function, in []compute.Value) (compute.Value, error) {
			return f.DotGeneral(in[0], lc, lb, in[1], rc, rb, config)
		})
	}
	plain := compute.DotGeneralConfig{}
	a, b := matrixOf(2, 1., 2, 3, 4, 5, 6), matrixOf(3, 1., 0, 2, 1, 0, 1)
	check(t, "matrices", dot([]int{1}, nil, []int{0}, nil, plain), []array{a, b}, "5 5 14 11")
	check(t, "batch", dot([]int{1}, []int{0}, []int{1}, []int{0}, plain), []array{a, a}, "14 77")
	check(t, "empty", dot([]int{1}, nil, []int{0}, nil, plain), []array{{[]float32{}, []int{1, 0}}, {[]float32{}, []int{0, 2}}}, "0 0")
	check(t, "bytes", dot([]int{0}, nil, []int{0}, nil, compute.DotGeneralConfig{AccumulatorDType: dtypes.Int32, OutputDType: dtypes.Int32}),
		[]array{vector[int8](100, 100), vector[int8](100, -3)}, "9700")
	h := float16.FromFloat32
	check(t, "halves", dot([]int{0}, nil, []int{0}, nil, compute.DotGeneralConfig{AccumulatorDType: dtypes.Float32, OutputDType: dtypes.Float32}),
		[]array{vector(h(300), h(1)), vector(h(300), h(1))}, "90001")
	check(t, "halves that overflow", dot([]int{0}, nil, []int{0}, nil, plain), []array{vector(h(300)), vector(h(300))}, "?")
	check(t, "complex", dot([]int{0}, nil, []int{0}, nil, plain), []array{vector[complex64](1i, 2), vector[complex64](1i, 1+1i)}, "(1+2i)")
}

func TestConvolution(t *testing.T) {
	axes := compute.ConvolveAxesConfig{
		InputBatch: 0, InputChannels: 1, InputSpatial: []int{2}, KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: []int{2},
		OutputBatch: 0, OutputChannels: 1, OutputSpatial: []int{2},
	}
	conv := func(stride []int, padding [][2]int, in, kernel []int, groups int) build {
		return only(func(f *Function, x []compute.Value) (compute.Value, error) {
			return f.ConvGeneral(x[0], x[1], axes, stride, padding, in, kernel, groups, 1)
		})
	}
	x := array{[]float32{1, 2, 3, 4}, []int{1, 1, 4}}
	k := array{[]float32{1, 10}, []int{1, 1, 2}}
	check(t, "plain", conv(nil, nil, nil, nil, 1), []array{x, k}, "21 32 43")
	check(t, "stride", conv([]int{2}, [][2]int{{1, 0}}, nil, nil, 1), []array{x, k}, "10 32")
	check(t, "dilated", conv(nil, nil, nil, []int{2}, 1), []array{x, k}, "31 42")
	check(t, "gaps", conv(nil, nil, []int{2}, nil, 1), []array{x, k}, "1 20 2 30 3 40")
	two := array{[]float32{1, 2, 3, 4}, []int{1, 2, 2}}
	check(t, "groups", conv(nil, nil, nil, nil, 2), []array{two, {[]float32{1, 10}, []int{2, 1, 1}}}, "1 2 30 40")
	inf := array{[]float32{1, float32(math.Inf(1))}, []int{1, 1, 2}}
	check(t, "padding of what is infinite", conv(nil, [][2]int{{0, 1}}, nil, nil, 1), []array{x, inf}, "+Inf +Inf +Inf ?")
}

func TestWindow(t *testing.T) {
	window := func(kind compute.ReduceOpType, size, stride, dilation []int, padding [][2]int) build {
		return only(func(f *Function, in []compute.Value) (compute.Value, error) {
			return f.ReduceWindow(in[0], kind, size, stride, nil, dilation, padding)
		})
	}
	x := []array{vector[float32](1, 5, 2, 4)}
	check(t, "max", window(compute.ReduceOpMax, []int{2}, []int{1}, nil, nil), x, "5 5 4")
	check(t, "sum", window(compute.ReduceOpSum, []int{2}, nil, nil, [][2]int{{1, 1}}), x, "1 7 4")
	check(t, "min", window(compute.ReduceOpMin, []int{2}, []int{1}, []int{2}, nil), x, "1 4")
	check(t, "product", window(compute.ReduceOpProduct, []int{3}, []int{1}, nil, nil), x, "10 40")
	scatter := func(f *Function, in []compute.Value) []compute.Value {
		return []compute.Value{
			must(f.SelectAndScatterMax(in[0], in[1], []int{2}, []int{1}, nil)),
			must(f.SelectAndScatterMin(in[0], in[1], []int{2}, []int{1}, nil)),
		}
	}
	check(t, "select", scatter, []array{x[0], vector[float32](1, 10, 100)}, "0 11 0 100", "1 0 110 0")
}

func TestMove(t *testing.T) {
	x := matrixOf[int64](2, 1, 2, 3, 4, 5, 6)
	check(t, "views", func(f *Function, in []compute.Value) []compute.Value {
		x := in[0]
		return []compute.Value{
			must(f.Transpose(x, 1, 0)), must(f.Reshape(x, 3, 2)), must(f.Reverse(x, 1)), must(f.Slice(x, []int{0, 1}, []int{2, 3}, []int{1, 2})),
			must(f.BroadcastInDim(must(f.Slice(x, []int{0, 0}, []int{1, 2}, nil)), shapes.Make(dtypes.Int64, 2, 2), []int{0, 1})),
			must(f.Concatenate(1, x, x)), must(f.Identity(x)),
			must(f.Pad(x, must(f.Constant([]int64{9})), compute.PadAxis{Start: 1}, compute.PadAxis{Start: -1, Interior: 1})),
		}
	}, []array{x}, "1 4 2 5 3 6", "1 2 3 4 5 6", "3 2 1 6 5 4", "2 5", "1 2 1 2", "1 2 3 1 2 3 4 5 6 4 5 6", "1 2 3 4 5 6",
		"9 9 9 9 9 2 9 3 9 5 9 6")
	check(t, "dynamic", func(f *Function, in []compute.Value) []compute.Value {
		x, start := in[0], []compute.Value{must(f.Constant([]int32{1})), must(f.Constant([]int32{7}))}
		return []compute.Value{
			must(f.DynamicSlice(x, start, []int{1, 2})), must(f.DynamicUpdateSlice(x, must(f.Constant([]int64{8, 9}, 1, 2)), start)),
		}
	}, []array{x}, "5 6", "1 2 3 4 8 9")
}

func TestIndex(t *testing.T) {
	x := matrixOf(3, 1., 2, 3, 4, 5, 6)
	gather := only(func(f *Function, in []compute.Value) (compute.Value, error) {
		return f.Gather(in[0], in[1], 1, []int{1}, []int{0}, []int{0}, []int{1, 2}, false)
	})
	check(t, "gather", gather, []array{x, matrixOf[int64](3, 2, 0, 9)}, "5 6 1 2 5 6")
	scatter := func(f *Function, in []compute.Value) []compute.Value {
		return []compute.Value{
			must(f.ScatterSum(in[0], in[1], in[2], 1, []int{1}, []int{0}, []int{0}, false, false)),
			must(f.ScatterMax(in[0], in[1], in[2], 1, []int{1}, []int{0}, []int{0}, false, false)),
			must(f.ScatterMin(in[0], in[1], in[2], 1, []int{1}, []int{0}, []int{0}, false, false)),
		}
	}
	check(t, "scatter", scatter, []array{x, matrixOf[int64](3, 0, 0, 5), matrixOf(3, 10., 0, 20, 0, 7, 7)},
		"31 2 3 4 5 6", "20 2 3 4 5 6", "1 0 3 4 5 6")
	check(t, "one outside", scatter, []array{x, matrixOf[int64](1, -1), matrixOf(1, 10., 0)}, "1 2 3 4 5 6", "1 2 3 4 5 6", "1 2 3 4 5 6")
}

func TestFFT(t *testing.T) {
	both := func(f *Function, in []compute.Value) []compute.Value {
		y := must(f.FFT(in[0], compute.FFTForward, []int{4}))
		r := must(f.FFT(in[1], compute.FFTForwardReal, []int{3}))
		return []compute.Value{y, must(f.FFT(y, compute.FFTInverse, []int{4})), r, must(f.FFT(r, compute.FFTInverseReal, []int{3}))}
	}
	out := compute1(t, both, vector[complex128](1, 2, 3, 4), vector[float64](1, 2, 4))
	s := math.Sqrt(3)
	for i, want := range []any{
		[]complex128{10, -2 + 2i, -2, -2 - 2i}, []complex128{1, 2, 3, 4}, []complex128{7, complex(-2, s)}, []float64{1, 2, 4},
	} {
		if err := out[i].Compare(want); err != nil {
			t.Errorf("output %d: %v", i, err)
		}
		for _, v := range out[i].Data {
			if v.Unsure || v.Err > 1e-13 {
				t.Errorf("output %d: bound of %+v", i, v)
			}
		}
	}
}

// near compares a value with a formula.
func near(t *testing.T, what string, got Scalar, want float64) {
	t.Helper()
	if got.Unsure || math.Abs(got.Re-want) > 1e-12*(1+math.Abs(want)) || got.Err > 1e-5*(1+math.Abs(want)) {
		t.Errorf("%s is %+v, want %v", what, got, want)
	}
}

// TestNormAnyOrder: a subnormal scale times 1/deviation may be rounded before it is
// multiplied by a large element.
func TestNormAnyOrder(t *testing.T) {
	const least = 1.401298464324817e-45
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		vector := func(v float32) compute.Value { return must(f.Constant([]float32{v}, 1)) }
		return []compute.Value{must(f.BatchNormForInference(in[0], vector(1000*least), vector(0), vector(0), vector(1), 0.5, 1))}
	}, matrixOf[float32](1, 100))
	// The scale over the deviation, rounded to a multiple of the least number.
	rounded := math.RoundToEven(1000/math.Sqrt(1.5)) * least * 100
	if y := out[0].Data[0]; math.Abs(y.Re-rounded) > y.Err || y.Err > 400*least {
		t.Errorf("%+v, %g is allowed, too", y, rounded)
	}
}

// TestMeanOfEquals: the mean of 15 equal numbers may be another by the rounding of 1/15,
// that of 16 may not.
func TestMeanOfEquals(t *testing.T) {
	tags := uint32(0)
	a := &arith{format: formatOf(dtypes.Float32), tags: &tags}
	for n, exact := range map[int]bool{15: false, 16: true} {
		xs := make([]Scalar, n)
		for i := range xs {
			xs[i] = a.value(-239)
		}
		if m := a.mean(xs); m.Re != -239 || (m.Err == 0) != exact || m.Err > 1e-4 {
			t.Errorf("%d: %+v", n, m)
		}
	}
}

func TestNorm(t *testing.T) {
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		one := must(f.Constant([]float32{2, 2}, 2))
		zero := must(f.Constant([]float32{1, 1}, 2))
		y, mean, variance, err := f.BatchNormForTraining(in[0], one, zero, 0.25, 1)
		z := must(f.BatchNormForInference(in[0], one, zero, must(mean, err), variance, 0.25, 1))
		dx, ds, do, err := f.BatchNormGradient(in[0], one, mean, variance, in[0], 0.25, 1)
		return []compute.Value{
			must(f.FusedSoftmax(in[0], 1)), must(f.FusedLayerNorm(in[0], []int{1}, 0.25, one, zero)), y, mean, variance, z,
			must(dx, err), ds, do, must(f.FusedGelu(in[0], true)), must(f.FusedGelu(in[0], false)),
		}
	}, matrixOf[float32](2, 1, 3, 5, -1))
	d := math.Sqrt(4.25)
	near(t, "softmax", out[0].Data[0], 1/(1+math.Exp(2)))
	near(t, "layer norm", out[1].Data[0], -1/math.Sqrt(1.25)*2+1)
	near(t, "batch norm", out[2].Data[0], -2/d*2+1)
	near(t, "mean", out[3].Data[0], 3)
	near(t, "variance", out[4].Data[1], 4)
	near(t, "inference", out[5].Data[3], -2/d*2+1)
	z := []float64{-2 / d, 2 / d}
	sum, dot := 6.0, 1*z[0]+5*z[1]
	near(t, "scale's gradient", out[7].Data[0], dot)
	near(t, "offset's gradient", out[8].Data[0], sum)
	near(t, "operand's gradient", out[6].Data[0], 2/d*(1-sum/2-z[0]*dot/2))
	near(t, "gelu", out[9].Data[0], (1+math.Erf(1/math.Sqrt2))/2)
	near(t, "gelu by tanh", out[10].Data[0], (1+math.Tanh(math.Sqrt(2/math.Pi)*1.044715))/2)
}

func TestDense(t *testing.T) {
	x, w, b := matrixOf[float32](1, 1, -2), matrixOf[float32](2, 3, 1, 1, 2), vector[float32](0.5, 1)
	dense := func(config compute.DenseConfig) build {
		return only(func(f *Function, in []compute.Value) (compute.Value, error) {
			return f.FusedDense(in[0], in[1], in[2], config)
		})
	}
	check(t, "dense", dense(compute.DenseConfig{}), []array{x, w, b}, "1.5 -2")
	check(t, "transposed", dense(compute.DenseConfig{WeightLayout: compute.DenseLayoutOutputsInput}), []array{x, w, b}, "1.5 -2")
	check(t, "relu", dense(compute.DenseConfig{Activation: compute.ActivationRelu}), []array{x, w, b}, "1.5 0")
	out := compute1(t, dense(compute.DenseConfig{Activation: compute.ActivationSilu}), x, w, b)
	near(t, "silu", out[0].Data[1], -2/(1+math.Exp(2)))
	parts := func(f *Function, in []compute.Value) []compute.Value {
		q, k, v, err := f.FusedAttentionQKVProjection(in[0], in[1], nil, nil, in[2], 1, 1)
		return []compute.Value{must(q, err), k, v}
	}
	check(t, "projection", parts, []array{x, matrixOf[float32](2, 1, 2, 3, 4, 5, 6), vector[float32](10)}, "-7", "-8", "1")
}

func TestAttention(t *testing.T) {
	const a, b = 0.5, -1.5 // scores of two keys
	attend := func(config *compute.ScaledDotProductAttentionConfig) build {
		return func(f *Function, in []compute.Value) []compute.Value {
			c := *config
			if len(in) > 4 {
				c.Mask = in[4]
			}
			y, states, err := f.FusedScaledDotProductAttention(in[0], in[1], in[2], compute.AttentionAxesLayoutBHSD, &c)
			dq, dk, dv, err2 := f.FusedScaledDotProductAttentionVJP(in[0], in[1], in[2], compute.AttentionAxesLayoutBHSD, &c, must(y, err), states, in[3])
			return []compute.Value{y, must(dq, err2), dk, dv}
		}
	}
	in := func(x ...float32) array { return array{x, []int{1, 1, len(x), 1}} }
	out := compute1(t, attend(&compute.ScaledDotProductAttentionConfig{Scale: 0.5}), in(1), in(2*a, 2*b), in(3, 7), in(1))
	p := 1 / (1 + math.Exp(b-a))
	o := p*3 + (1-p)*7
	ds := p * (3 - o)
	near(t, "output", out[0].Data[0], o)
	near(t, "query's gradient", out[1].Data[0], 0.5*(ds*2*a-ds*2*b))
	near(t, "key's gradient", out[2].Data[1], -0.5*ds)
	near(t, "value's gradient", out[3].Data[0], p)
	causal := &compute.ScaledDotProductAttentionConfig{Causal: true}
	check(t, "causal", attend(causal), []array{in(1, 1), in(0, 0), in(2, 4), in(1, 0)}, "2 3", "0 0", "0 0", "1 0")
	masked := []array{in(1), in(1, 1), in(2, 4), in(1), {[]bool{false, false}, []int{1, 2}}}
	check(t, "nothing to see", attend(&compute.ScaledDotProductAttentionConfig{}), masked, "0", "0", "0 0", "0 0")
	inf := float32(math.Inf(1))
	out = compute1(t, attend(causal), in(1, 1), in(0, 0), in(2, inf), in(1, 0))
	if got := show(out[0]); got != "? +Inf" {
		t.Errorf("infinity behind the mask: %s", got)
	}
}

func TestQuantized(t *testing.T) {
	q8 := make([]uint8, 34) // scale 1/2, values 0..31
	h := float16.FromFloat32(0.5).Bits()
	q8[0], q8[1] = uint8(h), uint8(h>>8)
	for i := range 32 {
		q8[2+i] = uint8(i)
	}
	ones := make([]float32, 32)
	for i := range ones {
		ones[i] = 1
	}
	ggml := func(f *Function, in []compute.Value) []compute.Value {
		q := &compute.Quantization{Scheme: compute.QuantGGML, GGMLType: compute.GGMLQ8_0}
		return []compute.Value{
			must(f.FusedQuantizedDense(in[0], in[1], nil, q, compute.ActivationNone)),
			must(f.Slice(must(f.QuantizedEmbeddingLookup(in[1], must(f.Constant([]int32{0}, 1, 1)), q)), []int{0, 0}, []int{1, 3}, nil)),
		}
	}
	check(t, "q8", ggml, []array{matrixOf(1, ones...), {q8, []int{1, 34}}}, "248", "0 0.5 1")
	linear := only(func(f *Function, in []compute.Value) (compute.Value, error) {
		q := &compute.Quantization{Scheme: compute.QuantLinear, Scale: in[2], ZeroPoint: in[3], BlockAxis: 1, BlockSize: 2}
		return f.FusedQuantizedDense(in[0], in[1], nil, q, compute.ActivationNone)
	})
	check(t, "linear", linear, []array{matrixOf[float32](1, 1, 2), matrixOf[int8](2, 1, 2, 3, 4, 5, 6),
		matrixOf[float32](2, 1, 10, 0.5, 0.25), matrixOf[float32](2, 0, 1, 1, 0)}, "7 9 34")
}

func TestControl(t *testing.T) {
	int32s := shapes.Make(dtypes.Int32)
	loop := func(f *Function, in []compute.Value) []compute.Value {
		cond, body := must(f.Closure()), must(f.Closure())
		i, x := must(cond.Parameter("i", int32s, nil)), must(cond.Parameter("x", int32s, nil))
		_ = x
		if err := cond.Return([]compute.Value{must(cond.LessThan(i, in[0]))}, nil); err != nil {
			panic(err)
		}
		i, x = must(body.Parameter("i", int32s, nil)), must(body.Parameter("x", int32s, nil))
		one := must(body.Constant([]int32{1}))
		if err := body.Return([]compute.Value{must(body.Add(i, one)), must(body.Add(x, i))}, nil); err != nil {
			panic(err)
		}
		return must(f.While(cond, body, must(f.Constant([]int32{0})), must(f.Constant([]int32{0}))))
	}
	check(t, "while", loop, []array{scalar[int32](5)}, "5", "10")
	branch := func(f *Function, in []compute.Value) []compute.Value {
		side := func(v compute.Value) compute.Function {
			g := must(f.Closure())
			if err := g.Return([]compute.Value{must(g.Neg(v))}, nil); err != nil {
				panic(err)
			}
			return g
		}
		return must(f.If(in[0], side(in[1]), side(in[2])))
	}
	check(t, "if", branch, []array{scalar(false), scalar(1.), scalar(2.)}, "-2")
	unknown := func(f *Function, in []compute.Value) []compute.Value {
		p := must(f.Equal(must(f.Exp(in[0])), must(f.Exp(in[0]))))
		return branch(f, []compute.Value{p, in[0], in[0]})
	}
	check(t, "if nobody knows", unknown, []array{scalar[float32](1)}, "?")
	call := func(f *Function, in []compute.Value) []compute.Value {
		g := must(f.Builder().NewFunction("twice"))
		x := must(g.Parameter("x", int32s, nil))
		if err := g.Return([]compute.Value{must(g.Add(x, x))}, nil); err != nil {
			panic(err)
		}
		return must(f.Call(g, must(f.Call(g, in[0]))[0]))
	}
	check(t, "call", call, []array{scalar[int32](3)}, "12")
}

func TestSort(t *testing.T) {
	sorted := func(stable bool) build {
		return func(f *Function, in []compute.Value) []compute.Value {
			g := must(f.Closure())
			var p []compute.Value
			for i, d := range []dtypes.DType{dtypes.Float64, dtypes.Float64, dtypes.Int64, dtypes.Int64} {
				p = append(p, must(g.Parameter(fmt.Sprint("p", i), shapes.Make(d), nil)))
			}
			if err := g.Return([]compute.Value{must(g.LessThan(p[0], p[1]))}, nil); err != nil {
				panic(err)
			}
			return must(f.Sort(g, 1, stable, in...))
		}
	}
	x, n := matrixOf(2, 3., 1, 2, 1, 1, 0), matrixOf[int64](2, 10, 20, 30, 40, 50, 60)
	check(t, "stable", sorted(true), []array{x, n}, "1 2 3 0 1 1", "20 30 10 60 40 50")
	check(t, "unstable", sorted(false), []array{x, n}, "1 2 3 ? ? ?", "20 30 10 ? ? ?")
	check(t, "without an order", sorted(true), []array{matrixOf(1, 1, math.NaN()), matrixOf[int64](1, 1, 2)}, "? ?", "? ?")
}

// TestProgram records a computation with functions, cuts it, lists it, and builds it on
// another engine.
func TestProgram(t *testing.T) {
	p, data := record(t, func(f *Function, in []compute.Value) []compute.Value {
		g := must(f.Closure())
		y := must(f.Add(in[0], in[1]))
		if err := g.Return([]compute.Value{must(g.Mul(y, y))}, nil); err != nil {
			panic(err)
		}
		z := must(f.If(in[2], g, g))[0]
		must(f.Exp(z)) // that nobody needs
		return []compute.Value{must(f.Neg(z)), y}
	}, vector(1., 2), vector(10., 20), scalar(true), scalar(7.))
	want := `%0 = input 0 float64[2]
%1 = input 1 float64[2]
%2 = input 2 bool[]
%3 = input 3 float64[]
%4 = Add(%0, %1) float64[2]
%5 = If(%2, %4, %4) float64[2]
  function
    %%0 = Mul(%4, %4) float64[2]
    output 0: %%0
  function
    %%0 = Mul(%4, %4) float64[2]
    output 0: %%0
%7 = Neg(%5) float64[2]
output 0: %7
output 1: %4
`
	if got := p.String(); got != want {
		t.Errorf("listing:\n%swant:\n%s", got, want)
	}
	needed, kept := p.Needed()
	if fmt.Sprint(kept) != "[0 1 2]" || len(needed.Inputs) != 3 {
		t.Errorf("needed: %v", kept)
	}
	out, err := needed.Run(data[:3]...)
	if err != nil || show(out[0]) != "-121 -484" {
		t.Fatalf("%v: %v", out, err)
	}
	if _, err := needed.Run(data...); err == nil || !strings.Contains(err.Error(), "4 inputs, want 3") {
		t.Errorf("too many inputs: %v", err)
	}
	cut := &Program{Inputs: []*Node{p.Inputs[2], p.Outputs[1].Node}, Outputs: p.Outputs[:1]}
	if out, err = cut.Run(data[2], vector(1., 3).tensor(t)); err != nil || show(out[0]) != "-1 -9" {
		t.Errorf("cut: %v, %v", out, err)
	}
	x, err := needed.Build(New(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	again := x.(*Executable).Program
	if out, err = again.Run(data[:3]...); err != nil || show(out[0]) != "-121 -484" || again.String() == "" {
		t.Errorf("built again: %v, %v", out, err)
	}
}
