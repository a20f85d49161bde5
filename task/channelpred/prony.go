package channelpred

import (
	"cmp"
	"slices"

	"github.com/comlam/comlam/internal/dense"
)

// A channel of p paths that each turn at their own Doppler rate obeys a linear
// recursion of order p, x_t = a_1 x_{t-1} + ... + a_p x_{t-p} (Prony 1795): the
// past gives a, and a gives the future. Noise on the past biases a, the more the
// higher the order; a ridge (Tikhonov) keeps the recursion from blowing up.

// vectorProny fits one recursion to all streams of a sample at once: paths turn at
// the same rate on every antenna and subcarrier, which makes a high order
// solvable. It is the vector Prony of the LLM4CP comparison (arXiv:2406.14440),
// after H. Yin et al., "Dealing with the Mobility Problem of Massive MIMO using
// Extended Prony's Method", ICC 2020. For one stream it is Prony's method.
type vectorProny struct {
	grid
	order int
	ridge float64 // relative to the power of the past, see dense.LeastSquares
}

func (p vectorProny) Predict(examples []Example, out [][]complex64) error {
	fit, err := dense.NewLeastSquares(p.order, 1)
	if err != nil {
		return err
	}
	return p.each(examples, out, func(past, future [][]complex128) error { return p.extend(fit, past, future) })
}

// extend fits a recursion to past [past][stream] and continues it into future.
func (p vectorProny) extend(fit *dense.LeastSquares, past, future [][]complex128) error {
	fit.Reset()
	for t := p.order; t < len(past); t++ {
		if err := fit.AddRows(past[t-p.order:t], past[t:t+1]); err != nil {
			return err
		}
	}
	a, err := fit.Solve(p.ridge)
	if err != nil {
		return err
	}
	slots := slices.Concat(past[len(past)-p.order:], future)
	for k := range future {
		combine(a, slots[k:k+p.order], future[k:k+1])
	}
	return nil
}

// pad predicts every strong angle-delay coefficient by its own recursion: in that
// domain a coefficient holds few paths and a low order suffices (H. Yin, H. Wang,
// Y. Liu, D. Gesbert, "Addressing the Curse of Mobility in Massive MIMO with
// Prony-Based Angular-Delay Domain Channel Predictions", IEEE JSAC 38(12), 2020,
// arXiv:1912.11330).
type pad struct {
	grid
	transform *angleDelay
	order     int
	share     float64 // the smallest set of coefficients with this share of the power is predicted; the rest is 0
	ridge     float64
}

func (p pad) Predict(examples []Example, out [][]complex64) error {
	fit, err := dense.NewLeastSquares(p.order, 1)
	if err != nil {
		return err
	}
	series := make([]complex128, p.past+p.future)
	strengths := newStrengths(p.numStreams)
	return p.each(examples, out, func(past, future [][]complex128) error {
		p.transform.forward(past)
		for _, row := range future {
			clear(row)
		}
		for _, bin := range strengths.strongest(past, p.share) {
			for t, row := range past {
				series[t] = row[bin]
			}
			if err := p.extend(fit, series); err != nil {
				return err
			}
			for k, row := range future {
				row[bin] = series[p.past+k]
			}
		}
		p.transform.inverse(future)
		return nil
	})
}

// extend fits a recursion to series[:past] and continues it to the end.
func (p pad) extend(fit *dense.LeastSquares, series []complex128) error {
	fit.Reset()
	for t := p.order; t < p.past; t++ {
		if err := fit.Add(series[t-p.order:t], series[t:t+1]); err != nil {
			return err
		}
	}
	a, err := fit.Solve(p.ridge)
	if err != nil {
		return err
	}
	for t := p.past; t < len(series); t++ {
		series[t] = 0
		for i, c := range a {
			series[t] += times(c, series[t-p.order+i])
		}
	}
	return nil
}

// strengths orders coefficients by their power over the past.
type strengths struct {
	power []float64
	order []int
}

func newStrengths(num int) *strengths {
	return &strengths{make([]float64, num), make([]int, num)}
}

// strongest returns the fewest coefficients that hold the share of the power.
func (s *strengths) strongest(past [][]complex128, share float64) []int {
	sumPower(s.power, past)
	var total float64
	for bin, x := range s.power {
		s.order[bin] = bin
		total += x
	}
	slices.SortFunc(s.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.power[b], s.power[a]), cmp.Compare(a, b))
	})
	var held float64
	for i, bin := range s.order {
		held += s.power[bin]
		if held >= share*total {
			return s.order[:i+1]
		}
	}
	return s.order
}

// sumPower writes the power of each column of rows to sum.
func sumPower(sum []float64, rows [][]complex128) {
	clear(sum)
	for _, row := range rows {
		for s, v := range row {
			sum[s] += power(v)
		}
	}
}
