package channel

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"
)

// responses is the channel of the first antennas in a slot on 9 frequencies in 20 MHz:
// clusters may change places from draw to draw, taps with them.
func responses(t *testing.T, taps *Taps, slot int) []complex128 {
	t.Helper()
	const num = 9
	h := make([]complex128, num*taps.NumSlots)
	if err := taps.CFR(Subcarriers{num, 2.5e6}, Downlink, h); err != nil {
		t.Fatal(err)
	}
	return h[slot*num:][:num]
}

// off is the distance of two sets of coefficients, relative to their size.
func off(a, b []complex128) float64 {
	var miss, size float64
	for i := range a {
		miss += real((a[i] - b[i]) * cmplx.Conj(a[i]-b[i]))
		size += real(a[i] * cmplx.Conj(a[i]))
	}
	return math.Sqrt(miss / size)
}

// A UE that walks on from draw to draw sees what it would see from slot to slot.
func TestTrackContinuesPhases(t *testing.T) {
	const step = 2e-3 // m, some 1/40 of the wavelength
	for _, consistent := range []bool{false, true} {
		m := newSystem(t, SystemConfig{Scenario: UMi, SpatialConsistency: consistent, Slots: Slots{2, step / 10}})
		d, taps, track := m.NewDrop(5), m.NewTaps(), m.NewTrack()
		bs, ue := BS{At: Point{0, 0, 10}}, UE{ID: 3, At: Point{40, 10, 1.5}, Velocity: Point{X: 8, Y: -6}}
		var before []complex128
		turned, jumps := 0.0, []float64{}
		var first []complex128
		for walk := range 200 {
			l := largeScale(t, d, bs, ue)
			if err := d.DrawNext(&l, track, taps); err != nil {
				t.Fatal(err)
			}
			now := responses(t, taps, 0)
			if walk == 0 {
				first = now
			}
			if before != nil {
				jumps = append(jumps, off(before, now))
			}
			turned = max(turned, off(first, now))
			before = responses(t, taps, 1)
			ue.At.X += 0.8 * step
			ue.At.Y -= 0.6 * step
		}
		// Where another cluster becomes one of the two strongest, its sub-clusters get
		// delays of their own: that is a jump by the standard.
		// And exp(-d/dcorr) is rough: over 2 mm a delay spread moves by a percent or two.
		slices.Sort(jumps)
		if usual := jumps[len(jumps)*95/100]; usual > 0.1 {
			t.Errorf("consistency %v: the channel jumps by %.3f from one place to the next", consistent, usual)
		}
		if turned < 0.5 {
			t.Errorf("consistency %v: over 0.4 m the channel changed by %.3f only", consistent, turned)
		}
	}
}

// With spatial consistency users at one place have one channel, and users far apart
// have nothing in common; without it users never do.
func TestSpatialConsistency(t *testing.T) {
	for _, consistent := range []bool{false, true} {
		m := newSystem(t, SystemConfig{Scenario: UMi, SpatialConsistency: consistent})
		d, taps := m.NewDrop(0), m.NewTaps()
		near, links := 0.0, 0.0
		for seed := range uint64(60) {
			d.Reset(seed)
			var h [2][]complex128
			for user := range uint64(2) {
				l := largeScale(t, d, BS{At: Point{0, 0, 10}}, UE{ID: user, At: Point{60 + 0.001*float64(user), 0, 1.5}})
				if err := d.Draw(&l, taps); err != nil {
					t.Fatal(err)
				}
				h[user] = responses(t, taps, 0)
			}
			near, links = near+off(h[0], h[1]), links+1
		}
		if got := near / links; consistent && !(got < 0.05) || !consistent && !(got > 0.5) {
			t.Errorf("consistency %v: channels of neighbours differ by %.3f", consistent, got)
		}
	}
}

// Cluster variables decay over distance as table 7.6.3.1-2 says.
func TestClusterVariablesDecay(t *testing.T) {
	m := newSystem(t, SystemConfig{Scenario: UMi, SpatialConsistency: true})
	d := m.NewDrop(0)
	p := m.propagation[NLOS]
	num := clusterVariables * p.numClusters
	sum, square := 0.0, 0.0
	for seed := range uint64(150) {
		d.Reset(seed)
		f := d.functions(&d.fieldsOf(0).clusters[NLOS], clusterFieldStream, 0, NLOS, p.clusterCorrelation, num)
		for i := range num {
			f.phasesAt(50, 0, &d.phases)
			here := f.value(i, &d.phases)
			f.phasesAt(50, 15, &d.phases)
			sum += here * f.value(i, &d.phases)
			square += here * here
		}
	}
	n := float64(150 * num)
	if got, want := sum/n, math.Exp(-1); math.Abs(got-want) > 0.03 || math.Abs(square/n-1) > 0.03 {
		t.Errorf("correlation over 15 m %.3f, want %.3f; variance %.3f", got, want, square/n)
	}
}
