package nr

import (
	"fmt"
	"math"
)

// ClauseTBS is where the sizes of TBSTable stand.
const ClauseTBS = "TS 38.214 Table 5.1.3.2-1"

// TBSTable lists the transport block sizes of up to 3824 bits (TS 38.214 table
// 5.1.3.2-1); its first entry has index 1.
var TBSTable = []int{
	24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192, 208, 224,
	240, 256, 272, 288, 304, 320, 336, 352, 368, 384, 408, 432, 456, 480, 504, 528, 552, 576, 608, 640, 672, 704,
	736, 768, 808, 848, 888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416, 1480,
	1544, 1608, 1672, 1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536, 2600, 2664, 2728,
	2792, 2856, 2976, 3104, 3240, 3368, 3496, 3624, 3752, 3824,
}

// An Allocation is what a transport block is sent on.
type Allocation struct {
	NumPRB     int
	NumSymbols int // OFDM symbols of the allocation in the slot
	NumDMRS    int // resource elements of DM-RS in a PRB, of the CDM groups without data too
	Overhead   int // xOverhead: 0, 6, 12 or 18 resource elements in a PRB
	MCS        MCS
	NumLayers  int
}

func (a Allocation) validate() error {
	switch {
	case a.NumPRB < 1 || a.NumPRB > 275:
		return fmt.Errorf("nr: NumPRB is %d; give 1 to 275", a.NumPRB)
	case a.NumSymbols < 1 || a.NumSymbols > SymbolsPerSlot:
		return fmt.Errorf("nr: NumSymbols is %d; give 1 to %d", a.NumSymbols, SymbolsPerSlot)
	case a.NumLayers < 1 || a.NumLayers > 4:
		return fmt.Errorf("nr: NumLayers is %d; a transport block has 1 to 4", a.NumLayers)
	case a.NumDMRS < 0 || a.Overhead < 0 || a.perPRB() <= 0:
		return fmt.Errorf("nr: %d symbols with %d resource elements of DM-RS and %d of overhead leave nothing for data", a.NumSymbols, a.NumDMRS, a.Overhead)
	case !(a.MCS.RateX1024 > 0 && a.MCS.RateX1024 <= 1024) || a.MCS.Modulation < 1:
		return fmt.Errorf("nr: %v with rate %g/1024 is no MCS; take one from a table", a.MCS.Modulation, a.MCS.RateX1024)
	}
	return nil
}

func (a Allocation) perPRB() int { return SubcarriersPerRB*a.NumSymbols - a.NumDMRS - a.Overhead }

// NumRE is the number of resource elements that count for the transport block size:
// at most 156 of each PRB.
func (a Allocation) NumRE() int { return min(156, a.perPRB()) * a.NumPRB }

// TransportBlockSize computes the number of bits of a transport block as TS 38.214
// clause 5.1.3.2 does.
func TransportBlockSize(a Allocation) (int, error) {
	if err := a.validate(); err != nil {
		return 0, err
	}
	info := float64(a.NumRE()) * a.MCS.SpectralEfficiency() * float64(a.NumLayers)
	if info <= 3824 {
		return tableSize(info), nil
	}
	return computedSize(info, a.MCS.Rate()), nil
}

func tableSize(info float64) int {
	step := math.Exp2(max(3, math.Floor(math.Log2(info))-6))
	quantised := max(24, int(step*math.Floor(info/step)))
	for _, size := range TBSTable {
		if size >= quantised {
			return size
		}
	}
	return TBSTable[len(TBSTable)-1] // not reached: what is quantised is at most 3824
}

func computedSize(info, rate float64) int {
	step := math.Exp2(math.Floor(math.Log2(info-24)) - 5)
	// Ties go to the larger number.
	bits := max(3840, int(step*math.Floor((info-24)/step+0.5))) + 24
	blocks := 1
	switch {
	case rate <= 0.25:
		blocks = ceilDiv(bits, 3816)
	case bits-24 > 8424:
		blocks = ceilDiv(bits, 8424)
	}
	return 8*blocks*ceilDiv(bits, 8*blocks) - 24
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// BaseGraph is 1 or 2, the LDPC base graph for a transport block of size bits, without
// CRC, at a code rate (TS 38.212 clauses 6.2.2 and 7.2.2).
func BaseGraph(size int, rate float64) int {
	if size <= 292 || size <= 3824 && rate <= 0.67 || rate <= 0.25 {
		return 2
	}
	return 1
}

// NumCodeBlocks is the number of LDPC code blocks that a transport block of size bits
// is cut into at a code rate (TS 38.212 clauses 5.2.2, 7.2.1 and 7.2.2).
func NumCodeBlocks(size int, rate float64) int {
	largest := 8448
	if BaseGraph(size, rate) == 2 {
		largest = 3840
	}
	bits := size + 16
	if size > 3824 {
		bits = size + 24
	}
	if bits <= largest {
		return 1
	}
	return ceilDiv(bits, largest-24)
}

// PeakRateBPS is the supported maximum data rate of one carrier (TS 38.306 clause
// 4.1.2) with a scaling factor of 1. Overhead is 0.14 in the downlink of FR1, 0.18 in
// that of FR2, 0.08 and 0.10 in the uplink.
func PeakRateBPS(n Numerology, numRB, numLayers int, m Modulation, overhead float64) float64 {
	const maxRate = 948.0 / 1024
	symbolS := n.SlotDuration().Seconds() / SymbolsPerSlot
	return float64(numLayers) * float64(m) * maxRate * float64(numRB*SubcarriersPerRB) / symbolS * (1 - overhead)
}
