//go:build unix

package fec

import (
	"fmt"
	"math"
	"syscall"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// cpuSeconds is the processor time of the process: what a core does in a second, however
// busy the machine is with others.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// All 20 iterations, as the reference does.
func BenchmarkLDPCDecode(b *testing.B) {
	for _, a := range algorithms {
		b.Run(a.String(), func(b *testing.B) {
			l := newLink(b, BG1, 8448, 16896)
			bits, soft := l.send(b, rng.New(15), 4, math.Sqrt(math.Pow(10, -0.15)))
			d, err := l.code.NewDecoder(DecoderConfig{Algorithm: a, Always: true})
			if err != nil {
				b.Fatal(err)
			}
			got := make([]byte, len(bits))
			start := cpuSeconds(b)
			for b.Loop() {
				if _, err := d.Decode(got, soft); err != nil {
					b.Fatal(err)
				}
			}
			if string(got) != string(bits) {
				b.Error("wrong bits")
			}
			b.ReportMetric(float64(len(bits)*b.N)/(cpuSeconds(b)-start)/1e6, "Mbit/cpu-s")
		})
	}
}

func BenchmarkLDPCEncode(b *testing.B) {
	c, err := NewLDPC(BG1, 8448)
	if err != nil {
		b.Fatal(err)
	}
	bits, coded := randomBits(rng.New(16), 8448), make([]byte, c.Len())
	start := cpuSeconds(b)
	for b.Loop() {
		if err := c.Encode(coded, bits); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(8448*float64(b.N)/(cpuSeconds(b)-start)/1e6, "Mbit/cpu-s")
}

func BenchmarkPolarDecode(b *testing.B) {
	for _, list := range []int{1, 8} {
		b.Run(fmt.Sprintf("list-%d", list), func(b *testing.B) {
			p := newPolar(b, PolarConfig{Kind: UCI, A: 256, E: 512})
			s := rng.New(27)
			bits, sent := randomBits(s, 256), make([]byte, 512)
			if err := p.Encode(sent, bits); err != nil {
				b.Fatal(err)
			}
			d, err := p.NewDecoder(PolarDecoderConfig{List: list})
			if err != nil {
				b.Fatal(err)
			}
			llrs, got := received(s, sent, 0.7), make([]byte, 256)
			start := cpuSeconds(b)
			for b.Loop() {
				if _, err := d.Decode(got, llrs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(256*float64(b.N)/(cpuSeconds(b)-start)/1e6, "Mbit/cpu-s")
		})
	}
}
