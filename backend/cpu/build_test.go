package cpu

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// mistakes are operations that cannot be built, in the order of testdata/errors.txt.
var mistakes = []struct {
	name  string
	build func(f *function, p func(t dtypes.DType, dims ...int) compute.Value) error
}{
	{"add types", func(f *function, p param) error { return second(f.Add(p(f32, 2), p(dtypes.Int32, 2))) }},
	{"add shapes", func(f *function, p param) error { return second(f.Add(p(f32, 2, 3), p(f32, 2, 4))) }},
	{"add ranks", func(f *function, p param) error { return second(f.Add(p(f32, 2, 3), p(f32, 3))) }},
	{"and floats", func(f *function, p param) error { return second(f.BitwiseAnd(p(f32, 2), p(f32, 2))) }},
	{"less complex", func(f *function, p param) error { return second(f.LessThan(p(c64, 2), p(c64, 2))) }},
	{"neg unsigned", func(f *function, p param) error { return second(f.Neg(p(dtypes.Uint8, 2))) }},
	{"exp ints", func(f *function, p param) error { return second(f.Exp(p(dtypes.Int32, 2))) }},
	{"not a value", func(f *function, p param) error { return second(f.Exp(7)) }},
	{"where", func(f *function, p param) error { return second(f.Where(p(f32, 2), p(f32, 2), p(f32, 2))) }},
	{"clamp", func(f *function, p param) error { return second(f.Clamp(p(f32, 2), p(f32, 3), p(f32))) }},
	{"convert", func(f *function, p param) error { return second(f.ConvertDType(p(f32, 2), dtypes.Int4)) }},
	{"bitcast", func(f *function, p param) error { return second(f.Bitcast(p(dtypes.Int8, 3), f32)) }},
	{"reshape", func(f *function, p param) error { return second(f.Reshape(p(f32, 2, 3), 4, 2)) }},
	{"transpose", func(f *function, p param) error { return second(f.Transpose(p(f32, 2, 3), 0, 0)) }},
	{"broadcast", func(f *function, p param) error {
		return second(f.BroadcastInDim(p(f32, 2), shapes.Make(f32, 3), []int{0}))
	}},
	{"slice", func(f *function, p param) error { return second(f.Slice(p(f32, 4), []int{2}, []int{5}, nil)) }},
	{"reverse", func(f *function, p param) error { return second(f.Reverse(p(f32, 4), 1)) }},
	{"pad", func(f *function, p param) error { return second(f.Pad(p(f32, 4), p(dtypes.Int8))) }},
	{"iota", func(f *function, p param) error { return second(f.Iota(shapes.Make(f32), 0)) }},
	{"iota too large", func(f *function, p param) error { return second(f.Iota(shapes.Make(f32, 1<<40, 1<<40), 0)) }},
	{"concatenate", func(f *function, p param) error { return second(f.Concatenate(0, p(f32, 4, 2), p(f32, 4, 3))) }},
	{"gather", func(f *function, p param) error {
		return second(f.Gather(p(f32, 4, 2), p(f32, 3, 1), 1, []int{1}, []int{0}, []int{0}, []int{1, 2}, false))
	}},
	{"scatter", func(f *function, p param) error {
		return second(f.ScatterSum(p(f32, 4, 2), p(dtypes.Int32, 3, 1), p(f32, 5, 2), 1, []int{1}, []int{0}, []int{0}, false, false))
	}},
	{"dynamic slice", func(f *function, p param) error {
		return second(f.DynamicSlice(p(f32, 4), []compute.Value{p(f32)}, []int{2}))
	}},
	{"dynamic update", func(f *function, p param) error {
		return second(f.DynamicUpdateSlice(p(f32, 4), p(f32, 5), []compute.Value{p(dtypes.Int32)}))
	}},
	{"reduce", func(f *function, p param) error { return second(f.ReduceSum(p(f32, 2, 3), 1, 1)) }},
	{"reduce bools", func(f *function, p param) error { return second(f.ReduceSum(p(dtypes.Bool, 2))) }},
	{"argmax", func(f *function, p param) error { return second(f.ArgMinMax(p(f32, 2, 0), 1, dtypes.Int32, false)) }},
	{"window", func(f *function, p param) error {
		return second(f.ReduceWindow(p(f32, 2), compute.ReduceOpSum, []int{3}, nil, nil, nil, nil))
	}},
	{"select and scatter", func(f *function, p param) error {
		return second(f.SelectAndScatterMax(p(f32, 4), p(f32, 3), []int{2}, []int{2}, nil))
	}},
	{"product", func(f *function, p param) error {
		return second(f.DotGeneral(p(f32, 2, 3), []int{1}, nil, p(f32, 4, 5), []int{0}, nil, compute.DotGeneralConfig{}))
	}},
	{"product of bools", func(f *function, p param) error {
		return second(f.DotGeneral(p(dtypes.Bool, 3), []int{0}, nil, p(dtypes.Bool, 3), []int{0}, nil, compute.DotGeneralConfig{}))
	}},
	{"convolution", func(f *function, p param) error {
		return second(f.ConvGeneral(p(f32, 1, 1, 4), p(dtypes.Float64, 1, 1, 2), compute.ConvolveAxesConfig{}, nil, nil, nil, nil, 1, 1))
	}},
	{"fft", func(f *function, p param) error { return second(f.FFT(p(f32, 8), compute.FFTForward, []int{8})) }},
	{"fft length", func(f *function, p param) error { return second(f.FFT(p(c64, 8), compute.FFTForward, []int{6})) }},
	{"random", func(f *function, p param) error {
		_, _, err := f.RNGBitGenerator(p(f32, 3), shapes.Make(dtypes.Uint8, 2))
		return err
	}},
	{"softmax", func(f *function, p param) error { return second(f.FusedSoftmax(p(f32, 8), 1)) }},
	{"layer norm", func(f *function, p param) error {
		return second(f.FusedLayerNorm(p(f32, 2, 8), []int{1}, 1e-5, p(f32, 7), nil))
	}},
	{"dense", func(f *function, p param) error {
		return second(f.FusedDense(p(f32, 2, 8), p(f32, 8, 3), nil, compute.DenseConfig{WeightLayout: compute.DenseLayoutOutputsInput}))
	}},
	{"bias", func(f *function, p param) error {
		return second(f.FusedDense(p(f32, 2, 8), p(f32, 8, 3), p(f32, 4), compute.DenseConfig{}))
	}},
	{"projection", func(f *function, p param) error {
		_, _, _, err := f.FusedAttentionQKVProjection(p(f32, 2, 8), p(f32, 8, 9), nil, nil, nil, 4, 2)
		return err
	}},
	{"attention", func(f *function, p param) error {
		_, _, err := f.FusedScaledDotProductAttention(p(f32, 2, 3, 4, 8), p(f32, 2, 2, 4, 8), p(f32, 2, 2, 4, 8), compute.AttentionAxesLayoutBHSD, nil)
		return err
	}},
	{"attention mask", func(f *function, p param) error {
		q := p(f32, 2, 3, 4, 8)
		_, _, err := f.FusedScaledDotProductAttention(q, q, q, compute.AttentionAxesLayoutBHSD, &compute.ScaledDotProductAttentionConfig{Mask: p(dtypes.Bool, 4, 5)})
		return err
	}},
	{"attention gradient", func(f *function, p param) error {
		q := p(f32, 2, 3, 4, 8)
		options := &compute.ScaledDotProductAttentionConfig{Bias: must(f.Exp(p(f32, 4, 4)))}
		out, states, err := f.FusedScaledDotProductAttention(q, q, q, compute.AttentionAxesLayoutBHSD, options)
		if err == nil {
			_, _, _, err = f.FusedScaledDotProductAttentionVJP(q, q, q, compute.AttentionAxesLayoutBHSD, options, out, states, out)
		}
		return err
	}},
	{"quantised", func(f *function, p param) error {
		return second(f.FusedQuantizedDense(p(f32, 2, 8), p(dtypes.Int8, 8, 6), nil, &compute.Quantization{Scale: p(f32, 8, 3), BlockAxis: 1, BlockSize: 4}, 0))
	}},
	{"packed", func(f *function, p param) error { return second(f.Transpose(p(dtypes.Int4, 2, 4), 1, 0)) }},
	{"batch norm", func(f *function, p param) error {
		return second(f.BatchNormForInference(p(f32, 2, 4), p(f32, 4), p(f32, 4), p(f32, 3), p(f32, 4), 1e-3, 1))
	}},
	{"all reduce", func(f *function, p param) error {
		return second(f.AllReduce([]compute.Value{p(f32)}, compute.ReduceOpSum, nil))
	}},
	{"while", func(f *function, p param) error { return second(f.While(closure(f, f32), closure(f, f32), p(f32))) }},
	{"if", func(f *function, p param) error { return second(f.If(p(f32), closure(f), closure(f))) }},
	{"sort", func(f *function, p param) error { return second(f.Sort(closure(f, f32), 0, true, p(f32, 4))) }},
	{"open closure", func(f *function, p param) error { return second(f.Call(must(f.Closure()))) }},
	{"foreign value", func(f *function, p param) error {
		other := newBuilder(f.builder.backend, "another").main
		return second(f.Exp(must(other.Constant([]float32{1}))))
	}},
	{"value of a closure", func(f *function, p param) error {
		return second(f.Exp(must(must(f.Closure()).Constant([]float32{1}))))
	}},
	{"parameter", func(f *function, p param) error {
		return second(f.Parameter("x", shapes.MakeDynamic(f32, []int{-1}, []string{"n"}), nil))
	}},
	{"constant", func(f *function, p param) error { return second(f.Constant([]float32{1, 2}, 3)) }},
	{"constant of strings", func(f *function, p param) error { return second(f.Constant([]string{"a"}, 1)) }},
	{"compile", func(f *function, p param) error { return second(f.builder.Compile()) }},
	{"after return", func(f *function, p param) error {
		x := p(f32)
		if err := f.Return([]compute.Value{x}, nil); err != nil {
			return err
		}
		return second(f.Exp(x))
	}},
	{"return nothing", func(f *function, p param) error { return f.Return(nil, nil) }},
	{"function", func(f *function, p param) error { return second(f.builder.NewFunction("main")) }},
}

type param = func(t dtypes.DType, dims ...int) compute.Value

const (
	f32 = dtypes.Float32
	c64 = dtypes.Complex64
)

// closure takes scalars and returns the first, or 1.
func closure(f *function, params ...dtypes.DType) compute.Function {
	g := must(f.Closure())
	out := must(g.Constant([]float32{1}))
	for i, t := range params {
		v := must(g.Parameter(fmt.Sprint(i), shapes.Make(t), nil))
		if i == 0 {
			out = v
		}
	}
	must(0, g.Return([]compute.Value{out}, nil))
	return g
}

// TestErrors compares what mistakes say with testdata/errors.txt: one clear line that
// names operation and shapes. COMLAM_UPDATE=1 writes the file.
func TestErrors(t *testing.T) {
	b := open(t, "workers=0")
	var got strings.Builder
	for _, m := range mistakes {
		f := newBuilder(b, "c").main
		n := 0
		err := m.build(f, func(t dtypes.DType, dims ...int) compute.Value {
			n++
			return must(f.Parameter(fmt.Sprint("p", n), shapes.Make(t, dims...), nil))
		})
		if err == nil {
			t.Errorf("%s: no error", m.name)
			continue
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "internal") {
			t.Errorf("%s: not one clear line: %v", m.name, err)
		}
		fmt.Fprintf(&got, "%s: %v\n", m.name, err)
	}
	const file = "testdata/errors.txt"
	if os.Getenv("COMLAM_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	have, wanted := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(have), len(wanted)) {
		if i >= len(have) || i >= len(wanted) || have[i] != wanted[i] {
			t.Fatalf("line %d differs from %s:\n%s", i+1, file, strings.Join(have[min(i, len(have)-1):], "\n"))
		}
	}
}

// TestPanicInBuilder: a panic inside a method of a builder, which is no refusal, is its
// error, too, and the function goes on.
func TestPanicInBuilder(t *testing.T) {
	f := newBuilder(open(t, "workers=0"), "c").main
	for want, err := range map[string]error{
		"build: shapes.Make": second(f.Constant([]float32{1}, -1)),
		`build: internal error of engine "cpu": runtime error: invalid memory address`: second(f.Exp(&node{})), // of no function
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s ...", err, want)
		}
	}
	if y, err := f.Exp(&node{}); y != nil || !strings.Contains(fmt.Sprintf("%+v", err), "build_element.go") {
		t.Errorf("%v, %+v: no nil or no stack", y, err)
	}
	must(0, f.Return([]compute.Value{must(f.Constant([]float32{1}))}, nil))
}

// TestNothingGiven calls every method of a function with nil and zeros: none panics, and
// beside an error there are no results.
func TestNothingGiven(t *testing.T) {
	b := newBuilder(open(t, "workers=0"), "c")
	for i := range reflect.TypeFor[compute.Function]().NumMethod() {
		m := reflect.TypeFor[compute.Function]().Method(i)
		var in []reflect.Value
		for j := range m.Type.NumIn() {
			if !m.Type.IsVariadic() || j < m.Type.NumIn()-1 {
				in = append(in, reflect.Zero(m.Type.In(j)))
			}
		}
		out := reflect.ValueOf(newFunction(b, "f", nil)).MethodByName(m.Name).Call(in)
		err, _ := out[len(out)-1].Interface().(error)
		for _, v := range out[:len(out)-1] {
			if err != nil && v.Kind() != reflect.Struct && !v.IsZero() { // a shape may be invalid
				t.Errorf("%s: %v and the error %v", m.Name, v, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), "internal") {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// TestExecuteErrors compares what Execute says about its inputs.
func TestExecuteErrors(t *testing.T) {
	b, other := open(t, "workers=0"), open(t, "workers=0")
	x := compiled(t, b, func(f *function) []compute.Value {
		p := must(f.Parameter("images", shapes.Make(f32, 2, 3), nil))
		return []compute.Value{must(f.Exp(p))}
	})
	good := buffer(t, b, make([]float32, 6), 2, 3)
	for want, err := range map[string]error{
		`computation "TestExecuteErrors": 2 inputs are given, there are 1 parameters (images)`:                                          second(x.Execute([]compute.Buffer{good, good}, nil, 0)),
		`computation "TestExecuteErrors": donate has 2 values for 1 inputs`:                                                             second(x.Execute([]compute.Buffer{good}, []bool{true, true}, 0)),
		`computation "TestExecuteErrors": parameter 0 ("images") has shape (Float32)[2, 3], a buffer of shape (Float32)[3, 2] is given`: second(x.Execute([]compute.Buffer{buffer(t, b, make([]float32, 6), 3, 2)}, nil, 0)),
		`computation "TestExecuteErrors": parameter 0 ("images") has shape (Float32)[2, 3], a buffer of shape (Int32)[2, 3] is given`:   second(x.Execute([]compute.Buffer{buffer(t, b, make([]int32, 6), 2, 3)}, nil, 0)),
		`computation "TestExecuteErrors": parameter 0 ("images"): the buffer belongs to another engine`:                                 second(x.Execute([]compute.Buffer{buffer(t, other, make([]float32, 6), 2, 3)}, nil, 0)),
		`computation "TestExecuteErrors": parameter 0 ("images"): a <nil> is given, not a buffer of engine "cpu"`:                       second(x.Execute([]compute.Buffer{nil}, nil, 0)),
		`computation "TestExecuteErrors": engine "cpu" has device 0 only, 1 was asked for`:                                              second(x.Execute([]compute.Buffer{good}, nil, 1)),
		`buffer: shape (Float32)[4] needs 4 values of float32, given 3 of float32`:                                                      second(b.BufferFromFlatData(0, []float32{1, 2, 3}, shapes.Make(f32, 4))),
		`shape (Float32)[2, 3] needs 6 values of float32, given 6 of int32`:                                                             good.ToFlatData(make([]int32, 6)),
		`buffer: values are given as a float32, not as a slice of numbers`:                                                              second(b.BufferFromFlatData(0, float32(1), shapes.Make(f32))),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := b.BufferFromFlatData(0, []float32{1}, shapes.Make(f32, 1<<45)); err == nil || !strings.HasPrefix(err.Error(), "buffer: shape (Float32)[35184372088832]: out of memory: 140737488355328 bytes are needed and this machine has ") {
		t.Error(err)
	}
}

// near fails where two flat slices differ by more than a tolerance, relative to 1 or
// to the larger.
func near(t *testing.T, what string, got any, want []float64, tolerance float64) {
	t.Helper()
	g := flatten(got)
	if len(g) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(g), len(want))
	}
	for i, w := range want {
		if d := math.Abs(g[i] - w); !(d <= tolerance*max(1, math.Abs(w))) && !(math.IsNaN(w) && math.IsNaN(g[i])) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, g[i], w)
		}
	}
}

// flatten is a result of graph as flat float64.
func flatten(v any) []float64 {
	switch v := v.(type) {
	case float32:
		return []float64{float64(v)}
	case float64:
		return []float64{v}
	case []float32:
		out := make([]float64, len(v))
		for i, x := range v {
			out[i] = float64(x)
		}
		return out
	case []float64:
		return slices.Clone(v)
	}
	panic(fmt.Sprintf("a %T", v))
}

// flat is a value as one axis, so that tests can read it.
func flat(f *function, v compute.Value) compute.Value {
	return must(f.Reshape(v, v.(*node).size()))
}

// TestNothingToDo: operations that change nothing give their operand.
func TestNothingToDo(t *testing.T) {
	f := newBuilder(open(t, "workers=0"), "c").main
	x := must(f.Parameter("x", shapes.Make(f32, 2, 1, 3), nil))
	for name, y := range map[string]compute.Value{
		"identity":    must(f.Identity(x)),
		"reshape":     must(f.Reshape(must(f.Reshape(x, 3, 2)), 2, 1, 3)),
		"transpose":   must(f.Transpose(x, 0, 1, 2)),
		"broadcast":   must(f.BroadcastInDim(x, shapes.Make(f32, 2, 1, 3), []int{0, 1, 2})),
		"slice":       must(f.Slice(x, []int{0, 0, 0}, []int{2, 1, 3}, nil)),
		"reverse":     must(f.Reverse(x, 1)),
		"pad":         must(f.Pad(x, must(f.Constant([]float32{0})))),
		"concatenate": must(f.Concatenate(0, x)),
		"convert":     must(f.ConvertDType(x, f32)),
		"bitcast":     must(f.Bitcast(x, f32)),
		"real":        must(f.Real(x)),
		"barrier":     must(f.SchedulingBarrier(x, must(f.Exp(x)))),
		"barriers":    must(f.OptimizationBarrier(must(f.Exp(x)), x))[1],
		"reduce":      must(f.Reshape(must(f.ReduceSum(x, 1)), 2, 1, 3)),
		"dynamic": must(f.DynamicReshape(must(f.Reshape(x, 6)), compute.DynamicDimensionSpec{Name: "n", Value: must(f.DynamicDimensionSize(x, 0))},
			compute.DynamicDimensionSpec{Static: 1}, compute.DynamicDimensionSpec{Name: "rest"})),
	} {
		if y != x {
			t.Errorf("%s: %s is a new node", name, y)
		}
	}
	if must(f.Add(x, x)) != must(f.Add(x, x)) || must(f.Constant([]float32{7})) != must(f.Constant([]float32{7})) {
		t.Error("equal nodes are made twice")
	}
}

// TestFarConvolution: what no array is long enough for is refused, and what memory does
// not hold.
func TestFarConvolution(t *testing.T) {
	b := open(t, "")
	for pad, want := range map[int]string{
		math.MaxInt / 4: "ConvGeneral of (Float32)[1, 5, 5, 8]: a stride, dilation or padding of spatial axis 0 is larger than any array",
		1 << 38:         "out of memory",
	} {
		nb := b.Builder("far")
		f := nb.Main().(*function)
		x := must(f.Parameter("x", shapes.Make(dtypes.Float32, 1, 5, 5, 8), nil))
		w := must(f.Parameter("w", shapes.Make(dtypes.Float32, 3, 3, 8, 8), nil))
		y, err := f.ConvGeneral(x, w, axesOf("nhwc", "hwio", "nhwc"), []int{pad, pad}, [][2]int{{pad, pad}, {pad, pad}}, nil, nil, 1, 1)
		if err == nil {
			if err = f.Return([]compute.Value{y}, nil); err == nil {
				_, err = nb.Compile()
			}
		}
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestManyAxes: arrays have up to 16 axes, more are refused by name.
func TestManyAxes(t *testing.T) {
	b := open(t, "")
	dims, perm, odd := make([]int, maxRank), make([]int, maxRank), []int(nil)
	for i := range dims {
		dims[i], perm[i] = 2-i%2, maxRank-1-i // 2 and 1 by turns
		if i%4 == 0 {
			odd = append(odd, i)
		}
	}
	x := compiled(t, b, func(f *function) []compute.Value {
		p := must(f.Parameter("x", shapes.Make(dtypes.Float32, 256), nil))
		y := must(f.Transpose(must(f.Reshape(p, dims...)), perm...))
		return []compute.Value{must(f.ReduceSum(must(f.Reverse(must(f.Transpose(y, perm...)), 0, 4)), odd...))}
	})
	got := floats(must(x.Execute([]compute.Buffer{buffer(t, b, noise(256, 1), 256)}, nil, 0))[0])
	want := make([]float64, 16)
	for i, v := range noise(256, 1) { // axes of two, from the first: summed and kept by turns
		want[i>>6&1<<3|i>>4&1<<2|i>>2&1<<1|i&1] += float64(v)
	}
	near(t, "sums", got, want, 1e-5)

	f := b.Builder("many").Main()
	p := must(f.Parameter("x", shapes.Make(dtypes.Float32, 256), nil))
	_, err := f.Reshape(p, append(dims, 1)...)
	if want := `Reshape: shape (Float32)[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1] has 17 axes, engine "cpu" takes 16`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
