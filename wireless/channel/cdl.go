package channel

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/rng"
)

// CDLConfig describes a clustered delay line between two panels.
type CDLConfig struct {
	Profile   *Profile
	CarrierHz float64
	BS, UE    Panel
	Slots     Slots
}

// CDL is a clustered delay line of TR 38.901 clause 7.7.1. It is immutable: any
// number of goroutines may draw from it, each into its own Taps.
type CDL struct {
	config     CDLConfig
	numTaps    int
	amplitude  []float64 // [row], per ray
	crossLoss  float64   // amplitude of cross-polarised coupling, sqrt(1/kappa)
	rays       [4][][NumRays]bearing
	bsSlants   []bearing
	ueSlants   []bearing
	wavenumber float64 // 2 pi / lambda
}

// NewCDL checks c and prepares its rays.
func NewCDL(c CDLConfig) (*CDL, error) {
	if c.Profile == nil || !c.Profile.HasAngles() {
		return nil, fmt.Errorf("a clustered delay line needs a profile with angles; use cdl-a to cdl-e")
	}
	if err := checkCarrier(c.CarrierHz); err != nil {
		return nil, err
	}
	if err := c.BS.validate("BS"); err != nil {
		return nil, err
	}
	if err := c.UE.validate("UE"); err != nil {
		return nil, err
	}
	if err := c.Slots.validate(); err != nil {
		return nil, err
	}
	m := &CDL{config: c, numTaps: c.Profile.NumTaps()}
	if err := checkSize(m.numTaps, c.BS.NumPorts(), c.UE.NumPorts(), c.Slots.Num); err != nil {
		return nil, err
	}
	for n, p := range c.Profile.rowPowers() {
		m.amplitude = append(m.amplitude, math.Sqrt(p/float64(m.numRays(n))))
	}
	for a := AOD; a <= ZOA; a++ {
		m.rays[a] = bearings(c.Profile.rayAngles(a))
	}
	m.crossLoss = math.Sqrt(1 / fromDB(c.Profile.XPRdB))
	m.bsSlants, m.ueSlants = c.BS.slants(), c.UE.slants()
	m.wavenumber = 2 * math.Pi * c.CarrierHz / SpeedOfLightMPS
	return m, nil
}

func checkCarrier(carrierHz float64) error {
	if !(carrierHz > 0) || math.IsInf(carrierHz, 0) {
		return fmt.Errorf("carrier %g Hz is out of range; use a positive frequency", carrierHz)
	}
	return nil
}

func bearings(angles [][NumRays]float64) [][NumRays]bearing {
	table := make([][NumRays]bearing, len(angles))
	for n := range angles {
		for m, angle := range angles[n] {
			table[n][m] = bearingOf(angle)
		}
	}
	return table
}

// numRays is the number of rays in a row of the table: a specular row has one.
func (m *CDL) numRays(row int) int {
	if row < m.config.Profile.firstCluster() {
		return 1
	}
	return NumRays
}

// NewTaps returns room for one realisation.
func (m *CDL) NewTaps() *Taps {
	c := m.config
	t := newTaps(m.numTaps, c.BS.NumPorts(), c.UE.NumPorts(), c.Slots.Num)
	t.rays = newRayScratch(c)
	return t
}

// Draw writes a realisation for link into t, with the random coupling of rays and
// the random phases taken from s (clause 7.7.1 steps 2 to 4). The four phases of
// a ray and the phase of the specular path are uniform; coefficients have mean
// power MeanPower.
func (m *CDL) Draw(s *rng.Stream, link Link, t *Taps) error {
	if err := link.validate(); err != nil {
		return err
	}
	c := m.config
	if err := t.fits(m.numTaps, c.BS.NumPorts(), c.UE.NumPorts(), c.Slots.Num); err != nil {
		return err
	}
	if t.rays == nil {
		return fmt.Errorf("taps of a tapped delay line; use NewTaps of the model that draws")
	}
	c.Profile.delaysInto(t.DelayS, link.DelaySpreadS)
	w := t.rays
	w.bs = c.BS.turned(Orientation{Bearing: link.BSBearing}, m.bsSlants)
	w.ue = c.UE.turned(Orientation{Bearing: link.UEBearing}, m.ueSlants)
	v := link.velocity()
	turn := m.wavenumber * c.Slots.IntervalS
	w.motion = vector{v.x * turn, v.y * turn, v.z * turn}
	first := c.Profile.firstCluster()
	for row := first; row < len(m.amplitude); row++ {
		m.drawCluster(s, row, w)
		w.sumInto(t, row-first, false)
	}
	if c.Profile.LOS {
		m.drawSpecular(s, w)
		w.sumInto(t, 0, true)
	}
	return nil
}

// drawCluster couples the rays of a cluster at random and gives each its gains.
func (m *CDL) drawCluster(s *rng.Stream, row int, w *rayScratch) {
	w.numRays = NumRays
	// Coupling three of the angles to the fourth at random is coupling all four.
	s.PermInto(w.aoa[:])
	s.PermInto(w.zod[:])
	s.PermInto(w.zoa[:])
	for ray := range NumRays {
		departure := directionOf(m.rays[AOD][row][ray], m.rays[ZOD][row][w.zod[ray]])
		arrival := directionOf(m.rays[AOA][row][w.aoa[ray]], m.rays[ZOA][row][w.zoa[ray]])
		w.aim(ray, &departure, &arrival)
		a, b := s.Uint64(), s.Uint64()
		phases := [4]float64{turnOf(a), turnOf(a >> 32), turnOf(b), turnOf(b >> 32)}
		w.scatter(ray, m.amplitude[row], m.crossLoss, phases)
	}
}

// turnOf makes a phase of 32 random bits.
func turnOf(word uint64) float64 { return float64(uint32(word)) * (2 * math.Pi / (1 << 32)) }

// drawSpecular prepares the line-of-sight ray (equation 7.5-29). Its distance in
// wavelengths is not part of a delay line, so its phase is drawn.
func (m *CDL) drawSpecular(s *rng.Stream, w *rayScratch) {
	w.numRays = 1
	departure := directionOf(m.rays[AOD][0][0], m.rays[ZOD][0][0])
	arrival := directionOf(m.rays[AOA][0][0], m.rays[ZOA][0][0])
	w.aim(0, &departure, &arrival)
	w.pass(m.amplitude[0], s.Uniform(0, 2*math.Pi))
}
