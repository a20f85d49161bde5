package oracle

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// move is a node whose output elements are elements of its operand: source gives the
// index in the operand that an index of the output shows.
func move(op compute.OpType, in []*Value, shape shapes.Shape, options string, source func(out, in []int),
	build func(f compute.Function, in []compute.Value) (compute.Value, error)) *Node {
	from := in[0].Shape().Dimensions
	return simple(op, in, shape, options, func(_ *run, out *Tensor, in []*Tensor) {
		index := make([]int, len(from))
		each(shape.Dimensions, func(at int, o []int) {
			source(o, index)
			p, _ := position(from, index)
			out.Data[at] = in[0].Data[p]
		})
	}, build)
}

// Identity implements compute.Function.
func (f *Function) Identity(x compute.Value) (compute.Value, error) {
	const op = compute.OpTypeIdentity
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	return f.single(move(op, in, in[0].Shape(), "", func(out, in []int) { copy(in, out) },
		func(g compute.Function, in []compute.Value) (compute.Value, error) { return g.Identity(in[0]) }), nil)
}

// Reshape implements compute.Function.
func (f *Function) Reshape(x compute.Value, dims ...int) (compute.Value, error) {
	const op = compute.OpTypeReshape
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Reshape(in[0].Shape(), dims)
	if err != nil {
		return nil, err
	}
	dims = slices.Clone(dims)
	return f.single(simple(op, in, shape, "",
		func(_ *run, out *Tensor, in []*Tensor) { copy(out.Data, in[0].Data) },
		func(g compute.Function, in []compute.Value) (compute.Value, error) { return g.Reshape(in[0], dims...) }), nil)
}

// Transpose implements compute.Function.
func (f *Function) Transpose(x compute.Value, axes ...int) (compute.Value, error) {
	const op = compute.OpTypeTranspose
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Transpose(in[0].Shape(), axes)
	if err != nil {
		return nil, err
	}
	axes = slices.Clone(axes)
	source := func(out, in []int) {
		for axis, from := range axes {
			in[from] = out[axis]
		}
	}
	return f.single(move(op, in, shape, fmt.Sprint(axes), source,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.Transpose(in[0], axes...)
		}), nil)
}

// BroadcastInDim implements compute.Function.
func (f *Function) BroadcastInDim(x compute.Value, shape shapes.Shape, axes []int) (compute.Value, error) {
	const op = compute.OpTypeBroadcastInDim
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	own := in[0].Shape()
	if err := shapeinference.BroadcastInDim(own, shape, axes, nil); err != nil {
		return nil, err
	}
	if own.DType != shape.DType || own.Size() == 0 && shape.Size() > 0 {
		return nil, fmt.Errorf("oracle: %s of %s to %s: dtypes must match and an empty axis does not broadcast", op, own, shape)
	}
	shape, axes = shape.Clone(), slices.Clone(axes)
	source := func(out, in []int) {
		for axis, to := range axes {
			in[axis] = 0
			if own.Dimensions[axis] > 1 {
				in[axis] = out[to]
			}
		}
	}
	return f.single(move(op, in, shape, fmt.Sprintf("axes %v", axes), source,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.BroadcastInDim(in[0], shape, axes)
		}), nil)
}

// Slice implements compute.Function.
func (f *Function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	const op = compute.OpTypeSlice
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	step := slices.Clone(strides)
	if len(step) == 0 {
		step = slices.Repeat([]int{1}, in[0].Shape().Rank())
	}
	shape, err := shapeinference.Slice(in[0].Shape(), starts, limits, step)
	if err != nil {
		return nil, err
	}
	starts, limits = slices.Clone(starts), slices.Clone(limits)
	source := func(out, in []int) {
		for axis, n := range out {
			in[axis] = starts[axis] + n*step[axis]
		}
	}
	return f.single(move(op, in, shape, fmt.Sprintf("%v to %v step %v", starts, limits, step), source,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.Slice(in[0], starts, limits, step)
		}), nil)
}

// Reverse implements compute.Function.
func (f *Function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	const op = compute.OpTypeReverse
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	for _, axis := range axes {
		if axis < 0 || axis >= shape.Rank() {
			return nil, fmt.Errorf("oracle: %s of %s: there is no axis %d", op, shape, axis)
		}
	}
	axes = slices.Clone(axes)
	source := func(out, in []int) {
		copy(in, out)
		for _, axis := range axes {
			in[axis] = shape.Dimensions[axis] - 1 - out[axis]
		}
	}
	return f.single(move(op, in, shape, fmt.Sprintf("axes %v", axes), source,
		func(g compute.Function, in []compute.Value) (compute.Value, error) { return g.Reverse(in[0], axes...) }), nil)
}

// Concatenate implements compute.Function.
func (f *Function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	const op = compute.OpTypeConcatenate
	in, err := f.values(op, operands...)
	if err != nil {
		return nil, err
	}
	list := make([]shapes.Shape, len(in))
	for i, v := range in {
		list[i] = v.Shape()
	}
	shape, err := shapeinference.Concatenate(list, axis)
	if err != nil {
		return nil, err
	}
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		start := 0
		to := make([]int, shape.Rank())
		for _, x := range in {
			each(x.dims(), func(at int, index []int) {
				copy(to, index)
				if len(to) > 0 {
					to[axis] += start
				}
				p, _ := position(shape.Dimensions, to)
				out.Data[p] = x.Data[at]
			})
			if len(to) > 0 {
				start += x.dims()[axis]
			}
		}
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("axis %d", axis), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.Concatenate(axis, in...)
		}), nil)
}

// Pad implements compute.Function. Negative padding cuts.
func (f *Function) Pad(x, value compute.Value, config ...compute.PadAxis) (compute.Value, error) {
	const op = compute.OpTypePad
	in, err := f.values(op, x, value)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Pad(in[0].Shape(), config...)
	if err != nil {
		return nil, err
	}
	if v := in[1].Shape(); v.DType != shape.DType || !v.IsScalar() {
		return nil, fmt.Errorf("oracle: %s of %s with %s: the value must be a scalar of the same dtype", op, shape, v)
	}
	config = slices.Clone(config)
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		fill(out.Data, in[1].Data[0])
		to := make([]int, shape.Rank())
		each(in[0].dims(), func(at int, index []int) {
			copy(to, index)
			for axis, c := range config {
				to[axis] = c.Start + index[axis]*(c.Interior+1)
			}
			if p, inside := position(shape.Dimensions, to); inside {
				out.Data[p] = in[0].Data[at]
			}
		})
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("%+v", config), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.Pad(in[0], in[1], config...)
		}), nil)
}

// starts reads the start indices of a dynamic slice, moved so that it lies inside.
func starts(in []*Tensor, dims, size []int) (start []int, known bool) {
	start, known = make([]int, len(dims)), true
	for axis := range dims {
		s := in[axis].Data[0]
		known = known && !s.Unsure
		start[axis] = clampIndex(in[axis].dtype(), s.Int, dims[axis]-size[axis])
	}
	return start, known
}

// clampIndex moves an index into 0..last.
func clampIndex(d dtypes.DType, n int64, last int) int {
	if isUnsigned(d) && n < 0 {
		return last // a great uint64
	}
	return int(min(max(n, 0), int64(last)))
}

func checkStarts(op compute.OpType, operand shapes.Shape, in []*Value) error {
	if len(in) != operand.Rank() {
		return fmt.Errorf("oracle: %s of %s: %d start indices, want one for each axis", op, operand, len(in))
	}
	for _, v := range in {
		if s := v.Shape(); !s.IsScalar() || !s.DType.IsInt() {
			return fmt.Errorf("oracle: %s of %s: start index of shape %s, want an integer scalar", op, operand, s)
		}
	}
	return nil
}

// DynamicSlice implements compute.Function.
func (f *Function) DynamicSlice(x compute.Value, start []compute.Value, size []int) (compute.Value, error) {
	const op = compute.OpTypeDynamicSlice
	in, err := f.values(op, append([]compute.Value{x}, start...)...)
	if err != nil {
		return nil, err
	}
	from := in[0].Shape()
	shape, err := shapeinference.DynamicSlice(from, size)
	if err == nil {
		err = checkStarts(op, from, in[1:])
	}
	if err != nil {
		return nil, err
	}
	size = slices.Clone(size)
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		start, known := starts(in[1:], from.Dimensions, size)
		index := make([]int, len(start))
		each(size, func(at int, o []int) {
			for axis, n := range o {
				index[axis] = start[axis] + n
			}
			p, _ := position(from.Dimensions, index)
			if out.Data[at] = in[0].Data[p]; !known {
				out.Data[at] = unsure
			}
		})
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("size %v", size), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.DynamicSlice(in[0], in[1:], size)
		}), nil)
}

// DynamicUpdateSlice implements compute.Function.
func (f *Function) DynamicUpdateSlice(x, update compute.Value, start []compute.Value) (compute.Value, error) {
	const op = compute.OpTypeDynamicUpdateSlice
	in, err := f.values(op, append([]compute.Value{x, update}, start...)...)
	if err != nil {
		return nil, err
	}
	shape, small := in[0].Shape(), in[1].Shape()
	_, err = shapeinference.DynamicUpdateSlice(shape, small)
	if err == nil {
		err = checkStarts(op, shape, in[2:])
	}
	for axis := range small.Dimensions {
		if err == nil && small.Dimensions[axis] > shape.Dimensions[axis] {
			err = fmt.Errorf("oracle: %s of %s with the larger %s", op, shape, small)
		}
	}
	if err != nil {
		return nil, err
	}
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		copy(out.Data, in[0].Data)
		start, known := starts(in[2:], shape.Dimensions, small.Dimensions)
		if !known {
			fill(out.Data, unsure)
			return
		}
		index := make([]int, len(start))
		each(small.Dimensions, func(at int, o []int) {
			for axis, n := range o {
				index[axis] = start[axis] + n
			}
			p, _ := position(shape.Dimensions, index)
			out.Data[p] = in[1].Data[at]
		})
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.DynamicUpdateSlice(in[0], in[1], in[2:])
	}), nil)
}
