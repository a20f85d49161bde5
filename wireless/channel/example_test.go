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
