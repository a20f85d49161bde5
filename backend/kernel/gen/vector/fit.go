package main

import "math"

// A target is a function to approximate on [lo, hi] by a sum of powers of x. The
// error that counts is weight(x) * (approximation - f(x)).
type target struct {
	f, weight func(x float64) float64
	lo, hi    float64
	powers    []int // exponents of x, lowest first
}

// fit returns the float32 coefficients of near-least maximal error. It rounds the
// coefficients one at a time, lowest power first, and fits the others anew to the
// rest: so the later ones make up for the rounding of the earlier.
func (t target) fit() []float32 {
	out := make([]float32, len(t.powers))
	rest := t
	for i := range out {
		c := rest.lawson()
		out[i] = float32(c[0])
		p, k, f := rest.powers[0], float64(out[i]), rest.f
		rest.f = func(x float64) float64 { return f(x) - k*math.Pow(x, float64(p)) }
		rest.powers = rest.powers[1:]
	}
	return out
}

// lawson finds real coefficients by Lawson's iteration: least squares on a grid of
// Chebyshev points, where points of large error gain weight, which tends to the
// minimax solution (C. L. Lawson, 1961).
func (t target) lawson() []float64 {
	const points, rounds = 400, 150
	rows, y := make([][]float64, points), make([]float64, points)
	w := make([]float64, points)
	for i := range rows {
		x := (t.lo+t.hi)/2 - (t.hi-t.lo)/2*math.Cos(math.Pi*(float64(i)+0.5)/points)
		e := t.weight(x)
		y[i], w[i] = e*t.f(x), 1.0/points
		for _, p := range t.powers {
			rows[i] = append(rows[i], e*math.Pow(x, float64(p)))
		}
	}
	var c []float64
	for range rounds {
		c = leastSquares(rows, y, w)
		sum := 0.0
		for i, r := range rows {
			e := y[i]
			for j := range c {
				e -= c[j] * r[j]
			}
			w[i] *= math.Abs(e)
			sum += w[i]
		}
		for i := range w {
			w[i] = w[i]/sum + 1e-12
		}
	}
	return c
}

// leastSquares minimises the sum of w * (rows*c - y)^2 by modified Gram-Schmidt.
func leastSquares(rows [][]float64, y, w []float64) []float64 {
	n := len(rows[0])
	q := make([][]float64, n+1) // the columns, and y as the last
	for j := range q {
		q[j] = make([]float64, len(rows))
		for i, r := range rows {
			v := y[i]
			if j < n {
				v = r[j]
			}
			q[j][i] = v * math.Sqrt(w[i])
		}
	}
	dot := func(a, b []float64) (s float64) {
		for i := range a {
			s += a[i] * b[i]
		}
		return s
	}
	r := make([][]float64, n)
	for j := range n {
		r[j] = make([]float64, n+1)
		d := dot(q[j], q[j])
		for k := j + 1; k <= n; k++ {
			r[j][k] = dot(q[j], q[k]) / d
			for i := range q[k] {
				q[k][i] -= r[j][k] * q[j][i]
			}
		}
	}
	c := make([]float64, n)
	for j := n - 1; j >= 0; j-- {
		c[j] = r[j][n]
		for k := j + 1; k < n; k++ {
			c[j] -= r[j][k] * c[k]
		}
	}
	return c
}

// worst is the largest weighted error of float32 coefficients, in exact arithmetic.
func (t target) worst(c []float32) (e float64) {
	for i := range 20001 {
		x := t.lo + (t.hi-t.lo)*float64(i)/20000
		v := -t.f(x)
		for j, p := range t.powers {
			v += float64(c[j]) * math.Pow(x, float64(p))
		}
		e = math.Max(e, math.Abs(v*t.weight(x)))
	}
	return e
}

// from lists n powers starting at lo, step apart.
func from(lo, step, n int) (p []int) {
	for i := range n {
		p = append(p, lo+i*step)
	}
	return p
}
