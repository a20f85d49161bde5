package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

func open(t *testing.T, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func all(t *testing.T, f *File) []Tensor {
	t.Helper()
	var ts []Tensor
	for tensor, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		ts = append(ts, tensor)
	}
	return ts
}

// The file was written by the reference implementation: the same tensors must
// give the same bytes.
func TestWriteAgreesWithReferenceFile(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(testdata.Dir(t, "mnist_ckpt"), "mnist.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, want)
	t.Log(len(f.Names()), f.Names())
	var got bytes.Buffer
	if err := Write(&got, all(t, f), f.Metadata()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes written differ from the %d of the reference", got.Len(), len(want))
	}
	d, err := f.Digest()
	if err != nil || d != Digest(all(t, f)) {
		t.Errorf("digest of the file %s, of its tensors %s, %v", d, Digest(all(t, f)), err)
	}
}

func TestPickleIsRefused(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(testdata.Dir(t, "mnist_ckpt"), "mnist.pt"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(bytes.NewReader(data), int64(len(data)))
	if err == nil || !strings.Contains(err.Error(), "pickle") {
		t.Errorf("error %v does not say why", err)
	}
}
