package mapping

import (
	"fmt"
	"math"
)

// A Rule is how soft bits are computed.
type Rule int

const (
	// Exact sums over all symbols.
	Exact Rule = iota
	// MaxLog takes the nearest symbol for each value of the bit.
	MaxLog
)

// Demap computes soft bits of received symbols y = x + noise: [n] to [n Qm]. n0 is the
// variance of the complex noise, one for all or one a symbol (after an equaliser, the
// noise behind it). What is no number in y is none in the soft bits.
func (s Scheme) Demap(llrs []float32, y []complex64, n0 []float32, rule Rule) error {
	if err := s.check(len(llrs), len(y)); err != nil {
		return err
	}
	if rule != Exact && rule != MaxLog {
		return fmt.Errorf("mapping: rule %d; there are Exact and MaxLog", int(rule))
	}
	if len(n0) != 1 && len(n0) != len(y) {
		return fmt.Errorf("mapping: %d noise variances for %d symbols; give one, or one a symbol", len(n0), len(y))
	}
	for i, v := range n0 {
		if !(v > 0) || math.IsInf(float64(v), 1) {
			return fmt.Errorf("mapping: noise variance %d is %v; use a positive number", i, v)
		}
	}
	if s <= BPSK {
		s.demapBPSK(llrs, y, n0)
		return nil
	}
	d := demapper{Axis: axes[s.Qm()/2], exact: rule == Exact}
	for i, v := range y {
		if i < len(n0) {
			d.noise(float64(n0[i]))
		}
		d.part(llrs[i*s.Qm():], float64(real(v)))
		d.part(llrs[i*s.Qm()+1:], float64(imag(v)))
	}
	return nil
}

// demapBPSK is both rules: a bit lies along one line of the plane.
func (s Scheme) demapBPSK(llrs []float32, y []complex64, n0 []float32) {
	for i, v := range y {
		re, im := float64(real(v)), float64(imag(v))
		if s == Pi2BPSK && i%2 == 1 {
			re, im = im, -re
		}
		llrs[i] = float32(2 * math.Sqrt2 * (re + im) / float64(n0[min(i, len(n0)-1)]))
	}
}

// A demapper demaps the parts of symbols under one noise variance.
type demapper struct {
	*Axis
	exact bool
	n0    float64
	bend  float64     // see Axis.Bend
	p     [32]float64 // densities, that of the nearest level 1
}

func (d *demapper) noise(n0 float64) {
	d.n0 = n0
	d.bend = d.Bend(n0)
}

// part writes the soft bits of a real or imaginary part to every second place.
func (d *demapper) part(llrs []float32, y float64) {
	if d.Bits == 1 {
		llrs[0] = float32(4 * d.Levels[1] * y / d.n0)
		return
	}
	k := d.Nearest(y)
	if d.exact {
		d.Densities(&d.p, y, d.n0, d.bend)
	}
	least := d.distance(y, k)
	for b := range d.Bits {
		far := math.Inf(1)
		for _, o := range [2]int{d.Below[k][b], d.Above[k][b]} {
			if o != k {
				far = min(far, d.distance(y, o))
			}
		}
		llr := (far - least) / d.n0 // that of the bit of the nearest level
		if d.exact {
			llr = d.sums(y, k, b, far)
		}
		if d.Bit(k, b) == 1 {
			llr = -llr
		}
		llrs[2*b] = float32(llr)
	}
}

func (d *demapper) distance(y float64, k int) float64 { return (y - d.Levels[k]) * (y - d.Levels[k]) }

// sums is the logarithm of the ratio of the sums over the levels with the bit of level
// k and the others, of which the nearest is at the squared distance far.
func (d *demapper) sums(y float64, k, b int, far float64) float64 {
	bit := d.Bit(k, b)
	same, other := d.sum(d.With[b][bit]), d.sum(d.With[b][1-bit])
	if other > 1e-290 {
		return math.Log(same / other)
	}
	other = 0 // too small beside level k: sum relative to far
	for _, i := range d.With[b][1-bit] {
		other += math.Exp((far - d.distance(y, i)) / d.n0)
	}
	return (far-d.distance(y, k))/d.n0 + math.Log(same/other)
}

func (d *demapper) sum(levels []int) (sum float64) {
	for _, i := range levels {
		sum += d.p[i]
	}
	return sum
}
