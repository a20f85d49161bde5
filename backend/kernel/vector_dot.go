package kernel

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Dot returns the loop dst[0] = the sum of x[i]*y[i], in a tree that depends on n
// only. It is nil for all but Float32 and Float64.
func Dot(t dtypes.DType) Func2 {
	if f := asmDot(t); f != nil {
		return f
	}
	switch t {
	case dtypes.Float32:
		return dotOf[float32]
	case dtypes.Float64:
		return dotOf[float64]
	}
	return nil
}

func dotOf[T float](dst, x, y unsafe.Pointer, n int) {
	*(*T)(dst) = dotTree(view[T](x, n), view[T](y, n))
}

// dotTree cuts as tree does.
func dotTree[T float](x, y []T) T {
	if len(x) > leafLen {
		h := (len(x)/2 + leafLen - 1) / leafLen * leafLen
		return dotTree(x[:h], y[:h]) + dotTree(x[h:], y[h:])
	}
	var a, b, c, d T
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a, b, c, d = a+x[0]*y[0], b+x[1]*y[1], c+x[2]*y[2], d+x[3]*y[3]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return (a + b) + (c + d)
}
