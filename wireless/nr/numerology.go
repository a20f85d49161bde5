package nr

import (
	"fmt"
	"time"
)

// SymbolsPerSlot is the number of OFDM symbols of a slot with normal cyclic prefix,
// and with the extended one (TS 38.211 tables 4.3.2-1 and 4.3.2-2).
const (
	SymbolsPerSlot         = 14
	SymbolsPerSlotExtended = 12
)

// SubcarriersPerRB is the number of subcarriers of a resource block (TS 38.211
// clause 4.4.4.1).
const SubcarriersPerRB = 12

// BasicTimeUnitS is T_c = 1/(480 kHz * 4096) of TS 38.211 clause 4.1, and Kappa the
// number of them in T_s = 1/(15 kHz * 2048).
const (
	BasicTimeUnitS = 1.0 / (480e3 * 4096)
	Kappa          = 64
)

// Numerology is one row of TS 38.211 table 4.2-1. Mu is its number, 0 to 6; 5 and 6
// came with Release 17.
type Numerology struct{ Mu int }

// Numerologies lists all of them.
var Numerologies = []Numerology{{0}, {1}, {2}, {3}, {4}, {5}, {6}}

// NumerologyOf finds the numerology of a subcarrier spacing.
func NumerologyOf(spacingHz float64) (Numerology, error) {
	for _, n := range Numerologies {
		if n.SubcarrierSpacingHz() == spacingHz {
			return n, nil
		}
	}
	return Numerology{}, fmt.Errorf("nr: no numerology has a subcarrier spacing of %g Hz; give 15e3 times a power of two up to 960e3", spacingHz)
}

// SubcarrierSpacingHz is 15 kHz times 2^Mu.
func (n Numerology) SubcarrierSpacingHz() float64 { return 15e3 * float64(n.power()) }

func (n Numerology) power() int { return 1 << n.Mu }

// SlotsPerSubframe counts the slots of one millisecond.
func (n Numerology) SlotsPerSubframe() int { return n.power() }

// SlotsPerFrame counts the slots of ten milliseconds.
func (n Numerology) SlotsPerFrame() int { return 10 * n.power() }

// SlotDuration is one millisecond divided by 2^Mu.
func (n Numerology) SlotDuration() time.Duration { return time.Millisecond / time.Duration(n.power()) }

// ExtendedPrefix reports whether the standard has an extended cyclic prefix for it.
func (n Numerology) ExtendedPrefix() bool { return n.Mu == 2 }

// UsefulSymbolS is the duration of an OFDM symbol without its prefix, in seconds.
func (n Numerology) UsefulSymbolS() float64 { return 1 / n.SubcarrierSpacingHz() }

// PrefixS is the duration of the normal cyclic prefix of a symbol, in seconds. The
// first symbol and the one in the middle of a subframe (every half millisecond) have a
// longer one (TS 38.211 clause 5.3.1).
func (n Numerology) PrefixS(long bool) float64 {
	units := 144 * Kappa / n.power()
	if long {
		units += 16 * Kappa
	}
	return float64(units) * BasicTimeUnitS
}
