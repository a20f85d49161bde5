package channel

import "math"

// phasor returns exp(j angle).
func phasor(angle float64) complex128 {
	sin, cos := math.Sincos(angle)
	return complex(cos, sin)
}

// A centred grid of num points lies symmetrically about 0, one step apart. Its
// phasors come in conjugate pairs, so only the half at and above 0 is kept: point
// h of the half stands for the grid's points num/2+h and (num-1)/2-h.
func halfOf(num int) int { return (num + 1) / 2 }

// firstOffset is where the half begins, in steps.
func firstOffset(num int) float64 {
	if num%2 == 0 {
		return 0.5
	}
	return 0
}

// phasorTable holds exp(j offset_h angle_m) of a centred grid, [half][angle].
type phasorTable struct {
	num            int
	width          int       // number of angles that fill was last given
	re, im         []float64 // [half, width]
	stepRe, stepIm []float64 // [width]
}

// newPhasorTable makes room for up to widest angles.
func newPhasorTable(num, widest int) *phasorTable {
	n := halfOf(num) * widest
	return &phasorTable{
		num: num,
		re:  make([]float64, n), im: make([]float64, n),
		stepRe: make([]float64, widest), stepIm: make([]float64, widest),
	}
}

// reseedEvery bounds the rounding of the recurrence to some 1e-14.
const reseedEvery = 64

// fill computes the table for one angle per step and column, in radians.
func (t *phasorTable) fill(angle []float64) {
	w := len(angle)
	t.width = w
	for m, a := range angle {
		t.stepIm[m], t.stepRe[m] = math.Sincos(a)
	}
	for h := range halfOf(t.num) {
		re, im := t.re[h*w:(h+1)*w], t.im[h*w:(h+1)*w]
		if h%reseedEvery == 0 {
			offset := firstOffset(t.num) + float64(h)
			for m, a := range angle {
				im[m], re[m] = math.Sincos(offset * a)
			}
			continue
		}
		lastRe, lastIm := t.re[(h-1)*w:h*w], t.im[(h-1)*w:h*w]
		stepRe, stepIm := t.stepRe[:w], t.stepIm[:w]
		for m := range re {
			re[m] = lastRe[m]*stepRe[m] - lastIm[m]*stepIm[m]
			im[m] = lastRe[m]*stepIm[m] + lastIm[m]*stepRe[m]
		}
	}
}
