package channel

import (
	"fmt"
	"math"
)

// Point is a place in m, x and y in the plane, z the height; or a velocity in m/s.
type Point struct{ X, Y, Z float64 }

// BS is a base station, or one sector of a site: sectors of one site share all that is
// random about the links to a UE.
type BS struct {
	Site int // 0 to 65535
	At   Point
	Turn Orientation // added to the panel's
}

// UE is a user.
type UE struct {
	ID       uint64 // names what is random about the user
	At       Point
	Velocity Point       // m/s
	Turn     Orientation // added to the panel's
	Place    Place
}

// Place says what is around a user of an outdoor scenario.
type Place int

const (
	Outside    Place = iota
	InBuilding       // clause 7.4.3.1
	InCar            // clause 7.4.3.2
)

// Blockage names the models of clause 7.6.4.
type Blockage string

// SystemConfig describes the channels of TR 38.901 clause 7.5 in one scenario.
type SystemConfig struct {
	Scenario  Scenario
	Release   int // of the tables; 0 is DefaultRelease
	CarrierHz float64
	BS, UE    Panel
	Slots     Slots

	Environment Environment
	// LowLossShare is the share of buildings with low penetration loss; the rest have
	// high loss. In rma all have low loss.
	LowLossShare float64
	// SpatialConsistency correlates, over the places of users, also the states of
	// sight, indoor distances, penetration losses, clusters and rays (7.6.3). Without
	// it only the large-scale parameters are correlated, as in clause 7.5.
	SpatialConsistency bool
	// AbsoluteDelay adds the time of flight to all delays (7.6.9).
	AbsoluteDelay bool
	// Blockage must be empty: models "a" and "b" of clause 7.6.4 are refused.
	Blockage Blockage
}

// System draws the channels of a SystemConfig. It is immutable; NewDrop and NewTaps
// give each goroutine its own workspace.
type System struct {
	config      SystemConfig
	pathLoss    pathLossModel
	propagation [numConditions]*propagation // O2I is nil in indoor scenarios
	penetration [2]penetration              // low, high
	losDistance float64                     // correlation of LOS states, m
	excess      struct{ mu, sigma, dcorr, most float64 }
	fcGHz       float64 // of table 7.5-6
	wavenumber  float64 // 2 pi / lambda
	maxClusters int

	heights            [2]float64 // BS, UE; m
	bsSlants, ueSlants []bearing
}

// penetration is the loss of a kind of building.
type penetration struct{ wallDB, sigmaDB float64 }

// NewSystem checks c and reads its tables.
func NewSystem(c SystemConfig) (*System, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	t, err := releaseOf(c.Release)
	if err != nil {
		return nil, err
	}
	m := &System{
		wavenumber: 2 * math.Pi * c.CarrierHz / SpeedOfLightMPS,
		bsSlants:   c.BS.slants(), ueSlants: c.UE.slants(),
	}
	name := string(c.Scenario)
	r := &reading{fcGHz: c.CarrierHz / 1e9}
	c.Environment = c.Environment.filled(c.Scenario, r, t)
	if r.err == nil {
		r.fail(c.Environment.validate(c.Scenario))
	}
	r.volumeToSurface = c.Environment.volumeToSurface()
	m.config = c
	m.pathLoss = newPathLoss(c.Scenario, c.Environment, r, t)
	m.penetration = [2]penetration{newPenetration("low", r, t), newPenetration("high", r, t)}
	at := func(property string) float64 { return r.at(t.scenario, name, property) }
	m.heights = [2]float64{at("bs_height"), at("ue_height")}
	m.losDistance = at("los_dcorr")
	m.excess.mu, m.excess.sigma, m.excess.dcorr = at("excess_mu"), at("excess_sigma"), at("excess_dcorr")
	m.excess.most = math.Inf(1)
	if !c.Scenario.outdoor() {
		m.excess.most = 2 * c.Environment.longestM() / SpeedOfLightMPS
	}
	r.fcGHz = max(r.fcGHz, at("lowest_ghz"))
	m.fcGHz = r.fcGHz
	if r.err != nil {
		return nil, r.err
	}
	if err := m.readPropagation(r, t); err != nil {
		return nil, err
	}
	return m, checkSize(m.maxTaps(), c.BS.NumPorts(), c.UE.NumPorts(), c.Slots.Num)
}

func (c SystemConfig) validate() error {
	if err := c.Scenario.validate(); err != nil {
		return err
	}
	const lowest, highest = 0.5e9, 100e9
	if !(c.CarrierHz >= lowest && c.CarrierHz <= highest) {
		return fmt.Errorf("carrier %g Hz is out of the range of TR 38.901; use 0.5 to 100 GHz", c.CarrierHz)
	}
	if err := c.BS.validate("BS"); err != nil {
		return err
	}
	if err := c.UE.validate("UE"); err != nil {
		return err
	}
	if err := c.Slots.validate(); err != nil {
		return err
	}
	if !(c.LowLossShare >= 0 && c.LowLossShare <= 1) {
		return fmt.Errorf("share of low-loss buildings %g is out of range; use 0 to 1", c.LowLossShare)
	}
	if c.Blockage != "" {
		return fmt.Errorf("blockage model %q (TR 38.901 clause 7.6.4) is not there; leave Blockage empty", string(c.Blockage))
	}
	return nil
}

func (m *System) readPropagation(r *reading, t *release) error {
	for c := LOS; c < numConditions; c++ {
		if c == O2I && !m.config.Scenario.outdoor() {
			continue
		}
		p, err := newPropagation(m.config.Scenario, c, r, t)
		if err != nil {
			return err
		}
		m.propagation[c] = p
		m.maxClusters = max(m.maxClusters, p.numClusters)
	}
	return nil
}

// newPenetration is equation 7.4-3 with table 7.4.3-2 for a kind of building.
func newPenetration(kind string, r *reading, t *release) penetration {
	through := 0.0
	for _, material := range []string{"glass", "irr", "concrete"} {
		at := func(column string) float64 { return r.at(t.material, material, column) }
		through += at(kind) * fromDB(-at("constant")-at("slope")*r.fcGHz)
	}
	return penetration{wallDB: 5 - toDB(through), sigmaDB: r.at(t.material, "sigma", kind)}
}

// Config returns what m was built from, with defaults filled in.
func (m *System) Config() SystemConfig { return m.config }

// extraTaps are those of the sub-clusters of the two strongest clusters.
const extraTaps = 4

func (m *System) maxTaps() int { return m.maxClusters + extraTaps }

// NewTaps returns room for one realisation.
func (m *System) NewTaps() *Taps {
	c := m.config
	t := newTaps(m.maxTaps(), c.BS.NumPorts(), c.UE.NumPorts(), c.Slots.Num)
	t.rays = newRayScratch(CDLConfig{BS: c.BS, UE: c.UE, Slots: c.Slots})
	return t
}

// PathLossDB is the path loss of table 7.4.1-1 in dB at a horizontal distance, with an
// effective environment height of 1 m (uma).
func (m *System) PathLossDB(los bool, distance2DM, hBS, hUE float64) float64 {
	return m.pathLoss.loss(los, span{distance2DM, hBS, hUE}, 1)
}

// LOSProbability is that of table 7.4.2-1. outsideM is the horizontal distance outside
// buildings; in indoor scenarios the whole one.
func (m *System) LOSProbability(outsideM, hBS, hUE float64) float64 {
	return m.pathLoss.losProbability(outsideM, span{outsideM, hBS, hUE})
}

// WallLossDB is PL_tw of table 7.4.3-2 for buildings with low and with high loss.
func (m *System) WallLossDB() (low, high float64) {
	return m.penetration[0].wallDB, m.penetration[1].wallDB
}

// DefaultHeightM is the height of a BS and of a UE on the ground in the scenario.
func (m *System) DefaultHeightM() (bs, ue float64) { return m.heights[0], m.heights[1] }
