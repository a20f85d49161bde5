package ofdm

import (
	"fmt"
	"math"
	"slices"

	"github.com/comlam/comlam/wireless/nr"
)

// DMRS is the demodulation reference signal of a PDSCH of mapping type A (TS 38.211
// clause 7.4.1.1); that of a PUSCH with CP-OFDM is the same but for names.
type DMRS struct {
	Type          int // dmrs-Type: 1 (every second subcarrier) or 2 (two of six)
	Length        int // maxLength: 1 single-symbol, 2 double-symbol
	Additional    int // dmrs-AdditionalPosition, 0 to 3; double-symbol 0 or 1
	TypeAPosition int // dmrs-TypeA-Position: the first symbol, 2 or 3
	NumCDMGroups  int // CDM groups without data, 1 to 2 or 3; their power goes to the pilots
	ScramblingID  int // N_ID, 0 to 65535
	SCID          int // n_SCID, 0 or 1
}

// Allocation is what a slot is used for: whole resource blocks and all symbols from
// the first on.
type Allocation struct {
	FirstRB    int // counted from common resource block 0, where the sequence starts
	NumRB      int
	NumSymbols int
	NumLayers  int // on ports 1000, 1001, ...
	Slot       int // in the frame
}

// A Slot says what each resource element of an allocation carries. It is immutable.
type Slot struct {
	Grid   Grid
	Pilots []*Pilots // a layer
	Data   []int     // resource elements of data, in the order of clause 7.3.1.5: subcarriers first
}

// symbols of tables 7.4.1.1.2-3 and 7.4.1.1.2-4 for mapping type A, behind the first
// one: by the number of symbols from the start of the slot to the end of the
// allocation, for additional positions 0 to 3.
var (
	laterSingle = map[int][4][]int{
		3: {}, 4: {}, 5: {}, 6: {}, 7: {},
		8:  {1: {7}, 2: {7}, 3: {7}},
		9:  {1: {7}, 2: {7}, 3: {7}},
		10: {1: {9}, 2: {6, 9}, 3: {6, 9}},
		11: {1: {9}, 2: {6, 9}, 3: {6, 9}},
		12: {1: {9}, 2: {6, 9}, 3: {5, 8, 11}},
		13: {1: {11}, 2: {7, 11}, 3: {5, 8, 11}},
		14: {1: {11}, 2: {7, 11}, 3: {5, 8, 11}},
	}
	laterDouble = map[int][4][]int{
		4: {}, 5: {}, 6: {}, 7: {}, 8: {}, 9: {},
		10: {1: {8}}, 11: {1: {8}}, 12: {1: {8}}, 13: {1: {10}}, 14: {1: {10}},
	}
)

func (d DMRS) check() error {
	groups := map[int]int{1: 2, 2: 3}[d.Type]
	switch {
	case groups == 0:
		return fmt.Errorf("dmrs: type %d; there are 1 and 2", d.Type)
	case d.Length != 1 && d.Length != 2:
		return fmt.Errorf("dmrs: length %d; there are 1 and 2 symbols", d.Length)
	case d.Additional < 0 || d.Additional > 3 || d.Length == 2 && d.Additional > 1:
		return fmt.Errorf("dmrs: additional position %d of length %d; there are 0 to 3 of length 1, 0 and 1 of length 2", d.Additional, d.Length)
	case d.TypeAPosition != 2 && d.TypeAPosition != 3:
		return fmt.Errorf("dmrs: first symbol %d of mapping type A; there are 2 and 3 (mapping type B is not here)", d.TypeAPosition)
	case d.Additional == 3 && d.TypeAPosition != 2:
		return fmt.Errorf("dmrs: additional position 3 goes with first symbol 2 only (clause 7.4.1.1.2)")
	case d.NumCDMGroups < 1 || d.NumCDMGroups > groups:
		return fmt.Errorf("dmrs: %d CDM groups without data; type %d has 1 to %d", d.NumCDMGroups, d.Type, groups)
	case d.ScramblingID < 0 || d.ScramblingID > 65535 || d.SCID < 0 || d.SCID > 1:
		return fmt.Errorf("dmrs: scrambling identity %d, n_SCID %d; use 0 to 65535, and 0 or 1", d.ScramblingID, d.SCID)
	}
	return nil
}

// Symbols lists where the signal stands in an allocation of the first numSymbols
// symbols of a slot; of length 2, both symbols of each pair.
func (d DMRS) Symbols(numSymbols int) ([]int, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	table := laterSingle
	if d.Length == 2 {
		table = laterDouble
	}
	later, ok := table[numSymbols]
	if !ok || d.TypeAPosition+d.Length > numSymbols {
		return nil, fmt.Errorf("dmrs: %d symbols have no room for a signal of length %d from symbol %d on; use %d to 14",
			numSymbols, d.Length, d.TypeAPosition, max(2+d.Length, d.TypeAPosition+d.Length))
	}
	var symbols []int
	for _, l := range append([]int{d.TypeAPosition}, later[d.Additional]...) {
		for i := range d.Length {
			symbols = append(symbols, l+i)
		}
	}
	return symbols, nil
}

// NumPorts is how many layers the signal can tell apart.
func (d DMRS) NumPorts() int { return (2 + 2*d.Type) * d.Length }

// NumPerRB is the number of resource elements of a resource block that carry no data:
// what nr.Allocation calls NumDMRS.
func (d DMRS) NumPerRB(numSymbols int) (int, error) {
	symbols, err := d.Symbols(numSymbols)
	return len(symbols) * d.NumCDMGroups * map[int]int{1: 6, 2: 4}[d.Type], err
}

// A port is a row of table 7.4.1.1.2-1 or 7.4.1.1.2-2.
type port struct {
	group  int
	wf, wt [2]float64
}

func (d DMRS) port(p int) port {
	groups := 1 + d.Type
	q := port{group: p / 2 % groups, wf: [2]float64{1, 1}, wt: [2]float64{1, 1}}
	if p%2 == 1 {
		q.wf[1] = -1
	}
	if p >= 2*groups {
		q.wt[1] = -1
	}
	return q
}

// subcarrier of sequence element 2n+i in CDM group g (clause 7.4.1.1.2).
func (d DMRS) subcarrier(n, i, g int) int {
	if d.Type == 1 {
		return 4*n + 2*i + g
	}
	return 6*n + i + 2*g
}

// pairs is the number of n of a resource block.
func (d DMRS) pairs() int { return map[int]int{1: 3, 2: 2}[d.Type] }

func (a Allocation) check(d DMRS) error {
	switch {
	case a.NumRB < 1 || a.FirstRB < 0 || a.FirstRB+a.NumRB > 275:
		return fmt.Errorf("dmrs: %d resource blocks from %d on; use 1 to 275 of those", a.NumRB, a.FirstRB)
	case a.NumLayers < 1 || a.NumLayers > d.NumPorts():
		return fmt.Errorf("dmrs: %d layers; type %d of length %d tells 1 to %d apart", a.NumLayers, d.Type, d.Length, d.NumPorts())
	case a.Slot < 0 || a.Slot >= 640:
		return fmt.Errorf("dmrs: slot %d of the frame; use 0 to 639", a.Slot)
	}
	for p := range a.NumLayers {
		if d.port(p).group >= d.NumCDMGroups {
			return fmt.Errorf("dmrs: layer %d is in CDM group %d, where data would be; use %d CDM groups without data", p, d.port(p).group, d.port(p).group+1)
		}
	}
	return nil
}

// Slot places the signal and the data of an allocation.
func (d DMRS) Slot(a Allocation) (*Slot, error) {
	symbols, err := d.Symbols(a.NumSymbols)
	if err != nil {
		return nil, err
	}
	if err := a.check(d); err != nil {
		return nil, err
	}
	s := &Slot{Grid: Grid{a.NumSymbols, a.NumRB * nr.SubcarriersPerRB}}
	for p := range a.NumLayers {
		s.Pilots = append(s.Pilots, d.pilots(a, symbols, d.port(p)))
	}
	for l := range a.NumSymbols {
		for k := range s.Grid.NumSubcarriers {
			if !slices.Contains(symbols, l) || !d.reserved(k) {
				s.Data = append(s.Data, l*s.Grid.NumSubcarriers+k)
			}
		}
	}
	return s, nil
}

// reserved says whether subcarrier k of a symbol of the signal carries no data.
func (d DMRS) reserved(k int) bool {
	if d.Type == 1 {
		return k%2 < d.NumCDMGroups
	}
	return k%6/2 < d.NumCDMGroups
}

// pilots of one port. What shares resource elements is despread over pairs of
// subcarriers, and over pairs of symbols for length 2.
func (d DMRS) pilots(a Allocation, symbols []int, q port) *Pilots {
	numSubcarriers, pairs := a.NumRB*nr.SubcarriersPerRB, a.NumRB*d.pairs()
	// A single layer is alone in its group. Of more, all are despread, also one that is
	// alone, so that they have as many observations.
	over, along := 1, d.Length
	if a.NumLayers > 1 {
		over = 2
	}
	p := &Pilots{share: over * along}
	sequences := make([][]complex128, len(symbols))
	for i, l := range symbols {
		sequences[i] = make([]complex128, 2*pairs)
		goldQPSK(sequences[i], d.init(a.Slot, l), 2*a.FirstRB*d.pairs())
	}
	boost := math.Sqrt(float64(d.NumCDMGroups)) // table 4.1-1 of TS 38.214
	for at := 0; at < len(symbols); at += along {
		p.Symbols = append(p.Symbols, float64(symbols[at])+float64(along-1)/2)
		for first := 0; first < 2*pairs; first += over {
			var middle float64
			for i := first; i < first+over; i++ {
				k := d.subcarrier(i/2, i%2, q.group)
				middle += float64(k) / float64(over)
				for t := range along {
					w := complex(boost*q.wf[i%2]*q.wt[t], 0)
					p.re = append(p.re, symbols[at+t]*numSubcarriers+k)
					p.value = append(p.value, w*sequences[at+t][i])
				}
			}
			if at == 0 {
				p.Subcarriers = append(p.Subcarriers, middle)
			}
		}
	}
	p.weigh()
	return p
}

// init is c_init of clause 7.4.1.1.1 without dmrs-Downlink-r16.
func (d DMRS) init(slot, symbol int) uint32 {
	return uint32(((nr.SymbolsPerSlot*slot+symbol+1)*(2*d.ScramblingID+1)<<17 + 2*d.ScramblingID + d.SCID) & (1<<31 - 1))
}
