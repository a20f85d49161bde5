package ofdm_test

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/ofdm"
)

// Estimate a channel of TDL-A from noisy pilots, by straight lines and by LMMSE.
func ExampleNewLMMSE() {
	const n0, spacing, spread = 0.1, 30e3, 100e-9
	d := ofdm.DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1}
	slot, err := d.Slot(ofdm.Allocation{NumRB: 6, NumSymbols: 14, NumLayers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	profile, _ := channel.Lookup("tdl-a")
	pdp := profile.PDP(spread)
	still := ofdm.Correlation{
		Time:      func(float64) complex128 { return 1 },
		Frequency: func(d float64) complex128 { return pdp.FrequencyCorrelation(d * spacing) },
	}
	pilots, grid := slot.Pilots[0], slot.Grid
	lmmse, err := ofdm.NewLMMSE(pilots, grid, still, n0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	linear, err := ofdm.NewLinear(pilots, grid)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := channel.NewTDL(channel.TDLConfig{Profile: profile, CarrierHz: 3.5e9, NumBSAnt: 1, NumUEAnt: 1, Slots: channel.Slots{Num: 14, IntervalS: 1e-3 / 28}})
	if err != nil {
		fmt.Println(err)
		return
	}
	sent, h := make([]complex128, grid.Len()), make([]complex128, grid.Len())
	received, estimate, observed := make([]complex128, grid.Len()), make([]complex128, grid.Len()), make([]complex128, pilots.Len())
	pilots.Put(sent)
	taps, errors := m.NewTaps(), map[string]float64{}
	const draws = 200
	for i := range uint64(draws) {
		s := rng.New(1, i)
		if err := m.Draw(s, channel.Link{DelaySpreadS: spread}, taps); err != nil {
			fmt.Println(err)
			return
		}
		taps.CFR(channel.Subcarriers{Num: grid.NumSubcarriers, SpacingHz: spacing}, channel.Downlink, h)
		for re := range received {
			received[re] = h[re]*sent[re] + complex(math.Sqrt(n0), 0)*s.ComplexNormal()
		}
		pilots.Observe(observed, received)
		for name, run := range map[string]func(h, observed []complex128) error{"linear": linear.Estimate, "LMMSE": lmmse.Estimate} {
			run(estimate, observed)
			for re, v := range estimate {
				errors[name] += math.Pow(cmplx.Abs(v-h[re]), 2) / draws / float64(len(h))
			}
		}
	}
	for _, name := range []string{"linear", "LMMSE"} {
		fmt.Printf("%s: %.1f dB\n", name, 10*math.Log10(errors[name]))
	}
	// Output:
	// linear: -11.1 dB
	// LMMSE: -20.9 dB
}
