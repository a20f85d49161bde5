package kernel

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// convert is the portable table of Convert.
func convert(from, to dtypes.DType) Func1 {
	switch {
	case from == to:
		return identity(sizeOf(from))
	case from == dtypes.Float32 && to == dtypes.Float16:
		return vec1(func(d []uint16, x []float32) { map1(d, x, toFloat16) })
	case from == dtypes.Float32 && to == dtypes.BFloat16:
		return vec1(func(d []uint16, x []float32) { map1(d, x, toBFloat16) })
	case from == dtypes.Float16 && to == dtypes.Float32:
		return vec1(func(d []float32, x []uint16) { map1(d, x, fromFloat16) })
	case from == dtypes.BFloat16 && to == dtypes.Float32:
		return vec1(func(d []float32, x []uint16) { map1(d, x, fromBFloat16) })
	case isHalf(from):
		return staged1[float32](Convert(from, dtypes.Float32), Convert(dtypes.Float32, to), nil, 16, sizeOf(to))
	}
	if f := loopsOf(from).convert; f != nil {
		return f(to)
	}
	if from.IsSupported() && from.IsPacked() {
		return convertPacked(from, to)
	}
	return nil
}

// convertInt converts F to any type. Integers of both signs are the same bits.
func convertInt[F integer](to dtypes.DType) Func1 {
	if to.IsInt() {
		return BySize(sizeOf(to), cast[uint8, F](), cast[uint16, F](), cast[uint32, F](), cast[uint64, F](), nil)
	}
	return convertRest[F](to)
}

// convertFloat converts F to any type.
func convertFloat[F float](to dtypes.DType) Func1 {
	size := sizeOf(to)
	switch {
	case to.IsUnsigned():
		return BySize(size, saturate[uint8, F](), saturate[uint16, F](), saturate[uint32, F](), saturate[uint64, F](), nil)
	case to.IsInt():
		return BySize(size, saturate[int8, F](), saturate[int16, F](), saturate[int32, F](), saturate[int64, F](), nil)
	}
	return convertRest[F](to)
}

// convertRest converts F to what is neither an integer nor F.
func convertRest[F number](to dtypes.DType) Func1 {
	switch to {
	case dtypes.Bool:
		return vec1(func(d []bool, x []F) { map1(d, x, func(v F) bool { return v != 0 }) })
	case dtypes.Float32:
		return cast[float32, F]()
	case dtypes.Float64:
		return cast[float64, F]()
	case dtypes.Float16, dtypes.BFloat16:
		return staged1[float32](cast[float32, F](), Convert(dtypes.Float32, to), nil, 8*int(unsafe.Sizeof(F(0))), 2)
	case dtypes.Complex64:
		return vec1(func(d []complex64, x []F) { map1(d, x, func(v F) complex64 { return complex(float32(v), 0) }) })
	case dtypes.Complex128:
		return vec1(func(d []complex128, x []F) { map1(d, x, func(v F) complex128 { return complex(float64(v), 0) }) })
	}
	return nil
}

// cast is the loop d[i] = D(x[i]), too short a function for map1.
func cast[D, F number]() Func1 {
	return vec1(func(d []D, x []F) {
		for i, v := range x {
			d[i] = D(v)
		}
	})
}

// ends are the least and the greatest value of an integer type.
func ends[T integer]() (low, high T) {
	if high = ^T(0); high < 0 {
		high = ^(high << (8*unsafe.Sizeof(high) - 1))
		low = ^high
	}
	return low, high
}

// saturate is the loop d[i] = D(x[i]), its least or greatest value where x[i] is out
// of range, and 0 for NaN. In F, the greatest may be the power of two above it.
func saturate[D integer, F float]() Func1 {
	low, high := ends[D]()
	return vec1(func(d []D, x []F) {
		l, h := F(low), F(high)
		for i, v := range x {
			switch {
			case v >= h:
				d[i] = high
			case v > l:
				d[i] = D(v)
			case v <= l:
				d[i] = low
			default:
				d[i] = 0
			}
		}
	})
}

// convertComplex converts T, which is made of two R, to any type; rt is R.
func convertComplex[T cplx, R float](rt, to dtypes.DType) Func1 {
	re := each1(func(v T) R { return R(real(complex128(v))) })
	switch to {
	case rt:
		return re
	case dtypes.Bool:
		return each1(func(v T) bool { return v != 0 })
	case dtypes.Complex64:
		return each1(func(v T) complex64 { return complex64(v) })
	case dtypes.Complex128:
		return each1(func(v T) complex128 { return complex128(v) })
	}
	return staged1[R](re, Convert(rt, to), nil, 2*rt.Bits(), sizeOf(to))
}

// convertPacked converts integers of 1, 2 or 4 bits, the first in the low bits.
func convertPacked(from, to dtypes.DType) Func1 {
	bits, signed := from.Bits(), !from.IsUnsigned()
	unpack := func(dst, x unsafe.Pointer, n int) {
		d, src := view[int8](dst, n), view[byte](x, (n*bits+7)/8)
		for i := range d {
			bit := i * bits
			v := int8(src[bit/8] >> (bit % 8) << (8 - bits)) // the field in the high bits
			if signed {
				d[i] = v >> (8 - bits)
			} else {
				d[i] = int8(uint8(v) >> (8 - bits))
			}
		}
	}
	return staged1[int8](unpack, Convert(dtypes.Int8, to), nil, bits, sizeOf(to))
}

func fromBFloat16(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }

// toBFloat16 rounds to nearest even; a NaN stays one, with its sign and the high
// bits of its payload.
func toBFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// fromFloat16 widens the half h: 1 sign, 5 exponent (bias 15), 10 fraction bits.
func fromFloat16(h uint16) float32 {
	sign, m := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case m >= 0x7c00: // Inf and NaN
		return math.Float32frombits(sign | 0x7f800000 | m<<13)
	case m < 0x400: // subnormal: m times 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(m)*0x1p-24))
	}
	return math.Float32frombits(sign | (m<<13 + (127-15)<<23))
}

// toFloat16 rounds to nearest even; from 65520 on that is Inf. A NaN stays one,
// with its sign and the high bits of its payload.
func toFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x477ff000: // 65520
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: the sum's last place is 2^-24, the half's
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	return sign | uint16((b-(127-15)<<23+0xfff+b>>13&1)>>13)
}
