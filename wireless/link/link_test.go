package link

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/setting"
)

func build(t *testing.T, c Config) *Link {
	t.Helper()
	l, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The closed forms at the points that the literature prints.
func TestTheory(t *testing.T) {
	for _, c := range []struct {
		modulation, channel string
		numRx               int
		ebN0, want          float64
	}{
		{"qpsk", "awgn", 1, 0, .0786496}, {"qpsk", "awgn", 1, 4, .0125008}, {"qpsk", "awgn", 1, 8, 1.90908e-4},
		{"bpsk", "awgn", 1, 9.6, 9.736e-6}, {"16qam", "awgn", 1, 10, 1.754151e-3},
		{"qpsk", "rayleigh", 1, 10, .0232687}, {"bpsk", "rayleigh", 2, 10, 1.599101e-3}, {"qpsk", "rayleigh", 4, 10, 9.69828e-6},
	} {
		config := Default()
		config.Modulation, config.Channel, config.NumRx = c.modulation, c.channel, c.numRx
		got, ok := build(t, config).TheoryBER(c.ebN0)
		if !ok || math.Abs(got/c.want-1) > 3e-4 {
			t.Errorf("%s, %s, %d antennas, %g dB: %g, want %g", c.modulation, c.channel, c.numRx, c.ebN0, got, c.want)
		}
	}
}

// Counted error rates lie in the joint 99 % interval of the closed forms: each of 40
// points within 3.6 standard deviations.
func TestErrorRatesMeetTheory(t *testing.T) {
	const z = 3.66 // two-sided 1 % shared among 40 points
	for _, modulation := range []string{"qpsk", "16qam", "64qam", "256qam"} {
		for channel, points := range map[string][]float64{"awgn": {0, 2, 4, 6, 8}, "rayleigh": {0, 5, 10, 15, 20}} {
			c := Default()
			c.Modulation, c.Channel = modulation, channel
			l := build(t, c)
			for _, snr := range points {
				tally, err := l.Count(7, snr, 0, 100)
				if err != nil {
					t.Fatal(err)
				}
				want, _ := l.TheoryBER(snr)
				got := tally.BER(.99)
				n := float64(tally.Bits)
				sigmas := (got.Value - want) / math.Sqrt(want*(1-want)/n*tally.designEffect())
				t.Logf("%s, %g dB: %.3e, theory %.3e, %.1f sigma, design effect %.2f", l.Name(), snr, got.Value, want, sigmas, tally.designEffect())
				if math.Abs(sigmas) > z {
					t.Errorf("%s, %g dB: %g, theory %g", l.Name(), snr, got.Value, want)
				}
			}
		}
	}
}

// A count is the same however it is split and however many count.
func TestSameBitsForAnySplit(t *testing.T) {
	for _, what := range [][4]string{
		{"none", "awgn"}, {"ldpc", "awgn"}, {"polar", "rayleigh"}, {"transport", "awgn"},
		// What goroutines share: LMMSE filters, channel models, layers of pilots.
		{"transport", "tdl-c", "lmmse", "lmmse"}, {"none", "cdl-c", "lmmse", "kbest"}, {"none", "tdl-d", "ls-linear", "ml"}, {"none", "rayleigh", "", "zf"},
	} {
		c, code := Default(), strings.Join(what[:], " ")
		c.Code, c.Channel, c.NumBits, c.SNR, c.Errors, c.MaxBlocks = what[0], what[1], 100, Sweep{0, 4, 2}, 20, 150
		c.Slot.NumPRB, c.Transport.MCS, c.Transport.Transmissions, c.Paths = 2, 3, 2, 4
		if what[3] != "" {
			c.NumLayers, c.NumRx, c.Detector = 2, 2, what[3]
		}
		if what[2] != "" {
			c.Slot.Estimator = what[2]
		}
		l := build(t, c)
		whole, err := l.Count(3, 1, 0, 50)
		if err != nil {
			t.Fatal(err)
		}
		var parts Tally
		for _, part := range [][2]uint64{{37, 13}, {0, 5}, {5, 32}} {
			one, err := l.Count(3, 1, part[0], part[1])
			if err != nil {
				t.Fatal(err)
			}
			parts.Add(one)
		}
		if whole != parts || whole.Blocks != 50 {
			t.Errorf("%s: whole %+v, parts %+v", code, whole, parts)
		}
		var first Curve
		for _, workers := range []int{1, 3, 8} {
			curve, err := l.Run(context.Background(), RunConfig{Seed: 3, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if workers == 1 {
				first = curve
				continue
			}
			if len(curve.Points) != len(first.Points) {
				t.Fatalf("%s: %d points with %d workers, %d with one", code, len(curve.Points), workers, len(first.Points))
			}
			for i, p := range curve.Points {
				if p != first.Points[i] {
					t.Errorf("%s: %+v with %d workers, %+v with one", code, p, workers, first.Points[i])
				}
			}
		}
	}
}

// Intervals that hold together are wider, and more so with more points.
func TestJointIntervals(t *testing.T) {
	width := func(joint bool, sweep Sweep) float64 {
		c := Default()
		c.SNR, c.MaxBlocks = sweep, 30
		curve, err := build(t, c).Run(context.Background(), RunConfig{Joint: joint})
		if err != nil {
			t.Fatal(err)
		}
		return curve.Points[0].BER.Hi - curve.Points[0].BER.Lo
	}
	each, one, many := width(false, Sweep{2, 2, 1}), width(true, Sweep{2, 2, 1}), width(true, Sweep{2, 6, 1})
	// Two-sided normal quantiles of 95 %, 99 % and 99.8 %.
	if math.Abs(one/each-2.5758/1.96) > .01 || math.Abs(many/each-3.0902/1.96) > .01 {
		t.Errorf("widths %g, %g, %g", each, one, many)
	}
}

func TestStop(t *testing.T) {
	c := Default()
	c.SNR, c.Errors, c.MaxBlocks = Sweep{0, 60, 20}, 10, 40
	curve, err := build(t, c).Run(context.Background(), RunConfig{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Many errors at 0 dB, none at 20 dB: 40 and 60 dB are left out.
	if len(curve.Points) != 2 || len(curve.Left) != 2 || curve.Points[1].BitErrors != 0 || curve.Points[1].Blocks != 40 {
		t.Errorf("got %+v", curve)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := build(t, c).Run(ctx, RunConfig{Workers: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The interval of a bit error rate is that of the blocks where bits fail together.
func TestDesignEffect(t *testing.T) {
	var together, apart Tally
	for b := range 1000 {
		wrong := 0
		if b%10 == 0 {
			wrong = 100
		}
		together.block(100, wrong, 1, false)
		apart.block(100, 10, 1, false)
	}
	if d := together.designEffect(); d < 99 || d > 100 {
		t.Errorf("design effect %g of bits that fail together, want 100", d)
	}
	if d := apart.designEffect(); d != 1 {
		t.Errorf("design effect %g, want 1", d)
	}
	ber, bler := together.BER(.95), together.BLER(.95)
	if math.Abs(ber.Lo-bler.Lo) > 1e-4 || math.Abs(ber.Hi-bler.Hi) > 1e-4 {
		t.Errorf("BER %+v, BLER %+v", ber, bler)
	}
}

func TestMistakesName(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"channel": func(c *Config) { c.Channel = "fog" }, "num_rx": func(c *Config) { c.NumRx = 0 },
		"num_layers": func(c *Config) { c.NumLayers = 2 }, "paths": func(c *Config) { c.Paths = 0 },
		"detector":  func(c *Config) { c.Channel, c.NumLayers, c.Detector = "rayleigh", 2, "zf" },
		"slot.dmrs": func(c *Config) { c.Channel, c.Slot.DMRS.Type = "tdl-a", 3 }, "slot.estimator": func(c *Config) { c.Channel, c.Slot.Estimator = "tdl-a", "oracle" },
		"code": func(c *Config) { c.Code = "turbo" }, "modulation": func(c *Config) { c.Modulation = "8psk" },
		"modulation ": func(c *Config) { c.Channel, c.Modulation = "tdl-a", "pi/2-bpsk" },
		"num_bits":    func(c *Config) { c.NumBits = 0 }, "rate": func(c *Config) { c.Rate = 0 },
		"demapper": func(c *Config) { c.Demapper = "soft" }, "decoder.rule": func(c *Config) { c.Decoder.Rule = "bp" },
		"decoder.iterations": func(c *Config) { c.Decoder.Iterations = 0 }, "decoder.list": func(c *Config) { c.Decoder.List = 0 },
		"snr": func(c *Config) { c.SNR.Step = 0 }, "snr_is": func(c *Config) { c.SNRIs = "c_n0" },
		"errors": func(c *Config) { c.Errors = 0 }, "max_blocks": func(c *Config) { c.MaxBlocks = 0 },
		"transport.mcs": func(c *Config) { c.Code = "transport"; c.Transport.MCS = 29 }, "transport.mcs_table": func(c *Config) { c.Code = "transport"; c.Transport.MCSTable = 4 },
		"transport.adapt":  func(c *Config) { c.Code, c.Channel, c.Transport.Adapt = "transport", "tdl-a", "inner" }, // over Eb/N0
		"transport.target": func(c *Config) { c.Code, c.Transport.Target = "transport", math.NaN() },
		"slot.num_prb":     func(c *Config) { c.Code = "transport"; c.Slot.NumPRB = 0 },
		"slot.num_symbols": func(c *Config) { c.Code = "transport"; c.Slot.NumSymbols = 15 }, "transport.transmissions": func(c *Config) { c.Code = "transport"; c.Transport.Transmissions = 9 },
	} {
		c := Default()
		change(&c)
		_, err := c.Build()
		var bad *setting.Error
		if !errors.As(err, &bad) || bad.Key != strings.TrimSpace(key) || bad.Why == "" || bad.Hint == "" && !strings.Contains(bad.Why, ";") {
			t.Errorf("%s: got %v", key, err)
		}
	}
	c := Default()
	c.Code, c.NumBits, c.Rate = "polar", 5, .5
	if _, err := c.Build(); err == nil || !strings.Contains(err.Error(), "12 bits") {
		t.Errorf("got %v", err)
	}
}

func TestSweep(t *testing.T) {
	for text, want := range map[string]Sweep{
		"5 dB": {5, 5, 1}, "-2 to 3 dB": {-2, 3, 1}, "0 to 1 by 0.1 dB": {0, 1, .1}, "0 dB to 1 dB by 0.5 dB": {0, 1, .5},
	} {
		var s Sweep
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
		var back Sweep
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%q: %+v, %v", s, back, err)
		}
	}
	if got := (Sweep{0, 1, .1}).Points(); len(got) != 11 || got[3] != .3 || got[10] != 1 {
		t.Errorf("got %v", got)
	}
	for _, text := range []string{"", "5", "3 to 1 dB", "0 to 1 by 0 dB", "0 to 1 by x dB", "0 to 100 by 0.001 dB", "-300 dB"} {
		var s Sweep
		if err := s.UnmarshalText([]byte(text)); err == nil || s != (Sweep{}) {
			t.Errorf("%q gives %+v", text, s)
		}
	}
}

// The figure names what differs, once, and shows what was counted beside theory.
func TestChart(t *testing.T) {
	var curves []Curve
	for _, numRx := range []int{1, 2, 2} {
		c := Default()
		c.Channel, c.NumRx, c.MaxBlocks, c.SNR = "rayleigh", numRx, 30, Sweep{0, 40, 20}
		curve, err := build(t, c).Run(context.Background(), RunConfig{Seed: 4})
		if err != nil {
			t.Fatal(err)
		}
		curves = append(curves, curve)
	}
	c, err := Chart("T", curves)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range c.Series {
		got = append(got, s.Name)
	}
	want := "QPSK, Rayleigh|QPSK, Rayleigh, theory|2 antennas|2 antennas, theory|2 antennas (3)|2 antennas (3), theory"
	if strings.Join(got, "|") != want || c.Note != "QPSK, Rayleigh; 95 % intervals; seed 4" || c.Y.Label != bitErrors {
		t.Errorf("series %q, note %q, %q", got, c.Note, c.Y.Label)
	}
	// At 40 dB two antennas see no error: no marker on a logarithmic axis.
	if len(c.Series[0].Y) != 3 || len(c.Series[2].Y) != 2 || c.Series[2].Y[0] != curves[1].Points[0].BER.Value {
		t.Errorf("points %v and %v", c.Series[0].Y, c.Series[2].Y)
	}
	if _, err := c.SVG(); err != nil {
		t.Error(err)
	}
}

// Without errors there is nothing to draw but theory, and that only where a count could
// have met it: at 60 dB it is zero, at 20 dB 1e-45.
func TestChartWithoutErrors(t *testing.T) {
	for _, c := range []struct {
		code   string
		sweep  Sweep
		series int
	}{{"none", Sweep{60, 60, 1}, 0}, {"none", Sweep{0, 20, 20}, 2}, {"ldpc", Sweep{20, 20, 1}, 0}} {
		config := Default()
		config.Code, config.SNR, config.MaxBlocks = c.code, c.sweep, 30
		curve, err := build(t, config).Run(context.Background(), RunConfig{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		chart, err := Chart("", []Curve{curve})
		if len(chart.Series) != c.series || errors.Is(err, ErrNoErrors) != (c.series == 0) {
			t.Fatalf("%s, %v: %d series, %v", c.code, c.sweep, len(chart.Series), err)
		}
		for _, s := range chart.Series {
			if least := slices.Min(s.Y); least < 1e-6 {
				t.Errorf("%s: it goes down to %g, after %d bits", s.Name, least, curve.Points[0].Bits)
			}
		}
	}
	if _, err := Chart("", nil); err == nil {
		t.Error("a chart of no curves")
	}
}

// Sizes that memory does not hold are refused before anything is made of them.
func TestSizesAreBounded(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"rate":   func(c *Config) { c.Code, c.Rate = "ldpc", 1e-9 },
		"num_rx": func(c *Config) { c.Channel, c.NumRx, c.NumLayers, c.Slot.NumPRB = "tdl-a", 64, 2, 275 },
	} {
		c := Default()
		change(&c)
		var bad *setting.Error
		if _, err := c.Build(); !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

// 0 dB is one SNR, whatever sweep it belongs to.
func TestZeroIsOneSNR(t *testing.T) {
	points := Sweep{-0.9, 0, 0.3}.Points()
	if zero := points[3]; zero != 0 || math.Signbit(zero) {
		t.Errorf("got %v", points)
	}
	l := build(t, Default())
	one, err := l.Count(1, 0, 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Count(1, math.Copysign(0, -1), 0, 20)
	if err != nil || one != other {
		t.Errorf("%+v at 0 dB, %+v at -0 dB, %v", one, other, err)
	}
}

// Progress is told in order, and never of nothing: time left is judged by it.
func TestProgressIsInOrder(t *testing.T) {
	c := Default()
	c.SNR, c.MaxBlocks, c.Errors = Sweep{0, 0, 1}, 400, 1<<30
	var last uint64
	_, err := build(t, c).Run(context.Background(), RunConfig{Workers: 8, Progress: func(p Progress) {
		if p.Tally.Blocks <= last || !(p.Done > 0) {
			t.Errorf("%d blocks after %d, %g done", p.Tally.Blocks, last, p.Done)
		}
		last = p.Tally.Blocks
	}})
	if err != nil || last != 400 {
		t.Errorf("%d blocks, %v", last, err)
	}
}

// The closed form decides for the nearest symbol, and so do max-log soft bits; at -10 dB
// exact ones err less, by the 2.2 % that numerical integration of the likelier bit gives.
func TestTheoryIsOfTheNearestSymbol(t *testing.T) {
	for demapper, want := range map[string]float64{"max-log": .3708601, "exact": .3626210} {
		c := Default()
		c.Modulation, c.Demapper = "16qam", demapper
		l := build(t, c)
		tally, err := l.Count(2, -10, 0, 600)
		if err != nil {
			t.Fatal(err)
		}
		if got := tally.BER(.999); want < got.Lo || want > got.Hi {
			t.Errorf("%s: %+v, want %g", demapper, got, want)
		}
		if theory, _ := l.TheoryBER(-10); math.Abs(theory-.3708601) > 1e-6 {
			t.Errorf("theory %g", theory)
		}
	}
}
