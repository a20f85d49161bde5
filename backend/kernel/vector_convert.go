package kernel

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// convert is the portable table of Convert.
func convert(from, to dtypes.DType) Func1 {
	switch {
	case from == to:
		return identity(sizeOf(from))
	case from == dtypes.Float32 && to == dtypes.Float16:
		return vec1(toFloat16s)
	case from == dtypes.Float32 && to == dtypes.BFloat16:
		return vec1(toBFloat16s)
	case from == dtypes.Float16 && to == dtypes.Float32:
		return vec1(fromFloat16s)
	case from == dtypes.BFloat16 && to == dtypes.Float32:
		return vec1(fromBFloat16s)
	case isHalf(from):
		return staged1[float32](Convert(from, dtypes.Float32), Convert(dtypes.Float32, to), nil, 2, sizeOf(to))
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
	switch to {
	case dtypes.Int8:
		return saturate[int8, F](math.MinInt8, math.MaxInt8)
	case dtypes.Int16:
		return saturate[int16, F](math.MinInt16, math.MaxInt16)
	case dtypes.Int32:
		return saturate[int32, F](math.MinInt32, math.MaxInt32)
	case dtypes.Int64:
		return saturate[int64, F](math.MinInt64, math.MaxInt64)
	case dtypes.Uint8:
		return saturate[uint8, F](0, math.MaxUint8)
	case dtypes.Uint16:
		return saturate[uint16, F](0, math.MaxUint16)
	case dtypes.Uint32:
		return saturate[uint32, F](0, math.MaxUint32)
	case dtypes.Uint64:
		return saturate[uint64, F](0, math.MaxUint64)
	}
	return convertRest[F](to)
}

// convertRest converts F to what is neither an integer nor F.
func convertRest[F number](to dtypes.DType) Func1 {
	size := int(unsafe.Sizeof(F(0)))
	switch to {
	case dtypes.Bool:
		return vec1(func(d []bool, x []F) {
			for i, v := range x {
				d[i] = v != 0
			}
		})
	case dtypes.Float32:
		return cast[float32, F]()
	case dtypes.Float64:
		return cast[float64, F]()
	case dtypes.Float16, dtypes.BFloat16:
		return staged1[float32](cast[float32, F](), Convert(dtypes.Float32, to), nil, size, 2)
	case dtypes.Complex64:
		return each1(func(v F) complex64 { return complex(float32(v), 0) })
	case dtypes.Complex128:
		return each1(func(v F) complex128 { return complex(float64(v), 0) })
	}
	return nil
}

// cast is the loop d[i] = D(x[i]).
func cast[D, F number]() Func1 {
	return vec1(func(d []D, x []F) {
		for i, v := range x {
			d[i] = D(v)
		}
	})
}

// saturate is the loop d[i] = D(x[i]), low or high where x[i] is out of range, and
// 0 for NaN. In F, high may be the power of two above it.
func saturate[D integer, F float](low, high D) Func1 {
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
	return staged1[R](re, Convert(rt, to), nil, 2*sizeOf(rt), sizeOf(to))
}

// convertPacked converts integers of 1, 2 or 4 bits, the first in the low bits.
func convertPacked(from, to dtypes.DType) Func1 {
	f := Convert(dtypes.Int8, to)
	if f == nil {
		return nil
	}
	bits, size, signed := from.Bits(), sizeOf(to), !from.IsUnsigned()
	return func(dst, x unsafe.Pointer, n int) {
		var scratch [blockLen]int8
		src := view[byte](x, (n*bits+7)/8)
		p := hide(unsafe.Pointer(&scratch))
		for i := 0; i < n; i += blockLen {
			k := min(blockLen, n-i)
			block := view[int8](p, k)
			for j := range block {
				bit := (i + j) * bits
				v := int8(src[bit/8] >> (bit % 8) << (8 - bits)) // the field in the high bits
				if signed {
					block[j] = v >> (8 - bits)
				} else {
					block[j] = int8(uint8(v) >> (8 - bits))
				}
			}
			f(at(dst, i, size), p, k)
		}
		runtime.KeepAlive(&scratch)
	}
}

func fromBFloat16s(d []float32, x []uint16) {
	for i, v := range x {
		d[i] = fromBFloat16(v)
	}
}

func fromBFloat16(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }

// toBFloat16s rounds to nearest even; a NaN stays one, with its sign and the high
// bits of its payload.
func toBFloat16s(d []uint16, x []float32) {
	for i, v := range x {
		b := math.Float32bits(v)
		if v != v {
			d[i] = uint16(b>>16) | 0x40
			continue
		}
		d[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
	}
}

func fromFloat16s(d []float32, x []uint16) {
	for i, v := range x {
		d[i] = fromFloat16(v)
	}
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

func toFloat16s(d []uint16, x []float32) {
	for i, v := range x {
		d[i] = toFloat16(v)
	}
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
