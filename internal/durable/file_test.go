package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWriteFileIsAllOrNothing(t *testing.T) {
	old, now := []byte("old contents"), bytes.Repeat([]byte("new"), 1000)
	for _, fault := range []Fault{FailIO, FailSpace, ShortWrite, Kill} {
		for at := 1; at <= 5; at++ { // create, write, sync, rename, syncdir
			mem := NewMemFS(uint64(at))
			if err := WriteFile(mem, "f", old); err != nil {
				t.Fatal(err)
			}
			fsys := Faulty(mem, Plan{At: at, Fault: fault, Kill: PanicKilled})
			var err error
			killed := Survive(func() { err = WriteFile(fsys, "f", now) })
			for _, keep := range []float64{0, 0.5, 1} {
				got, readErr := ReadFile(mem.Crash(keep), "f")
				isOld, isNew := bytes.Equal(got, old), bytes.Equal(got, now)
				if readErr != nil || !isOld && !isNew {
					t.Fatalf("fault %d at %d keep %g: %d bytes, %v", fault, at, keep, len(got), readErr)
				}
				if !killed && err == nil && !isNew {
					t.Fatalf("fault %d at %d keep %g: the write returned and is lost", fault, at, keep)
				}
			}
			if killed {
				continue
			}
			if list, _ := mem.ReadDir("."); len(list) != 1 {
				t.Errorf("fault %d at %d: left %v", fault, at, list)
			}
		}
	}
}

func TestFileStates(t *testing.T) {
	fsys := NewMemFS(1)
	a, err := Create(fsys, "f")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Create(fsys, "f") // two writers of one file do not meet
	if err != nil {
		t.Fatal(err)
	}
	a.Write([]byte("a"))
	b.Write([]byte("b"))
	if err := errors.Join(a.Commit(), a.Abort()); err != nil {
		t.Fatal(err)
	}
	if err := b.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(); err == nil {
		t.Error("commit after abort: no error")
	}
	if err := a.Commit(); err == nil {
		t.Error("commit twice: no error")
	}
	if got, err := ReadFile(fsys, "f"); err != nil || string(got) != "a" {
		t.Errorf("holds %q, %v", got, err)
	}
	if _, err := Create(fsys, "no/folder/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestFailedWriteIsNeverCommitted(t *testing.T) {
	fsys := Faulty(NewMemFS(1), Plan{At: 2, Fault: FailIO})
	f, err := Create(fsys, "f")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("lost")) // a caller that forgets to look
	if _, err := f.Write([]byte("more")); err == nil {
		t.Error("write after a gap: no error")
	}
	if err := f.Commit(); err == nil {
		t.Error("commit of a file with a gap: no error")
	}
	if list, _ := fsys.ReadDir("."); len(list) != 0 {
		t.Errorf("left %v", list)
	}
}

func TestSweep(t *testing.T) {
	for name, fsys := range map[string]FS{"memory": NewMemFS(1), "os": inTemp(t)} {
		for _, f := range []string{"keep", ".keep.tmp", ".hidden", "x.tmp0"} {
			if err := WriteFile(fsys, f, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if _, err := Create(fsys, "killed"); err != nil { // never committed
				t.Fatal(err)
			}
		}
		got, err := Sweep(fsys, ".")
		if want := []string{".killed.tmp0", ".killed.tmp1"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: removed %q, %v; want %q", name, got, err, want)
		}
		if list, _ := fsys.ReadDir("."); len(list) != 4 {
			t.Errorf("%s: left %v", name, list)
		}
	}
}

// TestSweepFile: only what was left of the one file goes.
func TestSweepFile(t *testing.T) {
	fsys := NewMemFS(1)
	for _, name := range []string{"a", "a", "b", "a.tmp0"} {
		if _, err := Create(fsys, name); err != nil { // never committed
			t.Fatal(err)
		}
	}
	if err := SweepFile(fsys, "a"); err != nil {
		t.Fatal(err)
	}
	var left []string
	list, _ := fsys.ReadDir(".")
	for _, e := range list {
		left = append(left, e.Name())
	}
	if want := []string{".a.tmp0.tmp0", ".b.tmp0"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

// TestMkdirAllAfterKill: a folder that a killed process made and did not flush
// is flushed by the next one.
func TestMkdirAllAfterKill(t *testing.T) {
	for at := 1; at <= 6; at++ {
		mem := NewMemFS(1)
		Survive(func() { MkdirAll(Faulty(mem, Plan{At: at, Fault: Kill, Kill: PanicKilled}), "a/b/c") })
		if err := MkdirAll(mem, "a/b/c"); err != nil {
			t.Fatal(err)
		}
		if _, err := mem.Crash(0).Stat("a/b/c"); err != nil {
			t.Errorf("killed at %d: lost by the power cut: %v", at, err)
		}
	}
	mem := NewMemFS(1)
	if err := errors.Join(WriteFile(mem, "file", nil), MkdirAll(mem, "x")); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(mem, "file"); err == nil {
		t.Error("a file in the way: no error")
	}
}

func TestRemoveAllStaysInside(t *testing.T) {
	inTemp(t)
	outside := filepath.Join(t.TempDir(), "precious")
	for _, err := range []error{
		os.WriteFile(outside, nil, 0o666),
		MkdirAll(OS, "a/b"),
		WriteFile(OS, "a/b/f", nil),
		os.Symlink(filepath.Dir(outside), "a/link"),
		os.Symlink(filepath.Dir(outside), "link"),
		RemoveAll(OS, "a"),
		RemoveAll(OS, "link"),
		RemoveAll(OS, "not there"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("followed a link: %v", err)
	}
	if list, _ := OS.ReadDir("."); len(list) != 0 {
		t.Errorf("left %v", list)
	}
}
