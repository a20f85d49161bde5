package link

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
)

// slotConfig is a small slot over a fast, dispersive TDL-C.
func slotConfig() Config {
	c := Default()
	c.Channel, c.Modulation, c.SNRIs = "tdl-c", "16qam", "es_n0"
	c.Slot.NumPRB, c.Slot.DelaySpread, c.Slot.Speed = 4, 300e-9, setting.KMH(60)
	return c
}

// With the channel known, every resource element fades as the closed form says.
func TestSlotsMeetTheory(t *testing.T) {
	slots := uint64(400)
	if raced {
		slots = 40
	}
	for _, numRx := range []int{1, 2} {
		for _, snr := range []float64{0, 8, 16} {
			c := slotConfig()
			c.Slot.Estimator, c.NumRx = "perfect", numRx
			l := build(t, c)
			tally, err := l.Count(5, snr, 0, slots)
			if err != nil {
				t.Fatal(err)
			}
			want, ok := l.TheoryBER(snr)
			if !ok {
				t.Fatal("there is no closed form")
			}
			got := tally.BER(.999)
			t.Logf("%s, %g dB: %.3e [%.3e, %.3e], theory %.3e, design effect %.0f", l.Name(), snr, got.Value, got.Lo, got.Hi, want, tally.designEffect())
			if want < got.Lo || want > got.Hi {
				t.Errorf("%s, %g dB: %g, theory %g", l.Name(), snr, got.Value, want)
			}
		}
	}
}

// Soft bits mean what they say: the error rate is the mean probability of error that
// they claim, 1/(1+exp(|llr|)), with the channel known and with it estimated. That
// holds only if every variance on the way is right.
func TestSoftBitsAreCalibrated(t *testing.T) {
	for _, estimator := range []string{"perfect", "lmmse"} {
		for _, channel := range []string{"tdl-a", "tdl-d", "cdl-c", "tdl-c"} {
			c := slotConfig()
			c.Channel, c.Slot.Estimator, c.Slot.Speed = channel, estimator, setting.KMH(30)
			if channel == "tdl-c" {
				c.NumLayers, c.NumRx, c.Detector, c.Modulation = 2, 2, "ml", "qpsk"
			}
			if raced && channel != "tdl-a" { // one goroutine
				continue
			}
			if channel == "cdl-c" { // whose Doppler spectrum is not Clarke's
				c.Slot.Speed = 0
			}
			l := build(t, c)
			for _, snr := range []float64{0, 10} {
				same, err := l.at(snr)
				if err != nil {
					t.Fatal(err)
				}
				w, err := same.newWorker()
				if err != nil {
					t.Fatal(err)
				}
				var claimed, wrong float64
				for b := range uint64(150) {
					s := rng.New(6, b)
					w.coder.draw(s)
					if err := w.coder.send(w.sent, 0); err != nil {
						t.Fatal(err)
					}
					if err := w.air.pass(s, w.llrs, w.sent); err != nil {
						t.Fatal(err)
					}
					for i, v := range w.llrs {
						claimed += 1 / (1 + math.Exp(math.Abs(float64(v))))
						if (v < 0) != (w.sent[i] == 1) {
							wrong++
						}
					}
				}
				t.Logf("%s, %s, %g dB: %.0f wrong, %.0f claimed", channel, estimator, snr, wrong, claimed)
				if math.Abs(wrong/claimed-1) > 0.03 {
					t.Errorf("%s, %s, %g dB: %g bits wrong, the soft bits claim %g", channel, estimator, snr, wrong, claimed)
				}
			}
		}
	}
}

// On the same channels and noise, knowing the channel is best, then LMMSE, then
// straight lines.
func TestBetterEstimatorsErrLess(t *testing.T) {
	errors := map[string]uint64{}
	for _, estimator := range estimators {
		c := slotConfig()
		c.Slot.Estimator = estimator
		tally, err := build(t, c).Count(2, 10, 0, 60)
		if err != nil {
			t.Fatal(err)
		}
		errors[estimator] = tally.BitErrors
	}
	t.Log(errors)
	if !(errors["perfect"] < errors["lmmse"] && errors["lmmse"] < errors["ls-linear"] && errors["lmmse"] < errors["ls-nearest"]) {
		t.Errorf("wrong bits: %v", errors)
	}
}

// A transport block through slots: none wrong at high SNR, all at low; with HARQ
// blocks that failed are sent again and mostly arrive.
func TestTransportBlocksInSlots(t *testing.T) {
	c := slotConfig()
	c.Code, c.NumRx, c.Transport.MCS = "transport", 2, 5
	l := build(t, c)
	for snr, want := range map[float64][2]uint64{-15: {40, 40}, 25: {0, 0}} {
		tally, err := l.Count(1, snr, 0, 40)
		if err != nil {
			t.Fatal(err)
		}
		if tally.BlockErrors < want[0] || tally.BlockErrors > want[1] || tally.Undetected != 0 {
			t.Errorf("%g dB: %+v", snr, tally)
		}
	}
	once, err := l.Count(1, -2, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	c.Transport.Transmissions = 4
	harq, err := build(t, c).Count(1, -2, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("once %d of 100 wrong; HARQ %d wrong after %d transmissions", once.BlockErrors, harq.BlockErrors, harq.Transmissions)
	if once.BlockErrors < 20 || harq.BlockErrors > once.BlockErrors/10 || harq.Transmissions < 100+once.BlockErrors {
		t.Errorf("once %+v, HARQ %+v", once, harq)
	}
}

// Combining adds: with HARQ over white noise, two transmissions of the same block are
// worth 3 dB and more.
func TestCombiningGains(t *testing.T) {
	c := Default()
	c.Code, c.SNRIs, c.Slot.NumPRB, c.Transport.MCS = "transport", "es_n0", 4, 5
	once, err := build(t, c).Count(1, -1, 0, 60)
	if err != nil {
		t.Fatal(err)
	}
	c.Transport.Transmissions = 2
	twice, err := build(t, c).Count(1, -4, 0, 60)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("one transmission at -1 dB: %d of 60 wrong; two at -4 dB: %d", once.BlockErrors, twice.BlockErrors)
	if twice.BlockErrors > once.BlockErrors+3 || once.BlockErrors == 60 {
		t.Errorf("one transmission at -1 dB: %d of 60 wrong, two at -4 dB: %d", once.BlockErrors, twice.BlockErrors)
	}
}

// Zero forcing of two layers with two antennas leaves each a Rayleigh channel.
func TestZeroForcingMeetsTheory(t *testing.T) {
	c := Default()
	c.Channel, c.NumLayers, c.NumRx, c.Detector, c.SNRIs = "rayleigh", 2, 2, "zf", "es_n0"
	l := build(t, c)
	snr := 10 + decibel(2) // of both layers
	want, ok := l.TheoryBER(snr)
	if !ok || math.Abs(want-.043565) > 1e-6 {
		t.Errorf("theory %g, want 0.043565", want)
	}
	tally, err := l.Count(1, snr, 0, 200)
	if err != nil {
		t.Fatal(err)
	}
	if got := tally.BER(.999); want < got.Lo || want > got.Hi {
		t.Errorf("counted %+v, theory %g", got, want)
	}
	errors := map[string]uint64{"zf": tally.BitErrors}
	for _, detector := range []string{"lmmse", "ml"} {
		c.Detector = detector
		tally, err := build(t, c).Count(1, snr, 0, 200)
		if err != nil {
			t.Fatal(err)
		}
		errors[detector] = tally.BitErrors
	}
	t.Log(errors)
	if !(errors["ml"] < errors["lmmse"] && errors["lmmse"] < errors["zf"]) {
		t.Errorf("wrong bits %v", errors)
	}
}

// Four layers of a transport block through slots whose channels are estimated.
func TestLayersInSlots(t *testing.T) {
	for _, estimator := range []string{"perfect", "lmmse", "ls-linear"} {
		c := slotConfig()
		c.Code, c.NumRx, c.NumLayers, c.Transport.MCS, c.Slot.Estimator = "transport", 4, 4, 5, estimator
		c.Slot.Speed, c.Slot.DelaySpread = setting.KMH(3), 100e-9
		l := build(t, c)
		if want := 4 * 2 * len(l.slot.Data); l.NumSent() != want {
			t.Errorf("%d bits sent, want %d", l.NumSent(), want)
		}
		for snr, least := range map[float64]uint64{-10: 10, 30: 0} {
			tally, err := l.Count(1, snr, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if tally.BlockErrors != least {
				t.Errorf("%s, %g dB: %+v", estimator, snr, tally)
			}
		}
	}
}
