package channelpred

import (
	"context"

	"github.com/comlam/comlam/internal/dense"
)

// hold predicts that nothing changes: the last noisy slot, again and again.
type hold struct{ grid }

func (p hold) Predict(examples []Example, out [][]complex64) error {
	return p.each(examples, out, func(past, future [][]complex128) error {
		for _, row := range future {
			copy(row, past[len(past)-1])
		}
		return nil
	})
}

// linear predicts every future value of a stream from all past values of the
// same stream, by coefficients that all streams and samples share.
type linear struct {
	grid
	w []complex128 // [future, past]
}

func (p linear) Predict(examples []Example, out [][]complex64) error {
	return p.each(examples, out, func(past, future [][]complex128) error {
		combine(p.w, past, future)
		return nil
	})
}

// slightRidge keeps noiseless slow channels solvable and is far too small to be
// seen in a result with noise.
const slightRidge = 1e-9

// fitLinear fits the coefficients by least squares on every stream of every
// example; the noiseless future is the target, as in the metric.
func fitLinear(ctx context.Context, set *Set) (linear, error) {
	g := set.grid
	fit, err := dense.NewLeastSquares(g.past, g.future)
	if err != nil {
		return linear{}, err
	}
	past, future := matrix(g.past, g.numStreams), matrix(g.future, g.numStreams)
	err = set.Each(ctx, func(e Example) error {
		widen(past, e.Past)
		widen(future, e.Future)
		return fit.AddRows(past, future)
	})
	if err != nil {
		return linear{}, err
	}
	w, err := fit.Solve(slightRidge)
	return linear{g, w}, err
}
