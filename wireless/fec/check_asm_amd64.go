//go:build amd64 && !noasm

package fec

import "unsafe"

type (
	minSumFunc func(v, r, places, wraps *byte, blocks, lifting int, scale, offset, limit float32)
	oddFunc    func(v, places *byte, blocks, degree, lanes int) int
)

// asmMinSums are the loops by degree, asmOdds serve any.
var (
	asmMinSums = map[string]map[int]minSumFunc{
		"avx2": {
			3: avx2MinSum3, 4: avx2MinSum4, 5: avx2MinSum5, 6: avx2MinSum6, 7: avx2MinSum7,
			8: avx2MinSum8, 9: avx2MinSum9, 10: avx2MinSum10, 19: avx2MinSum19,
		},
		"avx512": {
			3: avx512MinSum3, 4: avx512MinSum4, 5: avx512MinSum5, 6: avx512MinSum6, 7: avx512MinSum7,
			8: avx512MinSum8, 9: avx512MinSum9, 10: avx512MinSum10, 19: avx512MinSum19,
		},
	}
	asmOdds = map[string]oddFunc{"avx2": avx2Odd, "avx512": avx512Odd}
)

func first[T any](s []T) *byte { return (*byte)(unsafe.Pointer(&s[0])) }

// asmMinSum is false where the loop in Go serves. Those in AVX2 leave the checks after
// the last whole block, and the wrap, to it.
func asmMinSum(l *checkLayer, v, r []float32, m minSum) bool {
	f := asmMinSums[variant][l.degree]
	if f == nil {
		return false
	}
	blocks, partly := l.blocks, variant == "avx2"
	if partly {
		blocks = l.lifting / checkLanes
	}
	f(first(v), first(r), first(l.places), first(l.wraps), blocks, l.lifting, m.scale, m.offset, m.limit)
	if partly {
		l.steps(v, r, m, blocks)
	}
	return true
}

func asmOdd(l *checkLayer, v []float32) (odd, ok bool) {
	f := asmOdds[variant]
	if f == nil {
		return false, false
	}
	return f(first(v), first(l.places), l.blocks, l.degree, l.lifting-(l.blocks-1)*checkLanes) != 0, true
}
