package kernel

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// A Func1 sets dst[i] = f(x[i]) for i < n. dst may be exactly x where both have
// the same element size, and never overlaps it partly. The pointers need no
// alignment beyond the element's own.
type Func1 func(dst, x unsafe.Pointer, n int)

// A Func2 sets dst[i] = f(x[i], y[i]) for i < n; its Mode says which operand is
// one element. dst may be exactly x or y, as in Func1.
type Func2 func(dst, x, y unsafe.Pointer, n int)

// A Func3 is a loop of three operands: Select and MulAdd say which.
type Func3 func(dst, a, b, c unsafe.Pointer, n int)

// A Mode says which of two operands is one element instead of a vector.
type Mode uint8

const (
	VV Mode = iota // both are vectors
	VS             // the second is one element
	SV             // the first is one element
	SS             // both are one element (Select and MulAdd only)
)

// Unary returns the loop of a one-operand operation, nil where it is not defined
// for t. IsFinite and IsNaN write bool (one byte, 0 or 1); Abs, Real and Imag of a
// complex type write its real type; all others write t.
func Unary(op compute.OpType, t dtypes.DType) Func1 {
	if f := asm1(op, t); f != nil {
		return f
	}
	return unary(op, t)
}

// Binary returns the loop of a two-operand operation, nil where it is not defined
// for t. Comparisons write bool; Complex writes the complex type of t; all others
// write t.
func Binary(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	if m > SV {
		return nil
	}
	if f := asm2(op, t, m); f != nil {
		return f
	}
	return binary(op, t, m)
}

// Select returns the loop dst[i] = c[i] ? x[i] : y[i] with its operands in the
// order (dst, c, x, y); c holds bool, m is about x and y.
func Select(t dtypes.DType, m Mode) Func3 {
	if f := asmSelect(t, m); f != nil {
		return f
	}
	return selects(t, m)
}

// MulAdd returns the loop dst[i] = x[i]*y[i] + z[i] with its operands in the order
// (dst, x, y, z); m is about y and z. It rounds once where the variant has a
// fused instruction, twice elsewhere. It is nil for all but Float32 and Float64.
func MulAdd(t dtypes.DType, m Mode) Func3 {
	if f := asmMulAdd(t, m); f != nil {
		return f
	}
	return mulAdd(t, m)
}

// Convert returns the loop dst[i] = to(x[i]), nil where there is none.
func Convert(from, to dtypes.DType) Func1 {
	if f := asmConvert(from, to); f != nil {
		return f
	}
	return convert(from, to)
}

// Reduce returns the loop that folds n elements of x into dst[0], in a tree that
// depends on n only; nil where op is not defined for t. For n = 0 it writes what
// ReduceInit writes.
func Reduce(op compute.OpType, t dtypes.DType) Func1 {
	if f := asmReduce(op, t); f != nil {
		return f
	}
	return reduce(op, t)
}

// Transpose returns the loop dst[j*dstStride+i] = src[i*srcStride+j] for i < rows,
// j < cols and elements of size bytes (1, 2, 4, 8, 16); strides count elements.
func Transpose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	if f := asmTranspose(size); f != nil {
		return f
	}
	return transpose(size)
}
