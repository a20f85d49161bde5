//go:build ignore

// This program measures the SNR at which transport blocks fail at a rate of 0.1 over
// white noise, for every modulation and rate of the MCS and CQI tables, and prints
// tables/awgn.txt:
//
//	go run ./wireless/nr/testdata/awgn.go > wireless/nr/tables/awgn.txt
//
// Blocks have 1,024 bits; 20 layered iterations of normalised min-sum, max-log soft bits.
package main

import (
	"fmt"
	"log"
	"math"
	"slices"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/fec"
	"github.com/comlam/comlam/wireless/mapping"
	"github.com/comlam/comlam/wireless/nr"
)

const size, batch, blocks = 1024, 50, 200

type row struct {
	qm   int
	rate float64
}

func main() {
	var rows []row
	for _, t := range []nr.Table{nr.MCSTable1, nr.MCSTable2, nr.MCSTable3, nr.CQITable1, nr.CQITable2, nr.CQITable3} {
		for _, m := range t.Rows {
			if r := (row{int(m.Modulation), m.RateX1024}); !slices.Contains(rows, r) {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return int(10000*(a.qm-b.qm)) + int(2*(a.rate-b.rate)) })
	fmt.Printf("# Es/N0 in dB at which BLER is 0.1 over white noise: transport blocks of %d bits,\n# %d blocks a point. By testdata/awgn.go.\n# Qm rate*1024 dB\n", size, blocks)
	for _, r := range rows {
		m := newMeter(r)
		guess := 10*math.Log10(math.Exp2(float64(r.qm)*r.rate/1024)-1) + 1
		fmt.Printf("%d %g %.2f\n", r.qm, r.rate, m.find(0.1, guess-1, guess+1))
	}
}

type meter struct {
	row
	code  *fec.Transport
	d     *fec.TransportDecoder
	match fec.TransportMatch
}

func newMeter(r row) *meter {
	code, err := fec.NewTransport(size, r.rate/1024)
	if err != nil {
		log.Fatal(err)
	}
	d, err := code.NewDecoder(fec.DecoderConfig{Iterations: 20})
	if err != nil {
		log.Fatal(err)
	}
	g := r.qm * int(math.Round(size/(r.rate/1024)/float64(r.qm)))
	return &meter{r, code, d, fec.TransportMatch{G: g, Qm: r.qm}}
}

// find halves an interval of SNR in which BLER falls through a rate.
func (m *meter) find(target, lo, hi float64) float64 {
	for m.bler(lo) < target {
		lo -= 1
	}
	for m.bler(hi) > target {
		hi += 1
	}
	for hi-lo > 0.06 {
		if mid := (lo + hi) / 2; m.bler(mid) > target {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

func (m *meter) bler(dB float64) float64 {
	s := rng.New(1, uint64(m.qm), math.Float64bits(m.rate), math.Float64bits(dB))
	scheme, err := mapping.ForQm(m.qm)
	if err != nil {
		log.Fatal(err)
	}
	n0, wrong, done := math.Pow(10, -dB/10), 0, 0
	bits, got := make([]byte, batch*size), make([]byte, batch*size)
	coded, sent := make([]byte, batch*m.code.Len()), make([]byte, batch*m.match.G)
	x, llrs := make([]complex64, len(sent)/m.qm), make([]float32, len(sent))
	soft := make([]float32, len(coded))
	for done < blocks {
		for i := range bits {
			bits[i] = byte(s.Uint64() & 1)
		}
		check(m.code.Encode(coded, bits))
		check(m.code.Match(sent, coded, m.match))
		check(scheme.Map(x, sent))
		for i := range x {
			x[i] += complex64(s.ComplexNormal() * complex(math.Sqrt(n0), 0))
		}
		check(scheme.Demap(llrs, x, []float32{float32(n0)}, mapping.MaxLog))
		clear(soft)
		check(m.code.Combine(soft, llrs, m.match))
		results, err := m.d.Decode(got, soft)
		check(err)
		for _, r := range results {
			if done++; !r.OK {
				wrong++
			}
		}
		if wrong > blocks/4 { // more than the rate that is looked for
			return 1
		}
	}
	return float64(wrong) / float64(done)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
