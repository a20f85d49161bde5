package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// File is a file that appears under its name only once it is complete.
// It is not safe for concurrent use.
type File struct {
	fsys   FS
	h      Handle
	path   string
	temp   string
	failed error // the first failure; a file with a gap is never committed
	done   bool  // committed or aborted
}

// Create starts a new version of the file at path, in a temporary file beside
// it; the folder must be there. End it with Commit or Abort:
//
//	f, err := durable.Create(fsys, path)
//	...
//	defer f.Abort() // does nothing after Commit
//	... f.Write(...)
//	return f.Commit()
func Create(fsys FS, path string) (*File, error) {
	for i := 0; ; i++ {
		temp := tempName(path, i)
		h, err := fsys.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if errors.Is(err, fs.ErrExist) {
			continue // somebody else writes the same file, or was killed doing so
		}
		if err != nil {
			return nil, explain(fsys, "create", path, -1, err)
		}
		return &File{fsys: fsys, h: h, path: path, temp: temp}, nil
	}
}

// Write appends to the new version. After an error the file cannot be
// committed any more.
func (f *File) Write(p []byte) (int, error) {
	if f.failed != nil {
		return 0, f.failed
	}
	n, err := writeAll(f.h, p)
	if err != nil {
		f.failed = explain(f.fsys, "write", f.path, int64(len(p)-n), err)
	}
	return n, f.failed
}

// Commit flushes the file, gives it its name and flushes the folder. When it
// returns nil the file survives a power cut. When it fails, the old version is
// still there, except after a failure of the very last flush: then the new
// version is in place but may be lost by a power cut.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("commit %q: already committed or aborted", f.path)
	}
	if f.failed == nil {
		f.failed = f.commit()
	}
	if f.failed != nil {
		f.Abort()
	}
	f.done = true
	return f.failed
}

func (f *File) commit() error {
	if err := f.h.Sync(); err != nil {
		return explain(f.fsys, "flush", f.path, -1, err)
	}
	err := f.h.Close()
	f.h = nil
	if err != nil {
		return explain(f.fsys, "close", f.path, -1, err)
	}
	if err := f.fsys.Rename(f.temp, f.path); err != nil {
		return explain(f.fsys, "rename to", f.path, -1, err)
	}
	f.temp = ""
	dir := filepath.Dir(f.path)
	if err := f.fsys.SyncDir(dir); err != nil {
		return explain(f.fsys, "flush folder", dir, -1, err)
	}
	return nil
}

// Abort drops the new version and keeps the old one. It does nothing after
// Commit, so that it can be deferred.
func (f *File) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	var errs []error
	if f.h != nil {
		errs = append(errs, f.h.Close())
	}
	if f.temp != "" {
		errs = append(errs, f.fsys.Remove(f.temp))
	}
	return errors.Join(errs...)
}

// WriteFile replaces the file at path by data, completely or not at all.
func WriteFile(fsys FS, path string, data []byte) error {
	f, err := Create(fsys, path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// ReadFile reads a whole file.
func ReadFile(fsys FS, path string) ([]byte, error) {
	h, err := fsys.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, explain(fsys, "open", path, -1, err)
	}
	defer h.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, h); err != nil {
		return nil, explain(fsys, "read", path, -1, err)
	}
	return b.Bytes(), nil
}

// MkdirAll makes a folder and those above it, and flushes each so that it
// survives a power cut. A folder that is there already is no error.
func MkdirAll(fsys FS, path string) error {
	path = filepath.Clean(path)
	parent := filepath.Dir(path)
	info, err := fsys.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("make folder %q: a file of that name is in the way", path)
	case err == nil:
		flushAbove(fsys, path)
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return explain(fsys, "make folder", path, -1, err)
	}
	if parent != path {
		if err := MkdirAll(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return explain(fsys, "make folder", path, -1, err)
	}
	if err := fsys.SyncDir(parent); err != nil {
		return explain(fsys, "flush folder", parent, -1, err)
	}
	return nil
}

// flushAbove flushes the entries of a folder that is there and of those above:
// whoever made them may have been killed before doing so. Errors do not count,
// since most of these folders are not ours and some cannot be flushed.
func flushAbove(fsys FS, path string) {
	for parent := filepath.Dir(path); parent != path; parent = filepath.Dir(path) {
		_ = fsys.SyncDir(parent)
		path = parent
	}
}

// RemoveAll removes a file or a folder with all that is in it, and flushes the
// folder above. A symbolic link is removed, not followed. A path that is not
// there is no error.
func RemoveAll(fsys FS, path string) error {
	err := fsys.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		if err := removeFolder(fsys, path); err != nil {
			return err
		}
	}
	parent := filepath.Dir(path)
	if err := fsys.SyncDir(parent); err != nil {
		return explain(fsys, "flush folder", parent, -1, err)
	}
	return nil
}

func removeFolder(fsys FS, path string) error {
	entries, err := fsys.ReadDir(path)
	if err != nil {
		return explain(fsys, "list", path, -1, err)
	}
	for _, e := range entries {
		child := filepath.Join(path, e.Name())
		if e.IsDir() {
			err = removeFolder(fsys, child)
		} else if err = fsys.Remove(child); err != nil {
			err = explain(fsys, "remove", child, -1, err)
		}
		if err != nil {
			return err
		}
	}
	if err := fsys.Remove(path); err != nil {
		return explain(fsys, "remove", path, -1, err)
	}
	return nil
}

// Sweep removes the temporary files that killed processes left in a folder
// (not in those below it) and returns their paths. Only the one process that
// writes the folder may call it.
func Sweep(fsys FS, dir string) ([]string, error) { return sweep(fsys, dir, "") }

// SweepFile removes the temporary files that killed processes left of the file at
// path. Only the one process that writes the file may call it.
func SweepFile(fsys FS, path string) error {
	_, err := sweep(fsys, filepath.Dir(path), filepath.Base(path))
	return err
}

// sweep removes what tempName made of the file base in dir, of any file if it is "".
func sweep(fsys FS, dir, base string) ([]string, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, explain(fsys, "list", dir, -1, err)
	}
	var removed []string
	for _, e := range entries {
		parts := tempPattern.FindStringSubmatch(e.Name())
		if e.IsDir() || parts == nil || base != "" && parts[1] != base {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if err := fsys.Remove(path); err != nil {
			return removed, explain(fsys, "remove", path, -1, err)
		}
		removed = append(removed, path)
	}
	return removed, nil
}

// tempName and tempPattern agree: ".weights.safetensors.tmp0".
func tempName(path string, i int) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.tmp%d", filepath.Base(path), i))
}

var tempPattern = regexp.MustCompile(`^\.(.+)\.tmp[0-9]+$`)

// writeAll makes a short write without an error one with an error.
func writeAll(w io.Writer, p []byte) (int, error) {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
