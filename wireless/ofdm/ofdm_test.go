package ofdm

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/nr"
)

func normals(s *rng.Stream, n int) []complex128 {
	x := make([]complex128, n)
	for i := range x {
		x[i] = s.ComplexNormal()
	}
	return x
}

func distance(a, b []complex128) (worst float64) {
	for i := range a {
		worst = max(worst, cmplx.Abs(a[i]-b[i]))
	}
	return worst
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestModulationAndBack(t *testing.T) {
	s := rng.New(1)
	for _, w := range []Waveform{
		{NumSubcarriers: 1}, {NumSubcarriers: 72}, {Numerology: nr.Numerology{Mu: 1}, NumSubcarriers: 3276, FFTSize: 4096},
		{Numerology: nr.Numerology{Mu: 3}, NumSubcarriers: 792, FFTSize: 1536}, {Numerology: nr.Numerology{Mu: 2}, NumSubcarriers: 128, ExtendedPrefix: true},
		{Numerology: nr.Numerology{Mu: 2}, NumSubcarriers: 37, FFTSize: 640},
	} {
		m := must(NewModulator(w))
		for _, slot := range []int{0, 1} {
			grid := normals(s, m.NumSymbols()*w.NumSubcarriers)
			samples, back := make([]complex128, m.SlotLen(slot)), make([]complex128, len(grid))
			if err := m.Modulate(samples, grid, slot); err != nil {
				t.Fatal(err)
			}
			if err := m.Demodulate(back, samples, slot); err != nil {
				t.Fatal(err)
			}
			if d := distance(grid, back); d > 1e-12 {
				t.Errorf("%+v: there and back is off by %g", w, d)
			}
		}
	}
}

// Prefixes and slots last what the numerologies say: a millisecond a subframe.
func TestPrefixes(t *testing.T) {
	for _, n := range nr.Numerologies {
		for _, size := range []int{128, 512, 1536, 4096} {
			m := must(NewModulator(Waveform{Numerology: n, NumSubcarriers: 12, FFTSize: size}))
			total := 0
			for slot := range 1 << n.Mu {
				total += m.SlotLen(slot)
			}
			if got := float64(total) / m.SampleRateHz(); math.Abs(got-1e-3) > 1e-15 {
				t.Errorf("numerology %d, size %d: a subframe of %g s", n.Mu, size, got)
			}
			if got, want := float64(m.PrefixLen(0, 0))/m.SampleRateHz(), n.PrefixS(true); math.Abs(got-want) > 1e-15 {
				t.Errorf("numerology %d: long prefix of %g s, want %g", n.Mu, got, want)
			}
			if got, want := float64(m.PrefixLen(0, 1))/m.SampleRateHz(), n.PrefixS(false); math.Abs(got-want) > 1e-15 {
				t.Errorf("numerology %d: prefix of %g s, want %g", n.Mu, got, want)
			}
		}
	}
}

// With a prefix as long as the channel, each resource element sees one factor: the
// transform of the taps.
func TestChannelIsDiagonal(t *testing.T) {
	s := rng.New(2)
	w := Waveform{Numerology: nr.Numerology{Mu: 1}, NumSubcarriers: 72, FFTSize: 256}
	m := must(NewModulator(w))
	grid := normals(s, 14*72)
	for _, long := range []int{0, 1, m.PrefixLen(0, 1)} {
		taps := normals(s, long+1)
		samples := make([]complex128, m.SlotLen(0))
		if err := m.Modulate(samples, grid, 0); err != nil {
			t.Fatal(err)
		}
		received := make([]complex128, len(samples))
		for i := range received {
			for d, a := range taps[:min(len(taps), i+1)] {
				received[i] += a * samples[i-d]
			}
		}
		got, want := make([]complex128, len(grid)), make([]complex128, len(grid))
		if err := m.Demodulate(got, received, 0); err != nil {
			t.Fatal(err)
		}
		for i, x := range grid {
			var h complex128
			for d, a := range taps {
				h += a * cmplx.Rect(1, -2*math.Pi*float64(i%72-36)*float64(d)/256)
			}
			want[i] = h * x
		}
		if d := distance(got, want); d > 1e-10 {
			t.Errorf("%d taps: off by %g", len(taps), d)
		}
	}
}

func TestWaveformMistakes(t *testing.T) {
	for _, w := range []Waveform{
		{}, {NumSubcarriers: 200, FFTSize: 128}, {NumSubcarriers: 12, FFTSize: 100}, {NumSubcarriers: 12, ExtendedPrefix: true},
		{Numerology: nr.Numerology{Mu: 7}, NumSubcarriers: 12}, {NumSubcarriers: 1 << 20},
	} {
		if _, err := NewModulator(w); err == nil {
			t.Errorf("%+v is taken", w)
		}
	}
	m := must(NewModulator(Waveform{NumSubcarriers: 12}))
	if m.Modulate(make([]complex128, 3), make([]complex128, 168), 0) == nil || m.Demodulate(make([]complex128, 3), make([]complex128, m.SlotLen(0)), 0) == nil || m.Modulate(nil, nil, -1) == nil {
		t.Error("wrong sizes are taken")
	}
}

// linearMSE is the mean square error of a linear estimator in closed form: the matrix
// of the estimator is found by its answers to unit vectors.
func linearMSE(t *testing.T, estimate func(h, observed []complex128) error, p *Pilots, g Grid, r func(float64) complex128, n0 float64) float64 {
	t.Helper()
	w := make([][]complex128, p.Len())
	for j := range w {
		unit := make([]complex128, p.Len())
		unit[j] = 1
		w[j] = make([]complex128, g.Len())
		if err := estimate(w[j], unit); err != nil {
			t.Fatal(err)
		}
	}
	total := 0.0
	for k := range g.Len() {
		e := r(0)
		for i := range w {
			e -= 2 * complex(real(w[i][k]*r(p.Subcarriers[i]-float64(k))), 0)
			for j := range w {
				e += w[i][k] * cmplx.Conj(w[j][k]) * r(p.Subcarriers[i]-p.Subcarriers[j])
			}
			e += complex(real(w[i][k]*cmplx.Conj(w[i][k]))*n0, 0)
		}
		total += real(e) / float64(g.Len())
	}
	return total
}

func frequencyOf(t *testing.T, name string, delaySpreadS, spacingHz float64) func(float64) complex128 {
	t.Helper()
	profile, err := channel.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	pdp := profile.PDP(delaySpreadS)
	return func(d float64) complex128 { return pdp.FrequencyCorrelation(d * spacingHz) }
}

func one(float64) complex128 { return 1 }

// The mean square errors of the specification: 72 subcarriers of 30 kHz, every fourth a
// pilot.
func TestEstimatorsMeetTheTable(t *testing.T) {
	for _, c := range []struct {
		profile    string
		spread     float64
		lmmse, lin [4]float64
	}{
		{"tdl-a", 100e-9, [4]float64{-10.33, -18.46, -27.23, -36.11}, [4]float64{-1.13, -11.13, -21.12, -31.06}},
		{"tdl-c", 300e-9, [4]float64{-8.63, -15.55, -23.88, -33.00}, [4]float64{-1.12, -11.06, -20.43, -26.75}},
	} {
		r := frequencyOf(t, c.profile, c.spread, 30e3)
		g := Grid{1, 72}
		p := must(Comb{Symbols: []int{0}, Spacing: 4}.Pilots(g))
		for i, snr := range []float64{0, 10, 20, 30} {
			n0 := math.Pow(10, -snr/10)
			e := must(NewLMMSE(p, g, Correlation{one, r}, n0, 0))
			trace := 0.0
			for _, v := range e.MSE() {
				trace += v / 72
			}
			probed := linearMSE(t, e.Estimate, p, g, r, n0)
			if math.Abs(trace/probed-1) > 1e-9 {
				t.Errorf("%s, %g dB: the trace is %g, the error of the matrix %g", c.profile, snr, trace, probed)
			}
			if got := 10 * math.Log10(trace); math.Abs(got-c.lmmse[i]) > 0.01 {
				t.Errorf("%s, %g dB: LMMSE %.2f dB, want %.2f", c.profile, snr, got, c.lmmse[i])
			}
			linear := linearMSE(t, must(NewLinear(p, g)).Estimate, p, g, r, n0)
			if got := 10 * math.Log10(linear); math.Abs(got-c.lin[i]) > 0.01 {
				t.Errorf("%s, %g dB: linear %.2f dB, want %.2f", c.profile, snr, got, c.lin[i])
			}
			if near := linearMSE(t, must(NewNearest(p, g)).Estimate, p, g, r, n0); trace > linear || trace > near {
				t.Errorf("%s, %g dB: LMMSE %g, linear %g, nearest %g", c.profile, snr, trace, linear, near)
			}
		}
	}
}

// Counted over channels, in time and frequency: the error is what MSE says, and it is
// orthogonal to what was observed.
func TestLMMSEIsOrthogonal(t *testing.T) {
	const draws, n0, doppler = 4000, 0.1, 0.02 // turns a symbol
	g := Grid{14, 24}
	d := DMRS{Type: 1, Length: 1, Additional: 1, TypeAPosition: 2, NumCDMGroups: 2}
	slot := must(d.Slot(Allocation{NumRB: 2, NumSymbols: 14, NumLayers: 1}))
	p := slot.Pilots[0]
	r := frequencyOf(t, "tdl-c", 300e-9, 30e3)
	jakes := func(symbols float64) complex128 { return complex(math.J0(2*math.Pi*doppler*symbols), 0) }
	whole := must(NewLMMSE(p, g, Correlation{jakes, r}, n0, 0))
	parts := must(NewLMMSE(p, g, Correlation{jakes, r}, n0, 12))
	const spacing, symbol = 30e3, 1e-3 / 28
	speed := doppler / symbol * channel.SpeedOfLightMPS / 3.5e9
	model := must(channel.NewTDL(channel.TDLConfig{Profile: must(channel.Lookup("tdl-c")), CarrierHz: 3.5e9, NumBSAnt: 1, NumUEAnt: 1, Slots: channel.Slots{Num: 14, IntervalS: symbol}}))
	taps, h := model.NewTaps(), make([]complex128, g.Len())
	y, x, observed, estimate := make([]complex128, g.Len()), make([]complex128, g.Len()), make([]complex128, p.Len()), make([]complex128, g.Len())
	p.Put(x)
	var mse, partMSE, cross, power float64
	products := make([]complex128, p.Len())
	for i := range draws {
		s := rng.New(9, uint64(i))
		if err := model.Draw(s, channel.Link{DelaySpreadS: 300e-9, SpeedMPS: speed}, taps); err != nil {
			t.Fatal(err)
		}
		if err := taps.CFR(channel.Subcarriers{Num: 24, SpacingHz: spacing}, channel.Downlink, h); err != nil {
			t.Fatal(err)
		}
		for j := range y {
			y[j] = h[j]*x[j] + complex(math.Sqrt(n0), 0)*s.ComplexNormal()
		}
		must(0, p.Observe(observed, y))
		must(0, whole.Estimate(estimate, observed))
		for j := range h {
			mse += sq(h[j]-estimate[j]) / draws / float64(g.Len())
			power += sq(h[j]) / draws / float64(g.Len())
		}
		for j, v := range observed {
			products[j] += (h[100] - estimate[100]) * cmplx.Conj(v) / draws
		}
		must(0, parts.Estimate(estimate, observed))
		for j := range h {
			partMSE += sq(h[j]-estimate[j]) / draws / float64(g.Len())
		}
	}
	for _, v := range products {
		cross = max(cross, cmplx.Abs(v))
	}
	want, wantParts := mean(whole.MSE()), mean(parts.MSE())
	t.Logf("power %.3f, MSE %.5f (formula %.5f), in windows %.5f (%.5f), largest E[e y*] %.5f", power, mse, want, partMSE, wantParts, cross)
	if math.Abs(mse/want-1) > 0.05 || math.Abs(partMSE/wantParts-1) > 0.05 || want > wantParts {
		t.Errorf("MSE %g, formula %g; in windows %g, formula %g", mse, want, partMSE, wantParts)
	}
	// A product scatters by some sqrt(MSE) / sqrt(draws).
	if limit := 5 * math.Sqrt(want*(1+n0)/draws); cross > limit {
		t.Errorf("E[e y*] is %g, want 0 within %g", cross, limit)
	}
}

func sq(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

// Straight lines are estimated exactly, nearest takes the nearer pilot, and noise is
// what NoiseVariance says.
func TestInterpolators(t *testing.T) {
	g := Grid{4, 9}
	p := must(Comb{Symbols: []int{0, 2}, Spacing: 3, Offset: 1}.Pilots(g))
	line := func(l, k float64) complex128 { return complex(2+l-3*k, l*k) }
	observed := make([]complex128, 0, p.Len())
	for _, l := range p.Symbols {
		for _, k := range p.Subcarriers {
			observed = append(observed, line(l, k))
		}
	}
	linear, h := must(NewLinear(p, g)), make([]complex128, g.Len())
	must(0, linear.Estimate(h, observed))
	for i, v := range h {
		if want := line(float64(i/9), float64(i%9)); cmplx.Abs(v-want) > 1e-12 {
			t.Errorf("line at %d: %v, want %v", i, v, want)
		}
	}
	must(0, must(NewNearest(p, g)).Estimate(h, observed))
	for i, v := range h {
		l, k := []float64{0, 0, 2, 2}[i/9], []float64{1, 1, 1, 4, 4, 4, 7, 7, 7}[i%9]
		if v != line(l, k) {
			t.Errorf("nearest at %d: %v, want %v", i, v, line(l, k))
		}
	}
	variance, s, counted := make([]float64, g.Len()), rng.New(3), make([]float64, g.Len())
	must(0, linear.NoiseVariance(variance, 0.5))
	const draws = 4000
	for range draws {
		for i := range observed {
			observed[i] = complex(math.Sqrt(.5), 0) * s.ComplexNormal()
		}
		must(0, linear.Estimate(h, observed))
		for i, v := range h {
			counted[i] += sq(v) / draws
		}
	}
	for i, v := range variance {
		if math.Abs(counted[i]/v-1) > 0.1 {
			t.Errorf("noise at %d: counted %g, formula %g", i, counted[i], v)
		}
	}
}
