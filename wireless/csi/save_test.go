package csi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/durable"
)

func read(t *testing.T, fsys durable.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSavedSamplesAreTheDrawnOnes(t *testing.T) {
	g := build(t, small("cdl-b"))
	fsys := durable.NewMemFS(1)
	if err := Save(context.Background(), fsys, "train", g, SaveConfig{Seed: 4, First: 10, Count: 3, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	file := read(t, fsys, "train.npy")
	h, values, err := npy.ReadAll[complex64](bytes.NewReader(file), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{3, 3, 4, 1, 2}; !slices.Equal(h.Shape, want) {
		t.Errorf("shape %v, want %v", h.Shape, want)
	}
	for i := range uint64(3) {
		n := uint64(g.Shape().Len())
		if !slices.Equal(values[i*n:(i+1)*n], sample(g, 4, 10+i)) {
			t.Errorf("sample %d is not sample %d of the seed", i, 10+i)
		}
	}
	meta, err := ReadMeta(bytes.NewReader(read(t, fsys, "train.json")))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	want := g.Meta(4, 10, 3)
	want.SHA256 = hex.EncodeToString(sum[:])
	if !slices.Equal(meta.Shape, h.Shape) || meta.SHA256 != want.SHA256 || meta.Seed != 4 || meta.FirstIndex != 10 ||
		meta.Speed != want.Speed || meta.Tx != want.Tx || meta.CarrierHz != 3.5e9 {
		t.Errorf("sidecar %+v, want %+v", meta, want)
	}
	if text := string(read(t, fsys, "train.json")); !strings.Contains(text, `"speed": "3 to 120 km/h"`) ||
		!strings.Contains(text, "noiseless samples") || !strings.Contains(text, `"subcarrier"`) {
		t.Errorf("sidecar does not read well:\n%s", text)
	}
}

// Killed or failing at any file operation, Save leaves no sidecar that vouches for
// samples that are not there.
func TestSaveFailsWhole(t *testing.T) {
	g := build(t, small("jakes"))
	for at := 1; ; at++ {
		mem := durable.NewMemFS(uint64(at))
		faulty := durable.Faulty(mem, durable.Plan{At: at, Fault: durable.FailIO})
		err := Save(context.Background(), faulty, "x", g, SaveConfig{Count: 2, Workers: 1})
		names := ""
		entries, listErr := mem.ReadDir(".")
		if listErr != nil {
			t.Fatal(listErr)
		}
		for _, e := range entries {
			names += e.Name() + " "
		}
		if err == nil {
			if !strings.Contains(names, "x.json") || !strings.Contains(names, "x.npy") {
				t.Errorf("saved %q", names)
			}
			if at < 5 {
				t.Errorf("only %d operations: nothing was tested", at)
			}
			return
		}
		if strings.Contains(names, "x.json") && !strings.Contains(names, "x.npy") {
			t.Errorf("operation %d failed with %v and left %q", at, err, names)
		}
	}
}

func TestSaveStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fsys := durable.NewMemFS(1)
	if err := Save(ctx, fsys, "x", build(t, small("jakes")), SaveConfig{Count: 9, Workers: 1}); err != context.Canceled {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := fsys.Stat("x.npy"); err == nil {
		t.Error("an incomplete file has its name")
	}
}

func TestReadMetaRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "data set description",
		`{"generator": "csi/0"}`:          `"csi/0"`,
		strings.Repeat(" ", 1<<20) + "{}": "at most 1048576",
	} {
		if _, err := ReadMeta(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
