package kernel

import "unsafe"

// Dot returns the loop dst[0] = the sum of x[i]*y[i] of Float32, in a tree that depends
// on n only.
func Dot() Func2 {
	f, leaf := asmLoops2["Dot"][active], asmLeaf
	if f == nil {
		f, leaf = dotLeaf, leafLen
	}
	return func(dst, x, y unsafe.Pointer, n int) {
		if n <= leaf {
			f(dst, x, y, n)
			return
		}
		sumTree(dst, 0, n, leaf, func(i, n int) { f(dst, at(x, i, 4), at(y, i, 4), n) })
	}
}

func dotLeaf(dst, px, py unsafe.Pointer, n int) {
	x, y := view[float32](px, n), view[float32](py, n)
	var a, b, c, d float32
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a, b, c, d = a+x[0]*y[0], b+x[1]*y[1], c+x[2]*y[2], d+x[3]*y[3]
	}
	for i, v := range x {
		a += v * y[i]
	}
	*(*float32)(dst) = (a + b) + (c + d)
}

// asmLeaf is the number of elements that the assembly sums: at most 64 in a row.
const asmLeaf = 4096

// sumTree sums n elements from i on into dst, in a tree of leaves of at most size.
func sumTree(dst unsafe.Pointer, i, n, size int, leaf func(i, n int)) {
	if n <= size {
		leaf(i, n)
		return
	}
	h := half(n, size)
	sumTree(dst, i, h, size, leaf)
	left := *(*float32)(dst)
	sumTree(dst, i+h, n-h, size, leaf)
	*(*float32)(dst) += left
}
