//go:build darwin || freebsd || linux

package durable

import (
	"path/filepath"
	"syscall"
)

// Free asks the folder above when name itself is not there yet.
func (osFS) Free(name string) int64 {
	var st syscall.Statfs_t
	if syscall.Statfs(name, &st) != nil && syscall.Statfs(filepath.Dir(name), &st) != nil {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
