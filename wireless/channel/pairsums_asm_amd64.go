//go:build amd64 && !noasm

package channel

type pairSumsFunc func(out, aRe, aIm, eRe, eIm *float64, num, aStride, eStride, outStride int)

// asmPairs are the loops for four points and for one.
var asmPairs = map[string]struct{ four, one pairSumsFunc }{
	"avx2":   {avx2PairSums4, avx2PairSums1},
	"avx512": {avx512PairSums4, avx512PairSums1},
}

// asmPairSums is false where the loop in Go serves.
func asmPairSums(out, aRe, aIm []float64, stride int, eRe, eIm []float64, rows, num, points int) bool {
	f, ok := asmPairs[variant]
	if !ok {
		return false
	}
	for row := 0; row < rows; row += pairRows {
		point := 0
		for ; point+4 <= points; point += 4 {
			f.four(&out[4*rows*point+row], &aRe[row], &aIm[row], &eRe[point*num], &eIm[point*num], num, 8*stride, 8*num, 8*rows)
		}
		for ; point < points; point++ {
			f.one(&out[4*rows*point+row], &aRe[row], &aIm[row], &eRe[point*num], &eIm[point*num], num, 8*stride, 8*num, 8*rows)
		}
	}
	return true
}
