package checkpoint

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func someTensors() []Tensor {
	return []Tensor{
		{Name: "b", DType: U8, Shape: []int{3}, Data: []byte{1, 2, 3}},
		{Name: "a", DType: F32, Shape: []int{2}, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{Name: "scalar", DType: I64, Data: make([]byte, 8)},
		{Name: "none", DType: F32, Shape: []int{0, 4}},
		{Name: "a<b>&é\u2028\"\\", DType: BF16, Shape: []int{1}, Data: []byte{9, 9}},
	}
}

func TestWriteIsDeterministicAndAligned(t *testing.T) {
	meta := map[string]string{"z": "1", "a": "2", "format": "pt"}
	var want []byte
	for seed := range uint64(20) {
		ts := someTensors()
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(ts), func(i, j int) { ts[i], ts[j] = ts[j], ts[i] })
		var b bytes.Buffer
		if err := Write(&b, ts, meta); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = b.Bytes()
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Fatal("the order of the tensors changes the bytes")
		}
	}
	f := open(t, want)
	checkFile(t, f, want)
	if f.start%8 != 0 {
		t.Errorf("data starts at %d, not a multiple of 8", f.start)
	}
	for _, h := range f.Heads() {
		if begin, _, _ := f.Range(h.Name); begin%int64(h.DType.Bits()/8) != 0 {
			t.Errorf("tensor %q of type %s starts at %d", h.Name, h.DType, begin)
		}
	}
	if got := f.Metadata(); len(got) != 3 || got["z"] != "1" {
		t.Errorf("metadata %v", got)
	}
	for _, w := range someTensors() {
		got, err := f.Tensor(w.Name)
		if err != nil || got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !bytes.Equal(got.Data, w.Data) {
			t.Errorf("%q: %+v, %v", w.Name, got, err)
		}
	}
}

func TestWriteRefusals(t *testing.T) {
	one := Tensor{Name: "a", DType: U8, Shape: []int{1}, Data: []byte{1}}
	with := func(change func(*Tensor)) []Tensor { x := one; change(&x); return []Tensor{x} }
	for _, c := range []struct {
		tensors []Tensor
		meta    map[string]string
		want    string
	}{
		{[]Tensor{one, one}, nil, `"a": two tensors of this name`},
		{with(func(t *Tensor) { t.Data = nil }), nil, "0 bytes of data, U8 of shape [1] takes 1"},
		{with(func(t *Tensor) { t.DType = "float32" }), nil, `type "float32" is not known`},
		{with(func(t *Tensor) { t.Shape = []int{-1} }), nil, "overflow"},
		{with(func(t *Tensor) { t.Name = metadataKey }), nil, "the format's own"},
		{with(func(t *Tensor) { t.Name = "\xff" }), nil, "not UTF-8"},
		{with(func(t *Tensor) { t.Shape = slices.Repeat([]int{1}, 65) }), nil, "dimensions: 65"},
		{nil, map[string]string{"a": "\xff"}, "not UTF-8"},
		{nil, map[string]string{"a": strings.Repeat("x", maxHeader)}, "header bytes"},
	} {
		err := Write(io.Discard, c.tensors, c.meta)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v does not say %q", err, c.want)
		}
	}
	broken := errors.New("no value")
	err := WriteEach(io.Discard, []Head{one.Head()}, nil, func(Head) ([]byte, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// limitedDisk takes some bytes and then fails.
type limitedDisk struct{ left int }

func (d *limitedDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		return d.left, errBroken
	}
	d.left -= len(p)
	return len(p), nil
}

func TestWriteErrorIsPassedOn(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, someTensors(), nil); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if err := Write(&limitedDisk{n}, someTensors(), nil); !errors.Is(err, errBroken) {
			t.Fatalf("disk of %d bytes: %v", n, err)
		}
	}
}

func TestDigest(t *testing.T) {
	base := someTensors()
	want := Digest(base)
	slices.Reverse(base)
	if Digest(base) != want {
		t.Error("the order of the tensors changes the digest")
	}
	seen := map[string]string{want: "the original"}
	for name, change := range map[string]func(*Tensor){
		"a bit":   func(t *Tensor) { t.Data = []byte{1, 2, 2} },
		"a name":  func(t *Tensor) { t.Name = "c" },
		"a type":  func(t *Tensor) { t.DType = I8 },
		"a shape": func(t *Tensor) { t.Shape = []int{1, 3} },
	} {
		ts := someTensors()
		change(&ts[0])
		d := Digest(ts)
		if seen[d] != "" {
			t.Errorf("%s gives the digest of %s", name, seen[d])
		}
		seen[d] = name
	}
	// Parts must not run together.
	a := Digest([]Tensor{{Name: "ab", DType: U8, Data: []byte("c")}})
	b := Digest([]Tensor{{Name: "a", DType: U8, Data: []byte("bc")}})
	if a == b {
		t.Error("names and data run together")
	}
}
