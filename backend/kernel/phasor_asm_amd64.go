//go:build amd64 && !noasm

package kernel

type pairSumsFunc func(out, aRe, aIm, eRe, eIm *float64, num, aStride, eStride, outStride int)

func asmPairSums(out, aRe, aIm []float64, stride int, eRe, eIm []float64, rows, num, points int) bool {
	four := choose(choice[pairSumsFunc]{avx2PairSums4, avx512PairSums4})
	one := choose(choice[pairSumsFunc]{avx2PairSums1, avx512PairSums1})
	if four == nil {
		return false
	}
	for row := 0; row < rows; row += phasorRows {
		point := 0
		for ; point+4 <= points; point += 4 {
			four(&out[4*rows*point+row], &aRe[row], &aIm[row], &eRe[point*num], &eIm[point*num], num, 8*stride, 8*num, 8*rows)
		}
		for ; point < points; point++ {
			one(&out[4*rows*point+row], &aRe[row], &aIm[row], &eRe[point*num], &eIm[point*num], num, 8*stride, 8*num, 8*rows)
		}
	}
	return true
}
