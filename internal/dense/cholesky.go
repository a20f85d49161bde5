// Package dense solves the small linear systems of classical signal processing:
// Hermitian positive definite matrices of some ten rows, complex and in float64.
//
//	f, err := dense.Cholesky(r, 16)       // R = L L^H
//	err = f.Solve(x)                      // x becomes R^-1 x
//
//	l, err := dense.NewLeastSquares(16, 4)
//	err = l.AddRows(past, future)         // any number of times
//	w, err := l.Solve(1e-6)               // future ~ W past
//
// A real symmetric matrix is given as a complex one with zero imaginary parts;
// at these sizes two packages would cost more than the multiplications saved.
//
// # Jitter
//
// Covariances of slow channels are singular to rounding. Where a pivot is lost,
// the factorisation starts again with a small multiple of the mean diagonal
// added to the diagonal, 1e-14 at first and a hundred times more each time, up to
// 1e-8; [Factor.Jitter] says what was added. A matrix that still fails is not a
// covariance, and that is an error. Whoever wants a definite amount of
// regularisation adds it and then sees a jitter of zero.
package dense

import (
	"fmt"
	"math"
)

const (
	firstJitter = 1e-14
	lastJitter  = 1e-8
	jitterStep  = 100
	// lostPivot is the relative size below which a pivot is rounding error.
	lostPivot = 1e-15
)

// Factor is the lower triangle L of R = L L^H.
type Factor struct {
	n      int
	l      []complex128 // [n, n], the upper triangle unused; the diagonal is real
	jitter float64
}

// Cholesky factors the Hermitian positive semidefinite matrix r [n, n], of which
// only the lower triangle is read, with jitter where rounding demands it. It
// fails on a matrix of the wrong size, with non-finite entries or with a
// negative eigenvalue beyond rounding. (Golub and Van Loan, "Matrix
// Computations", 4th ed., algorithm 4.2.2.)
func Cholesky(r []complex128, n int) (*Factor, error) {
	if n < 1 || len(r) != n*n {
		return nil, fmt.Errorf("a matrix of %d entries is not %d x %d; give n*n entries and n of 1 or more", len(r), n, n)
	}
	f := &Factor{n: n, l: make([]complex128, n*n)}
	if err := f.factor(r); err != nil {
		return nil, err
	}
	return f, nil
}

// factor runs the elimination with as little jitter as it needs.
func (f *Factor) factor(r []complex128) error {
	var mean float64
	for i := range f.n {
		mean += real(r[i*f.n+i]) / float64(f.n)
	}
	if !(mean > 0) || math.IsInf(mean, 0) {
		return fmt.Errorf("a matrix with mean diagonal \"%g\" is not positive definite; a covariance has positive powers", mean)
	}
	f.jitter = 0
	for !f.eliminate(r, mean) {
		switch {
		case f.jitter == 0:
			f.jitter = firstJitter * mean
		case f.jitter < lastJitter*mean:
			f.jitter *= jitterStep
		default:
			return fmt.Errorf("a %d x %d matrix is not positive definite even with \"%g\" added to its diagonal; "+
				"check that it is a covariance and finite", f.n, f.n, f.jitter)
		}
	}
	return nil
}

// eliminate computes L row by row and reports whether every pivot was sound.
func (f *Factor) eliminate(r []complex128, mean float64) bool {
	for i := range f.n {
		row := f.l[i*f.n:][:i+1]
		for j := range i {
			above := f.l[j*f.n:][:j+1]
			rest := r[i*f.n+j] - dotConj(above[:j], row[:j])
			row[j] = over(rest, real(above[j]))
		}
		pivot := real(r[i*f.n+i]) + f.jitter - norm2(row[:i])
		if !(pivot > lostPivot*mean) { // also false for NaN
			return false
		}
		row[i] = complex(math.Sqrt(pivot), 0)
	}
	return true
}

// Jitter is what was added to the diagonal, in its unit; zero for most matrices.
func (f *Factor) Jitter() float64 { return f.jitter }

// LogDet is the natural logarithm of the determinant of R.
func (f *Factor) LogDet() float64 {
	var sum float64
	for i := range f.n {
		sum += 2 * math.Log(real(f.l[i*f.n+i]))
	}
	return sum
}

// Solve replaces x [n] by R^-1 x.
func (f *Factor) Solve(x []complex128) error {
	if len(x) != f.n {
		return fmt.Errorf("a right-hand side of %d entries does not fit a factor of %d rows; give as many", len(x), f.n)
	}
	for i := range f.n {
		for j := range i {
			x[i] -= f.l[i*f.n+j] * x[j]
		}
		x[i] = over(x[i], real(f.l[i*f.n+i]))
	}
	for i := f.n - 1; i >= 0; i-- {
		for j := i + 1; j < f.n; j++ {
			x[i] -= conjTimes(f.l[j*f.n+i], x[j])
		}
		x[i] = over(x[i], real(f.l[i*f.n+i]))
	}
	return nil
}

// The operators of complex numbers also care for infinities, at several times
// the cost; these do not.

// conjTimes is conj(a) b.
func conjTimes(a, b complex128) complex128 {
	return complex(real(a)*real(b)+imag(a)*imag(b), real(a)*imag(b)-imag(a)*real(b))
}

// over is a / b.
func over(a complex128, b float64) complex128 { return complex(real(a)/b, imag(a)/b) }

// dotConj is sum conj(a_i) b_i.
func dotConj(a, b []complex128) complex128 {
	b = b[:len(a)]
	var sum complex128
	for i, v := range a {
		sum += conjTimes(v, b[i])
	}
	return sum
}

func norm2(a []complex128) float64 {
	var sum float64
	for _, v := range a {
		sum += real(v)*real(v) + imag(v)*imag(v)
	}
	return sum
}
