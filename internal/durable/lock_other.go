//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Lock makes a file that must not be there yet. Without a lock of the kernel
// a killed process leaves it behind, and a person has to decide.
func (osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w, or left by a killed one: then remove %q", ErrLocked, name)
	}
	if err != nil {
		return nil, err
	}
	return &lockFile{f}, nil
}

type lockFile struct{ *os.File }

func (l *lockFile) Close() error {
	return errors.Join(l.File.Close(), os.Remove(l.Name()))
}
