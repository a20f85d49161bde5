package channel

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/rng"
)

// Process is how a Rayleigh tap varies in time. Both have the classical Doppler
// spectrum of Clarke and Jakes, E[h(t+tau) h(t)*] = P J0(2 pi f_D tau).
type Process int

const (
	// Gaussian draws the slots jointly Gaussian with exactly that covariance:
	// what a Wiener predictor assumes. Its cost grows with the square of the slots.
	Gaussian Process = iota
	// Sinusoids adds NumSinusoids plane waves, as Sionna's TDL does; the law of a
	// tap is Gaussian only in the limit.
	Sinusoids
)

const (
	defaultSinusoids = 20
	maxGaussianSlots = 2048
)

// specularAzimuth is the angle between travel and the line of sight of TDL-D and
// TDL-E: the peak of the spectrum is at 0.7 f_D (TR 38.901 clause 7.7.2).
const specularAzimuth = math.Pi / 4

// TDLConfig describes a tapped delay line. Its antennas fade independently, with
// the specular path of the D and E profiles common to all.
type TDLConfig struct {
	Profile            *Profile // of a CDL, only delays and powers count
	CarrierHz          float64
	NumBSAnt, NumUEAnt int
	Slots              Slots
	Process            Process
	NumSinusoids       int // per tap, at least 8; 0 means 20
}

// TDL is a tapped delay line of TR 38.901 clause 7.7.2. It is immutable: any
// number of goroutines may draw from it, each into its own Taps.
type TDL struct {
	config    TDLConfig
	amplitude []float64 // [tap], of the fading part
	specular  float64   // amplitude of the specular part of tap 0
}

// NewTDL checks c.
func NewTDL(c TDLConfig) (*TDL, error) {
	if c.Profile == nil {
		return nil, fmt.Errorf("a tapped delay line needs a profile; use one of Names()")
	}
	if err := checkCarrier(c.CarrierHz); err != nil {
		return nil, err
	}
	if err := c.Slots.validate(); err != nil {
		return nil, err
	}
	if c.NumBSAnt < 1 || c.NumUEAnt < 1 || c.NumBSAnt > maxPorts || c.NumUEAnt > maxPorts {
		return nil, fmt.Errorf("%d x %d antennas are out of range; use 1 to %d at each end", c.NumUEAnt, c.NumBSAnt, maxPorts)
	}
	if err := checkSize(c.Profile.NumTaps(), c.NumBSAnt, c.NumUEAnt, c.Slots.Num); err != nil {
		return nil, err
	}
	if err := c.fixProcess(); err != nil {
		return nil, err
	}
	m := &TDL{config: c}
	pdp := c.Profile.PDP(1)
	for _, p := range pdp.Power {
		m.amplitude = append(m.amplitude, math.Sqrt(p))
	}
	m.specular = math.Sqrt(pdp.LOSPower)
	return m, nil
}

func (c *TDLConfig) fixProcess() error {
	switch c.Process {
	case Gaussian:
		if c.Slots.Num > maxGaussianSlots {
			return fmt.Errorf("%d slots are too many for a Gaussian process; use at most %d, or Sinusoids", c.Slots.Num, maxGaussianSlots)
		}
	case Sinusoids:
		if c.NumSinusoids == 0 {
			c.NumSinusoids = defaultSinusoids
		}
		if c.NumSinusoids < 8 || c.NumSinusoids > 1024 {
			return fmt.Errorf("%d sinusoids are out of range; use 8 to 1024", c.NumSinusoids)
		}
	default:
		return fmt.Errorf("process %d is not known; use Gaussian or Sinusoids", c.Process)
	}
	return nil
}

// fadeScratch is what TDL.Draw needs beside the taps.
type fadeScratch struct {
	factor jakesFactor
	re, im []float64 // [slot], one fading process
	normal []complex128
}

// NewTaps returns room for one realisation.
func (m *TDL) NewTaps() *Taps {
	c := m.config
	t := newTaps(len(m.amplitude), c.NumBSAnt, c.NumUEAnt, c.Slots.Num)
	t.fade = &fadeScratch{
		re: make([]float64, c.Slots.Num), im: make([]float64, c.Slots.Num),
		normal: make([]complex128, c.Slots.Num),
	}
	return t
}

// Draw writes a realisation for link into t: independent fading processes for all
// taps and antenna pairs, and the specular path of the D and E profiles, drawn
// from s. The total mean power of a pair is 1. Bearings and the direction of
// travel have no meaning here.
func (m *TDL) Draw(s *rng.Stream, link Link, t *Taps) error {
	if err := link.validate(); err != nil {
		return err
	}
	c := m.config
	if err := t.fits(len(m.amplitude), c.NumBSAnt, c.NumUEAnt, c.Slots.Num); err != nil {
		return err
	}
	if t.fade == nil {
		return fmt.Errorf("taps of a clustered delay line; use NewTaps of the model that draws")
	}
	c.Profile.delaysInto(t.DelayS, link.DelaySpreadS)
	w := t.fade
	turn := 2 * math.Pi * DopplerHz(link.SpeedMPS, c.CarrierHz) * c.Slots.IntervalS
	if c.Process == Gaussian {
		w.factor.prepare(c.Slots.Num, turn)
	}
	for pair := range t.NumUEAnt * t.NumBSAnt {
		for tap, amplitude := range m.amplitude {
			if c.Process == Gaussian {
				w.gaussian(s)
			} else {
				w.sinusoids(s, c.NumSinusoids, turn)
			}
			t.fadeTap(pair, tap, amplitude)
		}
	}
	if c.Profile.LOS {
		m.addSpecular(s, turn, t)
	}
	return nil
}

func (t *Taps) fadeTap(pair, tap int, amplitude float64) {
	for slot, re := range t.fade.re {
		i := t.index(tap, slot, pair)
		t.re[i], t.im[i] = amplitude*re, amplitude*t.fade.im[slot]
	}
}

func (m *TDL) addSpecular(s *rng.Stream, turn float64, t *Taps) {
	phase := s.Uniform(0, 2*math.Pi)
	for slot := range t.NumSlots {
		v := complex(m.specular, 0) * phasor(phase+turn*math.Cos(specularAzimuth)*float64(slot))
		for pair := range t.NumUEAnt * t.NumBSAnt {
			t.put(t.index(0, slot, pair), v, true)
		}
	}
}

// gaussian draws one process of unit power with the prepared covariance.
func (w *fadeScratch) gaussian(s *rng.Stream) {
	f := &w.factor
	z := w.normal[:f.rank]
	for k := range z {
		z[k] = s.ComplexNormal()
	}
	for slot := range w.re {
		var re, im float64
		row := f.l[slot*f.num:][:len(z)]
		for k, l := range row {
			re += l * real(z[k])
			im += l * imag(z[k])
		}
		w.re[slot], w.im[slot] = re, im
	}
}

// sinusoids draws one process of unit power as a sum of num plane waves, one from
// each sector: sqrt(1/N) sum exp(j(w t cos(alpha_i) + phi_i)) with alpha_i =
// (2 pi i + U(-pi, pi)) / N (Xiao, Zheng, Beaulieu, IEEE Trans. Wireless Commun.
// 2006, and Sionna's TDL).
func (w *fadeScratch) sinusoids(s *rng.Stream, num int, turn float64) {
	clear(w.re)
	clear(w.im)
	scale := 1 / math.Sqrt(float64(num))
	for i := range num {
		alpha := (2*math.Pi*float64(i) + s.Uniform(-math.Pi, math.Pi)) / float64(num)
		phase := s.Uniform(0, 2*math.Pi)
		rate := turn * math.Cos(alpha)
		step := phasor(rate)
		for start := 0; start < len(w.re); start += reseedEvery {
			v := complex(scale, 0) * phasor(phase+rate*float64(start))
			end := min(start+reseedEvery, len(w.re))
			for slot := start; slot < end; slot++ {
				w.re[slot] += real(v)
				w.im[slot] += imag(v)
				v *= step
			}
		}
	}
}
