package oracle

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// FFT implements compute.Function by the sums that define it, axis after axis. The
// lengths are those of the last axes in the time domain.
func (f *Function) FFT(x compute.Value, kind compute.FFTType, lengths []int) (compute.Value, error) {
	const op = compute.OpTypeFFT
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := fftShape(in[0].Shape(), kind, lengths)
	if err != nil {
		return nil, err
	}
	lengths = slices.Clone(lengths)
	eval := func(r *run, out *Tensor, in []*Tensor) {
		t := transform{r.arith(shape.DType), slices.Clone(in[0].dims()), slices.Clone(in[0].Data)}
		last := shape.Rank() - 1
		for axis := shape.Rank() - len(lengths); axis <= last; axis++ {
			if axis < last || kind == compute.FFTForward || kind == compute.FFTInverse {
				t.along(axis, kind == compute.FFTInverse || kind == compute.FFTInverseReal)
			}
		}
		n := lengths[len(lengths)-1]
		switch kind {
		case compute.FFTForwardReal: // the real axis first or last: the sums commute
			t.along(last, false)
			t.cut(last, n/2+1)
		case compute.FFTInverseReal:
			t.mirror(last, n)
			t.along(last, true)
			for i := range t.data {
				t.data[i] = t.a.part(t.data[i], t.data[i].Re)
			}
		}
		copy(out.Data, t.data)
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("%s %v", kind, lengths), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.FFT(in[0], kind, lengths)
		}), nil)
}

func fftShape(x shapes.Shape, kind compute.FFTType, lengths []int) (shapes.Shape, error) {
	wrong := func() (shapes.Shape, error) {
		return x, fmt.Errorf("oracle: FFT %s of %s with lengths %v: dtype or lengths do not match", kind, x, lengths)
	}
	first := x.Rank() - len(lengths)
	if len(lengths) == 0 || first < 0 {
		return wrong()
	}
	shape := x.Clone()
	last := len(lengths) - 1
	for i, n := range lengths {
		have := n
		if i == last && kind == compute.FFTInverseReal {
			have = n/2 + 1
		}
		if n < 1 || x.Dimensions[first+i] != have {
			return wrong()
		}
	}
	switch kind {
	case compute.FFTForward, compute.FFTInverse:
		if !x.DType.IsComplex() {
			return wrong()
		}
	case compute.FFTForwardReal:
		if x.DType != dtypes.Float32 && x.DType != dtypes.Float64 {
			return wrong()
		}
		shape.DType = dtypes.Complex64
		if x.DType == dtypes.Float64 {
			shape.DType = dtypes.Complex128
		}
		shape.Dimensions[first+last] = lengths[last]/2 + 1
	default:
		if !x.DType.IsComplex() {
			return wrong()
		}
		shape.DType = x.DType.RealDType()
		shape.Dimensions[first+last] = lengths[last]
	}
	return shape, nil
}

type transform struct {
	a    *arith
	dims []int
	data []Scalar
}

// along transforms every line of an axis.
func (t *transform) along(axis int, inverse bool) {
	n := t.dims[axis]
	turn := make([]complex128, n)
	for k := range turn {
		angle := -2 * math.Pi * float64(k) / float64(n)
		if inverse {
			angle = -angle
		}
		turn[k] = cmplx.Rect(1, angle)
	}
	lines(t.dims, []int{axis}, func(_ int, at []int) {
		x := pick(t.data, at)
		for k, p := range at {
			var s csum
			for j, v := range x {
				y := v.complex() * turn[j*k%n]
				s.add(Scalar{Re: real(y), Im: imag(y), Err: v.Err, Unsure: v.Unsure || math.IsNaN(v.Re) || math.IsInf(v.Re, 0)})
			}
			t.data[p] = s.done(t.a, 16) // twiddle factors err, too
			if inverse && !t.data[p].Unsure {
				z := t.data[p].complex() / complex(float64(n), 0)
				t.data[p] = t.a.cdone(z, t.data[p].Err/float64(n), 2)
			}
		}
	})
}

// cut keeps the first n of an axis.
func (t *transform) cut(axis, n int) {
	t.remap(axis, n, func(i int) (int, bool) { return i, false })
}

// mirror completes a half spectrum: X[n-k] is the conjugate of X[k]. The other axes are
// in the time domain already, where the same holds for each of their lines.
func (t *transform) mirror(axis, n int) {
	t.remap(axis, n, func(i int) (int, bool) {
		if i > n/2 {
			return n - i, true
		}
		return i, false
	})
	// Engines take the first element and the middle one as real.
	lines(t.dims, []int{axis}, func(_ int, at []int) {
		t.data[at[0]].Im = 0
		if n%2 == 0 {
			t.data[at[n/2]].Im = 0
		}
	})
}

func (t *transform) remap(axis, n int, from func(i int) (source int, conjugate bool)) {
	dims := slices.Clone(t.dims)
	dims[axis] = n
	out := newTensor(shapes.Make(dtypes.Complex128, dims...))
	index := make([]int, len(dims))
	each(dims, func(at int, o []int) {
		copy(index, o)
		source, conjugate := from(o[axis])
		index[axis] = source
		p, _ := position(t.dims, index)
		out.Data[at] = t.data[p]
		if conjugate {
			out.Data[at].Im = -out.Data[at].Im
		}
	})
	t.dims, t.data = dims, out.Data
}
