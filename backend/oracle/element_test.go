package oracle

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
)

type binaryCase struct {
	name string
	f    binaryMethod
	x, y array
	want string
}

// TestBinary has operations of two operands by hand; ? is what engines may differ in.
func TestBinary(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	type F = compute.Function
	for _, c := range []binaryCase{
		{"row", F.Add, matrixOf(2, 1., 2, 3, 4), matrixOf(1, 10., 20), "11 22 13 24"},
		{"column", F.Sub, matrixOf(2, 1., 2, 3, 4), matrixOf(2, 1., 2), "0 1 1 2"},
		{"scalar", F.Mul, scalar(2.), vector(1.5, -3.), "3 -6"},
		{"div", F.Div, vector(1., -1, 0, 6, inf), vector(0., 0, 0, 3, 2), "+Inf -Inf NaN 2 +Inf"},
		{"rem", F.Rem, vector(7., -7, 5, 1, inf), vector(3., 3, inf, 0, 2), "1 -1 5 NaN NaN"},
		{"pow", F.Pow, vector(2., 9, 0, -8, nan), vector(10., 0.5, -1, 1./3, 0), "1024 3 +Inf NaN 1"},
		{"max", F.Max, vector(1., nan, -inf), vector(2., 3, -inf), "2 NaN -Inf"},
		{"min", F.Min, vector(1., 3), vector(2., nan), "1 NaN"},
		{"atan2", F.Atan2, vector(0., 1), vector(1., 0), "0 1.57079633"},
		{"less", F.LessThan, vector(1., 2, nan), vector(2., 2, 1), "true false false"},
		{"not equal", F.NotEqual, vector(1., nan), vector(1., nan), "false true"},
		{"total", F.GreaterOrEqualTotalOrder, vector(0., math.Copysign(0, -1), 1), vector(math.Copysign(0, -1), 0, 1), "true false true"},
		{"not total", F.NotEqualTotalOrder, vector(0., 1, nan), vector(math.Copysign(0, -1), 1, 1), "true false ?"},
		{"wrap", F.Add, vector[int8](127, -128), vector[int8](1, -1), "-128 127"},
		{"unsigned", F.Sub, vector[uint8](0, 200), vector[uint8](1, 100), "255 100"},
		{"int div", F.Div, vector[int32](7, -7, 1, math.MinInt32), vector[int32](2, 2, 0, -1), "3 -3 ? ?"},
		{"int rem", F.Rem, vector[int32](7, -7), vector[int32](3, 3), "1 -1"},
		{"uint div", F.Div, vector[uint64](math.MaxUint64), vector[uint64](2), "9223372036854775807"},
		{"int pow", F.Pow, vector[int32](3, 2, 5), vector[int32](4, 31, -1), "81 -2147483648 ?"},
		{"uint max", F.Max, vector[uint64](1<<63, 1), vector[uint64](1, 2), "9223372036854775808 2"},
		{"and", F.BitwiseAnd, vector[uint8](12), vector[uint8](10), "8"},
		{"or", F.BitwiseOr, vector[uint8](12), vector[uint8](10), "14"},
		{"xor", F.BitwiseXor, vector[int8](-1), vector[int8](5), "-6"},
		{"left", F.ShiftLeft, vector[int8](1, 64, 1, 1), vector[int8](3, 1, 8, -1), "8 -128 ? ?"},
		{"logical", F.ShiftRightLogical, vector[int8](-1), vector[int8](1), "127"},
		{"arithmetic", F.ShiftRightArithmetic, vector[int8](-8), vector[int8](1), "-4"},
		{"top bit", F.ShiftRightArithmetic, vector[uint8](8, 128), vector[uint8](1, 1), "4 ?"},
		{"both", F.LogicalAnd, vector(true, true), vector(true, false), "true false"},
		{"either", F.LogicalXor, vector(true, true), vector(true, false), "false true"},
		{"complex", F.Complex, vector[float32](1), vector[float32](-2), "(1-2i)"},
		{"times", F.Mul, vector[complex64](1 + 2i), vector[complex64](3 - 1i), "(5+5i)"},
		{"by", F.Div, vector[complex128](5 + 5i), vector[complex128](3 - 1i), "(1+2i)"},
		{"other", F.NotEqual, vector[complex64](1+2i, 1i), vector[complex64](1+2i, 1), "false true"},
	} {
		out := compute1(t, only(func(f *Function, in []compute.Value) (compute.Value, error) { return c.f(f, in[0], in[1]) }), c.x, c.y)
		if got := show(out[0]); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestUnary has operations of one operand by hand.
func TestUnary(t *testing.T) {
	nan, inf, negative := math.NaN(), math.Inf(1), math.Copysign(0, -1)
	type F = compute.Function
	for _, c := range []struct {
		name string
		f    unaryMethod
		x    array
		want string
	}{
		{"neg", F.Neg, vector(1., 0), "-1 -0"},
		{"abs", F.Abs, vector(-1., negative, nan), "1 0 NaN"},
		{"sign", F.Sign, vector(-3., negative, 2, nan), "-1 -0 1 NaN"},
		{"round", F.Round, vector(0.5, 1.5, -2.5, 2.6), "0 2 -2 3"},
		{"floor", F.Floor, vector(-0.5, 1.5), "-1 1"},
		{"ceil", F.Ceil, vector(-0.5, 1.5), "-0 2"},
		{"sqrt", F.Sqrt, vector(9., -1, negative, inf), "3 NaN -0 +Inf"},
		{"rsqrt", F.Rsqrt, vector(4., 0, -1), "0.5 +Inf NaN"},
		{"exp", F.Exp, vector(0., 1, -inf), "1 2.71828183 0"},
		{"expm1", F.Expm1, vector(1e-10), "1e-10"},
		{"log", F.Log, vector(1., 0, -1), "0 -Inf NaN"},
		{"log1p", F.Log1p, vector(-1.), "-Inf"},
		{"logistic", F.Logistic, vector(0., -800, 800), "0.5 0 1"},
		{"tanh", F.Tanh, vector(0.5), "0.462117157"},
		{"erf", F.Erf, vector(0.5), "0.520499878"},
		{"sin", F.Sin, vector(negative, 1, 1e9, inf), "-0 0.841470985 ? NaN"},
		{"cos", F.Cos, vector(0.), "1"},
		{"finite", F.IsFinite, vector(1., inf, nan), "true false false"},
		{"nan", F.IsNaN, vector(1., inf, nan), "false false true"},
		{"not", F.LogicalNot, vector(true, false), "false true"},
		{"bits", F.BitwiseNot, vector[uint8](5), "250"},
		{"count", F.BitCount, vector[int8](-1, 5), "8 2"},
		{"zeros", F.Clz, vector[int16](1, 0, -1), "15 16 0"},
		{"least", F.Abs, vector[int8](-128, -5), "-128 5"},
		{"way", F.Sign, vector[int32](-9, 0, 4), "-1 0 1"},
		{"conjugate", F.Conj, vector[complex64](1 + 2i), "(1-2i)"},
		{"modulus", F.Abs, vector[complex64](3 + 4i), "5"},
		{"imaginary", F.Imag, vector[complex64](3 + 4i), "4"},
		{"euler", F.Exp, vector(complex(0, math.Pi/2)), "(6.123234e-17+1i)"},
		{"root", F.Sqrt, vector(3 + 4i), "(2+1i)"},
	} {
		out := compute1(t, only(func(f *Function, in []compute.Value) (compute.Value, error) { return c.f(f, in[0]) }), c.x)
		if got := show(out[0]); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestChoose has conversions and choices by hand.
func TestChoose(t *testing.T) {
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		x, n, b := in[0], in[1], in[2]
		return []compute.Value{
			must(f.ConvertDType(x, dtypes.Int8)), must(f.ConvertDType(x, dtypes.Bool)), must(f.ConvertDType(x, dtypes.Float16)),
			must(f.ConvertDType(n, dtypes.Uint8)), must(f.ConvertDType(n, dtypes.Float32)), must(f.ConvertDType(b, dtypes.Int32)),
			must(f.Bitcast(n, dtypes.Float32)), must(f.Bitcast(n, dtypes.Uint16)),
			must(f.Where(b, x, must(f.Constant([]float32{7})))),
			must(f.Clamp(must(f.Constant([]float32{-1})), x, must(f.Constant([]float32{2})))),
			must(f.Iota(shapes.Make(dtypes.Float32, 2, 2), 0)),
		}
	}, vector[float32](-2.7, 0.1, 300), vector[int32](-1, 1065353216, 3), vector(true, false, true))
	for i, want := range []string{
		"-2 0 ?", "true true true", "-2.69921875 0.0999755859 300", "255 0 3", "-1 1.06535322e09 3", "1 0 1",
		"NaN 1 4.20389539e-45", "65535 65535 0 16256 3 0", "-2.70000005 7 300", "-1 0.100000001 2", "0 0 1 1",
	} {
		if got := show(out[i]); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

// TestUnsure: what lies within the error is not decided, what cannot is.
func TestUnsure(t *testing.T) {
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		x := must(f.Exp(in[0])) // e, 1, 1/e with errors, but for the 1
		e := must(f.Constant([]float32{math.E}))
		copied := must(f.Reshape(must(f.Reshape(x, 3, 1)), 3))
		third := must(f.Div(x, must(f.Constant([]float32{3}))))
		less := must(f.LessThan(x, e))
		return []compute.Value{
			less, must(f.LessThan(x, must(f.Constant([]float32{2})))), // e may be below its rounding
			must(f.Equal(x, copied)), must(f.Equal(x, must(f.ReduceMax(x)))),
			must(f.Sub(x, copied)),
			must(f.ConvertDType(must(f.Mul(third, must(f.Constant([]float32{3})))), dtypes.Int32)),
			must(f.Floor(must(f.Log(x)))),
			must(f.Where(less, x, must(f.Constant([]float32{7})))),
			must(f.LogicalAnd(less, must(f.Constant([]bool{false})))),
			must(f.ArgMinMax(x, 0, dtypes.Int32, false)),
			must(f.Div(e, must(f.Sub(x, e)))),
			must(f.Mul(x, must(f.Constant([]float32{float32(math.Inf(1))})))),
		}
	}, vector[float32](1, 0, -1))
	for i, want := range []string{
		"? true true", "false true true", "true true true", "true false false", "0 0 0", "2 ? 0", "? ? ?",
		"? 1 0.367879441", "false false false", "0", "? -1.58197673 -1.15651765", "+Inf +Inf +Inf",
	} {
		if got := show(out[i]); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

// TestOverflow: engines may hold 16 bits wider, float32 not.
func TestOverflow(t *testing.T) {
	big := only(func(f *Function, in []compute.Value) (compute.Value, error) { return f.Exp(in[0]) })
	if got := show(compute1(t, big, vector[float32](100, 50))[0]); got != "+Inf 5.18470553e21" {
		t.Errorf("float32: %s", got)
	}
	if got := show(compute1(t, big, vector(float16.FromFloat32(20), float16.FromFloat32(2)))[0]); got != "? 7.3890561" {
		t.Errorf("float16: %s", got)
	}
}

// TestBounds computes in float32 what the oracle computes in float64: the difference is
// within the bound, and the bound is a few units in the last place.
func TestBounds(t *testing.T) {
	x := make([]float32, 300)
	for i := range x {
		x[i] = float32(i%17)/7 - 1 + float32(i)/1000
	}
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		y := must(f.Exp(in[0]))
		z := must(f.Mul(y, must(f.Add(in[0], y))))
		return []compute.Value{y, z, must(f.ReduceSum(z))}
	}, vector(x...))
	y, z := make([]float32, len(x)), make([]float32, len(x))
	up, down := float32(0), float32(0)
	for i, v := range x {
		y[i] = float32(math.Exp(float64(v)))
		z[i] = y[i] * (v + y[i])
		up += z[i]
	}
	for i := range z {
		down += z[len(z)-1-i]
	}
	for i, got := range []any{y, z, []float32{up}} {
		if err := out[i].Compare(got); err != nil {
			t.Errorf("output %d: %v", i, err)
		}
	}
	if err := out[2].Compare([]float32{down}); err != nil || up == down {
		t.Errorf("sums %v and %v: %v", up, down, err)
	}
	for i, most := range []float64{6, 30} {
		for k, s := range out[i].Data {
			if bound := most * 0x1p-24 * (math.Abs(s.Re) + 1); s.Err > bound {
				t.Errorf("output %d, element %d: bound %g of %g, want at most %g", i, k, s.Err, s.Re, bound)
			}
		}
	}
}

// TestIntegersStayExact: sums and products of small integers have no error in floats.
func TestIntegersStayExact(t *testing.T) {
	out := compute1(t, func(f *Function, in []compute.Value) []compute.Value {
		return []compute.Value{
			must(f.Mul(must(f.Add(in[0], in[0])), in[0])), must(f.ReduceSum(in[0])),
			must(f.DotGeneral(in[0], []int{0}, nil, in[0], []int{0}, nil, compute.DotGeneralConfig{})),
		}
	}, vector[float32](3, 4, -5))
	for i, want := range []string{"18 32 50", "2", "50"} {
		if got := show(out[i]); got != want || !out[i].Data[0].Exact() {
			t.Errorf("%d: %s, want %s without error", i, out[i], want)
		}
	}
}
