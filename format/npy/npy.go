// Package npy writes and reads NumPy's .npy files: one array of numbers with its
// shape, rows last axis fastest (NumPy Enhancement Proposal 1, "A simple file format
// for NumPy arrays").
//
// A Writer streams: the shape is known at the start, the values come piece by
// piece, and Close fails unless all of them came. The bytes are those that
// numpy.save writes.
//
//	w, err := npy.NewWriter[complex64](file, 1000, 20, 32, 1, 4)
//	err = w.Write(sample)   // as often as there are samples
//	err = w.Close()
//
// A Reader takes files from anywhere: it accepts exactly what the format allows
// (versions 1 and 2, little-endian, C order), refuses everything else with the
// reason, and allocates no more than the bytes it was given call for. It gives the
// values as Go's numbers by [Read], or as the bytes that they are by [Reader.Read]:
// whoever copies an array needs not know its type.
package npy

import (
	"fmt"
	"math"
	"strings"
)

// Element is a Go type with a NumPy counterpart.
type Element interface {
	complex64 | complex128 | float32 | float64
}

const (
	magic     = "\x93NUMPY"
	maxAxes   = 32      // NumPy's own limit
	maxHeader = 1 << 16 // bytes; NumPy's header of the widest shape has some 700
	alignment = 64
)

// Header describes the array of a file.
type Header struct {
	Descr string // "<c8", "<c16", "<f4", "<f8", an integer or a bool, as NumPy writes it
	Shape []int
}

// sizes are the bytes per value of every type that is read.
var sizes = map[string]int{
	"<c8": 8, "<c16": 16, "<f4": 4, "<f8": 8,
	"|i1": 1, "|u1": 1, "<i2": 2, "<u2": 2, "<i4": 4, "<u4": 4, "<i8": 8, "<u8": 8, "|b1": 1,
}

// size is the bytes per value of a supported descr, 0 for others.
func size(descr string) int { return sizes[descr] }

func descrOf[E Element]() string {
	var zero E
	switch any(zero).(type) {
	case complex64:
		return "<c8"
	case complex128:
		return "<c16"
	case float32:
		return "<f4"
	default:
		return "<f8"
	}
}

// Bytes is the size of the values in bytes.
func (h Header) Bytes() int64 { return int64(h.Len()) * int64(size(h.Descr)) }

// Len is the number of values, the product of the axes.
func (h Header) Len() int {
	n := 1
	for _, axis := range h.Shape {
		n *= axis
	}
	return n
}

// check makes sure that Len and the number of bytes are exact in an int.
func (h Header) check() error {
	if size(h.Descr) == 0 {
		return fmt.Errorf(`values of type %q; use little-endian "<c8", "<c16", "<f4" or "<f8", or integers`, clip(h.Descr))
	}
	if len(h.Shape) > maxAxes {
		return fmt.Errorf("array of %d axes; use at most %d", len(h.Shape), maxAxes)
	}
	n := 1
	for _, axis := range h.Shape {
		if axis < 0 {
			return fmt.Errorf("axis of length %d in shape %v; use 0 or more", axis, h.Shape)
		}
		if axis != 0 && n > math.MaxInt/16/axis {
			return fmt.Errorf("shape %v is larger than memory can be; use a smaller one", h.Shape)
		}
		n *= axis
	}
	return nil
}

// text is the header as a Python literal, as numpy.save formats it.
func (h Header) text() string {
	var shape strings.Builder
	for i, axis := range h.Shape {
		if i > 0 {
			shape.WriteString(", ")
		}
		fmt.Fprint(&shape, axis)
	}
	if len(h.Shape) == 1 {
		shape.WriteString(",")
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", h.Descr, shape.String())
}
