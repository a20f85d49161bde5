//go:build unix

package mimo

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/mapping"
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

func BenchmarkDetect(b *testing.B) {
	for _, c := range []struct {
		name string
		k    int
		Config
	}{
		{"lmmse", 0, Config{NumRx: 4, NumStreams: 4, Scheme: mapping.QAM16, Rule: mapping.MaxLog}},
		{"zf", 0, Config{NumRx: 4, NumStreams: 4, Scheme: mapping.QAM16, Rule: mapping.MaxLog}},
		{"kbest", 16, Config{NumRx: 4, NumStreams: 4, Scheme: mapping.QAM16, Rule: mapping.MaxLog}},
		{"ml", 0, Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QAM16, Rule: mapping.MaxLog}},
		{"ml", 0, Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QAM16, Rule: mapping.Exact}},
	} {
		b.Run(fmt.Sprintf("%s/%dx%d/%s/rule%d", c.name, c.NumRx, c.NumStreams, c.Scheme, c.Rule), func(b *testing.B) {
			const count = 1000
			tx := transmit(b, rng.New(19), c.Config, count, 0.1)
			d := make1(b, c.name, c.k, c.Config)
			llrs, n0 := make([]float32, len(tx.bits)), []float64{0.1}
			start := cpuSeconds(b)
			for b.Loop() {
				if err := d.Detect(llrs, tx.h, tx.y, n0); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(count*b.N)/(cpuSeconds(b)-start)/1e6, "Melements/cpu-s")
		})
	}
}
