package metric

import (
	"math"
	"math/big"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// The intervals are those of R. G. Newcombe, "Two-sided confidence intervals for the
// single proportion", Statistics in Medicine 17, 1998, table I, method 3 (Wilson
// without continuity correction).
func TestProportionAgainstPublishedIntervals(t *testing.T) {
	for _, c := range []struct {
		hits, n int
		lo, hi  float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{29, 29, 0.8830, 1},
	} {
		v, err := Proportion(Accuracy, c.hits, c.n)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(v.CI95[0]-c.lo) > 5e-5 || math.Abs(v.CI95[1]-c.hi) > 5e-5 {
			t.Errorf("%d of %d: got %.4f to %.4f, want %.4f to %.4f", c.hits, c.n, v.CI95[0], v.CI95[1], c.lo, c.hi)
		}
		if v.N != c.n || v.Value != float64(c.hits)/float64(c.n) {
			t.Errorf("%d of %d: got %+v", c.hits, c.n, v)
		}
	}
	for _, c := range [][2]int{{0, 0}, {-1, 3}, {4, 3}} {
		if v, err := Proportion(Accuracy, c[0], c[1]); err == nil {
			t.Errorf("%d of %d: got %+v, want an error", c[0], c[1], v)
		}
	}
}

// TestProportionCovers draws experiments: 95 % of intervals must hold the truth.
func TestProportionCovers(t *testing.T) {
	const experiments, n = 4000, 60
	s, covered := rng.New(1), 0
	for range experiments {
		truth, hits := s.Float64(), 0 // one truth alone makes the coverage of whole numbers of hits jump
		for range n {
			if s.Float64() < truth {
				hits++
			}
		}
		v, err := Proportion(Accuracy, hits, n)
		if err != nil {
			t.Fatal(err)
		}
		if v.CI95[0] <= truth && truth <= v.CI95[1] {
			covered++
		}
	}
	if share := float64(covered) / experiments; share < 0.94 || share > 0.96 {
		t.Errorf("%.3f of the intervals hold the truth, want about 0.95", share)
	}
}

func TestGuessing(t *testing.T) {
	v, err := Guessing(Accuracy, []float64{0.5, 0.25, 0.25, 0.2})
	if err != nil {
		t.Fatal(err)
	}
	half := z975 * math.Sqrt(0.25+0.1875+0.1875+0.16) / 4
	if math.Abs(v.Value-0.3) > 1e-15 || math.Abs(v.CI95[1]-(0.3+half)) > 1e-15 || v.CI95[0] != 0 {
		t.Errorf("got %+v, want 0.3 with %v above and 0 below", v, half)
	}
	for _, bad := range [][]float64{nil, {1.5}, {math.NaN()}} {
		if v, err := Guessing(Accuracy, bad); err == nil {
			t.Errorf("chances %v: got %+v, want an error", bad, v)
		}
	}
}

// answers makes two lists with the given discordant and concordant pairs.
func answers(onlyFirst, onlySecond, both int) (first, second []bool) {
	for range onlyFirst {
		first, second = append(first, true), append(second, false)
	}
	for range onlySecond {
		first, second = append(first, false), append(second, true)
	}
	for range both {
		first, second = append(first, true), append(second, true)
	}
	return first, second
}

// exactCoinTails adds up integers.
func exactCoinTails(k, n int) float64 {
	sum := new(big.Int)
	for i := range k + 1 {
		sum.Add(sum, new(big.Int).Binomial(int64(n), int64(i)))
	}
	p, _ := new(big.Rat).SetFrac(sum.Lsh(sum, 1), new(big.Int).Lsh(big.NewInt(1), uint(n))).Float64()
	return math.Min(1, p)
}

func TestMcNemarIsExact(t *testing.T) {
	for _, c := range [][3]int{{0, 0, 5}, {1, 0, 0}, {5, 0, 9}, {6, 1, 0}, {1, 6, 3}, {10, 10, 2}, {30, 12, 100}, {700, 560, 1}, {2000, 1700, 0}} {
		first, second := answers(c[0], c[1], c[2])
		p, err := McNemar(first, second)
		if err != nil {
			t.Fatal(err)
		}
		want := exactCoinTails(min(c[0], c[1]), c[0]+c[1])
		if math.Abs(p.P-want) > 1e-9*want {
			t.Errorf("%d against %d: p = %v, want %v", c[0], c[1], p.P, want)
		}
		n := c[0] + c[1] + c[2]
		if p.OnlyFirst != c[0] || p.OnlySecond != c[1] || p.N != n || p.Difference != float64(c[0]-c[1])/float64(n) {
			t.Errorf("%v: got %+v", c, p)
		}
	}
	// By hand: 6 to 1 gives 2 (1 + 7) / 2^7.
	first, second := answers(6, 1, 0)
	if p, _ := McNemar(first, second); math.Abs(p.P-0.125) > 1e-12 {
		t.Errorf("6 to 1: p = %v, want 0.125", p.P)
	}
	for _, bad := range [][2][]bool{{nil, nil}, {{true}, {true, false}}} {
		if p, err := McNemar(bad[0], bad[1]); err == nil {
			t.Errorf("%v: got %+v, want an error", bad, p)
		}
	}
}

func TestMcNemarOfHugeCounts(t *testing.T) {
	// Beyond a million tosses the normal approximation is good to three figures.
	const n = 2_000_000
	k := n/2 - 1500
	z := (float64(n)/2 - float64(k) - 0.5) / (math.Sqrt(n) / 2)
	want := math.Erfc(z / math.Sqrt2)
	if got := coinTails(k, n); math.Abs(got-want) > 2e-3*want {
		t.Errorf("p = %v, want about %v", got, want)
	}
}
