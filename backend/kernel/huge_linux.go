package kernel

import (
	"syscall"
	"unsafe"
)

// hugePage is the size of a large page on amd64, and of most on arm64.
const hugePage = 2 << 20

// Huge asks for large pages behind memory that will be walked in long strides: with
// pages of 4 KiB, products of more than a thousand rows wait for translations of
// addresses. It is advice; nothing depends on it.
func Huge(mem []byte) {
	if len(mem) < 2*hugePage {
		return
	}
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(mem))) & (hugePage - 1))
	if n := (len(mem) - skip) &^ (hugePage - 1); n > 0 {
		_ = syscall.Madvise(mem[skip:skip+n], syscall.MADV_HUGEPAGE)
	}
}
