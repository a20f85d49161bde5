package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// ptr is the address of the first element.
func ptr[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// steps counts the float32 from a to b; two NaN are 0 apart, a NaN and a number as
// far as can be.
func steps(a, b float32) float64 {
	if a != a || b != b {
		if a != a && b != b {
			return 0
		}
		return math.Inf(1)
	}
	order := func(x float32) int64 {
		i := int64(math.Float32bits(x) & (1<<31 - 1))
		if math.Signbit(float64(x)) {
			return -i
		}
		return i
	}
	return math.Abs(float64(order(a) - order(b)))
}

// worst is the greatest error of a loop so far.
type worst struct {
	ulp   float64
	at    string
	signs int // wrong signs, of zeros too
}

func (w *worst) note(got, want float32, args ...float32) {
	if math.Float32bits(got) == math.Float32bits(want) {
		return
	}
	if d := steps(got, want); d > w.ulp {
		w.ulp, w.at = d, fmt.Sprintf("%g", args)
	}
	if got == got && want == want && math.Signbit(float64(got)) != math.Signbit(float64(want)) {
		w.signs++
	}
}

func (w *worst) report(t *testing.T, op compute.OpType) {
	t.Logf("%-9v %v ULP at %s", op, w.ulp, w.at)
	if bound := ULP(op); w.ulp > bound {
		t.Errorf("%v: %v ULP at %s, the bound is %v", op, w.ulp, w.at, bound)
	}
	if w.signs > 0 {
		t.Errorf("%v: %d wrong signs", op, w.signs)
	}
}

// sampling is the step through all bit patterns, a prime so that all low bits come;
// 1 with COMLAM_LONG=1.
func sampling() uint64 {
	if os.Getenv("COMLAM_LONG") != "" {
		return 1
	}
	return 4093
}

// TestUnaryAccuracy holds the Float32 loops against float64 arithmetic on a sample
// of all bit patterns.
func TestUnaryAccuracy(t *testing.T) {
	const block = 1 << 10
	stride := sampling()
	everyVariant(t, func(t *testing.T) {
		if active == portable {
			t.Skip("the portable loops are the reference")
		}
		for op, f := range floats1 {
			t.Run(op.String(), func(t *testing.T) {
				loop := Unary(op, dtypes.Float32)
				x, y := make([]float32, block), make([]float32, block)
				var w worst
				for b := uint64(0); b < 1<<32; b += stride * block {
					for i := range x {
						x[i] = math.Float32frombits(uint32(b + uint64(i)*stride))
					}
					loop(ptr(y), ptr(x), block)
					for i, v := range x {
						w.note(y[i], float32(f(float64(v))), v)
					}
				}
				w.report(t, op)
			})
		}
	})
}

// TestPowAccuracy raises numbers of all sizes to powers whose results are in range,
// and all special values to each other.
func TestPowAccuracy(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, 1e-45, -1e-45, 1e-38, 3e38, -3e38,
		1 << 23, 1<<24 - 1, 1 - 1<<24, 1 << 24, 1<<25 + 4, inf, -inf, nan, 1 + 0x1p-23, 1 - 0x1p-24, -1 - 0x1p-23, 1e30, -1e30}
	everyVariant(t, func(t *testing.T) {
		if active == portable {
			t.Skip("the portable loops are the reference")
		}
		var x, y []float32
		for _, a := range special {
			for _, b := range special {
				x, y = append(x, a), append(y, b)
			}
		}
		r := rand.New(rand.NewPCG(1, 1))
		for range min(1<<24, 1<<28/sampling()) {
			a := math.Float32frombits(r.Uint32())
			b := float32((r.Float64()*300 - 150) / math.Log2(math.Abs(float64(a))))
			if r.IntN(2) == 0 { // near 1
				a = 1 + float32(r.NormFloat64())/float32(uint(1)<<r.IntN(24))
				b = float32((r.Float64()*300 - 150) / math.Log2(math.Abs(float64(a))))
			}
			if a < 0 {
				b = float32(math.Round(float64(b)))
			}
			x, y = append(x, a), append(y, b)
		}
		got := make([]float32, len(x))
		Binary(compute.OpTypePow, dtypes.Float32, VV)(ptr(got), ptr(x), ptr(y), len(x))
		var w worst
		for i, a := range x {
			w.note(got[i], float32(math.Pow(float64(a), float64(y[i]))), a, y[i])
		}
		w.report(t, compute.OpTypePow)
	})
}

// TestDot compares with float64 sums; the bits depend on n only.
func TestDot(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		for _, n := range append(lengths(), 4096, 5003, 3*4096+77) {
			x, y := make([]float32, n+1), make([]float32, n+1)
			want, size := 0.0, 0.0
			for i := range n {
				x[i], y[i] = float32(math.Sin(float64(i*i))), float32(math.Cos(float64(3*i)))
				p := float64(x[i]) * float64(y[i])
				want, size = want+p, size+math.Abs(p)
			}
			var got, again float32
			Dot()(unsafe.Pointer(&got), ptr(x), ptr(y), n)
			if d := math.Abs(float64(got) - want); d > 80*0x1p-24*size {
				t.Fatalf("n %d: %g, want %g", n, got, want)
			}
			copy(x[1:], x[:n])
			copy(y[1:], y[:n])
			Dot()(unsafe.Pointer(&again), ptr(x[1:]), ptr(y[1:]), n)
			if got != again {
				t.Fatalf("n %d: %g, and %g elsewhere", n, got, again)
			}
		}
	})
}
