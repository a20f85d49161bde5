package kernel

import (
	"math"
	"math/cmplx"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// binary is the portable table of Binary.
func binary(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	switch op {
	case compute.OpTypeGreaterThan:
		return swapped(compute.OpTypeLessThan, t, m)
	case compute.OpTypeGreaterOrEqual:
		return swapped(compute.OpTypeLessOrEqual, t, m)
	}
	if plain, ok := totalOrders[op]; ok {
		return totalOrder(plain, t, m)
	}
	if f := loopsOf(t).binary; f != nil {
		return f(op, m)
	}
	return nil
}

// swapped is op with its operands exchanged: x > y is y < x.
func swapped(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	f := Binary(op, t, [...]Mode{VV: VV, VS: SV, SV: VS}[m])
	if f == nil {
		return nil
	}
	return func(dst, x, y unsafe.Pointer, n int) { f(dst, y, x, n) }
}

// binaryNumeric has what all numbers have.
func binaryNumeric[T numeric](op compute.OpType, m Mode) Func2 {
	switch op {
	case compute.OpTypeAdd:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a + b }) })
	case compute.OpTypeSub:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a - b }) })
	case compute.OpTypeMul:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a * b }) })
	case compute.OpTypeEqual:
		return vec2(m, func(d []bool, a, b []T) { map2(d, a, b, func(a, b T) bool { return a == b }) })
	case compute.OpTypeNotEqual:
		return vec2(m, func(d []bool, a, b []T) { map2(d, a, b, func(a, b T) bool { return a != b }) })
	}
	return nil
}

// binaryOrdered adds what all but complex numbers have.
func binaryOrdered[T number](op compute.OpType, m Mode) Func2 {
	switch op {
	case compute.OpTypeMax:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return max(a, b) }) })
	case compute.OpTypeMin:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return min(a, b) }) })
	case compute.OpTypeLessThan:
		return vec2(m, func(d []bool, a, b []T) { map2(d, a, b, func(a, b T) bool { return a < b }) })
	case compute.OpTypeLessOrEqual:
		return vec2(m, func(d []bool, a, b []T) { map2(d, a, b, func(a, b T) bool { return a <= b }) })
	}
	return binaryNumeric[T](op, m)
}

// binaryInt has the operations of the integer T; U is the unsigned type of its
// width.
func binaryInt[T integer, U unsigned](op compute.OpType, m Mode) Func2 {
	switch op {
	case compute.OpTypeDiv:
		return each2(m, divInt[T])
	case compute.OpTypeRem:
		return each2(m, remInt[T])
	case compute.OpTypePow:
		return each2(m, powInt[T])
	case compute.OpTypeShiftLeft:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a << U(b) }) })
	case compute.OpTypeShiftRightArithmetic:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a >> U(b) }) })
	case compute.OpTypeShiftRightLogical:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return T(U(a) >> U(b)) }) })
	}
	if f := binaryBits[T](op, m); f != nil {
		return f
	}
	return binaryOrdered[T](op, m)
}

func binaryBits[T integer](op compute.OpType, m Mode) Func2 {
	switch op {
	case compute.OpTypeBitwiseAnd:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a & b }) })
	case compute.OpTypeBitwiseOr:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a | b }) })
	case compute.OpTypeBitwiseXor:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a ^ b }) })
	}
	return nil
}

// divInt is a/b, -1 (all ones) for b = 0.
func divInt[T integer](a, b T) T {
	if b == 0 {
		return ^T(0)
	}
	return a / b
}

// remInt is a%b with the sign of a, a for b = 0.
func remInt[T integer](a, b T) T {
	if b == 0 {
		return a
	}
	return a % b
}

// powInt is a to the power of b, wrapped around; 0 for b < 0 unless a is ±1.
func powInt[T integer](a, b T) T {
	if b < 0 {
		if a != 1 && a != ^T(0) {
			return 0
		}
		b &= 1 // 1 and -1 are their own inverses
	}
	r := T(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			r *= a
		}
		a *= a
	}
	return r
}

// binaryBool works on bytes that are 0 or 1.
func binaryBool(op compute.OpType, m Mode) Func2 {
	switch op {
	case compute.OpTypeLogicalAnd:
		op = compute.OpTypeBitwiseAnd
	case compute.OpTypeLogicalOr:
		op = compute.OpTypeBitwiseOr
	case compute.OpTypeLogicalXor:
		op = compute.OpTypeBitwiseXor
	case compute.OpTypeAdd, compute.OpTypeSub, compute.OpTypeMul:
		return nil
	}
	if f := binaryBits[uint8](op, m); f != nil {
		return f
	}
	return binaryOrdered[uint8](op, m)
}

var floats2 = map[compute.OpType]func(a, b float64) float64{
	compute.OpTypePow:   math.Pow,
	compute.OpTypeAtan2: math.Atan2,
	compute.OpTypeRem:   math.Mod,
}

func binaryFloat[T float](op compute.OpType, m Mode) Func2 {
	if op == compute.OpTypeComplex {
		var zero T
		if unsafe.Sizeof(zero) == 4 {
			return vec2(m, func(d []complex64, a, b []float32) {
				map2(d, a, b, func(a, b float32) complex64 { return complex(a, b) })
			})
		}
		return vec2(m, func(d []complex128, a, b []float64) {
			map2(d, a, b, func(a, b float64) complex128 { return complex(a, b) })
		})
	}
	if f := floats2[op]; f != nil {
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return T(f(float64(a), float64(b))) }) })
	}
	if op == compute.OpTypeDiv {
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a / b }) })
	}
	return binaryOrdered[T](op, m)
}

func binaryComplex[T cplx](op compute.OpType, m Mode) Func2 {
	switch op {
	case compute.OpTypeDiv:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return a / b }) })
	case compute.OpTypePow:
		return vec2(m, func(d, a, b []T) { map2(d, a, b, func(a, b T) T { return T(cmplx.Pow(complex128(a), complex128(b))) }) })
	}
	return binaryNumeric[T](op, m)
}

// binaryHalf runs the float32 loop on blocks.
func binaryHalf(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	load, f := Convert(t, dtypes.Float32), Binary(op, dtypes.Float32, m)
	switch op {
	case compute.OpTypeComplex:
		return nil
	case compute.OpTypeEqual, compute.OpTypeNotEqual, compute.OpTypeLessThan, compute.OpTypeLessOrEqual:
		return staged2[float32](load, f, nil, 2, 1, m)
	}
	return staged2[float32](load, f, Convert(dtypes.Float32, t), 2, 2, m)
}

var totalOrders = map[compute.OpType]compute.OpType{
	compute.OpTypeEqualTotalOrder:          compute.OpTypeEqual,
	compute.OpTypeNotEqualTotalOrder:       compute.OpTypeNotEqual,
	compute.OpTypeLessThanTotalOrder:       compute.OpTypeLessThan,
	compute.OpTypeLessOrEqualTotalOrder:    compute.OpTypeLessOrEqual,
	compute.OpTypeGreaterThanTotalOrder:    compute.OpTypeGreaterThan,
	compute.OpTypeGreaterOrEqualTotalOrder: compute.OpTypeGreaterOrEqual,
}

// totalOrder compares floats as integers that have the order
// -NaN < -Inf < finite < -0 < +0 < finite < +Inf < +NaN.
func totalOrder(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	switch t {
	case dtypes.Float16, dtypes.BFloat16:
		return staged2[int16](orderKeys[int16](15), Binary(op, dtypes.Int16, m), nil, 2, 1, m)
	case dtypes.Float32:
		return staged2[int32](orderKeys[int32](31), Binary(op, dtypes.Int32, m), nil, 4, 1, m)
	case dtypes.Float64:
		return staged2[int64](orderKeys[int64](63), Binary(op, dtypes.Int64, m), nil, 8, 1, m)
	case dtypes.Complex64, dtypes.Complex128:
		return nil
	}
	return Binary(op, t, m)
}

// orderKeys flips all but the sign bit of negative numbers: sign and magnitude
// become two's complement.
func orderKeys[T signed](sign uint) Func1 {
	return vec1(func(d, x []T) {
		low := ^(T(-1) << sign)
		for i, v := range x {
			d[i] = v ^ v>>sign&low
		}
	})
}

// selects is the portable table of Select.
func selects(t dtypes.DType, m Mode) Func3 {
	return BySize(sizeOf(t), selectOf[uint8](m), selectOf[uint16](m), selectOf[uint32](m), selectOf[uint64](m), selectOf[complex128](m))
}

// masks are what an index is masked with: 0 for an operand that is one element.
func masks(m Mode) (first, second int) {
	return [...]int{VV: -1, VS: -1, SV: 0, SS: 0}[m], [...]int{VV: -1, VS: 0, SV: -1, SS: 0}[m]
}

func selectOf[T any](m Mode) Func3 {
	mx, my := masks(m)
	return func(dst, c, x, y unsafe.Pointer, n int) {
		if n == 0 {
			return
		}
		d, a, b := view[T](dst, n), view[T](x, (n-1)&mx+1), view[T](y, (n-1)&my+1)
		for i, v := range view[uint8](c, n) {
			r := b[i&my]
			if v != 0 {
				r = a[i&mx]
			}
			d[i] = r
		}
	}
}

// mulAdd is the portable table of MulAdd.
func mulAdd(t dtypes.DType, m Mode) Func3 {
	switch t {
	case dtypes.Float32:
		return mulAddOf[float32](m)
	case dtypes.Float64:
		return mulAddOf[float64](m)
	}
	return nil
}

func mulAddOf[T float](m Mode) Func3 {
	my, mz := masks(m)
	return func(dst, x, y, z unsafe.Pointer, n int) {
		if n == 0 {
			return
		}
		d, b, c := view[T](dst, n), view[T](y, (n-1)&my+1), view[T](z, (n-1)&mz+1)
		for i, v := range view[T](x, n) {
			d[i] = v*b[i&my] + c[i&mz]
		}
	}
}
