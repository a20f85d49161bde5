package channel

import (
	"math"
	"math/cmplx"
	"sync"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

var dualPanel = Panel{Rows: 2, Cols: 2, DualPolarized: true, RowSpacing: 0.6, ColSpacing: 0.5, Element: ThreeGPP, Downtilt: 0.1}

// referenceLink is a second, plain reading of equations 7.5-22 to 7.5-30: it takes the
// clusters as they are, and the randomness of their rays in the order of Draw.
func referenceLink(d *Drop, l *LargeScale, add func(tap, ue, bs, slot int, delayS float64, v complex128)) {
	m := d.system
	c, p := d.clusters(l), m.propagation[l.Condition]
	tx, rx := referenceEnd{m.config.BS, l.BS.Turn}, referenceEnd{m.config.UE, l.UE.Turn}
	v := vector{l.UE.Velocity.X, l.UE.Velocity.Y, l.UE.Velocity.Z}
	k, tap := 0.0, 0
	if l.Condition == LOS {
		k = math.Pow(10, l.KFactorDB/10)
	}
	everywhere := func(tap int, delayS float64, angles [4]float64, polarisation [2][2]complex128) {
		everyCoefficient(CDLConfig{BS: m.config.BS, UE: m.config.UE, Slots: m.config.Slots}, func(ue, bs, slot int) {
			time := float64(slot) * m.config.Slots.IntervalS * m.config.CarrierHz / SpeedOfLightMPS
			add(tap, ue, bs, slot, delayS, rayTerm(tx, rx, ue, bs, angles, polarisation, v, time))
		})
	}
	for n, power := range c.power {
		groups, delay := [][]int{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}}, []float64{0}
		stronger := 0
		for _, other := range c.power {
			if other > power {
				stronger++
			}
		}
		if stronger < 2 {
			groups = [][]int{{1, 2, 3, 4, 5, 6, 7, 8, 19, 20}, {9, 10, 11, 12, 17, 18}, {13, 14, 15, 16}}
			delay = []float64{0, 1.28 * p.clusterDelayS, 2.56 * p.clusterDelayS}
		}
		s := rng.New(d.seed, systemDomain, clusterStream, uint64(l.BS.Site), l.UE.ID, uint64(c.origin[n])+1)
		for part, rays := range groups {
			aoa, zod, zoa := s.Perm(len(rays)), s.Perm(len(rays)), s.Perm(len(rays))
			for i := range rays {
				xpr := p.xprMean + p.xprSigma*s.Normal()
				a, b := s.Uint64(), s.Uint64()
				phase := func(word uint64) complex128 {
					return cmplx.Exp(complex(0, float64(word&0xffffffff)/(1<<32)*2*math.Pi))
				}
				amplitude := complex(math.Sqrt(power/20/(1+k)), 0)
				crossed := amplitude * complex(math.Sqrt(math.Pow(10, -xpr/10)), 0)
				angle := func(a Angle, spread float64, ray int) float64 {
					return c.angle[a][n] + spread*offset(ray)
				}
				everywhere(tap, c.delayS[n]+delay[part], [4]float64{
					AOD: angle(AOD, p.spread[AOD], rays[i]), AOA: angle(AOA, p.spread[AOA], rays[aoa[i]]),
					ZOD: folded(angle(ZOD, l.zodSpread, rays[zod[i]])), ZOA: folded(angle(ZOA, p.spread[ZOA], rays[zoa[i]])),
				}, [2][2]complex128{{amplitude * phase(a), crossed * phase(a>>32)}, {crossed * phase(b), amplitude * phase(b>>32)}})
			}
			tap++
		}
		if n == 0 && l.Condition == LOS {
			sight := cmplx.Rect(math.Sqrt(k/(1+k)), -2*math.Pi*l.Distance3DM*m.config.CarrierHz/SpeedOfLightMPS)
			everywhere(0, c.delayS[0], l.Direction, [2][2]complex128{{sight, 0}, {0, -sight}})
		}
	}
}

// offset is alpha of table 7.5-3 for a ray counted from 1.
func offset(ray int) float64 {
	if ray%2 == 0 {
		return -rayOffset[(ray-1)/2]
	}
	return rayOffset[(ray-1)/2]
}

// folded takes a zenith back into 0 to pi.
func folded(zenith float64) float64 { return math.Abs(math.Remainder(zenith, 2*math.Pi)) }

func TestDrawEqualsReference(t *testing.T) {
	for _, c := range []SystemConfig{
		{Scenario: UMi, BS: dualPanel, UE: Panel{Rows: 1, Cols: 2, ColSpacing: 0.5}},
		{Scenario: UMa, BS: dualPanel, UE: dualPanel},
		{Scenario: RMa, BS: Panel{Rows: 1, Cols: 1}, UE: Panel{Rows: 1, Cols: 1}},
		{Scenario: InHMixed, BS: Panel{Rows: 2, Cols: 1, RowSpacing: 0.5}, UE: dualPanel},
		{Scenario: InFSH, CarrierHz: 28e9, BS: dualPanel, UE: Panel{Rows: 1, Cols: 1, Slant: 0.3}},
	} {
		c.Slots = Slots{3, 1e-3}
		m := newSystem(t, c)
		taps := m.NewTaps()
		hBS, hUE := m.DefaultHeightM()
		seen := map[Condition]bool{}
		for seed := range uint64(60) {
			d := m.NewDrop(seed)
			ue := UE{ID: seed, At: Point{16, -5, hUE}, Velocity: Point{10, 5, -1}, Turn: Orientation{1, 0.3, -0.7}}
			if seed%3 == 0 && c.Scenario.outdoor() {
				ue.Place = InBuilding
			}
			l := largeScale(t, d, BS{At: Point{0, 0, hBS}, Turn: Orientation{Bearing: -0.5, Downtilt: 0.1}}, ue)
			if seen[l.Condition] {
				continue
			}
			seen[l.Condition] = true
			if err := d.Draw(&l, taps); err != nil {
				t.Fatal(err)
			}
			want := map[[4]int]complex128{}
			delays := map[int]float64{}
			referenceLink(d, &l, func(tap, ue, bs, slot int, delayS float64, v complex128) {
				want[[4]int{tap, ue, bs, slot}] += v
				delays[tap] = delayS
			})
			worst, scale := 0.0, 0.0
			for at, w := range want {
				worst = max(worst, cmplx.Abs(taps.At(at[0], at[1], at[2], at[3])-w))
				scale = max(scale, cmplx.Abs(w))
			}
			for tap, delayS := range delays {
				if math.Abs(taps.DelayS[tap]-delayS) > 1e-15 {
					t.Errorf("%s %v: tap %d at %g s, want %g", c.Scenario, l.Condition, tap, taps.DelayS[tap], delayS)
				}
			}
			if worst > 1e-8*scale || len(delays) != len(taps.DelayS) {
				t.Errorf("%s %v: off by %g of %g; %d taps, want %d", c.Scenario, l.Condition, worst, scale, len(taps.DelayS), len(delays))
			}
		}
		if len(seen) < 2 {
			t.Errorf("%s: only conditions %v", c.Scenario, seen)
		}
	}
}

// All that is random depends on seed, site and user, not on who asks or in what order.
func TestDropIsOrderless(t *testing.T) {
	for _, consistent := range []bool{false, true} {
		m := newSystem(t, SystemConfig{Scenario: UMi, SpatialConsistency: consistent, Slots: Slots{2, 1e-3}, AbsoluteDelay: true})
		const users, sites = 12, 3
		draw := func(d *Drop, taps *Taps, link int) (LargeScale, complex128) {
			ue := UE{ID: uint64(link / sites), At: Point{float64(20 + 17*(link/sites)), 5, 1.5}}
			if link%2 == 0 {
				ue.Place = InBuilding
			}
			l := largeScale(t, d, BS{Site: link % sites, At: Point{0, float64(200 * (link % sites)), 10}}, ue)
			if err := d.Draw(&l, taps); err != nil {
				t.Error(err)
			}
			sum := complex(0, 0)
			for tap, delay := range taps.DelayS {
				sum += taps.At(tap, 0, 0, 1) * complex(delay, 1)
			}
			return l, sum
		}
		var want [users * sites]struct {
			l LargeScale
			h complex128
		}
		d, taps := m.NewDrop(4), m.NewTaps()
		for link := range want {
			want[link].l, want[link].h = draw(d, taps, link)
		}
		var all sync.WaitGroup
		for worker := range 3 {
			all.Go(func() {
				d, taps := m.NewDrop(99), m.NewTaps()
				draw(d, taps, worker) // leaves something behind
				d.Reset(4)
				for i := range want {
					link := (len(want) - 1 - i + worker*5) % len(want)
					if l, h := draw(d, taps, link); l != want[link].l || h != want[link].h {
						t.Errorf("worker %d, link %d differs", worker, link)
					}
				}
			})
		}
		all.Wait()
	}
}

func TestDrawAllocatesNothing(t *testing.T) {
	for _, consistent := range []bool{false, true} {
		m := newSystem(t, SystemConfig{Scenario: UMa, SpatialConsistency: consistent, Slots: Slots{4, 1e-3}})
		d, taps := m.NewDrop(1), m.NewTaps()
		h := make([]complex128, 4*12)
		at := 0.0
		work := func() {
			at++
			l, _ := d.LargeScale(BS{At: Point{0, 0, 25}}, UE{At: Point{300 + at, 0, 1.5}, Place: Place(int(at) % 2)})
			if err := d.Draw(&l, taps); err != nil {
				t.Fatal(err)
			}
			if err := taps.CFR(Subcarriers{12, 15e3}, Uplink, h); err != nil {
				t.Fatal(err)
			}
		}
		for range 60 {
			work()
		}
		if n := testing.AllocsPerRun(60, work); n != 0 {
			t.Errorf("consistency %v: %g allocations a draw", consistent, n)
		}
	}
}

// What the uplink hears is the transpose of the downlink, bit for bit.
func TestDropIsReciprocal(t *testing.T) {
	m := newSystem(t, SystemConfig{Scenario: UMi, BS: dualPanel, UE: Panel{Rows: 1, Cols: 2, ColSpacing: 0.5}})
	d, taps := m.NewDrop(8), m.NewTaps()
	l := largeScale(t, d, BS{At: Point{0, 0, 10}}, UE{At: Point{30, 40, 1.5}})
	if err := d.Draw(&l, taps); err != nil {
		t.Fatal(err)
	}
	const num = 7
	down, up := make([]complex128, num*16), make([]complex128, num*16)
	for dir, h := range map[Direction][]complex128{Downlink: down, Uplink: up} {
		if err := taps.CFR(Subcarriers{num, 1e6}, dir, h); err != nil {
			t.Fatal(err)
		}
	}
	for k := range num {
		for ue := range 2 {
			for bs := range 8 {
				if down[k*16+ue*8+bs] != up[k*16+bs*2+ue] {
					t.Fatal("uplink is not the transpose")
				}
			}
		}
	}
}
