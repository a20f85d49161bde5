package channel

import (
	"fmt"
	"math"
)

// The large-scale parameters, in the order of clause 7.5 step 4.
const (
	lspSF = iota
	lspK
	lspDS
	lspASD
	lspASA
	lspZSD
	lspZSA

	numLSP
)

var lspNames = [numLSP]string{"SF", "K", "DS", "ASD", "ASA", "ZSD", "ZSA"}

type lspMatrix [numLSP][numLSP]float64

// fieldShape says how the functions of a field of large-scale parameters relate.
type fieldShape struct {
	dcorr  float64         // of the spectrum that waves are drawn from, m
	ratio  [numLSP]float64 // correlation distance over dcorr
	factor lspMatrix       // lower triangle; what multiplies independent amplitudes
}

// tolerance is how far a cross-correlation may be moved from its table.
const tolerance = 0.025

// newFieldShape finds amplitudes with which every parameter has its own correlation
// distance and, at a place, the cross-correlations of the table. Two exponential
// covariances of different ranges share waves only in part: what their correlation
// can be is the overlap of the roots of their spectra, so the amplitudes have to be
// correlated more than the parameters are. Where that is more than a correlation
// matrix can be (uma LOS), cross-correlations give way, by tolerance at most. (The
// Cholesky factor of the cross-correlations would mix fields of different ranges
// instead: it keeps them at a place and moves spatial correlations, by up to 0.25.)
func newFieldShape(dcorr [numLSP]float64, cross lspMatrix) (fieldShape, error) {
	lo, hi := math.Inf(1), 0.0
	for _, d := range dcorr {
		lo, hi = min(lo, d), max(hi, d)
	}
	f := fieldShape{dcorr: math.Sqrt(lo * hi)}
	var want, slack lspMatrix
	for i := range numLSP {
		f.ratio[i] = dcorr[i] / f.dcorr
		for j := range numLSP {
			overlap := spectralOverlap(dcorr[i] / dcorr[j])
			want[i][j], slack[i][j] = cross[i][j]/overlap, tolerance/overlap
		}
		want[i][i], slack[i][i] = 1, 0
	}
	near, ok := nearestCorrelation(want, slack)
	if !ok {
		return f, fmt.Errorf("correlation distances %v m and cross-correlations %v do not go together", dcorr, cross)
	}
	f.factor, _ = cholesky(near)
	return f, nil
}

// spectralOverlap is the integral of the root of the product of the spectra of two
// exponential covariances in the plane whose ranges have this ratio:
// the integral of r k ((1+k^2)(1+r^2 k^2))^(-3/4) dk, by the trapezoidal rule over
// ln k, where the integrand and all its derivatives vanish at both ends.
func spectralOverlap(ratio float64) float64 {
	const step, reach = 1.0 / 4, 32
	sum := 0.0
	for x := -reach + 0.0; x <= reach; x += step {
		k := math.Exp(x)
		sum += ratio * k * k * math.Pow((1+k*k)*(1+ratio*ratio*k*k), -0.75)
	}
	return sum * step
}

// nearestCorrelation projects want in turn onto the positive definite matrices and
// onto those within slack of it, until one is both.
func nearestCorrelation(want, slack lspMatrix) (lspMatrix, bool) {
	const attempts, smallest = 2000, 1e-4
	m := want
	for range attempts {
		if _, ok := cholesky(m); ok {
			return m, true
		}
		values, vectors := eigen(m)
		for i := range numLSP {
			for j := range numLSP {
				v := 0.0
				for k, lambda := range values {
					v += max(lambda, smallest) * vectors[i][k] * vectors[j][k]
				}
				m[i][j] = min(max(v, want[i][j]-slack[i][j]), want[i][j]+slack[i][j])
			}
		}
	}
	return m, false
}

// cholesky returns the lower triangle L with L L^T = m, and whether m is positive
// definite.
func cholesky(m lspMatrix) (l lspMatrix, ok bool) {
	for i := range numLSP {
		for j := range i + 1 {
			v := m[i][j]
			for k := range j {
				v -= l[i][k] * l[j][k]
			}
			switch {
			case i > j:
				l[i][j] = v / l[j][j]
			case v > 1e-10:
				l[i][i] = math.Sqrt(v)
			default:
				return l, false
			}
		}
	}
	return l, true
}

// eigen returns eigenvalues and eigenvectors (columns) of a symmetric matrix by
// Jacobi's rotations.
func eigen(m lspMatrix) (values [numLSP]float64, vectors lspMatrix) {
	for i := range numLSP {
		vectors[i][i] = 1
	}
	for range 12 { // sweeps; they converge quadratically
		for p := range numLSP {
			for q := p + 1; q < numLSP; q++ {
				rotate(&m, &vectors, p, q)
			}
		}
	}
	for i := range numLSP {
		values[i] = m[i][i]
	}
	return values, vectors
}

func rotate(m, vectors *lspMatrix, p, q int) {
	if m[p][q] == 0 {
		return
	}
	sin, cos := math.Sincos(0.5 * math.Atan2(2*m[p][q], m[p][p]-m[q][q]))
	for k := range numLSP {
		a, b := m[k][p], m[k][q]
		m[k][p], m[k][q] = cos*a+sin*b, cos*b-sin*a
	}
	for k := range numLSP {
		a, b := m[p][k], m[q][k]
		m[p][k], m[q][k] = cos*a+sin*b, cos*b-sin*a
	}
	for k := range numLSP {
		a, b := vectors[k][p], vectors[k][q]
		vectors[k][p], vectors[k][q] = cos*a+sin*b, cos*b-sin*a
	}
}
