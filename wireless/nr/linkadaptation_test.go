package nr

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func TestEESM(t *testing.T) {
	s := rng.New(1)
	for range 100 {
		sinr := make([]float64, 1+s.IntN(50))
		mean, least := 0.0, math.Inf(1)
		for i := range sinr {
			sinr[i] = math.Pow(10, s.Uniform(-2, 4))
			mean += sinr[i] / float64(len(sinr))
			least = min(least, sinr[i])
		}
		before := 0.0
		for _, beta := range []float64{0.1, 1.6, 30, 1e3, 1e9} {
			got, err := EESM(sinr, beta)
			if err != nil || got < least*(1-1e-12) || got > mean*(1+1e-6) || got < before*(1-1e-6) {
				t.Fatalf("beta %v: %v, least %v, mean %v, %v", beta, got, least, mean, err)
			}
			before = got
		}
	}
	got, err := EESM([]float64{7, 7, 7}, 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "equal ones", got, 7, 1e-12)
	got, err = EESM([]float64{1, 3}, 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "two", got, -2*math.Log((math.Exp(-.5)+math.Exp(-1.5))/2), 1e-12)
	if _, err := EESM(nil, 1); err == nil {
		t.Error("no SINR is taken")
	}
	if _, err := EESM([]float64{-1}, 1); err == nil {
		t.Error("an SINR of -1 is taken")
	}
	// Of which the effective one was not a number, and the choice the lowest MCS.
	if _, _, err := MCSTable1.Select([]float64{math.Inf(1)}, 0); err == nil {
		t.Error("an infinite SINR is taken")
	}
}

var allTables = []Table{MCSTable1, MCSTable2, MCSTable3, CQITable1, CQITable2, CQITable3}

// Every row has its beta and its SNR: above the limit of Shannon, and by no more than 4 dB.
func TestRequiredSNR(t *testing.T) {
	for number, list := range betas {
		table := map[int]Table{1: MCSTable1, 2: MCSTable2}[number]
		if len(list) != len(table.Rows) {
			t.Errorf("%s: %d betas", table.Clause, len(list))
		}
	}
	for _, table := range allTables {
		for i, row := range table.Rows {
			dB, shannon := RequiredSNRdB(row), 10*math.Log10(math.Exp2(row.SpectralEfficiency())-1)
			if !(dB > shannon && dB < shannon+4) {
				t.Errorf("%s index %d: %v dB, Shannon's limit is %.2f", table.Clause, row.Index, dB, shannon)
			}
			if i > 0 && dB < RequiredSNRdB(table.Rows[i-1])-0.15 && row.Modulation == table.Rows[i-1].Modulation {
				t.Errorf("%s index %d: %v dB, below the row before", table.Clause, row.Index, dB)
			}
			if !(Beta(row) > 0) {
				t.Errorf("%s index %d has no beta", table.Clause, row.Index)
			}
		}
	}
	if !math.IsNaN(RequiredSNRdB(MCS{})) {
		t.Error("no MCS has an SNR")
	}
}

// The link simulations of Sionna, whose grid of SNRs is 1.79 dB wide, have these SNRs for
// code blocks of 1,000 bits, within half a dB by interpolation.
func TestRequiredSNRIsNearRecordedOnes(t *testing.T) {
	for index, want := range map[int]float64{3: -2.9, 5: -1.1, 8: 2.3, 10: 3.1, 13: 5.9, 15: 7.8, 18: 9.5, 20: 11.6, 23: 14.7, 25: 16.5, 28: 19.3} {
		near(t, "SNR", RequiredSNRdB(MCSTable1.Rows[index]), want, 1.1)
	}
}

func TestSelect(t *testing.T) {
	for _, table := range allTables {
		before := -1.0
		for dB := -12.0; dB < 40; dB++ {
			got, ok, err := table.Select([]float64{math.Pow(10, dB/10)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if ok != (dB >= RequiredSNRdB(table.Rows[0])) || ok && dB < RequiredSNRdB(got) || got.SpectralEfficiency() < before {
				t.Errorf("%s at %v dB: index %d, %v", table.Clause, dB, got.Index, ok)
			}
			before = got.SpectralEfficiency()
		}
		if got, _, err := table.Select([]float64{1e4}, 0); err != nil || got != table.Rows[len(table.Rows)-1] {
			t.Errorf("%s at 40 dB: %+v, %v", table.Clause, got, err)
		}
	}
	flat, _, err := MCSTable1.Select([]float64{10}, 0)
	if err != nil {
		t.Fatal(err)
	}
	fading, _, err := MCSTable1.Select([]float64{1, 19}, 0)
	if err != nil || fading.Index >= flat.Index {
		t.Errorf("fading with the same mean: index %d, without %d, %v", fading.Index, flat.Index, err)
	}
	if _, _, err := MCSTable1.Select(nil, 0); err == nil {
		t.Error("no SINR is taken")
	}
}

// Over a link whose estimates are 3 dB too good, blocks fail at the target all the same.
// The offset stays within some steps, so the rate is the target to within their number
// over that of blocks, closer than chance would be.
func TestOLLA(t *testing.T) {
	for _, target := range []float64{0.01, 0.1, 0.17, 0.3} {
		o, err := NewOLLA(target, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		s := rng.New(2, math.Float64bits(target))
		const blocks, warm = 20000, 2000
		wrong, offset := 0, 0.0
		for i := range blocks + warm {
			row, _, err := MCSTable1.Select([]float64{math.Pow(10, 1.3)}, o.OffsetDB)
			if err != nil {
				t.Fatal(err)
			}
			// A fall by a factor of ten each dB around the SNR of the row.
			bler := 1 / (1 + 9*math.Pow(10, 10-RequiredSNRdB(row)))
			arrived := s.Float64() >= bler
			o.Feedback(arrived)
			if i >= warm {
				offset += o.OffsetDB / blocks
				if !arrived {
					wrong++
				}
			}
		}
		got, half := float64(wrong)/blocks, 2.5758*math.Sqrt(target*(1-target)/blocks)
		t.Logf("target %v: %v of 20000 blocks failed, interval +- %.4f, mean offset %.2f dB", target, got, half, offset)
		near(t, "block error rate", got, target, half)
	}
	o, err := NewOLLA(0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		o.Feedback(false)
	}
	near(t, "limit", o.OffsetDB, -20, 0)
	if _, err := NewOLLA(1, 1); err == nil {
		t.Error("a target of 1 is taken")
	}
}
