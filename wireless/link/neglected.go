package link

import (
	"math"

	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/nr"
)

// Neglected is the interference that slots of OFDM would have and a Link does not
// simulate, as a share of the received power: what arrives past the prefix, between
// symbols and between subcarriers, and what the motion within a symbol spreads to other
// subcarriers. Error rates are too low where it is no longer small beside the noise. It
// is 0 for channels without OFDM.
func (l *Link) Neglected() float64 {
	if !l.config.slotted() {
		return 0
	}
	c := l.config.Slot
	profile, err := channel.Lookup(l.config.Channel)
	if err != nil {
		return 0 // not reached: Build has looked
	}
	n, err := nr.NumerologyOf(float64(c.SubcarrierSpacing))
	if err != nil {
		return 0 // not reached, either
	}
	pdp := profile.PDP(float64(c.DelaySpread))
	late := pastPrefix(pdp.DelayS, pdp.Power, n.PrefixS(false), n.UsefulSymbolS())
	return min(1, late+spread(channel.DopplerHz(float64(c.Speed), float64(c.Carrier)), n.UsefulSymbolS()))
}

// pastPrefix is the interference of taps that come after the prefix. A share x of the
// window of such a tap belongs to the symbol before: 1-x of its amplitude is left, and
// all power but that interferes.
func pastPrefix(delayS, power []float64, prefixS, symbolS float64) (sum float64) {
	for i, d := range delayS {
		x := min(1, max(0, d-prefixS)/symbolS)
		sum += power[i] * x * (2 - x)
	}
	return sum
}

// spread bounds the interference between subcarriers by Clarke's Doppler spectrum, from
// above and closely where it is small (Y. Li, L. Cimini, "Bounds on the interchannel
// interference of OFDM in time-varying impairments", IEEE Trans. Commun. 49, 2001).
func spread(dopplerHz, symbolS float64) float64 {
	turn := 2 * math.Pi * dopplerHz * symbolS
	return turn * turn / 24
}

// NeglectedFrom is the Es/N0 in dB from which Neglected is more than a tenth of the
// noise, worth 0.4 dB; +Inf where it is nothing.
func (c Curve) NeglectedFrom() float64 {
	if c.Neglected <= 0 {
		return math.Inf(1)
	}
	return -10 - decibel(c.Neglected)
}
