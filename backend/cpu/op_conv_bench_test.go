package cpu

import (
	"testing"
	"time"
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// gradients are the convolutions that compute a convolution with equal padding and
// its gradients, as package graph of GoMLX writes them.
func gradients(layouts [3]string, images, side, in, out, size, stride int) [3]convCase {
	x, w, y := layouts[0], layouts[1], layouts[2]
	swap := func(s string, a, b byte) string {
		m := map[byte]byte{a: b, b: a}
		r := []byte(s)
		for i, c := range r {
			if to, ok := m[c]; ok {
				r[i] = to
			}
		}
		return string(r)
	}
	rename := func(s string, pairs string) string {
		r := []byte(s)
		for i, c := range r {
			for k := 0; k < len(pairs); k += 2 {
				if c == pairs[k] {
					r[i] = pairs[k+1]
				}
			}
		}
		return string(r)
	}
	end := (side-1)/stride + 1
	dims := func(s string, side, size, n, c int) (d []int) {
		for _, l := range s {
			d = append(d, map[rune]int{'n': n, 'c': c, 'h': side, 'w': side, 'i': n, 'o': c}[l])
		}
		return d
	}
	pad := (size - 1) / 2
	forward := plainAttr(axesOf(x, w, y))
	forward.strides = []int{stride, stride}
	forward.paddings = [][2]int{{pad, size / 2}, {pad, size / 2}}
	input := plainAttr(axesOf(y, swap(w, 'i', 'o'), x))
	input.inputDilations = []int{stride, stride}
	rest := side - 1 - (end-1)*stride + pad
	input.paddings = [][2]int{{size - 1 - pad, rest}, {size - 1 - pad, rest}}
	weights := plainAttr(axesOf(swap(x, 'n', 'c'), rename(y, "nico"), rename(w, "inoc")))
	weights.kernelDilations = []int{stride, stride}
	rest = (end-1)*stride + size - side - pad
	weights.paddings = [][2]int{{pad, rest}, {pad, rest}}
	xd, wd, yd := dims(x, side, 0, images, in), dims(w, size, 0, in, out), dims(y, end, 0, images, out)
	return [3]convCase{{"forward", xd, wd, forward}, {"input", yd, wd, input}, {"kernel", xd, yd, weights}}
}

// BenchmarkConv measures a convolution and its gradients, beside the product of the
// same size.
func BenchmarkConv(b *testing.B) {
	peak := kernel.Peak(dtypes.Float32, 1, 200)
	nhwc, nchw := [3]string{"nhwc", "hwio", "nhwc"}, [3]string{"nchw", "oihw", "nchw"}
	for _, s := range []struct {
		name                                 string
		layouts                              [3]string
		images, side, in, out, size, strides int
	}{
		{"3x3", nhwc, 32, 32, 64, 64, 3, 1}, {"3x3first", nchw, 32, 32, 64, 64, 3, 1},
		{"rgb", nhwc, 32, 32, 3, 64, 3, 1}, {"stride2", nhwc, 32, 32, 64, 128, 3, 2}, {"1x1", nhwc, 32, 32, 64, 64, 1, 1},
		{"deep", nhwc, 32, 8, 256, 256, 3, 1},
	} {
		for _, cc := range gradients(s.layouts, s.images, s.side, s.in, s.out, s.size, s.strides) {
			b.Run(s.name+"/"+cc.name, func(b *testing.B) {
				c := cc.call(dtypes.Float32, 1)
				best := fastest(b, func() {
					if err := runConv(c); err != nil {
						b.Fatal(err)
					}
				})
				end := (s.side-1)/s.strides + 1
				flop := 2 * float64(s.images*end*end*s.out*s.in*s.size*s.size)
				b.ReportMetric(flop/best.Seconds()/1e9, "GFLOP/s")
				b.ReportMetric(100*flop/best.Seconds()/peak, "%peak")
			})
		}
	}
	for _, s := range []struct {
		name       string
		m, n, k    int
		transposed bool
	}{{"forward", 32768, 64, 576, false}, {"kernel", 576, 64, 32768, true}} {
		b.Run("product/"+s.name, func(b *testing.B) {
			m := make([]float32, s.m*s.k+s.k*s.n+s.m*s.n)
			for i := range m {
				m[i] = 1
			}
			p := kernel.Product{M: s.m, N: s.n, K: s.k, Type: dtypes.Float32}
			p.A = kernel.Matrix{Data: unsafe.Pointer(&m[0]), RowStride: s.k, ColStride: 1}
			if s.transposed {
				p.A.RowStride, p.A.ColStride = 1, s.m
			}
			p.B = kernel.Matrix{Data: unsafe.Pointer(&m[s.m*s.k]), RowStride: s.n, ColStride: 1}
			p.C = kernel.Matrix{Data: unsafe.Pointer(&m[s.m*s.k+s.k*s.n]), RowStride: s.n, ColStride: 1}
			flop := 2 * float64(s.m) * float64(s.n) * float64(s.k)
			best := fastest(b, func() { p.Run(nil) })
			b.ReportMetric(flop/best.Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(100*flop/best.Seconds()/peak, "%peak")
		})
	}
}

// fastest is the time of the fastest run.
func fastest(b *testing.B, run func()) time.Duration {
	best := time.Hour
	for b.Loop() {
		start := time.Now()
		run()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(0, "ns/op")
	return best
}
