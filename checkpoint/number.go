package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Float32s converts the numbers to float32. F32, F16 and BF16 convert exactly;
// F64 and the integers are rounded to the nearest. The packed and 8-bit float
// types, complex and boolean ones are refused.
func (t Tensor) Float32s() ([]float32, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	get := float32Getter(t.DType)
	if get == nil {
		return nil, fmt.Errorf("tensor %q: type %s does not convert to float32", t.Name, t.DType)
	}
	size := t.DType.Bits() / 8
	out := make([]float32, len(t.Data)/size)
	for i := range out {
		out[i] = get(t.Data[i*size:])
	}
	return out, nil
}

func float32Getter(d DType) func([]byte) float32 {
	le := binary.LittleEndian
	switch d {
	case F64:
		return func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) }
	case F32:
		return func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }
	case F16:
		return func(b []byte) float32 { return halfToFloat32(le.Uint16(b)) }
	case BF16:
		return func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) }
	case I64:
		return func(b []byte) float32 { return float32(int64(le.Uint64(b))) }
	case U64:
		return func(b []byte) float32 { return float32(le.Uint64(b)) }
	case I32:
		return func(b []byte) float32 { return float32(int32(le.Uint32(b))) }
	case U32:
		return func(b []byte) float32 { return float32(le.Uint32(b)) }
	case I16:
		return func(b []byte) float32 { return float32(int16(le.Uint16(b))) }
	case U16:
		return func(b []byte) float32 { return float32(le.Uint16(b)) }
	case I8:
		return func(b []byte) float32 { return float32(int8(b[0])) }
	case U8:
		return func(b []byte) float32 { return float32(b[0]) }
	}
	return nil
}

// FromFloat32s makes a tensor of type F32, F64, F16 or BF16. F16 and BF16 round
// to the nearest, ties to even; what is too large for F16 becomes infinite.
func FromFloat32s(name string, dtype DType, shape []int, values []float32) (Tensor, error) {
	t := Tensor{Name: name, DType: dtype, Shape: append([]int{}, shape...)}
	le := binary.LittleEndian
	t.Data = make([]byte, 0, len(values)*max(dtype.Bits()/8, 1))
	for _, v := range values {
		switch dtype {
		case F32:
			t.Data = le.AppendUint32(t.Data, math.Float32bits(v))
		case F64:
			t.Data = le.AppendUint64(t.Data, math.Float64bits(float64(v)))
		case F16:
			t.Data = le.AppendUint16(t.Data, halfFromFloat32(v))
		case BF16:
			t.Data = le.AppendUint16(t.Data, bfloatFromFloat32(v))
		default:
			return Tensor{}, fmt.Errorf("tensor %q: float32 is not stored as %s: use F32, F64, F16 or BF16", name, dtype)
		}
	}
	return t, t.check()
}

// halfToFloat32 widens an IEEE 754 binary16.
func halfToFloat32(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h >> 10 & 0x1f)
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24, exact in float32
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// halfFromFloat32 rounds to the nearest IEEE 754 binary16, ties to even.
func halfFromFloat32(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 31 << 15)
	abs := bits & 0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN: quiet, keep the top of the payload
		return sign | 0x7e00 | uint16(abs>>13&0x3ff)
	case abs >= 0x477ff000: // 65520 and above round to infinity
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: a multiple of 2^-24
		// Adding 0.5 puts 2^-24 at the last bit of a float32, which then rounds.
		v := math.Float32frombits(abs) + 0.5
		return sign | uint16(math.Float32bits(v)-math.Float32bits(0.5))
	}
	abs += 0xfff + abs>>13&1
	return sign | uint16((abs-(127-15)<<23)>>13)
}

// bfloatFromFloat32 rounds to the nearest bfloat16, ties to even.
func bfloatFromFloat32(f float32) uint16 {
	bits := math.Float32bits(f)
	if f != f {
		return uint16(bits>>16) | 0x40 // a NaN whose payload is cut must stay one
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
