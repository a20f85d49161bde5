// Package durable writes files that survive being killed, a full disk and a
// power cut, and checkpoints that load completely or not at all.
//
// # Files
//
// [Create] opens a temporary file beside its target; [File.Commit] flushes it,
// renames it into place and flushes the folder. A reader sees the old file or
// the new one, never a part. [WriteFile] does all of it at once.
//
// [Log] is an append-only file of JSON lines. A last line that was cut off is
// dropped when the log is opened again, and the log can be cut back to a number
// of records, so that a resumed run continues exactly where its checkpoint is.
//
// # Checkpoints
//
// [Store] keeps one folder a checkpoint:
//
//	root/lock                     held by the process that writes
//	root/step-000100/weights.safetensors
//	root/step-000100/manifest.json   size and SHA-256 of each file; written last
//
// The manifest is the commit marker: it appears by a rename after every file
// and the folder are on disk. A folder without one is removed at the next
// [OpenStore]. Loading verifies every byte against the manifest, and
// [Store.Latest] goes back to the checkpoint before when one has rotted.
//
// # Faults
//
// All of it writes through the small interface [FS]. [OS] is the real file
// system. [MemFS] forgets at a simulated power cut what was never flushed.
// [Faulty] fails, runs out of space or kills at the N-th operation; a test that
// runs N from 1 upwards has visited every moment at which things can go wrong.
//
// Rules that the code keeps: data is flushed before the name that makes it
// count; a folder is flushed after an entry in it changed; a failed flush is
// never retried on the same file, because the kernel may have dropped the data
// and forgotten (the "fsyncgate" of 2018); nothing good is removed before its
// successor is on disk.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
)

// FS is the part of a file system that durable code needs. It is wide because
// file systems are; each method is one system call, so that a fault can be put
// before any of them. Paths are those of package os.
type FS interface {
	// OpenFile opens a file with the flags of package os.
	OpenFile(name string, flag int) (Handle, error)
	Mkdir(name string) error
	Rename(from, to string) error
	// Remove removes a file or an empty folder.
	Remove(name string) error
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir flushes the entries of a folder (not the files' contents).
	SyncDir(name string) error
	// Lock takes the lock file name for this process until it is closed. It
	// reports [ErrLocked] when somebody else holds it.
	Lock(name string) (io.Closer, error)
	// Free is the space left for new data in bytes, or -1 when it is not known.
	Free(name string) int64
}

// Handle is an open file.
type Handle interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// ErrLocked says that another process (or another store of this one) writes
// the same folder.
var ErrLocked = errors.New("locked by another process")

// SpaceError says that the disk, or a quota on it, is full.
type SpaceError struct {
	Path string // the file that could not be written
	Need int64  // bytes still to write, -1 if not known
	Free int64  // bytes left, -1 if not known
	Err  error  // what the system said
}

func (e *SpaceError) Error() string {
	s := fmt.Sprintf("write %q: no space", e.Path)
	switch {
	case e.Need >= 0 && e.Free >= 0:
		s += fmt.Sprintf(": need %d bytes, %d free", e.Need, e.Free)
	case e.Need >= 0:
		s += fmt.Sprintf(": need %d bytes", e.Need)
	case e.Free >= 0:
		s += fmt.Sprintf(": %d bytes free", e.Free)
	}
	return s + "; free some space and try again"
}

func (e *SpaceError) Unwrap() error { return e.Err }

// CheckSpace reports a [SpaceError] when fewer than need bytes are known to be
// free where path is or would be.
func CheckSpace(fsys FS, path string, need int64) error {
	if free := fsys.Free(path); free >= 0 && free < need {
		return &SpaceError{Path: path, Need: need, Free: free, Err: syscall.ENOSPC}
	}
	return nil
}

// explain names the file in err, and what is needed when the disk is full.
func explain(fsys FS, verb, path string, need int64, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &SpaceError{Path: path, Need: need, Free: fsys.Free(path), Err: err}
	}
	// The error of package os repeats operation and path: ours says them better.
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("%s %q: %w", verb, path, err)
}
