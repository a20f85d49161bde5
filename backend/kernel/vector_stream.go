package kernel

import "unsafe"

// Stream copies n bytes to memory that will not be read soon: where the variant can,
// past the caches, which saves reading what is overwritten. That pays for arrays
// larger than the last cache. The ranges do not overlap.
func Stream(dst, src unsafe.Pointer, n int) {
	const line, block = 64, 256
	f := asmStream()
	if head := int(-uintptr(dst) % line); f != nil && n >= head+block {
		copy(view[byte](dst, head), view[byte](src, head))
		body := (n - head) / block
		f(at(dst, head, 1), at(src, head, 1), body)
		done := head + body*block
		dst, src, n = at(dst, done, 1), at(src, done, 1), n-done
	}
	copy(view[byte](dst, n), view[byte](src, n))
}
