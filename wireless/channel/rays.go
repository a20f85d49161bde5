package channel

import (
	"fmt"
	"math"
)

// Draw writes a realisation of the link into t (clause 7.5 steps 5 to 11): clusters,
// sub-clusters of the two strongest, rays with coupling, XPR and phases, and the line of
// sight. The first slot is at time 0, when the UE is where l says; it moves with its
// velocity. Without antennas' patterns the coefficients have mean power 1, but for
// clusters 25 dB below the strongest, which are left out; multiply by the root of the
// path gain for step 12. The number of taps depends on the draw. Draw allocates nothing
// once d has seen the site and condition.
func (d *Drop) Draw(l *LargeScale, t *Taps) error { return d.draw(l, nil, t) }

// DrawNext is Draw for the next place of a UE on its way: the phases of its rays go on
// from those of the place before.
func (d *Drop) DrawNext(l *LargeScale, track *Track, t *Taps) error {
	if len(track.phase) < d.system.maxClusters*NumRays {
		return fmt.Errorf("track of another model; use NewTrack of the system that draws")
	}
	track.advance(l.UE.At, d.system.wavenumber)
	return d.draw(l, track, t)
}

func (d *Drop) draw(l *LargeScale, track *Track, t *Taps) error {
	m := d.system
	if t.rays == nil || cap(t.DelayS) < m.maxTaps() || t.NumBSAnt != m.config.BS.NumPorts() ||
		t.NumUEAnt != m.config.UE.NumPorts() || t.NumSlots != m.config.Slots.Num {
		return fmt.Errorf("taps of another model; use NewTaps of the system that draws")
	}
	if m.propagation[l.Condition] == nil || !(l.DelaySpreadS > 0) {
		return fmt.Errorf("large-scale parameters of another system; use LargeScale of this drop")
	}
	c := d.clusters(l)
	if m.config.SpatialConsistency {
		d.rayFields(l)
	}
	t.DelayS = t.DelayS[:c.numTaps()]
	w := t.rays
	w.bs = m.config.BS.turned(l.BS.Turn, m.bsSlants)
	w.ue = m.config.UE.turned(l.UE.Turn, m.ueSlants)
	v := l.UE.Velocity
	w.motion = vector{v.X, v.Y, v.Z}.times(m.wavenumber * m.config.Slots.IntervalS)

	flight := 0.0
	if m.config.AbsoluteDelay {
		flight = l.Distance3DM/SpeedOfLightMPS + l.ExcessDelayS
	}
	k, tap := kFactor(l), 0
	for n, power := range c.power {
		amplitude := math.Sqrt(power / (NumRays * (1 + k)))
		d.resetClusterStream(l, uint64(c.origin[n])+1)
		tap = d.drawCluster(l, n, flight, amplitude, track, t, tap)
		if n == 0 && l.Condition == LOS {
			d.drawSight(l, math.Sqrt(k/(1+k)), w)
			w.sumInto(t, 0, true)
		}
	}
	return nil
}

// rayFields prepares the random functions of rays and where they are asked for.
func (d *Drop) rayFields(l *LargeScale) {
	p := d.system.propagation[l.Condition]
	f := d.functions(&d.fieldsOf(l.BS.Site).rays[l.Condition], rayFieldStream, l.BS.Site, l.Condition,
		p.clusterCorrelation, rayVariables*NumRays*p.numClusters)
	f.phasesAt(l.UE.At.X-l.BS.At.X, l.UE.At.Y-l.BS.At.Y, &d.phases)
}

// drawCluster writes the taps of a cluster, from tap on, and returns the one behind.
func (d *Drop) drawCluster(l *LargeScale, n int, flight, amplitude float64, track *Track, t *Taps, tap int) int {
	c, unit := &d.set, d.system.propagation[l.Condition].clusterDelayS
	parts, together := c.parts(n), false
	if len(parts) == 1 && (track != nil || d.system.config.SpatialConsistency) {
		// On the way of a UE a cluster may become one of the two strongest. Rays are
		// coupled within sub-clusters then, before too.
		parts, together = subClusters, true
	}
	for i, part := range parts {
		if i > 0 && !together {
			tap++
		}
		delay := flight + c.delayS[n]
		if !together {
			delay += part.delay * unit
		}
		t.DelayS[tap] = delay
		d.drawPart(l, n, part.rays, amplitude, track, t.rays)
		t.rays.sumInto(t, tap, i > 0 && together)
	}
	return tap + 1
}

// drawPart prepares the rays of a cluster or of a part of it (steps 7 to 10).
func (d *Drop) drawPart(l *LargeScale, cluster int, rays []int, amplitude float64, track *Track, w *rayScratch) {
	c, p := &d.set, d.system.propagation[l.Condition]
	w.numRays = len(rays)
	w.coupling(&d.stream, len(rays))
	for i := range rays {
		departure := directionOf(
			bearingOf(c.angle[AOD][cluster]+p.spread[AOD]*offsetOf(rays[i])),
			bearingOf(c.angle[ZOD][cluster]+l.zodSpread*offsetOf(rays[w.zod[i]])))
		arrival := directionOf(
			bearingOf(c.angle[AOA][cluster]+p.spread[AOA]*offsetOf(rays[w.aoa[i]])),
			bearingOf(c.angle[ZOA][cluster]+p.spread[ZOA]*offsetOf(rays[w.zoa[i]])))
		w.aim(i, &departure, &arrival)
		xpr, phases := d.polarisation(l, c.origin[cluster], rays[i], p)
		if track != nil {
			track.turn(c.origin[cluster]*NumRays+rays[i], arrival.toward, &phases)
		}
		w.scatter(i, amplitude, math.Pow(10, -xpr/20), phases)
	}
}

// polarisation draws the XPR of a ray in dB and its four phases (steps 9 and 10).
func (d *Drop) polarisation(l *LargeScale, origin, ray int, p *propagation) (xprDB float64, phases [4]float64) {
	if !d.system.config.SpatialConsistency {
		xprDB = p.xprMean + p.xprSigma*d.stream.Normal()
		a, b := d.stream.Uint64(), d.stream.Uint64()
		return xprDB, [4]float64{turnOf(a), turnOf(a >> 32), turnOf(b), turnOf(b >> 32)}
	}
	// d.phases are those of the rays since rayFields.
	f := &d.fieldsOf(l.BS.Site).rays[l.Condition].randomField
	first := (origin*NumRays + ray) * rayVariables
	xprDB = p.xprMean + p.xprSigma*f.value(first, &d.phases)
	for i := range phases {
		phases[i] = 2 * math.Pi * uniformOf(f.value(first+1+i, &d.phases))
	}
	return xprDB, phases
}

// drawSight prepares the ray of the line of sight (7.5-29).
func (d *Drop) drawSight(l *LargeScale, amplitude float64, w *rayScratch) {
	w.numRays = 1
	departure := directionOf(bearingOf(l.Direction[AOD]), bearingOf(l.Direction[ZOD]))
	arrival := directionOf(bearingOf(l.Direction[AOA]), bearingOf(l.Direction[ZOA]))
	w.aim(0, &departure, &arrival)
	w.pass(amplitude, -math.Mod(d.system.wavenumber*l.Distance3DM, 2*math.Pi))
}
