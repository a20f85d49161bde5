package oracle

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// An array is an operand of a test: a flat slice and its dimensions.
type array struct {
	flat any
	dims []int
}

func vector[T any](x ...T) array { return array{x, []int{len(x)}} }

func scalar[T any](x T) array { return array{[]T{x}, nil} }

func matrixOf[T any](rows int, x ...T) array { return array{x, []int{rows, len(x) / rows}} }

func (a array) tensor(t testing.TB) *Tensor {
	t.Helper()
	d, err := dtypeOf(a.flat)
	if err != nil {
		t.Fatal(err)
	}
	x, err := FromFlat(a.flat, shapes.Make(d, a.dims...))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// must turns the error of a method into a panic, which record hands to the test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type build = func(f *Function, in []compute.Value) []compute.Value

// record makes a program.
func record(t testing.TB, b build, inputs ...array) (*Program, []*Tensor) {
	t.Helper()
	builder := New(Options{}).Builder("test")
	f := builder.Main().(*Function)
	var in []compute.Value
	var data []*Tensor
	for i, a := range inputs {
		x := a.tensor(t)
		in, data = append(in, must(f.Parameter(fmt.Sprint("x", i), x.Shape, nil))), append(data, x)
	}
	if err := f.Return(b(f, in), nil); err != nil {
		t.Fatal(err)
	}
	x, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return x.(*Executable).Program, data
}

func compute1(t testing.TB, b build, inputs ...array) []*Tensor {
	t.Helper()
	p, data := record(t, b, inputs...)
	out, err := p.Run(data...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// one output of a method.
func only(b func(f *Function, in []compute.Value) (compute.Value, error)) build {
	return func(f *Function, in []compute.Value) []compute.Value { return []compute.Value{must(b(f, in))} }
}

// show writes values without their bounds; ? is unsure.
func show(x *Tensor) string {
	var text []string
	for _, s := range x.Data {
		s.Err = 0
		text = append(text, strings.Replace(s.text(x.dtype()), "e+", "e", 1))
	}
	return strings.Join(text, " ")
}

// TestFormats rounds to 16 bits as the packages of these formats do, and reads and writes
// every number of them.
func TestFormats(t *testing.T) {
	for bits := range 1 << 16 {
		for _, d := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16} {
			s := decode(d, [2]uint64{uint64(bits)})
			if back := encode(d, s)[0]; back != uint64(bits) && !math.IsNaN(s.Re) {
				t.Fatalf("%s %#x is read as %v and written as %#x", d, bits, s.Re, back)
			}
		}
	}
	half, brain := formats[dtypes.Float16], formats[dtypes.BFloat16]
	for i := range 200000 {
		x := math.Float32frombits(uint32(i)*21397 + 77)
		if x != x {
			continue
		}
		if r := half.round(float64(x)); math.Abs(r) > 0x1p-14 { // float16 has zeros for denormals
			if want := float64(float16.FromFloat32(x).Float32()); r != want {
				t.Fatalf("float16 of %v is %v, want %v", x, r, want)
			}
		}
		if got, want := brain.round(float64(x)), float64(bfloat16.FromFloat32(x).Float32()); got != want {
			t.Fatalf("bfloat16 of %v is %v, want %v", x, got, want)
		}
	}
}

// TestFlat reads and writes all types, packed ones too.
func TestFlat(t *testing.T) {
	for _, flat := range []any{
		[]bool{true, false, true}, []int8{-1, 2}, []uint8{255, 1}, []int16{-300}, []uint16{60000}, []int32{-1 << 31},
		[]uint32{1 << 31}, []int64{math.MinInt64}, []uint64{math.MaxUint64}, []float32{1.5, -0.25}, []float64{math.Pi},
		[]complex64{1 + 2i}, []complex128{-3i}, []float16.Float16{float16.FromFloat32(2.5)}, []bfloat16.BFloat16{bfloat16.FromFloat32(-8)},
	} {
		x := array{flat, []int{reflect.ValueOf(flat).Len()}}.tensor(t)
		if back := x.Flat(); !reflect.DeepEqual(back, flat) {
			t.Errorf("%T: %v, want %v", flat, back, flat)
		}
		if err := x.Compare(flat); err != nil {
			t.Errorf("%T differs from itself: %v", flat, err)
		}
	}
	x, err := FromFlat([]uint8{0x21, 0x4f}, shapes.Make(dtypes.Int4, 4))
	if err != nil || show(x) != "1 2 -1 4" {
		t.Errorf("packed: %s, %v", x, err)
	}
	if _, err := FromFlat([]float32{1}, shapes.Make(dtypes.Float32, 2)); err == nil {
		t.Error("one element for two is no error")
	}
	if _, err := FromFlat(7, shapes.Make(dtypes.Int64)); err == nil {
		t.Error("a number is no slice, and no error")
	}
}

// TestCompare holds elements against bounds.
func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		want Scalar
		got  float64
		ok   bool
	}{
		{Scalar{Re: 1}, 1, true},
		{Scalar{Re: 1}, 1.0000001, false},
		{Scalar{Re: 1, Err: 0.5}, 1.5, true},
		{Scalar{Re: 1, Err: 0.5}, 1.6, false},
		{Scalar{Re: 1, Err: 0.5}, nan, false},
		{Scalar{Re: 1, Err: 0.5}, inf, false},
		{Scalar{Re: nan}, nan, true},
		{Scalar{Re: nan}, 0, false},
		{Scalar{Re: inf}, inf, true},
		{Scalar{Re: inf}, -inf, false},
		{Scalar{Re: inf}, math.MaxFloat32, false},
		{Scalar{Re: 0}, math.Copysign(0, -1), false},
		{Scalar{Re: 0, anyZero: true}, math.Copysign(0, -1), true},
		{Scalar{Re: 0, Err: 1e-40}, math.Copysign(0, -1), true},
		{unsure, nan, true},
		{unsure, 7, true},
	} {
		x := &Tensor{shapes.Make(dtypes.Float64, 1), []Scalar{c.want}}
		if err := x.Compare([]float64{c.got}); (err == nil) != c.ok {
			t.Errorf("%v against %+v: %v", c.got, c.want, err)
		}
	}
	z := &Tensor{shapes.Make(dtypes.Complex128, 1), []Scalar{{Re: 3, Im: 4, Err: 0.1}}}
	if z.Compare([]complex128{3.05 + 4.05i}) != nil || z.Compare([]complex128{3.1 + 4.1i}) == nil {
		t.Error("complex numbers are not compared by their distance")
	}
	two := vector[int32](1, 2, 3).tensor(t)
	err := two.Compare([]int32{1, 5, 6})
	if want := "element 1 is 5, want 2 (2 elements differ)"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDecided(t *testing.T) {
	x := &Tensor{shapes.Make(dtypes.Float32, 4), []Scalar{{Re: 10}, {Re: 0.1, Err: 0.05}, {Re: 1, Err: 5}, unsure}}
	if n := x.Decided(); n != 2 {
		t.Errorf("%d elements are decided, want 2", n)
	}
}

// TestBackend runs a graph of GoMLX, with a gradient, as any engine does.
func TestBackend(t *testing.T) {
	backend := New(Options{})
	exec, err := graph.NewExec(backend, func(x *graph.Node) (*graph.Node, *graph.Node) {
		y := graph.ReduceAllSum(graph.Mul(x, graph.Square(x)))
		return y, graph.Gradient(y, x)[0]
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call([]float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if y, dx := out[0].Value(), out[1].Value(); y != float32(9) || !reflect.DeepEqual(dx, []float32{3, 12}) {
		t.Errorf("x³ at 1 and 2 is %v, its gradient %v", y, dx)
	}
	if _, _, err := backend.NewSharedBuffer(0, shapes.Make(dtypes.Int8)); !compute.IsNotImplemented(err) {
		t.Errorf("shared buffer: %v", err)
	}
}

// TestErrors: what is no graph is an error, not a panic.
func TestErrors(t *testing.T) {
	b := New(Options{}).Builder("test")
	f := b.Main().(*Function)
	x := must(f.Parameter("x", shapes.Make(dtypes.Float32, 2, 3), nil))
	other := must(New(Options{}).Builder("other").Main().Parameter("x", shapes.Make(dtypes.Float32, 2, 3), nil))
	for name, err := range map[string]error{
		"foreign":   second(f.Add(x, other)),
		"nil":       second(f.Neg(nil)),
		"shapes":    second(f.Add(x, must(f.Constant([]float32{1, 2}, 2)))),
		"empty":     second(f.Add(must(f.Constant([]float32{1, 2}, 2, 1)), must(f.Constant([]float32{}, 2, 0)))),
		"dtypes":    second(f.Add(x, must(f.Constant([]int32{1})))),
		"logical":   second(f.LogicalNot(x)),
		"bitwise":   second(f.BitwiseNot(x)),
		"axis":      second(f.ReduceSum(x, 2)),
		"reverse":   second(f.Reverse(x, 5)),
		"slice":     second(f.Slice(x, []int{0, 0}, []int{2, 4}, nil)),
		"constant":  second(f.Constant("x")),
		"reduce":    second(f.ReduceLogicalAnd(x)),
		"softmax":   second(f.FusedSoftmax(x, 2)),
		"iota":      second(f.Iota(shapes.Make(dtypes.Bool, 2), 0)),
		"starts":    second(f.DynamicSlice(x, []compute.Value{x}, []int{1, 1})),
		"fft":       second(f.FFT(x, compute.FFTForward, []int{3})),
		"complex":   second(f.Complex(x, must(f.Constant([]float64{1})))),
		"allreduce": secondOf(f.AllReduce([]compute.Value{x}, compute.ReduceOpSum, nil)),
		"compile":   second(b.Compile()),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := f.Return([]compute.Value{x}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Neg(x); err == nil {
		t.Error("a function that has returned goes on")
	}
	hidden := New(Options{Unfused: true}).Builder("test").Main()
	y := must(hidden.Parameter("x", shapes.Make(dtypes.Float32, 2), nil))
	if _, err := hidden.FusedSoftmax(y, 0); !compute.IsNotImplemented(err) {
		t.Errorf("hidden softmax: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func secondOf[T any](_ T, err error) error { return err }
