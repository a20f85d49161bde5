package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	defaultReplicates = 2000
	// minReplicates leaves one replicate outside each end of the interval.
	minReplicates = 40
	// The golden ratio's bits: any fixed number serves, this one hides nothing.
	defaultSeed = 0x9e3779b97f4a7c15
)

// Bootstrap says how intervals are drawn. The zero value is what every report
// uses: 2,000 replicates from a fixed seed.
type Bootstrap struct {
	Replicates int    // 0 means 2,000
	Seed       uint64 // 0 means the fixed default
}

// interval draws n of n positions with replacement, again and again, and
// returns the 2.5 % and 97.5 % points of what stat says about them.
func (b Bootstrap) interval(n int, stat func(draw []int) float64) ([2]float64, error) {
	if b.Replicates == 0 {
		b.Replicates = defaultReplicates
	}
	if b.Seed == 0 {
		b.Seed = defaultSeed
	}
	if b.Replicates < minReplicates {
		return [2]float64{}, fmt.Errorf("\"%d\" bootstrap replicates cannot show a 95 %% interval; use at least %d",
			b.Replicates, minReplicates)
	}
	random := rand.New(rand.NewPCG(b.Seed, uint64(n)))
	draw := make([]int, n)
	values := make([]float64, b.Replicates)
	for r := range values {
		for i := range draw {
			draw[i] = random.IntN(n)
		}
		values[r] = stat(draw)
		if !finite(values[r]) {
			return [2]float64{}, errUndefinedDraw
		}
	}
	slices.Sort(values)
	return [2]float64{quantile(values, 0.025), quantile(values, 0.975)}, nil
}

// quantile interpolates between the order statistics of sorted values
// (definition 7 of Hyndman and Fan, The American Statistician 50, 1996).
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	below := int(math.Floor(at))
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(below)
	return sorted[below] + part*(sorted[below+1]-sorted[below])
}
