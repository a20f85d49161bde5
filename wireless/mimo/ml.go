package mimo

import (
	"fmt"

	"github.com/comlam/comlam/wireless/mapping"
)

// An ML detector looks at every combination of symbols: its soft bits are those of the
// definition, exactly summed or of the nearest hypotheses. (Where likelihoods are below
// e^-660 of the best one, Exact takes the nearest hypotheses too.)
//
// With M symbols and S streams it enumerates M^(S-1) paths; each costs about S complex
// multiplications and, for the last stream, two roundings and the distances to the
// levels with other bits. Exact goes through them twice, with five exponentials a path.
type ML struct {
	*tree
	rest []complex128 // [S S]: row i is what is left of streams 0 to i once those above are chosen
}

// NewML returns a workspace: one a goroutine. At most 2^18 paths are enumerated.
func NewML(c Config) (*ML, error) {
	t, err := newTree(c, false)
	if err != nil {
		return nil, err
	}
	if t.qm*(c.NumStreams-1) > 18 {
		return nil, fmt.Errorf("detector: ml of %d streams of %s has 2^%d paths, at most 2^18 are enumerated; use kbest", c.NumStreams, c.Scheme, t.qm*(c.NumStreams-1))
	}
	return &ML{t, make([]complex128, c.NumStreams*c.NumStreams)}, nil
}

// Detect implements Detector.
func (m *ML) Detect(llrs []float32, h, y []complex128, n0 []float64) error {
	count, err := m.batch(llrs, h, y, n0)
	if err != nil {
		return err
	}
	r, s := m.NumRx, m.NumStreams
	for b := range count {
		m.begin(h[b*r*s:][:r*s], y[b*r:][:r], variance(n0, b))
		top := m.rest[(s-1)*s:]
		for i := range s {
			top[i] = m.received(i)
		}
		m.nearest(s-1, 0)
		if m.Rule == mapping.Exact {
			m.sum(s-1, 0)
		}
		m.finish(llrs[b*s*m.qm:][:s*m.qm])
	}
	return nil
}

// choose subtracts point from what is left of the streams below i and returns the
// squared distance that it adds.
func (m *ML) choose(i int, point complex128) float64 {
	s := m.NumStreams
	rest, below := m.rest[i*s:][:s], m.rest[(i-1)*s:][:s]
	for j := range i {
		below[j] = rest[j] - m.r(j, i)*point
	}
	return square(rest[i] - m.r(i, i)*point)
}

// nearest goes through the streams 0 to i of a path at distance d, and says how far the
// nearest hypothesis is.
func (m *ML) nearest(i int, d float64) float64 {
	if i == 0 {
		return m.leaf(d, m.rest[0])
	}
	var least float64
	for label, point := range m.points {
		step := m.choose(i, point)
		one := m.nearest(i-1, d+step)
		m.seen(i, label, one)
		if label == 0 || one < least {
			least = one
		}
	}
	return least
}

// sum goes through them once more for their likelihoods.
func (m *ML) sum(i int, d float64) (all float64) {
	if i == 0 {
		return m.leafSum(d, m.rest[0])
	}
	for label, point := range m.points {
		step := m.choose(i, point)
		one := m.sum(i-1, d+step)
		m.summed(i, label, one)
		all += one
	}
	return all
}
