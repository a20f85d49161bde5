package durable

import (
	"io/fs"
	"os"
	"runtime"
)

// OS is the file system of the machine. New files and folders get mode 0o666
// and 0o777, less the process's umask.
var OS FS = osFS{}

type osFS struct{}

func (osFS) OpenFile(name string, flag int) (Handle, error) {
	f, err := os.OpenFile(name, flag, 0o666)
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is not nil
	}
	return f, nil
}

func (osFS) Mkdir(name string) error                    { return os.Mkdir(name, 0o777) }
func (osFS) Remove(name string) error                   { return os.Remove(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (osFS) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }

func (osFS) Rename(from, to string) error {
	err := os.Rename(from, to)
	if le, ok := err.(*os.LinkError); ok {
		return le.Err // the caller names the paths
	}
	return err
}

func (osFS) SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be flushed there; NTFS logs its entries
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
