package channel

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/metric"
)

// Statistical oracles, all to 1e-2 at 1e5 draws (to 3e-2 at 1e4 in short mode).
func statistics() (draws int, tolerance float64) {
	if testing.Short() {
		return 10_000, 3e-2
	}
	return 100_000, 1e-2
}

const (
	testSpeedMPS = 30 / 3.6
	testSpreadS  = 100e-9
)

// drawEach draws many independent realisations of m.
func drawEach(t *testing.T, m interface {
	NewTaps() *Taps
	Draw(*rng.Stream, Link, *Taps) error
}, link Link, draws int, use func(*Taps)) {
	t.Helper()
	taps := m.NewTaps()
	s := new(rng.Stream)
	for i := range draws {
		s.Reset(21, uint64(i))
		if err := m.Draw(s, link, taps); err != nil {
			t.Fatal(err)
		}
		use(taps)
	}
}

// firstRows keeps the first rows of a table: taps fade independently, so what
// holds for them holds for all, at a fraction of the draws.
func firstRows(p *Profile, rows int) *Profile {
	q := *p
	q.Delay, q.PowerDB = p.Delay[:rows], p.PowerDB[:rows]
	return &q
}

var processes = map[string]Process{"gaussian": Gaussian, "sinusoids": Sinusoids}

// Mean power of each tap, the delay spread they make, and the correlation over
// frequency measured on the response at two subcarriers.
func TestTDLPowersAndSpread(t *testing.T) {
	draws, tolerance := statistics()
	for _, name := range []string{"tdl-a", "tdl-c", "tdl-d", "tdl-e"} {
		p := lookup(t, name)
		want := p.PDP(testSpreadS)
		m := newTDL(t, TDLConfig{Profile: p, NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{1, 0}})
		power := make([]float64, p.NumTaps())
		var correlation complex128
		h := make([]complex128, 2)
		drawEach(t, m, Link{DelaySpreadS: testSpreadS}, draws, func(taps *Taps) {
			for l := range power {
				power[l] += square(taps.At(l, 0, 0, 0)) / float64(draws)
			}
			if err := taps.CFR(Subcarriers{2, 360e3}, Downlink, h); err != nil {
				t.Fatal(err)
			}
			correlation += h[1] * cmplx.Conj(h[0]) / complex(float64(draws), 0)
		})
		for l := range power {
			near(t, name+" tap power", power[l], want.tapPower(l), tolerance)
		}
		measured := PDP{DelayS: want.DelayS, Power: power}
		near(t, name+" RMS delay spread", measured.RMSDelaySpreadS()/want.RMSDelaySpreadS(), 1, tolerance)
		nearComplex(t, name+" R(360 kHz)", correlation, want.FrequencyCorrelation(360e3), tolerance)
	}
}

// Envelopes follow the laws of Rayleigh and Rice.
func TestTDLEnvelopes(t *testing.T) {
	draws, tolerance := statistics()
	for process, kind := range processes {
		p := firstRows(lookup(t, "tdl-d"), 4)
		d := p.PDP(testSpreadS)
		m := newTDL(t, TDLConfig{Profile: p, NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{1, 0}, Process: kind})
		first, third := make([]float64, 0, draws), make([]float64, 0, draws)
		drawEach(t, m, Link{}, draws, func(taps *Taps) {
			first = append(first, cmplx.Abs(taps.At(0, 0, 0, 0)))
			third = append(third, cmplx.Abs(taps.At(2, 0, 0, 0)))
		})
		rayleigh := func(x float64) float64 { return -math.Expm1(-x * x / d.Power[2]) }
		rice := riceCDF(math.Sqrt(d.LOSPower), math.Sqrt(d.Power[0]/2))
		for law, c := range map[string]struct {
			samples []float64
			cdf     func(float64) float64
		}{"Rayleigh": {third, rayleigh}, "Rice": {first, rice}} {
			distance, err := metric.KS(c.samples, c.cdf)
			if err != nil || distance >= tolerance {
				t.Errorf("%s: distance to %s %g (%v), want below %g", process, law, distance, err, tolerance)
			}
		}
	}
}

// riceCDF returns the distribution of Rice, nu specular amplitude, sigma deviation
// per part: its density integrated on a fine grid, straight lines in between.
func riceCDF(nu, sigma float64) func(float64) float64 {
	const steps = 4000
	lo, hi := max(0, nu-9*sigma), nu+9*sigma
	width := (hi - lo) / steps
	table := make([]float64, steps+2)
	for i := range steps {
		table[i+1] = table[i] + width*riceDensity(lo+(float64(i)+0.5)*width, nu, sigma)
	}
	table[steps+1] = table[steps]
	return func(x float64) float64 {
		at := max(0, min(steps, (x-lo)/width))
		i := int(at)
		return min(1, table[i]+(at-float64(i))*(table[i+1]-table[i]))
	}
}

// riceDensity takes the mean over the angle of a Gaussian around nu in place of
// the Bessel function I0.
func riceDensity(r, nu, sigma float64) float64 {
	const steps = 64
	sum := 0.0
	for i := range steps {
		c := math.Cos(2 * math.Pi * (float64(i) + 0.5) / steps)
		sum += math.Exp(-(r*r + nu*nu - 2*r*nu*c) / (2 * sigma * sigma))
	}
	return r / (sigma * sigma) * sum / steps
}

// A Rayleigh tap correlates over time as J0, in each part and as a whole; the tap
// with the specular path adds its own turning phasor.
func TestTDLAutocorrelation(t *testing.T) {
	draws, tolerance := statistics()
	slots := Slots{9, 0.5e-3}
	for process, kind := range processes {
		p := firstRows(lookup(t, "tdl-e"), 3)
		d := p.PDP(testSpreadS)
		m := newTDL(t, TDLConfig{Profile: p, NumBSAnt: 1, NumUEAnt: 1, Slots: slots, Process: kind})
		f := DopplerHz(testSpeedMPS, 3.5e9)
		whole, specular := make([]complex128, slots.Num), make([]complex128, slots.Num)
		realPart, intensity := make([]float64, slots.Num), make([]float64, slots.Num)
		scale := complex(1/float64(draws), 0)
		drawEach(t, m, Link{SpeedMPS: testSpeedMPS}, draws, func(taps *Taps) {
			a0, b0 := taps.At(1, 0, 0, 0), taps.At(0, 0, 0, 0)
			for i := range slots.Num {
				a := taps.At(1, 0, 0, i)
				whole[i] += a * cmplx.Conj(a0) * scale
				realPart[i] += real(a) * real(a0) / float64(draws)
				intensity[i] += square(a) * square(a0) / float64(draws)
				specular[i] += taps.At(0, 0, 0, i) * cmplx.Conj(b0) * scale
			}
		})
		power := complex(d.Power[1], 0)
		for i := range slots.Num {
			lag := float64(i) * slots.IntervalS
			j0 := JakesCorrelation(f, lag)
			nearComplex(t, process+" autocorrelation", whole[i]/power, complex(j0, 0), tolerance)
			near(t, process+" autocorrelation of the real part", realPart[i]/d.Power[1], j0/2, tolerance)
			turn := cmplx.Exp(complex(0, 2*math.Pi*f*math.Cos(math.Pi/4)*lag))
			want := complex(d.LOSPower, 0)*turn + complex(d.Power[0]*j0, 0)
			nearComplex(t, process+" Rice autocorrelation", specular[i], want, tolerance)
			wantIntensity := 1 + j0*j0
			if kind == Sinusoids {
				wantIntensity -= sectorLoss(2*math.Pi*f*lag, defaultSinusoids)
			}
			// The square of a squared envelope spreads three times as wide.
			near(t, process+" autocorrelation of the intensity", intensity[i]/(d.Power[1]*d.Power[1]), wantIntensity, 3*tolerance)
		}
	}
}

// sectorLoss is what num sinusoids, one to a sector, lack of a Gaussian process in
// E|h|^2|h'|^2: the sum of |E exp(j x cos alpha_i)|^2 over num^2. With waves from
// anywhere it would be J0^2/num.
func sectorLoss(x float64, num int) float64 {
	const steps = 50
	sum := 0.0
	for i := range num {
		var mean complex128
		for k := range steps {
			alpha := 2 * math.Pi * (float64(i) + (float64(k)+0.5)/steps - 0.5) / float64(num)
			mean += cmplx.Exp(complex(0, x*math.Cos(alpha))) / steps
		}
		sum += square(mean)
	}
	return sum / float64(num*num)
}

// The slots of a Gaussian tap have the covariance J0, as a factor to rounding and
// as drawn; also where it is singular to rounding.
func TestJakesCovariance(t *testing.T) {
	for _, c := range []struct {
		num     int
		kmh     float64
		maxRank int
	}{{1, 30, 1}, {20, 0, 1}, {20, 3, 8}, {20, 30, 12}, {20, 120, 20}, {100, 3, 12}, {200, 500, 200}} {
		turn := 2 * math.Pi * DopplerHz(c.kmh/3.6, 3.5e9) * 0.5e-3
		var f jakesFactor
		f.prepare(c.num, turn)
		if f.rank > c.maxRank || f.rank < 1 {
			t.Errorf("%d slots at %g km/h: rank %d, want 1 to %d", c.num, c.kmh, f.rank, c.maxRank)
		}
		worst := 0.0
		for i := range c.num {
			for j := range c.num {
				sum := 0.0
				for k := range f.rank {
					sum += f.l[i*c.num+k] * f.l[j*c.num+k]
				}
				worst = max(worst, math.Abs(sum-math.J0(turn*float64(i-j))))
			}
		}
		if worst > 1e-12 {
			t.Errorf("%d slots at %g km/h: L L^T misses J0 by %g", c.num, c.kmh, worst)
		}
	}
}

func TestJakesDrawsHaveTheCovariance(t *testing.T) {
	draws, tolerance := statistics()
	const num = 5
	m := newTDL(t, TDLConfig{Profile: lookup(t, "flat"), NumBSAnt: 2, NumUEAnt: 1, Slots: Slots{num, 2e-3}})
	f := DopplerHz(testSpeedMPS, 3.5e9)
	var covariance [2 * num][2 * num]complex128
	var fourth float64
	drawEach(t, m, Link{SpeedMPS: testSpeedMPS}, draws, func(taps *Taps) {
		var x [2 * num]complex128
		for i := range x {
			x[i] = taps.At(0, 0, i/num, i%num)
		}
		fourth += square(x[2]) * square(x[2]) / float64(draws)
		for i := range x {
			for j := range x {
				covariance[i][j] += x[i] * cmplx.Conj(x[j]) / complex(float64(draws), 0)
			}
		}
	})
	for i := range covariance {
		for j := range covariance {
			want := complex128(0)
			if i/num == j/num {
				want = complex(JakesCorrelation(f, 2e-3*float64(i-j)), 0)
			}
			nearComplex(t, "covariance", covariance[i][j], want, 1.5*tolerance)
		}
	}
	near(t, "E|h|^4 of a Gaussian", fourth, 2, 4*tolerance)
}

// The preparation for one speed must not leak into the next draw.
func TestDrawDoesNotDependOnTheLastOne(t *testing.T) {
	m := newTDL(t, TDLConfig{Profile: lookup(t, "tdl-a"), NumBSAnt: 1, NumUEAnt: 1, Slots: Slots{6, 1e-3}})
	used, fresh := m.NewTaps(), m.NewTaps()
	for _, speed := range []float64{30, 1, 30} {
		if err := m.Draw(rng.New(1), Link{SpeedMPS: speed}, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Draw(rng.New(1), Link{SpeedMPS: 30}, fresh); err != nil {
		t.Fatal(err)
	}
	for i := range used.re {
		if used.re[i] != fresh.re[i] || used.im[i] != fresh.im[i] {
			t.Fatalf("coefficient %d depends on what was drawn before", i)
		}
	}
}

// Power, autocorrelation and spatial correlation of CDL taps against the sums
// over all couplings of rays.
func TestCDLStatistics(t *testing.T) {
	draws, tolerance := statistics()
	slots := Slots{4, 1e-3}
	link := Link{DelaySpreadS: testSpreadS, SpeedMPS: testSpeedMPS, TravelAzimuth: 0.5}
	c := CDLConfig{
		Profile: lookup(t, "cdl-a"), CarrierHz: 3.5e9, Slots: slots,
		BS: Panel{Rows: 1, Cols: 2, ColSpacing: 0.5}, UE: Panel{Rows: 1, Cols: 1},
	}
	m := newCDL(t, c)
	numTaps := c.Profile.NumTaps()
	power := make([]float64, numTaps)
	correlation := make([]complex128, slots.Num)
	var across complex128
	envelope := make([]float64, 0, draws) // of the strongest cluster
	scale := 1 / float64(draws)
	drawEach(t, m, link, draws, func(taps *Taps) {
		envelope = append(envelope, cmplx.Abs(taps.At(1, 0, 0, 0)))
		for l := range numTaps {
			a := taps.At(l, 0, 0, 0)
			power[l] += square(a) * scale
			across += taps.At(l, 0, 1, 0) * cmplx.Conj(a) * complex(scale, 0)
			for i := range slots.Num {
				correlation[i] += taps.At(l, 0, 0, i) * cmplx.Conj(a) * complex(scale, 0)
			}
		}
	})
	want := c.Profile.PDP(testSpreadS)
	for l := range power {
		near(t, "cluster power", power[l], want.Power[l], tolerance)
	}
	distance, err := metric.KS(envelope, func(x float64) float64 { return -math.Expm1(-x * x / want.Power[1]) })
	if err != nil || distance >= tolerance {
		t.Errorf("distance of a cluster to Rayleigh %g (%v), want below %g", distance, err, tolerance)
	}
	measured := PDP{DelayS: want.DelayS, Power: power}
	near(t, "RMS delay spread", measured.RMSDelaySpreadS()/testSpreadS, 1, tolerance)
	for i := range slots.Num {
		nearComplex(t, "autocorrelation", correlation[i], raySum(c.Profile, AOA, ZOA, func(toward vector) float64 {
			return 2 * math.Pi * 3.5e9 / SpeedOfLightMPS * toward.dot(link.velocity()) * 1e-3 * float64(i)
		}), tolerance)
	}
	nearComplex(t, "correlation of neighbours", across, raySum(c.Profile, AOD, ZOD, func(toward vector) float64 {
		return math.Pi * toward.y
	}), tolerance)
}

// raySum is sum_n P_n times the mean of exp(j phase) over all couplings of the
// azimuths and zeniths of cluster n.
func raySum(p *Profile, azimuth, zenith Angle, phase func(toward vector) float64) (sum complex128) {
	az, zen := p.rayAngles(azimuth), p.rayAngles(zenith)
	for n, power := range p.rowPowers() {
		for _, a := range az[n] {
			for _, z := range zen[n] {
				sum += cmplx.Rect(power/(NumRays*NumRays), phase(unit(z, a)))
			}
		}
	}
	return sum
}

// The mean power in closed form against draws: patterns, tilt, polarisation and
// the specular path, with fixed and with random bearings.
func TestMeanPowerIsWhatIsDrawn(t *testing.T) {
	draws, tolerance := statistics()
	draws /= 20
	bs := Panel{Rows: 1, Cols: 1, DualPolarized: true, Element: ThreeGPP, Downtilt: 0.1}
	for _, name := range []string{"cdl-b", "cdl-d"} {
		m := newCDL(t, CDLConfig{
			Profile: lookup(t, name), BS: bs, UE: Panel{Rows: 1, Cols: 1, Slant: 0.3}, Slots: Slots{1, 0},
		})
		for _, anyBearing := range []bool{false, true} {
			want := m.MeanPower(Link{})
			if anyBearing {
				want = m.MeanPowerAnyBearing()
			}
			sum := 0.0
			taps := m.NewTaps()
			for i := range draws {
				s := rng.New(8, uint64(i))
				link := Link{}
				if anyBearing {
					// Bearings spread evenly leave less to chance than random ones.
					link.BSBearing = 2 * math.Pi * float64(i) / float64(draws)
					link.UEBearing = 2 * math.Pi * math.Mod(float64(i)*math.Phi, 1)
				}
				if err := m.Draw(s, link, taps); err != nil {
					t.Fatal(err)
				}
				for l := range taps.DelayS {
					sum += (square(taps.At(l, 0, 0, 0)) + square(taps.At(l, 0, 1, 0))) / 2
				}
			}
			near(t, name+" mean power over its closed form", sum/float64(draws)/want, 1, 3*tolerance)
		}
	}
	plain := newCDL(t, CDLConfig{
		Profile: lookup(t, "cdl-c"), BS: Panel{Rows: 1, Cols: 4, ColSpacing: 0.5}, UE: Panel{Rows: 1, Cols: 1}, Slots: Slots{1, 0},
	})
	near(t, "vertical isotropic elements", plain.MeanPower(Link{}), 1, 1e-9)
	near(t, "vertical isotropic elements, any bearing", plain.MeanPowerAnyBearing(), 1, 1e-9)
}

func square(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }

func nearComplex(t testing.TB, what string, got, want complex128, tolerance float64) {
	t.Helper()
	if !(cmplx.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.6g, want %.6g within %g", what, got, want, tolerance)
	}
}
