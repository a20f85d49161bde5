package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/comlam/comlam/backend/kernel"
)

// Element-wise operations. The methods check; op1 and op2 below do not, and the
// compositions of the other files are written with them.

// op1 is a node of a unary operation.
func (f *function) op1(op compute.OpType, x *node) *node {
	shape := x.shape
	switch op {
	case compute.OpTypeIsFinite, compute.OpTypeIsNaN:
		shape.DType = dtypes.Bool
	case compute.OpTypeAbs, compute.OpTypeReal, compute.OpTypeImag:
		if shape.DType.IsComplex() {
			shape.DType = shape.DType.RealDType()
		}
	}
	return f.add(op, shape, nil, x)
}

// op2 is a node of a binary operation whose operands are broadcast to each other.
func (f *function) op2(op compute.OpType, x, y *node) *node {
	dims, _ := commonDims(x.shape, y.shape)
	shape := shapes.Make(x.shape.DType, dims...)
	switch {
	case shapeinference.ComparisonOperations.Has(op):
		shape.DType = dtypes.Bool
	case op == compute.OpTypeComplex && shape.DType == dtypes.Float32:
		shape.DType = dtypes.Complex64
	case op == compute.OpTypeComplex:
		shape.DType = dtypes.Complex128
	}
	return f.add(op, shape, nil, f.broadcast(x, dims), f.broadcast(y, dims))
}

// where is a node that chooses by a condition; scalars are broadcast.
func (f *function) where(cond, x, y *node) *node {
	dims, _ := commonDims(cond.shape, x.shape, y.shape)
	return f.add(compute.OpTypeWhere, shapes.Make(x.shape.DType, dims...), nil,
		f.broadcast(cond, dims), f.broadcast(x, dims), f.broadcast(y, dims))
}

// packedOps take integers of less than a byte; all others want them converted.
var packedOps = map[compute.OpType]bool{
	compute.OpTypeIdentity: true, compute.OpTypeOptimizationBarrier: true, compute.OpTypeSchedulingBarrier: true,
	compute.OpTypeReshape: true, compute.OpTypeDynamicReshape: true, compute.OpTypeDynamicShape: true,
	compute.OpTypeDynamicDimensionSize: true, compute.OpTypeBitcast: true, compute.OpTypeConvertDType: true,
	compute.OpTypeFusedQuantizedDense: true, compute.OpTypeCall: true, compute.OpTypeWhile: true,
}

// convert is the value in another type.
func (f *function) convert(x *node, t dtypes.DType) *node {
	if x.shape.DType == t {
		return x
	}
	if x.shape.DType.IsPacked() {
		wide := dtypes.Int8
		if x.shape.DType.IsUnsigned() {
			wide = dtypes.Uint8
		}
		x = f.add(opUnpack, shapes.Make(wide, x.shape.Dimensions...), nil, x)
		return f.convert(x, t)
	}
	return f.add(compute.OpTypeConvertDType, shapes.Make(t, x.shape.Dimensions...), nil, x)
}

// commonDims is what arrays of the same rank become by broadcasting; scalars fit all.
func commonDims(all ...shapes.Shape) (dims []int, ok bool) {
	for _, s := range all {
		switch {
		case s.Rank() == 0:
			continue
		case dims == nil:
			dims = slices.Clone(s.Dimensions)
			continue
		case len(dims) != s.Rank():
			return nil, false
		}
		for i, d := range s.Dimensions {
			switch {
			case dims[i] == 1:
				dims[i] = d
			case d != 1 && d != dims[i]:
				return nil, false
			}
		}
	}
	return dims, true
}

// undefined is the error of an operation on a type that has no loop for it.
func undefined(op compute.OpType, operands ...*node) error {
	var s []shapes.Shape
	for _, n := range operands {
		s = append(s, n.shape)
	}
	return errors.Errorf("%s is not defined for %s: convert to another type", op, s)
}

func (f *function) unary(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.use(op, x)
	if err != nil {
		return nil, err
	}
	t := in[0].shape.DType
	if !t.IsComplex() && t.IsFloat() {
		switch op {
		case compute.OpTypeReal, compute.OpTypeConj:
			return in[0], nil
		case compute.OpTypeImag:
			return f.broadcast(f.scalar(t, 0), in[0].shape.Dimensions), nil
		}
	}
	if kernel.Unary(op, t) == nil {
		return nil, undefined(op, in[0])
	}
	return f.op1(op, in[0]), nil
}

func (f *function) binary(op compute.OpType, x, y compute.Value) (compute.Value, error) {
	in, err := f.use(op, x, y)
	if err != nil {
		return nil, err
	}
	a, b := in[0].shape, in[1].shape
	if a.DType != b.DType {
		return nil, errors.Errorf("%s of %s and %s: the data types differ, convert one", op, a, b)
	}
	if _, ok := commonDims(a, b); !ok {
		return nil, errors.Errorf("%s of %s and %s: dimensions have to be equal or 1, unless one is a scalar", op, a, b)
	}
	if a.DType == dtypes.Bool {
		switch op {
		case compute.OpTypeMax:
			op = compute.OpTypeLogicalOr
		case compute.OpTypeMin:
			op = compute.OpTypeLogicalAnd
		}
	}
	if kernel.Binary(op, a.DType, kernel.VV) == nil {
		return nil, undefined(op, in...)
	}
	return f.op2(op, in[0], in[1]), nil
}

// Abs is |x|, of a complex number its length.
func (f *function) Abs(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeAbs, x) }

// BitCount is the number of bits that are one.
func (f *function) BitCount(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitCount, x)
}

// BitwiseNot inverts all bits.
func (f *function) BitwiseNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitwiseNot, x)
}

// Ceil rounds up.
func (f *function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, x)
}

// Clz counts the zeros before the first bit that is one.
func (f *function) Clz(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeClz, x) }

// Conj is the conjugate of a complex number.
func (f *function) Conj(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeConj, x)
}

// Cos is the cosine.
func (f *function) Cos(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeCos, x) }

// Erf is the error function.
func (f *function) Erf(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeErf, x) }

// Exp is e to the x.
func (f *function) Exp(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeExp, x) }

// Expm1 is e to the x, minus 1.
func (f *function) Expm1(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExpm1, x)
}

// Floor rounds down.
func (f *function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, x)
}

// Imag is the imaginary part.
func (f *function) Imag(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeImag, x)
}

// IsFinite says which elements are neither infinite nor NaN.
func (f *function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIsFinite, x)
}

// IsNaN says which elements are no number.
func (f *function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIsNaN, x)
}

// Log is the natural logarithm.
func (f *function) Log(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeLog, x) }

// Log1p is the natural logarithm of 1+x.
func (f *function) Log1p(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog1p, x)
}

// LogicalNot is true where x is false.
func (f *function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, x)
}

// Logistic is 1/(1+e^-x).
func (f *function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, x)
}

// Neg is -x.
func (f *function) Neg(x compute.Value) (compute.Value, error) {
	if n, ok := x.(*node); ok && n != nil && n.shape.DType.IsUnsigned() {
		return nil, undefined(compute.OpTypeNeg, n)
	}
	return f.unary(compute.OpTypeNeg, x)
}

// Real is the real part.
func (f *function) Real(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeReal, x)
}

// Round rounds to the nearest integer, halves to the even one.
func (f *function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, x)
}

// Rsqrt is 1/sqrt(x).
func (f *function) Rsqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRsqrt, x)
}

// Sign is -1, 0 or 1.
func (f *function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, x)
}

// Sin is the sine.
func (f *function) Sin(x compute.Value) (compute.Value, error) { return f.unary(compute.OpTypeSin, x) }

// Sqrt is the square root.
func (f *function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, x)
}

// Tanh is the hyperbolic tangent.
func (f *function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, x)
}

// Add is x+y.
func (f *function) Add(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, x, y)
}

// Atan2 is the angle of the point (y, x), whose first operand is its height.
func (f *function) Atan2(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAtan2, x, y)
}

// BitwiseAnd is x & y.
func (f *function) BitwiseAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseAnd, x, y)
}

// BitwiseOr is x | y.
func (f *function) BitwiseOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseOr, x, y)
}

// BitwiseXor is x ^ y.
func (f *function) BitwiseXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseXor, x, y)
}

// Complex is x + iy.
func (f *function) Complex(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeComplex, x, y)
}

// Div is x/y.
func (f *function) Div(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, x, y)
}

// Equal is x == y.
func (f *function) Equal(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqual, x, y)
}

// EqualTotalOrder is Equal where NaN has its place and -0 is less than 0.
func (f *function) EqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqualTotalOrder, x, y)
}

// GreaterOrEqual is x >= y.
func (f *function) GreaterOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, x, y)
}

// GreaterOrEqualTotalOrder is GreaterOrEqual where NaN has its place.
func (f *function) GreaterOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqualTotalOrder, x, y)
}

// GreaterThan is x > y.
func (f *function) GreaterThan(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThan, x, y)
}

// GreaterThanTotalOrder is GreaterThan where NaN has its place.
func (f *function) GreaterThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThanTotalOrder, x, y)
}

// LessOrEqual is x <= y.
func (f *function) LessOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqual, x, y)
}

// LessOrEqualTotalOrder is LessOrEqual where NaN has its place.
func (f *function) LessOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqualTotalOrder, x, y)
}

// LessThan is x < y.
func (f *function) LessThan(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThan, x, y)
}

// LessThanTotalOrder is LessThan where NaN has its place.
func (f *function) LessThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThanTotalOrder, x, y)
}

// LogicalAnd is x and y.
func (f *function) LogicalAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, x, y)
}

// LogicalOr is x or y.
func (f *function) LogicalOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, x, y)
}

// LogicalXor is x or y but not both.
func (f *function) LogicalXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, x, y)
}

// Max is the larger one, NaN if one is.
func (f *function) Max(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, x, y)
}

// Min is the smaller one, NaN if one is.
func (f *function) Min(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, x, y)
}

// Mul is x*y.
func (f *function) Mul(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, x, y)
}

// NotEqual is x != y.
func (f *function) NotEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqual, x, y)
}

// NotEqualTotalOrder is NotEqual where NaN has its place.
func (f *function) NotEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqualTotalOrder, x, y)
}

// Pow is x to the y.
func (f *function) Pow(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, x, y)
}

// Rem is the remainder of x/y with the sign of x.
func (f *function) Rem(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, x, y)
}

// ShiftLeft is x << y.
func (f *function) ShiftLeft(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftLeft, x, y)
}

// ShiftRightArithmetic is x >> y, which keeps the sign.
func (f *function) ShiftRightArithmetic(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, x, y)
}

// ShiftRightLogical is x >> y, which brings in zeros.
func (f *function) ShiftRightLogical(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightLogical, x, y)
}

// Sub is x-y.
func (f *function) Sub(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, x, y)
}

// Clamp is min(max(low, x), high), where low and high may be scalars.
func (f *function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	y, err := f.Max(low, x)
	if err == nil {
		y, err = f.Min(y, high)
	}
	return y, errors.WithMessage(err, compute.OpTypeClamp.String())
}

// Where is x where the condition is true, else y. Scalars are broadcast.
func (f *function) Where(cond, x, y compute.Value) (compute.Value, error) {
	in, err := f.use(compute.OpTypeWhere, cond, x, y)
	if err != nil {
		return nil, err
	}
	if _, err := shapeinference.Where(in[0].shape, in[1].shape, in[2].shape); err != nil {
		return nil, errors.WithMessage(err, compute.OpTypeWhere.String())
	}
	return f.where(in[0], in[1], in[2]), nil
}

// ConvertDType converts to another type.
func (f *function) ConvertDType(x compute.Value, t dtypes.DType) (compute.Value, error) {
	in, err := f.use(compute.OpTypeConvertDType, x)
	if err != nil {
		return nil, err
	}
	from := in[0].shape.DType
	if from != t && (!capabilities.DTypes[t] || kernel.Convert(from, t) == nil) {
		return nil, errors.Errorf("ConvertDType: %s cannot become %s", in[0].shape, t)
	}
	return f.convert(in[0], t), nil
}

// Bitcast takes the bits as those of another type.
func (f *function) Bitcast(x compute.Value, t dtypes.DType) (compute.Value, error) {
	in, err := f.use(compute.OpTypeBitcast, x)
	if err != nil {
		return nil, err
	}
	s := in[0].shape
	if !capabilities.DTypes[t] || s.Rank() == 0 && s.DType.Bits() < t.Bits() {
		return nil, errors.Errorf("Bitcast: %s cannot become %s", s, t)
	}
	out, err := shapeinference.Bitcast(s, t)
	if err != nil {
		return nil, err
	}
	if s.DType == t {
		return in[0], nil
	}
	return f.add(compute.OpTypeBitcast, unnamed(out), nil, in[0]), nil
}

// Identity is the value itself.
func (f *function) Identity(x compute.Value) (compute.Value, error) {
	in, err := f.use(compute.OpTypeIdentity, x)
	if err != nil {
		return nil, err
	}
	return in[0], nil
}

// OptimizationBarrier gives the values themselves: what the compiler does here never
// changes a result.
func (f *function) OptimizationBarrier(xs ...compute.Value) ([]compute.Value, error) {
	in, err := f.use(compute.OpTypeOptimizationBarrier, xs...)
	return asValues(in), err
}

// SchedulingBarrier gives the value itself: operations have no effects whose order
// could matter.
func (f *function) SchedulingBarrier(x compute.Value, others ...compute.Value) (compute.Value, error) {
	in, err := f.use(compute.OpTypeSchedulingBarrier, append([]compute.Value{x}, others...)...)
	if err != nil {
		return nil, err
	}
	return in[0], nil
}

func asValues(nodes []*node) []compute.Value {
	out := make([]compute.Value, len(nodes))
	for i, n := range nodes {
		out[i] = n
	}
	return out
}
