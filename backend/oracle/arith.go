package oracle

import (
	"math"

	"github.com/gomlx/compute"
)

// ulps states how far an engine's function may be from the true value, in units
// of the last place of its dtype: of the result, for Sin and Cos of min(|x|, 1) and 1.
// What is not listed is to be rounded correctly: half a unit.
var ulps = map[compute.OpType]float64{
	compute.OpTypeDiv:      1,
	compute.OpTypeSqrt:     1,
	compute.OpTypeRsqrt:    2,
	compute.OpTypeExp:      2,
	compute.OpTypeExpm1:    3,
	compute.OpTypeLog:      2,
	compute.OpTypeLog1p:    3,
	compute.OpTypeLogistic: 3,
	compute.OpTypeTanh:     3,
	compute.OpTypeErf:      3,
	compute.OpTypeSin:      2,
	compute.OpTypeCos:      2,
	compute.OpTypeAtan2:    4,
	compute.OpTypePow:      4, // and |y ln x|: exp(y ln x) magnifies the error of the logarithm
	compute.OpTypeRem:      1, // of the dividend
}

// roundings is the allowance of an operation in unit roundoffs.
func roundings(op compute.OpType) float64 {
	if n, ok := ulps[op]; ok {
		return 2 * n
	}
	return 1
}

// arith computes with Scalars that hold floats. Each operation carries the error
// of its operands on and adds the roundings that an engine may make in the format.
type arith struct {
	format
	tags *uint32
}

func (a *arith) tag() uint32 {
	*a.tags++
	return *a.tags
}

// value is a computed number without error.
func (a *arith) value(y float64) Scalar { return Scalar{Re: y, tag: a.tag()} }

// constant is a number that engines round to the format.
func (a *arith) constant(y float64) Scalar {
	return Scalar{Re: y, Err: math.Abs(y - a.round(y)), tag: a.tag()}
}

// done is the result y of an operation whose operands' errors amount to in, after
// n roundings. What may exceed the format is unsure: an engine that keeps a wider
// intermediate value does not overflow.
func (a *arith) done(y, in, n float64) Scalar {
	s := a.value(y)
	s.Err = in + n*a.u*(math.Abs(y)+in)
	if n > 0 {
		s.Err += a.least / 2
	}
	if !(math.Abs(y)+s.Err <= a.max) {
		return unsure
	}
	return s
}

// sharp is done for operations that nothing is fused with: certain overflow is
// infinite. The 16-bit floats are held wider by many engines and stay unsure.
func (a *arith) sharp(y, in, n float64) Scalar {
	s := a.done(y, in, n)
	if s.Unsure && a.bits >= 24 && math.Abs(y)*(1-n*a.u)-in > a.max*(1+2*a.u) {
		return a.value(math.Inf(int(math.Copysign(1, y))))
	}
	return s
}

func (a *arith) neg(x Scalar) Scalar {
	x.Re, x.Im, x.tag = -x.Re, -x.Im, a.tag()
	return x
}

func (a *arith) abs(x Scalar) Scalar {
	x.Re, x.tag, x.anyZero = math.Abs(x.Re), a.tag(), false
	return x
}

func (a *arith) add(x, y Scalar) Scalar {
	if x.Unsure || y.Unsure {
		return unsure
	}
	z := x.Re + y.Re
	if !x.finite() || !y.finite() {
		return a.value(z)
	}
	if x.Err == 0 && y.Err == 0 && sumIsExact(x.Re, y.Re, z) && a.round(z) == z {
		s := a.value(z)
		// Engines may leave out what adds zero, also where that is +0 and the other -0.
		open := x.Re == 0 && y.Re == 0 && math.Signbit(x.Re) != math.Signbit(y.Re)
		s.anyZero = z == 0 && (x.anyZero || y.anyZero || open)
		return s
	}
	return a.done(z, x.Err+y.Err, 1)
}

// residual is a product of float64 from which on what rounding takes away is a number, too.
const residual = 0x1p-960

// sumIsExact reports whether z = x+y was not rounded (Knuth's two-sum).
func sumIsExact(x, y, z float64) bool {
	v := z - x
	return (x-(z-v))+(y-v) == 0
}

func (a *arith) sub(x, y Scalar) Scalar {
	if x.tag != 0 && x.tag == y.tag && !x.Unsure && x.finite() {
		return a.value(0)
	}
	return a.add(x, a.neg(y))
}

func (a *arith) mul(x, y Scalar) Scalar {
	if x.Unsure || y.Unsure {
		return unsure
	}
	z := x.Re * y.Re
	if !x.finite() || !y.finite() {
		if math.IsNaN(x.Re) || math.IsNaN(y.Re) || !x.mayVanish() && !y.mayVanish() {
			return a.value(z)
		}
		return unsure // infinity times what may be zero
	}
	zero := x.Exact() && x.Re == 0 || y.Exact() && y.Re == 0
	if zero || x.Err == 0 && y.Err == 0 && math.FMA(x.Re, y.Re, -z) == 0 && math.Abs(z) > residual && a.round(z) == z {
		s := a.value(z)
		s.anyZero = zero && (x.signless() || y.signless())
		return s
	}
	return a.done(z, math.Abs(x.Re)*y.Err+math.Abs(y.Re)*x.Err+x.Err*y.Err, 1)
}

func (a *arith) div(x, y Scalar) Scalar {
	z := x.Re / y.Re
	switch {
	case x.Unsure || y.Unsure:
		return unsure
	case math.IsNaN(x.Re) || math.IsNaN(y.Re):
		return a.value(math.NaN())
	case y.mayVanish():
		return unsure
	case y.Re == 0 && (x.mayVanish() || x.Re != 0 && y.anyZero):
		return unsure
	case math.IsInf(x.Re, 0) || math.IsInf(y.Re, 0) || y.Re == 0:
		s := a.value(z)
		s.anyZero = z == 0
		return s
	case x.Err == 0 && y.Err == 0 && math.FMA(z, y.Re, -x.Re) == 0 && a.round(z) == z:
		s := a.value(z)
		s.anyZero = z == 0 && x.anyZero
		return s
	}
	in := (x.Err + math.Abs(z)*y.Err) / (math.Abs(y.Re) - y.Err)
	return a.sharp(z, in, roundings(compute.OpTypeDiv))
}

// monotone applies a function that only rises or only falls: the ends of the
// operand's interval bound the result.
func (a *arith) monotone(op compute.OpType, f func(float64) float64, x Scalar) Scalar {
	if x.Unsure {
		return unsure
	}
	y := f(x.Re)
	if x.Err > 0 {
		low, high := f(x.Re-x.Err), f(x.Re+x.Err)
		if math.IsNaN(y) && math.IsNaN(low) && math.IsNaN(high) {
			return a.value(y)
		}
		in := math.Max(math.Abs(low-y), math.Abs(high-y))
		if math.IsNaN(in) || math.IsInf(in, 0) {
			return unsure
		}
		return a.function(y, in, roundings(op))
	}
	switch {
	case math.IsInf(y, 0) && x.anyZero && f(math.Copysign(0, -1)) != f(0):
		return unsure
	case math.IsNaN(y) || math.IsInf(y, 0) || x.Re == 0 && y == 1:
		return a.value(y)
	case x.Re == 0 && y == 0, op == compute.OpTypeSqrt && y*y == x.Re && a.round(y) == y:
		s := a.value(y) // exact: f(0) = 0, and roots of squares
		s.anyZero = x.anyZero
		return s
	}
	return a.function(y, 0, roundings(op))
}

// function is sharp for elementary functions, whose results may be flushed to zero.
func (a *arith) function(y, in, n float64) Scalar {
	if math.Abs(y) <= 2*a.flush {
		in += a.flush
	}
	return a.sharp(y, in, n)
}

func (a *arith) exp(x Scalar) Scalar { return a.monotone(compute.OpTypeExp, math.Exp, x) }

func (a *arith) sqrt(x Scalar) Scalar { return a.monotone(compute.OpTypeSqrt, math.Sqrt, x) }

func (a *arith) tanh(x Scalar) Scalar { return a.monotone(compute.OpTypeTanh, math.Tanh, x) }

func (a *arith) erf(x Scalar) Scalar { return a.monotone(compute.OpTypeErf, math.Erf, x) }

func (a *arith) logistic(x Scalar) Scalar {
	return a.monotone(compute.OpTypeLogistic, logistic, x)
}

func rsqrt(x float64) float64 { return 1 / math.Sqrt(x) }

func logistic(x float64) float64 {
	if x < 0 { // exp(-x) would overflow before the quotient vanishes
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

// wave applies sine or cosine.
func (a *arith) wave(op compute.OpType, f func(float64) float64, x Scalar) Scalar {
	const reducible = 8192 // beyond, the reduction to one period is nobody's promise
	switch {
	case x.Unsure || x.finite() && math.Abs(x.Re) > reducible:
		return unsure
	case !x.finite():
		return a.value(math.NaN())
	case x.Exact() && x.Re == 0:
		s := a.value(f(x.Re)) // sin keeps the sign of zero
		s.anyZero = x.anyZero
		return s
	}
	unit := 1.0
	if op == compute.OpTypeSin {
		unit = math.Min(1, math.Abs(x.Re)+x.Err)
	}
	return a.done(f(x.Re), math.Min(x.Err, 2)+roundings(op)*a.u*unit, 0)
}

// order compares two numbers: -1, 0 or 1. It is not known if their intervals
// overlap, unless they are copies of one value. Neither may be NaN.
func order(x, y Scalar) (sign int, known bool) {
	switch {
	case x.Unsure || y.Unsure:
		return 0, false
	case x.tag != 0 && x.tag == y.tag:
		return 0, true
	case x.Re == y.Re:
		return 0, x.Err == 0 && y.Err == 0
	case math.Abs(x.Re-y.Re) <= x.Err+y.Err:
		return 0, false
	case x.Re < y.Re:
		return -1, true
	}
	return 1, true
}

// extreme is the greater of two numbers for sign 1, the smaller for -1. NaN wins.
func (a *arith) extreme(x, y Scalar, sign int) Scalar {
	switch {
	case x.Unsure || y.Unsure:
		return unsure
	case math.IsNaN(x.Re) || math.IsNaN(y.Re):
		return a.value(math.NaN())
	}
	o, known := order(x, y)
	switch {
	case known && o == 0 && x.Re == 0:
		x.anyZero = x.anyZero || y.anyZero || math.Signbit(x.Re) != math.Signbit(y.Re)
		if x.tag != y.tag {
			x.tag = a.tag() // it may be the other one: x less this is zero of either sign
		}
		return x
	case known && o*sign >= 0:
		return x
	case known:
		return y
	}
	best := func(p, q float64) float64 {
		if sign > 0 {
			return math.Max(p, q)
		}
		return math.Min(p, q)
	}
	s := a.value(best(x.Re, y.Re))
	low, high := best(x.Re-x.Err, y.Re-y.Err), best(x.Re+x.Err, y.Re+y.Err)
	s.Err = math.Max(s.Re-low, high-s.Re)
	return s
}
