package ofdm

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/dense"
)

// Correlation is what is known of a channel of unit power whose statistics are the
// same everywhere and separate into time and frequency: E[h(l+d, k) h(l, k)*] and
// E[h(l, k+d) h(l, k)*], d in symbols and in subcarriers, not always whole.
type Correlation struct {
	Time      func(symbols float64) complex128
	Frequency func(subcarriers float64) complex128
}

// LMMSE is the linear estimator with the least mean square error for a known
// correlation, R_hp (R_pp + n0 I)^-1 (S. Kay, "Fundamentals of Statistical Signal
// Processing", vol. I, 1993, chapter 12). It is immutable.
type LMMSE struct {
	grid    Grid
	pilots  *Pilots
	windows []window
}

// A window is a run of subcarriers that is estimated from the pilots within it.
type window struct {
	first, firstPilot int
	*filter
}

// A filter is the estimator of a window: an inverse over the pilots, then a separate
// step along subcarriers and along symbols.
type filter struct {
	width, pilots int          // subcarriers, pilots of a symbol
	inverse       []complex128 // [P, P], P = symbols with pilots * pilots of each
	along         []complex128 // [subcarrier, pilot]
	across        []complex128 // [symbol, pilot symbol]
	mse           []float64    // [symbol, subcarrier]
}

// maxLMMSEPilots of a window: its inverse takes time with the third power of them.
const maxLMMSEPilots = 2048

// NewLMMSE makes the estimator for noise of variance n0 a resource element. A window of
// so many subcarriers is estimated at a time, all of them with 0; its pilots must
// repeat from window to window, as they do in whole resource blocks.
func NewLMMSE(p *Pilots, g Grid, c Correlation, n0 float64, subcarriers int) (*LMMSE, error) {
	if err := checkEstimator(p, g); err != nil {
		return nil, err
	}
	if !(n0 > 0) || math.IsInf(n0, 0) {
		return nil, fmt.Errorf("ofdm: noise variance %v; use a positive number", n0)
	}
	if subcarriers <= 0 || subcarriers > g.NumSubcarriers {
		subcarriers = g.NumSubcarriers
	}
	e := &LMMSE{grid: g, pilots: p}
	for first := 0; first < g.NumSubcarriers; first += subcarriers {
		// The last one starts earlier, so that all are of one size.
		w := window{first: min(first, g.NumSubcarriers-subcarriers)}
		var at []float64
		for i, k := range p.Subcarriers {
			if k >= float64(w.first) && k < float64(w.first+subcarriers) {
				if at = append(at, k-float64(w.first)); len(at) == 1 {
					w.firstPilot = i
				}
			}
		}
		if w.filter = e.reuse(at); w.filter == nil {
			var err error
			if w.filter, err = newFilter(p, g.NumSymbols, subcarriers, at, c, n0); err != nil {
				return nil, err
			}
		}
		e.windows = append(e.windows, w)
	}
	return e, nil
}

// reuse returns the filter of a window with the same pilots, relative to it.
func (e *LMMSE) reuse(at []float64) *filter {
	for _, w := range e.windows {
		same := w.pilots == len(at)
		for i := 0; same && i < len(at); i++ {
			same = at[i] == e.pilots.Subcarriers[w.firstPilot+i]-float64(w.first)
		}
		if same {
			return w.filter
		}
	}
	return nil
}

func newFilter(p *Pilots, numSymbols, width int, at []float64, c Correlation, n0 float64) (*filter, error) {
	size := len(p.Symbols) * len(at)
	if size == 0 || size > maxLMMSEPilots {
		return nil, fmt.Errorf("ofdm: %d pilots in a window of %d subcarriers; choose one with 1 to %d", size, width, maxLMMSEPilots)
	}
	f := &filter{width: width, pilots: len(at)}
	f.along = correlations(c.Frequency, places(width), at)
	f.across = correlations(c.Time, places(numSymbols), p.Symbols)
	inTime, inFrequency := correlations(c.Time, p.Symbols, p.Symbols), correlations(c.Frequency, at, at)
	r := make([]complex128, size*size)
	for i := range size {
		for j := range size {
			r[i*size+j] = inTime[i/len(at)*len(p.Symbols)+j/len(at)] * inFrequency[i%len(at)*len(at)+j%len(at)]
		}
		r[i*size+i] += complex(n0*p.NoiseFactor, 0)
	}
	factor, err := dense.Cholesky(r, size)
	if err != nil {
		return nil, fmt.Errorf("ofdm: the correlation of the pilots: %w", err)
	}
	return f, f.invert(factor, size, real(c.Time(0)*c.Frequency(0)))
}

// invert writes the inverse and the error of each resource element: the power less
// what the pilots explain.
func (f *filter) invert(factor *dense.Factor, size int, power float64) error {
	f.inverse = make([]complex128, size*size)
	column := make([]complex128, size)
	for j := range size {
		clear(column)
		column[j] = 1
		if err := factor.Solve(column); err != nil {
			return err
		}
		for i, v := range column {
			f.inverse[i*size+j] = v
		}
	}
	numPilotSymbols := size / f.pilots
	for l := range len(f.across) / numPilotSymbols {
		for k := range f.width {
			for i := range column { // R_ph, of one resource element
				v := f.across[l*numPilotSymbols+i/f.pilots] * f.along[k*f.pilots+i%f.pilots]
				column[i] = complex(real(v), -imag(v))
			}
			explained := 0.0
			for i, v := range column {
				explained += real(complex(real(v), -imag(v)) * dot(f.inverse[i*size:][:size], column))
			}
			f.mse = append(f.mse, max(0, power-explained))
		}
	}
	return nil
}

func dot(a, b []complex128) complex128 {
	b = b[:len(a)]
	var re, im float64
	for i, v := range a {
		re += real(v)*real(b[i]) - imag(v)*imag(b[i])
		im += real(v)*imag(b[i]) + imag(v)*real(b[i])
	}
	return complex(re, im)
}

func places(n int) []float64 {
	at := make([]float64, n)
	for i := range at {
		at[i] = float64(i)
	}
	return at
}

// correlations of the values at a with those at b, [a, b].
func correlations(of func(float64) complex128, a, b []float64) []complex128 {
	r := make([]complex128, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			r = append(r, of(x-y))
		}
	}
	return r
}

// Estimate writes the channel of every resource element, [symbol, subcarrier], from
// the observations of the pilots.
func (e *LMMSE) Estimate(h, observed []complex128) error {
	if err := checkSizes(e.grid, e.pilots, h, observed); err != nil {
		return err
	}
	n := len(e.pilots.Symbols)
	most := e.windows[0]
	for _, w := range e.windows {
		if w.pilots > most.pilots {
			most = w
		}
	}
	buffer := make([]complex128, n*(2*most.pilots+most.width))
	for _, w := range e.windows {
		size := n * w.pilots
		x, z, wide := buffer[:size], buffer[size:][:size], buffer[2*size:]
		for s := range n {
			copy(x[s*w.pilots:][:w.pilots], observed[s*len(e.pilots.Subcarriers)+w.firstPilot:])
		}
		for i := range z {
			z[i] = dot(w.inverse[i*size:][:size], x)
		}
		for s := range n {
			for k := range w.width {
				wide[s*w.width+k] = dot(w.along[k*w.pilots:][:w.pilots], z[s*w.pilots:])
			}
		}
		for l := range e.grid.NumSymbols {
			row := h[l*e.grid.NumSubcarriers+w.first:][:w.width]
			for k := range row {
				var sum complex128
				for s, r := range w.across[l*n:][:n] {
					sum += r * wide[s*w.width+k]
				}
				row[k] = sum
			}
		}
	}
	return nil
}

// MSE is the mean square error E|h - estimate|^2 of each resource element, [symbol,
// subcarrier]: the diagonal of R_hh - R_hp (R_pp + n0 I)^-1 R_ph.
func (e *LMMSE) MSE() []float64 {
	mse := make([]float64, e.grid.Len())
	for _, w := range e.windows {
		for l := range e.grid.NumSymbols {
			copy(mse[l*e.grid.NumSubcarriers+w.first:][:w.width], w.mse[l*w.width:])
		}
	}
	return mse
}
