package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// BatchNormForInference implements compute.Function:
// (x - mean) / sqrt(variance + epsilon) * scale + offset.
func (f *Function) BatchNormForInference(x, scale, offset, mean, variance compute.Value, epsilon float32, axis int) (compute.Value, error) {
	const op = compute.OpTypeBatchNormForInference
	in, err := f.values(op, x, scale, offset, mean, variance)
	if err != nil {
		return nil, err
	}
	shape, err := featureShapes(op, in, in[1:], axis)
	if err != nil {
		return nil, err
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		a, w := r.arith(shape.DType), r.wide(shape.DType)
		each(shape.Dimensions, func(at int, index []int) {
			c := index[axis]
			centred := w.sub(in[0].Data[at], in[3].Data[c])
			deviation := w.sqrt(w.add(in[4].Data[c], w.constant(float64(epsilon))))
			out.Data[at] = a.store(w.normalised(centred, deviation, in[1].Data[c], in[2].Data[c]))
		})
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("epsilon %g, axis %d", epsilon, axis), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.BatchNormForInference(in[0], in[1], in[2], in[3], in[4], epsilon, axis)
		}), nil)
}

// normalised is centred/deviation*scale + offset, multiplied in any order: that matters
// where one of the products is subnormal.
func (a *arith) normalised(centred, deviation, scale, offset Scalar) Scalar {
	return a.add(a.prod([]Scalar{centred, a.div(a.value(1), deviation), scale}), offset)
}

// featureShapes checks that the parameters are vectors along the feature axis.
func featureShapes(op compute.OpType, in, vectors []*Value, axis int) (shapes.Shape, error) {
	x := in[0].Shape()
	if !x.DType.IsFloat() || axis < 0 || axis >= x.Rank() {
		return x, fmt.Errorf("oracle: %s of %s along axis %d: want floats and an axis of the shape", op, x, axis)
	}
	want := shapes.Make(x.DType, x.Dimensions[axis])
	for _, v := range vectors {
		if !v.Shape().Equal(want) {
			return x, fmt.Errorf("oracle: %s of %s: a parameter is %s, want %s", op, x, v.Shape(), want)
		}
	}
	return x, nil
}

// others lists the axes besides one.
func others(rank, axis int) (list []int) {
	for i := range rank {
		if i != axis {
			list = append(list, i)
		}
	}
	return list
}

func pick(data []Scalar, at []int) []Scalar {
	list := make([]Scalar, len(at))
	for i, p := range at {
		list[i] = data[p]
	}
	return list
}

// BatchNormForTraining implements compute.Function: the mean and the variance
// (divided by the count) of each feature, and what is normalized with them.
func (f *Function) BatchNormForTraining(x, scale, offset compute.Value, epsilon float32, axis int) (normalized, mean, variance compute.Value, err error) {
	const op = compute.OpTypeBatchNormForTraining
	in, err := f.values(op, x, scale, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	shape, err := featureShapes(op, in, in[1:], axis)
	if err != nil {
		return nil, nil, nil, err
	}
	vector := in[1].Shape()
	n := &Node{
		Op: op, Inputs: in, Shapes: []shapes.Shape{shape, vector, vector},
		Options: fmt.Sprintf("epsilon %g, axis %d", epsilon, axis),
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) {
			a, w := r.arith(shape.DType), r.wide(shape.DType)
			y, m, v := newTensor(shape), newTensor(vector), newTensor(vector)
			lines(shape.Dimensions, others(shape.Rank(), axis), func(c int, at []int) {
				mean, variance := w.moments(pick(in[0].Data, at))
				m.Data[c], v.Data[c] = a.store(mean), a.store(variance)
				deviation := w.sqrt(w.add(variance, w.constant(float64(epsilon))))
				for _, p := range at {
					y.Data[p] = a.store(w.normalised(w.sub(in[0].Data[p], mean), deviation, in[1].Data[c], in[2].Data[c]))
				}
			})
			return []*Tensor{y, m, v}, nil
		},
		build: func(_ *writer, g compute.Function, in []compute.Value) ([]compute.Value, error) {
			y, m, v, err := g.BatchNormForTraining(in[0], in[1], in[2], epsilon, axis)
			return []compute.Value{y, m, v}, err
		},
	}
	out := f.add(n)
	return out[0], out[1], out[2], nil
}

// BatchNormGradient implements compute.Function. With z = (x - mean)/deviation:
// the offset's gradient is sum(dy), the scale's is sum(dy·z), and the operand's is
// scale/deviation · (dy - mean(dy) - z·mean(dy·z)).
func (f *Function) BatchNormGradient(x, scale, mean, variance, dy compute.Value, epsilon float32, axis int) (dx, dScale, dOffset compute.Value, err error) {
	const op = compute.OpTypeBatchNormGradient
	in, err := f.values(op, x, scale, mean, variance, dy)
	if err != nil {
		return nil, nil, nil, err
	}
	shape, err := featureShapes(op, in, in[1:4], axis)
	if err == nil && !in[4].Shape().Equal(shape) {
		err = fmt.Errorf("oracle: %s of %s: the output's gradient is %s", op, shape, in[4].Shape())
	}
	if err != nil {
		return nil, nil, nil, err
	}
	vector := in[1].Shape()
	n := &Node{
		Op: op, Inputs: in, Shapes: []shapes.Shape{shape, vector, vector},
		Options: fmt.Sprintf("epsilon %g, axis %d", epsilon, axis),
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) {
			a, w := r.arith(shape.DType), r.wide(shape.DType)
			dx, ds, do := newTensor(shape), newTensor(vector), newTensor(vector)
			lines(shape.Dimensions, others(shape.Rank(), axis), func(c int, at []int) {
				deviation := w.sqrt(w.add(in[3].Data[c], w.constant(float64(epsilon))))
				z := make([]Scalar, len(at))
				for i, p := range at {
					z[i] = w.div(w.sub(in[0].Data[p], in[2].Data[c]), deviation)
				}
				g := pick(in[4].Data, at)
				count := Scalar{Re: float64(len(at))}
				sum, dot := w.sum(g), w.dot(g, z)
				ds.Data[c], do.Data[c] = a.store(dot), a.store(sum)
				factor := w.div(in[1].Data[c], deviation)
				for i, p := range at {
					rest := w.sub(w.sub(g[i], w.div(sum, count)), w.mul(z[i], w.div(dot, count)))
					dx.Data[p] = a.store(w.mul(factor, rest))
				}
			})
			return []*Tensor{dx, ds, do}, nil
		},
		build: func(_ *writer, g compute.Function, in []compute.Value) ([]compute.Value, error) {
			dx, ds, do, err := g.BatchNormGradient(in[0], in[1], in[2], in[3], in[4], epsilon, axis)
			return []compute.Value{dx, ds, do}, err
		},
	}
	out := f.add(n)
	return out[0], out[1], out[2], nil
}

// offered fails for fused operations that the options hide.
func (f *Function) offered(op compute.OpType) error {
	if f.builder.backend.options.Unfused {
		return fmt.Errorf("oracle: %s is hidden: %w", op, compute.ErrNotImplemented)
	}
	return nil
}

// softmax is exp(x - max) over its sum.
func (a *arith) softmax(xs []Scalar) []Scalar {
	top := a.value(math.Inf(-1))
	for _, x := range xs {
		top = a.extreme(top, x, 1)
	}
	out := make([]Scalar, len(xs))
	for i, x := range xs {
		out[i] = a.exp(a.sub(x, top))
	}
	total := a.sum(out)
	for i := range out {
		out[i] = a.div(out[i], total)
	}
	return out
}

// FusedSoftmax implements compute.Function.
func (f *Function) FusedSoftmax(x compute.Value, axis int) (compute.Value, error) {
	const op = compute.OpTypeFusedSoftmax
	in, err := f.values(op, x)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	if !shape.DType.IsFloat() || axis < 0 || axis >= shape.Rank() {
		return nil, fmt.Errorf("oracle: %s of %s along axis %d: want floats and an axis of the shape", op, shape, axis)
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		a, w := r.arith(shape.DType), r.wide(shape.DType)
		lines(shape.Dimensions, []int{axis}, func(_ int, at []int) {
			for i, y := range w.softmax(pick(in[0].Data, at)) {
				out.Data[at[i]] = a.store(y)
			}
		})
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("axis %d", axis), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.FusedSoftmax(in[0], axis)
		}), nil)
}

// FusedLayerNorm implements compute.Function. Gamma and beta have the shape of the
// normalized axes.
func (f *Function) FusedLayerNorm(x compute.Value, axes []int, epsilon float64, gamma, beta compute.Value) (compute.Value, error) {
	const op = compute.OpTypeFusedLayerNorm
	operands := []compute.Value{x}
	for _, v := range []compute.Value{gamma, beta} {
		if v != nil {
			operands = append(operands, v)
		}
	}
	in, err := f.values(op, operands...)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	axes = slices.Clone(axes)
	count := 1
	for i, axis := range axes {
		if axis < 0 {
			axes[i] += shape.Rank()
		}
		if axes[i] < 0 || axes[i] >= shape.Rank() {
			return nil, fmt.Errorf("oracle: %s of %s: there is no axis %d", op, shape, axis)
		}
		count *= shape.Dimensions[axes[i]]
	}
	for _, v := range in[1:] {
		if v.Shape().Size() != count || v.Shape().DType != shape.DType {
			return nil, fmt.Errorf("oracle: %s of %s over axes %v: gamma or beta is %s, want %d elements", op, shape, axes, v.Shape(), count)
		}
	}
	hasGamma, hasBeta := gamma != nil, beta != nil
	eval := func(r *run, out *Tensor, in []*Tensor) {
		a, w := r.arith(shape.DType), r.wide(shape.DType)
		lines(shape.Dimensions, axes, func(_ int, at []int) {
			mean, variance := w.moments(pick(in[0].Data, at))
			deviation := w.sqrt(w.add(variance, w.constant(epsilon)))
			for i, p := range at {
				y := w.div(w.sub(in[0].Data[p], mean), deviation)
				if hasGamma {
					y = w.mul(y, in[1].Data[i])
				}
				if hasBeta {
					y = w.add(y, in[len(in)-1].Data[i])
				}
				out.Data[p] = a.store(y)
			}
		})
	}
	options := fmt.Sprintf("axes %v, epsilon %g, gamma %t, beta %t", axes, epsilon, hasGamma, hasBeta)
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		var gamma, beta compute.Value
		if hasGamma {
			gamma = in[1]
		}
		if hasBeta {
			beta = in[len(in)-1]
		}
		return g.FusedLayerNorm(in[0], axes, epsilon, gamma, beta)
	}), nil)
}
