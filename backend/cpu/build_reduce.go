package cpu

import (
	"cmp"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"

	"github.com/comlam/comlam/backend/kernel"
)

// reduceKeep is reduce that leaves axes of size 1.
func (f *function) reduceKeep(op compute.OpType, x *node, axes ...int) *node {
	dims := slices.Clone(x.shape.Dimensions)
	for _, a := range axes {
		dims[a] = 1
	}
	return f.reshape(f.reduce(op, x, axes...), dims...)
}

func (f *function) reduction(op compute.OpType, x val, axes []int) (_ val, err error) {
	defer caught(&err)
	n := f.one(op, x)
	if len(axes) == 0 {
		for i := range n.shape.Rank() {
			axes = append(axes, i)
		}
	}
	axes = normalAxes(op, n.shape, axes...)
	if n.shape.DType == dtypes.Bool {
		op = cmp.Or(ofBools[op], op)
	}
	defined(kernel.Reduce(op, n.shape.DType) != nil, op, n)
	return f.reduce(op, n, axes...), nil
}

// The reductions, over all axes where none are given. Max and Min are NaN if an
// element is.

func (f *function) ReduceBitwiseAnd(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceBitwiseAnd, x, axes)
}
func (f *function) ReduceBitwiseOr(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceBitwiseOr, x, axes)
}
func (f *function) ReduceBitwiseXor(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceBitwiseXor, x, axes)
}
func (f *function) ReduceLogicalAnd(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceLogicalAnd, x, axes)
}
func (f *function) ReduceLogicalOr(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceLogicalOr, x, axes)
}
func (f *function) ReduceLogicalXor(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceLogicalXor, x, axes)
}
func (f *function) ReduceMax(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceMax, x, axes)
}
func (f *function) ReduceMin(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceMin, x, axes)
}
func (f *function) ReduceProduct(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceProduct, x, axes)
}
func (f *function) ReduceSum(x val, axes ...int) (val, error) {
	return f.reduction(compute.OpTypeReduceSum, x, axes)
}

// ArgMinMax is the place of the smallest or largest element along an axis, the first
// of several; a NaN counts as that.
func (f *function) ArgMinMax(x val, axis int, t dtypes.DType, isMin bool) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeArgMinMax, x)
	out := need(shapeinference.ArgMinMax(n.shape, axis, t))
	refuseIf(n.shape.Dimensions[axis] == 0 || !numeric(t),
		"ArgMinMax of %s along axis %d as %s: the axis is empty or the type is packed", n.shape, axis, t)
	return f.add(compute.OpTypeArgMinMax, unnamed(out), argAttr{axis, isMin}, n), nil
}

// ReduceWindow folds windows that move over an array.
func (f *function) ReduceWindow(x val, reduce compute.ReduceOpType, dims, strides, inputDilations, windowDilations []int,
	paddings [][2]int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeReduceWindow, x)
	t := n.shape.DType
	if t == dtypes.Bool && (reduce == compute.ReduceOpMax || reduce == compute.ReduceOpMin) {
		n = f.convert(n, dtypes.Uint8)
	}
	a, _ := window(n, compute.OpTypeReduceWindow, windowAttr{reduce, dims, strides, inputDilations, windowDilations, paddings})
	return f.convert(f.windows(f.inFloat(n), a), t), nil
}

// SelectAndScatterMax adds each element of source to the place of the largest element
// of its window.
func (f *function) SelectAndScatterMax(x, source val, dims, strides []int, paddings [][2]int) (val, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMax, x, source, windowAttr{compute.ReduceOpMax, dims, strides, nil, nil, paddings})
}

// SelectAndScatterMin adds each element of source to the place of the smallest element
// of its window.
func (f *function) SelectAndScatterMin(x, source val, dims, strides []int, paddings [][2]int) (val, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMin, x, source, windowAttr{compute.ReduceOpMin, dims, strides, nil, nil, paddings})
}

func (f *function) selectAndScatter(op compute.OpType, x, source val, a windowAttr) (_ val, err error) {
	defer caught(&err)
	in := f.use(op, x, source)
	a, windows := window(in[0], op, a)
	refuseIf(!windows.Equal(in[1].shape), "%s: source is %s, the windows of %s are %s", op, in[1].shape, in[0].shape, windows)
	return f.rounded(op, in[0].shape, a, in...), nil
}

// window fills in what is not given and finds the shape of the windows.
func window(n *node, op compute.OpType, a windowAttr) (windowAttr, shapes.Shape) {
	rank := n.shape.Rank()
	fold, ok := windowOps[a.reduce]
	defined(ok && kernel.Reduce(fold, n.shape.DType) != nil, op, n)
	out := need(shapeinference.ReduceWindow(n.shape, a.dims, a.strides, a.inputDilations, a.windowDilations, a.paddings))
	a.dims = orElse(slices.Clone(a.dims), rank, 1)
	if len(a.strides) == 0 { // one window after the other
		a.strides = a.dims
	}
	a.strides = slices.Clone(a.strides)
	a.inputDilations = orElse(slices.Clone(a.inputDilations), rank, 1)
	a.windowDilations = orElse(slices.Clone(a.windowDilations), rank, 1)
	a.paddings = orElse(slices.Clone(a.paddings), rank, [2]int{})
	return a, unnamed(out)
}
