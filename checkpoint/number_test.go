package checkpoint

import (
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
)

func TestHalfIsExactBothWays(t *testing.T) {
	for h := range 1 << 16 {
		f := halfToFloat32(uint16(h))
		if f != f {
			if h&0x7c00 != 0x7c00 || h&0x3ff == 0 || halfFromFloat32(f)&0x7fff <= 0x7c00 {
				t.Fatalf("half %#04x becomes NaN and %#04x", h, halfFromFloat32(f))
			}
			continue
		}
		if back := halfFromFloat32(f); back != uint16(h) {
			t.Fatalf("half %#04x is %g, which becomes %#04x", h, f, back)
		}
	}
	for _, c := range []struct {
		half uint16
		want float32
	}{{0x3c00, 1}, {0xc000, -2}, {0x7bff, 65504}, {0x0400, 0x1p-14}, {0x0001, 0x1p-24}, {0x3555, 0.333251953125}, {0x7c00, float32(math.Inf(1))}} {
		if got := halfToFloat32(c.half); got != c.want {
			t.Errorf("half %#04x is %g, want %g", c.half, got, c.want)
		}
	}
}

// TestHalfRounding compares with a search among all values of the format.
func TestHalfRounding(t *testing.T) {
	check := nearest(halfToFloat32, 0x7c00, 65520)
	r := rand.New(rand.NewPCG(1, 1))
	for range 300000 {
		// Exponents around the range of the format, and ties between its values.
		bits := uint32(95+r.IntN(52))<<23 | r.Uint32()>>9
		if r.IntN(2) == 0 {
			bits &^= 0xfff
		}
		f := math.Float32frombits(bits | uint32(r.IntN(2))<<31)
		if got, want := halfFromFloat32(f), check(f); got != want {
			t.Fatalf("%g (%#08x) rounds to %#04x, want %#04x", f, math.Float32bits(f), got, want)
		}
	}
}

func TestBFloatRounding(t *testing.T) {
	widen := func(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
	over := math.Float32frombits(0x7f7f8000) // halfway to what would be the next value
	check := nearest(widen, 0x7f80, over)
	r := rand.New(rand.NewPCG(1, 2))
	for range 300000 {
		bits := r.Uint32()
		if r.IntN(2) == 0 {
			bits &^= 0x7fff // ties
		}
		f := math.Float32frombits(bits)
		got := bfloatFromFloat32(f)
		if f != f {
			if w := widen(got); w == w {
				t.Fatalf("NaN %#08x becomes %g", bits, w)
			}
			continue
		}
		if want := check(f); got != want {
			t.Fatalf("%g (%#08x) rounds to %#04x, want %#04x", f, bits, got, want)
		}
	}
}

// nearest returns a function that rounds by searching among all positive values
// of a 16-bit format, ties to the even one; from over on it is infinity.
func nearest(widen func(uint16) float32, infinity uint16, over float32) func(float32) uint16 {
	return func(f float32) uint16 {
		sign := uint16(math.Float32bits(f) >> 31 << 15)
		a := float64(math.Abs(float64(f)))
		if a >= float64(over) {
			return sign | infinity
		}
		up := uint16(sort.Search(int(infinity), func(i int) bool { return float64(widen(uint16(i))) >= a }))
		if up == infinity {
			return sign | (infinity - 1)
		}
		if up == 0 {
			return sign
		}
		low := up - 1
		below, above := a-float64(widen(low)), float64(widen(up))-a
		if above < below || above == below && up%2 == 0 {
			return sign | up
		}
		return sign | low
	}
}

func TestFloat32sOfEveryType(t *testing.T) {
	for _, c := range []struct {
		dtype DType
		data  []byte
		want  []float32
	}{
		{F64, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, []float32{1.5}},
		{F32, []byte{0, 0, 0xc0, 0x3f, 0, 0, 0, 0x80}, []float32{1.5, float32(math.Copysign(0, -1))}},
		{F16, []byte{0, 0x3e}, []float32{1.5}},
		{BF16, []byte{0xc0, 0x3f}, []float32{1.5}},
		{I64, []byte{0xfe, 255, 255, 255, 255, 255, 255, 255}, []float32{-2}},
		{U64, []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, []float32{0x1p63}},
		{I32, []byte{0xfe, 255, 255, 255}, []float32{-2}},
		{U32, []byte{0, 0, 0, 0x80}, []float32{0x1p31}},
		{I16, []byte{0xfe, 255}, []float32{-2}},
		{U16, []byte{0, 0x80}, []float32{32768}},
		{I8, []byte{0xfe}, []float32{-2}},
		{U8, []byte{0xfe}, []float32{254}},
	} {
		x := Tensor{Name: "x", DType: c.dtype, Shape: []int{len(c.want)}, Data: c.data}
		got, err := x.Float32s()
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v, %v", c.dtype, got, err)
			continue
		}
		for i := range got {
			if math.Float32bits(got[i]) != math.Float32bits(c.want[i]) {
				t.Errorf("%s: %g, want %g", c.dtype, got, c.want)
			}
		}
	}
	for _, d := range dtypes {
		x := Tensor{Name: "x", DType: d.name, Shape: []int{8}, Data: make([]byte, d.bits)}
		if _, err := x.Float32s(); err != nil && !strings.Contains(err.Error(), "does not convert") {
			t.Errorf("%s: %v", d.name, err)
		}
	}
	bad := Tensor{Name: "x", DType: F32, Shape: []int{2}, Data: make([]byte, 7)}
	if _, err := bad.Float32s(); err == nil {
		t.Error("7 bytes of two F32: no error")
	}
}

func TestFromFloat32s(t *testing.T) {
	values := []float32{0, -1.5, 3, 0x1p-20}
	for _, d := range []DType{F64, F32, F16, BF16} {
		x, err := FromFloat32s("x", d, []int{2, 2}, values)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			if got[i] != values[i] {
				t.Errorf("%s: %g, want %g", d, got, values)
			}
		}
	}
	if _, err := FromFloat32s("x", I8, []int{4}, values); err == nil {
		t.Error("stored as I8: no error")
	}
	if _, err := FromFloat32s("x", F32, []int{5}, values); err == nil {
		t.Error("four values of shape [5]: no error")
	}
}
