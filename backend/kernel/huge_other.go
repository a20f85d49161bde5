//go:build !linux

package kernel

// Huge asks for large pages where there is a way to.
func Huge([]byte) {}
