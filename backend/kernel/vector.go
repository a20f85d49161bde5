package kernel

import (
	"runtime"
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

var modes = [...]string{VV: "VV", VS: "VS", SV: "SV", SS: "SS"}

// The tables below prefer the assembly of the active variant (asmLoops1 and its like)
// and fall back to the portable loops. They are for the time of compilation: look
// a loop up once and keep it.
//
// Float16 and BFloat16 are stored only: their operations run in float32, 256
// elements at a time, and round to nearest even once.

// loopName is the name of an operation's loop in assembly, which for Float32 goes
// without the type.
func loopName(op compute.OpType, t dtypes.DType) string {
	if t == dtypes.Float32 {
		return op.String()
	}
	return t.String() + op.String()
}

// Unary returns the loop of a one-operand operation, nil where it is not defined
// for t. IsFinite and IsNaN write bool (one byte, 0 or 1); Abs, Real and Imag of a
// complex type write its real type; all others write t.
//
// Round goes to the nearest even; Sign keeps ±0 and NaN, and of a complex number
// is x/|x|; Abs and Neg of the lowest integer are itself.
func Unary(op compute.OpType, t dtypes.DType) Func1 {
	if f := asmLoops1[loopName(op, t)][active]; f != nil {
		return f
	}
	return unary(op, t)
}

// Binary returns the loop of a two-operand operation, nil where it is not defined
// for t. Comparisons write bool; Complex writes the complex type of t; all others
// write t.
//
// Max and Min of a NaN are NaN; which zero they choose of +0 and -0 depends on the
// variant. (So a clamp is Min(Max(x, low), high), and NaN in any of the three
// gives NaN.) Rem has the sign of the dividend. Integers wrap around; x/0 is -1,
// which is all ones in an unsigned type, and x rem 0 is x. Pow of an integer to a
// negative power is 0, except that powers of 1 and -1 are exact. A shift by a
// negative count or by the width or more gives 0, or the sign in every bit for
// ShiftRightArithmetic of a signed type; of an unsigned type that is the logical
// shift.
func Binary(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	if m > SV {
		return nil
	}
	if f := asmLoops2[loopName(op, t)+modes[m]][active]; f != nil {
		return f
	}
	return binary(op, t, m)
}

// Select returns the loop dst[i] = c[i] ? x[i] : y[i] with its operands in the
// order (dst, c, x, y); c holds bool, m is about x and y.
func Select(t dtypes.DType, m Mode) Func3 {
	if f := asmLoops3["Select"+modes[m]][active]; f != nil && sizeOf(t) == 4 {
		return f
	}
	return selects(t, m)
}

// MulAdd returns the loop dst[i] = x[i]*y[i] + z[i] with its operands in the order
// (dst, x, y, z); m is about y and z. It rounds once where the variant has a
// fused instruction, twice elsewhere. It is nil for all but Float32 and Float64.
func MulAdd(t dtypes.DType, m Mode) Func3 {
	if f := asmLoops3["MulAdd"+modes[m]][active]; f != nil && t == dtypes.Float32 {
		return f
	}
	return mulAdd(t, m)
}

// Convert returns the loop dst[i] = to(x[i]), nil where there is none.
//
// Floats become integers by truncation; NaN becomes 0 and what is out of range the
// nearest end of it. Integers become smaller ones by dropping high bits. All but
// zero becomes true, NaN too. Everything becomes a half through float32, so float64
// and large integers round twice. A complex number becomes a real one by losing its
// imaginary part. The packed types (Int4, Uint4, Int2, ...; the first element in
// the low bits of its byte) can be converted from, not to.
func Convert(from, to dtypes.DType) Func1 {
	bits := from
	if from == dtypes.Bool { // a byte that is 0 or 1
		bits = dtypes.Uint8
	}
	if f := asmLoops1[bits.String()+"To"+to.String()][active]; f != nil {
		return f
	}
	return convert(from, to)
}

// Reduce returns the loop that folds n elements of x into dst[0], in a tree that
// depends on n only; nil where op is not defined for t. For n = 0 it writes what
// ReduceInit writes. Max and Min of a NaN are NaN. The halves add in float32.
func Reduce(op compute.OpType, t dtypes.DType) Func1 {
	f := asmLoops1[loopName(op, t)+"All"][active]
	switch {
	case f == nil:
		return reduce(op, t)
	case op == compute.OpTypeReduceSum:
		return func(dst, x unsafe.Pointer, n int) {
			if n <= asmLeaf {
				f(dst, x, n)
				return
			}
			sumTree(dst, 0, n, asmLeaf, func(i, n int) { f(dst, at(x, i, 4), n) })
		}
	}
	return f
}

// Transpose returns the loop dst[j*dstStride+i] = src[i*srcStride+j] for i < rows,
// j < cols and elements of size bytes (1, 2, 4, 8, 16); strides count elements.
func Transpose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	if f := asmTranspose4[active]; f != nil && size == 4 {
		return f
	}
	return transpose(size)
}

type (
	signed   interface{ int8 | int16 | int32 | int64 }
	unsigned interface {
		uint8 | uint16 | uint32 | uint64
	}
	integer interface{ signed | unsigned }
	float   interface{ float32 | float64 }
	number  interface{ integer | float }
	cplx    interface{ complex64 | complex128 }
	numeric interface{ number | cplx }
)

// loops are the portable tables of one type; a nil one is empty.
type loops struct {
	unary   func(op compute.OpType) Func1
	binary  func(op compute.OpType, m Mode) Func2
	reduce  func(op compute.OpType) Func1
	convert func(to dtypes.DType) Func1
	arg     func(isMin bool) argFunc
}

func loopsOf(t dtypes.DType) loops {
	size := sizeOf(t)
	switch {
	case t.IsUnsigned():
		return BySize(size, intLoops[uint8, uint8](), intLoops[uint16, uint16](),
			intLoops[uint32, uint32](), intLoops[uint64, uint64](), loops{})
	case t.IsInt():
		return BySize(size, intLoops[int8, uint8](), intLoops[int16, uint16](),
			intLoops[int32, uint32](), intLoops[int64, uint64](), loops{})
	}
	switch t {
	case dtypes.Bool: // bytes that are 0 or 1
		return loops{unaryBool, binaryBool, reduceBool, convertInt[uint8], nil}
	case dtypes.Float16:
		return halfLoops(t, fromFloat16)
	case dtypes.BFloat16:
		return halfLoops(t, fromBFloat16)
	case dtypes.Float32:
		return floatLoops[float32]()
	case dtypes.Float64:
		return floatLoops[float64]()
	case dtypes.Complex64:
		return complexLoops[complex64, float32](dtypes.Float32)
	case dtypes.Complex128:
		return complexLoops[complex128, float64](dtypes.Float64)
	}
	return loops{}
}

// intLoops are those of the integer T; U is the unsigned type of its width.
func intLoops[T integer, U unsigned]() loops {
	return loops{unaryInt[T, U], binaryInt[T, U], reduceInt[T], convertInt[T], argOf(keep[T])}
}

func floatLoops[T float]() loops {
	return loops{unaryFloat[T], binaryFloat[T], reduceFloat[T], convertFloat[T], argOf(keep[T])}
}

func halfLoops(t dtypes.DType, value func(uint16) float32) loops {
	return loops{
		func(op compute.OpType) Func1 { return unaryHalf(op, t) },
		func(op compute.OpType, m Mode) Func2 { return binaryHalf(op, t, m) },
		func(op compute.OpType) Func1 { return reduceHalf(op, t) },
		nil, // convert has them
		argOf(value)}
}

// complexLoops are those of T, which is made of two R; rt is R.
func complexLoops[T cplx, R float](rt dtypes.DType) loops {
	return loops{unaryComplex[T, R], binaryComplex[T], reduceNumeric[T],
		func(to dtypes.DType) Func1 { return convertComplex[T, R](rt, to) }, nil}
}

func isHalf(t dtypes.DType) bool { return t == dtypes.Float16 || t == dtypes.BFloat16 }

// sizeOf is the size in bytes of an element, 0 for a type without a loop.
func sizeOf(t dtypes.DType) int {
	if !t.IsSupported() || t.IsPacked() {
		return 0
	}
	return t.Size()
}

// view is the n elements at p.
func view[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

// at is the address of element i of an array of elements of size bytes.
func at(p unsafe.Pointer, i, size int) unsafe.Pointer { return unsafe.Add(p, i*size) }

// blockLen is the number of elements that a staged loop converts at a time.
const blockLen = 256

// hide is p, of which the compiler no longer knows that it points to the stack: a
// scratch block given to a loop need not move to the heap, since no loop keeps its
// pointers. The caller keeps the block alive (runtime.KeepAlive) to its last use.
//
//go:nosplit
func hide(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return *(*unsafe.Pointer)(unsafe.Pointer(&x))
}

// vec1 is the loop f on raw memory.
func vec1[D, T any](f func(d []D, x []T)) Func1 {
	return func(dst, x unsafe.Pointer, n int) { f(view[D](dst, n), view[T](x, n)) }
}

// map1 sets d[i] = f(x[i]). The compiler inlines it, and a short function literal f, into
// the function literal that vec1 is given, which makes the loop as fast as one written
// out; but not where the function around all this is so short that it is inlined too.
func map1[D, T any](d []D, x []T, f func(v T) D) {
	d = d[:len(x)]
	for i, v := range x {
		d[i] = f(v)
	}
}

// map2 is map1 of two operands.
func map2[D, T any](d []D, a, b []T, f func(a, b T) D) {
	d, b = d[:len(a)], b[:len(a)]
	for i, v := range a {
		d[i] = f(v, b[i])
	}
}

// each1 is the loop d[i] = f(x[i]) that calls f for every element.
func each1[D, T any](f func(v T) D) Func1 {
	return vec1(func(d []D, x []T) {
		for i, v := range x {
			d[i] = f(v)
		}
	})
}

// vec2 is the loop f on raw memory. An operand that is one element is repeated in
// a block on the stack, and f runs block by block.
func vec2[D, T any](m Mode, f func(d []D, a, b []T)) Func2 {
	if m == VV {
		return func(dst, x, y unsafe.Pointer, n int) { f(view[D](dst, n), view[T](x, n), view[T](y, n)) }
	}
	return func(dst, x, y unsafe.Pointer, n int) {
		one, rest := y, x
		if m == SV {
			one, rest = x, y
		}
		many := view[T](rest, n)
		var scratch [blockLen]T
		rep := view[T](hide(unsafe.Pointer(&scratch)), min(n, blockLen))
		for i := range rep {
			rep[i] = *(*T)(one)
		}
		for d := view[D](dst, n); len(d) > 0; {
			k := min(len(d), blockLen)
			if m == VS {
				f(d[:k], many[:k], rep[:k])
			} else {
				f(d[:k], rep[:k], many[:k])
			}
			d, many = d[k:], many[k:]
		}
		runtime.KeepAlive(&scratch)
	}
}

// each2 is each1 of two operands.
func each2[D, T any](m Mode, f func(a, b T) D) Func2 {
	return vec2(m, func(d []D, a, b []T) {
		for i, v := range a {
			d[i] = f(v, b[i])
		}
	})
}

// staged1 runs f on blocks of the type M, which load makes of elements of bits bits
// and store turns into elements of ds bytes; without a store f does so itself.
func staged1[M any](load, f, store Func1, bits, ds int) Func1 {
	if load == nil || f == nil {
		return nil
	}
	return func(dst, x unsafe.Pointer, n int) {
		var scratch [blockLen]M
		b := hide(unsafe.Pointer(&scratch))
		for i := 0; i < n; i += blockLen {
			k := min(blockLen, n-i)
			load(b, unsafe.Add(x, i*bits/8), k)
			if store == nil {
				f(at(dst, i, ds), b, k)
				continue
			}
			f(b, b, k)
			store(at(dst, i, ds), b, k)
		}
		runtime.KeepAlive(&scratch)
	}
}

// staged2 is staged1 for a loop of two operands in mode m.
func staged2[M any](load Func1, f Func2, store Func1, xs, ds int, m Mode) Func2 {
	if load == nil || f == nil {
		return nil
	}
	return func(dst, x, y unsafe.Pointer, n int) {
		var sa, sb [blockLen]M
		a, b := hide(unsafe.Pointer(&sa)), hide(unsafe.Pointer(&sb))
		for i := 0; i < n; i += blockLen {
			k := min(blockLen, n-i)
			if m != SV {
				load(a, at(x, i, xs), k)
			} else if i == 0 {
				load(a, x, 1)
			}
			if m != VS {
				load(b, at(y, i, xs), k)
			} else if i == 0 {
				load(b, y, 1)
			}
			if store == nil {
				f(at(dst, i, ds), a, b, k)
				continue
			}
			out := a // the operand that is needed again stays whole
			if m == SV {
				out = b
			}
			f(out, a, b, k)
			store(at(dst, i, ds), out, k)
		}
		runtime.KeepAlive(&sa)
		runtime.KeepAlive(&sb)
	}
}
