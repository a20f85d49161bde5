package link

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// A curve is a row of a recorded table: block error rates of code blocks without CRC,
// flooding sum-product, 20 iterations.
type curve struct {
	SNRdB []float64 `json:"SNR_db"`
	CBS   map[string]struct{ BLER []float64 }
}

func recordedCurves(t *testing.T, name string) map[string]curve {
	t.Helper()
	file := filepath.Join(testdata.Dir(t, "sionna_vectors"), "src/sionna/sys/bler_tables", name)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Category map[string]struct {
			Index map[string]struct{ MCS map[string]curve }
		}
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	return table.Category["1"].Index["1"].MCS
}

// blocksOf is how many blocks a recorded rate was counted over: batches of 100 until
// 500 blocks are wrong, 3,000 blocks at most, as the rates themselves show.
func blocksOf(bler float64) int {
	for n := 100; n < 3000; n += 100 {
		wrong := bler * float64(n)
		if wrong > 499.5 && math.Abs(wrong-math.Round(wrong)) < 1e-3 {
			return n
		}
	}
	return 3000
}

// At every grid point of six curves where the recorded rate is neither 0 nor 1, ours
// lies in the joint 99 % interval of the difference of two proportions.
func TestBLERTables(t *testing.T) {
	blocks := 1000
	if raced {
		blocks = 50
	}
	const z = 3.5 // two-sided 1 % shared among 20 points
	curves, points := recordedCurves(t, "PDSCH_table1.json"), 0
	for _, c := range []struct {
		mcs, k     int
		rate       float64
		modulation string
	}{
		{4, 24, 308. / 1024, "qpsk"}, {4, 100, 308. / 1024, "qpsk"}, {9, 500, 679. / 1024, "qpsk"},
		{14, 100, 553. / 1024, "16qam"}, {20, 100, 567. / 1024, "64qam"}, {27, 500, 910. / 1024, "64qam"},
	} {
		config := Default()
		config.Code, config.NumBits, config.Rate, config.Modulation, config.SNRIs = "ldpc", c.k, c.rate, c.modulation, "es_n0"
		config.Decoder.Rule, config.Decoder.Flooding = "sum-product", true
		l, recorded := build(t, config), curves[fmt.Sprint(c.mcs)]
		for i, want := range recorded.CBS[fmt.Sprint(c.k)].BLER {
			if want == 0 || want == 1 {
				continue
			}
			points++
			tally, err := l.Count(40, recorded.SNRdB[i], 0, uint64(blocks))
			if err != nil {
				t.Fatal(err)
			}
			m, n := float64(blocks), float64(blocksOf(want))
			got := float64(tally.BlockErrors) / m
			p := (got*m + want*n) / (m + n)
			sigmas := (got - want) / math.Sqrt(p*(1-p)*(1/n+1/m))
			t.Logf("MCS %d, %d bits, %.2f dB: BLER %.4f of %d, recorded %.4f of %.0f: %.1f sigma", c.mcs, c.k, recorded.SNRdB[i], got, blocks, want, n, sigmas)
			if math.Abs(sigmas) > z {
				t.Errorf("MCS %d, %d bits, %.2f dB: BLER %.4f, recorded %.4f", c.mcs, c.k, recorded.SNRdB[i], got, want)
			}
		}
	}
	if points < 15 || points > 20 {
		t.Errorf("%d grid points, the interval is made for up to 20", points)
	}
}
