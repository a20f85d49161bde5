// Package checkpoint reads and writes model weights.
//
// # Files
//
// The file format is safetensors (github.com/huggingface/safetensors): eight
// bytes of header length, a JSON header that gives each tensor a type, a shape
// and a range of the bytes that follow, and those bytes. Such a file holds
// numbers only and runs no code; pickled files (.pt, .bin) are refused.
//
// [Open] checks the header completely before anything else is read: at most
// 100 MB, no duplicate key, no overlap, no hole, each range as long as type and
// shape say and inside the file. Then [File.Tensor] reads one tensor at a time.
// A file that breaks a rule gives a *[FormatError] that says where.
//
// [Write] and [WriteEach] write the same bytes for the same tensors, in the
// order of the reference implementation, so that files can be compared by
// hash. [Digest] hashes the tensors themselves, whatever file they are in.
//
// # Names
//
// A published model names its tensors in its own way. [Map] ties each published
// name to the name of our variable; [Map.Load] and [Map.Save] carry the values
// across and report all that is missing, unexpected or of the wrong shape in
// one error.
//
// Shapes are in row-major order, the last axis contiguous. Bytes are little
// endian.
package checkpoint

import (
	"fmt"

	"github.com/comlam/comlam/internal/bounded"
)

// DType is the number format of a tensor, as safetensors spells it.
type DType string

// The number formats. F8_E4M3 is e4m3fn, without infinities; F6 and F4 are the
// packed OCP microscaling formats, F8_E8M0 their scales.
const (
	Bool       DType = "BOOL"
	F4         DType = "F4"
	F6E2M3     DType = "F6_E2M3"
	F6E3M2     DType = "F6_E3M2"
	U8         DType = "U8"
	I8         DType = "I8"
	F8E5M2     DType = "F8_E5M2"
	F8E4M3     DType = "F8_E4M3"
	F8E8M0     DType = "F8_E8M0"
	F8E4M3FNUZ DType = "F8_E4M3FNUZ"
	F8E5M2FNUZ DType = "F8_E5M2FNUZ"
	I16        DType = "I16"
	U16        DType = "U16"
	F16        DType = "F16"
	BF16       DType = "BF16"
	I32        DType = "I32"
	U32        DType = "U32"
	F32        DType = "F32"
	C64        DType = "C64"
	F64        DType = "F64"
	I64        DType = "I64"
	U64        DType = "U64"
)

// unknownType is the rank of a type that is not in dtypes.
const unknownType = -1

// dtypes is in the order of the reference implementation, which writes tensors
// with the widest type first so that each lies at a multiple of its size.
var dtypes = []struct {
	name DType
	bits int64
}{
	{Bool, 8}, {F4, 4}, {F6E2M3, 6}, {F6E3M2, 6}, {U8, 8}, {I8, 8},
	{F8E5M2, 8}, {F8E4M3, 8}, {F8E8M0, 8}, {F8E4M3FNUZ, 8}, {F8E5M2FNUZ, 8},
	{I16, 16}, {U16, 16}, {F16, 16}, {BF16, 16},
	{I32, 32}, {U32, 32}, {F32, 32},
	{C64, 64}, {F64, 64}, {I64, 64}, {U64, 64},
}

// rank is the place of a type in that order, or unknownType.
func (d DType) rank() int {
	for i := range dtypes {
		if dtypes[i].name == d {
			return i
		}
	}
	return unknownType
}

// Bits is the width of one number in bits, 0 for a type that is not known.
func (d DType) Bits() int {
	if i := d.rank(); i >= 0 {
		return int(dtypes[i].bits)
	}
	return 0
}

// Head describes a tensor without its data.
type Head struct {
	Name  string
	DType DType
	Shape []int // empty for a single number
}

// Size is the length of the data in bytes. It fails on an unknown type, a
// negative dimension, an overflow, and packed numbers that do not fill bytes.
func (h Head) Size() (int64, error) {
	bits := int64(h.DType.Bits())
	if bits == 0 {
		return 0, fmt.Errorf("type %.100q is not known", h.DType)
	}
	n, err := bounded.Product(h.Shape)
	if err != nil {
		return 0, err
	}
	if n, err = bounded.Mul(n, bits); err != nil {
		return 0, err
	}
	if n%8 != 0 {
		return 0, fmt.Errorf("%d bits of type %q do not fill whole bytes", n, h.DType)
	}
	return n / 8, nil
}

// Tensor is a tensor with its data, little endian, in row-major order.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// Head is the tensor without its data.
func (t Tensor) Head() Head { return Head{Name: t.Name, DType: t.DType, Shape: t.Shape} }

// check compares the length of the data with type and shape.
func (t Tensor) check() error {
	want, err := t.Head().Size()
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if int64(len(t.Data)) != want {
		return fmt.Errorf("tensor %q: %d bytes of data, %s of shape %d takes %d", t.Name, len(t.Data), t.DType, t.Shape, want)
	}
	return nil
}

// FormatError says where a file breaks the rules of its format. Damage and
// attack look the same here.
type FormatError struct {
	Offset int64  // byte in the file, -1 where no single byte is at fault
	Tensor string // name of the tensor concerned, may be empty
	Err    error  // the rule and the value that broke it
}

func (e *FormatError) Error() string {
	s := "not a valid safetensors file"
	if e.Tensor != "" {
		s += fmt.Sprintf(": tensor %.100q", e.Tensor) // a file may hold names of many MB
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(": at byte %d", e.Offset)
	}
	return s + ": " + e.Err.Error()
}

func (e *FormatError) Unwrap() error { return e.Err }
