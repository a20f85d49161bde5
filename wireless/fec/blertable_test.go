package fec

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/testdata"
	"github.com/comlam/comlam/wireless/mapping"
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
	const blocks = 1000
	const z = 3.5 // two-sided 1 % shared among 20 points
	curves, points := recordedCurves(t, "PDSCH_table1.json"), 0
	for _, c := range []struct {
		mcs, k int
		rate   float64
		scheme mapping.Scheme
	}{
		{4, 24, 308. / 1024, mapping.QPSK}, {4, 100, 308. / 1024, mapping.QPSK}, {9, 500, 679. / 1024, mapping.QPSK},
		{14, 100, 553. / 1024, mapping.QAM16}, {20, 100, 567. / 1024, mapping.QAM64}, {27, 500, 910. / 1024, mapping.QAM64},
	} {
		recorded := curves[fmt.Sprint(c.mcs)]
		for i, want := range recorded.CBS[fmt.Sprint(c.k)].BLER {
			if want == 0 || want == 1 {
				continue
			}
			points++
			got := float64(blockErrors(t, c.scheme, c.k, c.rate, recorded.SNRdB[i], blocks)) / blocks
			n := float64(blocksOf(want))
			p := (got*blocks + want*n) / (blocks + n)
			sigmas := (got - want) / math.Sqrt(p*(1-p)*(1/n+1./blocks))
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

func blockErrors(t *testing.T, s mapping.Scheme, k int, rate, snrDB float64, blocks int) int {
	qm := s.Qm()
	e := qm * int(math.Ceil(float64(k)/rate/float64(qm)))
	l := newLink(t, GraphFor(k, float64(k)/float64(e)), k, e)
	l.m.Qm = qm
	random := rng.New(40, uint64(k), uint64(qm), math.Float64bits(snrDB))
	bits, n0 := randomBits(random, blocks*k), math.Pow(10, -snrDB/10)
	coded, sent := make([]byte, blocks*l.code.Len()), make([]byte, blocks*e)
	if err := l.code.Encode(coded, bits); err != nil {
		t.Fatal(err)
	}
	if err := l.code.Match(sent, coded, l.m); err != nil {
		t.Fatal(err)
	}
	x, llrs, soft := make([]complex64, len(sent)/qm), make([]float32, len(sent)), make([]float32, len(coded))
	if err := s.Map(x, sent); err != nil {
		t.Fatal(err)
	}
	for i := range x {
		x[i] += complex64(complex(math.Sqrt(n0), 0) * random.ComplexNormal())
	}
	if err := s.Demap(llrs, x, []float32{float32(n0)}, mapping.Exact); err != nil {
		t.Fatal(err)
	}
	if err := l.code.Combine(soft, llrs, l.m); err != nil {
		t.Fatal(err)
	}
	d, err := l.code.NewDecoder(DecoderConfig{Algorithm: SumProduct, Flooding: true})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(bits))
	if _, err := d.Decode(got, soft); err != nil {
		t.Fatal(err)
	}
	return blocksWrong(got, bits, k)
}
