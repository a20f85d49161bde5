package oracle

import (
	"math/bits"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// intBinary applies an operation to integers or booleans. What processors and
// engines differ in is unsure: division by zero, shifts by the width and more,
// negative powers.
func intBinary(op compute.OpType, d dtypes.DType, x, y Scalar) Scalar {
	if x.Unsure || y.Unsure {
		return halfSure(op, x, y)
	}
	m, n := x.Int, y.Int
	low, _ := intRange(d)
	var z int64
	switch op {
	case compute.OpTypeAdd:
		z = m + n
	case compute.OpTypeSub:
		z = m - n
	case compute.OpTypeMul:
		z = m * n
	case compute.OpTypeDiv, compute.OpTypeRem:
		if n == 0 || isSigned(d) && m == low && n == -1 {
			return unsure
		}
		z = divide(op, d, m, n)
	case compute.OpTypePow:
		if less(d, n, 0) {
			return unsure
		}
		z = power(m, uint64(n))
	case compute.OpTypeMax:
		if z = m; less(d, m, n) {
			z = n
		}
	case compute.OpTypeMin:
		if z = m; less(d, n, m) {
			z = n
		}
	case compute.OpTypeBitwiseAnd, compute.OpTypeLogicalAnd:
		z = m & n
	case compute.OpTypeBitwiseOr, compute.OpTypeLogicalOr:
		z = m | n
	case compute.OpTypeBitwiseXor, compute.OpTypeLogicalXor:
		z = m ^ n
	default:
		return shift(op, d, m, n)
	}
	return Scalar{Int: wrap(d, z)}
}

// halfSure knows that false and anything is false, and true or anything is true.
func halfSure(op compute.OpType, x, y Scalar) Scalar {
	for _, s := range []Scalar{x, y} {
		if s.Unsure {
			continue
		}
		if op == compute.OpTypeLogicalAnd && s.Int == 0 || op == compute.OpTypeLogicalOr && s.Int == 1 {
			return s
		}
	}
	return unsure
}

func divide(op compute.OpType, d dtypes.DType, m, n int64) int64 {
	if isUnsigned(d) {
		q, r := bits.Div64(0, uint64(m), uint64(n))
		if op == compute.OpTypeDiv {
			return int64(q)
		}
		return int64(r)
	}
	if op == compute.OpTypeDiv {
		return m / n
	}
	return m % n
}

// power is m multiplied n times, modulo 2^64, by repeated squaring.
func power(m int64, n uint64) int64 {
	p := int64(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p *= m
		}
		m *= m
	}
	return p
}

func shift(op compute.OpType, d dtypes.DType, m, n int64) Scalar {
	if less(d, n, 0) || uint64(n) >= uint64(d.Bits()) {
		return unsure
	}
	z := m << uint(n)
	switch op {
	case compute.OpTypeShiftRightLogical:
		z = int64(lowBits(d, m) >> uint(n))
	case compute.OpTypeShiftRightArithmetic:
		if isUnsigned(d) && lowBits(d, m)>>uint(d.Bits()-1) == 1 {
			return unsure // the interface does not say whether the top bit is a sign
		}
		z = m >> uint(n)
	}
	return Scalar{Int: wrap(d, z)}
}
