package oracle

import (
	"math"

	"github.com/gomlx/compute/dtypes"
)

// A Scalar is one element of a tensor, with what is known about the result of an
// engine that computes it in its own dtype.
type Scalar struct {
	// Re and Im hold floats and complex numbers, computed in float64.
	Re, Im float64

	// Int holds integers: unsigned ones as their bits, booleans as 0 and 1.
	Int int64

	// Err bounds the distance between an engine's float or complex result and
	// this one. 0 means that the value is exact.
	Err float64

	// Unsure marks what cannot be decided: a comparison, a rounding or an overflow
	// that lies within the error of its operands, and everything made from it.
	Unsure bool

	// anyZero says that a zero may have either sign.
	anyZero bool

	// tag names the computed value that this is a copy of. Copies are equal in every
	// engine, however large their error. 0 is no name.
	tag uint32
}

// Exact reports whether every engine must hold exactly this value.
func (s Scalar) Exact() bool { return !s.Unsure && s.Err == 0 }

func (s Scalar) finite() bool { return !math.IsNaN(s.Re) && !math.IsInf(s.Re, 0) }

// hasZero reports whether the value may be zero.
func (s Scalar) hasZero() bool { return math.Abs(s.Re) <= s.Err }

// mayVanish reports whether the value may be zero and is not surely so.
func (s Scalar) mayVanish() bool { return s.Err > 0 && s.hasZero() }

// signless reports whether the sign of a value that is or may be zero is open.
func (s Scalar) signless() bool { return s.hasZero() && (s.Err > 0 || s.anyZero) }

var unsure = Scalar{Unsure: true}

// A format is what matters of a floating-point dtype.
type format struct {
	u     float64 // unit roundoff: half the distance from 1 to the next number
	max   float64 // largest finite number
	flush float64 // a function's result below this may be flushed to zero
	least float64 // smallest denormal number
	bits  int     // significant bits
}

var formats = map[dtypes.DType]format{
	// An engine computes float16 in float32, where its denormals are normal.
	dtypes.Float16:  {0x1p-11, 65504, 0x1p-24, 0x1p-24, 11},
	dtypes.BFloat16: {0x1p-8, 0x1.fep127, 0x1p-126, 0x1p-133, 8},
	dtypes.Float32:  {0x1p-24, math.MaxFloat32, 0x1p-126, 0x1p-149, 24},
	// Twice the roundoff and the least: the oracle computes in float64 and errs as well.
	dtypes.Float64: {0x1p-52, math.MaxFloat64, 0x1p-1022, 0x1p-1073, 53},
}

// formatOf is the format of a float, or of the parts of a complex number.
func formatOf(d dtypes.DType) format { return formats[d.RealDType()] }

// round is the number of the format next to x, ties to even.
func (f format) round(x float64) float64 {
	if f.bits == 53 || x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	if f.bits == 24 {
		return float64(float32(x))
	}
	_, exp := math.Frexp(x)                                         // |x| in [2^(exp-1), 2^exp)
	unit := math.Max(math.Ldexp(1, exp-f.bits), f.least)            // distance of neighbours
	if r := math.RoundToEven(x/unit) * unit; math.Abs(r) <= f.max { // powers of two: exact
		return r
	}
	return math.Inf(int(math.Copysign(1, x)))
}

// isSigned tells the two kinds of integers apart; booleans are neither.
func isSigned(d dtypes.DType) bool { return d.IsInt() && !isUnsigned(d) }

func isUnsigned(d dtypes.DType) bool { return d.IsUnsigned() }

// wrap keeps the low bits of n that a dtype has.
func wrap(d dtypes.DType, n int64) int64 {
	if d == dtypes.Bool {
		return n & 1
	}
	free := 64 - uint(d.Bits())
	if isUnsigned(d) {
		return int64(uint64(n) << free >> free)
	}
	return n << free >> free
}

// intRange is the least and the greatest integer of a dtype; the greatest of an
// unsigned 64-bit one as its bits.
func intRange(d dtypes.DType) (low, high int64) {
	if d == dtypes.Bool {
		return 0, 1
	}
	if isUnsigned(d) {
		return 0, wrap(d, -1)
	}
	high = int64(uint64(math.MaxInt64) >> (64 - uint(d.Bits())))
	return -high - 1, high
}

// less orders integers of one dtype.
func less(d dtypes.DType, a, b int64) bool {
	if isUnsigned(d) {
		return uint64(a) < uint64(b)
	}
	return a < b
}

func boolean(b bool) Scalar {
	if b {
		return Scalar{Int: 1}
	}
	return Scalar{}
}
