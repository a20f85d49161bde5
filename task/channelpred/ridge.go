package channelpred

import (
	"math"

	"github.com/comlam/comlam/internal/dense"
)

// ridge predicts each angle-delay coefficient from its own past, by coefficients
// fitted to the group that it belongs to. A DFT alone would change nothing for a
// fit that all coefficients share; what helps is that strong and weak ones get
// their own balance between following the channel and averaging out noise.
type ridge struct {
	grid
	transform *angleDelay
	grouping  grouping
	w         [][]complex128 // [group][future, past]
}

func (p ridge) Predict(examples []Example, out [][]complex64) error {
	energy := make([]float64, p.numStreams)
	return p.each(examples, out, func(past, future [][]complex128) error {
		p.transform.forward(past)
		sumPower(energy, past)
		for k, row := range future {
			clear(row)
			for bin := range row {
				w := p.w[p.grouping.group(p.grid, bin, energy[bin])][k*p.past:][:p.past]
				for i, c := range w {
					row[bin] += times(c, past[i][bin])
				}
			}
		}
		p.transform.inverse(future)
		return nil
	})
}

// grouping says which coefficients share a fit. Which one is best depends on how
// much the angles and delays of different samples have in common.
type grouping int

const (
	byBin   grouping = iota // every coefficient its own: fixed scatterers
	byDelay                 // all angles of a delay together: turned arrays
	byPower                 // by the power seen over the past, whatever the place
	numGroupings
)

// Classes of mean power over the past: 2 dB wide, from -30 dB to 34 dB.
const (
	classWidthDB  = 2
	weakestDB     = -30
	numPowerClass = 32
)

func (b grouping) num(g grid) int {
	switch b {
	case byBin:
		return g.numStreams
	case byDelay:
		return g.numSubcarriers
	default:
		return numPowerClass
	}
}

// group is the group of a coefficient whose power over the past sums to energy.
func (b grouping) group(g grid, bin int, energy float64) int {
	switch b {
	case byBin:
		return bin
	case byDelay:
		return bin / (g.numRx * g.numTx)
	default:
		class := (10*math.Log10(energy/float64(g.past)) - weakestDB) / classWidthDB
		if !(class > 0) { // also no power at all, and NaN
			return 0
		}
		return int(min(class, numPowerClass-1))
	}
}

// ridgeFit gathers the sums of every grouping in one pass over the samples.
type ridgeFit struct {
	grid
	transform *angleDelay
	fits      [numGroupings][]*dense.LeastSquares

	past, future [][]complex128
	energy       []float64
	x, y         []complex128
}

func newRidgeFit(g grid, t *angleDelay) (*ridgeFit, error) {
	f := &ridgeFit{
		grid: g, transform: t,
		past: matrix(g.past, g.numStreams), future: matrix(g.future, g.numStreams),
		energy: make([]float64, g.numStreams),
		x:      make([]complex128, g.past), y: make([]complex128, g.future),
	}
	for b := range numGroupings {
		for range b.num(g) {
			fit, err := dense.NewLeastSquares(g.past, g.future)
			if err != nil {
				return nil, err
			}
			f.fits[b] = append(f.fits[b], fit)
		}
	}
	return f, nil
}

// add counts one example. A delay's sums are those of its bins, see mergeDelays.
func (f *ridgeFit) add(e Example) error {
	widen(f.past, e.Past)
	widen(f.future, e.Future)
	f.transform.forward(f.past)
	f.transform.forward(f.future)
	sumPower(f.energy, f.past)
	for bin, energy := range f.energy {
		for i, row := range f.past {
			f.x[i] = row[bin]
		}
		for k, row := range f.future {
			f.y[k] = row[bin]
		}
		for _, b := range []grouping{byBin, byPower} {
			if err := f.fits[b][b.group(f.grid, bin, energy)].Add(f.x, f.y); err != nil {
				return err
			}
		}
	}
	return nil
}

// candidates are the predictors of every grouping and every amount of ridge.
func (f *ridgeFit) candidates() ([]Predictor, error) {
	if err := f.mergeDelays(); err != nil {
		return nil, err
	}
	var list []Predictor
	for b, fits := range f.fits {
		for _, lambda := range fitRidges {
			p := ridge{grid: f.grid, transform: f.transform, grouping: grouping(b)}
			for _, fit := range fits {
				w, err := fit.Solve(lambda)
				if err != nil {
					return nil, err
				}
				p.w = append(p.w, w)
			}
			list = append(list, p)
		}
	}
	return list, nil
}

// mergeDelays sums the bins of every delay.
func (f *ridgeFit) mergeDelays() error {
	for _, fit := range f.fits[byDelay] {
		fit.Reset()
	}
	for bin, fit := range f.fits[byBin] {
		if err := f.fits[byDelay][byDelay.group(f.grid, bin, 0)].Merge(fit); err != nil {
			return err
		}
	}
	return nil
}
