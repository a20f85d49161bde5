package data

import (
	"fmt"
	"math"
	"sync"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/wireless/csi"
)

// Axes: B batch, S slots, K subcarriers, A antennas (rx x tx), P patches, V
// visible patches.

// Batch is the input of one graph run and the number of the sample in each row.
type Batch struct {
	Arrays  []nn.Array
	Samples []uint64
}

// Source gives the samples that training sees, in order. Many goroutines may ask
// at once.
type Source interface {
	// Batch returns samples first to first+n-1: the same bits whenever it is asked
	// for the same first and n.
	Batch(first uint64, n int) (Batch, error)
}

// Masked is a Source for masked models. Its arrays are the noisy sample
// [B S K A 2], the visible patches [B V] int32, the noiseless sample
// [B S K A 2] and the weight of each entry in the loss [B S K A 1]: 1 where
// hidden, 0 where seen.
type Masked struct {
	gen     *csi.Generator
	c       Config
	split   Split
	seed    uint64
	patch   [3]int
	patches [3]int

	mu    sync.Mutex
	epoch uint64
	order []int // permutation of the finite set in epoch
}

// NewMasked makes the source of one split. patch is the size of a patch and
// patches their number, along slots, subcarriers and antennas.
func NewMasked(c Config, split Split, seed uint64, patch, patches [3]int) (*Masked, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := c.Mask.fits(patches); err != nil {
		return nil, setting.Under("mask", err)
	}
	gen, err := c.Config.Build()
	if err != nil {
		return nil, err
	}
	s := gen.Shape()
	for i, size := range [3]int{s.NumSlots, s.NumSubcarriers, s.NumRxAnt * s.NumTxAnt} {
		if patch[i] < 1 || patch[i]*patches[i] != size {
			return nil, fmt.Errorf("%d patches of %d do not cover the %d places of axis %d of a sample", patches[i], patch[i], size, i+1)
		}
	}
	return &Masked{gen: gen, c: c, split: split, seed: seed, patch: patch, patches: patches}, nil
}

// Batch implements Source. Every sample of a batch is masked in the same way, drawn
// from the configured mix for the number of the first, because a graph needs the
// same number of visible patches in all; which patches a random mask leaves is the
// sample's own, as are its channel and its noise, whatever its neighbours.
func (m *Masked) Batch(first uint64, n int) (Batch, error) {
	if n < 1 {
		return Batch{}, fmt.Errorf("a batch of %d samples was asked for; use 1 or more", n)
	}
	s := m.gen.Shape()
	size := s.NumSlots * s.NumSubcarriers * s.NumRxAnt * s.NumTxAnt
	dims := []int{n, s.NumSlots, s.NumSubcarriers, s.NumRxAnt * s.NumTxAnt, 2}
	x := nn.Array{Shape: dims, Float32: make([]float32, 2*n*size)}
	y := nn.Array{Shape: dims, Float32: make([]float32, 2*n*size)}
	w := nn.Array{Shape: append(append([]int{}, dims[:4]...), 1), Float32: make([]float32, n*size)}
	way := m.way(rng.New(m.seed, uint64(m.split), wayStream, first))
	h := make([]complex64, size)
	samples := make([]uint64, n)
	var visible []int32
	for b := range n {
		i := first + uint64(b)
		samples[b] = i
		m.gen.Sample(m.split.Seed(m.seed), m.index(i), h)
		r := rng.New(m.seed, uint64(m.split), noiseStream, i)
		put(y.Float32[2*b*size:], h)
		AddNoise(r, m.c.SNR, h)
		put(x.Float32[2*b*size:], h)
		seen := m.visible(r, way)
		visible = append(visible, seen...)
		m.weigh(w.Float32[b*size:(b+1)*size], seen)
	}
	v := nn.Array{Shape: []int{n, len(visible) / n}, Int32: visible}
	return Batch{Arrays: []nn.Array{x, v, y, w}, Samples: samples}, nil
}

// Streams of the counter RNG, one for each use.
const (
	wayStream = iota + 1
	noiseStream
	orderStream
	packStream
	disturbStream
)

// index is the channel that sample number i shows: i itself in an endless stream,
// or the i-th of repeated permutations of a finite set.
func (m *Masked) index(i uint64) uint64 {
	n := uint64(m.c.NumExamples)
	if n == 0 {
		return i
	}
	epoch, place := i/n, i%n
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.order == nil || m.epoch != epoch {
		m.epoch, m.order = epoch, rng.New(m.seed, uint64(m.split), orderStream, epoch).Perm(int(n))
	}
	return uint64(m.order[place])
}

// AddNoise adds circular complex Gaussian noise to h in place; its total variance
// is 10^(-snr/10), for channels normalised to E|h|^2 = 1.
func AddNoise[D ~float64](r *rng.Stream, snr D, h []complex64) {
	scale := math.Pow(10, -float64(snr)/20)
	for i := range h {
		n := r.ComplexNormal()
		h[i] += complex64(complex(scale*real(n), scale*imag(n)))
	}
}

func put(dst []float32, h []complex64) {
	for i, v := range h {
		dst[2*i], dst[2*i+1] = real(v), imag(v)
	}
}

// way is one way of hiding patches.
type way int

const (
	hideTime way = iota
	hideFreq
	hideRandom
)

func (m *Masked) way(r *rng.Stream) way {
	k := m.c.Mask
	u := r.Uniform(0, k.Time+k.Freq+k.Random)
	switch {
	case u < k.Time:
		return hideTime
	case u < k.Time+k.Freq:
		return hideFreq
	default:
		return hideRandom
	}
}

// visible lists the patches that stay, in ascending order.
func (m *Masked) visible(r *rng.Stream, w way) []int32 {
	n := m.patches
	total := n[0] * n[1] * n[2]
	switch w {
	case hideTime:
		return LeadingPatches(n, 0, n[0]-hiddenOf(n[0], m.c.Mask.TimeRatio))
	case hideFreq:
		return LeadingPatches(n, 1, n[1]-hiddenOf(n[1], m.c.Mask.FreqRatio))
	}
	keep := total - hiddenOf(total, m.c.Mask.RandomRatio)
	chosen := make([]bool, total)
	for _, p := range r.Perm(total)[:keep] {
		chosen[p] = true
	}
	list := make([]int32, 0, keep)
	for p, ok := range chosen {
		if ok {
			list = append(list, int32(p))
		}
	}
	return list
}

// hiddenOf is how many of n a ratio hides: at least one, and never all.
func hiddenOf(n int, ratio float64) int {
	return min(max(int(math.Round(ratio*float64(n))), 1), max(n-1, 0))
}

// LeadingPatches lists, in ascending order, the patches whose place along axis
// (0 time, 1 frequency, 2 antenna) is below keep; patches are numbered with the
// antenna fastest.
func LeadingPatches(n [3]int, axis, keep int) []int32 {
	var list []int32
	for p := range n[0] * n[1] * n[2] {
		at := [3]int{p / (n[1] * n[2]), p / n[2] % n[1], p % n[2]}
		if at[axis] < keep {
			list = append(list, int32(p))
		}
	}
	return list
}

// weigh sets w [S K A] to 1 and clears it on the visible patches.
func (m *Masked) weigh(w []float32, visible []int32) {
	for i := range w {
		w[i] = 1
	}
	n, p := m.patches, m.patch
	k, a := n[1]*p[1], n[2]*p[2]
	for _, v := range visible {
		t0, k0, a0 := int(v)/(n[1]*n[2])*p[0], int(v)/n[2]%n[1]*p[1], int(v)%n[2]*p[2]
		for t := t0; t < t0+p[0]; t++ {
			for f := k0; f < k0+p[1]; f++ {
				clear(w[(t*k+f)*a+a0 : (t*k+f)*a+a0+p[2]])
			}
		}
	}
}
