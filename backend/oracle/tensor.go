package oracle

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
)

// A Tensor is a shape and its elements in row-major order.
type Tensor struct {
	Shape shapes.Shape
	Data  []Scalar
}

func newTensor(shape shapes.Shape) *Tensor {
	return &Tensor{Shape: shape, Data: make([]Scalar, shape.Size())}
}

func (t *Tensor) dtype() dtypes.DType { return t.Shape.DType }

func (t *Tensor) dims() []int { return t.Shape.Dimensions }

// finite reports whether all elements are known and none is infinite or NaN.
func finite(list ...*Tensor) bool {
	for _, t := range list {
		for _, s := range t.Data {
			if s.Unsure || !s.finite() {
				return false
			}
		}
	}
	return true
}

// FromFlat reads a Go slice of the dtype's type; the elements are exact.
func FromFlat(flat any, shape shapes.Shape) (*Tensor, error) {
	raw, err := flatBytes(flat)
	if err != nil {
		return nil, err
	}
	d := shape.DType
	if want := d.SizeForDimensions(shape.Size()); len(raw) != want {
		return nil, fmt.Errorf("oracle: %d bytes for shape %s, want %d", len(raw), shape, want)
	}
	t := newTensor(shape)
	for i := range t.Data {
		t.Data[i] = decode(d, takeBits(raw, d.Bits(), i))
	}
	return t, nil
}

// ToFlat rounds the elements to their dtype and writes them to a slice of its type.
func (t *Tensor) ToFlat(flat any) error {
	d := t.dtype()
	raw := make([]byte, d.SizeForDimensions(len(t.Data)))
	for i, s := range t.Data {
		putBits(raw, d.Bits(), i, encode(d, s))
	}
	old, err := flatBytes(flat)
	if err != nil {
		return err
	}
	if len(old) != len(raw) {
		return fmt.Errorf("oracle: %d bytes for shape %s, want %d", len(old), t.Shape, len(raw))
	}
	n, err := binary.Decode(raw, binary.LittleEndian, flat)
	if err != nil || n != len(raw) {
		return fmt.Errorf("oracle: cannot write %s to a %T: %w", t.Shape, flat, err)
	}
	return nil
}

// Flat is a new slice of the dtype's type with the rounded elements.
func (t *Tensor) Flat() any {
	flat := dtypes.MakeAnySlice(t.dtype(), len(t.Data))
	if err := t.ToFlat(flat); err != nil {
		panic(err) // the slice was made for it
	}
	return flat
}

func flatBytes(flat any) ([]byte, error) {
	if v := reflect.ValueOf(flat); v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("oracle: %T is no slice", flat)
	}
	raw, err := binary.Append(nil, binary.LittleEndian, flat)
	if err != nil {
		return nil, fmt.Errorf("oracle: cannot read a %T: %w", flat, err)
	}
	return raw, nil
}

// takeBits is element i of width bits, low bits first; 128 bits as two words.
func takeBits(raw []byte, width, i int) [2]uint64 {
	if width < 8 {
		at := i * width
		return [2]uint64{uint64(raw[at/8]>>(at%8)) & (1<<width - 1)}
	}
	var b [16]byte
	copy(b[:], raw[i*width/8:(i+1)*width/8])
	return [2]uint64{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

func putBits(raw []byte, width, i int, v [2]uint64) {
	if width < 8 {
		at := i * width
		raw[at/8] |= byte(v[0]) << (at % 8)
		return
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], v[0])
	binary.LittleEndian.PutUint64(b[8:], v[1])
	copy(raw[i*width/8:(i+1)*width/8], b[:])
}

// decode reads the bits of one element.
func decode(d dtypes.DType, bits [2]uint64) Scalar {
	switch d {
	case dtypes.Float64:
		return Scalar{Re: math.Float64frombits(bits[0])}
	case dtypes.Float32:
		return Scalar{Re: float64(math.Float32frombits(uint32(bits[0])))}
	case dtypes.Float16:
		return Scalar{Re: float64(float16.FromBits(uint16(bits[0])).Float32())}
	case dtypes.BFloat16:
		return Scalar{Re: float64(bfloat16.FromBits(uint16(bits[0])).Float32())}
	case dtypes.Complex64:
		return Scalar{
			Re: float64(math.Float32frombits(uint32(bits[0]))),
			Im: float64(math.Float32frombits(uint32(bits[0] >> 32))),
		}
	case dtypes.Complex128:
		return Scalar{Re: math.Float64frombits(bits[0]), Im: math.Float64frombits(bits[1])}
	}
	return Scalar{Int: wrap(d, int64(bits[0]))}
}

// encode rounds an element to its dtype and gives its bits.
func encode(d dtypes.DType, s Scalar) [2]uint64 {
	round := func(x float64) float64 { return formatOf(d).round(x) }
	switch d {
	case dtypes.Float64:
		return [2]uint64{math.Float64bits(s.Re)}
	case dtypes.Float32:
		return [2]uint64{uint64(math.Float32bits(float32(s.Re)))}
	case dtypes.Float16:
		return [2]uint64{halfBits(round(s.Re))}
	case dtypes.BFloat16:
		return [2]uint64{uint64(bfloat16.FromFloat32(float32(round(s.Re))).Bits())}
	case dtypes.Complex64:
		return [2]uint64{uint64(math.Float32bits(float32(s.Re))) | uint64(math.Float32bits(float32(s.Im)))<<32}
	case dtypes.Complex128:
		return [2]uint64{math.Float64bits(s.Re), math.Float64bits(s.Im)}
	}
	return [2]uint64{uint64(s.Int)}
}

// halfBits is a number that float16 has. The package float16 takes denormals for zero.
func halfBits(x float64) uint64 {
	bits := math.Float64bits(x) >> 48 & 0x8000
	switch x = math.Abs(x); {
	case math.IsNaN(x):
		return bits | 0x7e00
	case math.IsInf(x, 0):
		return bits | 0x7c00
	case x < 0x1p-14:
		return bits | uint64(x*0x1p24)
	}
	fraction, exp := math.Frexp(x) // x = fraction·2^exp, fraction in [1/2, 1)
	return bits | uint64(exp+14)<<10 | uint64(fraction*0x1p11)&0x3ff
}

// strides are the distances of neighbours along each axis.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	step := 1
	for axis := len(dims) - 1; axis >= 0; axis-- {
		s[axis] = step
		step *= dims[axis]
	}
	return s
}

// each calls f with every index of a shape, in row-major order, and its position.
func each(dims []int, f func(at int, index []int)) {
	size := 1
	for _, d := range dims {
		size *= d
	}
	index := make([]int, len(dims))
	for at := range size {
		f(at, index)
		for axis := len(dims) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < dims[axis] {
				break
			}
			index[axis] = 0
		}
	}
}

// position is where an index lies; inside is false beyond the shape.
func position(dims, index []int) (at int, inside bool) {
	for axis, d := range dims {
		if index[axis] < 0 || index[axis] >= d {
			return 0, false
		}
		at = at*d + index[axis]
	}
	return at, true
}

// lines calls f with the positions of every run of elements along the axes, runs and
// their elements in row-major order.
func lines(dims, axes []int, f func(line int, at []int)) {
	var outer, inner []int // dimensions
	var outerStep, innerStep []int
	for axis, step := range strides(dims) {
		if slices.Contains(axes, axis) {
			inner, innerStep = append(inner, dims[axis]), append(innerStep, step)
		} else {
			outer, outerStep = append(outer, dims[axis]), append(outerStep, step)
		}
	}
	offset := func(index, step []int) (o int) {
		for i, n := range index {
			o += n * step[i]
		}
		return o
	}
	var run []int
	each(inner, func(_ int, index []int) { run = append(run, offset(index, innerStep)) })
	at := make([]int, len(run))
	each(outer, func(line int, index []int) {
		start := offset(index, outerStep)
		for i, o := range run {
			at[i] = start + o
		}
		f(line, at)
	})
}
