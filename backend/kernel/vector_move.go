package kernel

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Fill returns the loop dst[i] = x[0] for elements of size bytes (1, 2, 4, 8, 16).
func Fill(size int) Func1 { return nil }

// Iota returns the loop dst[i] = t(start + i*step).
func Iota(t dtypes.DType) func(dst unsafe.Pointer, start, step int64, n int) { return nil }

// CopyStrided returns the loop dst[i] = src[i*srcStride] for elements of size bytes.
func CopyStrided(size int) func(dst, src unsafe.Pointer, srcStride, n int) { return nil }

func transpose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	return nil
}
