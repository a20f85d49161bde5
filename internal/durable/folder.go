package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is a checkpoint that is being written, inside [Store.Save].
type Folder struct {
	fsys  FS
	dir   string
	files []fileSum
	open  map[string]bool // created and not yet closed
}

// Need reports a [SpaceError] at once when the disk is known to have fewer than
// the given bytes left, before hours of work end in a half-written file.
func (f *Folder) Need(bytes int64) error { return CheckSpace(f.fsys, f.dir, bytes) }

// Create makes a file of the checkpoint. Close flushes it and must be called
// before the save ends. Names are plain: letters, digits, '.', '_' and '-'.
func (f *Folder) Create(name string) (io.WriteCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	path := filepath.Join(f.dir, name)
	h, err := f.fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, explain(f.fsys, "create", path, -1, err)
	}
	f.open[name] = true
	return &folderFile{folder: f, h: h, name: name, path: path, hash: sha256.New()}, nil
}

// WriteFile makes a file of the checkpoint with the given contents.
func (f *Folder) WriteFile(name string, data []byte) error {
	w, err := f.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return errors.Join(err, w.Close())
}

// commit makes the checkpoint count. The order is the promise: contents, then
// the folder's entries, then the folder's own entry, then the marker.
func (f *Folder) commit(step uint64, score float64) (*manifest, error) {
	for name := range f.open {
		return nil, fmt.Errorf("file %q was not closed or failed", name)
	}
	slices.SortFunc(f.files, func(a, b fileSum) int { return strings.Compare(a.Name, b.Name) })
	for _, dir := range []string{f.dir, filepath.Dir(f.dir)} {
		if err := f.fsys.SyncDir(dir); err != nil {
			return nil, explain(f.fsys, "flush folder", dir, -1, err)
		}
	}
	m := newManifest(step, score, f.files)
	data, err := m.encode()
	if err != nil {
		return nil, err
	}
	return &m, WriteFile(f.fsys, filepath.Join(f.dir, manifestName), data)
}

// folderFile hashes what it writes.
type folderFile struct {
	folder *Folder
	h      Handle
	name   string
	path   string
	hash   hash.Hash
	size   int64
	failed error
	closed bool
}

func (w *folderFile) Write(p []byte) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	n, err := writeAll(w.h, p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		w.failed = explain(w.folder.fsys, "write", w.path, int64(len(p)-n), err)
	}
	return n, w.failed
}

// Close returns the error of a failed Write only through that Write; a file
// that failed stays open in its folder's books, which stops the commit.
func (w *folderFile) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.failed != nil {
		w.h.Close()
		return nil
	}
	if err := w.h.Sync(); err != nil {
		w.h.Close()
		return explain(w.folder.fsys, "flush", w.path, -1, err)
	}
	if err := w.h.Close(); err != nil {
		return explain(w.folder.fsys, "close", w.path, -1, err)
	}
	delete(w.folder.open, w.name)
	sum := hex.EncodeToString(w.hash.Sum(nil))
	w.folder.files = append(w.folder.files, fileSum{Name: w.name, Size: w.size, SHA256: sum})
	return nil
}
