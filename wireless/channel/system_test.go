package channel

import (
	"math"
	"strings"
	"testing"
)

func TestSystemErrors(t *testing.T) {
	one := Panel{Rows: 1, Cols: 1}
	for want, change := range map[string]func(*SystemConfig){
		`scenario "sma" is not known`: func(c *SystemConfig) { c.Scenario = "sma" },
		"release 19":                  func(c *SystemConfig) { c.Release = 19 },
		"carrier":                     func(c *SystemConfig) { c.CarrierHz = 200e9 },
		"BS panel":                    func(c *SystemConfig) { c.BS.Rows = 0 },
		"UE panel":                    func(c *SystemConfig) { c.UE.Roll = math.NaN() },
		"slots":                       func(c *SystemConfig) { c.Slots.Num = 0 },
		"share of low-loss":           func(c *SystemConfig) { c.LowLossShare = math.NaN() },
		`blockage model "b"`:          func(c *SystemConfig) { c.Blockage = "b" },
		"building height 100":         func(c *SystemConfig) { c.Scenario, c.Environment.BuildingHeightM = RMa, 100 },
		"clutter density":             func(c *SystemConfig) { c.Scenario, c.Environment.ClutterDensity = InFSH, 1 },
		"coefficients":                func(c *SystemConfig) { c.BS = Panel{Rows: 64, Cols: 64}; c.Slots.Num = 1 << 16 },
	} {
		c := SystemConfig{Scenario: UMi, CarrierHz: 3.5e9, BS: one, UE: one, Slots: Slots{Num: 1}}
		change(&c)
		if _, err := NewSystem(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestLinkErrors(t *testing.T) {
	for _, c := range []struct {
		want     string
		scenario Scenario
		bs       BS
		ue       UE
	}{
		{"site -1", UMi, BS{Site: -1, At: Point{Z: 10}}, UE{At: Point{X: 50, Z: 1.5}}},
		{"place or velocity", UMi, BS{At: Point{Z: 10}}, UE{At: Point{X: math.NaN(), Z: 1.5}}},
		{"orientation", UMi, BS{At: Point{Z: 10}}, UE{At: Point{X: 50, Z: 1.5}, Turn: Orientation{Roll: math.Inf(1)}}},
		{"place 1 of user 4", InHOpen, BS{At: Point{Z: 3}}, UE{ID: 4, At: Point{X: 20, Z: 1}, Place: InBuilding}},
		{"less than 1 m", UMi, BS{At: Point{Z: 10}}, UE{At: Point{X: 0.5, Z: 1.5}}},
		{"user height 40 m", UMa, BS{At: Point{Z: 25}}, UE{At: Point{X: 50, Z: 40}}},
		{"user height 3 m", InFSH, BS{At: Point{Z: 8}}, UE{At: Point{X: 50, Z: 3}}},
		{"BS height 1 m", InFDH, BS{At: Point{Z: 1}}, UE{At: Point{X: 50, Z: 1.5}}},
	} {
		_, err := newSystem(t, SystemConfig{Scenario: c.scenario}).NewDrop(1).LargeScale(c.bs, c.ue)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

func TestDrawErrors(t *testing.T) {
	m := newSystem(t, SystemConfig{Scenario: UMi})
	d := m.NewDrop(1)
	l := largeScale(t, d, BS{At: Point{Z: 10}}, UE{At: Point{X: 50, Z: 1.5}})
	tdl := newTDL(t, TDLConfig{Profile: lookup(t, "tdl-a"), NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{Num: 1}})
	if err := d.Draw(&l, tdl.NewTaps()); err == nil || !strings.Contains(err.Error(), "taps of another model") {
		t.Errorf("taps of a TDL: %v", err)
	}
	if err := d.Draw(&LargeScale{}, m.NewTaps()); err == nil || !strings.Contains(err.Error(), "large-scale parameters") {
		t.Errorf("no parameters: %v", err)
	}
	if err := d.DrawNext(&l, new(Track), m.NewTaps()); err == nil || !strings.Contains(err.Error(), "track of another") {
		t.Errorf("empty track: %v", err)
	}
}

// All delays move by the time of flight, without sight by a lognormal excess more.
func TestAbsoluteDelay(t *testing.T) {
	for _, consistent := range []bool{false, true} {
		plain := newSystem(t, SystemConfig{Scenario: UMi, SpatialConsistency: consistent})
		timed := newSystem(t, SystemConfig{Scenario: UMi, SpatialConsistency: consistent, AbsoluteDelay: true})
		a, b := plain.NewDrop(0), timed.NewDrop(0)
		early, late := plain.NewTaps(), timed.NewTaps()
		var lg []float64
		num := 800
		if consistent {
			num = 100 // each draws the random functions of some 2,000 rays
		}
		for seed := range uint64(num) {
			a.Reset(seed)
			b.Reset(seed)
			bs, ue := BS{At: Point{Z: 10}}, UE{At: Point{X: 120, Z: 1.5}}
			one, two := largeScale(t, a, bs, ue), largeScale(t, b, bs, ue)
			if err := a.Draw(&one, early); err != nil {
				t.Fatal(err)
			}
			if err := b.Draw(&two, late); err != nil {
				t.Fatal(err)
			}
			want := two.Distance3DM/SpeedOfLightMPS + two.ExcessDelayS
			for tap := range early.DelayS {
				if math.Abs(late.DelayS[tap]-early.DelayS[tap]-want) > 1e-18+1e-12*want {
					t.Fatalf("tap %d is late by %g s, want %g", tap, late.DelayS[tap]-early.DelayS[tap], want)
				}
			}
			if two.LOS != (two.ExcessDelayS == 0) {
				t.Fatalf("sight %v with an excess of %g s", two.LOS, two.ExcessDelayS)
			}
			if !two.LOS {
				lg = append(lg, math.Log10(two.ExcessDelayS))
			}
		}
		if ks := kolmogorov(t, lg, func(x float64) float64 { return uniformOf((x + 7.5) / 0.5) }); ks > 1.95/math.Sqrt(float64(len(lg))) {
			t.Errorf("consistency %v: lg of the excess is %.3f from its distribution", consistent, ks)
		}
	}
}

func TestFormulas(t *testing.T) {
	for cell, want := range map[string]float64{
		"-7.14": -7.14, "1.53-0.23 lg(1+fc)": 1.53 - 0.23*math.Log10(10), "2.08-0.27 lg(fc)": 2.08 - 0.27*math.Log10(9),
		"6.5622-3.4084 lg(fc)": 6.5622 - 3.4084*math.Log10(9), "6.5622-34 lg(fc) >= 0.25": 0.25,
		"-9.35+1 lg(26V/S+14)": math.Log10(26*5+14) - 9.35,
	} {
		f, err := parseFormula(cell)
		if got := f.value(9, 5); err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("%q is %g, want %g, %v", cell, got, want, err)
		}
	}
	for _, cell := range []string{"x", "1 lg(fc)", "1+2 lg(fx)", "1+y lg(fc)", "z+1 lg(fc)", "1 >= q"} {
		if _, err := parseFormula(cell); err == nil {
			t.Errorf("%q is read", cell)
		}
	}
}
