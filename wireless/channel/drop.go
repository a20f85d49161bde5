package channel

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/rng"
)

// systemDomain keeps the draws of drops apart from others of the same seed: "sys".
const systemDomain = 0x737973

// What streams of a drop are about; the first word of their path after the domain.
const (
	parameterStream = iota
	stateStream
	excessStream
	clusterFieldStream
	rayFieldStream
	userFieldStream
	linkStream
	clusterStream
	userStream
)

const maxSite = 1<<16 - 1

// Drop is one random environment: for a seed, all that is random about links is a pure
// function of the site, the user and the user's place. So links may be asked for in any
// order, or again, by any number of goroutines, each with a Drop of its own.
type Drop struct {
	system *System
	seed   uint64
	stream rng.Stream
	phases wavePhases

	sites []*siteFields // by site; nil until asked for
	users [4]lazyField  // by userVariable
	set   clusterSet
}

// siteFields are the random functions that belong to a site, drawn when needed. Their
// place is that of the UE seen from the site: a wrapped copy of a site brings its
// surroundings along.
type siteFields struct {
	parameters     [numConditions]lazyField
	clusters, rays [numConditions]lazyField
	state, excess  lazyField
}

type lazyField struct {
	randomField
	drawn bool
}

// The random functions of a user's place that all sites share (table 7.6.3.4-1), with
// their correlation distances (7.6.3.3).
const (
	indoorOne = iota
	indoorTwo
	buildingKind
	penetrationSpread
)

var userDistance = [...]float64{indoorOne: 25, indoorTwo: 25, buildingKind: 50, penetrationSpread: 10}

// NewDrop returns the environment of seed.
func (m *System) NewDrop(seed uint64) *Drop {
	d := &Drop{system: m, set: newClusterSet(m.maxClusters)}
	d.Reset(seed)
	return d
}

// Reset makes d the environment of another seed, as NewDrop would.
func (d *Drop) Reset(seed uint64) {
	d.seed = seed
	for _, f := range d.sites {
		if f != nil {
			f.forget()
		}
	}
	for i := range d.users {
		d.users[i].drawn = false
	}
}

func (f *siteFields) forget() {
	for c := range f.parameters {
		f.parameters[c].drawn, f.clusters[c].drawn, f.rays[c].drawn = false, false, false
	}
	f.state.drawn, f.excess.drawn = false, false
}

func (d *Drop) fieldsOf(site int) *siteFields {
	for len(d.sites) <= site {
		d.sites = append(d.sites, nil)
	}
	if d.sites[site] == nil {
		d.sites[site] = new(siteFields)
	}
	return d.sites[site]
}

// functions returns num functions with correlation distance dcorr, drawn from the
// stream of this kind, site and condition.
func (d *Drop) functions(f *lazyField, kind uint64, site int, c Condition, dcorr float64, num int) *randomField {
	if !f.drawn {
		d.stream.Reset(d.seed, systemDomain, kind, uint64(site), uint64(c))
		f.draw(&d.stream, dcorr, num)
		f.drawn = true
	}
	return &f.randomField
}

// LargeScale draws propagation condition, losses and large-scale parameters of a link
// (clause 7.5 steps 1 to 4).
func (d *Drop) LargeScale(bs BS, ue UE) (LargeScale, error) {
	m := d.system
	if err := m.checkLink(&bs, &ue); err != nil {
		return LargeScale{}, err
	}
	l := LargeScale{BS: bs, UE: ue}
	dx, dy, dz := ue.At.X-bs.At.X, ue.At.Y-bs.At.Y, ue.At.Z-bs.At.Z
	g := span{math.Hypot(dx, dy), bs.At.Z, ue.At.Z}
	l.Distance2DM, l.Distance3DM = g.d2D, g.d3D()
	azimuth, zenith := math.Atan2(dy, dx), math.Acos(dz/l.Distance3DM)
	l.Direction = [4]float64{AOD: azimuth, AOA: azimuth + math.Pi, ZOD: zenith, ZOA: math.Pi - zenith}

	d.enterBuilding(&l)
	f := d.fieldsOf(bs.Site)
	d.stream.Reset(d.seed, systemDomain, linkStream, uint64(bs.Site), ue.ID)
	sight, environment, excess := d.stream.Float64(), d.stream.Float64(), d.stream.Normal()
	if m.config.SpatialConsistency {
		state := d.functions(&f.state, stateStream, bs.Site, 0, m.losDistance, 1)
		state.phasesAt(dx, dy, &d.phases)
		sight = uniformOf(state.value(0, &d.phases))
	}
	l.LOS = sight < m.pathLoss.losProbability(g.d2D-l.IndoorDistanceM, g)
	l.PathLossDB = m.pathLoss.loss(l.LOS, g, m.pathLoss.environmentHeight(environment, g))
	switch {
	case ue.Place == InBuilding:
		l.Condition = O2I
	case !l.LOS:
		l.Condition = NLOS
	}
	d.drawParameters(&l, f, dx, dy, g)
	if m.config.AbsoluteDelay && l.Condition != LOS {
		if m.config.SpatialConsistency {
			late := d.functions(&f.excess, excessStream, bs.Site, 0, m.excess.dcorr, 1)
			late.phasesAt(dx, dy, &d.phases)
			excess = late.value(0, &d.phases)
		}
		l.ExcessDelayS = min(math.Pow(10, m.excess.mu+m.excess.sigma*excess), m.excess.most)
	}
	return l, nil
}

// drawParameters draws the seven correlated parameters.
func (d *Drop) drawParameters(l *LargeScale, f *siteFields, dx, dy float64, g span) {
	m := d.system
	p, parameters := m.propagation[l.Condition], &f.parameters[l.Condition]
	if !parameters.drawn {
		d.stream.Reset(d.seed, systemDomain, parameterStream, uint64(l.BS.Site), uint64(l.Condition))
		parameters.randomField.drawParameters(&d.stream, &p.shape)
		parameters.drawn = true
	}
	parameters.phasesAt(dx, dy, &d.phases)
	var z [numLSP]float64
	for i := range z {
		z[i] = parameters.value(i, &d.phases)
	}
	zsdMean, offset := zenithOfDeparture(m.config.Scenario, l.LOS, g, m.fcGHz)
	l.zodOffset = offset
	l.fill(p, &z, m.pathLoss.shadowSigma(l.Condition, g), zsdMean)
}

// enterBuilding draws what a wall or a car adds, the same for links to all sites
// (clause 7.4.3).
func (d *Drop) enterBuilding(l *LargeScale) {
	if l.UE.Place == Outside {
		return
	}
	const deepest, deepestRural = 25, 10 // m
	d.stream.Reset(d.seed, systemDomain, userStream, l.UE.ID)
	one, two, kind := d.stream.Float64(), d.stream.Float64(), d.stream.Float64()
	spread := d.stream.Normal()
	if l.UE.Place == InCar {
		l.PenetrationDB = 9 + 5*spread
		return
	}
	if d.system.config.SpatialConsistency {
		one, two = uniformOf(d.userValue(indoorOne, l)), uniformOf(d.userValue(indoorTwo, l))
		kind, spread = uniformOf(d.userValue(buildingKind, l)), d.userValue(penetrationSpread, l)
	}
	loss, depth := d.system.penetration[1], float64(deepest)
	if d.system.config.Scenario == RMa {
		loss, depth = d.system.penetration[0], deepestRural
	} else if kind < d.system.config.LowLossShare {
		loss = d.system.penetration[0]
	}
	inside := depth * min(one, two)
	l.PenetrationDB = loss.wallDB + 0.5*inside + loss.sigmaDB*spread
	l.IndoorDistanceM = min(inside, l.Distance2DM)
}

func (d *Drop) userValue(variable int, l *LargeScale) float64 {
	f := d.functions(&d.users[variable], userFieldStream, variable, 0, userDistance[variable], 1)
	f.phasesAt(l.UE.At.X, l.UE.At.Y, &d.phases)
	return f.value(0, &d.phases)
}

func (m *System) checkLink(bs *BS, ue *UE) error {
	if bs.Site < 0 || bs.Site > maxSite {
		return fmt.Errorf("site %d is out of range; use 0 to %d", bs.Site, maxSite)
	}
	for _, v := range []float64{
		bs.At.X, bs.At.Y, bs.At.Z, ue.At.X, ue.At.Y, ue.At.Z, ue.Velocity.X, ue.Velocity.Y, ue.Velocity.Z,
	} {
		if !(math.Abs(v) < 1e8) {
			return fmt.Errorf("a place or velocity of %g is out of range; use metres and m/s", v)
		}
	}
	if err := bs.Turn.validate(); err != nil {
		return err
	}
	if err := ue.Turn.validate(); err != nil {
		return err
	}
	if ue.Place < Outside || ue.Place > InCar || ue.Place != Outside && !m.config.Scenario.outdoor() {
		return fmt.Errorf("place %d of user %d is not one of %s; in indoor scenarios leave it Outside", ue.Place, ue.ID, m.config.Scenario)
	}
	if math.Hypot(bs.At.X-ue.At.X, bs.At.Y-ue.At.Y) < 1 {
		return fmt.Errorf("user %d is less than 1 m from site %d; the path loss of %s is not known there", ue.ID, bs.Site, m.config.Scenario)
	}
	return m.checkHeights(bs.At.Z, ue.At.Z)
}

// checkHeights keeps the formulas of clause 7.4 within their domain.
func (m *System) checkHeights(hBS, hUE float64) error {
	lo, hi := 0.1, 1000.0
	switch m.config.Scenario {
	case UMi, UMa:
		lo, hi = 1.001, 23
	case RMa:
		lo, hi = 1, 10
	case InFSH, InFDH:
		hi = m.config.Environment.ClutterHeightM - 0.001
	}
	if !(hUE >= lo && hUE <= hi) {
		return fmt.Errorf("user height %g m is out of the range of %s; use %g to %g", hUE, m.config.Scenario, lo, hi)
	}
	if high := m.config.Scenario == InFSH || m.config.Scenario == InFDH; !(hBS > 1 && hBS <= 1000) || high && hBS <= hUE {
		return fmt.Errorf("BS height %g m is out of the range of %s; use more than 1 m, as a high BS more than the user's", hBS, m.config.Scenario)
	}
	return nil
}
