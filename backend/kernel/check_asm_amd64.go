//go:build amd64 && !noasm

package kernel

import "unsafe"

type minSumFunc func(v, r, places, wraps *byte, blocks, lifting int, scale, offset, limit float32)

// asmMinSums are the loops by degree.
var asmMinSums = map[int]choice[minSumFunc]{
	3:  {avx2MinSum3, avx512MinSum3},
	4:  {avx2MinSum4, avx512MinSum4},
	5:  {avx2MinSum5, avx512MinSum5},
	6:  {avx2MinSum6, avx512MinSum6},
	7:  {avx2MinSum7, avx512MinSum7},
	8:  {avx2MinSum8, avx512MinSum8},
	9:  {avx2MinSum9, avx512MinSum9},
	10: {avx2MinSum10, avx512MinSum10},
	19: {avx2MinSum19, avx512MinSum19},
}

func first[T any](s []T) *byte { return (*byte)(unsafe.Pointer(&s[0])) }

func asmMinSum(l *CheckLayer, v, r []float32, m MinSum) bool {
	f := choose(asmMinSums[l.degree])
	if f == nil {
		return false
	}
	blocks := l.blocks
	if active == avx2 {
		blocks = l.lifting / checkLanes
	}
	f(first(v), first(r), first(l.places), first(l.wraps), blocks, l.lifting, m.Scale, m.Offset, m.Limit)
	if active == avx2 {
		l.steps(v, r, m, blocks)
	}
	return true
}

func asmOdd(l *CheckLayer, v []float32) (odd, ok bool) {
	f := choose(choice[func(v, places *byte, blocks, degree, lanes int) int]{avx2Odd, avx512Odd})
	if f == nil {
		return false, false
	}
	return f(first(v), first(l.places), l.blocks, l.degree, l.lifting-(l.blocks-1)*checkLanes) != 0, true
}
