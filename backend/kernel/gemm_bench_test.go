package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// gemmTeam is a loop on persistent workers that spin, as an engine's would while it
// executes.
type gemmTeam struct {
	n    int64
	body func(int)
	next atomic.Int64
	left atomic.Int64
	quit atomic.Bool
}

func newGemmTeam(workers int) *gemmTeam {
	w := &gemmTeam{}
	w.next.Store(1 << 40)
	for range workers - 1 {
		go func() {
			for !w.quit.Load() {
				if w.next.Load() < atomic.LoadInt64(&w.n) {
					w.take()
				}
				runtime.Gosched()
			}
		}()
	}
	return w
}

func (w *gemmTeam) take() {
	for {
		i := w.next.Add(1) - 1
		if i >= atomic.LoadInt64(&w.n) {
			return
		}
		w.body(int(i))
		w.left.Add(-1)
	}
}

func (w *gemmTeam) do(n int, body func(int)) {
	w.next.Store(1 << 40)
	w.body = body
	atomic.StoreInt64(&w.n, int64(n))
	w.left.Store(int64(n))
	w.next.Store(0)
	w.take()
	for w.left.Load() > 0 {
		runtime.Gosched()
	}
}

var gemmPeaks sync.Map

func gemmPeakOf(t dtypes.DType, workers int) float64 {
	key := fmt.Sprint(t, workers, Variant())
	if v, ok := gemmPeaks.Load(key); ok {
		return v.(float64)
	}
	v := Peak(t, workers, 300)
	gemmPeaks.Store(key, v)
	return v
}

// gemmRate reports the best of many runs.
func gemmRate(b *testing.B, p *Product, workers int) {
	peak := gemmPeakOf(p.Type, workers)
	var do func(int, func(int))
	if workers > 1 {
		team := newGemmTeam(workers)
		defer team.quit.Store(true)
		do = team.do
	}
	best := time.Hour
	p.Run(do)
	for b.Loop() {
		start := time.Now()
		p.Run(do)
		best = min(best, time.Since(start))
	}
	rate := 2 * float64(p.M) * float64(p.N) * float64(p.K) * float64(max(p.Batch, 1)) / best.Seconds()
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(100*rate/peak, "%peak")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(best.Nanoseconds())/1e3, "us")
}

// gemmOf makes a product of ones; a and b tell whether an operand is transposed.
func gemmOf(t dtypes.DType, batch, m, n, k int, ta, tb bool) *Product {
	size := t.Size()
	mem := func(n int) unsafe.Pointer {
		words := make([]float32, n*size/4+16)
		for i := range words {
			words[i] = 1 // pages that were never written would all be one page of zeros
		}
		return unsafe.Pointer(&words[0])
	}
	p := &Product{M: m, N: n, K: k, Batch: batch, Type: t, Out: dtypes.Float32}
	p.A = Matrix{mem(batch * m * k), k, 1}
	p.B = Matrix{mem(batch * n * k), n, 1}
	p.C = Matrix{mem(batch * m * n * 4 / size), n, 1}
	if ta {
		p.A.RowStride, p.A.ColStride = 1, m
	}
	if tb {
		p.B.RowStride, p.B.ColStride = 1, k
	}
	for i := range batch {
		p.AOff, p.BOff, p.COff = append(p.AOff, i*m*k), append(p.BOff, i*n*k), append(p.COff, i*m*n)
	}
	return p
}

func BenchmarkSGEMM(b *testing.B) {
	for _, workers := range []int{1, 2} {
		for _, n := range []int{64, 128, 256, 384, 512, 1024, 2048} {
			b.Run(fmt.Sprintf("w%d/%d", workers, n), func(b *testing.B) {
				gemmRate(b, gemmOf(dtypes.Float32, 1, n, n, n, false, false), workers)
			})
		}
	}
}

func BenchmarkBGEMM(b *testing.B) {
	for _, workers := range []int{1, 2} {
		for _, n := range []int{256, 512, 1024, 2048} {
			b.Run(fmt.Sprintf("w%d/%d", workers, n), func(b *testing.B) {
				gemmRate(b, gemmOf(dtypes.BFloat16, 1, n, n, n, false, false), workers)
			})
		}
	}
}

func BenchmarkTypes(b *testing.B) {
	for _, t := range []dtypes.DType{dtypes.Float16, dtypes.Float64, dtypes.Int32} {
		b.Run(t.String(), func(b *testing.B) {
			p := gemmOf(t, 1, 512, 512, 512, false, false)
			if !t.IsFloat() || t == dtypes.Float64 {
				p.Out = t
				c := make([]float64, 512*512)
				p.C.Data = unsafe.Pointer(&c[0])
			}
			gemmRate(b, p, 1)
		})
	}
}

func BenchmarkShapes(b *testing.B) {
	for _, s := range []struct {
		name           string
		batch, m, n, k int
		ta, tb         bool
	}{
		{"vec", 1, 1, 4096, 4096, false, false}, {"vecT", 1, 1, 4096, 4096, false, true},
		{"4rows", 1, 4, 4096, 4096, false, false}, {"4rowsT", 1, 4, 4096, 4096, false, true},
		{"thinK", 1, 2048, 2048, 16, false, false}, {"thinN", 1, 4096, 16, 512, false, false}, {"thinN4", 1, 4096, 4, 512, false, false},
		{"colvec", 1, 4096, 1, 4096, false, false},
		{"scores", 48, 256, 256, 64, false, true}, {"values", 48, 256, 64, 256, false, false},
		{"dvalues", 48, 256, 64, 256, true, false}, {"dscores", 48, 256, 256, 64, false, true},
		{"tiny", 512, 24, 24, 16, false, false}, {"tinyT", 512, 24, 24, 16, false, true},
		{"qkv", 1, 2048, 1152, 384, false, false}, {"mlp", 1, 2048, 1536, 384, false, false}, {"mlp2", 1, 2048, 384, 1536, false, false},
		{"dW", 1, 384, 1536, 2048, true, false}, {"dX", 1, 2048, 384, 1536, false, true}, {"head", 1, 2048, 4096, 384, false, true},
		{"conv", 1, 32768, 64, 576, false, false}, {"convX", 1, 32768, 576, 64, false, true}, {"convW", 1, 576, 64, 32768, true, false},
		{"decode", 48, 1, 256, 64, false, true}, {"logits", 1, 1, 50257, 768, false, true},
	} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/w%d", s.name, workers), func(b *testing.B) {
				gemmRate(b, gemmOf(dtypes.Float32, s.batch, s.m, s.n, s.k, s.ta, s.tb), workers)
			})
		}
	}
}

func BenchmarkSkinny(b *testing.B) {
	for _, m := range []int{1, 2, 3, 4, 8, 14} {
		for _, tb := range []bool{false, true} {
			for _, n := range []int{384, 1024, 4096} {
				b.Run(fmt.Sprintf("m%d/n%d/%v", m, n, tb), func(b *testing.B) {
					p := gemmOf(dtypes.Float32, 1, m, n, n, false, tb)
					gemmRate(b, p, 1)
					b.ReportMetric(float64(4*n*n)/1e9/(b.Elapsed().Seconds()/float64(b.N)), "GB/s")
				})
			}
		}
	}
}

// BenchmarkPack packs B-like panels that follow each other; src is in a cache of its size.
func BenchmarkPack(b *testing.B) {
	for _, ks := range []int{32, 256} {
		for _, rows := range []int{32, 512} {
			for _, byLane := range []bool{false, true} {
				for _, pad := range []int{0, 16} {
					b.Run(fmt.Sprintf("%dx%d/pad%d/%v", rows, ks, pad, byLane), func(b *testing.B) {
						ld := ks + pad
						if byLane {
							ld = rows + pad
						}
						src, dst := make([]float32, rows*ld+ks*ld), make([]float32, rows*ks+16)
						best := time.Hour
						for b.Loop() {
							start := time.Now()
							for j := 0; j < rows; j += TileCols() {
								if byLane {
									Pack(unsafe.Pointer(&dst[j*ks]), TileCols(), unsafe.Pointer(&src[j]), 1, ld, TileCols(), ks)
								} else {
									Pack(unsafe.Pointer(&dst[j*ks]), TileCols(), unsafe.Pointer(&src[j*ld]), ld, 1, TileCols(), ks)
								}
							}
							best = min(best, time.Since(start))
						}
						b.ReportMetric(float64(rows*ks*4)/float64(best.Nanoseconds()), "GB/s")
					})
				}
			}
		}
	}
}

// BenchmarkSweep is the innermost loop alone, on packed operands.
func BenchmarkSweep(b *testing.B) {
	peak := gemmPeakOf(dtypes.Float32, 1)
	mr, nr := TileRows(), TileCols()
	for _, s := range [][3]int{{14, 32, 256}, {14, 256, 256}, {14, 512, 256}, {14, 512, 512}, {8, 512, 256}, {4, 512, 256}, {2, 512, 256}, {1, 512, 256}, {14, 16, 256}, {14, 8, 256}, {14, 32, 32}} {
		rows, n, k := min(s[0], mr), s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", rows, n, k), func(b *testing.B) {
			w := max(n, nr)
			mem := make([]float32, mr*k+w*k+mr*w+64)
			at := func(i int) unsafe.Pointer { return unsafe.Pointer(&mem[(i+15)&^15]) }
			t := &Tile{K: k, A: at(0), ARow: 4, AK: 4 * mr, B: at(mr * k), BK: 4 * nr, BPanel: 4 * nr * k, C: at(mr*k + w*k), CRow: 4 * w, N: n, Add: 1}
			turns := max(1, 1<<22/(rows*n*k))
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				for range turns {
					t.Sweep(rows)
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(100*float64(2*rows*n*k*turns)/best.Seconds()/peak, "%peak")
		})
	}
}

// BenchmarkOverhead is what a product costs that computes next to nothing.
func BenchmarkOverhead(b *testing.B) {
	for _, n := range []int{1, 8, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := gemmOf(dtypes.Float32, 1, n, n, n, false, false)
			for b.Loop() {
				p.Run(nil)
			}
		})
	}
}
