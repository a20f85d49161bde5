package kernel

import (
	"cmp"
	"math"
	"math/bits"
	"math/cmplx"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// unary is the portable table of Unary.
func unary(op compute.OpType, t dtypes.DType) Func1 {
	if op == compute.OpTypeIdentity {
		return identity(sizeOf(t))
	}
	if f := loopsOf(t).unary; f != nil {
		return f(op)
	}
	return nil
}

func unaryBool(op compute.OpType) Func1 {
	if op == compute.OpTypeLogicalNot {
		return each1(func(v uint8) uint8 { return v ^ 1 })
	}
	return nil
}

// identity copies elements of size bytes.
func identity(size int) Func1 {
	if size == 0 {
		return nil
	}
	return func(dst, x unsafe.Pointer, n int) {
		copy(view[byte](dst, n*size), view[byte](x, n*size))
	}
}

// unaryInt has the operations of the integer T; U is the unsigned type of its
// width.
func unaryInt[T integer, U unsigned](op compute.OpType) Func1 {
	switch op {
	case compute.OpTypeAbs:
		return each1(func(v T) T {
			if v < 0 {
				return -v
			}
			return v
		})
	case compute.OpTypeNeg:
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return -v }) })
	case compute.OpTypeSign:
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return T(cmp.Compare(v, 0)) }) })
	case compute.OpTypeBitwiseNot:
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return ^v }) })
	case compute.OpTypeBitCount:
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return T(bits.OnesCount64(uint64(U(v)))) }) })
	case compute.OpTypeClz:
		unused := 64 - 8*int(unsafe.Sizeof(T(0)))
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return T(bits.LeadingZeros64(uint64(U(v))) - unused) }) })
	}
	return nil
}

// floats1 are the operations that run in float64 and round once to the type; with
// float64's own last place they are within 1 ULP in float32.
var floats1 = map[compute.OpType]func(float64) float64{
	compute.OpTypeCeil:     math.Ceil,
	compute.OpTypeCos:      math.Cos,
	compute.OpTypeErf:      math.Erf,
	compute.OpTypeExp:      math.Exp,
	compute.OpTypeExpm1:    math.Expm1,
	compute.OpTypeFloor:    math.Floor,
	compute.OpTypeLog:      math.Log,
	compute.OpTypeLog1p:    math.Log1p,
	compute.OpTypeLogistic: logistic,
	compute.OpTypeRound:    math.RoundToEven,
	compute.OpTypeRsqrt:    func(x float64) float64 { return 1 / math.Sqrt(x) },
	compute.OpTypeSign:     sign,
	compute.OpTypeSin:      math.Sin,
	compute.OpTypeSqrt:     math.Sqrt,
	compute.OpTypeTanh:     math.Tanh,
}

// logistic is 1/(1+e^-x), written so that e^x of a negative x keeps its last bits.
func logistic(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// sign is -1, 1, or x itself for ±0 and NaN.
func sign(x float64) float64 {
	if x == 0 || x != x {
		return x
	}
	return math.Copysign(1, x)
}

func unaryFloat[T float](op compute.OpType) Func1 {
	if f := floats1[op]; f != nil {
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return T(f(float64(v))) }) })
	}
	switch op {
	case compute.OpTypeAbs:
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return T(math.Abs(float64(v))) }) })
	case compute.OpTypeNeg:
		return vec1(func(d, x []T) { map1(d, x, func(v T) T { return -v }) })
	case compute.OpTypeIsFinite:
		return vec1(func(d []bool, x []T) { map1(d, x, func(v T) bool { return v-v == 0 }) })
	case compute.OpTypeIsNaN:
		return vec1(func(d []bool, x []T) { map1(d, x, func(v T) bool { return v != v }) })
	}
	return nil
}

// unaryHalf runs the float32 loop on blocks.
func unaryHalf(op compute.OpType, t dtypes.DType) Func1 {
	load, f := Convert(t, dtypes.Float32), Unary(op, dtypes.Float32)
	if op == compute.OpTypeIsFinite || op == compute.OpTypeIsNaN {
		return staged1[float32](load, f, nil, 16, 1)
	}
	return staged1[float32](load, f, Convert(dtypes.Float32, t), 16, 2)
}

var complexes1 = map[compute.OpType]func(complex128) complex128{
	compute.OpTypeConj:     cmplx.Conj,
	compute.OpTypeCos:      cmplx.Cos,
	compute.OpTypeExp:      cmplx.Exp,
	compute.OpTypeExpm1:    expm1Complex,
	compute.OpTypeLog:      cmplx.Log,
	compute.OpTypeLog1p:    log1pComplex,
	compute.OpTypeLogistic: func(x complex128) complex128 { return 1 / (1 + cmplx.Exp(-x)) },
	compute.OpTypeNeg:      func(x complex128) complex128 { return -x },
	compute.OpTypeRsqrt:    func(x complex128) complex128 { return 1 / cmplx.Sqrt(x) },
	compute.OpTypeSign:     signComplex,
	compute.OpTypeSin:      cmplx.Sin,
	compute.OpTypeSqrt:     cmplx.Sqrt,
	compute.OpTypeTanh:     cmplx.Tanh,
}

// expm1Complex is e^x - 1 without cancellation near 0.
func expm1Complex(x complex128) complex128 {
	a, b := real(x), imag(x)
	s := math.Sin(b / 2)
	return complex(math.Expm1(a)*math.Cos(b)-2*s*s, math.Exp(a)*math.Sin(b))
}

// log1pComplex is log(1+x) without cancellation near 0.
func log1pComplex(x complex128) complex128 {
	a, b := real(x), imag(x)
	if math.Abs(a) > 0.5 || math.Abs(b) > 0.5 {
		return cmplx.Log(1 + x)
	}
	return complex(math.Log1p(a*(2+a)+b*b)/2, math.Atan2(b, 1+a))
}

func signComplex(x complex128) complex128 {
	if x == 0 {
		return x
	}
	return x / complex(cmplx.Abs(x), 0)
}

// unaryComplex has the operations of the complex type T made of two R.
func unaryComplex[T cplx, R float](op compute.OpType) Func1 {
	if f := complexes1[op]; f != nil {
		return each1(func(v T) T { return T(f(complex128(v))) })
	}
	switch op {
	case compute.OpTypeAbs:
		return each1(func(v T) R { return R(cmplx.Abs(complex128(v))) })
	case compute.OpTypeReal:
		return vec1(func(d []R, x []T) { map1(d, x, func(v T) R { return R(real(complex128(v))) }) })
	case compute.OpTypeImag:
		return vec1(func(d []R, x []T) { map1(d, x, func(v T) R { return R(imag(complex128(v))) }) })
	case compute.OpTypeIsFinite:
		return each1(func(v T) bool { return !hasNaN(complex128(v)) && !cmplx.IsInf(complex128(v)) })
	case compute.OpTypeIsNaN:
		return each1(func(v T) bool { return hasNaN(complex128(v)) })
	}
	return nil
}

// hasNaN says whether a part is no number, even beside an infinite one.
func hasNaN(v complex128) bool { return math.IsNaN(real(v)) || math.IsNaN(imag(v)) }
