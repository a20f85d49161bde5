package channel

import (
	"math"
	"testing"
)

// The mean gain against the mean power of many draws of the same clusters.
func TestMeanGain(t *testing.T) {
	for _, c := range []struct {
		ue     UE
		name   string
		panel  Panel
		within float64
	}{
		{UE{At: Point{15, 5, 1.5}}, "sight", Panel{Rows: 1, Cols: 1, Slant: 0.5}, 0.03},
		{UE{At: Point{300, 50, 1.5}}, "no sight", Panel{Rows: 1, Cols: 1, DualPolarized: true}, 0.03},
		// A pattern of 65 degrees at the UE, where clusters are 22 degrees wide.
		{UE{At: Point{300, 50, 1.5}}, "patterns at both ends", dualPanel, 0.03},
	} {
		m := newSystem(t, SystemConfig{Scenario: UMi, BS: dualPanel, UE: c.panel, Slots: Slots{20, 0.05}})
		d, taps := m.NewDrop(2), m.NewTaps()
		bs := BS{At: Point{0, 0, 10}, Turn: Orientation{Bearing: 0.7}}
		c.ue.Velocity = Point{Y: 30, X: 20} // far from slot to slot: many phases of one draw
		l := largeScale(t, d, bs, c.ue)
		sum, num := 0.0, 0.0
		for user := range uint64(300) {
			l.UE.ID = user
			if err := d.Draw(&l, taps); err != nil {
				t.Fatal(err)
			}
			gain := math.Pow(10, (d.MeanGainDB(&l)-l.PathGainDB())/10)
			power := 0.0
			for tap := range taps.DelayS {
				for slot := range taps.NumSlots {
					for pair := range taps.NumBSAnt * taps.NumUEAnt {
						v := taps.At(tap, pair/taps.NumBSAnt, pair%taps.NumBSAnt, slot)
						power += real(v)*real(v) + imag(v)*imag(v)
					}
				}
			}
			sum += power / float64(taps.NumBSAnt*taps.NumUEAnt*taps.NumSlots) / gain
			num++
		}
		if got := sum / num; math.Abs(got-1) > c.within {
			t.Errorf("%s: drawn power is %.4f of the mean gain", c.name, got)
		}
	}
}
