package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/format/npz"
)

// All arrays of an .npz file are shown.
func TestInfoShowsEveryArray(t *testing.T) {
	t.Chdir(t.TempDir())
	var b bytes.Buffer
	w := npz.NewWriter(&b, false)
	for _, name := range []string{"h", "g"} {
		if err := w.Create(name, npy.Header{Descr: "<f4", Shape: []int{2}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(npy.AppendValues(nil, []float32{1, 2})); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("m.npz", b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"csi", "info", "m.npz"}, {"csi", "info", "m.npz", "--json"}} {
		if code, out, _ := call(args...); code != 0 || strings.Count(out, "m.npz") != 2 {
			t.Errorf("%v: exit code %d, %s", args, code, out)
		}
	}
}

// A file cut short is the fault of the data, not a bug.
func TestCutShortFileIsData(t *testing.T) {
	t.Chdir(t.TempDir())
	preamble, err := npy.Header{Descr: "<f4", Shape: []int{2, 2}}.Preamble()
	if err != nil {
		t.Fatal(err)
	}
	short := npy.AppendValues(preamble, []float32{1, 2, 3})
	long := npy.AppendValues(bytes.Clone(short), []float32{4, 5})
	for name, b := range map[string][]byte{"short.npy": short, "long.npy": long} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"csi", "info", name}, {"csi", "convert", name, "x.npz"}} {
			if code, _, _ := call(args...); code != exitData {
				t.Errorf("%v: exit code %d, want %d", args, code, exitData)
			}
		}
	}
}
