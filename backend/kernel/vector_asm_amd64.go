//go:build amd64 && !noasm

package kernel

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// A choice is a loop in AVX2 and in AVX-512.
type choice[F any] [2]F

func choose[F any](c choice[F]) (f F) {
	switch active {
	case avx512:
		return c[1]
	case avx2:
		return c[0]
	}
	return f
}

// Loops that stop have other results than those that the generator lists by name.
var (
	asmCos = choice[Func1]{stopping(avx2Cos, math.Cos), stopping(avx512Cos, math.Cos)}
	asmSin = choice[Func1]{stopping(avx2Sin, math.Sin), stopping(avx512Sin, math.Sin)}
)

// asmName is the name of an operation's loop, which for Float32 goes without the type.
func asmName(op compute.OpType, t dtypes.DType) string {
	if t == dtypes.Float32 {
		return op.String()
	}
	return t.String() + op.String()
}

var modes = [...]string{VV: "VV", VS: "VS", SV: "SV", SS: "SS"}

func asm1(op compute.OpType, t dtypes.DType) Func1 {
	switch {
	case op == compute.OpTypeCos && t == dtypes.Float32:
		return choose(asmCos)
	case op == compute.OpTypeSin && t == dtypes.Float32:
		return choose(asmSin)
	}
	return choose(asmLoops1[asmName(op, t)])
}

func asm2(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	return choose(asmLoops2[asmName(op, t)+modes[m]])
}

// asmSelect serves all types of four bytes.
func asmSelect(t dtypes.DType, m Mode) Func3 {
	if sizeOf(t) != 4 {
		return nil
	}
	return choose(asmLoops3["Select"+modes[m]])
}

func asmMulAdd(t dtypes.DType, m Mode) Func3 {
	if t != dtypes.Float32 {
		return nil
	}
	return choose(asmLoops3["MulAdd"+modes[m]])
}

func asmConvert(from, to dtypes.DType) Func1 {
	if from == dtypes.Bool { // a byte that is 0 or 1
		from = dtypes.Uint8
	}
	return choose(asmLoops1[from.String()+"To"+to.String()])
}

func asmReduce(op compute.OpType, t dtypes.DType) Func1 {
	if t != dtypes.Float32 {
		return nil
	}
	switch op {
	case compute.OpTypeReduceSum:
		if f := choose(choice[Func1]{avx2Sum, avx512Sum}); f != nil {
			return func(dst, x unsafe.Pointer, n int) {
				if n <= sumLeaf {
					f(dst, x, n)
					return
				}
				sumTree(dst, 0, n, func(i, n int) { f(dst, at(x, i, 4), n) })
			}
		}
	case compute.OpTypeReduceMax:
		return choose(choice[Func1]{avx2Greatest, avx512Greatest})
	case compute.OpTypeReduceMin:
		return choose(choice[Func1]{avx2Least, avx512Least})
	}
	return nil
}

func asmDot() Func2 {
	f := choose(choice[Func2]{avx2Dot, avx512Dot})
	if f == nil {
		return nil
	}
	return func(dst, x, y unsafe.Pointer, n int) {
		if n <= sumLeaf {
			f(dst, x, y, n)
			return
		}
		sumTree(dst, 0, n, func(i, n int) { f(dst, at(x, i, 4), at(y, i, 4), n) })
	}
}

// sumLeaf is the number of elements that the assembly sums: at most 64 in a row.
const sumLeaf = 4096

// sumTree sums n elements from i on into dst: halves, cut at a multiple of sumLeaf, down
// to leaves.
func sumTree(dst unsafe.Pointer, i, n int, leaf func(i, n int)) {
	if n <= sumLeaf {
		leaf(i, n)
		return
	}
	h := (n/2 + sumLeaf - 1) / sumLeaf * sumLeaf
	sumTree(dst, i, h, leaf)
	left := *(*float32)(dst)
	sumTree(dst, i+h, n-h, leaf)
	*(*float32)(dst) += left
}

func asmTranspose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	if size != 4 {
		return nil
	}
	return choose(choice[func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)]{avx2Transpose4, avx512Transpose4})
}

// chainTables are the handlers of chains.
var chainTables = func() (t choice[[chainHandlerCount]uintptr]) {
	avx2ChainTable(unsafe.Pointer(&t[0]))
	avx512ChainTable(unsafe.Pointer(&t[1]))
	return t
}()

// Fence lets other goroutines see what this one has stored past the caches.
func Fence() { avx2Fence() }

func asmChain() (run func(code, ptrs unsafe.Pointer, blocks int), block int, handlers [chainHandlerCount]uintptr) {
	run = choose(choice[func(code, ptrs unsafe.Pointer, blocks int)]{avx2Chain, avx512Chain})
	return run, choose(choice[int]{32, 64}), choose(chainTables)
}

// trigLimit is the greatest |x| whose argument the assembly of sine and cosine
// reduces.
const trigLimit = 1e5

// stopping makes a loop of fast, which returns before a vector (at most block
// elements) with an |x| above trigLimit: there those elements take slow. What the
// others get does not depend on their neighbours.
func stopping(fast func(dst, x unsafe.Pointer, n int) int, slow func(float64) float64) Func1 {
	const block = 16
	return func(dst, x unsafe.Pointer, n int) {
		i := fast(dst, x, n)
		if i == n {
			return
		}
		d, s := view[float32](dst, n), view[float32](x, n)
		in, out := make([]float32, block), make([]float32, block)
		for i < n {
			k := copy(in, s[i:])
			for j, v := range in[:k] {
				if math.Abs(float64(v)) > trigLimit {
					in[j] = 0
				}
			}
			fast(unsafe.Pointer(&out[0]), unsafe.Pointer(&in[0]), k)
			for j, v := range s[i : i+k] {
				if math.Abs(float64(v)) > trigLimit {
					out[j] = float32(slow(float64(v)))
				}
			}
			copy(d[i:], out[:k])
			if i += k; i < n {
				i += fast(at(dst, i, 4), at(x, i, 4), n-i)
			}
		}
	}
}
