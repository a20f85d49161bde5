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

	// Coefficients [tap, slot, UE antenna, BS antenna], a line of stride for each tap:
	// CFR sums over taps.
	re, im []float64
	stride int
	sums   []float64 // [half of the subcarriers, 4, tile], kept between calls of CFR

	turns *phasorTable // exp(-j 2 pi f tau), kept between calls of CFR
	angle []float64    // [tap]

	rays *rayScratch // CDL
	fade *fadeScratch
}

func newTaps(numTaps, numBSAnt, numUEAnt, numSlots int) *Taps {
	stride := wholeRows(numBSAnt * numUEAnt * numSlots)
	n := numTaps * stride
	return &Taps{
		DelayS:   make([]float64, numTaps),
		NumBSAnt: numBSAnt, NumUEAnt: numUEAnt, NumSlots: numSlots,
		re: make([]float64, n), im: make([]float64, n), stride: stride,
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
	i := t.index(tap, slot, ueAnt*t.NumBSAnt+bsAnt)
	return complex(t.re[i], t.im[i])
}

// index is where the coefficient of a tap, slot and antenna pair is.
func (t *Taps) index(tap, slot, pair int) int {
	return tap*t.stride + slot*t.NumUEAnt*t.NumBSAnt + pair
}

// putLine sets or increases the coefficients of all pairs of antennas.
func (t *Taps) putLine(tap, slot int, re, im []float64, add bool) {
	at := t.index(tap, slot, 0)
	if !add {
		copy(t.re[at:], re)
		copy(t.im[at:], im)
		return
	}
	for i, v := range re {
		t.re[at+i] += v
		t.im[at+i] += im[i]
	}
}

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
	return response(t, f, d, 1, h)
}

// CFR64 is CFR times scale, rounded to single precision at the end.
func (t *Taps) CFR64(f Subcarriers, d Direction, scale float64, h []complex64) error {
	return response(t, f, d, scale, h)
}

// tileRows is how many slots and antenna pairs are summed before they are put in
// their place: their sums stay in the cache.
const tileRows = 64

func response[C complex64 | complex128](t *Taps, f Subcarriers, d Direction, scale float64, h []C) error {
	if err := f.validate(); err != nil {
		return err
	}
	pairs := t.NumUEAnt * t.NumBSAnt
	if want := t.NumSlots * f.Num * pairs; len(h) != want {
		return fmt.Errorf("response of %d values does not fit %d slots x %d subcarriers x %d antenna pairs; use %d values",
			len(h), t.NumSlots, f.Num, pairs, want)
	}
	t.turn(f)
	half := halfOf(f.Num)
	if need := 4 * tileRows * half; len(t.sums) < need {
		t.sums = make([]float64, need)
	}
	for from := 0; from < t.NumSlots*pairs; from += tileRows {
		rows := min(tileRows, t.stride-from)
		pairSums(t.sums, t.re[from:], t.im[from:], t.stride, t.turns.re, t.turns.im, rows, len(t.DelayS), half)
		to := min(from+rows, t.NumSlots*pairs)
		for k := range half {
			lines := t.sums[4*rows*k:][:4*rows]
			above, below := f.Num/2+k, (f.Num-1)/2-k
			put(t, d, from, to, lines[:rows], lines[rows:2*rows], scale, above, f.Num, h)
			if below != above {
				put(t, d, from, to, lines[2*rows:3*rows], lines[3*rows:], scale, below, f.Num, h)
			}
		}
	}
	return nil
}

// put writes the sums of one subcarrier: rows from to to-1 of [slot, UE antenna, BS
// antenna].
func put[C complex64 | complex128](t *Taps, d Direction, from, to int, re, im []float64, scale float64, subcarrier, num int, h []C) {
	pairs := t.NumUEAnt * t.NumBSAnt
	for row := from; row < to; {
		slot, pair := row/pairs, row%pairs
		n := min(pairs-pair, to-row)
		re, im := re[row-from:][:n], im[row-from:][:n]
		line := h[(slot*num+subcarrier)*pairs:][:pairs]
		if d == Downlink {
			line = line[pair:][:n]
			for i, v := range re {
				line[i] = C(complex(scale*v, scale*im[i]))
			}
		} else {
			for i, v := range re {
				ue, bs := (pair+i)/t.NumBSAnt, (pair+i)%t.NumBSAnt
				line[bs*t.NumUEAnt+ue] = C(complex(scale*v, scale*im[i]))
			}
		}
		row += n
	}
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
