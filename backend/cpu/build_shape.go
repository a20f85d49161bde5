package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Operations that move elements. Those that move nothing give their operand.

// reshape is the value with other dimensions of the same size.
func (f *function) reshape(x *node, dims ...int) *node {
	for x.op == compute.OpTypeReshape {
		x = x.in[0]
	}
	if slices.Equal(x.shape.Dimensions, dims) {
		return x
	}
	return f.add(compute.OpTypeReshape, shapes.Make(x.shape.DType, dims...), nil, x)
}

// broadcast is the value with the given dimensions, of the same rank unless it is a
// scalar.
func (f *function) broadcast(x *node, dims []int) *node {
	axes := make([]int, x.shape.Rank())
	for i := range axes {
		axes[i] = i
	}
	return f.broadcastInDim(x, dims, axes)
}

// broadcastInDim puts axis i of the value to axis axes[i] of the given dimensions.
func (f *function) broadcastInDim(x *node, dims, axes []int) *node {
	if slices.Equal(x.shape.Dimensions, dims) {
		return x
	}
	return f.add(compute.OpTypeBroadcastInDim, shapes.Make(x.shape.DType, dims...), broadcastAttr{axes}, x)
}

// transpose makes axis perm[i] of the value axis i.
func (f *function) transpose(x *node, perm ...int) *node {
	if slices.IsSorted(perm) {
		return x
	}
	return f.add(compute.OpTypeTranspose, shapes.Make(x.shape.DType, pick(x.shape.Dimensions, perm)...), transposeAttr{perm}, x)
}

// slice is the part of the value from starts to limits, with strides.
func (f *function) slice(x *node, starts, limits, strides []int) *node {
	dims := make([]int, len(starts))
	for i := range dims {
		dims[i] = (limits[i] - starts[i] + strides[i] - 1) / strides[i]
	}
	if slices.Equal(dims, x.shape.Dimensions) { // then strides of axes of 1 do not matter
		return x
	}
	return f.add(compute.OpTypeSlice, shapes.Make(x.shape.DType, dims...), sliceAttr{starts, limits, strides}, x)
}

// iota counts along an axis: one line that all others repeat.
func (f *function) iota(t dtypes.DType, axis int, dims ...int) *node {
	line := f.add(compute.OpTypeIota, shapes.Make(t, dims[axis]), nil)
	return f.broadcastInDim(line, dims, []int{axis})
}

// normalAxes sorts axes of a shape and finds those that are none.
func normalAxes(op compute.OpType, s shapes.Shape, axes ...int) []int {
	out := slices.Clone(axes)
	slices.Sort(out)
	for i, a := range out {
		refuseIf(a < 0 || a >= s.Rank() || i > 0 && a == out[i-1],
			"%s of %s: axes %v have to be different ones from 0 to %d", op, s, axes, s.Rank()-1)
	}
	return out
}

// without is a list less what is at the given places.
func without(list, places []int) (rest []int) {
	for i, v := range list {
		if !slices.Contains(places, i) {
			rest = append(rest, v)
		}
	}
	return rest
}

// one checks the operand of an operation.
func (f *function) one(op compute.OpType, x val) *node { return f.use(op, x)[0] }

// Reshape gives an array other dimensions of the same size.
func (f *function) Reshape(x val, dims ...int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeReshape, x)
	refuseIf(product(dims) != n.size() || slices.ContainsFunc(dims, func(d int) bool { return d < 0 }),
		"Reshape of %s to %v: the sizes differ", n.shape, dims)
	return f.reshape(n, dims...), nil
}

// DynamicReshape is Reshape to dimensions of which one may be left to find; all have
// to be known when the graph is built.
func (f *function) DynamicReshape(x val, specs ...compute.DynamicDimensionSpec) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeDynamicReshape, x)
	for i, s := range specs {
		if s.Value == nil {
			continue
		}
		// A dimension that is computed: known if it was made by DynamicDimensionSize.
		size, ok := constantInt(f.one(compute.OpTypeDynamicReshape, s.Value))
		lackIf(!ok, "DynamicReshape of %s: dimension %d is known at run time only; engine %q", n.shape, i, Name)
		specs = slices.Clone(specs)
		specs[i] = compute.DynamicDimensionSpec{Static: size}
	}
	out := need(shapeinference.DynamicReshape(n.shape, specs))
	return f.reshape(n, out.Dimensions...), nil
}

// constantInt is the value of a constant scalar integer.
func constantInt(n *node) (v int, ok bool) {
	if n.op != compute.OpTypeConstant || n.shape.Rank() != 0 || !n.shape.DType.IsInt() {
		return 0, false
	}
	return ints(value{n.shape, n.attr.([]byte)})[0], true
}

// DynamicShape is the dimensions as a constant of type Int32.
func (f *function) DynamicShape(x val) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeDynamicShape, x)
	dims := make([]int32, n.shape.Rank())
	for i, d := range n.shape.Dimensions {
		dims[i] = int32(d)
	}
	return f.Constant(dims, len(dims))
}

// DynamicDimensionSize is one dimension as a constant of type Int32.
func (f *function) DynamicDimensionSize(x val, axis int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeDynamicDimensionSize, x)
	normalAxes(compute.OpTypeDynamicDimensionSize, n.shape, axis)
	return f.Constant([]int32{int32(n.shape.Dimensions[axis])})
}

// BroadcastInDim puts axis i of an array to axis axes[i] of a shape and repeats it
// along the others.
func (f *function) BroadcastInDim(x val, shape shapes.Shape, axes []int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeBroadcastInDim, x)
	_, err = byteSize(shape)
	raise(errors.WithMessage(err, "BroadcastInDim"))
	err = shapeinference.BroadcastInDim(n.shape, shape, axes, nil)
	raise(errors.WithMessage(err, "BroadcastInDim"))
	refuseIf(shape.DType != n.shape.DType || !slices.IsSorted(axes),
		"BroadcastInDim of %s to %s, axes %v: types have to be equal and axes in order", n.shape, shape, axes)
	return f.broadcastInDim(n, shape.Dimensions, slices.Clone(axes)), nil
}

// Transpose makes axis perm[i] axis i.
func (f *function) Transpose(x val, perm ...int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeTranspose, x)
	need(shapeinference.Transpose(n.shape, perm))
	return f.transpose(n, slices.Clone(perm)...), nil
}

// Slice is the part from starts to limits, with strides (nil: 1).
func (f *function) Slice(x val, starts, limits, strides []int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeSlice, x)
	strides = orElse(slices.Clone(strides), n.shape.Rank(), 1)
	need(shapeinference.Slice(n.shape, starts, limits, strides))
	return f.slice(n, slices.Clone(starts), slices.Clone(limits), strides), nil
}

// Reverse turns axes round.
func (f *function) Reverse(x val, axes ...int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeReverse, x)
	sorted := normalAxes(compute.OpTypeReverse, n.shape, axes...)
	sorted = slices.DeleteFunc(sorted, func(a int) bool { return n.shape.Dimensions[a] <= 1 })
	if len(sorted) == 0 {
		return n, nil
	}
	return f.add(compute.OpTypeReverse, n.shape, reverseAttr{sorted}, n), nil
}

// Pad puts a value before, behind and between the elements of each axis. What is
// negative is cut off.
func (f *function) Pad(x, fill val, axes ...compute.PadAxis) (_ val, err error) {
	defer caught(&err)
	in := f.use(compute.OpTypePad, x, fill)
	s := in[0].shape
	refuseIf(in[1].shape.Rank() != 0 || in[1].shape.DType != s.DType,
		"Pad of %s with %s: the fill has to be a scalar of the same type", s, in[1].shape)
	need(shapeinference.Pad(s, axes...))
	return f.pad(in[0], in[1], axes), nil
}

func (f *function) pad(x, fill *node, axes []compute.PadAxis) *node {
	s, rank := x.shape, x.shape.Rank()
	grow := make([]compute.PadAxis, rank) // what is added; starts and limits cut off
	copy(grow, axes)
	dims, starts, limits := slices.Clone(s.Dimensions), make([]int, rank), make([]int, rank)
	for i, a := range grow {
		grow[i].Start, grow[i].End = max(a.Start, 0), max(a.End, 0)
		dims[i] += grow[i].Start + grow[i].End + max(dims[i]-1, 0)*a.Interior
		starts[i], limits[i] = max(-a.Start, 0), dims[i]-max(-a.End, 0)
	}
	if !slices.Equal(dims, s.Dimensions) {
		x = f.add(compute.OpTypePad, shapes.Make(x.shape.DType, dims...), padAttr{grow}, x, fill)
	}
	return f.slice(x, starts, limits, slices.Repeat([]int{1}, rank))
}

// Iota counts from 0 along an axis.
func (f *function) Iota(shape shapes.Shape, axis int) (_ val, err error) {
	defer caught(&err)
	raise(f.open())
	_, err = byteSize(shape)
	raise(errors.WithMessage(err, "Iota"))
	normalAxes(compute.OpTypeIota, shape, axis)
	refuseIf(shape.DType == dtypes.Bool || shape.DType.IsPacked(), "Iota of %s: it counts in numbers of at least 8 bits", shape)
	return f.iota(shape.DType, axis, shape.Dimensions...), nil
}

// Concatenate joins arrays along an axis.
func (f *function) Concatenate(axis int, xs ...val) (_ val, err error) {
	defer caught(&err)
	in := f.use(compute.OpTypeConcatenate, xs...)
	all := shapesOf(in)
	out, err := shapeinference.Concatenate(all, axis)
	raise(errors.WithMessagef(err, "Concatenate of %s along axis %d", all, axis))
	if len(in) == 1 {
		return in[0], nil
	}
	return f.add(compute.OpTypeConcatenate, unnamed(out), axisAttr{axis}, in...), nil
}

// vectors gives indices whose vectors have no axis of their own one of size 1.
func (f *function) vectors(indices *node, axis int) *node {
	if axis == indices.shape.Rank() {
		return f.reshape(indices, append(slices.Clone(indices.shape.Dimensions), 1)...)
	}
	return indices
}

// Gather collects slices of an array from where indices say. Indices out of range
// are moved to the nearest place where the slice fits.
func (f *function) Gather(x, indices val, vector int, offset, collapsed, starts, sizes []int, _ bool) (_ val, err error) {
	defer caught(&err)
	in := f.use(compute.OpTypeGather, x, indices)
	refuseIf(!in[1].shape.DType.IsInt(), "Gather of %s: indices have to be integers, they are %s", in[0].shape, in[1].shape)
	in[1] = f.vectors(in[1], vector)
	out, err := shapeinference.Gather(in[0].shape, in[1].shape, vector, offset, collapsed, starts, sizes, false)
	raise(errors.WithMessage(err, "Gather"))
	return f.add(compute.OpTypeGather, unnamed(out), lookupAttr{vector,
		slices.Sorted(slices.Values(offset)), slices.Sorted(slices.Values(collapsed)), slices.Clone(starts)}, in...), nil
}

// ScatterSum adds slices to an array where indices say.
func (f *function) ScatterSum(x, indices, updates val, vector int, window, inserted, axes []int, _, _ bool) (val, error) {
	return f.scatter(compute.OpTypeScatterSum, x, indices, updates, lookupAttr{vector, window, inserted, axes})
}

// ScatterMax keeps the larger of an array's elements and those of slices put where
// indices say.
func (f *function) ScatterMax(x, indices, updates val, vector int, window, inserted, axes []int, _, _ bool) (val, error) {
	return f.scatter(compute.OpTypeScatterMax, x, indices, updates, lookupAttr{vector, window, inserted, axes})
}

// ScatterMin keeps the smaller of an array's elements and those of slices put where
// indices say.
func (f *function) ScatterMin(x, indices, updates val, vector int, window, inserted, axes []int, _, _ bool) (val, error) {
	return f.scatter(compute.OpTypeScatterMin, x, indices, updates, lookupAttr{vector, window, inserted, axes})
}

func (f *function) scatter(op compute.OpType, x, indices, updates val, a lookupAttr) (_ val, err error) {
	defer caught(&err)
	in := f.use(op, x, indices, updates)
	t := in[0].shape.DType
	defined(numeric(t) && (!t.IsComplex() || op == compute.OpTypeScatterSum), op, in...)
	a.window, a.indexed = slices.Clone(a.window), slices.Clone(a.indexed)
	in[1] = f.vectors(in[1], a.vector)
	out, err := shapeinference.Scatter(in[0].shape, in[1].shape, in[2].shape, a.vector, a.window, a.dropped, a.indexed)
	raise(errors.WithMessage(err, op.String()))
	a.dropped = normalAxes(op, in[0].shape, a.dropped...)
	// The other axes of the updates are those of the indices, in order.
	batch := without(in[2].shape.Dimensions, a.window)
	refuseIf(!slices.Equal(batch, without(in[1].shape.Dimensions, []int{a.vector})),
		"%s: updates %s do not match indices %s", op, in[2].shape, in[1].shape)
	return f.rounded(op, unnamed(out), a, in...), nil
}

// numeric says whether a type holds numbers that operations can work on.
func numeric(t dtypes.DType) bool {
	return capabilities.DTypes[t] && t != dtypes.Bool && !t.IsPacked()
}

// DynamicSlice is the part of the given sizes that begins at computed indices, moved
// to the nearest place where it fits.
func (f *function) DynamicSlice(x val, starts []val, sizes []int) (_ val, err error) {
	defer caught(&err)
	in := f.indexed(compute.OpTypeDynamicSlice, []val{x}, starts)
	out, err := shapeinference.DynamicSlice(in[0].shape, sizes)
	raise(errors.WithMessage(err, "DynamicSlice"))
	if slices.Equal(sizes, in[0].shape.Dimensions) {
		return in[0], nil
	}
	return f.add(compute.OpTypeDynamicSlice, unnamed(out), dynamicSliceAttr{slices.Clone(sizes)}, in...), nil
}

// DynamicUpdateSlice is an array with a part replaced, which begins at computed
// indices, moved to the nearest place where it fits.
func (f *function) DynamicUpdateSlice(x, update val, starts []val) (_ val, err error) {
	defer caught(&err)
	in := f.indexed(compute.OpTypeDynamicUpdateSlice, []val{x, update}, starts)
	a, b := in[0].shape, in[1].shape
	need(shapeinference.DynamicUpdateSlice(a, b))
	for i, d := range b.Dimensions {
		refuseIf(d > a.Dimensions[i], "DynamicUpdateSlice: the update %s is larger than %s", b, a)
	}
	if slices.Equal(a.Dimensions, b.Dimensions) {
		return in[1], nil
	}
	return f.add(compute.OpTypeDynamicUpdateSlice, a, nil, in...), nil
}

// indexed checks operands followed by a scalar index for each axis of the first, or by
// one array of all indices.
func (f *function) indexed(op compute.OpType, xs, starts []val) []*node {
	in := f.use(op, slices.Concat(xs, starts)...)
	rank := in[0].shape.Rank()
	if last := in[len(in)-1]; len(starts) == 1 && last.shape.Rank() == 1 && last.shape.Dimensions[0] == rank {
		in = in[:len(xs)]
		for i := range rank {
			in = append(in, f.reshape(f.slice(last, []int{i}, []int{i + 1}, []int{1})))
		}
	}
	refuseIf(len(in) != len(xs)+rank, "%s of %s: %d start indices are given, one an axis is needed", op, in[0].shape, len(starts))
	for i, n := range in[len(xs):] {
		refuseIf(n.shape.Rank() != 0 || !n.shape.DType.IsInt() || n.shape.DType.IsPacked(),
			"%s of %s: start index %d is %s, not a scalar integer", op, in[0].shape, i, n.shape)
	}
	return in
}
