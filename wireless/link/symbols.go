package link

import (
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/mapping"
)

// symbolAir sends symbol by symbol to antennas that fade independently, or not at all,
// and whose channel is known to the receiver.
type symbolAir struct {
	scheme mapping.Scheme
	rule   mapping.Rule
	fading bool
	numRx  int
	sigma  complex128 // root of the noise variance
	x      []complex64
	n0     []float32 // behind the combiner, a symbol; one for all without fading
}

func newSymbolAir(l *Link, n0 float64) *symbolAir {
	n := l.numSent / l.scheme.Qm()
	a := &symbolAir{scheme: l.scheme, rule: demappers[l.config.Demapper], fading: l.config.Channel == "rayleigh",
		numRx: l.config.NumRx, sigma: complex(math.Sqrt(n0), 0), x: make([]complex64, n), n0: make([]float32, n)}
	if !a.fading {
		a.n0 = []float32{float32(n0 / float64(a.numRx))}
	}
	return a
}

func (a *symbolAir) pass(s *rng.Stream, llrs []float32, sent []byte) error {
	if err := a.scheme.Map(a.x, sent); err != nil {
		return err
	}
	for i, x := range a.x {
		if a.fading {
			a.x[i], a.n0[i] = a.combine(s, complex128(x))
			continue
		}
		var noise complex128
		for range a.numRx {
			noise += s.ComplexNormal()
		}
		a.x[i] += complex64(noise * a.sigma / complex(float64(a.numRx), 0))
	}
	return a.scheme.Demap(llrs, a.x, a.n0, a.rule)
}

// combine receives a symbol on all antennas and combines for maximum ratio: the
// symbol with noise of the variance n0 / sum |h|^2.
func (a *symbolAir) combine(s *rng.Stream, x complex128) (complex64, float32) {
	var sum complex128
	var gain float64
	for range a.numRx {
		h := s.ComplexNormal()
		y := h*x + a.sigma*s.ComplexNormal()
		sum += complex(real(h), -imag(h)) * y
		gain += real(h)*real(h) + imag(h)*imag(h)
	}
	n0 := real(a.sigma) * real(a.sigma) / gain
	return complex64(sum / complex(gain, 0)), float32(min(n0, 1e30))
}
