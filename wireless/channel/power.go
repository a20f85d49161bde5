package channel

import "math"

// bearingSteps is how finely MeanPowerAnyBearing averages over a full turn; the
// 3GPP pattern is smooth but for its cut at 30 dB.
const bearingSteps = 360

// MeanPower is E|a|^2 of a draw for link, summed over taps and averaged over
// pairs of antennas: 1 for vertical isotropic elements, else what patterns and
// polarisations make of it. It is exact: the mean over random phases and over
// the coupling of rays is taken in closed form.
func (m *CDL) MeanPower(link Link) float64 {
	return m.meanPower([]float64{link.BSBearing}, []float64{link.UEBearing}, NumRays)
}

// MeanPowerAnyBearing is the mean of MeanPower over uniformly random bearings of
// both ends, by quadrature.
func (m *CDL) MeanPowerAnyBearing() float64 {
	turns := make([]float64, bearingSteps)
	for i := range turns {
		turns[i] = 2 * math.Pi * float64(i) / bearingSteps
	}
	// All azimuths being equal, one ray stands for those of its cluster.
	return m.meanPower(turns, turns, 1)
}

func (m *CDL) meanPower(bsBearings, ueBearings []float64, azimuths int) float64 {
	c := m.config
	sum := 0.0
	for row, amplitude := range m.amplitude {
		specular := m.numRays(row) == 1
		bs := m.moments(c.BS, m.bsSlants, bsBearings, m.rays[AOD][row], m.rays[ZOD][row], azimuths)
		ue := m.moments(c.UE, m.ueSlants, ueBearings, m.rays[AOA][row], m.rays[ZOA][row], azimuths)
		power := amplitude * amplitude * float64(m.numRays(row))
		straight := bs.thetaTheta*ue.thetaTheta + bs.phiPhi*ue.phiPhi
		if specular {
			sum += power * (straight - 2*bs.thetaPhi*ue.thetaPhi)
			continue
		}
		crossed := bs.thetaTheta*ue.phiPhi + bs.phiPhi*ue.thetaTheta
		sum += power * (straight + m.crossLoss*m.crossLoss*crossed)
	}
	return sum
}

// moments averages a panel's fields over bearings and over all couplings of
// azimuths with zeniths of a cluster's rays.
func (m *CDL) moments(p Panel, slants []bearing, bearings []float64, azimuth, zenith [NumRays]bearing, azimuths int) fieldMoments {
	var sum fieldMoments
	fields := make([]field, len(slants))
	for _, further := range bearings {
		a := p.turned(Orientation{Bearing: further}, slants)
		for _, az := range azimuth[:azimuths] {
			for _, zen := range zenith {
				d := directionOf(az, zen)
				a.fieldsInto(fields, &d)
				sum.add(fields)
			}
		}
	}
	return sum.over(float64(len(bearings) * azimuths * NumRays * len(slants)))
}
