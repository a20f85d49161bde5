package rng

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"
)

// The vectors of the Random123 distribution, file kat_vectors, Philox4x32 10.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			counter: [4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
			key:     [2]uint32{0xffffffff, 0xffffffff},
			want:    [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			counter: [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			key:     [2]uint32{0xa4093822, 0x299f31d0},
			want:    [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		word := func(lo, hi uint32) uint64 { return uint64(lo) | uint64(hi)<<32 }
		lo, hi := Philox4x32(word(c.counter[0], c.counter[1]), word(c.counter[2], c.counter[3]), word(c.key[0], c.key[1]))
		got := [4]uint32{uint32(lo), uint32(lo >> 32), uint32(hi), uint32(hi >> 32)}
		if got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

// Streams are stored in data sets by seed: their words must never change.
func TestStreamBitsAreFrozen(t *testing.T) {
	s := New(1, 2, 3)
	got := []uint64{s.Uint64(), s.Uint64(), s.Uint64()}
	want := []uint64{0x776d10f38ea31b47, 0xdf74bfcf5b8e1477, 0x55b69a55567d7431}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("word %d of New(1, 2, 3) = %#x, want %#x", i, got[i], want[i])
		}
	}
}

func TestPathsAreDistinct(t *testing.T) {
	seen := map[uint64]string{}
	add := func(name string, s *Stream) {
		w := s.Uint64()
		if other, ok := seen[w]; ok {
			t.Errorf("%s starts like %s", name, other)
		}
		seen[w] = name
	}
	add("1,2", New(1, 2))
	add("2,1", New(2, 1))
	add("1", New(1))
	add("1,0", New(1, 0))
	add("1,0,0", New(1, 0, 0))
	add("0", New(0))
	for i := range uint64(100_000) {
		add(fmt.Sprint("7,", i), New(7, i))
	}
}

// Neighbouring paths must differ in half of their bits, whichever bit moves.
func TestPathAvalanche(t *testing.T) {
	for bit := range 64 {
		flips := 0
		const n = 400
		for i := range uint64(n) {
			a := New(5, i, 9).Uint64()
			b := New(5, i^1<<bit, 9).Uint64()
			for d := a ^ b; d != 0; d &= d - 1 {
				flips++
			}
		}
		mean, sigma := float64(flips)/n, 4/math.Sqrt(n)
		if math.Abs(mean-32) > 5*sigma {
			t.Errorf("path bit %d flips %.2f of 64 output bits, want 32", bit, mean)
		}
	}
}

func TestResetRestarts(t *testing.T) {
	s := New(3, 4)
	for range 5 {
		s.Uint64()
	}
	s.Reset(3, 4)
	if got, want := s.Uint64(), New(3, 4).Uint64(); got != want {
		t.Errorf("after Reset %#x, want %#x", got, want)
	}
}

func TestIsARandSource(t *testing.T) {
	r := rand.New(New(1))
	if v := r.IntN(10); v < 0 || v > 9 {
		t.Errorf("IntN(10) = %d", v)
	}
}

func TestFloat64IsUniform(t *testing.T) {
	draws := sorted(draws(200_000), New(11).Float64)
	if d := ksDistance(draws, func(x float64) float64 { return x }); d > 1.95/math.Sqrt(float64(len(draws))) {
		t.Errorf("KS distance to uniform %g", d)
	}
	if draws[0] < 0 || draws[len(draws)-1] >= 1 {
		t.Errorf("range [%g, %g]", draws[0], draws[len(draws)-1])
	}
}

func TestNormalIsGaussian(t *testing.T) {
	xs := sorted(draws(1_000_000), New(12).Normal)
	cdf := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	n := float64(len(xs))
	if d := ksDistance(xs, cdf); d > 1.95/math.Sqrt(n) {
		t.Errorf("KS distance to the normal law %g", d)
	}
	var moment [5]float64
	beyond := 0.0
	for _, x := range xs {
		for k := 1; k <= 4; k++ {
			moment[k] += math.Pow(x, float64(k)) / n
		}
		if math.Abs(x) > tailStart {
			beyond++
		}
	}
	for k, want := range []float64{0, 0, 1, 0, 3} {
		if k > 0 && math.Abs(moment[k]-want) > 5*[]float64{0, 1, math.Sqrt2, math.Sqrt(15), math.Sqrt(96)}[k]/math.Sqrt(n) {
			t.Errorf("moment %d = %g, want %g", k, moment[k], want)
		}
	}
	want := n * math.Erfc(tailStart/math.Sqrt2)
	if math.Abs(beyond-want) > 5*math.Sqrt(want) {
		t.Errorf("%g draws in the tail, want %g", beyond, want)
	}
}

func TestZigguratCloses(t *testing.T) {
	z := ziggurat
	top := z.width[layers-1] * (1 - z.height[layers-1])
	if math.Abs(top-layerArea) > 1e-9 {
		t.Errorf("top layer has area %.12g, want %.12g", top, layerArea)
	}
}

func TestComplexNormalHasUnitPower(t *testing.T) {
	s := New(13)
	n := draws(400_000)
	var power float64
	var square complex128
	for range n {
		z := s.ComplexNormal()
		power += real(z)*real(z) + imag(z)*imag(z)
		square += z * z
	}
	power /= float64(n)
	if math.Abs(power-1) > 5/math.Sqrt(float64(n)) {
		t.Errorf("E|z|^2 = %g, want 1", power)
	}
	if c := math.Hypot(real(square), imag(square)) / float64(n); c > 6/math.Sqrt(float64(n)) {
		t.Errorf("|E z^2| = %g, want 0", c)
	}
}

func TestIntNAndPermAreUniform(t *testing.T) {
	s := New(14)
	const n = 120_000
	var count [6]float64
	perms := map[[3]int]float64{}
	for range n {
		count[s.IntN(6)]++
		p := s.Perm(3)
		perms[[3]int(p)]++
	}
	chi := func(counts []float64) (sum float64) {
		want := float64(n) / float64(len(counts))
		for _, c := range counts {
			sum += (c - want) * (c - want) / want
		}
		return sum
	}
	var permCounts []float64
	for _, c := range perms {
		permCounts = append(permCounts, c)
	}
	// 99.9 % point of chi^2 with five degrees of freedom.
	if x := chi(count[:]); x > 20.5 {
		t.Errorf("IntN(6): chi^2 = %g", x)
	}
	if x := chi(permCounts); len(permCounts) != 6 || x > 20.5 {
		t.Errorf("Perm(3): %d orders, chi^2 = %g", len(permCounts), x)
	}
	if s.IntN(0) != 0 || s.IntN(-5) != 0 || len(s.Perm(-1)) != 0 {
		t.Error("an empty range gave something else than nothing")
	}
}

// Where each of 24 items lands must be uniform, across the several words that a
// long permutation takes.
func TestLongPermutationIsUniform(t *testing.T) {
	s := New(16)
	const n = 24
	times := draws(100_000)
	var landed [n][n]float64
	for range times {
		for at, item := range s.Perm(n) {
			landed[item][at]++
		}
	}
	want := float64(times) / n
	for item := range landed {
		for at, c := range landed[item] {
			if math.Abs(c-want) > 5*math.Sqrt(want) {
				t.Errorf("item %d at place %d: %g times, want %g", item, at, c, want)
			}
		}
	}
}

// The two-block path must give the blocks of the reference path.
func TestPairEqualsSingle(t *testing.T) {
	for _, lo := range []uint64{0, 1<<32 - 1, 1<<64 - 1} {
		var got, want [4]uint64
		philoxPair(lo, 5, 6, &got)
		want[0], want[1] = Philox4x32(lo, 5, 6)
		want[2], want[3] = Philox4x32(lo+1, 5, 6)
		if got != want {
			t.Errorf("counter %d: pair %x, single %x", lo, got, want)
		}
	}
}

func TestDrawsDoNotAllocate(t *testing.T) {
	s := New(15)
	p := make([]int, 20)
	if n := testing.AllocsPerRun(100, func() {
		s.Reset(15, 16)
		s.PermInto(p)
		_ = s.Normal() + real(s.ComplexNormal()) + s.Float64() + float64(s.IntN(7))
	}); n != 0 {
		t.Errorf("%g allocations per run, want 0", n)
	}
}

func draws(n int) int {
	if testing.Short() {
		return n / 4
	}
	return n
}

func sorted(n int, draw func() float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = draw()
	}
	sort.Float64s(xs)
	return xs
}

func ksDistance(sorted []float64, cdf func(float64) float64) (d float64) {
	n := float64(len(sorted))
	for i, x := range sorted {
		f := cdf(x)
		d = max(d, f-float64(i)/n, float64(i+1)/n-f)
	}
	return d
}

func BenchmarkUint64(b *testing.B) {
	s := New(1)
	for b.Loop() {
		s.Uint64()
	}
}

func BenchmarkNormal(b *testing.B) {
	s := New(1)
	for b.Loop() {
		s.Normal()
	}
}

func BenchmarkPerm20(b *testing.B) {
	s := New(1)
	p := make([]int, 20)
	for b.Loop() {
		s.PermInto(p)
	}
}

func BenchmarkReset(b *testing.B) {
	s := New(1)
	for i := uint64(0); b.Loop(); i++ {
		s.Reset(1, i, 2)
	}
}

func ExampleNew() {
	// The same path gives the same draws, whatever was drawn elsewhere.
	a, b := New(7, 1, 2), New(7, 1, 2)
	New(7, 1, 3).Uint64()
	fmt.Println(a.Uint64() == b.Uint64(), a.Float64() == b.Float64())
	// Output: true true
}
