package kernel

// phasorRows is how many rows a step of PairSums handles.
const phasorRows = 8

// PhasorRows is n rounded up to whole steps of [PairSums].
func PhasorRows(n int) int { return (n + phasorRows - 1) / phasorRows * phasorRows }

// PairSums adds up phasors with many sets of complex weights at once: for every row
// and point,
//
//	above[point, row] = sum over l of a[l, row] e[point, l]
//	below[point, row] = sum over l of a[l, row] conj(e[point, l])
//
// which share their products. aRe and aIm hold num lines of rows, stride apart; eRe
// and eIm points lines of num; out gets four lines of rows for each point: above.re,
// above.im, below.re, below.im. rows is a multiple of 8, num at least 1.
//
// Sums go over l from the first to the last, and products are rounded before they are
// added: every variant for one kind of processor gives the same bits.
func PairSums(out, aRe, aIm []float64, stride int, eRe, eIm []float64, rows, num, points int) {
	_, _, _ = out[4*rows*points-1], aRe[(num-1)*stride+rows-1], aIm[(num-1)*stride+rows-1]
	_, _ = eRe[points*num-1], eIm[points*num-1]
	if asmPairSums(out, aRe, aIm, stride, eRe, eIm, rows, num, points) {
		return
	}
	for point := range points {
		er, ei := eRe[point*num:][:num], eIm[point*num:][:num]
		lines := out[4*rows*point:][:4*rows]
		for row := range rows {
			var rr, ii, ri, ir float64
			at := row
			for l, c := range er {
				re, im, s := aRe[at], aIm[at], ei[l]
				rr += re * c
				ii += im * s
				ri += re * s
				ir += im * c
				at += stride
			}
			lines[row], lines[rows+row] = rr-ii, ri+ir
			lines[2*rows+row], lines[3*rows+row] = rr+ii, ir-ri
		}
	}
}
