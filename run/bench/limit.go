package bench

import (
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/gomlx/compute/dtypes"
	"golang.org/x/sys/cpu"

	"github.com/comlam/comlam/backend/kernel"
)

// What the machine can do, measured in the run that is compared with it.

// peakFMA is the rate of float32 multiply-adds on registers, on all cores.
func (l leg) peakFMA() Value { return l.peakOf(dtypes.Float32) }

// peakBF16 is that of products of bfloat16, where the processor has instructions for
// them and the engine's kernels use them.
func (l leg) peakBF16() Value {
	v := l.peakOf(dtypes.BFloat16)
	if !cpu.X86.HasAVX512BF16 || kernel.Variant() != "avx512" {
		v.Note = "f32 FMA peak (no bf16 dot instructions here)"
	}
	return v
}

// peakOf is measured for as long as three rows are: taken in a moment in which others
// had the processor it would flatter all that is compared with it.
func (l leg) peakOf(t dtypes.DType) Value {
	best, began := 0.0, time.Now()
	for n := 0; n == 0 || time.Since(began).Seconds() < 3*l.Least; n++ {
		best = max(best, kernel.Peak(t, runtime.GOMAXPROCS(0), 30))
	}
	return Value{Value: best / 1e9, Unit: "GFLOP/s"}
}

// copying is the time of one read and one write of the chain's array, on as many cores
// as do it fastest.
func (l leg) copying() (Value, error) {
	from, to := make([]float32, l.Chain), make([]float32, l.Chain)
	for i := range from {
		from[i], to[i] = 1, 2 // so that both are in memory
	}
	fastest := math.Inf(1)
	for workers := 1; workers <= runtime.GOMAXPROCS(0); workers *= 2 {
		seconds, err := l.best(func() error {
			var wait sync.WaitGroup
			for w := range workers {
				wait.Go(func() { copy(to[w*len(to)/workers:(w+1)*len(to)/workers], from[w*len(from)/workers:]) })
			}
			wait.Wait()
			return nil
		})
		if err != nil {
			return Value{}, err
		}
		fastest = min(fastest, seconds)
	}
	return Value{Value: fastest, Unit: "s"}, nil
}
