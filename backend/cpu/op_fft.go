package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/internal/fourier"
)

// fourier transforms the last axes, one after the other. A real transform keeps the first
// n/2+1 values of the last axis; its inverse takes the others to be their conjugates.
func (f *function) fourier(x *node, kind compute.FFTType, lengths []int) *node {
	last := x.shape.Rank() - 1
	n, half := lengths[len(lengths)-1], lengths[len(lengths)-1]/2+1
	switch kind {
	case compute.FFTForwardReal:
		x = f.op2(compute.OpTypeComplex, x, f.scalar(x.shape.DType, 0))
		x = f.along(f.transform(x, false), last, 0, half)
	case compute.FFTForward:
		x = f.transform(x, false)
	}
	inverse := kind == compute.FFTInverse || kind == compute.FFTInverseReal
	for axis := last - 1; axis > last-len(lengths); axis-- {
		perm := make([]int, last+1)
		for i := range perm {
			perm[i] = i
		}
		perm[axis], perm[last] = last, axis
		x = f.transpose(f.transform(f.transpose(x, perm...), inverse), perm...)
	}
	switch kind {
	case compute.FFTInverse:
		x = f.transform(x, true)
	case compute.FFTInverseReal:
		if rest := f.along(x, last, 1, n-half+1); n > half {
			rest = f.op1(compute.OpTypeConj, f.add(compute.OpTypeReverse, rest.shape, reverseAttr{[]int{last}}, rest))
			shape := x.shape.Clone()
			shape.Dimensions[last] = n
			x = f.add(compute.OpTypeConcatenate, shape, axisAttr{last}, x, rest)
		}
		x = f.op1(compute.OpTypeReal, f.transform(x, true))
	}
	return x
}

// along is elements from..to of an axis.
func (f *function) along(x *node, axis, from, to int) *node {
	starts, limits := make([]int, x.shape.Rank()), slices.Clone(x.shape.Dimensions)
	starts[axis], limits[axis] = from, to
	return f.slice(x, starts, limits, slices.Repeat([]int{1}, len(starts)))
}

// transform is the complex transform of the last axis.
func (f *function) transform(x *node, inverse bool) *node {
	return f.add(compute.OpTypeFFT, x.shape, fftAttr{inverse}, x)
}

// runFFT transforms lines of complex numbers.
func runFFT(c *call) error {
	if c.in[0].shape.DType == dtypes.Complex64 {
		runFourier[float32](c)
	} else {
		runFourier[float64](c)
	}
	return nil
}

func runFourier[F float32 | float64](c *call) {
	x, y, n := of[F](c.in[0]), of[F](c.out[0]), c.out[0].shape.Dim(-1)
	if len(y) == 0 {
		return
	}
	f, scale := fourier.New[F](n), F(1)
	inverse := c.n.attr.(fftAttr).inverse
	if inverse {
		scale = 1 / F(n)
	}
	ranges(c.do, len(y)/2/n, perTask(16*n), func(lo, hi int) {
		s := borrow(2 * f.Room() * int(unsafe.Sizeof(F(0))))
		defer s.free()
		all := unsafe.Slice((*F)(at(s.data, 0)), 2*f.Room())
		for i := 2 * n * lo; i < 2*n*hi; i += 2 * n {
			line := all[:f.Room()]
			copy(line, x[i:i+2*n])
			if inverse {
				fourier.SwapParts(line[:2*n])
			}
			line = f.Run(line, all[f.Room():])[:2*n]
			if inverse {
				fourier.SwapParts(line)
			}
			for k, v := range line {
				y[i+k] = v * scale
			}
		}
	})
}
