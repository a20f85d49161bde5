package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestMemFSForgets shows the losses that the other tests rely on: without them
// they would prove nothing.
func TestMemFSForgets(t *testing.T) {
	old, now := bytes.Repeat([]byte{1}, 5*memPage), bytes.Repeat([]byte{2}, 9*memPage)
	lostName, lostData, torn := 0, 0, 0
	for seed := range uint64(200) {
		mem := NewMemFS(seed)
		if err := WriteFile(mem, "f", old); err != nil {
			t.Fatal(err)
		}
		h, err := mem.OpenFile("new", os.O_WRONLY|os.O_CREATE)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(now)
		overwrite(t, mem, "f", now)
		if got, err := ReadFile(mem.Crash(0), "f"); err != nil || !bytes.Equal(got, old) {
			t.Fatalf("keep 0: %v", err)
		}
		if _, err := mem.Crash(0).Stat("new"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("keep 0: an entry that was not flushed is there: %v", err)
		}
		if got, err := ReadFile(mem.Crash(1), "new"); err != nil || !bytes.Equal(got, now) {
			t.Fatalf("keep 1: %v", err)
		}
		half := mem.Crash(0.5)
		if _, err := half.Stat("new"); err != nil {
			lostName++
		}
		got, err := ReadFile(half, "f")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(got, []byte{1}) && bytes.Contains(got, []byte{2}) {
			torn++
		}
		if len(got) < len(now) {
			lostData++
		}
	}
	if lostName < 50 || lostData < 50 || torn < 50 {
		t.Errorf("of 200: %d names lost, %d sizes lost, %d files torn", lostName, lostData, torn)
	}
}

func TestMemFSIsAFileSystem(t *testing.T) {
	fsys := NewMemFS(1)
	wants := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	wants(fsys.Mkdir("d"), nil)
	wants(fsys.Mkdir("d"), fs.ErrExist)
	wants(fsys.Mkdir("no/d"), fs.ErrNotExist)
	wants(fsys.Remove("none"), fs.ErrNotExist)
	wants(fsys.SyncDir("none"), fs.ErrNotExist)
	wants(fsys.Rename("none", "x"), fs.ErrNotExist)
	wants(WriteFile(fsys, "d/f", []byte("0123456789")), nil)
	wants(fsys.Remove("d"), fs.ErrExist)
	wants(fsys.Rename("d/f", "g"), nil)
	wants(fsys.Remove("d"), nil)
	_, err := fsys.OpenFile("g", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	wants(err, fs.ErrExist)
	h, err := fsys.OpenFile("g", os.O_RDONLY)
	wants(err, nil)
	_, err = h.Write([]byte("x"))
	wants(err, fs.ErrPermission)
	wants(h.Close(), nil)
	wants(h.Close(), fs.ErrClosed)

	fsys.SetCapacity(16)
	h, err = fsys.OpenFile("g", os.O_RDWR|os.O_APPEND)
	wants(err, nil)
	n, err := h.Write([]byte("abcdefghij"))
	wants(err, syscall.ENOSPC)
	if got, _ := ReadFile(fsys, "g"); n != 6 || string(got) != "0123456789abcdef" || fsys.Free("g") != 0 {
		t.Errorf("%d bytes went in: %q", n, got)
	}
	wants(h.Truncate(3), nil)
	wants(h.Truncate(30), fs.ErrInvalid)
	h.Write([]byte("Z"))
	if got, _ := ReadFile(fsys, "g"); string(got) != "012Z" {
		t.Errorf("after truncate: %q", got)
	}
	wants(CheckSpace(fsys, "g", 12), nil)
	wants(CheckSpace(fsys, "g", 13), syscall.ENOSPC)
	if err := CheckSpace(OS, t.TempDir(), 1<<62); OS.Free(".") >= 0 && err == nil {
		t.Error("four exbibytes are free?")
	} else if err != nil && !strings.Contains(err.Error(), "need 4611686018427387904 bytes") {
		t.Error(err)
	}
}
