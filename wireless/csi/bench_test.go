package csi

import (
	"context"
	"fmt"
	"testing"

	"github.com/comlam/comlam/internal/setting"
)

func benchmarkConfigs() map[string]Config {
	return map[string]Config{
		"jakes":     with(func(c *Config) { c.Channel = "jakes" }),
		"tdl-c":     with(func(c *Config) { c.Channel = "tdl-c" }),
		"sinusoids": with(func(c *Config) { c.Channel, c.Process = "tdl-c", "sinusoids" }),
		"cdl-c":     Default(),
		"cdl-c-32t4r": with(func(c *Config) {
			c.Tx = Panel{Rows: 4, Cols: 4, DualPolarized: true, Spacing: 0.5, Element: "3gpp"}
			c.Rx.Cols, c.Rx.DualPolarized = 2, true
		}),
		"cdl-c-32x4-14x72": yardstick(),
	}
}

// yardstick is the channel that testdata/sionna_cdl.py times: 32 x 4 antennas of 3GPP
// elements, 14 slots, 72 subcarriers of 30 kHz.
func yardstick() Config {
	return with(func(c *Config) {
		c.Tx = Panel{Rows: 4, Cols: 4, DualPolarized: true, Spacing: 0.5, Element: "3gpp"}
		c.Rx = Panel{Rows: 1, Cols: 2, DualPolarized: true, Spacing: 0.5, Element: "3gpp"}
		c.NumSlots, c.NumSubcarriers = 14, 72
		c.SubcarrierSpacing, c.Interval = 30e3, 0.5e-3/14
		c.DelaySpread = setting.DurationRange{Min: 100e-9, Max: 100e-9}
	})
}

// BenchmarkSample draws samples of 20 slots x 32 subcarriers, four antennas to one
// unless its name says more, on one core.
func BenchmarkSample(b *testing.B) {
	for name, c := range benchmarkConfigs() {
		b.Run(name, func(b *testing.B) {
			g := build(b, c)
			h := make([]complex64, g.Shape().Len())
			b.ReportAllocs()
			index := uint64(0)
			for b.Loop() {
				g.Sample(1, index, h)
				index++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

// BenchmarkStream draws the default samples with one and with two workers.
func BenchmarkStream(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("cdl-c/workers=%d", workers), func(b *testing.B) {
			g := build(b, Default())
			b.ReportAllocs()
			b.ResetTimer()
			err := g.Stream(context.Background(), 1, 0, uint64(b.N), workers,
				func(uint64, []complex64, Drop) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
