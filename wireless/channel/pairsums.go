package channel

import "github.com/comlam/comlam/backend/kernel"

//go:generate go -C ../../backend/kernel/gen run ./phasor -out ../../../wireless/channel/pairsums_amd64.s -stubs ../../../wireless/channel/pairsums_stub_amd64.go -pkg channel

// variant names the loops that run, those of the engine; tests try the lower ones, too.
var variant = kernel.Variant()

// pairRows is how many rows a step of pairSums handles.
const pairRows = 8

// wholeRows is n rounded up to whole steps of pairSums.
func wholeRows(n int) int { return (n + pairRows - 1) / pairRows * pairRows }

// pairSums adds up phasors with many sets of complex weights at once: for every row
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
func pairSums(out, aRe, aIm []float64, stride int, eRe, eIm []float64, rows, num, points int) {
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
