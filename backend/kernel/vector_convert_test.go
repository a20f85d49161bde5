package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"sort"
	"testing"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// slowFloat16 decodes the half h by its definition.
func slowFloat16(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&0x3ff)
	v := math.Ldexp(m, -24)
	if e > 0 {
		v = math.Ldexp(1024+m, e-25)
	}
	if e == 31 {
		v = math.Inf(1)
		if m != 0 {
			v = math.NaN()
		}
	}
	if h&0x8000 != 0 {
		return math.Copysign(v, -1)
	}
	return v
}

// slowToFloat16 searches the halves for the nearest; ties go to an even fraction.
func slowToFloat16(v float32) uint16 {
	sign := uint16(math.Float32bits(v) >> 31 << 15)
	x := math.Abs(float64(v))
	if x != x {
		return sign | 0x7e00
	}
	// h is the first half that is not below x; 2^16 takes the place of Inf
	value := func(h int) float64 {
		if h == 0x7c00 {
			return 65536
		}
		return slowFloat16(uint16(h))
	}
	h := sort.Search(0x7c00, func(h int) bool { return value(h) >= x })
	if h > 0 {
		up, down := value(h)-x, x-value(h-1)
		if down < up || down == up && h&1 == 1 {
			h--
		}
	}
	return sign | uint16(h)
}

// slowToBFloat16 chooses the nearer neighbour; ties go to an even fraction.
func slowToBFloat16(v float32) uint16 {
	if v != v {
		return uint16(math.Float32bits(v)>>16) | 0x40
	}
	down := uint16(math.Float32bits(v) >> 16)
	value := func(h uint16) float64 {
		if h&0x7fff == 0x7f80 {
			return math.Copysign(0x1p128, float64(math.Float32frombits(uint32(h)<<16)))
		}
		return float64(math.Float32frombits(uint32(h) << 16))
	}
	if math.IsInf(float64(v), 0) {
		return down
	}
	a, b := math.Abs(float64(v)-value(down)), math.Abs(value(down+1)-float64(v))
	if b < a || a == b && down&1 == 1 {
		return down + 1
	}
	return down
}

// oracleConvert goes through arbitrary precision.
func oracleConvert(x datum, from, to dtypes.DType) datum {
	if from == to {
		return x
	}
	re := x.f
	if from.IsComplex() {
		re = real(x.c)
		if to.IsComplex() {
			return x
		}
	}
	if to == dtypes.Bool {
		return truth(x.i != 0 || x.c != 0 || x.f != 0)
	}
	v := new(big.Float).SetPrec(2000)
	switch {
	case from.IsUnsigned():
		v.SetUint64(uint64(x.i))
	case !from.IsFloat() && !from.IsComplex():
		v.SetInt64(x.i)
	case re != re:
		return datum{f: re, c: complex(re, 0)}
	default:
		v.SetFloat64(re)
	}
	switch {
	case to == dtypes.Float64 || to == dtypes.Complex128:
		f, _ := v.Float64()
		return datum{f: f, c: complex(f, 0)}
	case to.IsFloat() || to.IsComplex():
		f, _ := v.Float32()
		return datum{f: float64(f), c: complex(float64(f), 0)}
	}
	if from.IsFloat() || from.IsComplex() { // saturate
		low, high := new(big.Float), new(big.Float).SetMantExp(big.NewFloat(1), 8*to.Size())
		if !to.IsUnsigned() {
			high.SetMantExp(big.NewFloat(1), 8*to.Size()-1)
			low.Neg(high)
		}
		if v.Cmp(high) >= 0 {
			return datum{i: wrap(-1, to) &^ signBit(to)}
		}
		if v.Cmp(low) < 0 {
			return datum{i: wrap(signBit(to), to)}
		}
	}
	z, _ := v.Int(nil)
	z.And(z, new(big.Int).SetUint64(math.MaxUint64))
	return datum{i: wrap(int64(z.Uint64()), to)}
}

// signBit is the sign bit of an integer type, extended; 0 if it has none.
func signBit(t dtypes.DType) int64 {
	if t.IsUnsigned() {
		return 0
	}
	return -1 << (8*t.Size() - 1)
}

func TestConvert(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, from := range allTypes {
			for _, to := range allTypes {
				f := Convert(from, to)
				if f == nil {
					t.Fatalf("no conversion from %s to %s", from, to)
				}
				for _, n := range lengths() {
					x := random(r, from, n, n%3)
					got, want := newArray(to, n, n%4), newArray(to, n, 0)
					f(got.p(), x.p(), n)
					for i := range n {
						want.put(i, oracleConvert(x.get(i), from, to))
					}
					compare(t, from.String()+" to "+to.String(), 0, got, want, x)
					if from.Size() == to.Size() {
						in := x.clone()
						f(in.p(), in.p(), n)
						in.t = to
						compare(t, from.String()+" to "+to.String()+" in place", 0, in, got, x)
					}
				}
			}
		}
	})
}

// TestHalves goes through all halves, the float32 in the middle between any two
// neighbours, and its own neighbours.
func TestHalves(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		for _, ht := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16} {
			all := newArray(ht, 1<<16, 0)
			for i := range view[uint16](all.p(), 1<<16) {
				view[uint16](all.p(), 1<<16)[i] = uint16(i)
			}
			wide := newArray(dtypes.Float32, 1<<16, 1)
			Convert(ht, dtypes.Float32)(wide.p(), all.p(), 1<<16)
			var near []float32
			for i, v := range view[float32](wide.p(), 1<<16) {
				if want := all.get(i).f; float64(v) != want && want == want || v == v != (want == want) ||
					math.Signbit(float64(v)) != math.Signbit(want) {
					t.Fatalf("%s %#x became %g, want %g", ht, i, v, want)
				}
				next := float64(view[float32](wide.p(), 1<<16)[(i+1)&0xffff])
				if math.IsInf(next, 0) && ht == dtypes.Float16 {
					next = math.Copysign(65536, next)
				}
				mid := float32((float64(v) + next) / 2)
				inf := float32(math.Inf(1))
				near = append(near, v, mid, math.Nextafter32(mid, inf), math.Nextafter32(mid, -inf))
			}
			near = append(near, 65520, 65519.996, 0x1p-25, 0x1.000002p-25, 0x1p-26, math.MaxFloat32, 0x1.fefffep127, 0x1.ffp127)
			back := newArray(ht, len(near), 1)
			Convert(dtypes.Float32, ht)(back.p(), unsafe.Pointer(&near[0]), len(near))
			want := newArray(ht, len(near), 0)
			for i, v := range near {
				want.put(i, datum{f: float64(v)})
			}
			compare(t, "float32 to "+ht.String(), 0, back, want)
		}
	})
}

func TestConvertPacked(t *testing.T) {
	src := []byte{0x1e, 0x80, 0xf7, 0x5a, 0x00, 0xff}
	for _, c := range []struct {
		t    dtypes.DType
		want []float64
	}{
		{dtypes.Int4, []float64{-2, 1, 0, -8, 7, -1, -6, 5, 0, 0, -1}},
		{dtypes.Uint4, []float64{14, 1, 0, 8, 7, 15, 10, 5, 0, 0, 15}},
		{dtypes.Int2, []float64{-2, -1, 1, 0, 0, 0, 0, -2, -1, 1, -1}},
		{dtypes.Uint2, []float64{2, 3, 1, 0, 0, 0, 0, 2, 3, 1, 3}},
		{dtypes.Uint1, []float64{0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}},
		{dtypes.Int1, []float64{0, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0}},
	} {
		got, want := newArray(dtypes.Float64, len(c.want), 1), newArray(dtypes.Float64, len(c.want), 0)
		for i, v := range c.want {
			want.put(i, datum{f: v})
		}
		Convert(c.t, dtypes.Float64)(got.p(), unsafe.Pointer(&src[0]), len(c.want))
		compare(t, c.t.String(), 0, got, want)
		if Convert(dtypes.Float64, c.t) != nil || Unary(2, c.t) != nil || Select(c.t, VV) != nil {
			t.Errorf("%s has loops that would take its elements for bytes", c.t)
		}
	}
	long := make([]byte, 300) // more than a block
	for i := range long {
		long[i] = byte(i * 7)
	}
	got := make([]int32, 600)
	Convert(dtypes.Uint4, dtypes.Int32)(unsafe.Pointer(&got[0]), unsafe.Pointer(&long[0]), 600)
	for i, v := range got {
		if want := int32(long[i/2] >> (i % 2 * 4) & 15); v != want {
			t.Fatalf("element %d is %d, want %d", i, v, want)
		}
	}
}
