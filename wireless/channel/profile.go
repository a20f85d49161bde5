package channel

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"strings"
)

// NumRays is the number of rays in a cluster (TR 38.901 table 7.5-3).
const NumRays = 20

// Profile is one table of TR 38.901 clause 7.7: what a delay line looks like
// before it is scaled to a delay spread. Profiles are read-only; the With methods
// return changed copies.
type Profile struct {
	Name  string // "cdl-c"; as in recipes
	LOS   bool   // row 0 is the specular part of the first cluster
	Fixed bool   // delays are absolute, in ns; else in units of the RMS delay spread

	Delay   []float64 // [row]
	PowerDB []float64 // [row], dB, not normalised

	// Cluster angles [row] and the spread of the rays within a cluster, in
	// degrees; CDL profiles only.
	AODDeg, AOADeg, ZODDeg, ZOADeg                         []float64
	SpreadAODDeg, SpreadAOADeg, SpreadZODDeg, SpreadZOADeg float64
	XPRdB                                                  float64 // cross-polarisation ratio
}

// flat is a single fading tap: the channel of Jakes, and what a narrow band sees.
var flat = Profile{Name: "flat", Fixed: true, Delay: []float64{0}, PowerDB: []float64{0}}

// Lookup returns the profile called name: "cdl-a".."cdl-e", "tdl-a".."tdl-e",
// "tdl-a30", "tdl-b100", "tdl-c300", or "flat" for one Rayleigh tap.
func Lookup(name string) (*Profile, error) {
	if name == flat.Name {
		return &flat, nil
	}
	for i := range profiles {
		if profiles[i].Name == name {
			return &profiles[i], nil
		}
	}
	return nil, fmt.Errorf("channel profile %q is not known; use one of %s", name, strings.Join(Names(), ", "))
}

// Names lists what Lookup knows, sorted.
func Names() []string {
	names := []string{flat.Name}
	for i := range profiles {
		names = append(names, profiles[i].Name)
	}
	slices.Sort(names)
	return names
}

// HasAngles reports whether p is a clustered delay line.
func (p *Profile) HasAngles() bool { return len(p.AODDeg) > 0 }

// firstCluster is the row where the fading clusters begin.
func (p *Profile) firstCluster() int {
	if p.LOS {
		return 1
	}
	return 0
}

// NumTaps is the number of delays: rows, with the specular and the fading part
// of the first cluster as one tap.
func (p *Profile) NumTaps() int { return len(p.Delay) - p.firstCluster() }

// rowPowers returns the linear powers of the rows, with sum 1.
func (p *Profile) rowPowers() []float64 {
	power := make([]float64, len(p.PowerDB))
	sum := 0.0
	for i, db := range p.PowerDB {
		power[i] = fromDB(db)
		sum += power[i]
	}
	for i := range power {
		power[i] /= sum
	}
	return power
}

// KFactorDB is the ratio of the specular to all fading power in dB, K_model of
// equation 7.7.6-2; -Inf without a specular part.
func (p *Profile) KFactorDB() float64 {
	if !p.LOS {
		return math.Inf(-1)
	}
	fading := 0.0
	for _, db := range p.PowerDB[1:] {
		fading += fromDB(db)
	}
	return p.PowerDB[0] - toDB(fading)
}

// WithKFactor returns p with its K-factor changed to kDB as clause 7.7.6 says:
// the fading powers move by K_model-kDB (7.7.6-1), then the delays are divided by
// the RMS delay spread that results, so that it is 1 again.
func (p *Profile) WithKFactor(kDB float64) (*Profile, error) {
	if !p.LOS {
		return nil, fmt.Errorf("profile %q has no specular path to scale; use a D or E profile", p.Name)
	}
	if math.IsNaN(kDB) || math.Abs(kDB) > 100 {
		return nil, fmt.Errorf("a K-factor of %g dB is out of range; use -100 to 100 dB", kDB)
	}
	q := *p
	q.PowerDB = slices.Clone(p.PowerDB)
	shift := p.KFactorDB() - kDB
	for i := range q.PowerDB[1:] {
		q.PowerDB[i+1] += shift
	}
	spread := q.PDP(1).RMSDelaySpreadS()
	q.Delay = slices.Clone(p.Delay)
	for i := range q.Delay {
		q.Delay[i] /= spread
	}
	return &q, nil
}

// PDP is a power delay profile in physical units. Its powers sum to 1.
type PDP struct {
	DelayS   []float64 // [tap], s
	Power    []float64 // [tap], the fading part
	LOSPower float64   // the specular part, which arrives with tap 0
}

// PDP scales p to an RMS delay spread in seconds (equation 7.7-1). Profiles with
// absolute delays keep them.
func (p *Profile) PDP(delaySpreadS float64) PDP {
	first := p.firstCluster()
	power := p.rowPowers()
	d := PDP{DelayS: make([]float64, p.NumTaps()), Power: power[first:]}
	p.delaysInto(d.DelayS, delaySpreadS)
	if p.LOS {
		d.LOSPower = power[0]
	}
	return d
}

func (p *Profile) delaysInto(delayS []float64, delaySpreadS float64) {
	unit := delaySpreadS
	if p.Fixed {
		unit = 1e-9
	}
	for i, d := range p.Delay[p.firstCluster():] {
		delayS[i] = d * unit
	}
}

// tapPower is the total power of tap i.
func (d PDP) tapPower(i int) float64 {
	if i == 0 {
		return d.Power[0] + d.LOSPower
	}
	return d.Power[i]
}

// RMSDelaySpreadS is the square root of the second central moment of the profile.
func (d PDP) RMSDelaySpreadS() float64 {
	var mean, square float64
	for i, tau := range d.DelayS {
		mean += d.tapPower(i) * tau
	}
	for i, tau := range d.DelayS {
		square += d.tapPower(i) * (tau - mean) * (tau - mean)
	}
	return math.Sqrt(square)
}

// FrequencyCorrelation is E[H(f+df) H(f)*] = sum_n P_n exp(-j 2 pi df tau_n) for
// subcarriers spacingHz apart.
func (d PDP) FrequencyCorrelation(spacingHz float64) complex128 {
	var r complex128
	for i, tau := range d.DelayS {
		r += complex(d.tapPower(i), 0) * cmplx.Rect(1, -2*math.Pi*spacingHz*tau)
	}
	return r
}

func fromDB(db float64) float64 { return math.Pow(10, db/10) }
func toDB(x float64) float64    { return 10 * math.Log10(x) }
