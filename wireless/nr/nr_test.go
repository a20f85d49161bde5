package nr

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tolerance)
	}
}

func TestNumerologies(t *testing.T) {
	for i, want := range []struct{ scs, slots, symbol, prefix float64 }{
		{15e3, 10, 66.667e-6, 4.688e-6}, {30e3, 20, 33.333e-6, 2.344e-6},
		{60e3, 40, 16.667e-6, 1.172e-6}, {120e3, 80, 8.333e-6, .586e-6}, {240e3, 160, 4.167e-6, .293e-6},
	} {
		n, err := NumerologyOf(want.scs)
		if err != nil || n.Mu != i || float64(n.SlotsPerFrame()) != want.slots {
			t.Errorf("%v Hz: %+v, %v", want.scs, n, err)
		}
		near(t, "useful symbol", n.UsefulSymbolS(), want.symbol, 1e-9)
		near(t, "prefix", n.PrefixS(false), want.prefix, 1e-9)
	}
	if _, err := NumerologyOf(45e3); err == nil {
		t.Error("45 kHz is a numerology")
	}
	// Half a millisecond is filled exactly, whatever the numerology.
	for _, n := range Numerologies {
		symbols := float64(SymbolsPerSlot * n.SlotsPerSubframe() / 2)
		got := symbols*(n.UsefulSymbolS()+n.PrefixS(false)) + n.PrefixS(true) - n.PrefixS(false)
		near(t, fmt.Sprintf("half a subframe of %d", n.Mu), got, 0.5e-3, 1e-15)
	}
}

func TestChannels(t *testing.T) {
	if len(Channels) != 46 {
		t.Errorf("%d channels, want 46", len(Channels))
	}
	// Minimum guard bands as TS 38.101-1 and -2 print them in table 5.3.3-1, kHz.
	for _, c := range []struct {
		mhz, khz int
		fr2      bool
		guard    float64
	}{
		{5, 15, false, 242.5}, {20, 15, false, 452.5}, {40, 15, false, 552.5}, {50, 15, false, 692.5},
		{5, 30, false, 505}, {40, 30, false, 905}, {90, 30, false, 885}, {100, 30, false, 845},
		{10, 60, false, 1010}, {50, 60, false, 1570}, {100, 60, false, 1370},
		{50, 60, true, 1210}, {200, 60, true, 4930}, {50, 120, true, 1900}, {400, 120, true, 9860},
	} {
		got, err := ChannelOf(c.mhz, c.khz, c.fr2)
		if err != nil {
			t.Error(err)
			continue
		}
		near(t, fmt.Sprintf("guard of %+v", c), got.GuardHz()/1e3, c.guard, 1e-9)
	}
	for _, c := range Channels {
		if c.GuardHz() <= 0 || c.OccupiedHz() < 0.7*float64(c.BandwidthMHz)*1e6 {
			t.Errorf("%+v: guard %v Hz", c, c.GuardHz())
		}
	}
	if _, err := ChannelOf(100, 15, false); err == nil {
		t.Error("100 MHz at 15 kHz is a channel")
	}
}

func TestTablesAreWhole(t *testing.T) {
	for _, c := range []struct {
		table Table
		first int
		rows  int
		least float64 // spectral efficiency of the first and last row as printed
		most  float64
	}{
		{MCSTable1, 0, 29, 0.2344, 5.5547}, {MCSTable2, 0, 28, 0.2344, 7.4063}, {MCSTable3, 0, 29, 0.0586, 4.5234},
		{CQITable1, 1, 15, 0.1523, 5.5547}, {CQITable2, 1, 15, 0.1523, 7.4063}, {CQITable3, 1, 15, 0.0586, 4.5234},
	} {
		rows := c.table.Rows
		if len(rows) != c.rows || rows[0].Index != c.first {
			t.Errorf("%s: %d rows from %d", c.table.Clause, len(rows), rows[0].Index)
		}
		near(t, c.table.Clause, rows[0].SpectralEfficiency(), c.least, 5e-5)
		near(t, c.table.Clause, rows[len(rows)-1].SpectralEfficiency(), c.most, 5.1e-5)
		for i, r := range rows[1:] {
			// MCS 16 to 17 of table 1 is the one step down that the standard has: 2.5703 to 2.5664.
			if d := r.SpectralEfficiency() - rows[i].SpectralEfficiency(); d <= -0.004 || r.Modulation < rows[i].Modulation {
				t.Errorf("%s: index %d is no more than the one before", c.table.Clause, r.Index)
			}
		}
	}
	if _, err := MCSTable1.MCS(29); err == nil {
		t.Error("MCS 29 has a rate")
	}
	if _, err := CQITable1.MCS(0); err == nil {
		t.Error("CQI 0 has a rate")
	}
}

// The middle column of TS 38.214 table 5.2.2.1-2 as printed.
func TestCQIEfficiency(t *testing.T) {
	for i, want := range []float64{.1523, .2344, .3770, .6016, .8770, 1.1758, 1.4766, 1.9141, 2.4063, 2.7305, 3.3223, 3.9023, 4.5234, 5.1152, 5.5547} {
		near(t, fmt.Sprint("CQI ", i+1), CQITable1.Rows[i].SpectralEfficiency(), want, 5.1e-5)
	}
}

func TestTransportBlockSize(t *testing.T) {
	if len(TBSTable) != 93 || !slices.IsSorted(TBSTable) {
		t.Errorf("the table has %d sizes, want 93 that rise", len(TBSTable))
	}
	for _, size := range TBSTable {
		if size%8 != 0 {
			t.Errorf("%d bits are no bytes", size)
		}
	}
	for _, c := range []struct {
		table            Table
		mcs, prb, layers int
		want, wantBlocks int
	}{
		{MCSTable1, 0, 1, 1, 24, 1}, {MCSTable1, 4, 10, 1, 808, 1}, {MCSTable1, 13, 50, 1, 12552, 2},
		{MCSTable1, 22, 106, 1, 54296, 7}, {MCSTable2, 27, 273, 4, 1081512, 129},
	} {
		m, err := c.table.MCS(c.mcs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := TransportBlockSize(Allocation{NumPRB: c.prb, NumSymbols: 12, NumDMRS: 12, MCS: m, NumLayers: c.layers})
		if err != nil || got != c.want || NumCodeBlocks(got, m.Rate()) != c.wantBlocks {
			t.Errorf("%+v: got %d bits in %d blocks, %v", c, got, NumCodeBlocks(got, m.Rate()), err)
		}
	}
}

// TestTransportBlocksFit: over all rows and sizes a block is whole bytes, code blocks
// are equally long, more resource never carries less, and the rate is near the target.
func TestTransportBlocksFit(t *testing.T) {
	for _, table := range []Table{MCSTable1, MCSTable2, MCSTable3} {
		for _, m := range table.Rows {
			before := 0
			for prb := 1; prb <= 275; prb++ {
				a := Allocation{NumPRB: prb, NumSymbols: 13, NumDMRS: 12, MCS: m, NumLayers: 2}
				size, err := TransportBlockSize(a)
				if err != nil {
					t.Fatal(err)
				}
				if size%8 != 0 || size < before {
					t.Fatalf("%s index %d, %d PRB: %d bits after %d", table.Clause, m.Index, prb, size, before)
				}
				if c := NumCodeBlocks(size, m.Rate()); c > 1 && (size+24)%c != 0 {
					t.Fatalf("%d bits in %d code blocks that are not equally long", size, c)
				}
				before = size
				info := float64(a.NumRE()) * m.SpectralEfficiency() * 2
				if size > 3824 && math.Abs(float64(size)/info-1) > 0.03 {
					t.Fatalf("%s index %d, %d PRB: %d bits for %g of information", table.Clause, m.Index, prb, size, info)
				}
			}
		}
	}
}

func TestAllocationMistakes(t *testing.T) {
	good := Allocation{NumPRB: 1, NumSymbols: 12, MCS: MCSTable1.Rows[0], NumLayers: 1}
	for _, spoil := range []func(*Allocation){
		func(a *Allocation) { a.NumPRB = 0 }, func(a *Allocation) { a.NumSymbols = 15 }, func(a *Allocation) { a.NumLayers = 5 },
		func(a *Allocation) { a.NumDMRS = 144 }, func(a *Allocation) { a.MCS = MCS{} }, func(a *Allocation) { a.MCS.RateX1024 = math.NaN() },
	} {
		a := good
		spoil(&a)
		if size, err := TransportBlockSize(a); err == nil {
			t.Errorf("%+v: %d bits, want an error", a, size)
		}
	}
}

func TestPeakRate(t *testing.T) {
	near(t, "4 layers, 256QAM, 273 RB, 30 kHz", PeakRateBPS(Numerology{1}, 273, 4, QAM256, 0.14)/1e6, 2337.000, 5e-4)
	near(t, "1 layer, 64QAM, 106 RB, 15 kHz, uplink", PeakRateBPS(Numerology{0}, 106, 1, QAM64, 0.14)/1e6, 85.069, 5e-3)
}

// TestIndicesOfBLERTables compares which MCS indices have a rate with those that
// published link simulations of the same tables have.
func TestIndicesOfBLERTables(t *testing.T) {
	dir := testdata.Dir(t, "sionna_vectors/src/sionna/sys")
	text, err := os.ReadFile(filepath.Join(dir, "esm_params", "eesm_beta_table.json"))
	if err != nil {
		t.Fatal(err)
	}
	var betas struct{ Index map[string][]float64 }
	if err := json.Unmarshal(text, &betas); err != nil {
		t.Fatal(err)
	}
	for _, table := range []Table{MCSTable1, MCSTable2} {
		if got := betas.Index[strconv.Itoa(table.Number)]; len(got) != len(table.Rows) {
			t.Errorf("%s has %d rows, the published parameters %d", table.Clause, len(table.Rows), len(got))
		}
	}
}
