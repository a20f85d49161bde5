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

// asmStopping has the loops that stop: the generator does not list them with the others.
var asmStopping = map[string]choice[Func1]{
	"Cos": {stopping(avx2Cos, math.Cos), stopping(avx512Cos, math.Cos)},
	"Sin": {stopping(avx2Sin, math.Sin), stopping(avx512Sin, math.Sin)},
}

// asmName is the name of an operation's loop, which for Float32 goes without the type.
func asmName(op compute.OpType, t dtypes.DType) string {
	if t == dtypes.Float32 {
		return op.String()
	}
	return t.String() + op.String()
}

var modes = [...]string{VV: "VV", VS: "VS", SV: "SV", SS: "SS"}

func asm1(op compute.OpType, t dtypes.DType) Func1 {
	name := asmName(op, t)
	if c, ok := asmStopping[name]; ok {
		return choose(c)
	}
	return choose(asmLoops1[name])
}

func asm2(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	return choose(asmLoops2[asmName(op, t)+modes[m]])
}

// asm3 is Select or MulAdd of elements of four bytes.
func asm3(name string, m Mode) Func3 { return choose(asmLoops3[name+modes[m]]) }

func asmConvert(from, to dtypes.DType) Func1 {
	if from == dtypes.Bool { // a byte that is 0 or 1
		from = dtypes.Uint8
	}
	return choose(asmLoops1[from.String()+"To"+to.String()])
}

var asmReductions = map[compute.OpType]choice[Func1]{
	compute.OpTypeReduceSum: {avx2Sum, avx512Sum},
	compute.OpTypeReduceMax: {avx2Greatest, avx512Greatest},
	compute.OpTypeReduceMin: {avx2Least, avx512Least},
}

func asmReduce(op compute.OpType, t dtypes.DType) Func1 {
	f := choose(asmReductions[op])
	if f == nil || t != dtypes.Float32 {
		return nil
	}
	if op != compute.OpTypeReduceSum {
		return f
	}
	return func(dst, x unsafe.Pointer, n int) {
		if n <= sumLeaf {
			f(dst, x, n)
			return
		}
		sumTree(dst, 0, n, func(i, n int) { f(dst, at(x, i, 4), n) })
	}
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

// sumTree sums n elements from i on into dst, in a tree of leaves of sumLeaf.
func sumTree(dst unsafe.Pointer, i, n int, leaf func(i, n int)) {
	if n <= sumLeaf {
		leaf(i, n)
		return
	}
	h := half(n, sumLeaf)
	sumTree(dst, i, h, leaf)
	left := *(*float32)(dst)
	sumTree(dst, i+h, n-h, leaf)
	*(*float32)(dst) += left
}

func asmTranspose(size int) transposeFunc {
	if size != 4 {
		return nil
	}
	return choose(choice[transposeFunc]{avx2Transpose4, avx512Transpose4})
}

// chainTables are the handlers of chains.
var chainTables = func() (t choice[chainTable]) {
	avx2ChainTable(unsafe.Pointer(&t[0]))
	avx512ChainTable(unsafe.Pointer(&t[1]))
	return t
}()

// Fence lets other goroutines see what this one has stored past the caches.
func Fence() { avx2Fence() }

func asmChain() (run chainFunc, block int, handlers chainTable) {
	return choose(choice[chainFunc]{avx2Chain, avx512Chain}), choose(choice[int]{32, 64}), choose(chainTables)
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
