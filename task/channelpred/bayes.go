package channelpred

import (
	"math"

	"github.com/comlam/comlam/internal/setting"
)

// bayes is the posterior mean when the speed is uniform over a range: the Wiener
// filters of a grid of speeds, weighted by how well each explains the past. The
// generator draws the speed from a continuous uniform distribution; the grid is
// the trapezoidal rule for its integrals, whose first and last points count half.
// No predictor has a smaller error on average over that prior. At one speed of it
// a predictor that leans towards that speed may, so there the genie is the bound.
type bayes struct {
	jakes
	hypotheses []hypothesis
}

// hypothesis is one speed of the grid.
type hypothesis struct {
	logPrior float64
	logDet   float64
	inverse  []float64 // (R + noise I)^-1 [past, past]
	w        []float64 // Wiener filter [future, past]
}

// gridStep is at most 1 km/h: a fifth of what 16 slots at 18 dB can resolve.
var gridStep = setting.KMH(1)

// speedGrid is the points of the trapezoidal rule over the range.
func speedGrid(r setting.SpeedRange) []setting.Speed {
	// A hair less than the quotient, so that 3 to 120 km/h is 117 steps despite rounding.
	steps := int(math.Ceil(float64((r.Max-r.Min)/gridStep) - 1e-9))
	list := []setting.Speed{r.Min}
	for i := range steps {
		list = append(list, r.Min+(r.Max-r.Min)*setting.Speed(float64(i+1)/float64(steps)))
	}
	return list
}

func newBayes(j jakes, prior setting.SpeedRange) (bayes, error) {
	p := bayes{jakes: j}
	speeds := speedGrid(prior)
	for i, v := range speeds {
		h, err := newHypothesis(j, v)
		if err != nil {
			return bayes{}, err
		}
		if len(speeds) > 1 && (i == 0 || i == len(speeds)-1) {
			h.logPrior = -math.Ln2
		}
		p.hypotheses = append(p.hypotheses, h)
	}
	return p, nil
}

func newHypothesis(j jakes, v setting.Speed) (hypothesis, error) {
	f, err := j.covariance(v)
	if err != nil {
		return hypothesis{}, err
	}
	w, _, err := j.filter(v, f)
	if err != nil {
		return hypothesis{}, err
	}
	h := hypothesis{logDet: f.LogDet()}
	for _, c := range w {
		h.w = append(h.w, real(c))
	}
	for i := range j.past {
		unit := make([]complex128, j.past)
		unit[i] = 1
		if err := f.Solve(unit); err != nil {
			return hypothesis{}, err
		}
		for _, c := range unit {
			h.inverse = append(h.inverse, real(c))
		}
	}
	return h, nil
}

func (p bayes) Predict(examples []Example, out [][]complex64) error {
	numAnt := p.numRx * p.numTx
	mean, predicted := matrix(p.past, numAnt), matrix(p.future, numAnt)
	weights := make([]float64, len(p.hypotheses))
	scatter := make([]float64, p.past*p.past)
	w := make([]complex128, p.future*p.past)
	return p.each(examples, out, func(past, future [][]complex128) error {
		p.average(mean, past)
		scatterOf(scatter, mean)
		p.posterior(weights, scatter, numAnt)
		p.mixed(w, weights)
		combine(w, mean, predicted)
		p.spread(future, predicted)
		return nil
	})
}

// scatterOf writes Re sum_n y_n y_n^H over the antenna pairs n, [past, past]. The
// likelihood of a real covariance needs no more of the observation than this.
func scatterOf(scatter []float64, y [][]complex128) {
	for i, a := range y {
		for k, b := range y {
			var sum float64
			for n, v := range a {
				sum += real(v)*real(b[n]) + imag(v)*imag(b[n])
			}
			scatter[i*len(y)+k] = sum
		}
	}
}

// posterior writes the probability of each hypothesis given numAnt independent
// series with this scatter: log p = -numAnt log det C - tr(C^-1 S) + const.
func (p bayes) posterior(weights, scatter []float64, numAnt int) {
	largest := math.Inf(-1)
	for v, h := range p.hypotheses {
		misfit := 0.0
		for i, c := range h.inverse {
			misfit += c * scatter[i]
		}
		weights[v] = h.logPrior - float64(numAnt)*h.logDet - misfit
		largest = max(largest, weights[v])
	}
	total := 0.0
	for v, x := range weights {
		weights[v] = math.Exp(x - largest)
		total += weights[v]
	}
	for v := range weights {
		weights[v] /= total
	}
}

// mixed writes the posterior mean of the filters; every stream can then be
// predicted once instead of once per hypothesis.
func (p bayes) mixed(w []complex128, weights []float64) {
	clear(w)
	for v, h := range p.hypotheses {
		for i, c := range h.w {
			w[i] += complex(weights[v]*c, 0)
		}
	}
}
