package channel

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// Table 7.3-1: 8 dBi ahead, 3 dB less at half the beam width, 30 dB less behind.
func TestElementPattern(t *testing.T) {
	deg := math.Pi / 180
	for _, c := range []struct{ zenith, azimuth, wantDBi float64 }{
		{90, 0, 8}, {90, 32.5, 5}, {90, -32.5, 5}, {57.5, 0, 5}, {122.5, 0, 5},
		{90, 180, -22}, {0, 0, -22 + 30 - 12*math.Pow(90./65, 2)}, {57.5, 32.5, 2},
	} {
		got := toDB(elementGain(unit(c.zenith*deg, c.azimuth*deg)))
		near(t, "element gain in dBi", got, c.wantDBi, 1e-9)
	}
}

// The pattern's own directivity is 9.826 dBi: its 8 dBi are a convention.
func TestElementDirectivity(t *testing.T) {
	const steps = 1000
	mean := 0.0
	for i := range steps {
		zenith := math.Pi * (float64(i) + 0.5) / steps
		for j := range steps {
			azimuth := 2 * math.Pi * (float64(j) + 0.5) / steps
			mean += elementGain(unit(zenith, azimuth)) * math.Sin(zenith) * math.Pi / 2 / (steps * steps)
		}
	}
	near(t, "directivity in dBi", 8-toDB(mean), 9.826, 1e-3)
}

func TestSteering(t *testing.T) {
	p := Panel{Rows: 2, Cols: 3, RowSpacing: 0.5, ColSpacing: 0.5}
	steer := make([]complex128, 6)
	at := func(a array, zenith, azimuth float64) {
		d := directionOf(bearingOf(azimuth), bearingOf(zenith))
		a.steerInto(steer, &d)
	}
	at(p.turned(Orientation{}, p.slants()), math.Pi/2, 0)
	for _, v := range steer {
		nearComplex(t, "broadside", v, 1, 1e-9)
	}
	// 30 degrees to the side of half-wavelength columns: a quarter turn each.
	at(p.turned(Orientation{}, p.slants()), math.Pi/2, math.Pi/6)
	for i, want := range []complex128{1, 1, 1i, 1i, -1, -1} {
		nearComplex(t, "to the side", steer[i], want, 1e-9)
	}
	// 30 degrees above the horizon: rows, which run fastest, take the quarter turn.
	at(p.turned(Orientation{}, p.slants()), math.Pi/3, 0)
	for i, want := range []complex128{1, 1i, 1, 1i, 1, 1i} {
		nearComplex(t, "from above", steer[i], want, 1e-9)
	}
	// A panel turned and tilted towards the ray sees it at broadside.
	p.Bearing, p.Downtilt = 0.5, 0.3
	at(p.turned(Orientation{Bearing: 0.2}, p.slants()), math.Pi/2+0.3, 0.7)
	for _, v := range steer {
		nearComplex(t, "turned to the ray", v, 1, 1e-9)
	}
}

// Slanted fields keep their power, whichever way the panel is turned.
func TestFieldsKeepTheirPower(t *testing.T) {
	s := rng.New(2)
	for range 200 {
		p := Panel{
			Rows: 1, Cols: 1, DualPolarized: true,
			Slant: s.Uniform(-3, 3), Bearing: s.Uniform(-3, 3), Downtilt: s.Uniform(-1.5, 1.5),
		}
		a := p.turned(Orientation{Bearing: s.Uniform(-3, 3)}, p.slants())
		d := directionOf(bearingOf(s.Uniform(-3, 3)), bearingOf(s.Uniform(0, math.Pi)))
		var f [2]field
		a.fieldsInto(f[:], &d)
		near(t, "power of a field", f[0].theta*f[0].theta+f[0].phi*f[0].phi, 1, 1e-9)
		near(t, "two slants at a right angle", f[0].theta*f[1].theta+f[0].phi*f[1].phi, 0, 1e-9)
	}
}

// Turning both panels and the travel together with the world changes nothing; so
// turning the panel alone must equal turning the cluster angles back.
func TestBearingIsARotation(t *testing.T) {
	const turn = 0.8
	p := lookup(t, "cdl-c")
	_, mean := p.AngleSpread(AOD)
	spread, _ := p.AngleSpread(AOD)
	turned, err := p.WithAngles(AOD, spread, mean-turn)
	if err != nil {
		t.Fatal(err)
	}
	bs := Panel{Rows: 2, Cols: 2, DualPolarized: true, RowSpacing: 0.5, ColSpacing: 0.5, Element: ThreeGPP}
	ue := Panel{Rows: 1, Cols: 1}
	a := newCDL(t, CDLConfig{Profile: p, BS: bs, UE: ue, Slots: Slots{2, 1e-3}})
	b := newCDL(t, CDLConfig{Profile: turned, BS: bs, UE: ue, Slots: Slots{2, 1e-3}})
	x, y := a.NewTaps(), b.NewTaps()
	if err := a.Draw(rng.New(1), Link{BSBearing: turn}, x); err != nil {
		t.Fatal(err)
	}
	if err := b.Draw(rng.New(1), Link{}, y); err != nil {
		t.Fatal(err)
	}
	for i := range x.re {
		nearComplex(t, "coefficient", complex(x.re[i], x.im[i]), complex(y.re[i], y.im[i]), 1e-9)
	}
}

func TestConfigurationErrorsHelp(t *testing.T) {
	cdl := lookup(t, "cdl-a")
	one := Panel{Rows: 1, Cols: 1}
	good := CDLConfig{Profile: cdl, CarrierHz: 1e9, BS: one, UE: one, Slots: Slots{1, 0}}
	for want, spoil := range map[string]func(*CDLConfig){
		"cdl-a to cdl-e":   func(c *CDLConfig) { c.Profile = nil },
		"with angles":      func(c *CDLConfig) { c.Profile = &flat },
		"carrier -1 Hz":    func(c *CDLConfig) { c.CarrierHz = -1 },
		"BS panel of 0":    func(c *CDLConfig) { c.BS.Rows = 0 },
		"UE element 7":     func(c *CDLConfig) { c.UE.Element = 7 },
		"angle or spacing": func(c *CDLConfig) { c.UE.Bearing = math.NaN() },
		"0 slots":          func(c *CDLConfig) { c.Slots.Num = 0 },
		"interval NaN s":   func(c *CDLConfig) { c.Slots.IntervalS = math.NaN() },
		"use fewer than":   func(c *CDLConfig) { c.Slots.Num = 60000; c.BS.Rows, c.BS.Cols = 64, 64 },
	} {
		c := good
		spoil(&c)
		_, err := NewCDL(c)
		wantError(t, err, want)
	}
	m := newCDL(t, good)
	for want, link := range map[string]Link{
		"delay spread -1": {DelaySpreadS: -1}, "speed NaN": {SpeedMPS: math.NaN()}, "angle +Inf": {BSBearing: math.Inf(1)},
	} {
		wantError(t, m.Draw(rng.New(1), link, m.NewTaps()), want)
	}
	tdl := newTDL(t, TDLConfig{Profile: cdl, NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{1, 0}})
	wantError(t, m.Draw(rng.New(1), Link{}, tdl.NewTaps()), "NewTaps")
	wantError(t, tdl.Draw(rng.New(1), Link{}, m.NewTaps()), "NewTaps")
	wantError(t, m.NewTaps().CFR(Subcarriers{3, 1}, Downlink, make([]complex128, 2)), "use 3 values")
	wantError(t, m.NewTaps().CFR(Subcarriers{0, 1}, Downlink, nil), "0 subcarriers")
	for want, c := range map[string]TDLConfig{
		"use one of Names": {},
		"process 9":        {Profile: cdl, CarrierHz: 1, NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{1, 0}, Process: 9},
		"0 x 1 antennas":   {Profile: cdl, CarrierHz: 1, NumBSAnt: 1, Slots: Slots{1, 0}},
		"or Sinusoids":     {Profile: cdl, CarrierHz: 1, NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{4000, 0}},
		"3 sinusoids":      {Profile: cdl, CarrierHz: 1, NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{1, 0}, Process: Sinusoids, NumSinusoids: 3},
	} {
		_, err := NewTDL(c)
		wantError(t, err, want)
	}
}

func TestDrawAndResponseDoNotAllocate(t *testing.T) {
	p := Panel{Rows: 1, Cols: 4, ColSpacing: 0.5}
	cdl := newCDL(t, CDLConfig{Profile: lookup(t, "cdl-d"), BS: p, UE: Panel{Rows: 1, Cols: 1}, Slots: Slots{20, 1e-3}})
	tdl := newTDL(t, TDLConfig{Profile: lookup(t, "tdl-d"), NumBSAnt: 4, NumUEAnt: 1, Slots: Slots{20, 1e-3}})
	h := make([]complex128, 20*32*4)
	s := rng.New(1)
	for name, m := range map[string]interface {
		NewTaps() *Taps
		Draw(*rng.Stream, Link, *Taps) error
	}{"cdl": cdl, "tdl": tdl} {
		taps := m.NewTaps()
		run := func() {
			if err := m.Draw(s, Link{DelaySpreadS: 1e-7, SpeedMPS: 3}, taps); err != nil {
				t.Fatal(err)
			}
			if err := taps.CFR(Subcarriers{32, 360e3}, Downlink, h); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(20, run); n != 0 {
			t.Errorf("%s: %g allocations per sample, want 0", name, n)
		}
	}
}
