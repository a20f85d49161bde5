package npy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// The bytes of numpy.save("x.npy", numpy.array([[1+2j, 3-4j]], "complex64")).
const golden = "\x93NUMPY\x01\x00v\x00{'descr': '<c8', 'fortran_order': False, 'shape': (1, 2), }" +
	"                                                          \n" +
	"\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\xc0"

func TestWritesWhatNumPyWrites(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter[complex64](&b, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []complex64{1 + 2i, 3 - 4i} {
		if err := w.Write([]complex64{v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b.String() != golden {
		t.Errorf("wrote %q, want %q", b.String(), golden)
	}
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, []float32{0, 1.5, float32(math.Inf(-1)), math.MaxFloat32}, 2, 2)
	roundTrip(t, []float64{math.Pi}, 1)
	roundTrip(t, []float64{math.SmallestNonzeroFloat64})
	roundTrip(t, []complex64{}, 3, 0, 5)
	roundTrip(t, []complex128{complex(math.Pi, -math.MaxFloat64)}, 1, 1)
	many := make([]complex64, 30_000) // several chunks
	for i := range many {
		many[i] = complex(float32(i), -float32(i))
	}
	roundTrip(t, many, 100, 300)
}

func roundTrip[E Element](t *testing.T, values []E, shape ...int) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter[E](&b, shape...)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(values), w.Close()); err != nil {
		t.Fatal(err)
	}
	if start := b.Len() - len(values)*size(descrOf[E]()); start%alignment != 0 {
		t.Errorf("values start at byte %d, want a multiple of %d", start, alignment)
	}
	h, got, err := ReadAll[E](bytes.NewReader(b.Bytes()), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(h.Shape, shape) && len(h.Shape)+len(shape) > 0 || !slices.Equal(got, values) {
		t.Errorf("shape %v with %d values came back as %v with %d", shape, len(values), h.Shape, len(got))
	}
}

func TestWriterCountsItsValues(t *testing.T) {
	w, err := NewWriter[float32](io.Discard, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "1 values too many") {
		t.Errorf("three values of two: %v", err)
	}
	w, _ = NewWriter[float32](io.Discard, 2)
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "2 of 2 values") {
		t.Errorf("no values of two: %v", err)
	}
	if _, err := NewWriter[float32](io.Discard, -1); err == nil {
		t.Error("a negative axis was accepted")
	}
	if _, err := NewWriter[float32](io.Discard, 1<<40, 1<<40); err == nil {
		t.Error("an overflowing shape was accepted")
	}
	w, _ = NewWriter[float32](&brokenWriter{after: 1}, 2)
	if err := w.Write([]float32{1, 2}); !errors.Is(err, errBroken) {
		t.Errorf("a failing writer: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errBroken) {
		t.Errorf("Close after a failure: %v", err)
	}
}

var errBroken = errors.New("disk full")

type brokenWriter struct{ after int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.after--; b.after < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestVersion2AndOtherSpellings(t *testing.T) {
	text := `{"shape":(2,),'fortran_order':False,"descr":'<f4'}`
	file := magic + "\x02\x00" + string([]byte{byte(len(text)), 0, 0, 0}) + text + "\x00\x00\x80\x3f\x00\x00\x00\x40"
	h, values, err := ReadAll[float32](strings.NewReader(file), 8)
	if err != nil || !slices.Equal(values, []float32{1, 2}) || !slices.Equal(h.Shape, []int{2}) {
		t.Errorf("got %v %v, %v", h, values, err)
	}
}

func TestRefusesWithTheReason(t *testing.T) {
	header := func(text string) string {
		return magic + "\x01\x00" + string([]byte{byte(len(text)), byte(len(text) >> 8)}) + text
	}
	for want, file := range map[string]string{
		"no preamble":             "",
		"starts with":             "\x93NUMPX\x01\x00",
		"version 3.0":             magic + "\x03\x00",
		"no header length":        magic + "\x01\x00\x01",
		"header of 16 bytes":      magic + "\x01\x00\x10\x00{",
		"longer than":             magic + "\x02\x00\xff\xff\xff\xff",
		`">f4"`:                   header("{'descr': '>f4', 'fortran_order': False, 'shape': (), }"),
		"Python objects are code": header("{'descr': '|O', 'fortran_order': False, 'shape': (), }"),
		"ascontiguousarray":       header("{'descr': '<f4', 'fortran_order': True, 'shape': (), }"),
		`no key "shape"`:          header("{'descr': '<f4', 'fortran_order': False}"),
		`key "descr" twice`:       header("{'descr': '<f4', 'descr': '<f4'}"),
		`unknown key "x"`:         header("{'x': 1}"),
		"after the dictionary":    header("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x"),
		"larger than memory":      header("{'descr': '<f4', 'fortran_order': False, 'shape': (9000000000, 9000000000)}"),
		"length of an axis":       header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
		`")" where "," belongs`:   header("{'descr': '<f4', 'fortran_order': False, 'shape': (3)"),
		"more than 32 axes":       header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1,", 33) + ")}"),
		"does not end":            header("{'descr"),
		"more than the 16 bytes":  header("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}"),
		"unexpected EOF":          header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}") + "\x00",
		"bytes follow":            header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}") + "\x00\x00\x00\x00\x00",
		`type "<f8", not "<f4"`:   header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}") + "\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		_, _, err := ReadAll[float32](strings.NewReader(file), 16)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", file, err, want)
		}
	}
}

// The bytes of an array of any type can be copied without knowing it.
func TestReadsBytesOfAnyType(t *testing.T) {
	for descr, want := range map[string]int64{"<i2": 6, "|b1": 3, "<u8": 24, "<c16": 48} {
		start, err := Header{Descr: descr, Shape: []int{3}}.Preamble()
		if err != nil {
			t.Fatal(err)
		}
		file := string(start) + strings.Repeat("x", int(want))
		r, err := NewReader(strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); n != want || err != nil || r.Close() != nil {
			t.Errorf("%s: %d bytes, %v; want %d", descr, n, err, want)
		}
		r, _ = NewReader(strings.NewReader(file[:len(file)-1]))
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: cut short: %v", descr, err)
		}
	}
	if _, err := (Header{Descr: "<f2", Shape: []int{3}}).Preamble(); err == nil {
		t.Error("half precision has a preamble")
	}
}

// A short file with a huge shape must not cost memory.
func TestClaimedSizeIsNotAllocated(t *testing.T) {
	text := "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,)}"
	file := magic + "\x01\x00" + string([]byte{byte(len(text)), 0}) + text + strings.Repeat("\x00", 800)
	size := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := ReadAll[float64](strings.NewReader(file), math.MaxInt); !errors.Is(err, io.ErrUnexpectedEOF) {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if size > 4*chunk {
		t.Errorf("allocated %d bytes for a file of %d", size, len(file))
	}
}

func TestReadPiecewise(t *testing.T) {
	r, err := NewReader(strings.NewReader(golden))
	if err != nil {
		t.Fatal(err)
	}
	one := make([]complex64, 1)
	if err := Read(r, one); err != nil || one[0] != 1+2i {
		t.Errorf("first value %v, %v", one[0], err)
	}
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "1 values") {
		t.Errorf("Close with a value left: %v", err)
	}
	if err := Read(r, make([]complex64, 2)); err == nil {
		t.Error("two values were read where one is left")
	}
	if err := Read(r, one); err != nil || one[0] != 3-4i {
		t.Errorf("second value %v, %v", one[0], err)
	}
	if err := Read(r, one); err != io.EOF {
		t.Errorf("after the last value %v, want io.EOF", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Whatever the bytes: no panic, bounded memory, and what is accepted is written
// back as an equal array.
func FuzzReadAll(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(magic + "\x02\x00\x32\x00\x00\x00{'descr': '<f4', 'fortran_order': False, 'shape': ()}1234"))
	f.Add([]byte(magic + "\x01\x00\x40\x00{'shape': (99999999, 9999999), 'descr': '<c8', 'fortran_order': F"))
	f.Fuzz(func(t *testing.T, file []byte) {
		accepted := comesBack[complex64](t, file) || comesBack[complex128](t, file) || comesBack[float32](t, file) || comesBack[float64](t, file)
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			if accepted {
				t.Fatal(err)
			}
			return
		}
		n, err := io.Copy(io.Discard, r)
		if err == nil && n != r.Header().Bytes() {
			t.Fatalf("%d bytes of %d", n, r.Header().Bytes())
		}
	})
}

// comesBack reads file as values of type E; what is accepted must be written back as
// the same bytes.
func comesBack[E Element](t *testing.T, file []byte) bool {
	const limit = 1 << 20
	h, values, err := ReadAll[E](bytes.NewReader(file), limit)
	if err != nil {
		return false
	}
	if len(values) != h.Len() || h.Bytes() > limit {
		t.Fatalf("%d values of shape %v", len(values), h.Shape)
	}
	var b bytes.Buffer
	w, err := NewWriter[E](&b, h.Shape...)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(values), w.Close()); err != nil {
		t.Fatal(err)
	}
	if body := int(h.Bytes()); !bytes.Equal(b.Bytes()[b.Len()-body:], file[len(file)-body:]) {
		t.Fatal("the values changed")
	}
	return true
}

func ExampleNewWriter() {
	var file bytes.Buffer
	w, err := NewWriter[float32](&file, 2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range [][]float32{{1, 2, 3}, {4, 5, 6}} {
		if err := w.Write(row); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	h, values, err := ReadAll[float32](&file, 1<<20)
	fmt.Println(h.Shape, values, err)
	// Output: [2 3] [1 2 3 4 5 6] <nil>
}
