package kernel

import (
	"math"
	"math/bits"
	"math/cmplx"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// The oracle is a switch over scalars in float64, int64 and complex128; every
// loop of every variant is held against it.

func truth(b bool) datum {
	if b {
		return datum{i: 1}
	}
	return datum{}
}

func oracle1(op compute.OpType, x datum, t dtypes.DType) (datum, bool) {
	if op == compute.OpTypeIdentity {
		return x, true
	}
	switch {
	case t == dtypes.Bool:
		return truth(x.i == 0), op == compute.OpTypeLogicalNot
	case t.IsFloat():
		return oracleFloat1(op, x.f)
	case t.IsComplex():
		return oracleComplex1(op, x.c)
	}
	r, ok := oracleInt1(op, x.i, t)
	return datum{i: wrap(r, t)}, ok
}

func oracleInt1(op compute.OpType, x int64, t dtypes.DType) (int64, bool) {
	low := uint64(x)
	if w := 8 * t.Size(); w < 64 {
		low &= 1<<w - 1
	}
	switch op {
	case compute.OpTypeAbs:
		if x < 0 && !t.IsUnsigned() {
			x = -x
		}
		return x, true
	case compute.OpTypeNeg:
		return -x, true
	case compute.OpTypeSign:
		if x == 0 {
			return 0, true
		}
		if x < 0 && !t.IsUnsigned() {
			return -1, true
		}
		return 1, true
	case compute.OpTypeBitwiseNot:
		return ^x, true
	case compute.OpTypeBitCount:
		c := int64(0)
		for ; low != 0; low &= low - 1 {
			c++
		}
		return c, true
	case compute.OpTypeClz:
		return int64(8*t.Size() - bits.Len64(low)), true
	}
	return 0, false
}

func oracleFloat1(op compute.OpType, x float64) (datum, bool) {
	r := x
	switch op {
	case compute.OpTypeIsFinite:
		return truth(!math.IsInf(x, 0) && !math.IsNaN(x)), true
	case compute.OpTypeIsNaN:
		return truth(math.IsNaN(x)), true
	case compute.OpTypeAbs:
		r = math.Abs(x)
	case compute.OpTypeNeg:
		r = -x
	case compute.OpTypeSign:
		if x > 0 {
			r = 1
		} else if x < 0 {
			r = -1
		}
	case compute.OpTypeFloor:
		r = math.Floor(x)
	case compute.OpTypeCeil:
		r = -math.Floor(-x)
	case compute.OpTypeRound:
		if f := math.Floor(x); math.Abs(x) < 1<<53 {
			r = f
			if d := x - f; d > 0.5 || d == 0.5 && math.Mod(f, 2) != 0 {
				r = f + 1
			}
			r = math.Copysign(r, x)
		}
	case compute.OpTypeExp:
		r = math.Exp(x)
	case compute.OpTypeExpm1:
		r = math.Expm1(x)
	case compute.OpTypeLog:
		r = math.Log(x)
	case compute.OpTypeLog1p:
		r = math.Log1p(x)
	case compute.OpTypeSqrt:
		r = math.Sqrt(x)
	case compute.OpTypeRsqrt:
		r = 1 / math.Sqrt(x)
	case compute.OpTypeTanh:
		r = math.Tanh(x)
	case compute.OpTypeLogistic:
		r = 1 / (1 + math.Exp(-x))
		if x < -40 { // where 1 is nothing beside e^-x
			r = math.Exp(x)
		}
	case compute.OpTypeErf:
		r = math.Erf(x)
	case compute.OpTypeSin:
		r = math.Sin(x)
	case compute.OpTypeCos:
		r = math.Cos(x)
	default:
		return datum{}, false
	}
	return datum{f: r}, true
}

func oracleComplex1(op compute.OpType, x complex128) (datum, bool) {
	a, b := real(x), imag(x)
	exp := func(a, b float64) complex128 { return complex(math.Exp(a)*math.Cos(b), math.Exp(a)*math.Sin(b)) }
	log := func(x complex128) complex128 {
		return complex(math.Log(math.Hypot(real(x), imag(x))), math.Atan2(imag(x), real(x)))
	}
	var r complex128
	switch op {
	case compute.OpTypeIsFinite:
		return truth(true), true // of the values that are tested
	case compute.OpTypeIsNaN:
		return truth(false), true
	case compute.OpTypeAbs:
		return datum{f: math.Hypot(a, b)}, true
	case compute.OpTypeReal:
		return datum{f: a}, true
	case compute.OpTypeImag:
		return datum{f: b}, true
	case compute.OpTypeConj:
		r = complex(a, -b)
	case compute.OpTypeNeg:
		r = complex(-a, -b)
	case compute.OpTypeSign:
		if h := math.Hypot(a, b); h != 0 {
			r = complex(a/h, b/h)
		}
	case compute.OpTypeExp:
		r = exp(a, b)
	case compute.OpTypeExpm1:
		r = exp(a, b) - 1
	case compute.OpTypeLog:
		r = log(x)
	case compute.OpTypeLog1p:
		r = log(1 + x)
	case compute.OpTypeSqrt:
		r = cmplx.Pow(x, 0.5)
	case compute.OpTypeRsqrt:
		r = cmplx.Pow(x, -0.5)
	case compute.OpTypeLogistic:
		r = 1 / (1 + exp(-a, -b))
	case compute.OpTypeSin:
		r = complex(math.Sin(a)*math.Cosh(b), math.Cos(a)*math.Sinh(b))
	case compute.OpTypeCos:
		r = complex(math.Cos(a)*math.Cosh(b), -math.Sin(a)*math.Sinh(b))
	case compute.OpTypeTanh:
		d := math.Cosh(2*a) + math.Cos(2*b)
		r = complex(math.Sinh(2*a)/d, math.Sin(2*b)/d)
	default:
		return datum{}, false
	}
	return datum{c: r}, true
}

func oracle2(op compute.OpType, x, y datum, t dtypes.DType) (datum, bool) {
	if r, ok := oracleCompare(op, x, y, t); ok {
		return truth(r), true
	}
	switch {
	case t == dtypes.Bool:
		return oracleBool2(op, x.i, y.i)
	case t.IsFloat():
		return oracleFloat2(op, x.f, y.f, t)
	case t.IsComplex():
		switch op {
		case compute.OpTypeAdd:
			return datum{c: x.c + y.c}, true
		case compute.OpTypeSub:
			return datum{c: x.c - y.c}, true
		case compute.OpTypeMul:
			return datum{c: x.c * y.c}, true
		case compute.OpTypeDiv:
			return datum{c: x.c / y.c}, true
		case compute.OpTypePow:
			return datum{c: cmplx.Pow(x.c, y.c)}, true
		}
		return datum{}, false
	}
	r, ok := oracleInt2(op, x.i, y.i, t)
	return datum{i: wrap(r, t)}, ok
}

func oracleBool2(op compute.OpType, x, y int64) (datum, bool) {
	switch op {
	case compute.OpTypeLogicalAnd, compute.OpTypeBitwiseAnd, compute.OpTypeMin:
		return datum{i: min(x, y)}, true
	case compute.OpTypeLogicalOr, compute.OpTypeBitwiseOr, compute.OpTypeMax:
		return datum{i: max(x, y)}, true
	case compute.OpTypeLogicalXor, compute.OpTypeBitwiseXor:
		return truth(x != y), true
	}
	return datum{}, false
}

func oracleFloat2(op compute.OpType, x, y float64, t dtypes.DType) (datum, bool) {
	switch op {
	case compute.OpTypeAdd:
		return datum{f: x + y}, true
	case compute.OpTypeSub:
		return datum{f: x - y}, true
	case compute.OpTypeMul:
		return datum{f: x * y}, true
	case compute.OpTypeDiv:
		return datum{f: x / y}, true
	case compute.OpTypeRem:
		return datum{f: math.Mod(x, y)}, true
	case compute.OpTypePow:
		return datum{f: math.Pow(x, y)}, true
	case compute.OpTypeAtan2:
		return datum{f: math.Atan2(x, y)}, true
	case compute.OpTypeMax, compute.OpTypeMin:
		switch {
		case x != x || y != y:
			x = math.NaN()
		case (op == compute.OpTypeMax) == (y > x):
			x = y
		}
		return datum{f: x}, true
	case compute.OpTypeComplex:
		return datum{c: complex(x, y)}, t == dtypes.Float32 || t == dtypes.Float64
	}
	return datum{}, false
}

func oracleInt2(op compute.OpType, x, y int64, t dtypes.DType) (int64, bool) {
	uns, width := t.IsUnsigned(), int64(8*t.Size())
	inRange := y >= 0 && y < width
	switch op {
	case compute.OpTypeAdd:
		return x + y, true
	case compute.OpTypeSub:
		return x - y, true
	case compute.OpTypeMul:
		return x * y, true
	case compute.OpTypeDiv:
		switch {
		case y == 0:
			return -1, true
		case uns:
			return int64(uint64(x) / uint64(y)), true
		}
		return x / y, true
	case compute.OpTypeRem:
		switch {
		case y == 0:
			return x, true
		case uns:
			return int64(uint64(x) % uint64(y)), true
		}
		return x - x/y*y, true
	case compute.OpTypePow:
		return oraclePow(x, y, uns), true
	case compute.OpTypeMax, compute.OpTypeMin:
		less := x < y
		if uns {
			less = uint64(x) < uint64(y)
		}
		if less == (op == compute.OpTypeMax) {
			return y, true
		}
		return x, true
	case compute.OpTypeBitwiseAnd:
		return x & y, true
	case compute.OpTypeBitwiseOr:
		return x | y, true
	case compute.OpTypeBitwiseXor:
		return x ^ y, true
	case compute.OpTypeShiftLeft:
		if !inRange {
			return 0, true
		}
		return x << y, true
	case compute.OpTypeShiftRightLogical, compute.OpTypeShiftRightArithmetic:
		arithmetic := op == compute.OpTypeShiftRightArithmetic && !uns
		switch {
		case arithmetic && !inRange:
			return x >> 63, true
		case arithmetic:
			return x >> y, true
		case !inRange:
			return 0, true
		}
		return int64(uint64(x) << (64 - width) >> (64 - width) >> y), true
	}
	return 0, false
}

// oraclePow multiplies modulo 2^64, of which every width is a part.
func oraclePow(x, y int64, uns bool) int64 {
	if y < 0 && !uns {
		switch {
		case x == 1 || x == -1 && y%2 == 0:
			return 1
		case x == -1:
			return -1
		}
		return 0
	}
	r := int64(1)
	for i := 63; i >= 0; i-- {
		r *= r
		if y>>i&1 == 1 {
			r *= x
		}
	}
	return r
}

// oracleCompare is a comparison; ok is false where op is none, or none on t.
func oracleCompare(op compute.OpType, x, y datum, t dtypes.DType) (r, ok bool) {
	c, nan := 0, false
	total := false
	switch op {
	case compute.OpTypeEqualTotalOrder, compute.OpTypeNotEqualTotalOrder, compute.OpTypeLessThanTotalOrder,
		compute.OpTypeLessOrEqualTotalOrder, compute.OpTypeGreaterThanTotalOrder, compute.OpTypeGreaterOrEqualTotalOrder:
		total = true
	}
	switch {
	case t.IsComplex():
		switch op {
		case compute.OpTypeEqual:
			return x.c == y.c, true
		case compute.OpTypeNotEqual:
			return x.c != y.c, true
		}
		return false, false
	case t.IsFloat() && total:
		c = cmpInt(rank(x.f), rank(y.f))
	case t.IsFloat():
		nan = x.f != x.f || y.f != y.f
		if x.f < y.f {
			c = -1
		} else if x.f > y.f {
			c = 1
		}
	case t.IsUnsigned():
		if uint64(x.i) < uint64(y.i) {
			c = -1
		} else if x.i != y.i {
			c = 1
		}
	default:
		c = cmpInt(x.i, y.i)
	}
	switch op {
	case compute.OpTypeEqual, compute.OpTypeEqualTotalOrder:
		return c == 0 && !nan, true
	case compute.OpTypeNotEqual, compute.OpTypeNotEqualTotalOrder:
		return c != 0 || nan, true
	case compute.OpTypeLessThan, compute.OpTypeLessThanTotalOrder:
		return c < 0 && !nan, true
	case compute.OpTypeLessOrEqual, compute.OpTypeLessOrEqualTotalOrder:
		return c <= 0 && !nan, true
	case compute.OpTypeGreaterThan, compute.OpTypeGreaterThanTotalOrder:
		return c > 0 && !nan, true
	case compute.OpTypeGreaterOrEqual, compute.OpTypeGreaterOrEqualTotalOrder:
		return c >= 0 && !nan, true
	}
	return false, false
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// rank is the place of x in the total order; all NaN of one sign (the tests make
// one) have one place.
func rank(x float64) int64 {
	m := int64(math.Float64bits(math.Abs(x)))
	if math.Signbit(x) {
		return -1 - m
	}
	return m
}

// zeroFree makes a result of Max or Min comparable: the sign of a zero is free.
func zeroFree(op compute.OpType, a *array) {
	switch op {
	case compute.OpTypeMax, compute.OpTypeMin, compute.OpTypeReduceMax, compute.OpTypeReduceMin:
		for i := range a.n {
			if a.t.IsFloat() && a.get(i).f == 0 {
				a.put(i, datum{})
			}
		}
	}
}

// ULP is the most units in the last place by which a Float32 loop of op, in any
// variant, differs from the true value rounded once.
func ULP(op compute.OpType) float64 {
	switch op {
	case compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeLog, compute.OpTypeLog1p,
		compute.OpTypeRsqrt, compute.OpTypeSin, compute.OpTypeCos:
		return 2
	case compute.OpTypeTanh, compute.OpTypeLogistic, compute.OpTypeErf, compute.OpTypePow, compute.OpTypeAtan2:
		return 4
	}
	return 0
}
