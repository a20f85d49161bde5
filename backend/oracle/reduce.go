package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
)

type reduceMethod = func(compute.Function, compute.Value, ...int) (compute.Value, error)

// reduce records a reduction of the axes; of all of them if none is given.
func (f *Function) reduce(op compute.OpType, build reduceMethod, x compute.Value, axes []int) (compute.Value, error) {
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	axes = slices.Clone(axes)
	if len(axes) == 0 {
		for axis := range shape.Rank() {
			axes = append(axes, axis)
		}
	}
	out, err := shapeinference.Reduce(shape, axes)
	if err != nil {
		return nil, err
	}
	if !reduces(op, shape.DType) {
		return nil, fmt.Errorf("oracle: %s of %s: %w", op, shape.DType, compute.ErrNotImplemented)
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		run := []Scalar(nil)
		lines(in[0].dims(), axes, func(line int, at []int) {
			run = run[:0]
			for _, p := range at {
				run = append(run, in[0].Data[p])
			}
			out.Data[line] = r.fold(op, shape.DType, run)
		})
	}
	return f.single(simple(op, in, out, fmt.Sprintf("axes %v", axes), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) { return build(g, in[0], axes...) }), nil)
}

func reduces(op compute.OpType, d dtypes.DType) bool {
	switch op {
	case compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceLogicalOr, compute.OpTypeReduceLogicalXor:
		return d == dtypes.Bool
	case compute.OpTypeReduceBitwiseAnd, compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceBitwiseXor:
		return d.IsInt()
	case compute.OpTypeReduceSum:
		return d != dtypes.Bool
	}
	return d.IsFloat() || d.IsInt()
}

// pairwise is the operation that a reduction of integers repeats.
var pairwise = map[compute.OpType]compute.OpType{
	compute.OpTypeReduceSum:        compute.OpTypeAdd,
	compute.OpTypeReduceProduct:    compute.OpTypeMul,
	compute.OpTypeReduceMax:        compute.OpTypeMax,
	compute.OpTypeReduceMin:        compute.OpTypeMin,
	compute.OpTypeReduceBitwiseAnd: compute.OpTypeBitwiseAnd,
	compute.OpTypeReduceBitwiseOr:  compute.OpTypeBitwiseOr,
	compute.OpTypeReduceBitwiseXor: compute.OpTypeBitwiseXor,
	compute.OpTypeReduceLogicalAnd: compute.OpTypeLogicalAnd,
	compute.OpTypeReduceLogicalOr:  compute.OpTypeLogicalOr,
	compute.OpTypeReduceLogicalXor: compute.OpTypeLogicalXor,
}

// fold reduces a run of elements, maybe an empty one.
func (r *run) fold(op compute.OpType, d dtypes.DType, xs []Scalar) Scalar {
	switch {
	case d.IsComplex():
		var s csum
		for _, x := range xs {
			s.add(x)
		}
		return s.done(r.arith(d), 0)
	case d.IsFloat():
		return r.foldFloats(op, d, xs)
	}
	acc := Scalar{Int: identity(op, d)}
	for _, x := range xs {
		acc = intBinary(pairwise[op], d, acc, x)
	}
	return acc
}

// identity is the integer that an operation does nothing with.
func identity(op compute.OpType, d dtypes.DType) int64 {
	low, high := intRange(d)
	switch op {
	case compute.OpTypeReduceProduct, compute.OpTypeReduceLogicalAnd:
		return 1
	case compute.OpTypeReduceBitwiseAnd:
		return wrap(d, -1)
	case compute.OpTypeReduceMax:
		return low
	case compute.OpTypeReduceMin:
		return high
	}
	return 0
}

func (r *run) foldFloats(op compute.OpType, d dtypes.DType, xs []Scalar) Scalar {
	a := r.arith(d)
	wide := r.wide(d)
	switch op {
	case compute.OpTypeReduceSum:
		return a.store(wide.sum(xs))
	case compute.OpTypeReduceProduct:
		return a.prod(xs)
	}
	direction := 1
	if op == compute.OpTypeReduceMin {
		direction = -1
	}
	acc := a.value(math.Inf(-direction))
	for _, x := range xs {
		acc = a.extreme(acc, x, direction)
	}
	return acc
}

// ReduceSum implements compute.Function.
func (f *Function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceSum, compute.Function.ReduceSum, x, axes)
}

// ReduceProduct implements compute.Function.
func (f *Function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceProduct, compute.Function.ReduceProduct, x, axes)
}

// ReduceMax implements compute.Function.
func (f *Function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMax, compute.Function.ReduceMax, x, axes)
}

// ReduceMin implements compute.Function.
func (f *Function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMin, compute.Function.ReduceMin, x, axes)
}

// ReduceBitwiseAnd implements compute.Function.
func (f *Function) ReduceBitwiseAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseAnd, compute.Function.ReduceBitwiseAnd, x, axes)
}

// ReduceBitwiseOr implements compute.Function.
func (f *Function) ReduceBitwiseOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseOr, compute.Function.ReduceBitwiseOr, x, axes)
}

// ReduceBitwiseXor implements compute.Function.
func (f *Function) ReduceBitwiseXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseXor, compute.Function.ReduceBitwiseXor, x, axes)
}

// ReduceLogicalAnd implements compute.Function.
func (f *Function) ReduceLogicalAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalAnd, compute.Function.ReduceLogicalAnd, x, axes)
}

// ReduceLogicalOr implements compute.Function.
func (f *Function) ReduceLogicalOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalOr, compute.Function.ReduceLogicalOr, x, axes)
}

// ReduceLogicalXor implements compute.Function.
func (f *Function) ReduceLogicalXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalXor, compute.Function.ReduceLogicalXor, x, axes)
}

// ArgMinMax implements compute.Function: the first of equals, the first NaN.
func (f *Function) ArgMinMax(x compute.Value, axis int, output dtypes.DType, isMin bool) (compute.Value, error) {
	const op = compute.OpTypeArgMinMax
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ArgMinMax(in[0].Shape(), axis, output)
	if err != nil {
		return nil, err
	}
	d := in[0].Shape().DType
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		lines(in[0].dims(), []int{axis}, func(line int, at []int) {
			best := 0
			for i := range at {
				if better(d, in[0].Data[at[i]], in[0].Data[at[best]], isMin) {
					best = i
				}
			}
			known := true
			for _, p := range at {
				known = known && surely(d, in[0].Data[p], in[0].Data[at[best]])
			}
			out.Data[line] = Scalar{Int: wrap(output, int64(best)), Unsure: !known}
		})
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("axis %d, min %t", axis, isMin), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.ArgMinMax(in[0], axis, output, isMin)
		}), nil)
}

// better reports whether x is chosen before y, which came first.
func better(d dtypes.DType, x, y Scalar, isMin bool) bool {
	switch {
	case !d.IsFloat() && isMin:
		return less(d, x.Int, y.Int)
	case !d.IsFloat():
		return less(d, y.Int, x.Int)
	case math.IsNaN(x.Re) || math.IsNaN(y.Re):
		return math.IsNaN(x.Re) && !math.IsNaN(y.Re)
	case isMin:
		return x.Re < y.Re
	}
	return x.Re > y.Re
}

// surely reports whether no error changes the order of two elements.
func surely(d dtypes.DType, x, y Scalar) bool {
	if x.Unsure || y.Unsure {
		return false
	}
	if !d.IsFloat() || math.IsNaN(x.Re) || math.IsNaN(y.Re) {
		return true
	}
	_, known := order(x, y)
	return known
}
