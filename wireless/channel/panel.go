package channel

import (
	"fmt"
	"math"
)

// Element is the power pattern of one antenna element.
type Element int

const (
	// Isotropic radiates alike in all directions (0 dBi).
	Isotropic Element = iota
	// ThreeGPP is the element of TR 38.901 table 7.3-1: 65 degrees of beam width,
	// 30 dB front to back, 8 dBi of maximum gain.
	ThreeGPP
)

const maxPorts = 4096

// Panel is a uniform array: linear with Rows or Cols equal to 1, else planar. It
// lies in the local y-z plane, columns along y, rows along z, and looks along x.
type Panel struct {
	Rows, Cols int
	// DualPolarized puts two elements at each position, slanted by +45 and -45
	// degrees against Slant. Else there is one, slanted by Slant.
	DualPolarized bool
	Slant         float64 // rad; 0 is vertical polarisation
	RowSpacing    float64 // between rows, in wavelengths
	ColSpacing    float64 // between columns, in wavelengths
	Element       Element
	Bearing       float64 // rad, rotation about z (alpha of clause 7.1.3)
	Downtilt      float64 // rad, rotation about y (beta); positive looks down
	Roll          float64 // rad, rotation about x (gamma, "slant" in clause 7.1.3)
}

// Orientation turns a panel: its angles are added to the panel's own.
type Orientation struct{ Bearing, Downtilt, Roll float64 } // rad

func (o Orientation) validate() error {
	for _, angle := range []float64{o.Bearing, o.Downtilt, o.Roll} {
		if math.IsNaN(angle) || math.Abs(angle) > 1e6 {
			return fmt.Errorf("orientation has an angle of %g; use radians", angle)
		}
	}
	return nil
}

// NumPorts is the number of antenna ports, each an element with a polarisation.
func (p Panel) NumPorts() int {
	if p.DualPolarized {
		return 2 * p.Rows * p.Cols
	}
	return p.Rows * p.Cols
}

func (p Panel) validate(end string) error {
	if p.Rows < 1 || p.Cols < 1 || p.Rows > maxPorts || p.Cols > maxPorts || p.NumPorts() > maxPorts {
		return fmt.Errorf("%s panel of %d x %d positions is out of range; use 1 to %d ports", end, p.Rows, p.Cols, maxPorts)
	}
	if p.Element != Isotropic && p.Element != ThreeGPP {
		return fmt.Errorf("%s element %d is not known; use Isotropic or ThreeGPP", end, p.Element)
	}
	for _, v := range []float64{p.Slant, p.RowSpacing, p.ColSpacing, p.Bearing, p.Downtilt, p.Roll} {
		if math.IsNaN(v) || math.Abs(v) > 1e6 {
			return fmt.Errorf("%s panel has an angle or spacing of %g; use radians and wavelengths", end, v)
		}
	}
	return nil
}

// array is a panel turned to its bearing, ready to answer for a ray.
type array struct {
	x, y, z        vector // the local axes in global coordinates
	slants         []bearing
	rows, cols     int
	rowTurn        float64 // phase between rows for a ray along z, rad
	colTurn        float64 // phase between columns for a ray along y, rad
	element        Element
	onlyVertical   bool // no ray has a field along phi
	onlyOmnidirect bool // the field along theta is 1 for all rays
}

// slants returns the polarisation slants of p.
func (p Panel) slants() []bearing {
	if p.DualPolarized {
		return []bearing{bearingOf(p.Slant + math.Pi/4), bearingOf(p.Slant - math.Pi/4)}
	}
	return []bearing{bearingOf(p.Slant)}
}

// turned returns p as an array, turned further by o (equation 7.1-4).
func (p Panel) turned(o Orientation, slants []bearing) array {
	a, b := bearingOf(p.Bearing+o.Bearing), bearingOf(p.Downtilt+o.Downtilt)
	roll := bearingOf(p.Roll + o.Roll)
	vertical := len(slants) == 1 && slants[0].sin == 0 && b.sin == 0 && roll.sin == 0 && b.cos > 0 && roll.cos > 0
	y, z := vector{-a.sin, a.cos, 0}, vector{a.cos * b.sin, a.sin * b.sin, b.cos}
	return array{
		x:      vector{a.cos * b.cos, a.sin * b.cos, -b.sin},
		y:      y.times(roll.cos).plus(z.times(roll.sin)),
		z:      z.times(roll.cos).plus(y.times(-roll.sin)),
		slants: slants, rows: p.Rows, cols: p.Cols,
		rowTurn: 2 * math.Pi * p.RowSpacing, colTurn: 2 * math.Pi * p.ColSpacing,
		element:        p.Element,
		onlyVertical:   vertical,
		onlyOmnidirect: vertical && p.Element == Isotropic,
	}
}

// field is the field of one polarisation along the global theta and phi.
type field struct{ theta, phi float64 }

// fieldsInto writes the field of each polarisation for a ray (polarisation model
// 2 of clause 7.3.2, turned into global coordinates by equation 7.1-11).
func (a *array) fieldsInto(fields []field, d *direction) {
	if a.onlyOmnidirect {
		fields[0] = field{theta: 1}
		return
	}
	local := vector{a.x.dot(d.toward), a.y.dot(d.toward), a.z.dot(d.toward)}
	amplitude := 1.0
	if a.element == ThreeGPP {
		amplitude = math.Sqrt(elementGain(local))
	}
	if a.onlyVertical {
		fields[0] = field{theta: amplitude}
		return
	}
	theta := a.localTheta(local)
	cos, sin := theta.dot(d.theta), theta.dot(d.phi) // of the angle psi
	for i, slant := range a.slants {
		along, across := amplitude*slant.cos, amplitude*slant.sin
		fields[i] = field{theta: cos*along - sin*across, phi: sin*along + cos*across}
	}
}

// localTheta is the local unit vector theta of a ray, in global coordinates.
func (a *array) localTheta(local vector) vector {
	sin := math.Hypot(local.x, local.y)
	cosAz, sinAz := 1.0, 0.0
	if sin > 0 {
		cosAz, sinAz = local.x/sin, local.y/sin
	}
	x, y, z := local.z*cosAz, local.z*sinAz, -sin
	return vector{
		x*a.x.x + y*a.y.x + z*a.z.x,
		x*a.x.y + y*a.y.y + z*a.z.y,
		x*a.x.z + y*a.y.z + z*a.z.z,
	}
}

// elementGain is the linear power gain of the 3GPP element in a local direction
// (table 7.3-1).
func elementGain(local vector) float64 {
	const (
		beamwidthDeg  = 65
		attenuationDB = 30
		peakDBi       = 8
	)
	zenithDeg := math.Acos(max(-1, min(1, local.z))) * 180 / math.Pi
	azimuthDeg := math.Atan2(local.y, local.x) * 180 / math.Pi
	v := (zenithDeg - 90) / beamwidthDeg
	h := azimuthDeg / beamwidthDeg
	loss := min(12*v*v, attenuationDB) + min(12*h*h, attenuationDB)
	return fromDB(peakDBi - min(loss, attenuationDB))
}

// steerInto writes exp(j 2 pi r.d/lambda) for each position of the array, columns
// outside, rows inside, by recurrence along both.
func (a *array) steerInto(steer []complex128, d *direction) {
	column := complex(1, 0)
	colStep, rowStep := complex(1, 0), complex(1, 0)
	if a.cols > 1 {
		colStep = phasor(a.colTurn * a.y.dot(d.toward))
	}
	if a.rows > 1 {
		rowStep = phasor(a.rowTurn * a.z.dot(d.toward))
	}
	for c := range a.cols {
		w := column
		for r := range a.rows {
			steer[c*a.rows+r] = w
			w *= rowStep
		}
		column *= colStep
	}
}

// fieldMoments are averages of products of a panel's fields over rays, bearings
// and polarisations: what the mean power of a channel depends on.
type fieldMoments struct{ thetaTheta, phiPhi, thetaPhi float64 }

func (m *fieldMoments) add(fields []field) {
	for _, f := range fields {
		m.thetaTheta += f.theta * f.theta
		m.phiPhi += f.phi * f.phi
		m.thetaPhi += f.theta * f.phi
	}
}

func (m fieldMoments) over(n float64) fieldMoments {
	return fieldMoments{m.thetaTheta / n, m.phiPhi / n, m.thetaPhi / n}
}
