package kernel

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// BenchmarkVector times the Float32 loops on 1,024 elements in L1: nanoseconds an
// element, the least of many short runs.
func BenchmarkVector(b *testing.B) {
	const n = 1024
	x, y, z := make([]float32, n+16), make([]float32, n+16), make([]float32, n+16)
	for i := range x {
		x[i] = float32(math.Sin(float64(i))) * 4
		y[i] = float32(math.Cos(float64(i)))*2 + 3
	}
	flags := make([]byte, n)
	for i := range flags {
		flags[i] = byte(i*7>>2) & 1
	}
	was := active
	defer func() { active = was }()
	for l := detect(); l >= portable; l-- {
		active = l
		bench := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/%s", Variant(), name), func(b *testing.B) { b.ReportMetric(least(f)/n, "ns/elem") })
		}
		for _, op := range []compute.OpType{compute.OpTypeAbs, compute.OpTypeSqrt, compute.OpTypeRsqrt, compute.OpTypeFloor,
			compute.OpTypeSign, compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeLog, compute.OpTypeLog1p, compute.OpTypeTanh,
			compute.OpTypeLogistic, compute.OpTypeErf, compute.OpTypeSin, compute.OpTypeCos} {
			f, in := Unary(op, dtypes.Float32), x
			if op == compute.OpTypeLog || op == compute.OpTypeSqrt || op == compute.OpTypeRsqrt || op == compute.OpTypeLog1p {
				in = y
			}
			bench(op.String(), func() { f(ptr(z), ptr(in), n) })
		}
		for _, op := range []compute.OpType{compute.OpTypeAdd, compute.OpTypeMul, compute.OpTypeDiv, compute.OpTypeMax, compute.OpTypePow} {
			f, g := Binary(op, dtypes.Float32, VV), Binary(op, dtypes.Float32, VS)
			bench(op.String()+"VV", func() { f(ptr(z), ptr(y), ptr(x), n) })
			bench(op.String()+"VS", func() { g(ptr(z), ptr(y), ptr(x), n) })
		}
		f := Binary(compute.OpTypeLessThan, dtypes.Float32, VV)
		bench("LessVV", func() { f(ptr(flags), ptr(x), ptr(y), n) })
		s, m := Select(dtypes.Float32, VV), MulAdd(dtypes.Float32, VV)
		bench("SelectVV", func() { s(ptr(z), ptr(flags), ptr(x), ptr(y), n) })
		bench("MulAddVV", func() { m(ptr(z), ptr(x), ptr(y), ptr(y), n) })
		for _, op := range []compute.OpType{compute.OpTypeReduceSum, compute.OpTypeReduceMax} {
			f := Reduce(op, dtypes.Float32)
			bench(op.String(), func() { f(ptr(z), ptr(x), n) })
		}
		d := Dot()
		bench("Dot", func() { d(ptr(z), ptr(x), ptr(y), n) })
		tr := Transpose(4)
		bench("Transpose32x32", func() { tr(ptr(z), ptr(x), 32, 32, 32, 32) })
		for _, t := range []dtypes.DType{dtypes.BFloat16, dtypes.Float16, dtypes.Float64, dtypes.Int32, dtypes.Bool} {
			w := make([]float64, n)
			f, g := Convert(dtypes.Float32, t), Convert(t, dtypes.Float32)
			bench("To"+t.String(), func() { f(ptr(w), ptr(x), n) })
			bench("From"+t.String(), func() { g(ptr(z), ptr(w), n) })
		}
	}
}

// least is the time of f in nanoseconds, the least of many repeats.
func least(f func()) float64 {
	best := math.Inf(1)
	for range 200 {
		start := time.Now()
		for range 20 {
			f()
		}
		best = min(best, float64(time.Since(start).Nanoseconds())/20)
	}
	return best
}
