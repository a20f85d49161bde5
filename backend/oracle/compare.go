package oracle

import (
	"fmt"
	"math"
)

// A Difference is the first element of an engine's result that leaves its bound.
type Difference struct {
	Element   int    // in row-major order
	Got, Want string // Want with its bound
	Count     int    // of all elements that do
}

func (d *Difference) Error() string {
	return fmt.Sprintf("element %d is %s, want %s (%d elements differ)", d.Element, d.Got, d.Want, d.Count)
}

// Compare holds an engine's elements, a slice of the dtype's type, against the bounds.
// It returns an error for elements that do not fit the shape, a *Difference otherwise.
func (t *Tensor) Compare(flat any) error {
	got, err := FromFlat(flat, t.Shape)
	if err != nil {
		return err
	}
	var first *Difference
	for i, want := range t.Data {
		switch {
		case t.admits(want, got.Data[i]):
		case first == nil:
			first = &Difference{i, got.Data[i].text(t.dtype()), want.text(t.dtype()), 1}
		default:
			first.Count++
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// admits reports whether an engine may hold got where the oracle has want.
func (t *Tensor) admits(want, got Scalar) bool {
	d := t.dtype()
	switch {
	case want.Unsure:
		return true
	case d.IsFloat():
		return within(want, got)
	case d.IsComplex():
		if math.Hypot(got.Re-want.Re, got.Im-want.Im) <= want.Err {
			return true
		}
		re, im := Scalar{Re: want.Re, anyZero: true}, Scalar{Re: want.Im, anyZero: true}
		return within(re, Scalar{Re: got.Re}) && within(im, Scalar{Re: got.Im})
	}
	return want.Int == got.Int
}

func within(want, got Scalar) bool {
	switch {
	case math.IsNaN(want.Re) || math.IsNaN(got.Re):
		return math.IsNaN(want.Re) && math.IsNaN(got.Re)
	case want.Re == got.Re:
		return want.Re != 0 || want.signless() || math.Signbit(want.Re) == math.Signbit(got.Re)
	}
	return math.Abs(want.Re-got.Re) <= want.Err
}

// Decided counts the elements of which something is known: those that are not unsure
// and, of the floats, those whose bound is below a hundredth of their magnitude or of
// the greatest in the tensor.
func (t *Tensor) Decided() int {
	scale := 0.0
	for _, s := range t.Data {
		if !s.Unsure && s.finite() {
			scale = max(scale, math.Hypot(s.Re, s.Im))
		}
	}
	n := 0
	for _, s := range t.Data {
		if !s.Unsure && s.Err <= scale/100 {
			n++
		}
	}
	return n
}
