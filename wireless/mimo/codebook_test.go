package mimo

import (
	_ "embed"
	"math"
	"math/cmplx"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// each calls f with every index of a rank.
func (c Codebook) each(rank int, f func(PMI)) {
	n := c.sizes(rank)
	for a := range n.I11 {
		for b := range n.I12 {
			for d := range n.I13 {
				for e := range n.I2 {
					f(PMI{a, b, d, e})
				}
			}
		}
	}
}

// Every precoder of every array has orthogonal columns of squared norm 1/rank.
func TestPrecodersAreOrthonormal(t *testing.T) {
	list := slices.Clone(Codebooks)
	for _, c := range Codebooks[1:] {
		c.Mode2 = true
		list = append(list, c)
	}
	for _, c := range list {
		for rank := 1; rank <= min(MaxRank, c.NumPorts()); rank++ {
			if c.Mode2 && rank > 2 {
				break // those of mode 1
			}
			w, p := make([]complex128, c.NumPorts()*rank), c.NumPorts()
			seen, count := map[complex128]bool{}, 0
			probe := gaussian(rng.New(24), p*rank)
			c.each(rank, func(i PMI) {
				count++
				if testing.Short() && count%16 != 0 {
					return
				}
				if err := c.Precoder(w, rank, i); err != nil {
					t.Fatal(err)
				}
				g := product(adjointOf(w, p, rank), w, rank, p, rank)
				for k, v := range g {
					want := 0.0
					if k%(rank+1) == 0 {
						want = 1 / float64(rank)
					}
					if math.Sqrt(square(v-complex(want, 0))) > 1e-12 {
						t.Fatalf("%+v, rank %d, %+v: W^H W = %v", c, rank, i, g)
					}
				}
				sum := complex128(0)
				for k, v := range w {
					sum += v * probe[k]
				}
				seen[complex(math.Round(real(sum)*1e9), math.Round(imag(sum)*1e9))] = true
			})
			if count != c.NumPrecoders(rank) || rank == 1 && !c.Mode2 && !testing.Short() && len(seen) != count {
				t.Errorf("%+v, rank %d: %d precoders, %d of them different, want %d", c, rank, count, len(seen), c.NumPrecoders(rank))
			}
		}
	}
}

// Beams a whole oversampling factor apart are orthogonal; the neighbours are not.
func TestBeamsAreOrthogonal(t *testing.T) {
	for _, c := range Codebooks {
		n := c.N1 * c.N2
		v, w := make([]complex128, n), make([]complex128, n)
		for l := range c.N1 * c.O1 {
			c.beam(v, l, 1)
			for k := range c.N1 {
				c.beam(w, l+k*c.O1, 1)
				want := 0.0
				if k == 0 {
					want = float64(n)
				}
				near(t, "v v'", math.Sqrt(square(product(adjointOf(v, n, 1), w, 1, n, 1)[0])), want, 1e-12)
			}
			c.beam(w, l+1, 1)
			if math.Sqrt(square(product(adjointOf(v, n, 1), w, 1, n, 1)[0])) < 0.1 {
				t.Errorf("%+v: neighbours %d are orthogonal", c, l)
			}
		}
	}
}

func TestSearch(t *testing.T) {
	c, err := NewCodebook(4, 2)
	if err != nil {
		t.Fatal(err)
	}
	p := c.NumPorts()
	s, err := NewSearcher(c, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	// A path on the grid, in both polarisations: gain P, and one layer.
	h, v := make([]complex128, 2*p), make([]complex128, p/2)
	c.beam(v, 5, 3)
	for i, x := range v {
		h[i], h[p/2+i] = conj(x), conj(x*turn(3, 4))
	}
	best, err := s.Search(h, 1)
	if err != nil {
		t.Fatal(err)
	}
	if best.Rank != 1 || best.PMI != (PMI{5, 3, 0, 3}) {
		t.Errorf("found %+v", best)
	}
	near(t, "bits of gain P", best.Bits, math.Log2(1+float64(p)), 1e-12)

	// No precoder of rank 1 gains more than the norm, and none of any rank more than
	// water-filling.
	random := rng.New(25)
	e, err := NewEigen(2, p)
	if err != nil {
		t.Fatal(err)
	}
	one, err := NewSearcher(c, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	ranks := map[int]int{}
	for i := range 20 {
		h = gaussian(random, 2*p)
		n0 := math.Pow(10, float64(i%5)-2)
		best, err := s.Search(h, n0)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Design(h, 1/n0); err != nil {
			t.Fatal(err)
		}
		if best.Bits > e.Capacity+1e-12 {
			t.Errorf("%+v has more than the capacity %v", best, e.Capacity)
		}
		ranks[best.Rank]++
		single, err := one.Search(h[:p], 1)
		if err != nil {
			t.Fatal(err)
		}
		norm := 0.0
		for _, x := range h[:p] {
			norm += square(x)
		}
		if gain := math.Exp2(single.Bits) - 1; gain > norm || gain < norm/8 {
			t.Errorf("gain %v of a channel of squared norm %v", gain, norm)
		}
	}
	if ranks[1] == 0 || ranks[2] == 0 {
		t.Errorf("ranks %v; want one layer at low SNR, two at high", ranks)
	}
}

func TestDFTBeam(t *testing.T) {
	const n, o = 64, 4
	v, path := make([]complex128, n), make([]complex128, n)
	gain := func(l int) float64 {
		if err := DFTBeam(v, l, o); err != nil {
			t.Fatal(err)
		}
		return square(product(adjointOf(v, n, 1), path, 1, n, 1)[0])
	}
	for i := range path {
		path[i] = turn(5*o*i, o*n)
	}
	near(t, "gain on the grid", gain(5*o), n, 1e-10)
	near(t, "gain of another beam", gain(6*o), 0, 1e-20)
	for i := range path { // half a bin beside, without oversampling
		path[i] = turn((5*o+2)*i, o*n)
	}
	near(t, "loss of half a bin, dB", 10*math.Log10(gain(5*o)/n), -3.9215, 5e-5)
	near(t, "with oversampling", gain(5*o+2), n, 1e-10)
	if DFTBeam(nil, 0, 1) == nil || DFTBeam(v, 0, 0) == nil {
		t.Error("a bad beam is made")
	}
}

func TestCodebookRefusals(t *testing.T) {
	if _, err := NewCodebook(5, 1); err == nil {
		t.Error("(5,1) is an array")
	}
	c := Codebooks[1]
	w := make([]complex128, 4)
	for name, err := range map[string]error{
		"rank 5": c.Precoder(make([]complex128, 20), 5, PMI{}), "rank 0": c.Precoder(nil, 0, PMI{}), "room": c.Precoder(w[1:], 1, PMI{}),
		"index": c.Precoder(w, 1, PMI{I2: 4}), "negative": c.Precoder(w, 1, PMI{I11: -1}), "own": Codebook{N1: 2, N2: 1, O1: 2, O2: 1}.Precoder(w, 1, PMI{}),
		"antennas": second(NewSearcher(c, 1, 2)), "ranks": second(NewSearcher(c, 8, 5)), "none": second(NewSearcher(c, 8, -1)),
		"many": second(NewSearcher(c, 8, math.MaxInt)), "less than no antenna": second(NewSearcher(Codebook{N1: -2, N2: 1, O1: 4, O2: 1}, 8, 1)),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if n := c.NumPrecoders(5) + (Codebook{}).NumPrecoders(3) + (Codebook{N1: 1, N2: 1, O1: 1, O2: 1, Mode2: true}).NumPrecoders(1); n != 0 {
		t.Errorf("%d precoders of rank 5 on four ports, of no array and of mode 2 on two ports", n)
	}
}

//go:embed testdata/codebook.txt
var printedPrecoders string

// Precoders are those that numpy makes of the printed formulas (testdata/codebook.py), for
// all arrays and ranks.
func TestPrecodersArePrintedOnes(t *testing.T) {
	seen := map[[4]int]bool{}
	for line := range strings.Lines(printedPrecoders) {
		fields := strings.Fields(line)
		var n [8]int
		for i := range n {
			v, err := strconv.Atoi(fields[i])
			if err != nil {
				t.Fatal(err)
			}
			n[i] = v
		}
		seen[[4]int(n[:4])] = true
		c, err := NewCodebook(n[1], n[2])
		if err != nil {
			t.Fatal(err)
		}
		c.Mode2 = n[0] == 2
		w := make([]complex128, c.NumPorts()*n[3])
		if err := c.Precoder(w, n[3], PMI{n[4], n[5], n[6], n[7]}); err != nil {
			t.Fatal(err)
		}
		if len(fields) != 8+2*len(w) {
			t.Fatalf("%v: %d numbers of %d entries", n, len(fields)-8, len(w))
		}
		for i, got := range w {
			re, err1 := strconv.ParseFloat(fields[8+2*i], 64)
			im, err2 := strconv.ParseFloat(fields[9+2*i], 64)
			if err1 != nil || err2 != nil || cmplx.Abs(got-complex(re, im)) > 1e-5 {
				t.Fatalf("mode %d, array (%d,%d), rank %d, index %v, entry %d: %v, want %v%+vi", n[0], n[1], n[2], n[3], n[4:], i, got, re, im)
			}
		}
	}
	// Two ports have two ranks, four have four, the others eight; mode 2 has two for all but two ports.
	if want := 2 + 4 + 8*(len(Codebooks)-2) + 2*(len(Codebooks)-1); len(seen) != want {
		t.Errorf("%d modes, arrays and ranks, want %d", len(seen), want)
	}
}
