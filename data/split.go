package data

import "github.com/comlam/comlam/internal/rng"

// Split is a part of the samples that no other part shares.
type Split uint64

// The parts: each draws its channels from a seed of its own.
const (
	Train    Split = iota + 1 // pre-training
	Fit                       // fitting the linear predictors
	Adapt                     // adaptation to a new condition
	Validate                  // choosing when adaptation stops
	Test                      // what is reported
)

// Seed is the seed of a split under the seed of a run.
func (s Split) Seed(seed uint64) uint64 { return rng.New(seed, uint64(s)).Uint64() }
