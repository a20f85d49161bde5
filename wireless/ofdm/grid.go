package ofdm

import "fmt"

// Grid is the size of a slot.
type Grid struct{ NumSymbols, NumSubcarriers int }

// Len is the number of resource elements.
func (g Grid) Len() int { return g.NumSymbols * g.NumSubcarriers }

// Pilots are the known symbols of one layer and what a receiver makes of them:
// observations at all pairs of a time and a frequency. Layers that share resource
// elements are told apart by orthogonal codes over two or four of them, and such an
// observation stands in the middle of those.
type Pilots struct {
	Symbols, Subcarriers []float64 // of the observations, ascending
	// NoiseFactor is the noise variance of an observation over that of a resource
	// element.
	NoiseFactor float64

	re     []int        // resource elements, those of observation i from i*share on
	value  []complex128 // what is sent there
	weight []complex128 // the observation is the sum of weight times received
	share  int
}

// Len is the number of observations.
func (p *Pilots) Len() int { return len(p.Symbols) * len(p.Subcarriers) }

// Put adds the pilots to a grid.
func (p *Pilots) Put(grid []complex128) {
	for i, re := range p.re {
		grid[re] += p.value[i]
	}
}

// Observe is the least squares estimate of the channel at the pilots, [Symbols,
// Subcarriers], from a received grid: received over sent, and where layers share
// resource elements the mean over those.
func (p *Pilots) Observe(observed, received []complex128) error {
	if len(observed) != p.Len() {
		return fmt.Errorf("ofdm: room for %d observations; there are %d", len(observed), p.Len())
	}
	if last := p.re[len(p.re)-1]; last >= len(received) {
		return fmt.Errorf("ofdm: a grid of %d resource elements, but a pilot at %d", len(received), last)
	}
	for i := range observed {
		var sum complex128
		for j := i * p.share; j < (i+1)*p.share; j++ {
			sum += p.weight[j] * received[p.re[j]]
		}
		observed[i] = sum
	}
	return nil
}

// weigh sets the weights for values of one power each.
func (p *Pilots) weigh() {
	p.weight = make([]complex128, len(p.value))
	for i, v := range p.value {
		power := real(v)*real(v) + imag(v)*imag(v)
		p.weight[i] = complex(real(v)/power/float64(p.share), -imag(v)/power/float64(p.share))
		p.NoiseFactor = 1 / power / float64(p.share)
	}
}

// Comb is plain pilots of unit power: every Spacing-th subcarrier from Offset on in
// each of the Symbols.
type Comb struct {
	Symbols         []int // ascending
	Spacing, Offset int
	Seed            uint32 // of the QPSK symbols, c_init of a Gold sequence
}

// Pilots places the comb on a grid.
func (c Comb) Pilots(g Grid) (*Pilots, error) {
	switch {
	case g.NumSymbols < 1 || g.NumSubcarriers < 1:
		return nil, fmt.Errorf("ofdm: a grid of %d symbols and %d subcarriers has no room for pilots", g.NumSymbols, g.NumSubcarriers)
	case c.Spacing < 1 || c.Offset < 0 || c.Offset >= c.Spacing || c.Offset >= g.NumSubcarriers:
		return nil, fmt.Errorf("ofdm: a comb of every %d subcarriers from %d on %d; use a spacing of 1 or more and an offset below it", c.Spacing, c.Offset, g.NumSubcarriers)
	case len(c.Symbols) == 0:
		return nil, fmt.Errorf("ofdm: a comb on no symbol; give at least one")
	}
	p := &Pilots{share: 1}
	for k := c.Offset; k < g.NumSubcarriers; k += c.Spacing {
		p.Subcarriers = append(p.Subcarriers, float64(k))
	}
	for i, l := range c.Symbols {
		if l < 0 || l >= g.NumSymbols || i > 0 && l <= c.Symbols[i-1] {
			return nil, fmt.Errorf("ofdm: pilots on symbols %v; give them ascending, from 0 to %d", c.Symbols, g.NumSymbols-1)
		}
		p.Symbols = append(p.Symbols, float64(l))
		for _, k := range p.Subcarriers {
			p.re = append(p.re, l*g.NumSubcarriers+int(k))
		}
	}
	p.value = make([]complex128, len(p.re))
	goldQPSK(p.value, c.Seed, 0)
	p.weigh()
	return p, nil
}
