package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Reader reads the array of one file from start to end.
type Reader struct {
	r       io.Reader
	header  Header
	missing int64 // bytes of values still to come
	buffer  []byte
}

// NewReader reads the header from r. Nothing of the values is read yet.
func NewReader(r io.Reader) (*Reader, error) {
	text, err := readHeader(r)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	return &Reader{r: r, header: h, missing: h.Bytes()}, nil
}

// Header describes the array.
func (r *Reader) Header() Header { return r.header }

// readHeader returns the Python literal between the preamble and the values.
func readHeader(r io.Reader) (string, error) {
	var start [len(magic) + 2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return "", fmt.Errorf("no preamble: %w", cutShort(err))
	}
	if string(start[:len(magic)]) != magic {
		return "", fmt.Errorf("file starts with %q, an .npy file with %q", start[:len(magic)], magic)
	}
	var length int
	switch major, minor := start[len(magic)], start[len(magic)+1]; {
	case minor != 0 || major < 1 || major > 2:
		return "", fmt.Errorf("version %d.%d of the format; use 1.0 or 2.0", major, minor)
	case major == 1:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", fmt.Errorf("no header length: %w", cutShort(err))
		}
		length = int(binary.LittleEndian.Uint16(b[:]))
	default:
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", fmt.Errorf("no header length: %w", cutShort(err))
		}
		length = int(min(binary.LittleEndian.Uint32(b[:]), maxHeader+1))
	}
	if length > maxHeader {
		return "", fmt.Errorf("header is longer than %d bytes", maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", fmt.Errorf("header of %d bytes: %w", length, cutShort(err))
	}
	return string(text), nil
}

// cutShort calls the end of a file inside of something what it is.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Read fills values with the next len(values) values of r. E must be the type of
// the file. It fails with io.ErrUnexpectedEOF where the file is cut short, and
// with io.EOF and nothing read when all values were read before.
func Read[E Element](r *Reader, values []E) error {
	if err := r.is(descrOf[E]()); err != nil {
		return err
	}
	width := size(r.header.Descr)
	if r.missing == 0 && len(values) > 0 {
		return io.EOF
	}
	if left := r.missing / int64(width); int64(len(values)) > left {
		return fmt.Errorf("npy: %d values asked for, %d are left of shape %v", len(values), left, r.header.Shape)
	}
	if r.buffer == nil {
		r.buffer = make([]byte, chunk)
	}
	for len(values) > 0 {
		n := min(len(values), chunk/width)
		if _, err := io.ReadFull(r, r.buffer[:n*width]); err != nil {
			return err
		}
		decodeValues(values[:n], r.buffer)
		values = values[n:]
	}
	return nil
}

// Read reads bytes of the values as they are in the file, in any portions. It fails
// with io.ErrUnexpectedEOF where the file is cut short, and with io.EOF after the
// last value.
func (r *Reader) Read(p []byte) (int, error) {
	if r.missing == 0 {
		return 0, io.EOF
	}
	n, err := r.r.Read(p[:min(int64(len(p)), r.missing)])
	r.missing -= int64(n)
	switch {
	case r.missing == 0:
		return n, nil
	case err != nil:
		return n, fmt.Errorf("npy: values of shape %v: %w", r.header.Shape, cutShort(err))
	}
	return n, nil
}

func (r *Reader) is(descr string) error {
	if r.header.Descr != descr {
		return fmt.Errorf("npy: file holds values of type %q, not %q; read it as what it holds", r.header.Descr, descr)
	}
	return nil
}

// ReadAll reads a whole file of at most maxBytes of values, and checks that
// nothing follows them. Memory grows with the bytes that arrive, not with the
// shape that the header claims.
func ReadAll[E Element](r io.Reader, maxBytes int) (Header, []E, error) {
	f, err := NewReader(r)
	if err != nil {
		return Header{}, nil, err
	}
	if err := f.is(descrOf[E]()); err != nil {
		return Header{}, nil, err
	}
	width := size(f.header.Descr)
	if f.missing > int64(maxBytes) {
		return Header{}, nil, fmt.Errorf("npy: shape %v takes more than the %d bytes allowed", f.header.Shape, maxBytes)
	}
	var values []E
	for f.missing > 0 {
		n := int(min(f.missing/int64(width), int64(chunk/width)))
		at := len(values)
		values = append(values, make([]E, n)...)
		if err := Read(f, values[at:]); err != nil {
			return Header{}, nil, err
		}
	}
	if err := f.Close(); err != nil {
		return Header{}, nil, err
	}
	return f.header, values, nil
}

// Close checks that all values were read and that nothing follows them.
func (r *Reader) Close() error {
	if r.missing > 0 {
		return fmt.Errorf("npy: %d values of shape %v were not read", r.missing/int64(size(r.header.Descr)), r.header.Shape)
	}
	var extra [1]byte
	switch n, err := io.ReadFull(r.r, extra[:]); {
	case n > 0:
		return fmt.Errorf("npy: bytes follow the values of shape %v; the file holds something else", r.header.Shape)
	case err != io.EOF:
		return err
	}
	return nil
}

func decodeValues[E Element](values []E, b []byte) {
	switch values := any(values).(type) {
	case []complex64:
		for i := range values {
			re, im := binary.LittleEndian.Uint32(b[8*i:]), binary.LittleEndian.Uint32(b[8*i+4:])
			values[i] = complex(math.Float32frombits(re), math.Float32frombits(im))
		}
	case []complex128:
		for i := range values {
			re, im := binary.LittleEndian.Uint64(b[16*i:]), binary.LittleEndian.Uint64(b[16*i+8:])
			values[i] = complex(math.Float64frombits(re), math.Float64frombits(im))
		}
	case []float32:
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case []float64:
		for i := range values {
			values[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
}
