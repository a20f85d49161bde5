package cpu

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Operations that are compositions of others. The compiler finds what can run in one
// pass again, in these and in what users and gradients compose themselves. Float
// types of 32 and 64 bits are composed exactly as GoMLX does where it needs the
// gradient, so that forward pass and gradient share their nodes. Halves are computed
// in float32 and rounded once.

// inFloat is the value in the type that it is computed in.
func (f *function) inFloat(x *node) *node {
	if x.shape.DType.IsHalfPrecision() {
		return f.convert(x, dtypes.Float32)
	}
	return x
}

// rounded is an operation that computes halves in float32 and rounds once.
func (f *function) rounded(op compute.OpType, shape shapes.Shape, attr any, in ...*node) *node {
	t := shape.DType
	if t.IsHalfPrecision() {
		shape.DType = dtypes.Float32
		for i, x := range in {
			in[i] = f.inFloat(x)
		}
	}
	return f.convert(f.add(op, shape, attr, in...), t)
}

// with is x and a number under an operation.
func (f *function) with(op compute.OpType, x *node, v float64) *node {
	return f.op2(op, x, f.scalar(x.shape.DType, v))
}

// floats checks operands that have to be of one float type.
func (f *function) floats(op compute.OpType, values ...val) []*node {
	in := f.use(op, values...)
	sameFloats(op, in)
	return in
}

// FusedSoftmax is e^x divided by its sum along an axis: times 1 over it, as one division
// a row is faster than one an element.
func (f *function) FusedSoftmax(x val, axis int) (_ val, err error) {
	defer caught(&err)
	n := f.floats(compute.OpTypeFusedSoftmax, x)[0]
	normalAxes(compute.OpTypeFusedSoftmax, n.shape, axis)
	y := f.inFloat(n)
	e := f.op1(compute.OpTypeExp, f.op2(compute.OpTypeSub, y, f.reduceKeep(compute.OpTypeReduceMax, y, axis)))
	sum := f.reduceKeep(compute.OpTypeReduceSum, e, axis)
	y = f.op2(compute.OpTypeMul, e, f.op2(compute.OpTypeDiv, f.scalar(y.shape.DType, 1), sum))
	return f.convert(y, n.shape.DType), nil
}

// FusedGelu is x times the probability of a normal variable below x, or the
// approximation of that with tanh (Hendrycks and Gimpel, arXiv:1606.08415).
func (f *function) FusedGelu(x val, exact bool) (_ val, err error) {
	defer caught(&err)
	return f.gelu(f.floats(compute.OpTypeFusedGelu, x)[0], exact), nil
}

func (f *function) gelu(n *node, exact bool) *node {
	x := f.inFloat(n)
	var p *node
	if exact {
		p = f.op1(compute.OpTypeErf, f.with(compute.OpTypeMul, x, 1/float64(math.Sqrt2)))
	} else {
		cube := f.op2(compute.OpTypeMul, x, f.op2(compute.OpTypeMul, x, x))
		p = f.op2(compute.OpTypeAdd, x, f.with(compute.OpTypeMul, cube, 0.044715))
		p = f.op1(compute.OpTypeTanh, f.with(compute.OpTypeMul, p, math.Sqrt(2/math.Pi)))
	}
	p = f.with(compute.OpTypeMul, f.with(compute.OpTypeAdd, p, 1), 0.5)
	return f.convert(f.op2(compute.OpTypeMul, x, p), n.shape.DType)
}

// activate applies an activation.
func (f *function) activate(op compute.OpType, x *node, a compute.ActivationType) *node {
	switch a {
	case compute.ActivationNone:
		return x
	case compute.ActivationGelu:
		return f.gelu(x, true)
	case compute.ActivationRelu:
		return f.with(compute.OpTypeMax, x, 0)
	case compute.ActivationSilu:
		return f.op2(compute.OpTypeMul, x, f.op1(compute.OpTypeLogistic, x))
	case compute.ActivationHardSwish:
		gate := f.with(compute.OpTypeAdd, f.with(compute.OpTypeMul, x, 1.0/6), 0.5)
		gate = f.with(compute.OpTypeMin, f.with(compute.OpTypeMax, gate, 0), 1)
		return f.op2(compute.OpTypeMul, x, gate)
	case compute.ActivationTanh:
		return f.op1(compute.OpTypeTanh, x)
	}
	panic(refusal{errors.Wrapf(compute.ErrNotImplemented, "%s: activation %s on engine %q", op, a, Name)})
}

// mean along axes, which stay with size 1.
func (f *function) mean(x *node, axes ...int) *node {
	n, dims := 1, slices.Clone(x.shape.Dimensions)
	for _, a := range axes {
		n *= dims[a]
		dims[a] = 1
	}
	return f.reshape(f.with(compute.OpTypeMul, f.reduce(compute.OpTypeReduceSum, x, axes...), 1/float64(n)), dims...)
}

// moments are x minus its mean, and the mean of the square of that, along axes.
func (f *function) moments(x *node, axes ...int) (mean, centred, variance *node) {
	mean = f.mean(x, axes...)
	centred = f.op2(compute.OpTypeSub, x, mean)
	return mean, centred, f.mean(f.op2(compute.OpTypeMul, centred, centred), axes...)
}

// expandLeft gives an array axes of size 1 in front.
func (f *function) expandLeft(x *node, rank int) *node {
	ones := slices.Repeat([]int{1}, max(rank-x.shape.Rank(), 0))
	return f.reshape(x, append(ones, x.shape.Dimensions...)...)
}

// useSome is operands that have to be there, followed by those of the optional ones that
// are not nil; others has the optional ones, with nil where that was given.
func (f *function) useSome(op compute.OpType, needed []val, optional ...val) (in, others []*node) {
	all := slices.Clone(needed)
	for _, v := range optional {
		if v != nil {
			all = append(all, v)
		}
	}
	in, others = f.use(op, all...), make([]*node, len(optional))
	next := len(needed)
	for i, v := range optional {
		if v != nil {
			others[i] = in[next]
			next++
		}
	}
	return in, others
}

// sameFloats refuses operands that are not of the first one's float type.
func sameFloats(op compute.OpType, in []*node) {
	for _, n := range in {
		defined(n.shape.DType == in[0].shape.DType && n.shape.DType.IsFloat(), op, in...)
	}
}

// FusedLayerNorm makes mean 0 and variance 1 along axes, then scales by gamma and
// adds beta where these are given.
func (f *function) FusedLayerNorm(x val, axes []int, epsilon float64, gamma, beta val) (_ val, err error) {
	defer caught(&err)
	const op = compute.OpTypeFusedLayerNorm
	in, more := f.useSome(op, []val{x}, gamma, beta)
	sameFloats(op, in)
	axes = normalAxes(op, in[0].shape, axes...)
	y := f.inFloat(in[0])
	_, centred, variance := f.moments(y, axes...)
	y = f.op2(compute.OpTypeMul, centred, f.op1(compute.OpTypeRsqrt, f.with(compute.OpTypeAdd, variance, epsilon)))
	for i, p := range more {
		if p == nil {
			continue
		}
		n := f.inFloat(f.expandLeft(p, y.shape.Rank()))
		dims, ok := commonDims(y.shape, n.shape)
		refuseIf(!ok || !slices.Equal(dims, y.shape.Dimensions), "%s of %s: a gamma or beta of %s does not fit", op, in[0].shape, p.shape)
		y = f.op2([]compute.OpType{compute.OpTypeMul, compute.OpTypeAdd}[i], y, n)
	}
	return f.convert(y, in[0].shape.DType), nil
}

// FusedDense is activation(x @ weight + bias); x is [batch..., in], the weight
// [in, out...] or [out..., in], the bias [out...] or nil.
func (f *function) FusedDense(x, weight, bias val, config compute.DenseConfig) (_ val, err error) {
	defer caught(&err)
	const op = compute.OpTypeFusedDense
	in, more := f.useSome(op, []val{x, weight}, bias)
	sameFloats(op, in)
	xs, ws := in[0].shape.Dimensions, in[1].shape.Dimensions
	refuseIf(len(xs) == 0 || len(ws) == 0, "%s of %s and %s: scalars have no features", op, in[0].shape, in[1].shape)
	wIn, wOut := ws[0], ws[1:]
	swapped := config.WeightLayout == compute.DenseLayoutOutputsInput
	if swapped {
		wIn, wOut = ws[len(ws)-1], ws[:len(ws)-1]
	}
	features := xs[len(xs)-1]
	refuseIf(features != wIn, "%s of %s and %s, weight layout %s: %d features meet %d",
		op, in[0].shape, in[1].shape, config.WeightLayout, features, wIn)
	y := f.matrixProduct(in[0], in[1], swapped)
	y = f.reshape(y, slices.Concat(xs[:len(xs)-1], wOut)...)
	return f.finishDense(op, y, more[0], wOut, config.Activation), nil
}

// matrixProduct is x, as a matrix with its last axis as columns, times the weight,
// whose input features are its first axis or, if swapped, its last.
func (f *function) matrixProduct(x, w *node, swapped bool) *node {
	flat := func(n *node, rows int) *node { // makes one axis of the first few, and one of the others
		d := n.shape.Dimensions
		if len(d) <= 2 {
			return n
		}
		return f.reshape(n, product(d[:rows]), product(d[rows:]))
	}
	x = flat(x, x.shape.Rank()-1)
	a := dotAttr{lhsContract: []int{x.shape.Rank() - 1}, rhsContract: []int{0}}
	if swapped {
		w = flat(w, w.shape.Rank()-1)
		a.rhsContract[0] = w.shape.Rank() - 1
	} else {
		w = flat(w, 1)
	}
	return f.dot(x, w, x.shape.DType, a)
}

// finishDense adds the bias, if there is one, and applies the activation.
func (f *function) finishDense(op compute.OpType, y, bias *node, out []int, activation compute.ActivationType) *node {
	if bias != nil {
		refuseIf(!slices.Equal(bias.shape.Dimensions, out) || bias.shape.DType != y.shape.DType,
			"%s: a bias of %s does not fit %s", op, bias.shape, shapes.Make(y.shape.DType, out...))
		y = f.op2(compute.OpTypeAdd, y, f.expandLeft(bias, y.shape.Rank()))
	}
	return f.activate(op, y, activation)
}

// FusedAttentionQKVProjection is one product of x [batch..., in] with weights
// [in, queryDim+2*keyValueDim], cut into query, key and value, plus their biases
// where these are given.
func (f *function) FusedAttentionQKVProjection(x, wQKV, biasQ, biasK, biasV val, queryDim, keyValueDim int) (q, k, v val, err error) {
	defer caught(&err)
	const op = compute.OpTypeFusedAttentionQKVProjection
	in, biases := f.useSome(op, []val{x, wQKV}, biasQ, biasK, biasV)
	sameFloats(op, in)
	a, w := in[0].shape, in[1].shape
	last := a.Rank() - 1
	fits := last >= 0 && w.Rank() == 2 && a.Dimensions[last] == w.Dimensions[0]
	fits = fits && queryDim >= 0 && keyValueDim >= 0 && w.Dimensions[1] == queryDim+2*keyValueDim
	refuseIf(!fits, "%s of %s and %s: want [batch..., in] and [in, %d+2*%d]", op, a, w, queryDim, keyValueDim)
	rows := product(a.Dimensions[:last])
	y := f.matrixProduct(f.reshape(in[0], rows, a.Dimensions[last]), in[1], false)
	parts := make([]val, 3)
	start := 0
	for i, n := range []int{queryDim, keyValueDim, keyValueDim} {
		p := f.slice(y, []int{0, start}, []int{rows, start + n}, []int{1, 1})
		p = f.reshape(p, slices.Concat(a.Dimensions[:last], []int{n})...)
		parts[i] = f.finishDense(op, p, biases[i], []int{n}, compute.ActivationNone)
		start += n
	}
	return parts[0], parts[1], parts[2], nil
}
