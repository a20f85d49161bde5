package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
)

// small is a grid with different sizes along each axis: 4 x 2 x 3 patches of
// 2 x 3 x 1.
func small(change func(*Config)) Config {
	c := Default()
	c.Channel, c.NumSlots, c.NumSubcarriers, c.Tx.Cols = "tdl-c", 8, 6, 3
	if change != nil {
		change(&c)
	}
	return c
}

var patch, patches = [3]int{2, 3, 1}, [3]int{4, 2, 3}

const entries = 8 * 6 * 3 // complex values of a sample

func masked(t *testing.T, split Split, seed uint64, change func(*Config)) *Masked {
	t.Helper()
	m, err := NewMasked(small(change), split, seed, patch, patches)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func batch(t *testing.T, s Source, first uint64, n int) Batch {
	t.Helper()
	b, err := s.Batch(first, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sameBatch(a, b Batch) bool {
	for i := range a.Arrays {
		if !slices.Equal(a.Arrays[i].Float32, b.Arrays[i].Float32) || !slices.Equal(a.Arrays[i].Int32, b.Arrays[i].Int32) ||
			!slices.Equal(a.Arrays[i].Shape, b.Arrays[i].Shape) {
			return false
		}
	}
	return slices.Equal(a.Samples, b.Samples)
}

func only(mode string) func(*Config) {
	return func(c *Config) {
		c.Mask.Time, c.Mask.Freq, c.Mask.Random = 0, 0, 0
		switch mode {
		case "time":
			c.Mask.Time = 1
		case "freq":
			c.Mask.Freq = 1
		default:
			c.Mask.Random = 1
		}
	}
}

// TestBatchIsPure: a batch depends on configuration, seed, first and n only: not on
// what was asked before, by whom, or by how many at once.
func TestBatchIsPure(t *testing.T) {
	for _, examples := range []int{0, 10} {
		finite := func(c *Config) { c.NumExamples = examples }
		var want []Batch
		m := masked(t, Train, 1, finite)
		for first := uint64(0); first < 40; first += 4 {
			want = append(want, batch(t, m, first, 4))
		}
		for i := range want { // backwards, and one alone
			at := len(want) - 1 - i
			if !sameBatch(batch(t, m, uint64(4*at), 4), want[at]) || !sameBatch(batch(t, masked(t, Train, 1, finite), uint64(4*at), 4), want[at]) {
				t.Fatalf("batch %d of %d examples differs", at, examples)
			}
		}
		var wg sync.WaitGroup
		for i := range want {
			wg.Go(func() {
				if b, err := m.Batch(uint64(4*i), 4); err != nil || !sameBatch(b, want[i]) {
					t.Errorf("batch %d differs when several are asked for at once (%v)", i, err)
				}
			})
		}
		wg.Wait()
		if other := batch(t, masked(t, Train, 2, finite), 0, 4); slices.Equal(other.Arrays[2].Float32, want[0].Arrays[2].Float32) {
			t.Error("another seed gives the same channels")
		}
	}
}

// TestNeighbours: a sample is the same alone, first or last in a batch; where all
// batches are masked in one way, its patches are too.
func TestNeighbours(t *testing.T) {
	for _, mode := range []string{"time", "freq", "random"} {
		m := masked(t, Train, 1, only(mode))
		eight := batch(t, m, 16, 8)
		for b := range 8 {
			one := batch(t, m, 16+uint64(b), 1)
			for i, a := range eight.Arrays {
				row := len(a.Float32) / 8
				if !slices.Equal(one.Arrays[i].Float32, a.Float32[b*row:(b+1)*row]) {
					t.Errorf("%s: array %d of sample %d depends on its neighbours", mode, i, b)
				}
				row = len(a.Int32) / 8
				if !slices.Equal(one.Arrays[i].Int32, a.Int32[b*row:(b+1)*row]) {
					t.Errorf("%s: patches of sample %d depend on its neighbours", mode, b)
				}
			}
		}
	}
	mixed := masked(t, Train, 1, nil) // the way of masking belongs to the batch, the channel and its noise do not
	eight, one := batch(t, mixed, 16, 8), batch(t, mixed, 19, 1)
	for _, i := range []int{0, 2} {
		if !slices.Equal(one.Arrays[i].Float32, eight.Arrays[i].Float32[3*2*entries:4*2*entries]) {
			t.Errorf("array %d of a sample depends on the way of masking", i)
		}
	}
}

// TestFiniteSet: each pass shows every example once, in an order of its own, with
// noise of its own.
func TestFiniteSet(t *testing.T) {
	const examples = 10
	m := masked(t, Train, 1, func(c *Config) { c.NumExamples = examples })
	key := func(values []float32) [2]float32 { return [2]float32{values[0], values[1]} }
	var orders [][][2]float32
	seen := map[[2]float32]bool{}
	for epoch := range uint64(4) {
		var order [][2]float32
		b := batch(t, m, epoch*examples, examples)
		for i := range examples {
			k := key(b.Arrays[2].Float32[i*2*entries:])
			order = append(order, k)
			if noisy := key(b.Arrays[0].Float32[i*2*entries:]); seen[noisy] {
				t.Error("noise repeats")
			} else {
				seen[noisy] = true
			}
		}
		orders = append(orders, order)
	}
	sorted := func(o [][2]float32) [][2]float32 {
		o = slices.Clone(o)
		slices.SortFunc(o, func(a, b [2]float32) int {
			if a[0] < b[0] {
				return -1
			}
			return 1
		})
		return o
	}
	for i, o := range orders {
		if len(slices.Compact(sorted(o))) != examples || !slices.Equal(sorted(o), sorted(orders[0])) {
			t.Errorf("pass %d does not show every example once", i)
		}
		if i > 0 && slices.Equal(o, orders[i-1]) {
			t.Errorf("pass %d has the order of the one before", i)
		}
	}
	across := batch(t, m, examples-3, 6) // a batch over the edge of a pass
	for i, want := range append(slices.Clone(orders[0][examples-3:]), orders[1][:3]...) {
		if got := key(across.Arrays[2].Float32[i*2*entries:]); got != want {
			t.Errorf("sample %d over the edge is %v, want %v", i, got, want)
		}
	}
}

// TestNoise: inputs are noisy with the variance that the ratio says, targets are
// not, and where there is next to no noise both are equal.
func TestNoise(t *testing.T) {
	for _, snr := range []float64{-3, 18} {
		m := masked(t, Train, 1, func(c *Config) { c.SNR = setting.Decibel(snr) })
		var noise, signal, re, im, cross float64
		n := 0.0
		for first := uint64(0); first < 200; first += 50 {
			b := batch(t, m, first, 50)
			x, y := b.Arrays[0].Float32, b.Arrays[2].Float32
			for i := 0; i < len(x); i += 2 {
				a, c := float64(x[i]-y[i]), float64(x[i+1]-y[i+1])
				noise += a*a + c*c
				re, im, cross = re+a*a, im+c*c, cross+a*c
				signal += float64(y[i])*float64(y[i]) + float64(y[i+1])*float64(y[i+1])
				n++
			}
		}
		want := math.Pow(10, -snr/10)
		if math.Abs(noise/n/want-1) > 0.03 || math.Abs(re/im-1) > 0.05 || math.Abs(cross/noise) > 0.02 {
			t.Errorf("%g dB: noise power %g, want %g (re %g, im %g, cross %g)", snr, noise/n, want, re/n, im/n, cross/n)
		}
		if math.Abs(signal/n-1) > 0.15 {
			t.Errorf("signal power %g, want 1", signal/n)
		}
	}
	b := batch(t, masked(t, Train, 1, func(c *Config) { c.SNR = 100 }), 0, 4)
	for i, v := range b.Arrays[0].Float32 {
		if math.Abs(float64(v-b.Arrays[2].Float32[i])) > 1e-4 {
			t.Fatalf("at 100 dB entry %d is %g, its target %g", i, v, b.Arrays[2].Float32[i])
		}
	}
}

// TestAddNoise is the same for the function that tasks call.
func TestAddNoise(t *testing.T) {
	h := make([]complex64, 20000)
	AddNoise(rng.New(1), 10.0, h)
	power := 0.0
	for _, v := range h {
		power += (float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))) / float64(len(h))
	}
	if math.Abs(power-0.1) > 0.003 {
		t.Errorf("noise power %g at 10 dB, want 0.1", power)
	}
}

// TestMasks: the weight of an entry is 0 exactly where a visible patch covers it,
// and each way hides the fraction that it should, where it should.
func TestMasks(t *testing.T) {
	for _, mode := range []string{"time", "freq", "random"} {
		m := masked(t, Train, 1, only(mode))
		b := batch(t, m, 0, 30)
		v := b.Arrays[1].Shape[1]
		want := map[string]int{"time": 12, "freq": 12, "random": 24 - 20}[mode] // 0.85 of 24 is 20.4
		if v != want {
			t.Errorf("%s: %d patches stay, want %d", mode, v, want)
		}
		var different bool
		for s := range 30 {
			list := b.Arrays[1].Int32[s*v : (s+1)*v]
			if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != v {
				t.Errorf("%s: patches %v", mode, list)
			}
			different = different || !slices.Equal(list, b.Arrays[1].Int32[:v])
			for i, w := range b.Arrays[3].Float32[s*entries : (s+1)*entries] {
				slot, k, a := i/3/6, i/3%6, i%3
				covering := int32((slot/2*2+k/3)*3 + a)
				if seen := slices.Contains(list, covering); seen != (w == 0) || (w != 0 && w != 1) {
					t.Fatalf("%s: entry %d of patch %d has weight %g, seen: %v", mode, i, covering, w, seen)
				}
				if mode == "time" && (w == 0) != (slot < 4) || mode == "freq" && (w == 0) != (k < 3) {
					t.Fatalf("%s: slot %d, subcarrier %d has weight %g", mode, slot, k, w)
				}
			}
		}
		if different != (mode == "random") {
			t.Errorf("%s: samples have patches of their own: %v", mode, different)
		}
	}
}

// TestMix: ways are drawn by their weights, one for a batch.
func TestMix(t *testing.T) {
	m := masked(t, Train, 1, func(c *Config) {
		c.Mask = Mask{Time: 3, Freq: 1, Random: 0, TimeRatio: 0.25, FreqRatio: 0.5, RandomRatio: 0.5}
	})
	times := 0
	const draws = 2000
	for first := range uint64(draws) {
		switch n := len(m.visible(nil, m.way(rng.New(1, uint64(Train), wayStream, first)))); n {
		case 18:
			times++
		case 12:
		default:
			t.Fatalf("%d patches stay", n)
		}
	}
	if share := float64(times) / draws; math.Abs(share-0.75) > 0.03 {
		t.Errorf("masks in time make up %g, want 0.75", share)
	}
}

func TestHidden(t *testing.T) {
	for _, c := range []struct {
		n     int
		ratio float64
		want  int
	}{{5, 0.2, 1}, {8, 0.5, 4}, {2, 0.01, 1}, {2, 0.99, 1}, {10, 0.85, 9}, {24, 0.85, 20}, {3, 0.999, 2}} {
		if got := hiddenOf(c.n, c.ratio); got != c.want {
			t.Errorf("%g of %d hides %d, want %d", c.ratio, c.n, got, c.want)
		}
	}
	if got := LeadingPatches([3]int{2, 2, 2}, 1, 1); !slices.Equal(got, []int32{0, 1, 4, 5}) {
		t.Errorf("leading patches in frequency: %v", got)
	}
	if got := LeadingPatches([3]int{2, 1, 2}, 0, 1); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("leading patches in time: %v", got)
	}
}

// TestSplits: no two splits share a channel.
func TestSplits(t *testing.T) {
	seen := map[[4]float32]Split{}
	for _, split := range []Split{Train, Fit, Adapt, Validate, Test} {
		for _, examples := range []int{0, 20} {
			b := batch(t, masked(t, split, 1, func(c *Config) { c.NumExamples = examples }), 0, 20)
			for i := range 20 {
				k := [4]float32(b.Arrays[2].Float32[i*2*entries:])
				if other, ok := seen[k]; ok && other != split {
					t.Fatalf("splits %d and %d share a channel", split, other)
				}
				seen[k] = split
			}
		}
	}
	if len(seen) != 5*20 {
		t.Errorf("%d channels, want the same 20 in each split", len(seen))
	}
}

func TestErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"snr: ":                               func(c *Config) { c.SNR = 200 },
		"num_examples: -1 is negative":        func(c *Config) { c.NumExamples = -1 },
		"mask: every weight is 0":             func(c *Config) { c.Mask.Time, c.Mask.Freq, c.Mask.Random = 0, 0, 0 },
		"mask: a weight is negative":          func(c *Config) { c.Mask.Time = -1 },
		"mask: a weight is not a number":      func(c *Config) { c.Mask.Freq = math.NaN() },
		"mask: a weight is not a number; use": func(c *Config) { c.Mask.Time = math.Inf(1) },
		"mask.time_ratio: 1 hides nothing or": func(c *Config) { c.Mask.TimeRatio = 1 },
		"channel: ":                           func(c *Config) { c.Channel = "air" },
	} {
		_, err := NewMasked(small(change), Train, 1, patch, patches)
		var e *setting.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
	_, err := NewMasked(small(nil), Train, 1, [3]int{8, 3, 1}, [3]int{1, 2, 3})
	if err == nil || !strings.HasPrefix(err.Error(), "mask.time: 1 patch along it") {
		t.Errorf("got %v", err)
	}
	_, err = NewMasked(small(nil), Train, 1, [3]int{2, 3, 1}, [3]int{4, 2, 2})
	if err == nil || !strings.Contains(err.Error(), "do not cover") {
		t.Errorf("patches that do not cover the sample: %v", err)
	}
	if _, err := masked(t, Train, 1, nil).Batch(0, 0); err == nil {
		t.Error("a batch of nothing")
	}
}
