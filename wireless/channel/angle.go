package channel

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
)

// Angle names one of the four angles of a ray.
type Angle int

// Azimuth and zenith of departure (at the BS) and of arrival (at the UE).
const (
	AOD Angle = iota
	AOA
	ZOD
	ZOA
)

// angles returns the cluster angles of p and the spread inside a cluster, both
// in degrees.
func (p *Profile) angles(a Angle) (clusterDeg []float64, spreadDeg float64) {
	switch a {
	case AOD:
		return p.AODDeg, p.SpreadAODDeg
	case AOA:
		return p.AOADeg, p.SpreadAOADeg
	case ZOD:
		return p.ZODDeg, p.SpreadZODDeg
	default:
		return p.ZOADeg, p.SpreadZOADeg
	}
}

// rayAngles returns the angle of each ray in radians, [row][ray]: the cluster
// angle and an offset (equation 7.7-0a). All rays of a specular row are its angle.
func (p *Profile) rayAngles(a Angle) [][NumRays]float64 {
	cluster, spread := p.angles(a)
	rays := make([][NumRays]float64, len(cluster))
	for n, deg := range cluster {
		for m := range NumRays {
			offset := spread * rayOffset[m/2]
			if m%2 == 1 {
				offset = -offset
			}
			if n < p.firstCluster() {
				offset = 0
			}
			rays[n][m] = (deg + offset) * math.Pi / 180
		}
	}
	return rays
}

// AngleSpread returns the power-weighted circular spread and mean of all rays of
// p in radians (TR 38.901 annex A). Both are NaN for a profile without angles.
func (p *Profile) AngleSpread(a Angle) (spread, mean float64) {
	if !p.HasAngles() {
		return math.NaN(), math.NaN()
	}
	var sum complex128
	power := p.rowPowers()
	for n, rays := range p.rayAngles(a) {
		for _, angle := range rays {
			sum += cmplx.Rect(power[n]/NumRays, angle)
		}
	}
	return math.Sqrt(-2 * math.Log(cmplx.Abs(sum))), cmplx.Phase(sum)
}

// WithAngles returns p with one kind of angle scaled to the given spread and mean
// in radians (equation 7.7-5): each ray's distance to the mean is multiplied by
// the ratio of the spreads. As in the standard, the spread that results is the
// desired one only to the extent that angles do not wrap.
func (p *Profile) WithAngles(a Angle, spread, mean float64) (*Profile, error) {
	if !p.HasAngles() {
		return nil, fmt.Errorf("profile %q has no angles to scale; use a CDL profile", p.Name)
	}
	if !(spread >= 0 && spread <= math.Pi) || math.IsNaN(mean) || math.IsInf(mean, 0) {
		return nil, fmt.Errorf("angle spread %g rad about %g rad is out of range; use a spread of 0 to pi", spread, mean)
	}
	modelSpread, modelMean := p.AngleSpread(a)
	ratio := spread / modelSpread
	clusterDeg, raySpreadDeg := p.angles(a)
	scaled := slices.Clone(clusterDeg)
	for n, deg := range scaled {
		away := math.Remainder(deg*math.Pi/180-modelMean, 2*math.Pi)
		scaled[n] = (ratio*away + mean) * 180 / math.Pi
	}
	q := *p
	q.setAngles(a, scaled, raySpreadDeg*ratio)
	return &q, nil
}

func (p *Profile) setAngles(a Angle, clusterDeg []float64, spreadDeg float64) {
	switch a {
	case AOD:
		p.AODDeg, p.SpreadAODDeg = clusterDeg, spreadDeg
	case AOA:
		p.AOADeg, p.SpreadAOADeg = clusterDeg, spreadDeg
	case ZOD:
		p.ZODDeg, p.SpreadZODDeg = clusterDeg, spreadDeg
	case ZOA:
		p.ZOADeg, p.SpreadZOADeg = clusterDeg, spreadDeg
	}
}

// bearing is an azimuth or zenith by its cosine and sine.
type bearing struct{ cos, sin float64 }

func bearingOf(angle float64) bearing {
	sin, cos := math.Sincos(angle)
	return bearing{cos, sin}
}

// direction is a unit vector with the two unit vectors of polarisation that go
// with it (equations 7.1-5, 7.1-13, 7.1-14).
type direction struct {
	toward, theta, phi vector
}

// directionOf assumes a zenith in [0, pi]: the sine of a zenith beyond is taken
// back into that range, as step 7 of clause 7.5 does (theta -> 2pi-theta).
func directionOf(azimuth, zenith bearing) direction {
	sin := math.Abs(zenith.sin)
	return direction{
		toward: vector{sin * azimuth.cos, sin * azimuth.sin, zenith.cos},
		theta:  vector{zenith.cos * azimuth.cos, zenith.cos * azimuth.sin, -sin},
		phi:    vector{-azimuth.sin, azimuth.cos, 0},
	}
}

type vector struct{ x, y, z float64 }

func (a vector) dot(b vector) float64   { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vector) plus(b vector) vector   { return vector{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vector) times(f float64) vector { return vector{f * a.x, f * a.y, f * a.z} }
