package channelpred

import (
	"context"
	"fmt"
	"math"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/csi"
)

// noiseDomain keeps the noise of this package apart from other draws under the
// seed of a split: the letters "noise".
const noiseDomain = 0x6e6f697365

// numWorkers draw the samples of a set; the samples do not depend on it.
const numWorkers = 2

// Set is examples of one split. It implements eval.Set[Example]; any number of
// goroutines may use it at once.
type Set struct {
	generator *csi.Generator
	grid      grid
	seed      uint64
	num       int
	snr       setting.Decibel
}

// newSet makes the set of num examples of a split, at the speeds that d names.
func newSet(cfg Config, d data.Config, seed uint64, split data.Split, num int) (*Set, error) {
	if num < 1 {
		return nil, fmt.Errorf("a set of %d examples is empty; ask for 1 or more", num)
	}
	g, err := d.Config.Build()
	if err != nil {
		return nil, setting.Under("data", err)
	}
	return &Set{
		generator: g, grid: newGrid(cfg, g.Shape()), seed: split.Seed(seed), num: num, snr: d.SNR,
	}, nil
}

// noiseVariance is sigma^2 of the total complex noise on one input value, for
// channels of mean power 1.
func noiseVariance(d data.Config) float64 { return math.Pow(10, -float64(d.SNR)/10) }

// Len is the number of examples.
func (s *Set) Len() int { return s.num }

// Examples makes examples first to first+count-1.
func (s *Set) Examples(first, count int) ([]Example, error) {
	if first < 0 || count < 0 || first+count > s.num {
		return nil, fmt.Errorf("examples %d to %d are outside a set of %d; ask for 0 to %d", first, first+count-1, s.num, s.num-1)
	}
	list := make([]Example, count)
	h := make([]complex64, s.generator.Shape().Len())
	for i := range list {
		index := uint64(first + i)
		drop := s.generator.Sample(s.seed, index, h)
		list[i] = s.example(index, h, drop)
	}
	return list, nil
}

// Each makes the examples in order, with two workers ahead of yield.
func (s *Set) Each(ctx context.Context, yield func(Example) error) error {
	return s.generator.Stream(ctx, s.seed, 0, uint64(s.num), numWorkers, func(index uint64, h []complex64, d csi.Drop) error {
		return yield(s.example(index, h, d))
	})
}

// Truth is the future of the example, which is a drop of its own.
func (s *Set) Truth(e Example) eval.Truth {
	return eval.Truth{Drop: e.Index, H: e.Future, NumTxAnt: s.grid.numTx}
}

// example cuts the sample h [time, subcarrier, rx, tx] and adds noise to its past.
func (s *Set) example(index uint64, h []complex64, drop csi.Drop) Example {
	all := make([]complex64, len(h))
	copy(all, h)
	cut := s.grid.past * s.grid.numStreams
	e := Example{Index: index, Past: all[:cut:cut], Future: all[cut:], Drop: drop}
	data.AddNoise(rng.New(s.seed, noiseDomain, index), s.snr, e.Past)
	return e
}
