package cpu

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// runFFT transforms the last axes. A real transform keeps the first n/2+1 values of
// the last axis; its inverse takes the others to be their conjugates.
func runFFT(c *call) error {
	if t := c.in[0].shape.DType; t == dtypes.Complex64 || t == dtypes.Float32 {
		runFourier[float32](c)
	} else {
		runFourier[float64](c)
	}
	return nil
}

func runFourier[F float32 | float64](c *call) {
	a, x, out := c.n.attr.(fftAttr), of[F](c.in[0]), of[F](c.out[0])
	dims := c.out[0].shape.Dimensions
	if len(out) == 0 {
		return
	}
	inverse := a.kind == compute.FFTInverse || a.kind == compute.FFTInverseReal
	rank, size := len(dims), int(unsafe.Sizeof(F(0)))
	if a.kind == compute.FFTInverseReal { // the last axis comes last
		dims = c.in[0].shape.Dimensions
		if len(a.lengths) > 1 {
			s := borrow(len(x) * size)
			defer s.free()
			y := unsafe.Slice((*F)(at(s.data, 0)), len(x))
			for axis := rank - len(a.lengths); axis < rank-1; axis++ {
				lines(c, dims, axis, dims[axis], x, y, inverse, complexLine, complexLine)
				x = y
			}
		}
		lines(c, dims, rank-1, a.lengths[len(a.lengths)-1], x, out, inverse, halfLine, realLine)
		return
	}
	first := complexLine
	if a.kind == compute.FFTForwardReal {
		first = realLine
	}
	for axis := rank - 1; axis >= rank-len(a.lengths); axis-- {
		n := dims[axis]
		if first == realLine {
			n = a.lengths[len(a.lengths)-1]
		}
		lines(c, dims, axis, n, x, out, inverse, first, complexLine)
		x, first = out, complexLine
	}
}

// lineForm says how a line lies in memory.
type lineForm int

const (
	complexLine lineForm = iota
	realLine             // n real numbers
	halfLine             // n/2+1 complex ones, the others being conjugates
)

// length is the number of elements of a line of n, and of reals in one.
func (l lineForm) length(n int) (elements, reals int) {
	switch l {
	case realLine:
		return n, 1
	case halfLine:
		return n/2 + 1, 2
	}
	return n, 2
}

// lines transforms all lines along an axis from x to y, which may be the same. dims
// are those of the complex array.
func lines[F float32 | float64](c *call, dims []int, axis, n int, x, y []F, inverse bool, from, to lineForm) {
	f, inner := kernel.NewFFT[F](n), product(dims[axis+1:])
	nx, wx := from.length(n)
	ny, wy := to.length(n)
	if to == complexLine {
		ny = dims[axis]
	}
	room, scale := f.Room(), F(1)
	if inverse {
		scale = 1 / F(n)
	}
	count := product(dims[:axis]) * inner
	ranges(c.do, count, perTask(16*n), func(lo, hi int) {
		s := borrow(2 * room * int(unsafe.Sizeof(F(0))))
		defer s.free()
		all := unsafe.Slice((*F)(at(s.data, 0)), 2*room)
		for i := lo; i < hi; i++ {
			a, b := all[:room], all[room:]
			row, col := i/inner, i%inner
			loadLine(a, x[(row*nx*inner+col)*wx:], nx, inner*wx, n, from)
			if inverse {
				kernel.SwapParts(a[:2*n])
			}
			a = f.Run(a, b)
			if inverse {
				kernel.SwapParts(a[:2*n])
			}
			storeLine(y[(row*ny*inner+col)*wy:], a, ny, inner*wy, scale, to)
		}
	})
}

// loadLine reads a line whose elements are step reals apart, and makes it complex.
func loadLine[F float32 | float64](a, x []F, elements, step, n int, form lineForm) {
	if form == realLine {
		for k := range n {
			a[2*k], a[2*k+1] = x[k*step], 0
		}
		return
	}
	for k := range elements {
		a[2*k], a[2*k+1] = x[k*step], x[k*step+1]
	}
	for k := elements; k < n; k++ {
		a[2*k], a[2*k+1] = a[2*(n-k)], -a[2*(n-k)+1]
	}
}

// storeLine writes the first elements of a line, scaled.
func storeLine[F float32 | float64](y, a []F, elements, step int, scale F, form lineForm) {
	for k := range elements {
		y[k*step] = a[2*k] * scale
		if form != realLine {
			y[k*step+1] = a[2*k+1] * scale
		}
	}
}
