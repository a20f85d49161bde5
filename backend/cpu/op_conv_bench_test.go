package cpu

import (
	"testing"
	"time"
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// BenchmarkConv measures convolutions of 32 images and their gradients on one
// processor, beside plain products of the same size.
func BenchmarkConv(b *testing.B) {
	peak := kernel.Peak(dtypes.Float32, 1, 200)
	rate := func(b *testing.B, flop float64, run func()) {
		best := time.Hour
		for b.Loop() {
			start := time.Now()
			run()
			best = min(best, time.Since(start))
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(flop/best.Seconds()/1e9, "GFLOP/s")
		b.ReportMetric(100*flop/best.Seconds()/peak, "%peak")
	}
	last, first := [3]string{"nhwc", "hwio", "nhwc"}, [3]string{"nchw", "oihw", "nchw"} // channels
	for _, s := range []struct {
		name                        string
		layouts                     [3]string
		side, in, out, size, stride int
		depthwise                   bool
	}{
		{"3x3", last, 32, 64, 64, 3, 1, false}, {"3x3first", first, 32, 64, 64, 3, 1, false},
		{"rgb", last, 32, 3, 64, 3, 1, false}, {"stride2", last, 32, 64, 128, 3, 2, false},
		{"1x1", last, 32, 64, 64, 1, 1, false}, {"deep", last, 8, 256, 256, 3, 1, false},
		{"depthwise", last, 32, 1, 64, 3, 1, true}, {"depthwisefirst", first, 32, 1, 64, 3, 1, true},
	} {
		end := (s.side-1)/s.stride + 1
		flop := 2 * float64(32*end*end*s.out*s.in*s.size*s.size)
		for _, cc := range gradients(s.layouts, 32, s.side, s.in, s.out, s.size, s.stride) {
			if s.depthwise && cc.name != "forward" {
				continue
			}
			b.Run(s.name+"/"+cc.name, func(b *testing.B) {
				if s.depthwise {
					cc.attr.channelGroups, cc.x[cc.attr.axes.InputChannels] = s.out, s.out
				}
				c := cc.call(dtypes.Float32, 1)
				rate(b, flop, func() {
					if err := runConv(c); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
	b.Run("product/forward", func(b *testing.B) {
		p := onesProduct(32768, 64, 576, false)
		rate(b, 2*32768*64*576, func() { p.Run(nil) })
	})
	b.Run("product/kernel", func(b *testing.B) {
		p := onesProduct(576, 64, 32768, true)
		rate(b, 2*32768*64*576, func() { p.Run(nil) })
	})
}

// onesProduct is a product of ones, A transposed or not.
func onesProduct(m, n, k int, transposed bool) *kernel.Product {
	ones := make([]float32, m*k+k*n+m*n)
	for i := range ones {
		ones[i] = 1
	}
	p := &kernel.Product{M: m, N: n, K: k, Type: dtypes.Float32}
	p.A = kernel.Matrix{Data: unsafe.Pointer(&ones[0]), RowStride: k, ColStride: 1}
	if transposed {
		p.A.RowStride, p.A.ColStride = 1, m
	}
	p.B = kernel.Matrix{Data: unsafe.Pointer(&ones[m*k]), RowStride: n, ColStride: 1}
	p.C = kernel.Matrix{Data: unsafe.Pointer(&ones[m*k+k*n]), RowStride: n, ColStride: 1}
	return p
}
