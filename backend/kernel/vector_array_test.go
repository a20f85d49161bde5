package kernel

import (
	"bytes"
	endian "encoding/binary"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

var allTypes = []dtypes.DType{
	dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64,
	dtypes.Uint8, dtypes.Uint16, dtypes.Uint32, dtypes.Uint64,
	dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64,
	dtypes.Complex64, dtypes.Complex128,
}

// lengths are ragged ones around all vector widths, and around the blocks.
func lengths() []int {
	var ns []int
	for n := range 71 {
		ns = append(ns, n)
	}
	return append(ns, 255, 256, 257, 600, 1000)
}

func everyVariant(t *testing.T, f func(t *testing.T)) {
	defer func(l level) { active = l }(active)
	for l := portable; l <= detect(); l++ {
		active = l
		t.Run(names[l], f)
	}
}

// A datum is one element: the field of its kind is set.
type datum struct {
	f float64    // floats
	i int64      // integers and bool; the bits of a uint64
	c complex128 // complex numbers
}

// An array is n elements of a type within guard bytes, not aligned to a vector.
type array struct {
	t   dtypes.DType
	buf []byte
	off int
	n   int
}

const guard = 0xa5

func newArray(t dtypes.DType, n, shift int) *array {
	size := t.Size()
	a := &array{t: t, n: n, buf: bytes.Repeat([]byte{guard}, (n+2*shift+32)*size+64)}
	base := int(uintptr(unsafe.Pointer(&a.buf[0])) & 15)
	a.off = 32 + (16-base)&15 + shift*size
	return a
}

func (a *array) p() unsafe.Pointer { return unsafe.Pointer(&a.buf[a.off]) }

func (a *array) data() []byte { return a.buf[a.off:][:a.n*a.t.Size()] }

func (a *array) clone() *array {
	c := newArray(a.t, a.n, 1)
	copy(c.data(), a.data())
	return c
}

// intact reports whether no byte around the elements was written.
func (a *array) intact() bool {
	for i, b := range a.buf {
		if (i < a.off || i >= a.off+a.n*a.t.Size()) && b != guard {
			return false
		}
	}
	return true
}

// bits is element i as its bytes say.
func (a *array) bits(i int) [2]uint64 {
	var b [16]byte
	size := a.t.Size()
	copy(b[:], a.data()[i*size:][:size])
	return [2]uint64{endian.LittleEndian.Uint64(b[:]), endian.LittleEndian.Uint64(b[8:])}
}

func (a *array) get(i int) datum {
	b := a.bits(i)
	w := b[0]
	switch a.t {
	case dtypes.Float16:
		return datum{f: slowFloat16(uint16(w))}
	case dtypes.BFloat16:
		return datum{f: float64(math.Float32frombits(uint32(w) << 16))}
	case dtypes.Float32:
		return datum{f: float64(math.Float32frombits(uint32(w)))}
	case dtypes.Float64:
		return datum{f: math.Float64frombits(w)}
	case dtypes.Complex64:
		return datum{c: complex(float64(math.Float32frombits(uint32(w))), float64(math.Float32frombits(uint32(w>>32))))}
	case dtypes.Complex128:
		return datum{c: complex(math.Float64frombits(w), math.Float64frombits(b[1]))}
	}
	return datum{i: wrap(int64(w), a.t)}
}

func (a *array) put(i int, v datum) {
	var b [16]byte
	w := uint64(v.i)
	switch a.t {
	case dtypes.Float16:
		w = uint64(slowToFloat16(float32(v.f)))
	case dtypes.BFloat16:
		w = uint64(slowToBFloat16(float32(v.f)))
	case dtypes.Float32:
		w = uint64(math.Float32bits(float32(v.f)))
	case dtypes.Float64:
		w = math.Float64bits(v.f)
	case dtypes.Complex64:
		w = uint64(math.Float32bits(float32(real(v.c)))) | uint64(math.Float32bits(float32(imag(v.c))))<<32
	case dtypes.Complex128:
		w = math.Float64bits(real(v.c))
		endian.LittleEndian.PutUint64(b[8:], math.Float64bits(imag(v.c)))
	}
	endian.LittleEndian.PutUint64(b[:], w)
	size := a.t.Size()
	copy(a.data()[i*size:][:size], b[:])
}

// wrap is v in the width of t, extended by its sign or by zeros.
func wrap(v int64, t dtypes.DType) int64 {
	s := max(0, 64-8*t.Size())
	if t.IsUnsigned() || t == dtypes.Bool {
		return int64(uint64(v) << s >> s)
	}
	return v << s >> s
}

// apart is the distance of two elements in units of the last place, 0 for two NaN.
func apart(got, want *array, i int) float64 {
	a, b := got.get(i), want.get(i)
	if got.t.IsComplex() {
		eps := 0x1p-23
		if got.t == dtypes.Complex128 {
			eps = 0x1p-52
		}
		if cmplx.IsNaN(b.c) || cmplx.IsInf(b.c) || a.c == b.c {
			return 0 // the special cases of complex functions are Go's
		}
		return cmplx.Abs(a.c-b.c) / (cmplx.Abs(b.c)*eps + 0x1p-1022)
	}
	if !got.t.IsFloat() {
		return math.Abs(float64(a.i - b.i))
	}
	if a.f != a.f && b.f != b.f {
		return 0
	}
	if a.f != a.f || b.f != b.f {
		return math.Inf(1)
	}
	size := got.t.Size()
	order := func(w uint64) int64 {
		v := int64(w << (64 - 8*size))
		return (v ^ v>>63&math.MaxInt64) >> (64 - 8*size)
	}
	return math.Abs(float64(order(got.bits(i)[0]) - order(want.bits(i)[0])))
}

var specialFloats = []float64{
	0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(math.NaN(), -1),
	math.MaxFloat32, -math.MaxFloat32, 0x1p-126, -0x1p-126, 0x1p-149, -0x1p-149, 0x1.8p-140, 65504, 65520, 0x1p-24,
	0.5, -0.5, 1.5, 2.5, -2.5, 3.5, 0x1p23 + 1, -0x1p22 - 0.5, 0x1.fffffep-1, 0x1.000002p0,
	88.7, 88.8, -87.4, -103.9, -104.1, 709.7, -745.2, 9.1, -9.1, 1e-5, -1e-5, 1e-20, 1e10, -3e20, math.Pi, -math.Pi / 2,
	2, 3, -3, 7, 0.1, 1e-40, 127, -128, 255, 2147483647, -2147483648, 4294967295, 9.3e18, -9.3e18, 1.9e19,
}

// random fills a with special values and random ones of several magnitudes.
func random(r *rand.Rand, t dtypes.DType, n, shift int) *array {
	a := newArray(t, n, shift)
	scales := []float64{0.01, 1, 1, 10, 100, 1e5}
	for i := range n {
		v := r.NormFloat64() * scales[r.IntN(len(scales))]
		if r.IntN(3) == 0 {
			v = specialFloats[r.IntN(len(specialFloats))]
		}
		d := datum{f: v, i: int64(r.Uint64() >> (r.IntN(8) * 8))}
		switch r.IntN(5) {
		case 0:
			d.i = int64(r.IntN(5)) - 2
		case 1:
			d.i = 1 << (8*t.Size() - 1) // the lowest
		}
		if t == dtypes.Bool {
			d.i &= 1
		}
		if t == dtypes.Float64 && r.IntN(8) == 0 {
			d.f = []float64{math.MaxFloat64, 0x1p-1022, 0x1p-1074, -0x1p-1060}[r.IntN(4)]
		}
		d.c = complex(r.NormFloat64()*2, r.NormFloat64()*2)
		if r.IntN(8) == 0 {
			d.c = complex(float64(r.IntN(3)-1), float64(r.IntN(3)-1))
		}
		a.put(i, d)
	}
	return a
}

// isExact says whether all variants give the nearest value.
func isExact(op compute.OpType) bool { return ULP(op) == 0 }

// bound is the ULPs allowed to op on t.
func bound(op compute.OpType, t dtypes.DType) float64 {
	switch {
	case t.IsComplex():
		return 64
	case isExact(op) || !t.IsFloat():
		return 0
	case t == dtypes.Float32:
		if active == portable {
			return 1
		}
		return ULP(op)
	case t == dtypes.Float64:
		return 4 // half of it the oracle's
	}
	return 1
}

// outType is the type that op on t writes.
func outType(op compute.OpType, t dtypes.DType) dtypes.DType {
	switch op {
	case compute.OpTypeIsFinite, compute.OpTypeIsNaN:
		return dtypes.Bool
	case compute.OpTypeAbs, compute.OpTypeReal, compute.OpTypeImag:
		if t.IsComplex() {
			return t.RealDType()
		}
	case compute.OpTypeComplex:
		if t == dtypes.Float32 {
			return dtypes.Complex64
		}
		return dtypes.Complex128
	}
	if _, ok := oracleCompare(op, datum{}, datum{}, dtypes.Float64); ok {
		return dtypes.Bool
	}
	return t
}
