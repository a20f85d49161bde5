package csi

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/comlam/comlam/format/sigmf"
)

// number is how a value is stored. Beside those of SigMF there are integers of 64
// bits, little-endian, and bools.
type number struct {
	sigmf.Datatype
	isBool bool
}

// descrs are NumPy's names of the numbers.
var descrs = map[string]number{
	"<c8":  {Datatype: sigmf.Datatype{Complex: true, Kind: sigmf.Float, Bits: 32}},
	"<c16": {Datatype: sigmf.Datatype{Complex: true, Kind: sigmf.Float, Bits: 64}},
	"<f4":  {Datatype: sigmf.Datatype{Kind: sigmf.Float, Bits: 32}},
	"<f8":  {Datatype: sigmf.Datatype{Kind: sigmf.Float, Bits: 64}},
	"|i1":  {Datatype: sigmf.Datatype{Kind: sigmf.Signed, Bits: 8}},
	"<i2":  {Datatype: sigmf.Datatype{Kind: sigmf.Signed, Bits: 16}},
	"<i4":  {Datatype: sigmf.Datatype{Kind: sigmf.Signed, Bits: 32}},
	"<i8":  {Datatype: sigmf.Datatype{Kind: sigmf.Signed, Bits: 64}},
	"|u1":  {Datatype: sigmf.Datatype{Kind: sigmf.Unsigned, Bits: 8}},
	"<u2":  {Datatype: sigmf.Datatype{Kind: sigmf.Unsigned, Bits: 16}},
	"<u4":  {Datatype: sigmf.Datatype{Kind: sigmf.Unsigned, Bits: 32}},
	"<u8":  {Datatype: sigmf.Datatype{Kind: sigmf.Unsigned, Bits: 64}},
	"|b1":  {Datatype: sigmf.Datatype{Kind: sigmf.Unsigned, Bits: 8}, isBool: true},
}

// descr is NumPy's name, "" where it has none that is little-endian.
func (n number) descr() string {
	n.BigEndian = false
	for name, d := range descrs {
		if d == n {
			return name
		}
	}
	return ""
}

// String is the name that people use: complex64, float32, int16.
func (n number) String() string {
	switch {
	case n.isBool:
		return "bool"
	case n.Complex && n.Kind == sigmf.Float:
		return fmt.Sprintf("complex%d", 2*n.Bits)
	}
	name := fmt.Sprintf("%s%d", map[sigmf.Kind]string{sigmf.Float: "float", sigmf.Signed: "int", sigmf.Unsigned: "uint"}[n.Kind], n.Bits)
	if n.Complex {
		name = "complex pairs of " + name
	}
	if n.BigEndian {
		name += ", big-endian"
	}
	return name
}

// scalar is the number without its imaginary part.
func (n number) scalar() number { n.Complex = false; return n }

// native is what an array of such numbers becomes in an .npy file: the same values,
// complex pairs of integers as complex floats that hold each exactly.
func (n number) native() number {
	n.BigEndian = false
	if n.Complex && n.Kind != sigmf.Float {
		bits := 32
		if n.Bits > 16 {
			bits = 64
		}
		n.Kind, n.Bits = sigmf.Float, bits
	}
	return n
}

// exact reports whether every value of n is one of to.
func (n number) exact(to number) bool {
	n.BigEndian, to.BigEndian = false, false
	switch {
	case n.scalar() == to.scalar():
		return true
	case to.Kind != sigmf.Float || n.isBool:
		return false
	case n.Kind == sigmf.Float:
		return n.Bits <= to.Bits
	}
	return n.Bits <= map[int]int{32: 16, 64: 32}[to.Bits]
}

func (n number) decode(values []float64, b []byte) {
	if n.Bits < 64 || n.Kind == sigmf.Float {
		n.Datatype.Decode(values, b)
		return
	}
	for i := range values {
		v := binary.LittleEndian.Uint64(b[8*i:])
		values[i] = float64(v)
		if n.Kind == sigmf.Signed {
			values[i] = float64(int64(v))
		}
	}
}

// encode appends values, little-endian. Only what decode gave of the same or an exact
// type comes here, or what may be rounded to a float.
func (n number) encode(b []byte, values []float64) []byte {
	order := binary.LittleEndian
	for _, v := range values {
		switch {
		case n.Kind == sigmf.Float && n.Bits == 32:
			b = order.AppendUint32(b, math.Float32bits(float32(v)))
		case n.Kind == sigmf.Float:
			b = order.AppendUint64(b, math.Float64bits(v))
		case n.Bits == 8:
			b = append(b, byte(int64(v)))
		case n.Bits == 16:
			b = order.AppendUint16(b, uint16(int64(v)))
		default:
			b = order.AppendUint32(b, uint32(int64(v)))
		}
	}
	return b
}
