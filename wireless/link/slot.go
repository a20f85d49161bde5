package link

import (
	"math"
	"strings"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/mapping"
	"github.com/comlam/comlam/wireless/nr"
	"github.com/comlam/comlam/wireless/ofdm"
)

// model is what channel.CDL and channel.TDL have in common.
type model interface {
	NewTaps() *channel.Taps
	Draw(s *rng.Stream, link channel.Link, t *channel.Taps) error
}

// windowRB is how many resource blocks LMMSE estimates at a time: more gain less than
// a tenth of a dB and take time with their square.
const windowRB = 8

func (d DMRS) signal() ofdm.DMRS {
	return ofdm.DMRS{Type: d.Type, Length: d.Length, Additional: d.Additional, TypeAPosition: d.TypeAPosition, NumCDMGroups: d.NumCDMGroups}
}

// buildSlot places pilots and data, and makes the channel model of OFDM.
func (l *Link) buildSlot() (err error) {
	c := l.config.Slot
	if l.slot, err = c.DMRS.signal().Slot(ofdm.Allocation{NumRB: c.NumPRB, NumSymbols: c.NumSymbols, NumLayers: 1}); err != nil {
		return setting.Bad("dmrs", "", "%s", strings.TrimPrefix(err.Error(), "dmrs: "))
	}
	if !l.config.slotted() {
		return nil
	}
	profile, err := channel.Lookup(l.config.Channel)
	if err != nil {
		return err
	}
	slots := channel.Slots{Num: c.NumSymbols, IntervalS: l.symbolS()}
	if profile.HasAngles() {
		element := channel.Panel{Rows: 1, Cols: 1, RowSpacing: 0.5, ColSpacing: 0.5}
		rx := element
		rx.Cols = l.config.NumRx
		l.model, err = channel.NewCDL(channel.CDLConfig{Profile: profile, CarrierHz: float64(c.Carrier), BS: element, UE: rx, Slots: slots})
		return err
	}
	l.model, err = channel.NewTDL(channel.TDLConfig{Profile: profile, CarrierHz: float64(c.Carrier), NumBSAnt: 1, NumUEAnt: l.config.NumRx, Slots: slots})
	return err
}

// symbolS is the mean duration of a symbol with its prefix.
func (l *Link) symbolS() float64 {
	n, err := nr.NumerologyOf(float64(l.config.Slot.SubcarrierSpacing))
	if err != nil {
		return 0 // not reached: check has looked
	}
	return n.SlotDuration().Seconds() / nr.SymbolsPerSlot
}

// rayleighSlots says whether every resource element fades by Rayleigh's law and is
// known to the receiver: then the closed forms hold.
func (l *Link) rayleighSlots() bool {
	profile, err := channel.Lookup(l.config.Channel)
	return err == nil && !profile.LOS && !profile.HasAngles() && l.config.Slot.Estimator == "perfect"
}

// newFilter makes the LMMSE estimator of the delays of the profile and of Clarke's
// Doppler spectrum, with the line of sight of a profile at the angle that TDL has.
func (l *Link) newFilter(n0 float64) (*ofdm.LMMSE, error) {
	c := l.config.Slot
	profile, err := channel.Lookup(l.config.Channel)
	if err != nil {
		return nil, err
	}
	pdp := profile.PDP(float64(c.DelaySpread))
	doppler := channel.DopplerHz(float64(c.Speed), float64(c.Carrier))
	correlation := ofdm.Correlation{
		Frequency: func(d float64) complex128 { return pdp.FrequencyCorrelation(d * float64(c.SubcarrierSpacing)) },
		Time: func(d float64) complex128 {
			lag := d * l.symbolS()
			sin, cos := math.Sincos(2 * math.Pi * doppler * lag * math.Sqrt2 / 2)
			return complex((1-pdp.LOSPower)*channel.JakesCorrelation(doppler, lag), 0) + complex(pdp.LOSPower*cos, pdp.LOSPower*sin)
		},
	}
	return ofdm.NewLMMSE(l.slot.Pilots[0], l.slot.Grid, correlation, n0, windowRB*nr.SubcarriersPerRB)
}

// slotAir sends a slot of OFDM. Within a symbol the channel stands still: there is no
// interference between subcarriers. Prefixes are taken to be long enough.
type slotAir struct {
	link     *Link
	sigma    complex128
	n0       float64
	rule     mapping.Rule
	estimate func(h, observed []complex128) error // nil: the channel is known
	extra    []float64                            // variance of the error of the estimate, a resource element

	taps     *channel.Taps
	response []complex128 // [symbol, subcarrier, antenna]
	x        []complex128 // [symbol, subcarrier]
	symbols  []complex64  // of data
	observed []complex128
	h, y     []complex128 // of one antenna
	sum      []complex128 // over antennas: conj(h) y
	gain     []float64    // |h|^2
	noise    []float64    // |h|^2 times the noise of the antenna and of the estimate
	variance []float32
}

func newSlotAir(c *conditions) (*slotAir, error) {
	l := c.link
	n, data := l.slot.Grid.Len(), len(l.slot.Data)
	a := &slotAir{link: l, sigma: complex(math.Sqrt(c.n0), 0), n0: c.n0, rule: demappers[l.config.Demapper],
		extra: make([]float64, n), taps: l.model.NewTaps(), response: make([]complex128, n*l.config.NumRx),
		x: make([]complex128, n), symbols: make([]complex64, data), observed: make([]complex128, l.slot.Pilots[0].Len()),
		h: make([]complex128, n), y: make([]complex128, n), sum: make([]complex128, data), gain: make([]float64, data),
		noise: make([]float64, data), variance: make([]float32, data)}
	pilots, grid := l.slot.Pilots[0], l.slot.Grid
	switch l.config.Slot.Estimator {
	case "perfect":
		return a, nil
	case "lmmse":
		a.estimate, a.extra = c.filter.Estimate, c.filter.MSE()
		return a, nil
	}
	create := ofdm.NewLinear
	if l.config.Slot.Estimator == "ls-nearest" {
		create = ofdm.NewNearest
	}
	e, err := create(pilots, grid)
	if err != nil {
		return nil, err
	}
	a.estimate = e.Estimate
	return a, e.NoiseVariance(a.extra, c.n0)
}

func (a *slotAir) pass(s *rng.Stream, llrs []float32, sent []byte) error {
	l, c := a.link, a.link.config.Slot
	if err := l.scheme.Map(a.symbols, sent); err != nil {
		return err
	}
	clear(a.x)
	l.slot.Pilots[0].Put(a.x)
	for i, re := range l.slot.Data {
		a.x[re] = complex128(a.symbols[i])
	}
	if err := l.model.Draw(s, channel.Link{DelaySpreadS: float64(c.DelaySpread), SpeedMPS: float64(c.Speed)}, a.taps); err != nil {
		return err
	}
	f := channel.Subcarriers{Num: l.slot.Grid.NumSubcarriers, SpacingHz: float64(c.SubcarrierSpacing)}
	if err := a.taps.CFR(f, channel.Downlink, a.response); err != nil {
		return err
	}
	clear(a.sum)
	clear(a.gain)
	clear(a.noise)
	for antenna := range l.config.NumRx {
		if err := a.receive(s, antenna); err != nil {
			return err
		}
	}
	for i, sum := range a.sum {
		// An estimate of zero says nothing: certainty of nothing.
		gain := max(a.gain[i], 1e-30)
		a.symbols[i] = complex64(sum / complex(gain, 0))
		a.variance[i] = float32(min(max(a.noise[i], 1e-30)/(gain*gain), 1e30))
	}
	return l.scheme.Demap(llrs, a.symbols, a.variance, a.rule)
}

// receive adds what an antenna receives to the sums of maximum ratio combining.
func (a *slotAir) receive(s *rng.Stream, antenna int) error {
	l := a.link
	for i, x := range a.x {
		h := a.response[i*l.config.NumRx+antenna]
		a.h[i] = h
		a.y[i] = h*x + a.sigma*s.ComplexNormal()
	}
	if a.estimate != nil {
		if err := l.slot.Pilots[0].Observe(a.observed, a.y); err != nil {
			return err
		}
		if err := a.estimate(a.h, a.observed); err != nil {
			return err
		}
	}
	for i, re := range l.slot.Data {
		h, y := a.h[re], a.y[re]
		gain := real(h)*real(h) + imag(h)*imag(h)
		a.sum[i] += complex(real(h), -imag(h)) * y
		a.gain[i] += gain
		a.noise[i] += gain * (a.n0 + a.extra[re])
	}
	return nil
}
