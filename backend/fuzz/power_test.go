package fuzz

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
)

// TestPower damages one element of what the oracle computes, as an engine with a bug would:
// the bounds have to notice.
func TestPower(t *testing.T) {
	damages := []struct {
		name   string
		least  float64 // share of the elements where it is noticed
		damage func(x float64) float64
	}{
		{"the sign", 0.97, func(x float64) float64 { return -x }},
		{"one in a thousand", 0.95, func(x float64) float64 { return x * 1.001 }},
		{"one in ten thousand", 0.92, func(x float64) float64 { return x * 1.0001 }},
		{"NaN", 0.99, func(float64) float64 { return math.NaN() }},
	}
	seen, all := make([]int, len(damages)), 0
	for seed := range uint64(400) {
		c, err := New(seed)
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Program.Run(c.Inputs...)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if w.Shape.DType != dtypes.Float32 {
				continue
			}
			flat := w.Flat().([]float32)
			for i := 0; i < len(flat); i += 1 + len(flat)/5 {
				x := flat[i]
				if x == 0 || x != x || math.IsInf(float64(x), 0) {
					continue
				}
				all++
				for k, d := range damages {
					flat[i] = float32(d.damage(float64(x)))
					if w.Compare(flat) != nil {
						seen[k]++
					}
				}
				flat[i] = x
			}
		}
	}
	for k, d := range damages {
		share := float64(seen[k]) / float64(all)
		if t.Logf("%s: noticed in %.1f %% of %d elements", d.name, 100*share, all); share < d.least {
			t.Errorf("%s: noticed in %.1f %%, want %.0f %%", d.name, 100*share, 100*d.least)
		}
	}
}
