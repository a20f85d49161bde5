package channel

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func newSystem(t testing.TB, c SystemConfig) *System {
	t.Helper()
	one := Panel{Rows: 1, Cols: 1}
	if c.CarrierHz == 0 {
		c.CarrierHz = 3.5e9
	}
	if c.BS.Rows == 0 {
		c.BS = one
	}
	if c.UE.Rows == 0 {
		c.UE = one
	}
	if c.Slots.Num == 0 {
		c.Slots.Num = 1
	}
	m, err := NewSystem(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Values computed independently in double precision from table 7.4.1-1, to 1e-3 dB.
func TestPathLoss(t *testing.T) {
	for _, c := range []struct {
		scenario  Scenario
		carrier   float64 // GHz
		distance  float64 // m; in the plane, for inh in space
		los, nlos float64
	}{
		{UMi, 3.5, 100, 85.314, 104.644}, {UMa, 3.5, 100, 83.138, 103.038}, {RMa, 3.5, 100, 84.198, 92.674},
		{UMi, 3.5, 500, 107.108, 129.265}, {UMa, 3.5, 500, 98.269, 129.916}, {RMa, 3.5, 500, 98.612, 118.823},
		{UMi, 28, 100, 103.376, 123.880}, {UMa, 28, 100, 101.200, 121.099}, {RMa, 28, 100, 102.260, 110.736},
		{UMi, 28, 500, 118.023, 148.500}, {UMa, 28, 500, 116.331, 147.978}, {RMa, 28, 500, 116.674, 136.884},
		{RMa, 0.7, 5000, 121.326, 143.439},
		{InHMixed, 3.5, 10, 60.581, 69.147}, {InHOpen, 3.5, 50, 72.674, 95.918},
		{InHOpen, 28, 10, 78.643, 91.634}, {InHMixed, 28, 50, 90.735, 118.405},
		// From the formulas, at d3D = 100 m: 31.84+43+19 lg fc, and each formula with 20 lg fc.
		{InFSL, 10, 100, 93.84, 104}, {InFDL, 10, 100, 93.84, 110}, {InFSH, 10, 100, 93.84, 98.4}, {InFDH, 10, 100, 93.84, 97.43},
	} {
		m := newSystem(t, SystemConfig{Scenario: c.scenario, CarrierHz: c.carrier * 1e9})
		hBS, hUE := m.DefaultHeightM()
		d := c.distance
		if c.scenario.outdoor() {
			hUE = 1.5
		} else {
			d = math.Sqrt(d*d - (hBS-hUE)*(hBS-hUE))
		}
		for _, los := range []bool{true, false} {
			want := c.nlos
			if los {
				want = c.los
			}
			if got := m.PathLossDB(los, d, hBS, hUE); math.Abs(got-want) > 1e-3 {
				t.Errorf("%s %g GHz %g m, sight %v: %.4f dB, want %.3f", c.scenario, c.carrier, c.distance, los, got, want)
			}
		}
	}
}

// In a dense hall the loss without sight is at least that of a sparse one.
func TestDenseHallLosesAtLeastAsSparse(t *testing.T) {
	dense := newSystem(t, SystemConfig{Scenario: InFDL, CarrierHz: 10e9})
	sparse := newSystem(t, SystemConfig{Scenario: InFSL, CarrierHz: 10e9})
	if a, b := dense.PathLossDB(false, 10, 1.5, 1.5), sparse.PathLossDB(false, 10, 1.5, 1.5); a != b {
		t.Errorf("at 10 m %g dB, want %g of the sparse hall", a, b)
	}
}

func TestBreakpoint(t *testing.T) {
	for _, c := range []struct {
		scenario Scenario
		carrier  float64
		want     float64
	}{{UMi, 3.5, 210.15}, {UMa, 3.5, 560.39}, {RMa, 0.7, 770.2}} {
		m := newSystem(t, SystemConfig{Scenario: c.scenario, CarrierHz: c.carrier * 1e9})
		hBS, _ := m.DefaultHeightM()
		if got := m.pathLoss.breakpoint(span{0, hBS, 1.5}, 1); math.Abs(got-c.want) > 0.05 {
			t.Errorf("%s: %.2f m, want %.2f", c.scenario, got, c.want)
		}
	}
}

func TestLOSProbability(t *testing.T) {
	for _, c := range []struct {
		scenario      Scenario
		distance, hUE float64
		want          float64
	}{
		{UMi, 100, 1.5, 0.230985}, {UMa, 100, 1.5, 0.347671}, {UMa, 200, 23, 0.465578}, {RMa, 100, 1.5, 0.913931},
		{InHMixed, 5, 1, 0.445521}, {InHMixed, 10, 1, 0.287424}, {InHOpen, 20, 1, 0.809074},
		{UMi, 18, 1.5, 1}, {UMa, 5, 23, 1}, {RMa, 10, 1.5, 1}, {InHMixed, 1, 1, 1}, {InHOpen, 5, 1, 1},
		// exp(-d/k), k = -10/ln 0.8, and for a high BS times 6.5/0.5.
		{InFSL, 20, 1.5, math.Pow(0.8, 2)}, {InFSH, 20, 1.5, math.Pow(0.8, 2*0.5/6.5)},
	} {
		m := newSystem(t, SystemConfig{Scenario: c.scenario})
		hBS, _ := m.DefaultHeightM()
		if got := m.LOSProbability(c.distance, hBS, c.hUE); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s at %g m: %.7f, want %.6f", c.scenario, c.distance, got, c.want)
		}
	}
}

// The share of links with line of sight, and that co-sited sectors agree.
func TestLOSShare(t *testing.T) {
	for _, consistent := range []bool{false, true} {
		m := newSystem(t, SystemConfig{Scenario: UMa, SpatialConsistency: consistent})
		const num = 6000
		d, seen := m.NewDrop(0), 0
		for i := range uint64(num) {
			d.Reset(i)
			ue := UE{ID: 7, At: Point{100, 0, 1.5}}
			one := largeScale(t, d, BS{At: Point{0, 0, 25}}, ue)
			two := largeScale(t, d, BS{At: Point{0, 0, 25}, Turn: Orientation{Bearing: 2}}, ue)
			if one.LOS != two.LOS || one.ShadowDB != two.ShadowDB {
				t.Fatal("sectors of a site disagree")
			}
			if one.LOS {
				seen++
			}
		}
		if got := float64(seen) / num; math.Abs(got-0.347671) > 0.018 {
			t.Errorf("consistency %v: sight in %.4f of links, want 0.3477", consistent, got)
		}
	}
}

func largeScale(t testing.TB, d *Drop, bs BS, ue UE) LargeScale {
	t.Helper()
	l, err := d.LargeScale(bs, ue)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWallLoss(t *testing.T) {
	for _, c := range []struct{ carrier, low, high float64 }{{3.5, 12.698, 26.850}, {28, 17.829, 37.949}} {
		m := newSystem(t, SystemConfig{Scenario: UMa, CarrierHz: c.carrier * 1e9})
		low, high := m.WallLossDB()
		if math.Abs(low-c.low) > 1e-3 || math.Abs(high-c.high) > 1e-3 {
			t.Errorf("%g GHz: %.4f and %.4f dB, want %g and %g", c.carrier, low, high, c.low, c.high)
		}
	}
}

// The indoor distance is the smaller of two uniform ones: mean 25/3 m, and with 4.4 dB
// between buildings the loss spreads by sqrt(4.4^2 + 0.25 Var) = 5.295 dB.
func TestPenetrationLoss(t *testing.T) {
	for _, c := range []struct {
		scenario    Scenario
		consistent  bool
		share       float64
		mean, sigma float64
	}{
		{UMa, false, 1, 12.698 + 0.5*25/3, 5.295}, {UMi, true, 1, 12.698 + 0.5*25/3, 5.295},
		{UMa, false, 0, 26.850 + 0.5*25/3, math.Sqrt(6.5*6.5 + 0.25*34.72)},
		{RMa, false, 0, 12.698 + 0.5*10/3, math.Sqrt(4.4*4.4 + 0.25*100.0/18)},
	} {
		m := newSystem(t, SystemConfig{Scenario: c.scenario, LowLossShare: c.share, SpatialConsistency: c.consistent})
		d := m.NewDrop(3)
		var sum, square, depth float64
		num := 20000.0
		if c.consistent {
			num = 8000
		}
		for i := range uint64(num) {
			if c.consistent {
				d.Reset(i)
			}
			l := largeScale(t, d, BS{At: Point{0, 0, 25}}, UE{ID: i, At: Point{200, 0, 1.5}, Place: InBuilding})
			sum += l.PenetrationDB
			square += l.PenetrationDB * l.PenetrationDB
			depth += l.IndoorDistanceM
		}
		mean := sum / num
		sigma := math.Sqrt(square/num - mean*mean)
		if math.Abs(mean-c.mean) > 0.15 || math.Abs(sigma/c.sigma-1) > 0.02 {
			t.Errorf("%+v: mean %.3f dB, spread %.3f", c, mean, sigma)
		}
		if want := 2 * (c.mean - 12.698); c.share == 1 && math.Abs(depth/num-want) > 0.15 {
			t.Errorf("%s: mean indoor distance %.3f m, want %.3f", c.scenario, depth/num, want)
		}
	}
}

func TestCarLoss(t *testing.T) {
	d := newSystem(t, SystemConfig{Scenario: RMa}).NewDrop(3)
	var sum, square float64
	const num = 20000
	for i := range uint64(num) {
		l := largeScale(t, d, BS{At: Point{0, 0, 35}}, UE{ID: i, At: Point{200, 0, 1.5}, Place: InCar})
		sum += l.PenetrationDB
		square += l.PenetrationDB * l.PenetrationDB
	}
	mean := sum / num
	if sigma := math.Sqrt(square/num - mean*mean); math.Abs(mean-9) > 0.15 || math.Abs(sigma-5) > 0.1 {
		t.Errorf("mean %.3f, spread %.3f dB, want 9 and 5", mean, sigma)
	}
}

func TestEnvironmentHeight(t *testing.T) {
	m := newSystem(t, SystemConfig{Scenario: UMa}).pathLoss
	g := span{200, 25, 22.5}
	c := math.Pow(0.95, 1.5) * 1.25 * 8 * math.Exp(-200.0/150)
	seen := map[float64]float64{}
	s := rng.New(2)
	const num = 200000
	for range num {
		seen[m.environmentHeight(s.Float64(), g)] += 1.0 / num
	}
	low := 1 / (1 + c)
	for h, want := range map[float64]float64{1: low, 12: (1 - low) / 4, 15: (1 - low) / 4, 18: (1 - low) / 4, 21: (1 - low) / 4} {
		if math.Abs(seen[h]-want) > 5e-3 {
			t.Errorf("height %g in %.4f of links, want %.4f", h, seen[h], want)
		}
	}
	if len(seen) != 5 {
		t.Errorf("heights %v", seen)
	}
	if h := m.environmentHeight(0.999999, span{200, 25, 1.5}); h != 1 {
		t.Errorf("on the ground %g m, want 1", h)
	}
}
