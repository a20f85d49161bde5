//go:build amd64 && !noasm

package kernel

import (
	"math"
	"unsafe"
)

var asmTranspose4 = choice[transposeFunc]{avx2: avx2Transpose4, avx512: avx512Transpose4}

var chainLoops = func() choice[chainLoop] {
	c := choice[chainLoop]{avx2: {run: avx2Chain, block: 32}, avx512: {run: avx512Chain, block: 64}}
	avx2ChainTable(unsafe.Pointer(&c[avx2].handlers))
	avx512ChainTable(unsafe.Pointer(&c[avx512].handlers))
	return c
}()

// Fence lets other goroutines see what this one has stored past the caches.
func Fence() { avx2Fence() }

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
