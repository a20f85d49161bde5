package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

func TestSmoke(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		m, n, k := 1+r.IntN(70), 1+r.IntN(70), r.IntN(300)
		a, b, c := make([]float32, m*k+1), make([]float32, k*n+1), make([]float32, m*n)
		for i := range a {
			a[i] = r.Float32()
		}
		for i := range b {
			b[i] = r.Float32()
		}
		p := Product{M: m, N: n, K: k, Type: dtypes.Float32, A: Matrix{unsafe.Pointer(&a[0]), k, 1}, B: Matrix{unsafe.Pointer(&b[0]), 1, k}, C: Matrix{unsafe.Pointer(&c[0]), n, 1}}
		p.Run(nil)
		for i := range m {
			for j := range n {
				s := 0.0
				for q := range k {
					s += float64(a[i*k+q]) * float64(b[j*k+q])
				}
				if math.Abs(s-float64(c[i*n+j])) > 1e-4*(1+s) {
					t.Fatal(m, n, k, i, j, s, c[i*n+j])
				}
			}
		}
	}
}

func BenchmarkX(b *testing.B) {
	n := 512
	x := make([]float32, n*n)
	p := Product{M: n, N: n, K: n, Type: dtypes.Float32, A: Matrix{unsafe.Pointer(&x[0]), n, 1}, B: Matrix{unsafe.Pointer(&x[0]), n, 1}, C: Matrix{unsafe.Pointer(&make([]float32, n*n)[0]), n, 1}}
	for b.Loop() {
		p.Run(nil)
	}
	b.ReportMetric(2*float64(n*n*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
