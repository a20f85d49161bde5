package mimo

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
)

// An SVD is the singular value decomposition a = U diag(S) V^H of matrices of one size,
// and the workspace for it: one a goroutine.
type SVD struct {
	U []complex128 // [m r], r = min(m, n)
	S []float64    // [r], the largest first
	V []complex128 // [n r]

	m, n, r int
	long    int          // the larger of m and n
	columns []complex128 // [r long]: what becomes U S, a row a column
	turns   []complex128 // [r r]: what becomes V, a row a column
	order   []int
	norms   []float64
	zero    float64 // a column that is no longer is one of rounding errors
}

// NewSVD returns a workspace for matrices [m n].
func NewSVD(m, n int) (*SVD, error) {
	if m < 1 || n < 1 {
		return nil, fmt.Errorf("svd: a [%d %d] matrix; give at least one row and one column", m, n)
	}
	r, long := min(m, n), max(m, n)
	return &SVD{
		U: make([]complex128, m*r), S: make([]float64, r), V: make([]complex128, n*r), m: m, n: n, r: r, long: long,
		columns: make([]complex128, r*long), turns: make([]complex128, r*r), order: make([]int, r), norms: make([]float64, r),
	}, nil
}

// maxSweeps is far above the six to ten that matrices of up to 64 columns need.
const maxSweeps = 60

// Decompose fills U, S and V by Jacobi's rotations of columns (M. R. Hestenes, J. SIAM
// 6, 1958). Columns to singular values of zero complete an orthonormal set.
func (d *SVD) Decompose(a []complex128) error {
	if len(a) != d.m*d.n {
		return fmt.Errorf("svd: %d numbers for a [%d %d] matrix", len(a), d.m, d.n)
	}
	for i, v := range a {
		if cmplx.IsNaN(v) || cmplx.IsInf(v) {
			return fmt.Errorf("svd: element %d is %v; give finite numbers", i, v)
		}
	}
	for j := range d.r {
		for i := range d.long {
			if d.m >= d.n {
				d.columns[j*d.long+i] = a[i*d.n+j]
			} else {
				d.columns[j*d.long+i] = conj(a[j*d.n+i])
			}
		}
	}
	d.zero = 0
	for _, v := range d.columns {
		d.zero = math.Hypot(d.zero, cmplx.Abs(v))
	}
	d.zero *= 1e-15
	clear(d.turns)
	for j := range d.r {
		d.turns[j*d.r+j] = 1
	}
	for sweep := 0; d.sweep(); sweep++ {
		if sweep == maxSweeps {
			return fmt.Errorf("svd: columns are not orthogonal after %d sweeps", maxSweeps)
		}
	}
	d.finish()
	return nil
}

// sweep makes every pair of columns orthogonal and says whether any was not.
func (d *SVD) sweep() (turned bool) {
	tolerance := 1e-15 + 2e-16*float64(d.long) // of the rounding of a product of columns
	for p := range d.r {
		for q := p + 1; q < d.r; q++ {
			x, y := d.columns[p*d.long:][:d.long], d.columns[q*d.long:][:d.long]
			var alpha, beta float64
			var gamma complex128
			for i, v := range x {
				alpha += square(v)
				beta += square(y[i])
				gamma += conj(v) * y[i]
			}
			size := cmplx.Abs(gamma)
			if size <= tolerance*math.Sqrt(alpha*beta) || min(alpha, beta) <= d.zero*d.zero {
				continue
			}
			turned = true
			zeta := (beta - alpha) / (2 * size)
			t := math.Copysign(1/(math.Abs(zeta)+math.Hypot(1, zeta)), zeta)
			c := 1 / math.Hypot(1, t)
			phase := conj(gamma) / complex(size, 0)
			rotate(x, y, c, c*t, phase)
			rotate(d.turns[p*d.r:][:d.r], d.turns[q*d.r:][:d.r], c, c*t, phase)
		}
	}
	return turned
}

// rotate turns the columns x and y, y after its phase.
func rotate(x, y []complex128, c, s float64, phase complex128) {
	for i, v := range x {
		w := y[i] * phase
		x[i] = complex(c*real(v)-s*real(w), c*imag(v)-s*imag(w))
		y[i] = complex(s*real(v)+c*real(w), s*imag(v)+c*imag(w))
	}
}

// finish sorts, normalises and writes the results.
func (d *SVD) finish() {
	for j := range d.r {
		norm := 0.0
		for _, v := range d.columns[j*d.long:][:d.long] {
			norm = math.Hypot(norm, cmplx.Abs(v))
		}
		d.norms[j], d.order[j] = norm, j
	}
	slices.SortStableFunc(d.order, func(i, j int) int {
		switch a, b := d.norms[i], d.norms[j]; {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	left, right := d.U, d.V
	if d.m < d.n {
		left, right = d.V, d.U
	}
	for k, j := range d.order {
		d.S[k] = d.norms[j]
		for i := range d.r {
			right[i*d.r+k] = d.turns[j*d.r+i]
		}
		if d.S[k] > d.zero {
			for i := range d.long {
				left[i*d.r+k] = d.columns[j*d.long+i] / complex(d.S[k], 0)
			}
			continue
		}
		d.complete(left, k)
	}
}

// complete makes column k a unit vector orthogonal to those before it: of the unit
// vectors, the one of which most is left.
func (d *SVD) complete(left []complex128, k int) {
	best, most := 0, -1.0
	for i := range d.long {
		rest := 1.0
		for j := range k {
			rest -= square(left[i*d.r+j])
		}
		if rest > most {
			best, most = i, rest
		}
	}
	for i := range d.long {
		left[i*d.r+k] = 0
	}
	left[best*d.r+k] = 1
	for range 2 { // twice is enough
		for j := range k {
			dot := complex128(0)
			for i := range d.long {
				dot += conj(left[i*d.r+j]) * left[i*d.r+k]
			}
			for i := range d.long {
				left[i*d.r+k] -= dot * left[i*d.r+j]
			}
		}
	}
	norm := 0.0
	for i := range d.long {
		norm += square(left[i*d.r+k])
	}
	for i := range d.long {
		left[i*d.r+k] /= complex(math.Sqrt(norm), 0)
	}
}
