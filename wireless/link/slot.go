package link

import (
	"math"
	"strings"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
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
	if l.slot, err = c.DMRS.signal().Slot(ofdm.Allocation{NumRB: c.NumPRB, NumSymbols: c.NumSymbols, NumLayers: l.config.NumLayers}); err != nil {
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
		tx, rx := element, element
		tx.Cols, rx.Cols = l.config.NumLayers, l.config.NumRx
		l.model, err = channel.NewCDL(channel.CDLConfig{Profile: profile, CarrierHz: float64(c.Carrier), BS: tx, UE: rx, Slots: slots})
		return err
	}
	l.model, err = channel.NewTDL(channel.TDLConfig{Profile: profile, CarrierHz: float64(c.Carrier), NumBSAnt: l.config.NumLayers, NumUEAnt: l.config.NumRx, Slots: slots})
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

// newFilters makes the LMMSE estimators of the delays of the profile and of Clarke's
// Doppler spectrum, with the line of sight of a profile at the angle that TDL has.
func (l *Link) newFilters(n0 float64) ([]*ofdm.LMMSE, error) {
	c := l.config.Slot
	profile, err := channel.Lookup(l.config.Channel)
	if err != nil {
		return nil, err
	}
	pdp := profile.PDP(float64(c.DelaySpread))
	doppler := channel.DopplerHz(float64(c.Speed), float64(c.Carrier))
	power := complex(1/float64(l.config.NumLayers), 0)
	correlation := ofdm.Correlation{
		Frequency: func(d float64) complex128 {
			return power * pdp.FrequencyCorrelation(d*float64(c.SubcarrierSpacing))
		},
		Time: func(d float64) complex128 {
			lag := d * l.symbolS()
			sin, cos := math.Sincos(2 * math.Pi * doppler * lag * math.Sqrt2 / 2)
			return complex((1-pdp.LOSPower)*channel.JakesCorrelation(doppler, lag), 0) + complex(pdp.LOSPower*cos, pdp.LOSPower*sin)
		},
	}
	var filters []*ofdm.LMMSE
	for _, pilots := range l.slot.Pilots {
		f, err := ofdm.NewLMMSE(pilots, l.slot.Grid, correlation, n0, windowRB*nr.SubcarriersPerRB)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	return filters, nil
}
