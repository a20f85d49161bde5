package durable

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// testRoot is where the tests keep their store. Its folder above is made by
// OpenStore too.
const testRoot = "run/checkpoints"

// content is what the tests save: a few pages, different in every step.
func content(step uint64, file int) []byte {
	r := rand.New(rand.NewPCG(step, uint64(file)))
	b := make([]byte, 700+400*file)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// saveStep writes one file at once and one in pieces.
func saveStep(s *Store, step uint64, score float64) error {
	return s.Save(step, score, func(f *Folder) error {
		if err := f.WriteFile("state.bin", content(step, 0)); err != nil {
			return err
		}
		w, err := f.Create("weights.bin")
		if err != nil {
			return err
		}
		defer w.Close()
		for part := range slices.Chunk(content(step, 1), 600) {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return w.Close()
	})
}

// checkSnapshot fails the test if a loaded checkpoint is not what was saved.
func checkSnapshot(t *testing.T, s *Snapshot) {
	t.Helper()
	for i, name := range []string{"state.bin", "weights.bin"} {
		got, err := s.ReadFile(name)
		if err != nil || !bytes.Equal(got, content(s.Step, i)) {
			t.Fatalf("step %d loads wrong: %q: %v", s.Step, name, err)
		}
	}
}

func openStore(t *testing.T, fsys FS, opt Options) *Store {
	t.Helper()
	s, err := OpenStore(fsys, testRoot, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkClean fails the test if something half-written lies about.
func checkClean(t *testing.T, fsys FS) {
	t.Helper()
	list, err := fsys.ReadDir(testRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name() == "lock" {
			continue
		}
		dir := filepath.Join(testRoot, e.Name())
		files, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatalf("stale %q", dir)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Name())
		}
		if want := []string{manifestName, "state.bin", "weights.bin"}; !slices.Equal(names, want) {
			t.Fatalf("%q holds %q, want %q", dir, names, want)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	for name, fsys := range map[string]FS{"memory": NewMemFS(1), "os": inTemp(t)} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, fsys, Options{Keep: 2})
			if _, err := s.Latest(); !errors.Is(err, ErrNoCheckpoint) {
				t.Fatalf("empty store: %v", err)
			}
			for i, score := range []float64{5, 1, 3, math.NaN(), 4} {
				if err := saveStep(s, uint64(i+1)*100, score); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := s.Steps(), []uint64{200, 400, 500}; !slices.Equal(got, want) {
				t.Errorf("kept %d, want %d", got, want)
			}
			s.Close()

			s = openStore(t, fsys, Options{Keep: 2})
			defer s.Close()
			last, err := s.Latest()
			if err != nil || last.Step != 500 || last.Score != 4 {
				t.Fatalf("latest %+v, %v", last, err)
			}
			checkSnapshot(t, last)
			best, err := s.Best()
			if err != nil || best.Step != 200 || best.Score != 1 {
				t.Fatalf("best %+v, %v", best, err)
			}
			checkSnapshot(t, best)
			if four, err := s.Load(400); err != nil || !math.IsNaN(four.Score) {
				t.Errorf("step 400: %+v, %v", four, err)
			}
			checkClean(t, fsys)
		})
	}
}

// inTemp is the real file system below a temporary folder, so that relative
// paths of the tests stay inside it.
func inTemp(t *testing.T) FS {
	t.Chdir(t.TempDir())
	return OS
}

func TestMaximize(t *testing.T) {
	s := openStore(t, NewMemFS(1), Options{Keep: 1, Maximize: true})
	for i, score := range []float64{1, 7, 3, 7, math.Inf(1), 2} {
		if err := saveStep(s, uint64(i+1), score); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.Steps(), []uint64{2, 6}; !slices.Equal(got, want) {
		t.Errorf("kept %d, want %d", got, want)
	}
	if best, err := s.Best(); err != nil || best.Step != 2 {
		t.Errorf("best %+v, %v", best, err)
	}
}

func TestSnapshotOpen(t *testing.T) {
	s := openStore(t, NewMemFS(1), Options{})
	if err := saveStep(s, 1, 0); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Latest()
	if err != nil {
		t.Fatal(err)
	}
	if got := snap.Names(); !slices.Equal(got, []string{"state.bin", "weights.bin"}) {
		t.Errorf("names %q", got)
	}
	h, size, err := snap.Open("weights.bin")
	if err != nil || size != int64(len(content(1, 1))) {
		t.Fatalf("size %d, %v", size, err)
	}
	defer h.Close()
	part := make([]byte, 100)
	if _, err := h.ReadAt(part, 50); err != nil || !bytes.Equal(part, content(1, 1)[50:150]) {
		t.Errorf("ReadAt: %v", err)
	}
	for _, name := range []string{"nothing", "manifest.json", "../../x"} {
		if _, _, err := snap.Open(name); err == nil || !strings.Contains(err.Error(), `"weights.bin"`) {
			t.Errorf("open %q: %v", name, err)
		}
	}
}

func TestStoreRefusals(t *testing.T) {
	fsys := NewMemFS(1)
	s := openStore(t, fsys, Options{})
	if err := saveStep(s, 20, 0); err != nil {
		t.Fatal(err)
	}
	wants := func(err error, words string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("error %v does not say %q", err, words)
		}
	}
	_, err := OpenStore(fsys, testRoot, Options{})
	wants(err, "locked by another process")
	_, err = OpenStore(fsys, testRoot, Options{Keep: -1})
	wants(err, "keep -1")
	wants(saveStep(s, 20, 0), "newest checkpoint is step 20")
	wants(saveStep(s, 10, 0), "rewind")
	_, err = s.Load(7)
	wants(err, "no checkpoint; there are [20]")
	for _, name := range []string{"", ".x", "a/b", "..", manifestName, `a\b`, "a\x00", strings.Repeat("x", 201)} {
		wants(s.Save(30, 0, func(f *Folder) error { return f.WriteFile(name, nil) }), "file name")
	}
	unclosed := func(f *Folder) error { _, err := f.Create("left.bin"); return err }
	wants(s.Save(30, 0, unclosed), `"left.bin" was not closed`)
	wants(s.Save(30, 0, func(*Folder) error { return errors.New("loss is NaN") }), "save step 30: loss is NaN")
	if err := saveStep(s, 30, 0); err != nil {
		t.Errorf("after refusals: %v", err)
	}
	s.Close()
	wants(saveStep(s, 40, 0), "closed")
	checkClean(t, fsys)
}

func TestReadOnly(t *testing.T) {
	fsys := NewMemFS(1)
	if _, err := OpenStore(fsys, testRoot, Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no folder: %v", err)
	}
	w := openStore(t, fsys, Options{})
	if err := saveStep(w, 1, 0); err != nil {
		t.Fatal(err)
	}
	err := w.Save(2, 0, func(f *Folder) error {
		r := openStore(t, fsys, Options{ReadOnly: true}) // while a save is going on
		snap, err := r.Latest()
		if err != nil || snap.Step != 1 {
			t.Errorf("latest %+v, %v", snap, err)
		}
		if err := saveStep(r, 5, 0); err == nil {
			t.Error("a store opened to read only saves")
		}
		if err := r.Rewind(1); err == nil {
			t.Error("a store opened to read only rewinds")
		}
		return f.WriteFile("x", nil)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRewind(t *testing.T) {
	fsys := NewMemFS(1)
	s := openStore(t, fsys, Options{})
	for step := uint64(1); step <= 4; step++ {
		if err := saveStep(s, step, float64(step)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Rewind(9); err == nil || !slices.Equal(s.Steps(), []uint64{1, 2, 3, 4}) {
		t.Errorf("to a step that is not there: %v, kept %d", err, s.Steps())
	}
	if err := s.Rewind(2); err != nil || !slices.Equal(s.Steps(), []uint64{1, 2}) {
		t.Errorf("kept %d, %v", s.Steps(), err)
	}
	if err := saveStep(s, 3, 0); err != nil {
		t.Error(err)
	}
	checkClean(t, fsys)
}

// TestSyncOrder reads the promise off the operations: when the marker gets its
// name, every file and folder that it vouches for is on disk.
func TestSyncOrder(t *testing.T) {
	fsys := Faulty(NewMemFS(1), Plan{})
	s := openStore(t, fsys, Options{Keep: 1})
	for step := uint64(1); step <= 3; step++ {
		if err := saveStep(s, step, 0); err != nil {
			t.Fatal(err)
		}
	}
	dirty := map[string]bool{} // files and folders changed since they were flushed
	markers := 0
	for i, op := range fsys.Ops() {
		dir := filepath.Dir(op.Path)
		switch op.Verb {
		case "write":
			dirty[op.Path] = true
		case "create":
			if strings.HasPrefix(filepath.Base(op.Path), "."+manifestName) && len(dirty) > 0 {
				t.Fatalf("operation %d, %v: not flushed: %v", i+1, op, dirty)
			}
			dirty[op.Path], dirty[dir] = true, true
		case "mkdir", "remove":
			dirty[dir] = true
			delete(dirty, op.Path)
		case "sync", "syncdir":
			delete(dirty, op.Path)
		case "rename":
			if filepath.Base(op.Path) != manifestName {
				t.Fatalf("unexpected %v", op)
			}
			markers++
			// The temporary file's own entry is flushed with the marker's.
			delete(dirty, dir)
			if len(dirty) > 0 {
				t.Fatalf("operation %d, %v: not flushed: %v", i+1, op, dirty)
			}
			dirty[dir] = true
		}
	}
	if markers != 3 || len(dirty) > 0 {
		t.Errorf("%d markers, want 3; not flushed at the end: %v", markers, dirty)
	}
}

// threeSaves opens a store and saves three times, telling which step is being
// saved and which was saved last.
func threeSaves(fsys FS, trying, saved *uint64) error {
	s, err := OpenStore(fsys, testRoot, Options{Keep: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	for step := uint64(1); step <= 3; step++ {
		*trying = step
		if err := saveStep(s, step, float64(step%2)); err != nil {
			return err
		}
		*saved = step
	}
	return nil
}

// countOps is the number of operations of three saves.
func countOps(t *testing.T) int {
	t.Helper()
	fsys := Faulty(NewMemFS(1), Plan{})
	var trying, saved uint64
	if err := threeSaves(fsys, &trying, &saved); err != nil {
		t.Fatal(err)
	}
	return len(fsys.Ops())
}

// checkRecovered opens what a crash left and demands the last saved step, or
// the one that was being saved.
func checkRecovered(t *testing.T, fsys FS, trying, saved uint64) {
	t.Helper()
	s := openStore(t, fsys, Options{Keep: 1})
	defer s.Close()
	snap, err := s.Latest()
	switch {
	case errors.Is(err, ErrNoCheckpoint) && saved == 0:
	case err != nil:
		t.Fatalf("saved step %d: %v", saved, err)
	case snap.Step != saved && snap.Step != trying:
		t.Fatalf("step %d loads, %d was saved", snap.Step, saved)
	case len(snap.Skipped) > 0:
		t.Fatalf("step %d loads, but: %v", snap.Step, snap.Skipped)
	default:
		checkSnapshot(t, snap)
	}
	checkClean(t, fsys)
	next := max(trying, saved) + 1
	if err := saveStep(s, next, 0); err != nil {
		t.Fatalf("save after the crash: %v", err)
	}
	if snap, err = s.Latest(); err != nil || snap.Step != next {
		t.Fatalf("latest %+v after save of %d: %v", snap, next, err)
	}
	checkSnapshot(t, snap)
}

func TestKillAtEveryOperation(t *testing.T) {
	n := countOps(t)
	t.Logf("%d operations", n)
	for _, real := range []bool{false, true} {
		for at := 1; at <= n; at++ {
			mem := NewMemFS(uint64(at))
			var under FS = mem
			if real {
				under = inTemp(t)
			}
			var trying, saved uint64
			fsys := Faulty(under, Plan{At: at, Fault: Kill, Kill: PanicKilled})
			if !Survive(func() { threeSaves(fsys, &trying, &saved) }) {
				t.Fatalf("operation %d: not killed", at)
			}
			if !real {
				under = mem.Crash(1)
			}
			checkRecovered(t, under, trying, saved)
		}
	}
}

// TestPowerCut cuts the power at a random operation and keeps nothing,
// everything, or a random part of what was not flushed.
func TestPowerCut(t *testing.T) {
	seeds, n := 1000, countOps(t)
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 99))
		for _, keep := range []float64{0, r.Float64(), 1} {
			at := 1 + r.IntN(n+1) // n+1: after all saves
			mem := NewMemFS(uint64(seed))
			var trying, saved uint64
			fsys := Faulty(mem, Plan{At: at, Fault: Kill, Kill: PanicKilled})
			Survive(func() { threeSaves(fsys, &trying, &saved) })
			checkRecovered(t, mem.Crash(keep), trying, saved)
		}
	}
}

// TestFaultAtEveryOperation lets each operation fail in each way, once and for
// good, and demands that the checkpoint before is kept, that the error helps,
// and that saving works once the disk does.
func TestFaultAtEveryOperation(t *testing.T) {
	n := countOps(t)
	for _, fault := range []Fault{FailIO, FailSpace, ShortWrite} {
		for _, stay := range []bool{false, true} {
			for at := 1; at <= n; at++ {
				name := fmt.Sprintf("fault %d stay %t at %d", fault, stay, at)
				checkFault(t, name, Plan{At: at, Fault: fault, Stay: stay})
			}
		}
	}
}

func checkFault(t *testing.T, name string, plan Plan) {
	t.Helper()
	mem := NewMemFS(1)
	fsys := Faulty(mem, plan)
	var trying, saved uint64
	err := threeSaves(fsys, &trying, &saved)
	if err != nil {
		checkFaultError(t, name, fsys, plan, err)
	} else if saved != 3 {
		t.Fatalf("%s: no error, yet only %d saves", name, saved)
	}
	fsys.Heal()
	checkRecovered(t, fsys, trying, saved)
	checkRecovered(t, mem.Crash(0), max(trying, saved)+1, max(trying, saved)+1)
}

func checkFaultError(t *testing.T, name string, fsys *FaultyFS, plan Plan, err error) {
	t.Helper()
	if !strings.Contains(err.Error(), `"`) {
		t.Errorf("%s: error names no path: %v", name, err)
	}
	var se *SpaceError
	if plan.Fault != FailSpace {
		return
	}
	if !errors.As(err, &se) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%s: %v is not a *SpaceError", name, err)
	}
	if op := fsys.Ops()[plan.At-1]; op.Verb == "write" && !plan.Stay && se.Need != int64(op.Bytes-op.Bytes/2) {
		t.Errorf("%s: need %d bytes for %v", name, se.Need, op)
	}
}

// TestSaveAgainInSameStore retries the step that failed without opening the
// store again, as a training run does.
func TestSaveAgainInSameStore(t *testing.T) {
	n := countOps(t)
	for at := 4; at <= n; at++ { // the first make and lock the folder
		for _, fault := range []Fault{FailIO, FailSpace} {
			fsys := Faulty(NewMemFS(1), Plan{At: at, Fault: fault, Stay: at%2 == 0})
			s, err := OpenStore(fsys, testRoot, Options{Keep: 1})
			if err != nil {
				continue
			}
			for step := uint64(1); step <= 4; step++ {
				if saveStep(s, step, 0) == nil {
					continue
				}
				fsys.Heal()
				if err := saveStep(s, step, 0); err != nil {
					t.Fatalf("at %d: step %d again: %v", at, step, err)
				}
			}
			fsys.Heal()
			if err := saveStep(s, 5, 0); err != nil {
				t.Fatal(err)
			}
			// 1 is the best, 5 the last; what could not be removed before is gone now.
			if got := s.Steps(); !slices.Equal(got, []uint64{1, 5}) {
				t.Errorf("at %d: kept %d", at, got)
			}
			list, err := fsys.ReadDir(testRoot)
			if err != nil || len(list) != 2 {
				t.Errorf("at %d: %d folders left, %v", at, len(list), err)
			}
			checkClean(t, fsys)
		}
	}
}

func TestFullDiskSaysHowMuch(t *testing.T) {
	fsys := NewMemFS(1)
	s := openStore(t, fsys, Options{})
	if err := saveStep(s, 1, 0); err != nil {
		t.Fatal(err)
	}
	fsys.SetCapacity(4000)
	err := saveStep(s, 2, 0)
	var se *SpaceError
	if !errors.As(err, &se) || se.Need <= 0 || se.Free < 0 || !strings.Contains(err.Error(), "bytes, ") {
		t.Fatalf("error %v", err)
	}
	t.Log(err)
	err = s.Save(2, 0, func(f *Folder) error { return f.Need(1 << 20) })
	if !errors.As(err, &se) || se.Need != 1<<20 {
		t.Errorf("checked before: %v", err)
	}
	if snap, err := s.Latest(); err != nil || snap.Step != 1 {
		t.Errorf("latest %+v, %v", snap, err)
	}
	fsys.SetCapacity(1 << 20)
	if err := saveStep(s, 2, 0); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
