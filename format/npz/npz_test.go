package npz

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/bounded"
)

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func values[E npy.Element](t *testing.T, f *File, name string) []E {
	t.Helper()
	r, err := f.Array(name)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]E, r.Header().Len())
	if err := errors.Join(npy.Read(r.Reader, v), r.Close()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// What NumPy wrote is read as what it wrote, in every way of packing.
func TestReadsWhatNumPyWrote(t *testing.T) {
	var h []complex64
	for i := range 24 {
		h = append(h, complex(float32(i), -0.5*float32(i)))
	}
	for _, name := range []string{"stored.npz", "deflated.npz", "zip64.npz"} {
		f := open(t, recorded(t, name))
		if got := values[complex64](t, f, "h"); !slices.Equal(got, h) {
			t.Errorf("%s: h is %v", name, got)
		}
		if got := values[float64](t, f, "x.npy"); !slices.Equal(got, []float64{-1, -0.5, 0, 0.5, 1}) {
			t.Errorf("%s: x is %v", name, got)
		}
		if compressed := f.Arrays[0].Compressed; compressed != (name == "deflated.npz") {
			t.Errorf("%s: compressed %v", name, compressed)
		}
	}
	f := open(t, recorded(t, "deflated.npz"))
	r, err := f.Array("labels")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil || r.Header().Descr != "<i8" || len(raw) != 24 || raw[0] != 3 || raw[8] != 1 {
		t.Errorf("labels: %v %v %v", r.Header(), raw, err)
	}
	if zeros := values[float32](t, f, "zeros"); len(zeros) != 5000 || slices.Max(zeros) != 0 {
		t.Error("zeros are not 5000 zeros")
	}
}

func TestOtherArraysCanBeRead(t *testing.T) {
	f := open(t, recorded(t, "object.npz"))
	if _, err := f.Array("bad"); err == nil || !strings.Contains(err.Error(), "Python objects are code") {
		t.Errorf("an array of objects: %v", err)
	}
	if v := values[float32](t, f, "fine"); !slices.Equal(v, []float32{1, 2}) {
		t.Errorf("fine is %v", v)
	}
	if _, err := open(t, recorded(t, "fortran.npz")).Array("f"); err == nil || !strings.Contains(err.Error(), "ascontiguousarray") {
		t.Errorf("columns first: %v", err)
	}
	if _, err := f.Array("h"); err == nil || !strings.Contains(err.Error(), `no array "h"; there are: fine, bad`) {
		t.Errorf("no such array: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, compress := range []bool{false, true} {
		b := write(t, compress)
		if !bytes.Equal(b, write(t, compress)) {
			t.Error("other bytes the second time")
		}
		f := open(t, b)
		if len(f.Arrays) != 2 || f.Arrays[0].Compressed != compress {
			t.Errorf("arrays %+v", f.Arrays)
		}
		if v := values[float32](t, f, "a"); !slices.Equal(v, []float32{1, 2, 3}) {
			t.Errorf("a is %v", v)
		}
		if v := values[complex64](t, f, "b"); len(v) != 0 {
			t.Errorf("b is %v", v)
		}
	}
}

func write(t *testing.T, compress bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, compress)
	err := w.Create("a", npy.Header{Descr: "<f4", Shape: []int{3}})
	if _, short := w.Write(make([]byte, 13)); short == nil {
		t.Error("13 bytes of 12 were written")
	}
	if again := w.Create("b", npy.Header{}); again == nil || !strings.Contains(again.Error(), "12 bytes of array") {
		t.Errorf("a second array before the end of the first: %v", again)
	}
	_, err2 := w.Write(npy.AppendValues(nil, []float32{1, 2, 3}))
	if again := w.Create("a", npy.Header{}); again == nil {
		t.Error("two arrays of a name were written")
	}
	if err := errors.Join(err, err2, w.Create("b", npy.Header{Descr: "<c8", Shape: []int{0, 7}}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// patch changes bytes at the first place where a signature stands.
func patch(b []byte, signature string, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[bytes.Index(b, []byte(signature))+at:], with)
	return b
}

const central = "PK\x01\x02"

func TestRefusesWithTheReason(t *testing.T) {
	good := recorded(t, "stored.npz")
	packed := func(name string, method uint16, body []byte) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		m, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	second := bytes.LastIndex(good, []byte(central))
	overlap := bytes.Clone(good)
	copy(overlap[second+42:], good[bytes.Index(good, []byte(central))+42:][:4]) // both start where the first does
	for want, b := range map[string][]byte{
		"not a zip archive":       []byte("\x93NUMPY"),
		"cut short":               good[:len(good)-30],
		"not an array":            packed("a.txt", zip.Store, nil),
		"cannot be printed":       packed("a\n.npy", zip.Store, nil),
		"packed by method 99":     patch(good, central, 10, 99, 0),
		"encrypted":               patch(good, central, 8, 1, 0),
		"stored, but":             patch(good, central, 24, 9, 0),
		"share bytes":             overlap,
		"reach beyond the file":   patch(good, central, 20, 0, 0, 0, 1),
		"arrays in the archive":   patch(good, "PK\x05\x06", 10, 0, 0x7f),
		"bytes of the list":       patch(good, "PK\x05\x06", 12, 0, 0, 0, 0x7f),
		"Zip64 record would":      patch(recorded(t, "zip64.npz"), locSignature, 8, 1, 2, 3, 4, 5, 6, 7, 8),
		"no Zip64 record at byte": patch(recorded(t, "zip64.npz"), end64Signature, 0, 'x'),
	} {
		_, err := Open(bytes.NewReader(b), int64(len(b)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for want, b := range map[string][]byte{
		"no preamble":      packed("a.npy", zip.Store, nil),
		"starts with":      packed("a.npy", zip.Deflate, []byte("something else")),
		"the archive says": packed("a.npy", zip.Deflate, append(mustPreamble(t, 1<<40), 1, 2, 3)),
	} {
		if _, err := open(t, b).Array("a"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	rotten := bytes.Clone(good)
	rotten[bytes.Index(rotten, []byte("\n"))+9] ^= 1 // a value of h
	r, err := open(t, rotten).Array("h")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, r)
	if err = errors.Join(err, r.Close()); !errors.Is(err, zip.ErrChecksum) {
		t.Errorf("a flipped bit: %v", err)
	}
}

func mustPreamble(t *testing.T, n int) []byte {
	t.Helper()
	b, err := npy.Header{Descr: "<f4", Shape: []int{n}}.Preamble()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A gigabyte of zeros in a megabyte is given up before it costs time or memory.
func TestBombIsGivenUp(t *testing.T) {
	const n = 256 << 20
	var body bytes.Buffer
	deflater, err := flate.NewWriter(&body, 9)
	if err != nil {
		t.Fatal(err)
	}
	crc := crc32.NewIEEE()
	w := io.MultiWriter(deflater, crc)
	w.Write(mustPreamble(t, n))
	zeros := make([]byte, 1<<16)
	for range 64 { // the archive claims n values; what is there is 4 MiB of zeros
		w.Write(zeros)
	}
	deflater.Close()
	b := rawZip("a.npy", body.Bytes(), uint32(len(mustPreamble(t, n))+4*n), crc.Sum32())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := open(t, b).Array("a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, r)
	var limit *bounded.LimitError
	if !errors.As(err, &limit) || !strings.Contains(err.Error(), "at most 200 times") {
		t.Errorf("a bomb: %v", err)
	}
	r.Abort()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

// rawZip makes an archive of one deflated member, with sizes as they are told.
func rawZip(name string, packed []byte, full, crc uint32) []byte {
	var b bytes.Buffer
	fields := func(v ...any) {
		for _, x := range v {
			binary.Write(&b, binary.LittleEndian, x)
		}
	}
	common := []any{uint16(20), uint16(0), uint16(8), uint32(0), crc, uint32(len(packed)), full, uint16(len(name)), uint16(0)}
	b.WriteString("PK\x03\x04")
	fields(common...)
	b.WriteString(name)
	b.Write(packed)
	at := b.Len()
	b.WriteString(central)
	fields(uint16(20))
	fields(common...)
	fields(uint16(0), uint16(0), uint16(0), uint32(0), uint32(0))
	b.WriteString(name)
	length := b.Len() - at
	b.WriteString(endSignature)
	fields(uint16(0), uint16(0), uint16(1), uint16(1), uint32(length), uint32(at), uint16(0))
	return b.Bytes()
}

// Whatever the bytes: no panic, no more memory than they call for, and what is read
// to its end without an error is as long as was said.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"stored.npz", "deflated.npz", "object.npz", "zip64.npz"} {
		f.Add(recorded(f, name))
	}
	f.Add(rawZip("a.npy", []byte{3, 0}, 0, 0))
	buffer := make([]byte, 1<<12)
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if len(file.Arrays) > len(b) {
			t.Fatalf("%d arrays in %d bytes", len(file.Arrays), len(b))
		}
		for i := range file.Arrays {
			a := &file.Arrays[i]
			r, err := a.Open()
			if err != nil {
				continue
			}
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buffer)
			if err = errors.Join(err, r.Close()); err == nil && n != r.Header().Bytes() {
				t.Fatalf("%d bytes of %d", n, r.Header().Bytes())
			}
			if n > a.limit() {
				t.Fatalf("%d bytes came out of %d", n, a.Packed)
			}
		}
	})
}

func ExampleOpen() {
	var b bytes.Buffer
	w := NewWriter(&b, true)
	err := w.Create("x", npy.Header{Descr: "<f4", Shape: []int{2, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Write(npy.AppendValues(nil, []float32{1, 2, 3, 4}))
	w.Close()

	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := f.Array("x")
	if err != nil {
		fmt.Println(err)
		return
	}
	x := make([]float32, r.Header().Len())
	err = npy.Read(r.Reader, x)
	fmt.Println(r.Header().Shape, x, err, r.Close())
	// Output: [2 2] [1 2 3 4] <nil> <nil>
}
