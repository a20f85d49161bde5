package fec

import "math"

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
