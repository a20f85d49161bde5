package metric

import "fmt"

// Complex is a complex channel coefficient of either width.
type Complex interface{ complex64 | complex128 }

// Real is one real or imaginary part of either width.
type Real interface{ float32 | float64 }

// Energy is what one sample says about a prediction, both in the unit of |h|^2.
type Energy struct {
	Error     float64 // |h_hat - h|^2 summed over the sample
	Reference float64 // |h|^2 summed over the sample
}

// Measure sums |h_hat - h|^2 and |h|^2 over one sample in float64. The two
// slices must have the same, non-zero length; their layout does not matter.
func Measure[C Complex](hHat, h []C) (Energy, error) {
	if err := sameLength(len(hHat), len(h)); err != nil {
		return Energy{}, err
	}
	var e Energy
	for i := range h {
		truth := complex128(h[i])
		e.Error += power(complex128(hHat[i]) - truth)
		e.Reference += power(truth)
	}
	return e, nil
}

// MeasureReal is [Measure] for the real view [2 ...] that models work on: the
// squares of real and imaginary parts add up to the same energies.
func MeasureReal[R Real](hHat, h []R) (Energy, error) {
	if err := sameLength(len(hHat), len(h)); err != nil {
		return Energy{}, err
	}
	var e Energy
	for i := range h {
		truth := float64(h[i])
		d := float64(hHat[i]) - truth
		e.Error += d * d
		e.Reference += truth * truth
	}
	return e, nil
}

// NMSE gathers both definitions of the normalised mean square error at once,
// since a number can only be compared with a paper by the paper's definition.
type NMSE struct {
	RatioOfSums *Tally // nmse/ratio-of-sums
	SampleMean  *Tally // nmse/sample-mean
}

// NewNMSE starts an empty measurement.
func NewNMSE() *NMSE {
	return &NMSE{RatioOfSums: NewTally(RatioOfSums), SampleMean: NewTally(SampleMean)}
}

// Add counts one sample of a drop. The sample must have some reference energy,
// because the mean of ratios is undefined without it.
func (m *NMSE) Add(drop uint64, e Energy) error {
	if !finite(e.Error) || !finite(e.Reference) || e.Error < 0 || e.Reference <= 0 {
		return fmt.Errorf("nmse: a sample of drop %d has error energy \"%g\" and channel energy \"%g\"; "+
			"both must be finite and the channel must not be zero", drop, e.Error, e.Reference)
	}
	// A tiny reference may overflow the ratio: ask that tally first, so that a
	// refused sample enters neither.
	if err := m.SampleMean.Add(drop, e.Error/e.Reference, 1); err != nil {
		return err
	}
	return m.RatioOfSums.Add(drop, e.Error, e.Reference)
}

func sameLength(hHat, h int) error {
	if hHat != h || h == 0 {
		return fmt.Errorf("prediction has %d coefficients and the channel %d; both must have the same, non-zero number", hHat, h)
	}
	return nil
}

// power is |x|^2 without the square root that cmplx.Abs would take.
func power(x complex128) float64 { return real(x)*real(x) + imag(x)*imag(x) }
