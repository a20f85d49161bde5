package fec

import (
	"math"

	"github.com/comlam/comlam/backend/kernel"
)

// sumProduct updates layers by the exact rule: what a check says to one of its
// values is the boxplus of all others, by a pass from each end.
type sumProduct struct {
	lifting, stride int
	t, ahead        [32]float32 // of one check: what its values say; boxplus from the last back
}

func newSumProduct(c *LDPC) *sumProduct {
	return &sumProduct{lifting: c.z, stride: kernel.CheckStride(c.z)}
}

// layer is CheckLayer.MinSum with another rule and without the copies behind columns
// in between; r is [lifting degree].
func (s *sumProduct) layer(v, r []float32, row []edge) {
	n := len(row)
	for z := range s.lifting {
		r := r[z*n:][:n]
		for i, e := range row {
			s.t[i] = v[s.place(e, z)] - r[i]
		}
		s.ahead[n-1] = s.t[n-1]
		for i := n - 2; i > 0; i-- {
			s.ahead[i] = boxplus(s.t[i], s.ahead[i+1])
		}
		before := s.t[0]
		r[0] = s.ahead[1]
		for i := 1; i < n-1; i++ {
			r[i] = boxplus(before, s.ahead[i+1])
			before = boxplus(before, s.t[i])
		}
		r[n-1] = before
		for i, e := range row {
			r[i] = min(max(r[i], -limit), limit)
			v[s.place(e, z)] = s.t[i] + r[i]
		}
	}
	for _, e := range row {
		kernel.CheckSpread(v[e.col*s.stride:], s.lifting)
	}
}

func (s *sumProduct) place(e edge, z int) int {
	at := z + e.shift
	if at >= s.lifting {
		at -= s.lifting
	}
	return e.col*s.stride + at
}

// boxplus is the log-likelihood ratio of the sum of two bits:
// 2 atanh(tanh(a/2) tanh(b/2)), in the form that is exact for large arguments.
func boxplus(a, b float32) float32 {
	least := min(abs(a), abs(b))
	if (a < 0) != (b < 0) {
		least = -least
	}
	return least + (soften(abs(a+b)) - soften(abs(a-b)))
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// The table of ln(1+exp(-x)) is linear between its points; the error is below 2e-6.
const (
	softenSteps = 128 // a unit
	softenTo    = 16
)

var softenTable = func() (t [softenSteps*softenTo + 2]float32) {
	for i := range t {
		t[i] = float32(math.Log1p(math.Exp(-float64(i) / softenSteps)))
	}
	return t
}()

// soften is ln(1+exp(-x)) for x >= 0.
func soften(x float32) float32 {
	if !(x < softenTo) {
		return 0
	}
	at := x * softenSteps
	i := int(at)
	low := softenTable[i]
	return low + float32((at-float32(i))*(softenTable[i+1]-low))
}
