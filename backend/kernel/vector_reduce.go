package kernel

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// reduce is the portable table of Reduce.
func reduce(op compute.OpType, t dtypes.DType) Func1 {
	if f := loopsOf(t).reduce; f != nil {
		return f(op)
	}
	return nil
}

func reduceBool(op compute.OpType) Func1 {
	switch op {
	case compute.OpTypeReduceLogicalAnd:
		return reduceBits[uint8](compute.OpTypeReduceBitwiseAnd, 1)
	case compute.OpTypeReduceLogicalOr:
		return reduceBits[uint8](compute.OpTypeReduceBitwiseOr, 1)
	case compute.OpTypeReduceLogicalXor:
		return reduceBits[uint8](compute.OpTypeReduceBitwiseXor, 1)
	}
	return nil
}

func reduceInt[T integer](op compute.OpType) Func1 {
	if f := reduceBits(op, ^T(0)); f != nil {
		return f
	}
	low, high := ends[T]()
	return reduceReal(op, low, high)
}

func reduceFloat[T float](op compute.OpType) Func1 {
	return reduceReal(op, T(math.Inf(-1)), T(math.Inf(1)))
}

// reduceBits works on elements that have the bits of ones, and no others.
func reduceBits[T integer](op compute.OpType, ones T) Func1 {
	switch op {
	case compute.OpTypeReduceBitwiseAnd:
		return fold(ones, func(r T, x []T) T { return inOrder(r, x, func(r, v T) T { return r & v }) })
	case compute.OpTypeReduceBitwiseOr:
		return fold(0, func(r T, x []T) T { return inOrder(r, x, func(r, v T) T { return r | v }) })
	case compute.OpTypeReduceBitwiseXor:
		return fold(0, func(r T, x []T) T { return inOrder(r, x, func(r, v T) T { return r ^ v }) })
	}
	return nil
}

// reduceReal works on numbers from low to high.
func reduceReal[T number](op compute.OpType, low, high T) Func1 {
	switch op {
	case compute.OpTypeReduceMax:
		return fold(low, func(r T, x []T) T { return inOrder(r, x, func(r, v T) T { return max(r, v) }) })
	case compute.OpTypeReduceMin:
		return fold(high, func(r T, x []T) T { return inOrder(r, x, func(r, v T) T { return min(r, v) }) })
	}
	return reduceNumeric[T](op)
}

// inOrder is f of r and one element of x after the other, inlined as map1 is.
func inOrder[T any](r T, x []T, f func(r, v T) T) T {
	for _, v := range x {
		r = f(r, v)
	}
	return r
}

func reduceNumeric[T numeric](op compute.OpType) Func1 {
	switch op {
	case compute.OpTypeReduceSum:
		return fold(0, func(r T, x []T) T {
			var a, b, c T
			for ; len(x) >= 4; x = x[4:] {
				r, a, b, c = r+x[0], a+x[1], b+x[2], c+x[3]
			}
			for _, v := range x {
				r += v
			}
			return (r + a) + (b + c)
		})
	case compute.OpTypeReduceProduct:
		return fold(1, func(r T, x []T) T {
			a, b, c := T(1), T(1), T(1)
			for ; len(x) >= 4; x = x[4:] {
				r, a, b, c = r*x[0], a*x[1], b*x[2], c*x[3]
			}
			for _, v := range x {
				r *= v
			}
			return (r * a) * (b * c)
		})
	}
	return nil
}

// leafLen is the number of elements that a leaf of the tree of a reduction folds.
const leafLen = 256

// fold is the reduction whose leaves are folded by leaf from init on.
func fold[T any](init T, leaf func(r T, x []T) T) Func1 {
	return func(dst, x unsafe.Pointer, n int) { *(*T)(dst) = tree(init, view[T](x, n), leaf) }
}

// tree folds halves of x and then the two results.
func tree[T any](init T, x []T, leaf func(r T, x []T) T) T {
	if len(x) <= leafLen {
		return leaf(init, x)
	}
	h := half(len(x), leafLen)
	right := tree(init, x[h:], leaf)
	r := leaf(tree(init, x[:h], leaf), view[T](hide(unsafe.Pointer(&right)), 1))
	runtime.KeepAlive(&right)
	return r
}

// half is where a tree cuts n elements: at a multiple of its leaves.
func half(n, leaf int) int { return (n/2 + leaf - 1) / leaf * leaf }

// reduceHalf folds blocks in float32 and their results one after the other.
func reduceHalf(op compute.OpType, t dtypes.DType) Func1 {
	load, f, store := Convert(t, dtypes.Float32), Reduce(op, dtypes.Float32), Convert(dtypes.Float32, t)
	if f == nil {
		return nil
	}
	var init float32
	ReduceInit(op, dtypes.Float32, unsafe.Pointer(&init))
	return func(dst, x unsafe.Pointer, n int) {
		scratch := [1 + blockLen]float32{init} // the result so far, a block
		acc := hide(unsafe.Pointer(&scratch))
		for i := 0; i < n; i += blockLen {
			k := min(blockLen, n-i)
			load(at(acc, 1, 4), at(x, i, 2), k)
			f(acc, acc, 1+k)
		}
		store(dst, acc, 1)
		runtime.KeepAlive(&scratch)
	}
}

// ReduceInit writes the value of t that changes nothing in the reduction op: 0, 1,
// the lowest or the highest value (an infinity in floats), all ones. It reports
// whether op is defined for t.
func ReduceInit(op compute.OpType, t dtypes.DType, dst unsafe.Pointer) bool {
	f := reduce(op, t)
	if f != nil {
		f(dst, dst, 0)
	}
	return f != nil
}

// ArgMinMax returns the loop that finds the index of the least (or greatest) of n
// elements: the first of equals, and the first NaN before all. It is nil for bool and
// complex types.
func ArgMinMax(t dtypes.DType, isMin bool) func(x unsafe.Pointer, n int) int {
	if f := loopsOf(t).arg; f != nil {
		return f(isMin)
	}
	return nil
}

type argFunc = func(x unsafe.Pointer, n int) int

func keep[T any](v T) T { return v }

// argOf compares the elements S as the numbers T that value makes of them.
func argOf[S any, T number](value func(S) T) func(isMin bool) argFunc {
	return func(isMin bool) argFunc {
		return func(x unsafe.Pointer, n int) int {
			all := view[S](x, n)
			best, where := value(all[0]), 0
			for i := 1; i < len(all) && best == best; i++ {
				v := value(all[i])
				if v != v || isMin && v < best || !isMin && v > best {
					best, where = v, i
				}
			}
			return where
		}
	}
}
