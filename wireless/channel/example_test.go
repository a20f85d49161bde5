package channel_test

import (
	"fmt"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/channel"
)

// Draw one CDL-C channel between four antennas and one, and its response on 32
// resource blocks.
func ExampleCDL() {
	profile, err := channel.Lookup("cdl-c")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := channel.NewCDL(channel.CDLConfig{
		Profile: profile, CarrierHz: 3.5e9,
		BS:    channel.Panel{Rows: 1, Cols: 4, ColSpacing: 0.5},
		UE:    channel.Panel{Rows: 1, Cols: 1},
		Slots: channel.Slots{Num: 20, IntervalS: 0.5e-3},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	taps := m.NewTaps()
	link := channel.Link{DelaySpreadS: 100e-9, SpeedMPS: 10}
	if err := m.Draw(rng.New(1, 0), link, taps); err != nil {
		fmt.Println(err)
		return
	}
	h := make([]complex128, 20*32*1*4) // [time, subcarrier, rx, tx]
	err = taps.CFR(channel.Subcarriers{Num: 32, SpacingHz: 360e3}, channel.Downlink, h)
	fmt.Println(len(taps.DelayS), "taps,", len(h), "values,", err)
	// Output: 24 taps, 2560 values, <nil>
}

func ExampleProfile_PDP() {
	p, err := channel.Lookup("tdl-d")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err = p.WithKFactor(7)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := p.PDP(100e-9)
	fmt.Printf("specular %.4f, delay spread %.1f ns\n", d.LOSPower, d.RMSDelaySpreadS()*1e9)
	// Output: specular 0.8337, delay spread 100.0 ns
}

// One user of an urban micro cell: path loss, large-scale parameters, and the response
// of its channel on 24 resource blocks.
func ExampleSystem() {
	m, err := channel.NewSystem(channel.SystemConfig{
		Scenario: channel.UMi, CarrierHz: 3.5e9,
		BS:    channel.Panel{Rows: 4, Cols: 4, DualPolarized: true, RowSpacing: 0.5, ColSpacing: 0.5, Element: channel.ThreeGPP},
		UE:    channel.Panel{Rows: 1, Cols: 2, ColSpacing: 0.5},
		Slots: channel.Slots{Num: 14, IntervalS: 0.5e-3 / 14},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const seed = 1
	drop, taps := m.NewDrop(seed), m.NewTaps()
	link, err := drop.LargeScale(
		channel.BS{Site: 0, At: channel.Point{Z: 10}},
		channel.UE{ID: 1, At: channel.Point{X: 80, Y: 20, Z: 1.5}, Velocity: channel.Point{X: 1.5}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := drop.Draw(&link, taps); err != nil {
		fmt.Println(err)
		return
	}
	h := make([]complex128, 14*24*2*32) // [time, subcarrier, rx, tx]
	err = taps.CFR(channel.Subcarriers{Num: 24, SpacingHz: 360e3}, channel.Downlink, h)
	fmt.Printf("%v, path loss %.1f dB, delay spread %.0f ns, %d taps, %v\n",
		link.Condition, link.PathLossDB, link.DelaySpreadS*1e9, len(taps.DelayS), err)
	// Output: NLOS, path loss 101.7 dB, delay spread 84 ns, 23 taps, <nil>
}
