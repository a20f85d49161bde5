package sigmf

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// Kind is what a scalar of a sample is.
type Kind byte

// The kinds of scalars, as they are written in core:datatype.
const (
	Float    Kind = 'f'
	Signed   Kind = 'i'
	Unsigned Kind = 'u'
)

// Datatype is how a sample is stored: "cf32_le" is a complex pair of float32, real
// part first, little-endian.
type Datatype struct {
	Complex   bool
	Kind      Kind
	Bits      int // of a scalar: 8, 16, 32 or 64
	BigEndian bool
}

// ParseDatatype reads core:datatype.
func ParseDatatype(text string) (Datatype, error) {
	bad := bounded.Malformed("", "core:datatype %q is none of the format; it is like cf32_le, ri16_le, cu8", clip(text))
	var d Datatype
	body, order, ordered := strings.Cut(text, "_")
	if len(body) < 3 || body[0] != 'c' && body[0] != 'r' {
		return d, bad
	}
	d.Complex, d.Kind = body[0] == 'c', Kind(body[1])
	bits, err := strconv.Atoi(body[2:])
	if err != nil || strconv.Itoa(bits) != body[2:] {
		return d, bad
	}
	d.Bits, d.BigEndian = bits, order == "be"
	known := d.Kind == Float && (bits == 32 || bits == 64) || (d.Kind == Signed || d.Kind == Unsigned) && (bits == 8 || bits == 16 || bits == 32)
	if !known || ordered != (bits > 8) || ordered && order != "le" && order != "be" {
		return Datatype{}, bad
	}
	return d, nil
}

func (d Datatype) String() string {
	b := []byte{'r', byte(d.Kind)}
	if d.Complex {
		b[0] = 'c'
	}
	b = strconv.AppendInt(b, int64(d.Bits), 10)
	switch {
	case d.Bits == 8:
	case d.BigEndian:
		b = append(b, "_be"...)
	default:
		b = append(b, "_le"...)
	}
	return string(b)
}

// NumScalars is how many scalars make a sample of one channel: 2 for complex types.
func (d Datatype) NumScalars() int {
	if d.Complex {
		return 2
	}
	return 1
}

// Size is the bytes of a sample of one channel.
func (d Datatype) Size() int { return d.NumScalars() * d.Bits / 8 }

// Decode reads len(values) scalars from the start of b. Integers are not scaled: each
// is exact in a float64.
func (d Datatype) Decode(values []float64, b []byte) {
	var order binary.ByteOrder = binary.LittleEndian
	if d.BigEndian {
		order = binary.BigEndian
	}
	for i := range values {
		switch at := b[i*d.Bits/8:]; {
		case d.Kind == Float && d.Bits == 32:
			values[i] = float64(math.Float32frombits(order.Uint32(at)))
		case d.Kind == Float:
			values[i] = math.Float64frombits(order.Uint64(at))
		case d.Kind == Signed && d.Bits == 8:
			values[i] = float64(int8(at[0]))
		case d.Kind == Signed && d.Bits == 16:
			values[i] = float64(int16(order.Uint16(at)))
		case d.Kind == Signed:
			values[i] = float64(int32(order.Uint32(at)))
		case d.Bits == 8:
			values[i] = float64(at[0])
		case d.Bits == 16:
			values[i] = float64(order.Uint16(at))
		default:
			values[i] = float64(order.Uint32(at))
		}
	}
}
