package kernel

import (
	"runtime"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Fill returns the loop dst[i] = x[0] for elements of size bytes (1, 2, 4, 8, 16).
func Fill(size int) Func1 {
	switch size {
	case 1, 2, 4, 8, 16:
	default:
		return nil
	}
	return func(dst, x unsafe.Pointer, n int) {
		if n == 0 {
			return
		}
		d := view[byte](dst, n*size)
		for done := copy(d, view[byte](x, size)); done < len(d); {
			done += copy(d[done:], d[:done])
		}
	}
}

// Iota returns the loop dst[i] = t(start + i*step), nil where t has no integers.
func Iota(t dtypes.DType) func(dst unsafe.Pointer, start, step int64, n int) {
	f, size := Convert(dtypes.Int64, t), sizeOf(t)
	if f == nil {
		return nil
	}
	return func(dst unsafe.Pointer, start, step int64, n int) {
		var scratch [blockLen]int64
		p := hide(unsafe.Pointer(&scratch))
		for i := 0; i < n; i += blockLen {
			block := view[int64](p, min(blockLen, n-i))
			for j := range block {
				block[j] = start + int64(i+j)*step
			}
			f(at(dst, i, size), p, len(block))
		}
		runtime.KeepAlive(&scratch)
	}
}

// CopyStrided returns the loop dst[i] = src[i*srcStride] for elements of size
// bytes (1, 2, 4, 8, 16). The stride counts elements and may be 0 or negative.
func CopyStrided(size int) func(dst, src unsafe.Pointer, srcStride, n int) {
	switch size {
	case 1:
		return copyStrided[uint8]
	case 2:
		return copyStrided[uint16]
	case 4:
		return copyStrided[uint32]
	case 8:
		return copyStrided[uint64]
	case 16:
		return copyStrided[[2]uint64]
	}
	return nil
}

func copyStrided[T any](dst, src unsafe.Pointer, srcStride, n int) {
	d := view[T](dst, n)
	if srcStride == 1 {
		copy(d, view[T](src, n))
		return
	}
	size := int(unsafe.Sizeof(*new(T)))
	for i := range d {
		d[i] = *(*T)(at(src, i*srcStride, size))
	}
}

// transpose is the portable table of Transpose.
func transpose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	switch size {
	case 1:
		return transposeOf[uint8]
	case 2:
		return transposeOf[uint16]
	case 4:
		return transposeOf[uint32]
	case 8:
		return transposeOf[uint64]
	case 16:
		return transposeOf[[2]uint64]
	}
	return nil
}

// transposeOf goes through squares of 16 by 16 elements, so that the lines that it
// reads across stay in the first cache until all of their elements are used.
func transposeOf[T any](dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	const square = 16
	size := int(unsafe.Sizeof(*new(T)))
	for i0 := 0; i0 < rows; i0 += square {
		ni := min(square, rows-i0)
		for j0 := 0; j0 < cols; j0 += square {
			for j := j0; j < min(j0+square, cols); j++ {
				s := at(src, i0*srcStride+j, size)
				for i := range view[T](at(dst, j*dstStride+i0, size), ni) {
					*(*T)(at(dst, j*dstStride+i0+i, size)) = *(*T)(at(s, i*srcStride, size))
				}
			}
		}
	}
}
