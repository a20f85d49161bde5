package channelpred

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/setting"
)

// Bench makes the example sets of one recipe and fits its classical methods. Any
// number of goroutines may use it at once.
type Bench struct {
	cfg  Config
	data data.Config
	seed uint64
	grid grid

	fitting   sync.Mutex // held while allSpeeds is made
	allSpeeds *linear
}

// NewBench checks that the task fits the data: past and future make one sample.
func NewBench(cfg Config, d data.Config, seed uint64) (*Bench, error) {
	if err := cfg.Validate(); err != nil {
		return nil, setting.Under("task", err)
	}
	if err := d.Validate(); err != nil {
		return nil, setting.Under("data", err)
	}
	if cfg.Past+cfg.Future != d.NumSlots {
		return nil, setting.Bad("task.past", "change past, future or data.num_slots so that they add up",
			"%d past and %d future slots do not make the %d slots of a sample", cfg.Past, cfg.Future, d.NumSlots)
	}
	g, err := d.Config.Build()
	if err != nil {
		return nil, setting.Under("data", err)
	}
	return &Bench{cfg: cfg, data: d, seed: seed, grid: newGrid(cfg, g.Shape())}, nil
}

// Condition names a test condition: its channel and its speed.
func Condition(channel string, v setting.Speed) eval.Condition {
	return eval.Condition{Task: Entry.Name, Name: channel + ", " + v.String()}
}

// Set is num examples of a split, all at speed v.
func (b *Bench) Set(split data.Split, v setting.Speed, num int) (*Set, error) {
	return b.SetOver(split, setting.SpeedRange{Min: v, Max: v}, num)
}

// SetOver is num examples of a split, each at a speed drawn uniformly from r.
func (b *Bench) SetOver(split data.Split, r setting.SpeedRange, num int) (*Set, error) {
	d := b.data
	d.Speed = r
	return newSet(b.cfg, d, b.seed, split, num)
}

const (
	padOrder   = 4 // of the WiFo comparison, arXiv:2412.08908
	pronyOrder = 8 // of the LLM4CP comparison, arXiv:2406.14440
)

// numChoose is how many examples the regularisation is chosen on. A single series
// says little about a recursion that rarely, but badly, runs away; where examples
// hold many series, fewer examples do.
func numChoose(g grid) int { return max(128, 1024/g.numStreams) }

// Methods fits the classical methods to the condition of speed v and returns
// them in the order of the table, then genie and bound where they exist. A
// method that the past is too short for is left out. Coefficients are fitted on
// split data.Fit, amounts of regularisation chosen on data.Validate.
func (b *Bench) Methods(ctx context.Context, v setting.Speed) ([]Method, error) {
	list, err := b.classical(ctx, v)
	if err == nil && exactJakes(b.data) {
		list, err = b.optimal(list, v)
	}
	if err != nil {
		return nil, fmt.Errorf("methods for %v: %w", v, err)
	}
	return list, nil
}

func (b *Bench) classical(ctx context.Context, v setting.Speed) ([]Method, error) {
	held, err := b.heldOut(v)
	if err != nil {
		return nil, err
	}
	g, t := b.grid, newAngleDelay(b.data.Config)
	here, ridges, err := b.fit(ctx, v, t)
	if err != nil {
		return nil, err
	}
	everywhere, err := b.linearForAll(ctx)
	if err != nil {
		return nil, err
	}
	list := []Method{
		{Name: "hold", Class: eval.Classical, Predictor: hold{g}},
		{Name: "least squares, this speed", Class: eval.Classical, Predictor: here},
		{Name: "least squares, all speeds", Class: eval.Classical, Predictor: everywhere},
	}
	for _, family := range []struct {
		name       string
		candidates []Predictor
	}{
		{fmt.Sprintf("PAD order %d", padOrder), padCandidates(g, t)},
		{fmt.Sprintf("vector Prony order %d", pronyOrder), pronyCandidates(g)},
		{"ridge, angle-delay", ridges},
	} {
		if len(family.candidates) == 0 {
			continue
		}
		best, err := lowest(ctx, family.candidates, held)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", family.name, err)
		}
		list = append(list, Method{Name: family.name, Class: eval.Classical, Predictor: best})
	}
	return list, nil
}

// heldOut is the examples that amounts of regularisation are chosen on.
func (b *Bench) heldOut(v setting.Speed) ([]Example, error) {
	set, err := b.Set(data.Validate, v, numChoose(b.grid))
	if err != nil {
		return nil, err
	}
	return set.Examples(0, set.Len())
}

// fit fits least squares and the ridge candidates in one pass over the samples of
// speed v. A single stream has neither angle nor delay and no ridge candidates.
func (b *Bench) fit(ctx context.Context, v setting.Speed, t *angleDelay) (linear, []Predictor, error) {
	set, err := b.Set(data.Fit, v, b.cfg.NumFit)
	if err != nil {
		return linear{}, nil, err
	}
	streams, err := newLinearFit(b.grid)
	if err != nil {
		return linear{}, nil, err
	}
	fitters := []fitter{streams}
	var bins *ridgeFit
	if b.grid.numStreams > 1 {
		if bins, err = newRidgeFit(b.grid, t); err != nil {
			return linear{}, nil, err
		}
		fitters = append(fitters, bins)
	}
	if err := feed(ctx, set, fitters...); err != nil {
		return linear{}, nil, err
	}
	here, err := streams.predictor()
	if err != nil || bins == nil {
		return here, nil, err
	}
	candidates, err := bins.candidates()
	return here, candidates, err
}

// optimal appends the predictors that know the statistics of the channel.
func (b *Bench) optimal(list []Method, v setting.Speed) ([]Method, error) {
	j := newJakes(b.grid, b.data)
	w, err := newWiener(j, v)
	if err != nil {
		return nil, err
	}
	p, err := newBayes(j, b.data.Speed)
	if err != nil {
		return nil, err
	}
	return append(list,
		Method{Name: "Wiener, knows the speed", Class: eval.Genie, Predictor: w},
		Method{Name: "Bayes, does not know the speed", Class: eval.Bound, Predictor: p},
	), nil
}

// linearForAll fits over the speeds of the data, once for all conditions.
func (b *Bench) linearForAll(ctx context.Context) (linear, error) {
	b.fitting.Lock()
	defer b.fitting.Unlock()
	if b.allSpeeds != nil {
		return *b.allSpeeds, nil
	}
	set, err := b.SetOver(data.Fit, b.data.Speed, b.cfg.NumFit)
	if err != nil {
		return linear{}, err
	}
	streams, err := newLinearFit(b.grid)
	if err != nil {
		return linear{}, err
	}
	if err := feed(ctx, set, streams); err != nil {
		return linear{}, err
	}
	p, err := streams.predictor()
	if err != nil {
		return linear{}, err
	}
	b.allSpeeds = &p
	return p, nil
}

// Amounts of regularisation to choose from, relative to the power of the inputs.
// A recursion is fitted to a few noisy slots and may need much; a fit to thousands
// of samples has the noise itself for a ridge and needs next to none.
var (
	recursionRidges = []float64{1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1}
	fitRidges       = []float64{1e-9, 1e-5, 1e-3}
)

// padCandidates is empty where a recursion would have more coefficients than
// equations.
func padCandidates(g grid, t *angleDelay) []Predictor {
	if g.past < 2*padOrder {
		return nil
	}
	shares := []float64{0.9, 0.99, 1}
	if g.numStreams == 1 {
		shares = shares[2:] // with one coefficient there is nothing to leave out
	}
	var list []Predictor
	for _, share := range shares {
		for _, lambda := range recursionRidges {
			list = append(list, pad{g, t, padOrder, share, lambda})
		}
	}
	return list
}

func pronyCandidates(g grid) []Predictor {
	if g.past < 2*pronyOrder {
		return nil
	}
	var list []Predictor
	for _, lambda := range recursionRidges {
		list = append(list, vectorProny{g, pronyOrder, lambda})
	}
	return list
}

// lowest is the candidate with the smallest nmse/ratio-of-sums on the examples.
func lowest(ctx context.Context, candidates []Predictor, examples []Example) (Predictor, error) {
	errors, errs := make([]float64, len(candidates)), make([]error, len(candidates))
	var workers sync.WaitGroup
	for w := range numWorkers {
		workers.Go(func() {
			for i := w; i < len(candidates) && ctx.Err() == nil; i += numWorkers {
				errors[i], errs[i] = squaredError(candidates[i], examples)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	best := 0
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		if errors[i] < errors[best] {
			best = i
		}
	}
	return candidates[best], nil
}

// squaredError sums |h_hat - h|^2. It is infinite, never NaN, for a prediction
// that ran away.
func squaredError(p Predictor, examples []Example) (float64, error) {
	out := make([][]complex64, len(examples))
	for i, e := range examples {
		out[i] = make([]complex64, len(e.Future))
	}
	if err := p.Predict(examples, out); err != nil {
		return 0, err
	}
	var sum float64
	for i, e := range examples {
		for s, h := range e.Future {
			sum += power(complex128(out[i][s]) - complex128(h))
		}
	}
	if math.IsNaN(sum) {
		return math.Inf(1), nil
	}
	return sum, nil
}
