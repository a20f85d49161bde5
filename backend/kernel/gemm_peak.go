package kernel

import (
	"sync"
	"time"

	"github.com/gomlx/compute/dtypes"
)

// Peak measures the floating-point operations per second that workers goroutines
// reach together in a loop of independent multiply-adds on registers, for products
// of type t (Float32 or BFloat16) on the active variant: the best of repeats. It is
// what matrix products are compared with.
func Peak(t dtypes.DType, workers, repeats int) float64 {
	k := gemmFloat(t)
	best := 0.0
	for range repeats {
		var wait sync.WaitGroup
		start := time.Now()
		for range workers {
			wait.Go(func() { k.peak(20000) })
		}
		wait.Wait()
		best = max(best, k.peakFlop*20000*float64(workers)/time.Since(start).Seconds())
	}
	return best
}

var gemmPeakSink [8]float32

// gemmPeakGo is eight chains of a product and a sum.
func gemmPeakGo(count int) {
	var a, b, c, d, e, f, g, h float32
	x, y := gemmPeakSink[0], gemmPeakSink[1]
	for range count {
		a, b, c, d = a+float32(x*y), b+float32(x*y), c+float32(x*y), d+float32(x*y)
		e, f, g, h = e+float32(x*y), f+float32(x*y), g+float32(x*y), h+float32(x*y)
	}
	gemmPeakSink = [8]float32{a, b, c, d, e, f, g, h}
}
