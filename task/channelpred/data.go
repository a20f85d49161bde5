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

// Use is what a set of samples is for. Sets of different uses share no sample.
type Use uint64

// The uses of samples beside pre-training, which draws from the recipe's own seed.
const (
	Fit      Use = iota + 1 // coefficients of the linear predictors
	Choose                  // their regularisation
	Adapt                   // fine-tuning
	Validate                // when to stop fine-tuning
	Test                    // the table
)

// Two random numbers drawn under one seed never share a path: these words name
// the draws of this package ("use", "noise").
const (
	useDomain   = 0x757365
	noiseDomain = 0x6e6f697365
)

// Seed is the seed of the samples for one use under the seed of a recipe. Seeds of
// different uses, and the recipe's own, differ but for a chance of 2^-64.
func Seed(seed uint64, use Use) uint64 { return rng.New(seed, useDomain, uint64(use)).Uint64() }

// numWorkers draw the samples of a set; the samples do not depend on it.
const numWorkers = 2

// Set is the examples of one use. It implements eval.Set[Example]; any number of
// goroutines may use it at once.
type Set struct {
	generator *csi.Generator
	grid      grid
	seed      uint64
	num       int
	amplitude float64 // of the noise: root of its variance
}

// newSet makes the set of num examples of use, of the speeds that d names.
func newSet(cfg Config, d data.Config, seed uint64, use Use, num int) (*Set, error) {
	if num < 1 {
		return nil, fmt.Errorf("a set of %d examples is empty; ask for 1 or more", num)
	}
	g, err := d.Config.Build()
	if err != nil {
		return nil, setting.Under("data", err)
	}
	return &Set{
		generator: g, grid: newGrid(cfg, g.Shape()), seed: Seed(seed, use), num: num,
		amplitude: math.Sqrt(noiseVariance(d)),
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
	noise := rng.New(s.seed, noiseDomain, index)
	for i, v := range e.Past {
		z := noise.ComplexNormal()
		e.Past[i] = complex64(complex128(v) + complex(s.amplitude*real(z), s.amplitude*imag(z)))
	}
	return e
}
