package oracle

import "math"

// A sum collects addends in any order: its bound holds for every order in which an
// engine may add them in the format, and for fused multiply-add.
type sum struct {
	total, abs float64 // of the finite addends, and of their magnitudes
	in         float64 // error that came with them
	count      int     // of those that are not surely zero
	only       Scalar  // the last of these
	integer    bool    // all are exact integers
	plus       bool    // +Inf was added
	minus      bool    // -Inf was added
	nan        bool
	unsure     bool
	zeros      bool // a zero was added: the sign of a sum of zeros is open
}

func newSum() sum { return sum{integer: true} }

func (s *sum) add(x Scalar) {
	switch {
	case x.Unsure:
		s.unsure = true
	case math.IsNaN(x.Re):
		s.nan = true
	case math.IsInf(x.Re, 1):
		s.plus = true
	case math.IsInf(x.Re, -1):
		s.minus = true
	case x.Err == 0 && x.Re == 0:
		s.zeros = true
	default:
		s.total += x.Re
		s.abs += math.Abs(x.Re)
		s.in += x.Err
		s.count++
		s.only = x
		s.integer = s.integer && x.Err == 0 && x.Re == math.Trunc(x.Re)
	}
}

// product adds x·y, the product not rounded.
func (s *sum) product(a *arith, x, y Scalar) {
	// The processor's bfloat16 product takes denormals for zero, also beside an infinity.
	flushed := a.bits == 8 && (math.Abs(x.Re) < a.flush || math.Abs(y.Re) < a.flush)
	if x.Unsure || y.Unsure || !x.finite() || !y.finite() {
		p := a.mul(x, y)
		if flushed && math.IsInf(p.Re, 0) {
			p = unsure
		}
		s.add(p)
		return
	}
	p := Scalar{Re: x.Re * y.Re}
	p.Err = math.Abs(x.Re)*y.Err + math.Abs(y.Re)*x.Err + x.Err*y.Err
	if flushed {
		p.Err += math.Abs(p.Re)
	}
	if a.bits == 8 && p.Re != 0 && math.Abs(p.Re) < a.flush*(1<<16) { // so it does with denormal sums
		p.Err += a.flush
	}
	s.add(p)
}

// done is the sum; n counts roundings besides those of the additions.
func (s *sum) done(a *arith, n int) Scalar {
	switch {
	case s.unsure || (s.plus || s.minus) && !(s.abs+s.in < a.max):
		return unsure
	case s.nan || s.plus && s.minus:
		return a.value(math.NaN())
	case s.plus:
		return a.value(math.Inf(1))
	case s.minus:
		return a.value(math.Inf(-1))
	case s.count == 0:
		z := a.value(0)
		z.anyZero = s.zeros
		return z
	case s.count == 1 && n == 0:
		return s.only
	case s.integer && s.abs <= math.Ldexp(1, a.bits):
		z := a.value(s.total)
		z.anyZero = s.total == 0
		return z
	case !(s.abs+s.in <= a.max):
		return unsure // a partial sum may overflow
	}
	rounds := float64(s.count - 1 + n)
	z := a.done(s.total, s.in, 0)
	z.Err += rounds * (a.u*(s.abs+s.in) + a.least/2)
	return z
}

func (a *arith) sum(xs []Scalar) Scalar {
	s := newSum()
	for _, x := range xs {
		s.add(x)
	}
	return s.done(a, 0)
}

// dot is the sum of the products of two vectors.
func (a *arith) dot(xs, ys []Scalar) Scalar {
	s := newSum()
	for i, x := range xs {
		s.product(a, x, ys[i])
	}
	return s.done(a, 1)
}

// prod is the product of numbers in any order.
func (a *arith) prod(xs []Scalar) Scalar {
	p := a.value(1)
	grown, shrunk := 1.0, 1.0 // bound every partial product
	wild := false
	for _, x := range xs {
		p = a.mul(p, x)
		if wild = wild || !x.finite(); x.finite() {
			grown *= math.Max(1, math.Abs(x.Re)+x.Err)
			shrunk *= math.Min(1, math.Abs(x.Re)-x.Err)
		}
	}
	if wild && !(shrunk > a.flush) && !math.IsNaN(p.Re) {
		return unsure // zero, if an engine multiplies those first, and then NaN
	}
	if !p.Unsure && p.finite() && !(grown <= a.max) {
		return unsure
	}
	if !p.Unsure && p.Re == 0 {
		p.anyZero = true
	}
	if !p.Exact() {
		p.Err += float64(len(xs)) * a.least * math.Min(grown, 1/a.least)
	}
	return p
}

// mean is the sum over the count, as an engine divides or multiplies by 1/n.
func (a *arith) mean(xs []Scalar) Scalar {
	n := float64(len(xs))
	m := a.div(a.sum(xs), Scalar{Re: n})
	if !m.Unsure && m.finite() && a.round(1/n) != 1/n { // also where the division is exact
		m.Err = math.Max(m.Err, 2*a.u*math.Abs(m.Re))
	}
	return m
}

// moments are the mean and the mean squared distance from it.
func (a *arith) moments(xs []Scalar) (mean, variance Scalar) {
	mean = a.mean(xs)
	squares := make([]Scalar, len(xs))
	for i, x := range xs {
		d := a.sub(x, mean)
		squares[i] = a.mul(d, d)
	}
	return mean, a.mean(squares)
}
