package channel

import "math"

// MeanGainDB is the gain of a link with its antennas in dB: path gain and the mean
// power over phases, couplings of rays and pairs of ports, as seen by wideband
// measurements such as RSRP.
func (d *Drop) MeanGainDB(l *LargeScale) float64 {
	m := d.system
	c, p := d.clusters(l), m.propagation[l.Condition]
	bs := ends{array: m.config.BS.turned(l.BS.Turn, m.bsSlants)}
	ue := ends{array: m.config.UE.turned(l.UE.Turn, m.ueSlants)}
	// The mean of 1/kappa over its lognormal distribution.
	natural := p.xprSigma * math.Ln10 / 10
	crossed := fromDB(-p.xprMean) * math.Exp(natural*natural/2)
	k, sum := kFactor(l), 0.0
	for n, power := range c.power {
		tx, rx := bs.moments(c.angle[AOD][n], c.angle[ZOD][n], p.spread[AOD], l.zodSpread), ue.moments(c.angle[AOA][n], c.angle[ZOA][n], p.spread[AOA], p.spread[ZOA])
		straight := tx.thetaTheta*rx.thetaTheta + tx.phiPhi*rx.phiPhi
		turned := tx.thetaTheta*rx.phiPhi + tx.phiPhi*rx.thetaTheta
		sum += power / (1 + k) * (straight + crossed*turned)
	}
	if l.Condition == LOS {
		tx, rx := bs.moments(l.Direction[AOD], l.Direction[ZOD], 0, 0), ue.moments(l.Direction[AOA], l.Direction[ZOA], 0, 0)
		sum += k / (1 + k) * (tx.thetaTheta*rx.thetaTheta + tx.phiPhi*rx.phiPhi - 2*tx.thetaPhi*rx.thetaPhi)
	}
	return l.PathGainDB() + toDB(sum)
}

// ends is a panel with room for its fields.
type ends struct {
	array
	fields [2]field
}

// moments averages over the polarisations of the panel and the rays of a cluster, with
// the spreads of their azimuths and zeniths.
func (e *ends) moments(azimuth, zenith, azimuthSpread, zenithSpread float64) fieldMoments {
	rays := NumRays
	if e.onlyOmnidirect || azimuthSpread == 0 {
		rays = 1
	}
	var sum fieldMoments
	fields := e.fields[:len(e.slants)]
	for ray := range rays {
		// Any permutation without a trend stands for the coupling of zeniths.
		direction := directionOf(
			bearingOf(azimuth+azimuthSpread*offsetOf(ray)),
			bearingOf(zenith+zenithSpread*offsetOf(7*ray%NumRays)))
		e.fieldsInto(fields, &direction)
		sum.add(fields)
	}
	return sum.over(float64(rays * len(fields)))
}
