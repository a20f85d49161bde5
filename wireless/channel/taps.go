package channel

import (
	"fmt"
	"math"
)

// SpeedOfLightMPS is the speed of light in vacuum.
const SpeedOfLightMPS = 299792458

// Slots are the instants at which a channel is sampled: Num of them, IntervalS
// seconds apart, the first at time 0.
type Slots struct {
	Num       int
	IntervalS float64
}

const (
	maxSlots       = 1 << 16
	maxSubcarriers = 1 << 16
	maxTapValues   = 1 << 28
)

func (s Slots) validate() error {
	if s.Num < 1 || s.Num > maxSlots {
		return fmt.Errorf("%d slots are out of range; use 1 to %d", s.Num, maxSlots)
	}
	if !(s.IntervalS >= 0) || math.IsInf(s.IntervalS, 0) {
		return fmt.Errorf("slot interval %g s is out of range; use 0 or more seconds", s.IntervalS)
	}
	return nil
}

// Subcarriers is a centred grid: f_k = (k - (Num-1)/2) SpacingHz.
type Subcarriers struct {
	Num       int
	SpacingHz float64
}

func (f Subcarriers) validate() error {
	if f.Num < 1 || f.Num > maxSubcarriers {
		return fmt.Errorf("%d subcarriers are out of range; use 1 to %d", f.Num, maxSubcarriers)
	}
	if !(f.SpacingHz >= 0) || math.IsInf(f.SpacingHz, 0) {
		return fmt.Errorf("subcarrier spacing %g Hz is out of range; use 0 or more Hz", f.SpacingHz)
	}
	return nil
}

// Direction says which end transmits.
type Direction int

const (
	Downlink Direction = iota // the BS transmits
	Uplink                    // the UE transmits
)

// Link is what may change from draw to draw: the spread of the delays, the motion
// of the UE and how the ends are turned.
type Link struct {
	DelaySpreadS float64 // desired RMS delay spread; unused by profiles with absolute delays

	SpeedMPS        float64
	TravelAzimuth   float64 // rad, direction of travel of the UE
	TravelElevation float64 // rad above the horizontal; pi/2 less the zenith theta_v

	BSBearing, UEBearing float64 // rad, added to the bearing of the panels
}

func (l Link) validate() error {
	if !(l.DelaySpreadS >= 0) || math.IsInf(l.DelaySpreadS, 0) {
		return fmt.Errorf("delay spread %g s is out of range; use 0 or more seconds", l.DelaySpreadS)
	}
	if !(l.SpeedMPS >= 0) || l.SpeedMPS >= SpeedOfLightMPS {
		return fmt.Errorf("speed %g m/s is out of range; use 0 or more m/s", l.SpeedMPS)
	}
	for _, angle := range []float64{l.TravelAzimuth, l.TravelElevation, l.BSBearing, l.UEBearing} {
		if math.IsNaN(angle) || math.IsInf(angle, 0) {
			return fmt.Errorf("angle %g is not a number of radians", angle)
		}
	}
	return nil
}

// velocity is the velocity of the UE in m/s (equation 7.5-25).
func (l Link) velocity() vector {
	az, el := bearingOf(l.TravelAzimuth), bearingOf(l.TravelElevation)
	return vector{l.SpeedMPS * el.cos * az.cos, l.SpeedMPS * el.cos * az.sin, l.SpeedMPS * el.sin}
}

// Taps is one realisation of a channel: a coefficient per tap, pair of antennas
// and slot. It is also the workspace of Draw and CFR; make it with NewTaps of the
// model and use it from one goroutine at a time.
type Taps struct {
	DelayS   []float64 // [tap]
	NumBSAnt int
	NumUEAnt int
	NumSlots int

	// Coefficients [UE antenna, BS antenna, slot, tap]: CFR sums over taps.
	re, im []float64

	turns *phasorTable // exp(-j 2 pi f tau), kept between calls of CFR
	angle []float64    // [tap]

	rays *rayScratch // CDL
	fade *fadeScratch
}

func newTaps(numTaps, numBSAnt, numUEAnt, numSlots int) *Taps {
	n := numTaps * numBSAnt * numUEAnt * numSlots
	return &Taps{
		DelayS:   make([]float64, numTaps),
		NumBSAnt: numBSAnt, NumUEAnt: numUEAnt, NumSlots: numSlots,
		re: make([]float64, n), im: make([]float64, n),
		angle: make([]float64, numTaps),
	}
}

// checkSize refuses a realisation that would not fit into memory.
func checkSize(numTaps, numBSAnt, numUEAnt, numSlots int) error {
	n := float64(numTaps) * float64(numBSAnt) * float64(numUEAnt) * float64(numSlots)
	if n > maxTapValues {
		return fmt.Errorf("%d taps x %d x %d antennas x %d slots make %.3g coefficients; use fewer than %d",
			numTaps, numUEAnt, numBSAnt, numSlots, n, maxTapValues)
	}
	return nil
}

func (t *Taps) fits(numTaps, numBSAnt, numUEAnt, numSlots int) error {
	if len(t.DelayS) != numTaps || t.NumBSAnt != numBSAnt || t.NumUEAnt != numUEAnt || t.NumSlots != numSlots {
		return fmt.Errorf("taps of another model: %d taps, %d x %d antennas, %d slots; use NewTaps of the model that draws",
			len(t.DelayS), t.NumUEAnt, t.NumBSAnt, t.NumSlots)
	}
	return nil
}

// At returns the coefficient of a tap between two antennas in a slot.
func (t *Taps) At(tap, ueAnt, bsAnt, slot int) complex128 {
	i := t.row(ueAnt*t.NumBSAnt+bsAnt, slot) + tap
	return complex(t.re[i], t.im[i])
}

// row is where the taps of an antenna pair begin in a slot.
func (t *Taps) row(pair, slot int) int { return (pair*t.NumSlots + slot) * len(t.DelayS) }

// put sets or increases the coefficient at index i.
func (t *Taps) put(i int, v complex128, add bool) {
	if add {
		v += complex(t.re[i], t.im[i])
	}
	t.re[i], t.im[i] = real(v), imag(v)
}

// CFR writes the frequency response H_k = sum_l a_l exp(-j 2 pi f_k tau_l) of all
// slots into h, laid out [time, subcarrier, rx, tx]. In the uplink the UE's
// antennas are tx; each matrix is then exactly the transpose of the downlink's.
func (t *Taps) CFR(f Subcarriers, d Direction, h []complex128) error {
	if err := f.validate(); err != nil {
		return err
	}
	pairs := t.NumUEAnt * t.NumBSAnt
	if want := t.NumSlots * f.Num * pairs; len(h) != want {
		return fmt.Errorf("response of %d values does not fit %d slots x %d subcarriers x %d antenna pairs; use %d values",
			len(h), t.NumSlots, f.Num, pairs, want)
	}
	t.turn(f)
	for pair := range pairs {
		ue, bs := pair/t.NumBSAnt, pair%t.NumBSAnt
		place := ue*t.NumBSAnt + bs
		if d == Uplink {
			place = bs*t.NumUEAnt + ue
		}
		for slot := range t.NumSlots {
			t.response(pair, slot, h[slot*f.Num*pairs+place:], pairs)
		}
	}
	return nil
}

// turn prepares exp(-j 2 pi f_k tau_l).
func (t *Taps) turn(f Subcarriers) {
	if t.turns == nil || t.turns.num != f.Num {
		t.turns = newPhasorTable(f.Num, cap(t.DelayS))
	}
	angle := t.angle[:len(t.DelayS)]
	for l, tau := range t.DelayS {
		angle[l] = -2 * math.Pi * f.SpacingHz * tau
	}
	t.turns.fill(angle)
}

// response writes the subcarriers of one antenna pair in one slot, stride apart.
func (t *Taps) response(pair, slot int, h []complex128, stride int) {
	width := len(t.DelayS)
	row := t.row(pair, slot)
	aRe, aIm := t.re[row:row+width], t.im[row:row+width]
	num := t.turns.num
	for k := range halfOf(num) {
		eRe, eIm := t.turns.re[k*width:(k+1)*width], t.turns.im[k*width:(k+1)*width]
		above, below := pairSum(aRe, aIm, eRe, eIm)
		h[(num/2+k)*stride] = above
		h[((num-1)/2-k)*stride] = below
	}
}
