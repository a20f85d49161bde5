package link

import (
	"context"
	"math"
	"testing"

	"github.com/comlam/comlam/internal/setting"
)

func adaptConfig(adapt string) Config {
	c := slotConfig()
	c.Code, c.NumRx, c.Transport.Adapt, c.Slot.Speed, c.Slot.DelaySpread = "transport", 2, adapt, setting.KMH(3), 100e-9
	return c
}

// throughput is that of the first blocks at an SNR, and their tally.
func throughput(t *testing.T, c Config, snr float64, blocks int) Point {
	t.Helper()
	c.SNR, c.MaxBlocks, c.Errors = Sweep{snr, snr, 1}, blocks, math.MaxInt
	curve, err := build(t, c).Run(context.Background(), RunConfig{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	return curve.Points[0]
}

// The inner loop carries more than any fixed MCS; the outer loop makes first transmissions
// fail at its target, whatever the SNR.
func TestAdaptationCarriesMore(t *testing.T) {
	blocks := 150
	if raced {
		blocks = 40
	}
	for _, snr := range []float64{2, 14} {
		best := 0.0
		for _, mcs := range []int{4, 8, 12, 16, 20, 24} {
			c := adaptConfig("fixed")
			c.Transport.MCS = mcs
			best = max(best, throughput(t, c, snr, blocks).BitsPerRE)
		}
		inner := throughput(t, adaptConfig("inner"), snr, blocks)
		t.Logf("%g dB: best of fixed %.3f bits a resource element, inner loop %.3f at BLER %.3f", snr, best, inner.BitsPerRE, inner.BLER.Value)
		if inner.BitsPerRE < 1.1*best || inner.BLER.Value > 0.15 {
			t.Errorf("%g dB: best of fixed %g, inner loop %+v", snr, best, inner)
		}
		for _, target := range []float64{.1, .3} {
			c := adaptConfig("outer")
			c.Transport.Target = target
			outer := throughput(t, c, snr, blocks)
			// Errors beyond the target are the offset, some dB, over the step.
			if apart := math.Abs(outer.BLER.Value - target); apart*float64(blocks) > 10 {
				t.Errorf("%g dB: BLER %g, target %g", snr, outer.BLER.Value, target)
			}
		}
	}
}

// What arrives right is counted: of blocks that all arrive, all bits.
func TestBitsPerRE(t *testing.T) {
	c := adaptConfig("fixed")
	l, p := build(t, c), throughput(t, c, 40, 30)
	if want := float64(l.NumBits()) / float64(len(l.slot.Data)); p.BlockErrors != 0 || math.Abs(p.BitsPerRE-want) > 1e-12 {
		t.Errorf("%+v, want %g bits a resource element", p, want)
	}
	c.Transport.Transmissions = 4 // retransmissions carry nothing new
	p = throughput(t, c, 0, 30)
	if want := float64(p.Blocks-p.BlockErrors) * float64(l.NumBits()) / float64(p.Transmissions) / float64(len(l.slot.Data)); math.Abs(p.BitsPerRE-want) > 1e-12 {
		t.Errorf("%+v, want %g bits a resource element", p, want)
	}
}

func TestAdaptationIsDeterministic(t *testing.T) {
	for _, adapt := range []string{"inner", "outer"} {
		c := adaptConfig(adapt)
		c.SNR, c.MaxBlocks = Sweep{0, 10, 10}, 60
		l := build(t, c)
		var first Curve
		for _, workers := range []int{1, 4} {
			curve, err := l.Run(context.Background(), RunConfig{Seed: 3, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if workers == 1 {
				first = curve
				continue
			}
			for i, p := range curve.Points {
				if p != first.Points[i] {
					t.Errorf("%s: %+v with %d workers, %+v with one", adapt, p, workers, first.Points[i])
				}
			}
		}
		whole, err := l.Count(3, 10, 0, 60)
		if err != nil || whole != first.Points[1].Tally {
			t.Errorf("%s: counted %+v, %v, in the curve %+v", adapt, whole, err, first.Points[1].Tally)
		}
	}
	// Without an offset that learns, blocks do not depend on one another.
	l := build(t, adaptConfig("inner"))
	whole, err := l.Count(3, 10, 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	var parts Tally
	for _, part := range [][2]uint64{{13, 7}, {0, 13}} {
		one, err := l.Count(3, 10, part[0], part[1])
		if err != nil {
			t.Fatal(err)
		}
		parts.Add(one)
	}
	if whole != parts {
		t.Errorf("whole %+v, parts %+v", whole, parts)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Run(ctx, RunConfig{}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
