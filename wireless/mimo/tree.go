package mimo

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/wireless/mapping"
)

// maxPaths bounds the combinations of symbols of all streams but one, or the paths that
// are kept of them.
const maxPaths = 1 << 18

// A tree is what ML and KBest share. H = Q R makes the streams a tree: the symbol of
// stream i disturbs streams 0 to i only. A path chooses symbols from the last stream
// down; the first one, the leaf, is never enumerated: given the path, its real and its
// imaginary part can be looked at one by one.
type tree struct {
	Config
	axis   *mapping.Axis
	parts  int // of a symbol: real and imaginary, or one of BPSK
	qm     int
	points []complex128 // by label, the first bit highest

	work  []complex128 // [R S+1]: h and y, then R and Q^H y
	order []int        // of the streams, or nil
	n0    float64
	leafR float64 // R[0,0]
	gain  float64 // what a squared step along a part counts
	noise float64 // n0 seen at that scale
	bend  float64
	p     [2][32]float64

	least [][2]float64 // [S Qm]: squared distance to the nearest hypothesis by value of the bit
	sums  [][2]float64 // of their likelihoods beside the nearest one
	best  float64
}

func newTree(c Config, sorted bool) (*tree, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.NumRx < c.NumStreams {
		return nil, fmt.Errorf("detector: %d streams with %d antennas; use as many antennas, or lmmse", c.NumStreams, c.NumRx)
	}
	t := &tree{Config: c, axis: c.Scheme.Axis(), parts: min(2, c.Scheme.Qm()), qm: c.Scheme.Qm(), work: make([]complex128, c.NumRx*(c.NumStreams+1))}
	if sorted {
		t.order = make([]int, c.NumStreams)
	}
	t.least, t.sums = make([][2]float64, c.NumStreams*t.qm), make([][2]float64, c.NumStreams*t.qm)
	bits, symbols := make([]byte, t.qm<<t.qm), make([]complex64, 1<<t.qm)
	for i := range bits {
		bits[i] = byte(i / t.qm >> (t.qm - 1 - i%t.qm) & 1)
	}
	if err := c.Scheme.Map(symbols, bits); err != nil {
		return nil, err
	}
	for _, v := range symbols {
		t.points = append(t.points, complex128(v))
	}
	return t, nil
}

func (t *tree) bit(label, b int) int { return label >> (t.qm - 1 - b) & 1 }

// r is R[i,j]; received is (Q^H y)[i].
func (t *tree) r(i, j int) complex128     { return t.work[i*(t.NumStreams+1)+j] }
func (t *tree) received(i int) complex128 { return t.work[i*(t.NumStreams+1)+t.NumStreams] }

// begin factors an element.
func (t *tree) begin(h, y []complex128, n0 float64) {
	s := t.NumStreams
	for i, v := range y {
		row := t.work[i*(s+1):]
		copy(row, h[i*s:i*s+s])
		row[s] = v
	}
	triangular(t.work, t.NumRx, s, s+1, t.order)
	t.n0, t.leafR, t.best = n0, real(t.r(0, 0)), math.Inf(1)
	t.gain = t.leafR * t.leafR
	if t.parts == 1 {
		t.gain *= 2 // both parts say the same
	}
	t.noise = n0 / t.gain
	t.bend = t.axis.Bend(t.noise)
	for i := range t.least {
		t.least[i], t.sums[i] = [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}
	}
}

// seen notes a hypothesis, or the nearest one of several, at the squared distance d, in
// which stream i has the symbol label.
func (t *tree) seen(i, label int, d float64) {
	for b := range t.qm {
		at := &t.least[i*t.qm+b][t.bit(label, b)]
		if d < *at {
			*at = d
		}
	}
}

// summed notes the sum p of the likelihoods of hypotheses.
func (t *tree) summed(i, label int, p float64) {
	for b := range t.qm {
		t.sums[i*t.qm+b][t.bit(label, b)] += p
	}
}

// leafParts are the parts of the leaf's symbol, and what no symbol can explain of z.
func (t *tree) leafParts(z complex128) (v [2]float64, rest float64) {
	if t.leafR == 0 {
		return v, square(z)
	}
	re, im := real(z)/t.leafR, imag(z)/t.leafR
	if t.parts == 2 {
		return [2]float64{re, im}, 0
	}
	apart := re - im
	return [2]float64{(re + im) / 2}, t.gain * apart * apart / 4
}

// leaf notes the nearest hypotheses of a path at the squared distance d, with z left of
// what was received of the leaf, and says how far the nearest one is.
func (t *tree) leaf(d float64, z complex128) float64 {
	v, rest := t.leafParts(z)
	var k [2]int
	var near [2]float64
	d += rest
	for p := range t.parts {
		k[p] = t.axis.Nearest(v[p])
		step := v[p] - t.axis.Levels[k[p]]
		near[p] = t.gain * step * step
		d += near[p]
	}
	for p := range t.parts {
		t.leafBits(p, k[p], v[p], d, d-near[p])
	}
	t.best = min(t.best, d)
	return d
}

// leafBits notes part p, whose nearest level k gives the distance d; base is d without
// the part.
func (t *tree) leafBits(p, k int, v, d, base float64) {
	below, above := t.axis.Below[k], t.axis.Above[k]
	for b := range t.axis.Bits {
		at := &t.least[b*t.parts+p]
		bit := t.axis.Bit(k, b)
		at[bit] = min(at[bit], d)
		for _, o := range [2]int{below[b], above[b]} {
			if o != k {
				step := v - t.axis.Levels[o]
				at[1-bit] = min(at[1-bit], base+t.gain*step*step)
			}
		}
	}
}

// leafSum notes the likelihoods of all hypotheses of a path, as leaf its distances, and
// returns their sum.
func (t *tree) leafSum(d float64, z complex128) float64 {
	v, rest := t.leafParts(z)
	var total [2]float64
	d += rest
	total[1] = 1
	for p := range t.parts {
		step := v[p] - t.axis.Levels[t.axis.Nearest(v[p])]
		d += t.gain * step * step
		t.axis.Densities(&t.p[p], v[p], t.noise, t.bend)
		total[p] = 0
		for _, q := range t.p[p][:len(t.axis.Levels)] {
			total[p] += q
		}
	}
	weight := math.Exp((t.best - d) / t.n0)
	for p := range t.parts {
		others := weight * total[1-p]
		for b := range t.axis.Bits {
			zero := 0.0
			for _, k := range t.axis.With[b][0] {
				zero += t.p[p][k]
			}
			one := 0.0
			for _, k := range t.axis.With[b][1] {
				one += t.p[p][k]
			}
			at := &t.sums[b*t.parts+p]
			at[0] += others * zero
			at[1] += others * one
		}
	}
	return weight * total[0] * total[1]
}

// unseen is the soft bit where no path has the other value.
const unseen = 20

// finish writes the soft bits of an element, [S Qm].
func (t *tree) finish(llrs []float32) {
	for i := range t.NumStreams {
		stream := i
		if t.order != nil {
			stream = t.order[i]
		}
		for b := range t.qm {
			least, sums := t.least[i*t.qm+b], t.sums[i*t.qm+b]
			llr := (least[1] - least[0]) / t.n0
			switch {
			case math.IsInf(least[1], 1):
				llr = unseen
			case math.IsInf(least[0], 1):
				llr = -unseen
			case t.Rule == mapping.Exact && min(sums[0], sums[1]) > 1e-290:
				llr = math.Log(sums[0] / sums[1])
			}
			llrs[stream*t.qm+b] = float32(min(max(llr, -silent), silent))
		}
	}
}
