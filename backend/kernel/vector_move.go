package kernel

import (
	"runtime"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// BySize is the loop for elements of size bytes, zero for a size that there is not.
func BySize[F any](size int, of1, of2, of4, of8, of16 F) (f F) {
	switch size {
	case 1:
		return of1
	case 2:
		return of2
	case 4:
		return of4
	case 8:
		return of8
	case 16:
		return of16
	}
	return f
}

// Fill returns the loop dst[i] = x[0] for elements of size bytes.
func Fill(size int) Func1 {
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

// Iota returns the loop dst[i] = t(i).
func Iota(t dtypes.DType) func(dst unsafe.Pointer, n int) {
	f, size := Convert(dtypes.Int64, t), sizeOf(t)
	return func(dst unsafe.Pointer, n int) {
		var scratch [blockLen]int64
		p := hide(unsafe.Pointer(&scratch))
		for i := 0; i < n; i += blockLen {
			block := view[int64](p, min(blockLen, n-i))
			for j := range block {
				block[j] = int64(i + j)
			}
			f(at(dst, i, size), p, len(block))
		}
		runtime.KeepAlive(&scratch)
	}
}

// CopyStrided returns the loop dst[i] = src[i*srcStride] for elements of size
// bytes (1, 2, 4, 8, 16). The stride counts elements and may be 0 or negative.
func CopyStrided(size int) func(dst, src unsafe.Pointer, srcStride, n int) {
	return BySize(size, copyStrided[uint8], copyStrided[uint16], copyStrided[uint32], copyStrided[uint64], copyStrided[[2]uint64])
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

type transposeFunc = func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)

// transpose is the portable table of Transpose.
func transpose(size int) transposeFunc {
	return BySize(size, transposeOf[uint8], transposeOf[uint16], transposeOf[uint32], transposeOf[uint64], transposeOf[[2]uint64])
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
				for i := range ni {
					*(*T)(at(dst, j*dstStride+i0+i, size)) = *(*T)(at(s, i*srcStride, size))
				}
			}
		}
	}
}
