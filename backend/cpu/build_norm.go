package cpu

import (
	"slices"

	"github.com/gomlx/compute"
)

// Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167), with the biased variance.

// batchNorm checks the operands, of which all but the first (and a last one of the
// first one's shape) have one element a feature, and gives them in the type that is
// computed in, spread over the axes of the first.
func (f *function) batchNorm(op compute.OpType, axis int, values ...val) (in []*node, others []int) {
	in = f.use(op, values...)
	x := in[0].shape
	normalAxes(op, x, axis)
	for i := range x.Rank() {
		if i != axis {
			others = append(others, i)
		}
	}
	for i, n := range in {
		defined(n.shape.DType.IsFloat(), op, in...)
		if i > 0 && !n.shape.Equal(x) {
			refuseIf(n.shape.Rank() != 1 || n.shape.Dimensions[0] != x.Dimensions[axis],
				"%s of %s, feature axis %d: an operand of %s does not fit", op, x, axis, n.shape)
			n = f.reshape(n, onlyAxis(x.Rank(), axis, x.Dimensions[axis])...)
		}
		in[i] = f.convert(f.inFloat(n), f.inFloat(in[0]).shape.DType)
	}
	return in, others
}

// onlyAxis is dimensions of 1 but for one axis.
func onlyAxis(rank, axis, d int) []int {
	dims := slices.Repeat([]int{1}, rank)
	dims[axis] = d
	return dims
}

// feature is a result with one element a feature.
func (f *function) feature(n *node, t *node) *node {
	return f.convert(f.reshape(n, n.size()), t.shape.DType)
}

// normalised is scale*centred/sqrt(variance+epsilon) + offset.
func (f *function) normalised(centred, variance, scale, offset *node, epsilon float32) *node {
	r := f.op1(compute.OpTypeRsqrt, f.with(compute.OpTypeAdd, variance, float64(epsilon)))
	return f.op2(compute.OpTypeAdd, f.op2(compute.OpTypeMul, centred, f.op2(compute.OpTypeMul, scale, r)), offset)
}

// BatchNormForInference normalises with a given mean and variance of each feature.
func (f *function) BatchNormForInference(x, scale, offset, mean, variance val, epsilon float32, axis int) (_ val, err error) {
	defer caught(&err)
	in, _ := f.batchNorm(compute.OpTypeBatchNormForInference, axis, x, scale, offset, mean, variance)
	y := f.normalised(f.op2(compute.OpTypeSub, in[0], in[3]), in[4], in[1], in[2], epsilon)
	return f.convert(y, x.(*node).shape.DType), nil
}

// BatchNormForTraining normalises with the mean and variance of each feature in the
// batch and returns these, too.
func (f *function) BatchNormForTraining(x, scale, offset val, epsilon float32, axis int) (y, batchMean, batchVariance val, err error) {
	defer caught(&err)
	in, others := f.batchNorm(compute.OpTypeBatchNormForTraining, axis, x, scale, offset)
	mean, centred, variance := f.moments(in[0], others...)
	n := f.normalised(centred, variance, in[1], in[2], epsilon)
	s := scale.(*node)
	return f.convert(n, x.(*node).shape.DType), f.feature(mean, s), f.feature(variance, s), nil
}

// BatchNormGradient is the gradient of BatchNormForTraining for the gradient g of its
// first result. With r = 1/sqrt(variance+epsilon), c = x-mean and means over the batch:
//
//	offset: sum(g)     scale: r*sum(g*c)     x: scale*r*(g - mean(g) - c*r*r*mean(g*c))
func (f *function) BatchNormGradient(x, scale, mean, variance, g val, epsilon float32, axis int) (gx, gScale, gOffset val, err error) {
	defer caught(&err)
	in, others := f.batchNorm(compute.OpTypeBatchNormGradient, axis, x, scale, mean, variance, g)
	sub, mul := compute.OpTypeSub, compute.OpTypeMul
	n := 1.0
	for _, a := range others {
		n *= float64(in[0].shape.Dimensions[a])
	}
	c := f.op2(sub, in[0], in[2])
	r := f.op1(compute.OpTypeRsqrt, f.with(compute.OpTypeAdd, in[3], float64(epsilon)))
	sumG := f.reduceKeep(compute.OpTypeReduceSum, in[4], others...)
	sumGC := f.reduceKeep(compute.OpTypeReduceSum, f.op2(mul, in[4], c), others...)
	slope := f.op2(mul, f.op2(mul, r, r), f.with(mul, sumGC, 1/n))
	dx := f.op2(sub, f.op2(sub, in[4], f.with(mul, sumG, 1/n)), f.op2(mul, c, slope))
	dx = f.op2(mul, f.op2(mul, in[1], r), dx)
	s := scale.(*node)
	return f.convert(dx, x.(*node).shape.DType), f.feature(f.op2(mul, r, sumGC), s), f.feature(sumG, s), nil
}
