package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Snapshot is a checkpoint whose every byte was verified when it was loaded.
type Snapshot struct {
	Step  uint64
	Score float64 // NaN when it was saved without one
	// Skipped says why checkpoints that would have come first were not used.
	Skipped []error

	fsys FS
	dir  string
	man  *manifest
}

// Names lists the files, sorted.
func (s *Snapshot) Names() []string {
	names := make([]string, len(s.man.Files))
	for i, f := range s.man.Files {
		names[i] = f.Name
	}
	return names
}

// Path is where the named file lies on disk, for messages.
func (s *Snapshot) Path(name string) string { return filepath.Join(s.dir, name) }

// Open opens a file of the checkpoint for reading and returns its size in
// bytes.
func (s *Snapshot) Open(name string) (Handle, int64, error) {
	sum, err := s.find(name)
	if err != nil {
		return nil, 0, err
	}
	h, err := s.fsys.OpenFile(s.Path(name), os.O_RDONLY)
	if err != nil {
		return nil, 0, explain(s.fsys, "open", s.Path(name), -1, err)
	}
	return h, sum.Size, nil
}

// ReadFile reads a file of the checkpoint and verifies the bytes it returns.
func (s *Snapshot) ReadFile(name string) ([]byte, error) {
	sum, err := s.find(name)
	if err != nil {
		return nil, err
	}
	data, err := ReadFile(s.fsys, s.Path(name))
	if err != nil {
		return nil, err
	}
	got := sha256.Sum256(data)
	return data, sum.compare(s.Path(name), int64(len(data)), got[:])
}

func (s *Snapshot) find(name string) (fileSum, error) {
	for _, f := range s.man.Files {
		if f.Name == name {
			return f, nil
		}
	}
	return fileSum{}, fmt.Errorf("checkpoint of step %d has no file %q, only %q", s.Step, name, s.Names())
}

// verify reads every file and compares it with the manifest.
func (s *Snapshot) verify() error {
	for _, f := range s.man.Files {
		if err := s.verifyFile(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) verifyFile(f fileSum) error {
	path := s.Path(f.Name)
	h, err := s.fsys.OpenFile(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %q is missing", ErrDamaged, path)
	}
	if err != nil {
		return explain(s.fsys, "open", path, -1, err)
	}
	defer h.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, h)
	if err != nil {
		return explain(s.fsys, "read", path, -1, err)
	}
	return f.compare(path, n, hash.Sum(nil))
}

// ErrDamaged marks a checkpoint whose bytes are not those that were saved.
var ErrDamaged = errors.New("damaged")

func (f fileSum) compare(path string, size int64, sum []byte) error {
	if size != f.Size {
		return fmt.Errorf("%w: %q has %d bytes, %d were saved", ErrDamaged, path, size, f.Size)
	}
	if got := hex.EncodeToString(sum); got != f.SHA256 {
		return fmt.Errorf("%w: %q has sha256 %s, %s was saved", ErrDamaged, path, got, f.SHA256)
	}
	return nil
}
