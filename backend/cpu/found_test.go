package cpu

import (
	"reflect"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// These are computations, cut down, in which package fuzz found the engine wrong.

func wantOutput(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestTwoReaders: two steps read one product, and one of them took it over from the
// other, which was lost.
func TestTwoReaders(t *testing.T) {
	x, w := [][]float32{{1, 2, 3}, {4, 5, 6}}, [][]float32{{1, 1}, {1, 1}, {1, 1}}
	out := graph(t, open(t, ""), []any{x, w, [][]float32{{7, 8}, {9, 10}}}, func(f *function, in []compute.Value) []compute.Value {
		d := must(f.DotGeneral(in[0], []int{1}, nil, in[1], []int{0}, nil, compute.DotGeneralConfig{}))
		return []compute.Value{must(f.Neg(d)), must(f.Min(in[2], d))}
	})
	wantOutput(t, "negative", out[0], [][]float32{{-6, -6}, {-15, -15}})
	wantOutput(t, "minimum", out[1], [][]float32{{6, 6}, {9, 10}})
}

// TestEmpty: element-wise operations on arrays without elements, alone or after a product,
// had tiles without elements.
func TestEmpty(t *testing.T) {
	b := open(t, "")
	x := compiled(t, b, func(f *function) []compute.Value {
		x := must(f.Parameter("x", shapes.Make(f32, 0, 6), nil))
		w := must(f.Parameter("w", shapes.Make(f32, 6, 4), nil))
		y := must(f.DotGeneral(x, []int{1}, nil, w, []int{0}, nil, compute.DotGeneralConfig{}))
		return []compute.Value{must(f.Abs(x)), must(f.Tanh(y)), must(f.ReduceSum(y, 0))}
	})
	out, err := outputs(x, buffer(t, b, []float32{}, 0, 6), buffer(t, b, make([]float32, 24), 6, 4))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	wantOutput(t, "bytes", []int{len(out[0]), len(out[1]), len(out[2])}, []int{0, 0, 16})
}

// TestNotEqualTotalOrder: its result was of the type of its operands.
func TestNotEqualTotalOrder(t *testing.T) {
	out := graph(t, open(t, ""), []any{[]float32{1, 2}, []float32{1, 3}}, func(f *function, in []compute.Value) []compute.Value {
		return []compute.Value{must(f.NotEqualTotalOrder(in[0], in[1]))}
	})
	wantOutput(t, "result", out[0], []bool{false, true})
}

// TestScalarOperand: a loop took a scalar operand for as many elements as the other has;
// the race detector's check of pointers sees that.
func TestScalarOperand(t *testing.T) {
	ones := make([]float32, 700)
	for i := range ones {
		ones[i] = 1
	}
	out := graph(t, open(t, ""), []any{float32(1), ones}, func(f *function, in []compute.Value) []compute.Value {
		return []compute.Value{must(f.Atan2(in[0], in[1]))}
	})
	if got := out[0].([]float32)[699]; got < 0.785 || got > 0.786 {
		t.Errorf("atan2(1, 1) is %v", got)
	}
}

// TestNothingToSum: the panels of a product of empty sums pointed past their operand, which
// the race detector's check of pointers sees.
func TestNothingToSum(t *testing.T) {
	b := open(t, "")
	x := compiled(t, b, func(f *function) []compute.Value {
		x := must(f.Parameter("x", shapes.Make(f32, 70, 0), nil))
		w := must(f.Parameter("w", shapes.Make(f32, 0, 70), nil))
		return []compute.Value{must(f.DotGeneral(x, []int{1}, nil, w, []int{0}, nil, compute.DotGeneralConfig{}))}
	})
	out, err := outputs(x, buffer(t, b, []float32{}, 70, 0), buffer(t, b, []float32{}, 0, 70))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	wantOutput(t, "zeros", out[0], make([]byte, 4*70*70))
}
