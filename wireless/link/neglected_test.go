package link

import (
	"context"
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/nr"
	"github.com/comlam/comlam/wireless/ofdm"
)

// residual sends random slots through change, as samples, and is the power of what is
// received beside gain times what was sent, over that of what was sent, over the subcarriers
// (all of the transform, so that samples are white).
func residual(t *testing.T, change func(m *ofdm.Modulator, samples []complex128), gain func(k int) complex128) float64 {
	t.Helper()
	const size, slots = 256, 20
	m, err := ofdm.NewModulator(ofdm.Waveform{Numerology: nr.Numerology{Mu: 1}, NumSubcarriers: size, FFTSize: size})
	if err != nil {
		t.Fatal(err)
	}
	s, sum := rng.New(3), 0.0
	grid, got := make([]complex128, 14*size), make([]complex128, 14*size)
	for range slots {
		for i := range grid {
			grid[i] = s.ComplexNormal()
		}
		samples := make([]complex128, m.SlotLen(1))
		if err := m.Modulate(samples, grid, 1); err != nil {
			t.Fatal(err)
		}
		change(m, samples)
		if err := m.Demodulate(got, samples, 1); err != nil {
			t.Fatal(err)
		}
		for i := size; i < len(grid); i++ { // nothing comes before the first symbol
			d := got[i] - gain(i%size-size/2)*grid[i]
			sum += real(d)*real(d) + imag(d)*imag(d)
		}
	}
	return sum / (slots * 13 * size)
}

// The shares are those that samples show: an echo delayed past the prefix, and a Doppler
// shift that turns phases within a symbol.
func TestNeglectedIsWhatSamplesShow(t *testing.T) {
	n := nr.Numerology{Mu: 1}
	const size = 256
	rate := size * n.SubcarrierSpacingHz()
	for _, delay := range []int{10, 18, 30, 100, 200} { // the prefix has 18 samples
		left := 1 - float64(max(0, delay-18))/size
		got := residual(t, func(_ *ofdm.Modulator, x []complex128) {
			copy(x[delay:], append([]complex128(nil), x...))
		}, func(k int) complex128 {
			sin, cos := math.Sincos(-2 * math.Pi * float64(k*delay) / size)
			return complex(left*cos, left*sin)
		})
		want := pastPrefix([]float64{0, float64(delay) / rate}, []float64{0, 1}, n.PrefixS(false), n.UsefulSymbolS())
		if math.Abs(got-want) > .03*want+1e-12 {
			t.Errorf("%d samples late: %g, want %g", delay, got, want)
		}
	}
	// Clarke's spectrum has shifts of fd cos(angle), whose mean square is fd^2/2.
	const shift = 300.0 // Hz; 1 % of the spacing
	turn := math.Pi * shift * n.UsefulSymbolS()
	mean := 0.0
	const angles = 16
	for a := range angles {
		f := shift * math.Cos(2*math.Pi*(float64(a)+.5)/angles)
		got := residual(t, func(m *ofdm.Modulator, x []complex128) {
			// The phase in the middle of each symbol is taken away again.
			for l, at := 0, 0; l < 14; l++ {
				p := m.PrefixLen(1, l)
				for i := range p + size {
					sin, cos := math.Sincos(2 * math.Pi * f * (float64(i-p) - float64(size-1)/2) / rate)
					x[at+i] *= complex(cos, sin)
				}
				at += p + size
			}
		}, func(int) complex128 {
			z := turn * f / shift
			return complex(math.Sin(z)/z, 0)
		})
		mean += got / angles
	}
	if want := spread(shift, n.UsefulSymbolS()); mean > want*1.02 || mean < want*.95 {
		t.Errorf("%g of the power on other subcarriers, want %g", mean, want)
	}
}

// A curve says from which SNR on it is too good: TDL-C of 1 us, whose last echo is 8.65 us
// late, past the prefix of 30 kHz, but not of 100 ns.
func TestCurvesSayWhatIsNeglected(t *testing.T) {
	c := slotConfig()
	c.Slot.Estimator, c.SNR, c.MaxBlocks = "perfect", Sweep{10, 10, 1}, 2
	c.Slot.Speed, c.Slot.DelaySpread = setting.KMH(3), 1e-6
	curve, err := build(t, c).Run(context.Background(), RunConfig{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%g of the power, from %.1f dB", curve.Neglected, curve.NeglectedFrom())
	if from := curve.NeglectedFrom(); !(from > 10 && from < 15) {
		t.Errorf("1 us: %g of the power, from %g dB", curve.Neglected, from)
	}
	c.Slot.DelaySpread = 100e-9
	if got := build(t, c).Neglected(); got > 1e-6 {
		t.Errorf("100 ns: %g of the power", got)
	}
	if got := build(t, Default()); got.Neglected() != 0 || !math.IsInf(Curve{}.NeglectedFrom(), 1) {
		t.Error("white noise has echoes")
	}
}
