//go:build unix

package link

import (
	"syscall"
	"testing"

	"github.com/comlam/comlam/internal/setting"
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

// BenchmarkSlot sends slots of 14 symbols and 240 subcarriers, 16QAM without a code, over
// a TDL-A of 100 ns and 30 km/h: bits, mapping, channel, noise, estimation from two
// symbols of DM-RS, equalisation, exact soft bits, decisions. testdata/sionna_slot.py
// times the same in Sionna.
func BenchmarkSlot(b *testing.B) {
	for _, estimator := range []string{"perfect", "ls-linear", "lmmse"} {
		b.Run(estimator, func(b *testing.B) {
			c := Default()
			c.Channel, c.Modulation, c.SNRIs = "tdl-a", "16qam", "es_n0"
			c.Slot.Estimator, c.Slot.Speed = estimator, setting.KMH(30)
			l, err := c.Build()
			if err != nil {
				b.Fatal(err)
			}
			same, err := l.at(10)
			if err != nil {
				b.Fatal(err)
			}
			w, err := same.newWorker()
			if err != nil {
				b.Fatal(err)
			}
			var t Tally
			start := cpuSeconds(b)
			for b.Loop() {
				if err := w.count(1, t.Blocks, 1, &t); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/(cpuSeconds(b)-start), "slots/cpu-s")
			b.ReportMetric(t.BER(Confidence).Value, "BER")
		})
	}
}
