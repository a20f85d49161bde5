package oracle

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// Where implements compute.Function.
func (f *Function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	const op = compute.OpTypeWhere
	in, err := f.values(op, condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Where(in[0].Shape(), in[1].Shape(), in[2].Shape())
	if err != nil {
		return nil, err
	}
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		c, x, y := spread(in[0], shape.Dimensions), spread(in[1], shape.Dimensions), spread(in[2], shape.Dimensions)
		for i := range out.Data {
			switch {
			case c[i].Unsure:
				out.Data[i] = unsure
			case c[i].Int != 0:
				out.Data[i] = x[i]
			default:
				out.Data[i] = y[i]
			}
		}
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Where(in[0], in[1], in[2])
	}), nil)
}

// Clamp implements compute.Function: the upper limit wins over the lower one.
func (f *Function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	const op = compute.OpTypeClamp
	in, err := f.values(op, low, x, high)
	if err != nil {
		return nil, err
	}
	shape := in[1].Shape()
	for _, limit := range []shapes.Shape{in[0].Shape(), in[2].Shape()} {
		if limit.DType != shape.DType || !limit.IsScalar() && !limit.EqualDimensions(shape) {
			return nil, fmt.Errorf("oracle: %s of %s: a limit is %s, want a scalar or the same shape", op, shape, limit)
		}
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		upper := binaryOf(r, compute.OpTypeMax, shape.DType)
		lower := binaryOf(r, compute.OpTypeMin, shape.DType)
		l, h := spread(in[0], shape.Dimensions), spread(in[2], shape.Dimensions)
		for i, x := range in[1].Data {
			out.Data[i] = lower(upper(x, l[i]), h[i])
		}
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Clamp(in[0], in[1], in[2])
	}), nil)
}

// Iota implements compute.Function.
func (f *Function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	const op = compute.OpTypeIota
	if _, err := f.values(op); err != nil {
		return nil, err
	}
	d := shape.DType
	if axis < 0 || axis >= shape.Rank() || !d.IsFloat() && !d.IsInt() && !d.IsComplex() {
		return nil, fmt.Errorf("oracle: %s of %s along axis %d: want numbers and an axis of the shape", op, shape, axis)
	}
	eval := func(r *run, out *Tensor, _ []*Tensor) {
		each(shape.Dimensions, func(at int, index []int) {
			n := index[axis]
			out.Data[at] = Scalar{Int: wrap(d, int64(n))}
			if !d.IsInt() {
				out.Data[at] = Scalar{Re: formatOf(d).round(float64(n))}
			}
		})
	}
	return f.single(simple(op, nil, shape, fmt.Sprintf("axis %d", axis), eval,
		func(g compute.Function, _ []compute.Value) (compute.Value, error) { return g.Iota(shape, axis) }), nil)
}

// ConvertDType implements compute.Function.
func (f *Function) ConvertDType(x compute.Value, to dtypes.DType) (compute.Value, error) {
	const op = compute.OpTypeConvertDType
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape().Clone()
	from := shape.DType
	shape.DType = to
	eval := func(r *run, out *Tensor, in []*Tensor) {
		a := r.arith(to)
		for i, x := range in[0].Data {
			out.Data[i] = convert(a, from, to, x)
		}
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ConvertDType(in[0], to)
	}), nil)
}

func convert(a *arith, from, to dtypes.DType, x Scalar) Scalar {
	switch {
	case x.Unsure:
		return unsure
	case from == to:
		return x
	case !from.IsFloat() && !from.IsComplex():
		return fromInteger(a, from, to, x.Int)
	case to.IsComplex() && from.IsComplex():
		return a.cdone(x.complex(), x.Err, 1)
	case to.IsComplex():
		if !x.finite() {
			return unsure
		}
		s := roundTo(a, x)
		s.Im = 0
		return s
	case to.IsFloat():
		return roundTo(a, Scalar{Re: x.Re, Err: x.Err, anyZero: x.anyZero, tag: x.tag})
	case to == dtypes.Bool:
		if x.mayVanish() {
			return unsure
		}
		return boolean(x.Re != 0)
	}
	return toInteger(to, x)
}

// roundTo rounds an exact number to another format, and allows for the rounding of
// one that is not. A copy in a format that is not narrower stays a copy.
func roundTo(a *arith, x Scalar) Scalar {
	switch {
	case !x.finite():
		return a.value(x.Re)
	case x.Err == 0:
		s := a.value(a.round(x.Re))
		if s.anyZero = x.anyZero; s.Re == x.Re {
			s.tag = x.tag
		}
		return s
	}
	return a.sharp(x.Re, x.Err, 1)
}

func fromInteger(a *arith, from, to dtypes.DType, n int64) Scalar {
	if !to.IsFloat() && !to.IsComplex() {
		if to == dtypes.Bool {
			return boolean(n != 0)
		}
		return Scalar{Int: wrap(to, n)}
	}
	y := float64(n)
	if isUnsigned(from) {
		y = float64(uint64(n))
	}
	if math.Abs(y) >= 1<<53 { // float64 may have rounded, and rounding twice is not rounding once
		return a.sharp(y, 0, 1+0x1p-20)
	}
	return roundTo(a, a.value(y))
}

// toInteger truncates. What is out of range or NaN is nobody's promise.
func toInteger(to dtypes.DType, x Scalar) Scalar {
	if !x.finite() {
		return unsure
	}
	y := math.Trunc(x.Re)
	if x.Err > 0 && math.Trunc(x.Re-x.Err) != math.Trunc(x.Re+x.Err) {
		return unsure
	}
	low, high := -math.Ldexp(1, to.Bits()-1), math.Ldexp(1, to.Bits()-1)
	if isUnsigned(to) {
		low, high = 0, 2*high
	}
	switch {
	case y < low || y >= high:
		return unsure
	case y >= 1<<63:
		return Scalar{Int: int64(uint64(y))}
	}
	return Scalar{Int: int64(y)}
}

// Bitcast implements compute.Function. Bits of what is not exact are unsure.
func (f *Function) Bitcast(x compute.Value, to dtypes.DType) (compute.Value, error) {
	const op = compute.OpTypeBitcast
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	from := in[0].Shape().DType
	if to.Bits() > from.Bits() && in[0].Shape().Rank() == 0 {
		return nil, fmt.Errorf("oracle: %s of %s to %s: there is no axis to join", op, in[0].Shape(), to)
	}
	shape, err := shapeinference.Bitcast(in[0].Shape(), to)
	if err != nil {
		return nil, err
	}
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		raw := make([]byte, from.SizeForDimensions(len(in[0].Data)))
		for i, x := range in[0].Data {
			putBits(raw, from.Bits(), i, encode(from, x))
		}
		for i := range out.Data {
			out.Data[i] = decode(to, takeBits(raw, to.Bits(), i))
			for first, k := i*to.Bits()/from.Bits(), 0; k == 0 || k*from.Bits() < to.Bits(); k++ {
				if !sureBits(from, in[0].Data[first+k]) {
					out.Data[i] = unsure
				}
			}
		}
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Bitcast(in[0], to)
	}), nil)
}

func sureBits(d dtypes.DType, x Scalar) bool {
	switch {
	case x.Unsure || x.Err > 0 || x.anyZero && x.Re == 0 || math.IsNaN(x.Re):
		return false
	case d.IsFloat() || d.IsComplex():
		return formatOf(d).round(x.Re) == x.Re && formatOf(d).round(x.Im) == x.Im
	}
	return true
}

// OptimizationBarrier implements compute.Function.
func (f *Function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeOptimizationBarrier
	in, err := f.values(op, operands...)
	if err != nil {
		return nil, err
	}
	n := &Node{
		Op: op, Inputs: in,
		eval: func(_ *run, in []*Tensor) ([]*Tensor, error) { return in, nil },
		build: func(_ *writer, g compute.Function, in []compute.Value) ([]compute.Value, error) {
			return g.OptimizationBarrier(in...)
		},
	}
	for _, v := range in {
		n.Shapes = append(n.Shapes, v.Shape())
	}
	return f.add(n), nil
}

// SchedulingBarrier implements compute.Function.
func (f *Function) SchedulingBarrier(x compute.Value, after ...compute.Value) (compute.Value, error) {
	const op = compute.OpTypeSchedulingBarrier
	in, err := f.values(op, append([]compute.Value{x}, after...)...)
	if err != nil {
		return nil, err
	}
	return f.single(simple(op, in, in[0].Shape(), "",
		func(_ *run, out *Tensor, in []*Tensor) { copy(out.Data, in[0].Data) },
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.SchedulingBarrier(in[0], in[1:]...)
		}), nil)
}
