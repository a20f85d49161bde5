package dense

import "fmt"

// LeastSquares fits y ~ W x, W [out, in], through the normal equations. It keeps
// sums only, so any number of observations fit in the same memory. The zero
// value is useless; make one with [NewLeastSquares]. Not safe for concurrent use.
type LeastSquares struct {
	numIn, numOut int
	gram          []complex128 // [in, in]: sum conj(x_i) x_j, lower triangle
	cross         []complex128 // [out, in]: sum conj(x_i) y_k
	ridged        []complex128 // gram with the ridge on its diagonal
	factor        Factor
}

// NewLeastSquares starts a fit of numOut outputs to numIn inputs, both 1 or more.
func NewLeastSquares(numIn, numOut int) (*LeastSquares, error) {
	if numIn < 1 || numOut < 1 {
		return nil, fmt.Errorf("a fit of %d outputs to %d inputs is empty; use 1 or more of each", numOut, numIn)
	}
	return &LeastSquares{
		numIn: numIn, numOut: numOut,
		gram:   make([]complex128, numIn*numIn),
		cross:  make([]complex128, numOut*numIn),
		ridged: make([]complex128, numIn*numIn),
		factor: Factor{n: numIn, l: make([]complex128, numIn*numIn)},
	}, nil
}

// Reset forgets every observation and keeps the memory.
func (l *LeastSquares) Reset() {
	clear(l.gram)
	clear(l.cross)
}

// Add counts one observation, x [in] and y [out].
func (l *LeastSquares) Add(x, y []complex128) error {
	if len(x) != l.numIn || len(y) != l.numOut {
		return fmt.Errorf("an observation of %d inputs and %d outputs does not fit %d and %d; give as many",
			len(x), len(y), l.numIn, l.numOut)
	}
	for i, v := range x {
		row := l.gram[i*l.numIn:][:i+1]
		for j := range row {
			row[j] += conjTimes(v, x[j])
		}
	}
	for k, v := range y {
		row := l.cross[k*l.numIn:][:l.numIn]
		for i, u := range x {
			row[i] += conjTimes(u, v)
		}
	}
	return nil
}

// AddRows counts many observations at once: x [in][count] and y [out][count].
func (l *LeastSquares) AddRows(x, y [][]complex128) error {
	if len(x) != l.numIn || len(y) != l.numOut {
		return fmt.Errorf("observations of %d inputs and %d outputs do not fit %d and %d; give as many",
			len(x), len(y), l.numIn, l.numOut)
	}
	count := len(x[0])
	for _, row := range append(x[1:len(x):len(x)], y...) {
		if len(row) != count {
			return fmt.Errorf("rows of %d and %d observations were given; give the same number of each", count, len(row))
		}
	}
	for i := range x {
		for j := range i + 1 {
			l.gram[i*l.numIn+j] += dotConj(x[i], x[j])
		}
		for k := range y {
			l.cross[k*l.numIn+i] += dotConj(x[i], y[k])
		}
	}
	return nil
}

// Merge counts every observation of o too. Both fits must have the same shape.
func (l *LeastSquares) Merge(o *LeastSquares) error {
	if o.numIn != l.numIn || o.numOut != l.numOut {
		return fmt.Errorf("a fit of %d outputs to %d inputs cannot join one of %d to %d; use one shape",
			o.numOut, o.numIn, l.numOut, l.numIn)
	}
	for i, v := range o.gram {
		l.gram[i] += v
	}
	for i, v := range o.cross {
		l.cross[i] += v
	}
	return nil
}

// Solve returns W [out, in] that minimises sum |y - W x|^2 + ridge |W|^2 m, where
// m is the mean power sum |x|^2/in: a ridge without unit, 0 for plain least
// squares. Without any power in the inputs W is zero. (Tikhonov; Hoerl and
// Kennard, Technometrics 12, 1970.)
func (l *LeastSquares) Solve(ridge float64) ([]complex128, error) {
	if !(ridge >= 0) {
		return nil, fmt.Errorf("a ridge of \"%g\" would reward large coefficients; use 0 or more", ridge)
	}
	w := make([]complex128, len(l.cross))
	var power float64
	for i := range l.numIn {
		power += real(l.gram[i*l.numIn+i]) / float64(l.numIn)
	}
	if power == 0 {
		return w, nil
	}
	copy(l.ridged, l.gram)
	for i := range l.numIn {
		l.ridged[i*l.numIn+i] += complex(ridge*power, 0)
	}
	if err := l.factor.factor(l.ridged); err != nil {
		return nil, err
	}
	copy(w, l.cross)
	for k := range l.numOut {
		if err := l.factor.Solve(w[k*l.numIn:][:l.numIn]); err != nil {
			return nil, err
		}
	}
	return w, nil
}
