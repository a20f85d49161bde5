package ofdm

import (
	"fmt"
	"math"
)

// An Interpolator estimates the channel of every resource element from that at the
// pilots, along subcarriers first and along symbols then. It is immutable.
type Interpolator struct {
	grid   Grid
	pilots *Pilots
	along  []blend // of subcarriers
	across []blend // of symbols
}

// A blend is (1-t) of the pilot at index from and t of the next one.
type blend struct {
	from int
	t    float64
}

// NewNearest takes the nearest pilot, the lower one of two that are equally far.
func NewNearest(p *Pilots, g Grid) (*Interpolator, error) {
	return newInterpolator(p, g, func(b blend) blend {
		b.t = math.Min(1, math.Max(0, math.Ceil(b.t-0.5)))
		return b
	})
}

// NewLinear draws straight lines between pilots, and beyond the outermost ones the
// same lines on. One pilot alone stands for all.
func NewLinear(p *Pilots, g Grid) (*Interpolator, error) {
	return newInterpolator(p, g, func(b blend) blend { return b })
}

func newInterpolator(p *Pilots, g Grid, change func(blend) blend) (*Interpolator, error) {
	if err := checkEstimator(p, g); err != nil {
		return nil, err
	}
	e := &Interpolator{grid: g, pilots: p, along: blends(p.Subcarriers, g.NumSubcarriers), across: blends(p.Symbols, g.NumSymbols)}
	for _, list := range [][]blend{e.along, e.across} {
		for i, b := range list {
			list[i] = change(b)
		}
	}
	return e, nil
}

func checkEstimator(p *Pilots, g Grid) error {
	if g.NumSymbols < 1 || g.NumSubcarriers < 1 {
		return fmt.Errorf("ofdm: a grid of %d symbols and %d subcarriers; use one or more of each", g.NumSymbols, g.NumSubcarriers)
	}
	if p == nil || p.Len() == 0 {
		return fmt.Errorf("ofdm: there are no pilots to estimate from")
	}
	return nil
}

// blends finds the pilots around each of num positions.
func blends(at []float64, num int) []blend {
	list := make([]blend, num)
	if len(at) == 1 {
		return list
	}
	for i := range list {
		from := 0
		for from < len(at)-2 && float64(i) >= at[from+1] {
			from++
		}
		list[i] = blend{from, (float64(i) - at[from]) / (at[from+1] - at[from])}
	}
	return list
}

// Estimate writes the channel of every resource element, [symbol, subcarrier].
func (e *Interpolator) Estimate(h, observed []complex128) error {
	if err := checkSizes(e.grid, e.pilots, h, observed); err != nil {
		return err
	}
	width := len(e.pilots.Subcarriers)
	for l, b := range e.across {
		row := h[l*e.grid.NumSubcarriers:][:e.grid.NumSubcarriers]
		low, high := observed[b.from*width:][:width], observed[b.from*width:][:width]
		if b.t != 0 {
			high = observed[(b.from+1)*width:][:width]
		}
		for k, c := range e.along {
			v := mix(low, c)
			if b.t != 0 {
				v += complex(b.t, 0) * (mix(high, c) - v)
			}
			row[k] = v
		}
	}
	return nil
}

func mix(observed []complex128, b blend) complex128 {
	if b.t == 0 {
		return observed[b.from]
	}
	return observed[b.from] + complex(b.t, 0)*(observed[b.from+1]-observed[b.from])
}

func checkSizes(g Grid, p *Pilots, h, observed []complex128) error {
	if len(h) != g.Len() || len(observed) != p.Len() {
		return fmt.Errorf("ofdm: %d observations to %d resource elements; there are %d and %d", len(observed), len(h), p.Len(), g.Len())
	}
	return nil
}

// NoiseVariance writes what noise of variance n0 a resource element leaves in each
// estimate; what the channel does between pilots is not in it.
func (e *Interpolator) NoiseVariance(variance []float64, n0 float64) error {
	if len(variance) != e.grid.Len() {
		return fmt.Errorf("ofdm: room for %d variances; there are %d resource elements", len(variance), e.grid.Len())
	}
	share := func(b blend) float64 { return (1-b.t)*(1-b.t) + b.t*b.t }
	for l, b := range e.across {
		for k, c := range e.along {
			variance[l*e.grid.NumSubcarriers+k] = n0 * e.pilots.NoiseFactor * share(b) * share(c)
		}
	}
	return nil
}
