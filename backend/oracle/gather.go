package oracle

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
)

// Gather implements compute.Function. Slices that would leave the operand are moved
// into it.
func (f *Function) Gather(operand, indices compute.Value, vectorAxis int, offsetAxes, collapsed, indexMap, size []int, sorted bool) (compute.Value, error) {
	const op = compute.OpTypeGather
	in, err := f.values(op, operand, indices)
	if err != nil {
		return nil, err
	}
	from, at := in[0].Shape(), in[1].Shape()
	if vectorAxis < 0 || vectorAxis >= at.Rank() || !at.DType.IsInt() {
		return nil, fmt.Errorf("oracle: %s with indices %s along axis %d: want integers and an axis of theirs", op, at, vectorAxis)
	}
	shape, err := shapeinference.Gather(from, at, vectorAxis, offsetAxes, collapsed, indexMap, size, sorted)
	if err != nil {
		return nil, err
	}
	shape.AxisNames = nil
	offsetAxes, collapsed = slices.Clone(offsetAxes), slices.Clone(collapsed)
	indexMap, size = slices.Clone(indexMap), slices.Clone(size)
	eval := func(_ *run, out *Tensor, in []*Tensor) {
		index, vector := make([]int, from.Rank()), make([]int, at.Rank())
		each(shape.Dimensions, func(p int, o []int) {
			known := readVector(in[1], o, vector, vectorAxis, offsetAxes, func(k int, n int64) {
				index[indexMap[k]] = clampIndex(at.DType, n, from.Dimensions[indexMap[k]]-size[indexMap[k]])
			}, func() { clear(index) })
			next := 0 // the operand's axes that are kept meet the offset axes in order
			for axis, n := range o {
				if !slices.Contains(offsetAxes, axis) {
					continue
				}
				for slices.Contains(collapsed, next) {
					next++
				}
				index[next] += n
				next++
			}
			q, _ := position(from.Dimensions, index)
			if out.Data[p] = in[0].Data[q]; !known {
				out.Data[p] = unsure
			}
		})
	}
	options := fmt.Sprintf("vector axis %d, offset axes %v, collapsed %v, map %v, size %v", vectorAxis, offsetAxes, collapsed, indexMap, size)
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.Gather(in[0], in[1], vectorAxis, offsetAxes, collapsed, indexMap, size, sorted)
	}), nil)
}

// readVector finds the index vector that belongs to an index o whose axes are those
// of the indices, without the vector's, and the window axes. It calls found with
// every component, after start.
func readVector(indices *Tensor, o, vector []int, vectorAxis int, windowAxes []int, found func(k int, n int64), start func()) (known bool) {
	start()
	next := 0
	for axis, n := range o {
		if slices.Contains(windowAxes, axis) {
			continue
		}
		if next == vectorAxis {
			next++
		}
		vector[next] = n
		next++
	}
	known = true
	count := 1
	if vectorAxis < len(vector) {
		count = indices.dims()[vectorAxis]
	}
	for k := range count {
		if vectorAxis < len(vector) {
			vector[vectorAxis] = k
		}
		p, _ := position(indices.dims(), vector)
		known = known && !indices.Data[p].Unsure
		found(k, indices.Data[p].Int)
	}
	return known
}

// ScatterSum implements compute.Function.
func (f *Function) ScatterSum(operand, indices, updates compute.Value, vectorAxis int, windowAxes, inserted, indexMap []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, compute.Function.ScatterSum, operand, indices, updates, vectorAxis, windowAxes, inserted, indexMap, sorted, unique)
}

// ScatterMax implements compute.Function.
func (f *Function) ScatterMax(operand, indices, updates compute.Value, vectorAxis int, windowAxes, inserted, indexMap []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, compute.Function.ScatterMax, operand, indices, updates, vectorAxis, windowAxes, inserted, indexMap, sorted, unique)
}

// ScatterMin implements compute.Function.
func (f *Function) ScatterMin(operand, indices, updates compute.Value, vectorAxis int, windowAxes, inserted, indexMap []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, compute.Function.ScatterMin, operand, indices, updates, vectorAxis, windowAxes, inserted, indexMap, sorted, unique)
}

type scatterBuild = func(f compute.Function, operand, indices, updates compute.Value, vectorAxis int, windowAxes, inserted, indexMap []int, sorted, unique bool) (compute.Value, error)

// scatter records a scatter. Updates that would leave the operand are dropped.
func (f *Function) scatter(op compute.OpType, build scatterBuild, operand, indices, updates compute.Value, vectorAxis int, windowAxes, inserted, indexMap []int, sorted, unique bool) (compute.Value, error) {
	in, err := f.values(op, operand, indices, updates)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Scatter(in[0].Shape(), in[1].Shape(), in[2].Shape(), vectorAxis, windowAxes, inserted, indexMap)
	if err != nil {
		return nil, err
	}
	if !shape.DType.IsFloat() && !shape.DType.IsInt() {
		return nil, fmt.Errorf("oracle: %s of %s: %w", op, shape.DType, compute.ErrNotImplemented)
	}
	windowAxes, inserted, indexMap = slices.Clone(windowAxes), slices.Clone(inserted), slices.Clone(indexMap)
	eval := func(r *run, out *Tensor, in []*Tensor) {
		falling := make([][]Scalar, len(out.Data))
		index, vector := make([]int, shape.Rank()), make([]int, in[1].Shape.Rank())
		undecided := false
		each(in[2].dims(), func(u int, o []int) {
			known := readVector(in[1], o, vector, vectorAxis, windowAxes, func(k int, n int64) {
				index[indexMap[k]] = clampIndex(in[1].dtype(), n, shape.Dimensions[indexMap[k]]) // one beyond: dropped
				if isSigned(in[1].dtype()) && n < 0 {
					index[indexMap[k]] = -shape.Dimensions[indexMap[k]] - 1
				}
			}, func() { clear(index) })
			undecided = undecided || !known
			next := 0
			for axis, n := range o {
				if !slices.Contains(windowAxes, axis) {
					continue
				}
				for slices.Contains(inserted, next) {
					next++
				}
				index[next] += n
				next++
			}
			if p, inside := position(shape.Dimensions, index); inside {
				falling[p] = append(falling[p], in[2].Data[u])
			}
		})
		for p, x := range in[0].Data {
			out.Data[p] = r.combine(op, out, x, falling[p])
			if undecided {
				out.Data[p] = unsure
			}
		}
	}
	options := fmt.Sprintf("vector axis %d, window axes %v, inserted %v, map %v", vectorAxis, windowAxes, inserted, indexMap)
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return build(g, in[0], in[1], in[2], vectorAxis, windowAxes, inserted, indexMap, sorted, unique)
	}), nil)
}

var scattered = map[compute.OpType]compute.OpType{
	compute.OpTypeScatterSum: compute.OpTypeReduceSum,
	compute.OpTypeScatterMax: compute.OpTypeReduceMax,
	compute.OpTypeScatterMin: compute.OpTypeReduceMin,
}

// combine joins an operand's element with the updates that fall on it.
func (r *run) combine(op compute.OpType, out *Tensor, x Scalar, updates []Scalar) Scalar {
	if len(updates) == 0 {
		return x
	}
	return r.foldWindow(scattered[op], out.dtype(), append(updates, x))
}
