package kernel

import (
	"math"
	"os"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// eachVariant runs f once with each variant that this machine has.
func eachVariant(t *testing.T, f func(t *testing.T)) {
	was := active
	defer func() { active = was }()
	for l := portable; l <= detect(); l++ {
		active = l
		t.Run(Variant(), f)
	}
}

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

// TestUnaryAccuracy compares the Float32 loops with float64 arithmetic on a sample of
// all bit patterns (on all of them with COMLAM_LONG=1).
func TestUnaryAccuracy(t *testing.T) {
	const block = 1 << 10
	stride := uint64(4093) // prime: all low bits come
	if os.Getenv("COMLAM_LONG") != "" {
		stride = 1
	}
	eachVariant(t, func(t *testing.T) {
		for op, f := range floats1 {
			if active == portable {
				continue // it is the reference
			}
			loop, bound := Unary(op, dtypes.Float32), ULP(op)
			x, y := make([]float32, block), make([]float32, block)
			worst, at, signs := 0.0, float32(0), 0
			for b := uint64(0); b < 1<<32; b += stride * block {
				for i := range x {
					x[i] = math.Float32frombits(uint32(b + uint64(i)*stride))
				}
				loop(ptr(y), ptr(x), block)
				for i, v := range x {
					want := float32(f(float64(v)))
					if d := steps(y[i], want); d > worst {
						worst, at = d, v
					}
					if math.Signbit(float64(y[i])) != math.Signbit(float64(want)) && v == v && want == want {
						signs++
					}
				}
			}
			t.Logf("%-9v %v ULP at %g (%#x)", op, worst, at, math.Float32bits(at))
			if worst > bound {
				t.Errorf("%v: %v ULP at %g, the bound is %v", op, worst, at, bound)
			}
			if signs > 0 {
				t.Errorf("%v: %d wrong signs", op, signs)
			}
		}
	})
}

var _ = compute.OpTypeAdd
