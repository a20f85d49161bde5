package csi

import (
	"strings"
	"testing"

	"github.com/comlam/comlam/plot"
)

// Close to a site the best server is far above the others; between sites it is not.
func TestCoverage(t *testing.T) {
	n := 20
	if raced {
		n = 10
	}
	d, err := Coverage(CoverageConfig{Scenario: "uma", Seed: 1, NumPoints: n, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	m := d.(plot.HeatMap)
	if len(m.Values) != n || len(m.Values[0]) != n || m.X.Range != [2]float64{-750, 750} {
		t.Fatalf("%d x %d points of %v m", len(m.Values), len(m.Values[0]), m.X.Range)
	}
	mean := func(from, to int) float64 {
		sum := 0.0
		for y := from; y < to; y++ {
			for x := from; x < to; x++ {
				sum += m.Values[y][x] / float64((to-from)*(to-from))
			}
		}
		return sum
	}
	if middle, all := mean(n/2-1, n/2+1), mean(0, n); middle < all+2 {
		t.Errorf("SINR is %.1f dB around the middle site and %.1f dB everywhere", middle, all)
	}
	if svg, err := d.SVG(); err != nil || !strings.Contains(string(svg), "SINR of the best server (dB)") {
		t.Errorf("drawing: %v", err)
	}
	for want, c := range map[string]CoverageConfig{
		"is not a scenario": {Scenario: "cdl-c", NumPoints: 9}, "use 2 to 256": {Scenario: "umi"}, "0.5 to 100 GHz": {Scenario: "umi", NumPoints: 9, Carrier: 1e6},
	} {
		if _, err := Coverage(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if d, err = Coverage(CoverageConfig{Scenario: "inh-open", Seed: 1, NumPoints: 12}); err != nil {
		t.Fatal(err)
	}
	if m := d.(plot.HeatMap); len(m.Values) >= len(m.Values[0]) {
		t.Errorf("an office of %v by %v m has %d x %d points", m.X.Range, m.Y.Range, len(m.Values[0]), len(m.Values))
	}
}
