package kernel

import "unsafe"

// Dot returns the loop dst[0] = the sum of x[i]*y[i] of Float32, in a tree that depends
// on n only.
func Dot() Func2 {
	if f := asmDot(); f != nil {
		return f
	}
	return func(dst, x, y unsafe.Pointer, n int) {
		*(*float32)(dst) = dotTree(view[float32](x, n), view[float32](y, n))
	}
}

// dotTree cuts as tree does.
func dotTree(x, y []float32) float32 {
	if len(x) > leafLen {
		h := half(len(x), leafLen)
		return dotTree(x[:h], y[:h]) + dotTree(x[h:], y[h:])
	}
	var a, b, c, d float32
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a, b, c, d = a+x[0]*y[0], b+x[1]*y[1], c+x[2]*y[2], d+x[3]*y[3]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return (a + b) + (c + d)
}
