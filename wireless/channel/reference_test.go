package channel

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// The model against a second, plain reading of clauses 7.1.3, 7.3 and 7.5: angles
// instead of vectors, no recurrences, one exponential per term.

type referenceEnd struct {
	panel Panel
	turn  Orientation
}

// rotation is R of equation 7.1-4, by rows.
func (e referenceEnd) rotation() [3]vector {
	sinA, cosA := math.Sincos(e.panel.Bearing + e.turn.Bearing)
	sinB, cosB := math.Sincos(e.panel.Downtilt + e.turn.Downtilt)
	sinG, cosG := math.Sincos(e.panel.Roll + e.turn.Roll)
	return [3]vector{
		{cosA * cosB, cosA*sinB*sinG - sinA*cosG, cosA*sinB*cosG + sinA*sinG},
		{sinA * cosB, sinA*sinB*sinG + cosA*cosG, sinA*sinB*cosG - cosA*sinG},
		{-sinB, cosB * sinG, cosB * cosG},
	}
}

func (e referenceEnd) toGlobal(v vector) vector {
	r := e.rotation()
	return vector{r[0].dot(v), r[1].dot(v), r[2].dot(v)}
}

func (e referenceEnd) toLocal(v vector) vector {
	r := e.rotation()
	return vector{
		r[0].x*v.x + r[1].x*v.y + r[2].x*v.z,
		r[0].y*v.x + r[1].y*v.y + r[2].y*v.z,
		r[0].z*v.x + r[1].z*v.y + r[2].z*v.z,
	}
}

func thetaHat(zenith, azimuth float64) vector {
	return vector{math.Cos(zenith) * math.Cos(azimuth), math.Cos(zenith) * math.Sin(azimuth), -math.Sin(zenith)}
}

// fieldAt is the field of slant zeta in the global direction (7.1-7, 7.1-8,
// 7.1-12, 7.1-11 and polarisation model 2).
func (e referenceEnd) fieldAt(zenith, azimuth, zeta float64) (theta, phi float64) {
	local := e.toLocal(unit(zenith, azimuth))
	localZenith, localAzimuth := math.Acos(local.z), math.Atan2(local.y, local.x)
	turned := e.toGlobal(thetaHat(localZenith, localAzimuth))
	phiHat := vector{-math.Sin(azimuth), math.Cos(azimuth), 0}
	psi := math.Atan2(phiHat.dot(turned), thetaHat(zenith, azimuth).dot(turned))
	gain := 1.0
	if e.panel.Element == ThreeGPP {
		v := 12 * math.Pow((localZenith*180/math.Pi-90)/65, 2)
		h := 12 * math.Pow(localAzimuth*180/math.Pi/65, 2)
		gain = math.Pow(10, (8-math.Min(math.Min(v, 30)+math.Min(h, 30), 30))/10)
	}
	along, across := math.Sqrt(gain)*math.Cos(zeta), math.Sqrt(gain)*math.Sin(zeta)
	return math.Cos(psi)*along - math.Sin(psi)*across, math.Sin(psi)*along + math.Cos(psi)*across
}

// phaseAt is 2 pi r.d/lambda of a port.
func (e referenceEnd) phaseAt(zenith, azimuth float64, port int) float64 {
	position := port % (e.panel.Rows * e.panel.Cols)
	y := float64(position/e.panel.Rows) * e.panel.ColSpacing
	z := float64(position%e.panel.Rows) * e.panel.RowSpacing
	return 2 * math.Pi * unit(zenith, azimuth).dot(e.toGlobal(vector{0, y, z}))
}

func (e referenceEnd) slantOf(port int) float64 {
	if !e.panel.DualPolarized {
		return e.panel.Slant
	}
	if port < e.panel.Rows*e.panel.Cols {
		return e.panel.Slant + math.Pi/4
	}
	return e.panel.Slant - math.Pi/4
}

func unit(zenith, azimuth float64) vector {
	return vector{math.Sin(zenith) * math.Cos(azimuth), math.Sin(zenith) * math.Sin(azimuth), math.Cos(zenith)}
}

func referenceRay(c CDLConfig, link Link, ue, bs int, angles [4]float64, polarisation [2][2]complex128, timeS float64) complex128 {
	tx := referenceEnd{c.BS, Orientation{Bearing: link.BSBearing}}
	rx := referenceEnd{c.UE, Orientation{Bearing: link.UEBearing}}
	return rayTerm(tx, rx, ue, bs, angles, polarisation, link.velocity(), c.CarrierHz/SpeedOfLightMPS*timeS)
}

// rayTerm is the term of one ray of 7.5-22 or 7.5-29, at a time in s/lambda.
func rayTerm(tx, rx referenceEnd, ue, bs int, angles [4]float64, polarisation [2][2]complex128, v vector, time float64) complex128 {
	var f, g [2]float64
	f[0], f[1] = rx.fieldAt(angles[ZOA], angles[AOA], rx.slantOf(ue))
	g[0], g[1] = tx.fieldAt(angles[ZOD], angles[AOD], tx.slantOf(bs))
	var sum complex128
	for i := range 2 {
		for j := range 2 {
			sum += complex(f[i]*g[j], 0) * polarisation[i][j]
		}
	}
	phase := rx.phaseAt(angles[ZOA], angles[AOA], ue) + tx.phaseAt(angles[ZOD], angles[AOD], bs)
	return sum * cmplx.Exp(complex(0, phase+2*math.Pi*unit(angles[ZOA], angles[AOA]).dot(v)*time))
}

func rayAngle(deg, spreadDeg float64, ray int, zenith bool) float64 {
	offset := spreadDeg * rayOffset[ray/2]
	if ray%2 == 1 {
		offset = -offset
	}
	angle := (deg + offset) * math.Pi / 180
	if zenith && angle > math.Pi {
		angle = 2*math.Pi - angle
	}
	if zenith && angle < 0 {
		angle = -angle
	}
	return angle
}

// referenceCluster sums the rays of a table row for all ports and slots, taking its
// randomness from s in the order of CDL.Draw.
func referenceCluster(s *rng.Stream, c CDLConfig, link Link, row int, add func(ue, bs, slot int, v complex128)) {
	p := c.Profile
	aoa, zod, zoa := s.Perm(NumRays), s.Perm(NumRays), s.Perm(NumRays)
	power := math.Pow(10, p.PowerDB[row]/10)
	total := 0.0
	for _, db := range p.PowerDB {
		total += math.Pow(10, db/10)
	}
	crossed := math.Sqrt(math.Pow(10, -p.XPRdB/10))
	for ray := range NumRays {
		a, b := s.Uint64(), s.Uint64()
		phase := func(word uint64) complex128 {
			return cmplx.Exp(complex(0, float64(word&0xffffffff)/(1<<32)*2*math.Pi))
		}
		amplitude := complex(math.Sqrt(power/total/NumRays), 0)
		polarisation := [2][2]complex128{
			{amplitude * phase(a), amplitude * complex(crossed, 0) * phase(a>>32)},
			{amplitude * complex(crossed, 0) * phase(b), amplitude * phase(b>>32)},
		}
		angles := [4]float64{
			AOD: rayAngle(p.AODDeg[row], p.SpreadAODDeg, ray, false),
			AOA: rayAngle(p.AOADeg[row], p.SpreadAOADeg, aoa[ray], false),
			ZOD: rayAngle(p.ZODDeg[row], p.SpreadZODDeg, zod[ray], true),
			ZOA: rayAngle(p.ZOADeg[row], p.SpreadZOADeg, zoa[ray], true),
		}
		everyCoefficient(c, func(ue, bs, slot int) {
			add(ue, bs, slot, referenceRay(c, link, ue, bs, angles, polarisation, float64(slot)*c.Slots.IntervalS))
		})
	}
}

func everyCoefficient(c CDLConfig, do func(ue, bs, slot int)) {
	for ue := range c.UE.NumPorts() {
		for bs := range c.BS.NumPorts() {
			for slot := range c.Slots.Num {
				do(ue, bs, slot)
			}
		}
	}
}

func referenceTaps(s *rng.Stream, c CDLConfig, link Link) map[[4]int]complex128 {
	taps := map[[4]int]complex128{}
	first := c.Profile.firstCluster()
	for row := first; row < len(c.Profile.Delay); row++ {
		referenceCluster(s, c, link, row, func(ue, bs, slot int, v complex128) {
			taps[[4]int{row - first, ue, bs, slot}] += v
		})
	}
	if !c.Profile.LOS {
		return taps
	}
	amplitude := complex(math.Sqrt(c.Profile.PDP(1).LOSPower), 0) * cmplx.Exp(complex(0, s.Uniform(0, 2*math.Pi)))
	rad := func(deg float64) float64 { return deg * math.Pi / 180 }
	angles := [4]float64{rad(c.Profile.AODDeg[0]), rad(c.Profile.AOADeg[0]), rad(c.Profile.ZODDeg[0]), rad(c.Profile.ZOADeg[0])}
	everyCoefficient(c, func(ue, bs, slot int) {
		taps[[4]int{0, ue, bs, slot}] += referenceRay(c, link, ue, bs, angles,
			[2][2]complex128{{amplitude, 0}, {0, -amplitude}}, float64(slot)*c.Slots.IntervalS)
	})
	return taps
}

func TestCDLEqualsReference(t *testing.T) {
	link := Link{
		DelaySpreadS: 100e-9, SpeedMPS: 33, TravelAzimuth: 0.7, TravelElevation: 0.1,
		BSBearing: 0.4, UEBearing: -2.1,
	}
	planar := Panel{
		Rows: 3, Cols: 2, DualPolarized: true, RowSpacing: 0.7, ColSpacing: 0.5,
		Element: ThreeGPP, Bearing: 0.3, Downtilt: 0.2,
	}
	linear := Panel{Rows: 1, Cols: 4, ColSpacing: 0.5}
	slanted := Panel{Rows: 2, Cols: 1, RowSpacing: 0.5, Slant: 0.6, Downtilt: -0.4, Roll: 1.1, Element: ThreeGPP}
	for _, c := range []CDLConfig{
		{Profile: lookup(t, "cdl-a"), BS: planar, UE: slanted, Slots: Slots{5, 1e-3}},
		{Profile: lookup(t, "cdl-c"), BS: linear, UE: linear, Slots: Slots{4, 0.5e-3}},
		{Profile: lookup(t, "cdl-d"), BS: planar, UE: planar, Slots: Slots{3, 1e-3}},
		{Profile: lookup(t, "cdl-e"), BS: linear, UE: slanted, Slots: Slots{1, 0}},
		{Profile: lookup(t, "cdl-b"), BS: Panel{Rows: 1, Cols: 1, Element: ThreeGPP}, UE: linear, Slots: Slots{2, 1e-3}},
	} {
		c.CarrierHz = 3.5e9
		m, err := NewCDL(c)
		if err != nil {
			t.Fatal(err)
		}
		taps := m.NewTaps()
		if err := m.Draw(rng.New(9), link, taps); err != nil {
			t.Fatal(err)
		}
		want := referenceTaps(rng.New(9), c, link)
		worst, scale := 0.0, 0.0
		for at, w := range want {
			worst = max(worst, cmplx.Abs(taps.At(at[0], at[1], at[2], at[3])-w))
			scale = max(scale, cmplx.Abs(w))
		}
		if worst > 1e-9*scale {
			t.Errorf("%s: off by %g of %g", c.Profile.Name, worst, scale)
		}
	}
}

// The response against the sum it stands for, odd and even grids, beyond one
// re-seeding of the recurrence.
func TestCFREqualsDirectSum(t *testing.T) {
	m := newTDL(t, TDLConfig{Profile: lookup(t, "tdl-e"), NumBSAnt: 2, NumUEAnt: 3, Slots: Slots{3, 1e-3}})
	taps := m.NewTaps()
	if err := m.Draw(rng.New(4), Link{DelaySpreadS: 300e-9, SpeedMPS: 10}, taps); err != nil {
		t.Fatal(err)
	}
	for _, num := range []int{1, 2, 7, 32, 301} {
		grid := Subcarriers{num, 120e3}
		h := make([]complex128, 3*num*6)
		if err := taps.CFR(grid, Downlink, h); err != nil {
			t.Fatal(err)
		}
		for slot := range 3 {
			for k := range num {
				for ue := range 3 {
					for bs := range 2 {
						f := (float64(k) - float64(num-1)/2) * grid.SpacingHz
						var want complex128
						for l, tau := range taps.DelayS {
							want += taps.At(l, ue, bs, slot) * cmplx.Exp(complex(0, -2*math.Pi*f*tau))
						}
						got := h[((slot*num+k)*3+ue)*2+bs]
						if cmplx.Abs(got-want) > 1e-9 {
							t.Fatalf("%d subcarriers, slot %d, k %d, %d-%d: %v, want %v", num, slot, k, ue, bs, got, want)
						}
					}
				}
			}
		}
	}
}

func TestPhasorTableStaysExact(t *testing.T) {
	for _, num := range []int{1, 2, 999, 4000} {
		table := newPhasorTable(num, 2)
		angle := []float64{-2.9, 0.01}
		table.fill(angle)
		for h := range halfOf(num) {
			for m, a := range angle {
				want := cmplx.Exp(complex(0, (firstOffset(num)+float64(h))*a))
				if got := complex(table.re[h*2+m], table.im[h*2+m]); cmplx.Abs(got-want) > 1e-11 {
					t.Fatalf("grid of %d, point %d, angle %g: off by %g", num, h, a, cmplx.Abs(got-want))
				}
			}
		}
	}
}

// What one end sends and the other hears is the transpose of the opposite.
func TestReciprocityIsBitExact(t *testing.T) {
	bs := Panel{Rows: 2, Cols: 2, DualPolarized: true, RowSpacing: 0.5, ColSpacing: 0.5, Element: ThreeGPP}
	ue := Panel{Rows: 1, Cols: 3, ColSpacing: 0.5}
	m := newCDL(t, CDLConfig{Profile: lookup(t, "cdl-d"), BS: bs, UE: ue, Slots: Slots{4, 1e-3}})
	taps := m.NewTaps()
	if err := m.Draw(rng.New(5), Link{DelaySpreadS: 1e-7, SpeedMPS: 20}, taps); err != nil {
		t.Fatal(err)
	}
	const num = 5
	down, up := make([]complex128, 4*num*8*3), make([]complex128, 4*num*8*3)
	for d, h := range map[Direction][]complex128{Downlink: down, Uplink: up} {
		if err := taps.CFR(Subcarriers{num, 1e5}, d, h); err != nil {
			t.Fatal(err)
		}
	}
	for grid := range 4 * num {
		for i := range 3 {
			for j := range 8 {
				if a, b := down[grid*24+i*8+j], up[grid*24+j*3+i]; a != b {
					t.Fatalf("grid point %d: downlink %d-%d %v, uplink %v", grid, i, j, a, b)
				}
			}
		}
	}
}

func newCDL(t testing.TB, c CDLConfig) *CDL {
	t.Helper()
	if c.CarrierHz == 0 {
		c.CarrierHz = 3.5e9
	}
	m, err := NewCDL(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newTDL(t testing.TB, c TDLConfig) *TDL {
	t.Helper()
	if c.CarrierHz == 0 {
		c.CarrierHz = 3.5e9
	}
	m, err := NewTDL(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
