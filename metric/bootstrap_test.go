package metric

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// synthetic fills a tally whose true quotient is 0.1: channel energies are
// exponential, errors a tenth of an independent mixture, three samples a drop.
func synthetic(t *testing.T, random *rand.Rand, drops int) *Tally {
	t.Helper()
	tally := NewTally(RatioOfSums)
	for drop := range drops {
		// What the drop shares makes its samples dependent.
		shared := 0.5 + random.ExpFloat64()/2
		for range 3 {
			num := 0.1 * shared * random.ExpFloat64()
			den := 0.5 + random.ExpFloat64()/2
			if err := tally.Add(uint64(drop), num, den); err != nil {
				t.Fatal(err)
			}
		}
	}
	return tally
}

// TestIntervalCoversTruth repeats a whole measurement 600 times: the interval
// must hold the true value about 95 times in 100. The band is 95 % plus or
// minus three standard deviations of 600 trials, and one more percent below,
// because the percentile bootstrap of a skewed quotient is a little short.
func TestIntervalCoversTruth(t *testing.T) {
	const trials, truth = 600, 0.1
	random := rand.New(rand.NewPCG(11, 12))
	covered := 0
	for trial := range trials {
		v, err := synthetic(t, random, 100).Value(Bootstrap{Replicates: 400, Seed: uint64(trial + 1)})
		if err != nil {
			t.Fatal(err)
		}
		if v.CI95[0] > v.Value || v.CI95[1] < v.Value {
			t.Fatalf("interval %v does not hold its own value %v", v.CI95, v.Value)
		}
		if v.CI95[0] <= truth && truth <= v.CI95[1] {
			covered++
		}
	}
	got := float64(covered) / trials
	t.Logf("covered %.1f %%", 100*got)
	if got < 0.913 || got > 0.977 {
		t.Errorf("95 %% interval covered the truth in %.1f %% of %d trials", 100*got, trials)
	}
}

// TestDropsNotSamplesAreResampled counts each sample ten times over: nothing
// new is known, so the interval must not shrink.
func TestDropsNotSamplesAreResampled(t *testing.T) {
	once, tenfold := NewTally("x"), NewTally("x")
	random := rand.New(rand.NewPCG(5, 6))
	for drop := range uint64(50) {
		num := random.ExpFloat64()
		for i := range 10 {
			if err := tenfold.Add(drop, num, 1); err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				continue
			}
			if err := once.Add(drop, num, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, err := once.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := tenfold.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "low end", b.CI95[0], a.CI95[0], 1e-12)
	near(t, "high end", b.CI95[1], a.CI95[1], 1e-12)
	if b.N != 500 || b.Drops != 50 {
		t.Errorf("counted %d samples of %d drops, want 500 of 50", b.N, b.Drops)
	}
}

func TestIntervalIsDeterministic(t *testing.T) {
	forward, backward := NewTally("x"), NewTally("x")
	const drops = 40
	for i := range uint64(drops) {
		for tally, drop := range map[*Tally]uint64{forward: i, backward: drops - 1 - i} {
			if err := tally.Add(drop, float64(drop*drop), 2); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, err := forward.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := backward.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Errorf("the order of drops changed %+v into %+v", a, b)
	}
	c, err := forward.Value(Bootstrap{Seed: 99})
	if err != nil {
		t.Fatal(err)
	}
	if c.CI95 == a.CI95 {
		t.Error("another seed gave the same interval")
	}
}

// TestPairedDifference has two methods 1 dB apart on drops whose difficulty
// varies by orders of magnitude. Separate intervals overlap; the paired one
// shows the difference.
func TestPairedDifference(t *testing.T) {
	good, bad := NewTally(RatioOfSums), NewTally(RatioOfSums)
	random := rand.New(rand.NewPCG(7, 8))
	for drop := range uint64(80) {
		e := math.Exp(2 * random.NormFloat64())
		if err := good.Add(drop, e*(0.95+0.1*random.Float64()), 1); err != nil {
			t.Fatal(err)
		}
		if err := bad.Add(drop, FromDB(1)*e*(0.95+0.1*random.Float64()), 1); err != nil {
			t.Fatal(err)
		}
	}
	g, err := good.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bad.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	if g.CI95[1] < b.CI95[0] {
		t.Fatalf("the example is too easy: %v and %v do not overlap", g.CI95, b.CI95)
	}
	d, err := DifferenceDB(good, bad, Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "difference in dB", d.Value, -1, 0.15)
	if d.CI95[1] >= -0.7 || d.CI95[0] <= -1.3 || d.Name != "nmse/ratio-of-sums dB difference" {
		t.Errorf("paired difference %+v, want about -1 dB", d)
	}
	linear, err := Difference(good, bad, Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "linear difference", linear.Value, g.Value-b.Value, 1e-12)
}

func TestTallyErrors(t *testing.T) {
	fill := func(name string, nums ...float64) *Tally {
		tally := NewTally(name)
		for i, num := range nums {
			if err := tally.Add(uint64(i), num, 1); err != nil {
				t.Fatal(err)
			}
		}
		return tally
	}
	empty := NewTally("x")
	for drop := range uint64(3) {
		if err := empty.Add(drop, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	full := fill("x", 1, 2, 3)
	cases := map[string]func() error{
		"at least 2":        func() error { _, err := fill("x", 1).Value(Bootstrap{}); return err },
		"undefined":         func() error { _, err := empty.Value(Bootstrap{}); return err },
		"\"3\" bootstrap":   func() error { _, err := full.Value(Bootstrap{Replicates: 3}); return err },
		"different samples": func() error { _, err := Difference(full, fill("x", 1, 2), Bootstrap{}); return err },
		"one metric":        func() error { _, err := Difference(full, fill("y", 1, 2, 3), Bootstrap{}); return err },
		"paired interval":   func() error { _, err := Difference(fill("x", 1), fill("x", 1), Bootstrap{}); return err },
		"no dB":             func() error { _, err := DifferenceDB(full, fill("x", 0, 0, 0), Bootstrap{}); return err },
		"measure more":      func() error { _, err := DifferenceDB(full, fill("x", 0, 0, 1), Bootstrap{}); return err },
		"not a quotient":    func() error { return full.Add(1, math.NaN(), 1) },
	}
	for want, do := range cases {
		if err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
