//go:build !darwin && !freebsd && !linux

package durable

// Free is not known without statfs(2).
func (osFS) Free(string) int64 { return -1 }
