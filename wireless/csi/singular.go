package csi

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/comlam/comlam/plot"
)

const (
	maxSingular = 64
	// perSample is how many matrices of a sample count: neighbours are alike.
	perSample = 64
	// curves is how many singular values are shown.
	curves = 8
)

// singularFader collects squared singular values of H[rx, tx].
type singularFader struct {
	shape  Shape
	values []histogram // of decibels, from the largest value on
	gram   []complex128
}

func newSingularFader(s Shape) *singularFader {
	n := min(s.NumRxAnt, s.NumTxAnt)
	return &singularFader{shape: s, values: make([]histogram, min(n, curves)), gram: make([]complex128, n*n)}
}

func (f *singularFader) add(h []complex128) {
	s := f.shape
	all, size := s.NumSlots*s.NumSubcarriers, s.NumRxAnt*s.NumTxAnt
	step := (all + perSample - 1) / perSample
	for at := 0; at < all; at += step {
		f.makeGram(h[at*size:][:size])
		for i, v := range hermitianEigenvalues(f.gram, min(s.NumRxAnt, s.NumTxAnt))[:len(f.values)] {
			f.values[i].add(10 * math.Log10(max(v, 1e-20)))
		}
	}
}

// makeGram is H H^H or H^H H, whichever is smaller.
func (f *singularFader) makeGram(h []complex128) {
	rx, tx := f.shape.NumRxAnt, f.shape.NumTxAnt
	n, long, step, along := rx, tx, tx, 1
	if tx < rx {
		n, long, step, along = tx, rx, 1, tx
	}
	for i := range n {
		for j := range n {
			var sum complex128
			for k := range long {
				sum += h[i*step+k*along] * cmplx.Conj(h[j*step+k*along])
			}
			f.gram[i*n+j] = sum
		}
	}
}

// hermitianEigenvalues destroys a [n, n] and returns its eigenvalues, largest first
// (cyclic Jacobi rotations; Golub and Van Loan, Matrix Computations, section 8.5).
func hermitianEigenvalues(a []complex128, n int) []float64 {
	const sweeps = 30
	for range sweeps {
		off, all := 0.0, 0.0
		for i := range n {
			for j := range n {
				p := real(a[i*n+j])*real(a[i*n+j]) + imag(a[i*n+j])*imag(a[i*n+j])
				all += p
				if i != j {
					off += p
				}
			}
		}
		if off <= 1e-26*all {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				rotate(a, n, p, q)
			}
		}
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = real(a[i*n+i])
	}
	slices.SortFunc(values, func(x, y float64) int { return int(math.Copysign(1, y-x)) })
	return values
}

// rotate makes a[p, q] zero by a unitary change of rows and columns p and q.
func rotate(a []complex128, n, p, q int) {
	x := a[p*n+q]
	size := cmplx.Abs(x)
	if size == 0 {
		return
	}
	phase := x / complex(size, 0)
	theta := (real(a[q*n+q]) - real(a[p*n+p])) / (2 * size)
	t := math.Copysign(1, theta) / (math.Abs(theta) + math.Sqrt(1+theta*theta))
	cos := 1 / math.Sqrt(1+t*t)
	c, s := complex(cos, 0), complex(t*cos, 0)*phase
	for k := range n {
		u, v := a[k*n+p], a[k*n+q]
		a[k*n+p], a[k*n+q] = c*u-cmplx.Conj(s)*v, s*u+c*v
	}
	for k := range n {
		u, v := a[p*n+k], a[q*n+k]
		a[p*n+k], a[q*n+k] = c*u-s*v, cmplx.Conj(s)*u+c*v
	}
}

func (f *singularFader) draw(note string) (Drawing, error) {
	n := min(f.shape.NumRxAnt, f.shape.NumTxAnt)
	if n > curves {
		note += fmt.Sprintf("; the %d largest of %d", curves, n)
	}
	c := plot.Chart{
		Title: fmt.Sprintf("Singular values of H, %d x %d", f.shape.NumRxAnt, f.shape.NumTxAnt), Note: note,
		X: plot.Axis{Label: "squared singular value (dB)"}, Y: plot.Axis{Label: "share of matrices at or below", Range: [2]float64{0, 1}},
	}
	for i := range f.values {
		var x, y []float64
		for q := 0.005; q < 1; q += 0.01 {
			x, y = append(x, f.values[i].quantile(q)), append(y, q)
		}
		c.Series = append(c.Series, plot.Series{Name: fmt.Sprintf("value %d", i+1), X: x, Y: y})
	}
	return c, nil
}
