package mimo

import (
	"fmt"
	"math"
	"math/cmplx"
)

// Matrices are rows one after the other: element (i, j) of [m n] is a[i*n+j].

func square(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }

func conj(z complex128) complex128 { return complex(real(z), -imag(z)) }

// cholesky writes the lower factor L of the Hermitian a = L L^H [n n] over its lower
// triangle, with a real diagonal. It says false where a is not positive definite.
func cholesky(a []complex128, n int) bool {
	for i := range n {
		ri := a[i*n : i*n+i+1]
		for j := range i {
			rj := a[j*n : j*n+j+1]
			sum := ri[j]
			for k, v := range rj[:j] {
				sum -= ri[k] * conj(v)
			}
			d := real(rj[j])
			ri[j] = complex(real(sum)/d, imag(sum)/d)
		}
		sum := real(ri[i])
		for _, v := range ri[:i] {
			sum -= square(v)
		}
		// What rounding leaves of a diagonal is not a pivot.
		if !(sum > 1e-14*real(ri[i])) || math.IsInf(sum, 1) {
			return false
		}
		ri[i] = complex(math.Sqrt(sum), 0)
	}
	return true
}

// invertLower inverts a lower triangular matrix with a real diagonal in place.
func invertLower(l []complex128, n int) {
	for i := range n {
		inv := 1 / real(l[i*n+i])
		for j := range i {
			sum := complex128(0)
			for k := j; k < i; k++ {
				sum += l[i*n+k] * l[k*n+j]
			}
			l[i*n+j] = complex(-inv*real(sum), -inv*imag(sum))
		}
		l[i*n+i] = complex(inv, 0)
	}
}

// gram writes the lower triangle of h^H h + load I, h being [m n].
func gram(dst, h []complex128, m, n int, load float64) {
	for i := range n {
		for j := range i + 1 {
			dst[i*n+j] = 0
		}
		dst[i*n+i] = complex(load, 0)
	}
	for r := range m {
		row := h[r*n : r*n+n]
		for i, v := range row {
			c := conj(v)
			out := dst[i*n : i*n+i+1]
			for j := range out {
				out[j] += c * row[j]
			}
		}
	}
}

// adjoint writes h^H [n m] of h [m n].
func adjoint(dst, h []complex128, m, n int) {
	for i := range m {
		for j := range n {
			dst[j*m+i] = conj(h[i*n+j])
		}
	}
}

// multiply writes a b, [m k] times [k n].
func multiply(dst, a, b []complex128, m, k, n int) {
	clear(dst[:m*n])
	for i := range m {
		out := dst[i*n : i*n+n]
		for l, v := range a[i*k : i*k+k] {
			for j, w := range b[l*n : l*n+n] {
				out[j] += v * w
			}
		}
	}
}

// triangular turns the first n columns of a [m width], m >= n, into an upper triangle
// with a real diagonal of no negative numbers by Householder's reflections, and all
// columns behind them alike. With order [n], the weakest remaining column comes first
// (sorted QR decomposition; D. Wübben et al., Electronics Letters 37, 2001), and order
// says which column went where; otherwise nil.
func triangular(a []complex128, m, n, width int, order []int) {
	for i := range order {
		order[i] = i
	}
	for k := range n {
		if order != nil {
			weakestFirst(a, m, n, width, k, order)
		}
		reflect(a, m, width, k)
	}
}

func weakestFirst(a []complex128, m, n, width, k int, order []int) {
	best, least := k, math.Inf(1)
	for j := k; j < n; j++ {
		norm := 0.0
		for i := k; i < m; i++ {
			norm += square(a[i*width+j])
		}
		if norm < least {
			best, least = j, norm
		}
	}
	order[k], order[best] = order[best], order[k]
	for i := range m {
		row := a[i*width:]
		row[k], row[best] = row[best], row[k]
	}
}

// reflect makes column k zero below row k and real at it.
func reflect(a []complex128, m, width, k int) {
	norm := 0.0
	for i := k; i < m; i++ {
		norm += square(a[i*width+k])
	}
	if norm == 0 {
		return
	}
	norm = math.Sqrt(norm)
	phase := complex128(1)
	if head := a[k*width+k]; head != 0 {
		phase = head / complex(cmplx.Abs(head), 0)
	}
	// v = x + phase |x| e_k turns x into -phase |x| e_k; row k then gets the phase back.
	a[k*width+k] += phase * complex(norm, 0)
	scale := 0.0
	for i := k; i < m; i++ {
		scale += square(a[i*width+k])
	}
	back := -conj(phase)
	for j := k + 1; j < width; j++ {
		dot := complex128(0)
		for i := k; i < m; i++ {
			dot += conj(a[i*width+k]) * a[i*width+j]
		}
		dot *= complex(2/scale, 0)
		for i := k; i < m; i++ {
			a[i*width+j] -= dot * a[i*width+k]
		}
		a[k*width+j] *= back
	}
	a[k*width+k] = complex(norm, 0)
	for i := k + 1; i < m; i++ {
		a[i*width+k] = 0
	}
}

// QR factors a [m n] with m >= n into q [m m], unitary, and r [m n], upper triangular
// with a real diagonal that is not negative: a = q r.
func QR(q, r, a []complex128, m, n int) error {
	if m < n || n < 1 || len(a) != m*n || len(q) != m*m || len(r) != m*n {
		return fmt.Errorf("qr: %d, %d and %d numbers for a [%d %d] matrix, its q [%d %d] and r; give no more columns than rows", len(a), len(q), len(r), m, n, m, m)
	}
	width := n + m
	work := make([]complex128, m*width)
	for i := range m {
		copy(work[i*width:], a[i*n:i*n+n])
		work[i*width+n+i] = 1
	}
	triangular(work, m, n, width, nil)
	for i := range m {
		copy(r[i*n:], work[i*width:i*width+n])
		for j := range m {
			q[j*m+i] = conj(work[i*width+n+j])
		}
	}
	return nil
}
