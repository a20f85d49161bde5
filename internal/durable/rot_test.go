package durable

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// overwrite puts bytes into a file behind the back of its store.
func overwrite(t *testing.T, fsys FS, path string, data []byte) {
	t.Helper()
	h, err := fsys.OpenFile(path, os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Write(data); err != nil {
		t.Fatal(err)
	}
}

// TestBitRot flips single bits and cuts files short, 1,000 times each for each
// kind of file: all of it is noticed, and the checkpoint before is loaded.
func TestBitRot(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	fsys := NewMemFS(1)
	s := openStore(t, fsys, Options{})
	for step := uint64(1); step <= 2; step++ {
		if err := saveStep(s, step, float64(-int(step))); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range []string{"state.bin", "weights.bin", manifestName} {
		path := filepath.Join(testRoot, "step-000002", name)
		good, err := ReadFile(fsys, path)
		if err != nil {
			t.Fatal(err)
		}
		for range rounds {
			bad := append([]byte(nil), good...)
			bit := r.IntN(8 * len(bad))
			bad[bit/8] ^= 1 << (bit % 8)
			overwrite(t, fsys, path, bad)
			checkNoticed(t, fsys)
			overwrite(t, fsys, path, good[:r.IntN(len(good))])
			checkNoticed(t, fsys)
		}
		overwrite(t, fsys, path, good)
	}
	if snap, err := openStore(t, fsys, Options{}).Latest(); err != nil || snap.Step != 2 {
		t.Fatalf("put right again: %+v, %v", snap, err)
	}
}

func checkNoticed(t *testing.T, fsys FS) {
	t.Helper()
	reports := 0
	s := openStore(t, fsys, Options{Report: func(error) { reports++ }})
	defer s.Close()
	if _, err := s.Load(2); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a damaged checkpoint gives %v", err)
	}
	for _, load := range []func() (*Snapshot, error){s.Latest, s.Best} {
		snap, err := load()
		if err != nil || snap.Step != 1 {
			t.Fatalf("no way back: %+v, %v", snap, err)
		}
	}
	snap, err := s.Latest()
	if err != nil || len(snap.Skipped) != 1 || reports == 0 {
		t.Fatalf("skipped %v, %d reports, %v", snap.Skipped, reports, err)
	}
}

func TestAllRotten(t *testing.T) {
	fsys := NewMemFS(1)
	s := openStore(t, fsys, Options{Keep: 1})
	if err := saveStep(s, 7, 0); err != nil {
		t.Fatal(err)
	}
	overwrite(t, fsys, filepath.Join(testRoot, "step-000007", "state.bin"), nil)
	_, err := s.Latest()
	if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("error %v: a run must not start from the beginning in silence", err)
	}
	if err := saveStep(s, 7, 0); err != nil {
		t.Fatalf("save over the damaged one: %v", err)
	}
	if snap, err := s.Latest(); err != nil || snap.Step != 7 {
		t.Errorf("latest %+v, %v", snap, err)
	}
}

// TestLostFiles: a marker without its files, or under another step's name.
func TestLostFiles(t *testing.T) {
	fsys := NewMemFS(1)
	s := openStore(t, fsys, Options{})
	for step := uint64(1); step <= 3; step++ {
		if err := saveStep(s, step, 0); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if err := fsys.Remove(filepath.Join(testRoot, "step-000003", "weights.bin")); err != nil {
		t.Fatal(err)
	}
	one, err := ReadFile(fsys, filepath.Join(testRoot, "step-000001", manifestName))
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, fsys, filepath.Join(testRoot, "step-000002", manifestName), one)
	snap, err := openStore(t, fsys, Options{}).Latest()
	if err != nil || snap.Step != 1 || len(snap.Skipped) != 2 {
		t.Fatalf("latest %+v, %v", snap, err)
	}
	for _, err := range snap.Skipped {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("error %v is not ErrDamaged", err)
		}
	}
}
