package oracle

import (
	"math"
	"math/cmplx"

	"github.com/gomlx/compute"
)

// Complex numbers carry one error bound for the distance in the plane. Infinite and
// undefined parts are unsure: engines differ in how they multiply them.

func (s Scalar) complex() complex128 { return complex(s.Re, s.Im) }

// part is the real (or imaginary) part as a float.
func (a *arith) part(x Scalar, re float64) Scalar {
	s := a.value(re)
	s.Err, s.Unsure = x.Err, x.Unsure
	return s
}

// cdone is done for a complex result.
func (a *arith) cdone(z complex128, in, n float64) Scalar {
	s := a.value(real(z))
	s.Im = imag(z)
	s.Err = in + n*a.u*(cmplx.Abs(z)+in) + a.least
	if n == 0 {
		s.Err = in
	}
	if !(cmplx.Abs(z)+s.Err <= a.max) {
		return unsure
	}
	return s
}

func (a *arith) cbinary(op compute.OpType, x, y Scalar) Scalar {
	if x.Unsure || y.Unsure {
		return unsure
	}
	p, q := x.complex(), y.complex()
	absP, absQ := cmplx.Abs(p), cmplx.Abs(q)
	switch op {
	case compute.OpTypeAdd:
		return a.cdone(p+q, x.Err+y.Err, 1)
	case compute.OpTypeSub:
		return a.cdone(p-q, x.Err+y.Err, 1)
	case compute.OpTypeMul:
		in := absP*y.Err + absQ*x.Err + x.Err*y.Err + 3*a.u*absP*absQ
		return a.cdone(p*q, in, 1)
	case compute.OpTypeDiv:
		if absQ <= y.Err || absQ == 0 {
			return unsure
		}
		z := p / q
		in := (x.Err+cmplx.Abs(z)*y.Err)/(absQ-y.Err) + 8*a.u*cmplx.Abs(z)
		// The textbook quotient squares the magnitudes.
		if m := math.Max(absP, absQ); !(m*absQ <= a.max) || absQ*absQ < a.flush {
			return unsure
		}
		return a.cdone(z, in, 1)
	case compute.OpTypePow:
		if absP <= 2*x.Err || absP == 0 {
			return unsure
		}
		z := cmplx.Pow(p, q)
		l := cmplx.Abs(cmplx.Log(p)) + 1
		in := cmplx.Abs(z) * math.Expm1(2*absQ*x.Err/absP+y.Err*l+16*a.u*absQ*l)
		return a.cdone(z, in, 8)
	}
	return unsure
}

// cunary applies a complex function: its derivative carries the error on.
func (a *arith) cunary(op compute.OpType, x Scalar) Scalar {
	if x.Unsure {
		return unsure
	}
	z := x.complex()
	r := cmplx.Abs(z)
	cut := real(z) <= x.Err && math.Abs(imag(z)) <= x.Err // of log and sqrt
	switch op {
	case compute.OpTypeNeg:
		return a.cdone(-z, x.Err, 0)
	case compute.OpTypeConj:
		return a.cdone(cmplx.Conj(z), x.Err, 0)
	case compute.OpTypeAbs:
		return a.done(r, x.Err, 4)
	case compute.OpTypeExp:
		y := cmplx.Exp(z)
		return a.cdone(y, cmplx.Abs(y)*math.Expm1(x.Err), 8+math.Abs(imag(z)))
	case compute.OpTypeLog:
		if cut || r <= 2*x.Err {
			return unsure
		}
		return a.cdone(cmplx.Log(z), 2*x.Err/r+8*a.u, 4)
	case compute.OpTypeSqrt, compute.OpTypeRsqrt:
		if cut || r <= 2*x.Err {
			return unsure
		}
		y := cmplx.Sqrt(z)
		if op == compute.OpTypeRsqrt {
			y = 1 / y
		}
		return a.cdone(y, cmplx.Abs(y)*x.Err/r, 12)
	}
	return unsure
}

// A csum is a sum of complex numbers.
type csum struct {
	total   complex128
	abs, in float64
	count   int
	unsure  bool
}

func (s *csum) add(x Scalar) {
	s.total += x.complex()
	s.abs += cmplx.Abs(x.complex())
	s.in += x.Err
	s.unsure = s.unsure || x.Unsure
	s.count++
}

func (s *csum) product(x, y Scalar) {
	p, q := cmplx.Abs(x.complex()), cmplx.Abs(y.complex())
	s.total += x.complex() * y.complex()
	s.abs += p * q
	s.in += p*y.Err + q*x.Err + x.Err*y.Err
	s.unsure = s.unsure || x.Unsure || y.Unsure
	s.count++
}

// done allows n roundings besides those of the additions.
func (s *csum) done(a *arith, n int) Scalar {
	if s.unsure || !(s.abs+s.in <= a.max) {
		return unsure
	}
	return a.cdone(s.total, s.in+float64(s.count-1+n)*a.u*s.abs, 1)
}
