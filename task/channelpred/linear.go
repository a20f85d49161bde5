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

// fitter gathers what it needs from one example after the other.
type fitter interface{ add(e Example) error }

// feed gives every example of the set to every fitter.
func feed(ctx context.Context, set *Set, fitters ...fitter) error {
	return set.Each(ctx, func(e Example) error {
		for _, f := range fitters {
			if err := f.add(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// linearFit gathers every stream of every example; the noiseless future is the
// target, as in the metric.
type linearFit struct {
	grid
	fit          *dense.LeastSquares
	past, future [][]complex128
}

func newLinearFit(g grid) (*linearFit, error) {
	fit, err := dense.NewLeastSquares(g.past, g.future)
	return &linearFit{g, fit, matrix(g.past, g.numStreams), matrix(g.future, g.numStreams)}, err
}

func (f *linearFit) add(e Example) error {
	widen(f.past, e.Past)
	widen(f.future, e.Future)
	return f.fit.AddRows(f.past, f.future)
}

// slightRidge keeps noiseless slow channels solvable and is far too small to be
// seen in a result with noise.
const slightRidge = 1e-9

func (f *linearFit) predictor() (linear, error) {
	w, err := f.fit.Solve(slightRidge)
	return linear{f.grid, w}, err
}
