package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Writer writes the values of one array in order.
type Writer[E Element] struct {
	w       io.Writer
	header  Header
	missing int // values still to come
	buffer  []byte
	err     error // the first failure; nothing is written after it
}

// chunk is how many bytes go to the file at once.
const chunk = 1 << 16

// NewWriter writes the header of an array of the given shape to w. A shape
// without axes is a single value.
func NewWriter[E Element](w io.Writer, shape ...int) (*Writer[E], error) {
	h := Header{Descr: descrOf[E](), Shape: slices.Clone(shape)}
	start, err := h.Preamble()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(start); err != nil {
		return nil, err
	}
	return &Writer[E]{w: w, header: h, missing: h.Len(), buffer: make([]byte, 0, chunk)}, nil
}

// Preamble is everything in a file before the values, which follow as little-endian
// bytes. As NumPy does, it leaves room for the first axis to grow to 21 digits in
// place, then pads so that the values are aligned. It fails on a type or shape that
// cannot be.
func (h Header) Preamble() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	// 32 axes of 20 digits stay below the 64 KiB of version 1.
	text := h.text()
	if len(h.Shape) > 0 {
		const digits = 21
		text += strings.Repeat(" ", digits-len(strconv.Itoa(h.Shape[0])))
	}
	const fixed = len(magic) + 2 + 2
	padding := alignment - (fixed+len(text)+1)%alignment
	text += strings.Repeat(" ", padding) + "\n"
	b := binary.LittleEndian.AppendUint16([]byte(magic+"\x01\x00"), uint16(len(text)))
	return append(b, text...), nil
}

// Write appends values. It fails when there are more than the shape holds.
func (w *Writer[E]) Write(values []E) error {
	if w.err != nil {
		return w.err
	}
	if len(values) > w.missing {
		w.err = fmt.Errorf("npy: %d values too many for shape %v", len(values)-w.missing, w.header.Shape)
		return w.err
	}
	w.missing -= len(values)
	for len(values) > 0 && w.err == nil {
		n := min(len(values), chunk/size(w.header.Descr))
		w.buffer = AppendValues(w.buffer[:0], values[:n])
		_, w.err = w.w.Write(w.buffer)
		values = values[n:]
	}
	return w.err
}

// Close reports whether the array is complete. It does not close the writer that
// NewWriter was given.
func (w *Writer[E]) Close() error {
	if w.err == nil && w.missing > 0 {
		w.err = fmt.Errorf("npy: %d of %d values of shape %v were not written", w.missing, w.header.Len(), w.header.Shape)
	}
	return w.err
}

// AppendValues appends the bytes that values are in a file.
func AppendValues[E Element](b []byte, values []E) []byte {
	switch values := any(values).(type) {
	case []complex64:
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(real(v)))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(imag(v)))
		}
	case []complex128:
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(real(v)))
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(imag(v)))
		}
	case []float32:
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	case []float64:
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b
}
