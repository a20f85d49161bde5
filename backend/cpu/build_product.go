package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// dot is a matrix product whose result has type out: [batch..., lhs free..., rhs free...].
// It takes halves as they are, sums them in float32 and rounds once.
func (f *function) dot(x, y *node, out dtypes.DType, a dotAttr) *node {
	dims := slices.Concat(pick(x.shape.Dimensions, a.lhsBatch),
		without(x.shape.Dimensions, slices.Concat(a.lhsBatch, a.lhsContract)),
		without(y.shape.Dimensions, slices.Concat(a.rhsBatch, a.rhsContract)))
	return f.add(compute.OpTypeDotGeneral, shapes.Make(out, dims...), a, x, y)
}

// DotGeneral multiplies along contracting axes and adds up, for each element of the
// batch axes. Its result has the operands' type unless the configuration has another.
// Floats of up to 32 bits are summed in float32, or in float64 if that is asked for;
// integers wrap around in the result's type.
func (f *function) DotGeneral(x val, xContract, xBatch []int, y val, yContract, yBatch []int,
	config compute.DotGeneralConfig) (_ val, err error) {
	defer caught(&err)
	in := f.use(compute.OpTypeDotGeneral, x, y)
	_, err = shapeinference.DotGeneral(in[0].shape, xContract, xBatch, in[1].shape, yContract, yBatch, config)
	raise(errors.WithMessagef(err, "DotGeneral of %s and %s", in[0].shape, in[1].shape))
	t := in[0].shape.DType
	out := orDefault(config.OutputDType, t)
	sum := orDefault(config.AccumulatorDType, t)
	refuseIf(!numeric(t) || !numeric(out) || !numeric(sum) || t.IsComplex() != out.IsComplex() || t.IsComplex() != sum.IsComplex(),
		"DotGeneral of %s and %s, summed as %s to %s: not defined for these types", in[0].shape, in[1].shape, sum, out)
	a := dotAttr{slices.Clone(xContract), slices.Clone(xBatch), slices.Clone(yContract), slices.Clone(yBatch)}
	if t.IsComplex() {
		return f.convert(f.complexDot(in[0], in[1], a), out), nil
	}
	// The product's own types: those of the operands and of its result.
	operand, result := t, out
	switch {
	case t.IsFloat() && (t == dtypes.Float64 || sum == dtypes.Float64):
		operand, result = dtypes.Float64, dtypes.Float64
	case t.IsFloat() && (out == dtypes.Float64 || !out.IsFloat()):
		result = dtypes.Float32
	case !t.IsFloat() && out.IsInt():
		operand = out
	case !t.IsFloat():
		operand, result = sum, sum
	}
	return f.convert(f.dot(f.convert(in[0], operand), f.convert(in[1], operand), result, a), out), nil
}

func orDefault(t, otherwise dtypes.DType) dtypes.DType {
	if t == dtypes.InvalidDType {
		return otherwise
	}
	return t
}

// complexDot is four real products.
func (f *function) complexDot(x, y *node, a dotAttr) *node {
	t := x.shape.DType.RealDType()
	xr, xi := f.op1(compute.OpTypeReal, x), f.op1(compute.OpTypeImag, x)
	yr, yi := f.op1(compute.OpTypeReal, y), f.op1(compute.OpTypeImag, y)
	re := f.op2(compute.OpTypeSub, f.dot(xr, yr, t, a), f.dot(xi, yi, t, a))
	im := f.op2(compute.OpTypeAdd, f.dot(xr, yi, t, a), f.dot(xi, yr, t, a))
	return f.op2(compute.OpTypeComplex, re, im)
}

// ConvGeneral is a convolution with any order of axes, strides, dilations and groups.
func (f *function) ConvGeneral(x, kernel val, axes compute.ConvolveAxesConfig, strides []int, paddings [][2]int,
	inputDilations, kernelDilations []int, channelGroups, batchGroups int) (_ val, err error) {
	defer caught(&err)
	in := f.use(compute.OpTypeConvGeneral, x, kernel)
	t := in[0].shape.DType
	defined(t == in[1].shape.DType && numeric(t) && !t.IsComplex(), compute.OpTypeConvGeneral, in...)
	n := max(in[0].shape.Rank()-2, 0)
	a := convAttr{axes.Clone(), orElse(slices.Clone(strides), n, 1), orElse(slices.Clone(paddings), n, [2]int{}),
		orElse(slices.Clone(inputDilations), n, 1), orElse(slices.Clone(kernelDilations), n, 1), max(channelGroups, 1), max(batchGroups, 1)}
	out := need(shapeinference.ConvGeneral(in[0].shape, in[1].shape, a.axes, a.strides, a.paddings,
		a.inputDilations, a.kernelDilations, a.channelGroups, a.batchGroups))
	for i, p := range a.paddings {
		const longest = 1 << 40
		refuseIf(int64(max(a.strides[i], a.inputDilations[i], a.kernelDilations[i], p[0], p[1], -p[0], -p[1])) > longest,
			"ConvGeneral of %s: a stride, dilation or padding of spatial axis %d is larger than any array", in[0].shape, i)
	}
	return f.rounded(compute.OpTypeConvGeneral, unnamed(out), a, in...), nil
}

// FFT transforms the last axes, as many as there are lengths.
func (f *function) FFT(x val, kind compute.FFTType, lengths []int) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeFFT, x)
	s := n.shape
	failIf := func(when bool, why string) {
		refuseIf(when, "FFT %s of %s with lengths %v: %s", kind, s, lengths, why)
	}
	first := s.Rank() - len(lengths)
	failIf(len(lengths) == 0 || first < 0, "there have to be from one length to one for each axis")
	wantReal := kind == compute.FFTForwardReal
	failIf(kind < compute.FFTForward || kind > compute.FFTInverseReal, "unknown kind")
	failIf(wantReal && s.DType != dtypes.Float32 && s.DType != dtypes.Float64 || !wantReal && !s.DType.IsComplex(),
		"the type does not fit: Float32 or Float64 is for the forward transform of real numbers, complex for all others")
	last := s.Rank() - 1
	for i, l := range lengths {
		d := s.Dimensions[first+i]
		if kind == compute.FFTInverseReal && first+i == last {
			l = l/2 + 1
		}
		failIf(l != d || l < 1, "a length differs from the dimension")
	}
	return f.fourier(n, kind, lengths), nil
}

// RNGBitGenerator makes random bits from a state of three Uint64 and the state for
// the next ones (Philox).
func (f *function) RNGBitGenerator(state val, shape shapes.Shape) (next, values val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeRNGBitGenerator, state)
	refuseIf(!n.shape.Equal(compute.RNGStateShape), "RNGBitGenerator: the state is %s, it has to be %s", n.shape, compute.RNGStateShape)
	_, err = byteSize(shape)
	raise(errors.WithMessage(err, "RNGBitGenerator"))
	shape = unnamed(shape)
	out := f.addMulti(compute.OpTypeRNGBitGenerator, []shapes.Shape{n.shape, shape}, randomAttr{shape}, n)
	return out[0], out[1], nil
}

// AllReduce needs several devices, of which there are none.
func (f *function) AllReduce([]val, compute.ReduceOpType, [][]int) ([]val, error) {
	return nil, missing(compute.OpTypeAllReduce)
}
