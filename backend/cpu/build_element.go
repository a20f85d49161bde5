package cpu

import (
	"bytes"
	"cmp"
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

// val keeps the signatures of methods short.
type val = compute.Value

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
	case shapeinference.ComparisonOperations.Has(op), op == compute.OpTypeNotEqualTotalOrder: // which it has not
		shape.DType = dtypes.Bool
	case op == compute.OpTypeComplex && shape.DType == dtypes.Float32:
		shape.DType = dtypes.Complex64
	case op == compute.OpTypeComplex:
		shape.DType = dtypes.Complex128
	case op == compute.OpTypeMul && f.isOne(y): // the gradient of a sum
		return f.broadcast(x, dims)
	case op == compute.OpTypeMul && f.isOne(x):
		return f.broadcast(y, dims)
	}
	return f.add(op, shape, nil, f.broadcast(x, dims), f.broadcast(y, dims))
}

// isOne says whether a node is the constant 1, or that broadcast.
func (f *function) isOne(n *node) bool {
	n = origin(n)
	return n.op == compute.OpTypeConstant && n.size() == 1 && bytes.Equal(n.attr.([]byte), scalarBytes(n.shape.DType, 1))
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
	return errors.Errorf("%s is not defined for %s: convert to another type", op, shapesOf(operands))
}

// defined refuses an operation on a type that has no loop for it.
func defined(ok bool, op compute.OpType, operands ...*node) {
	if !ok {
		raise(undefined(op, operands...))
	}
}

// ofBools are the operations that largest and smallest are for Bool.
var ofBools = map[compute.OpType]compute.OpType{
	compute.OpTypeMax: compute.OpTypeLogicalOr, compute.OpTypeReduceMax: compute.OpTypeReduceLogicalOr,
	compute.OpTypeMin: compute.OpTypeLogicalAnd, compute.OpTypeReduceMin: compute.OpTypeReduceLogicalAnd,
}

func (f *function) unary(op compute.OpType, x val) (_ val, err error) {
	defer caught(&err)
	n := f.one(op, x)
	t := n.shape.DType
	if !t.IsComplex() && t.IsFloat() {
		switch op {
		case compute.OpTypeReal, compute.OpTypeConj:
			return n, nil
		case compute.OpTypeImag:
			return f.broadcast(f.scalar(t, 0), n.shape.Dimensions), nil
		}
	}
	defined(kernel.Unary(op, t) != nil, op, n)
	return f.op1(op, n), nil
}

func (f *function) binary(op compute.OpType, x, y val) (_ val, err error) {
	defer caught(&err)
	in := f.use(op, x, y)
	a, b := in[0].shape, in[1].shape
	refuseIf(a.DType != b.DType, "%s of %s and %s: the data types differ, convert one", op, a, b)
	_, ok := commonDims(a, b)
	refuseIf(!ok, "%s of %s and %s: dimensions have to be equal or 1, unless one is a scalar", op, a, b)
	if a.DType == dtypes.Bool {
		op = cmp.Or(ofBools[op], op)
	}
	defined(kernel.Binary(op, a.DType, kernel.VV) != nil, op, in...)
	return f.op2(op, in[0], in[1]), nil
}

// The methods of one operand, as compute.StandardOps describes them.

func (f *function) Abs(x val) (val, error)        { return f.unary(compute.OpTypeAbs, x) }
func (f *function) BitCount(x val) (val, error)   { return f.unary(compute.OpTypeBitCount, x) }
func (f *function) BitwiseNot(x val) (val, error) { return f.unary(compute.OpTypeBitwiseNot, x) }
func (f *function) Ceil(x val) (val, error)       { return f.unary(compute.OpTypeCeil, x) }
func (f *function) Clz(x val) (val, error)        { return f.unary(compute.OpTypeClz, x) }
func (f *function) Conj(x val) (val, error)       { return f.unary(compute.OpTypeConj, x) }
func (f *function) Cos(x val) (val, error)        { return f.unary(compute.OpTypeCos, x) }
func (f *function) Erf(x val) (val, error)        { return f.unary(compute.OpTypeErf, x) }
func (f *function) Exp(x val) (val, error)        { return f.unary(compute.OpTypeExp, x) }
func (f *function) Expm1(x val) (val, error)      { return f.unary(compute.OpTypeExpm1, x) }
func (f *function) Floor(x val) (val, error)      { return f.unary(compute.OpTypeFloor, x) }
func (f *function) Imag(x val) (val, error)       { return f.unary(compute.OpTypeImag, x) }
func (f *function) IsFinite(x val) (val, error)   { return f.unary(compute.OpTypeIsFinite, x) }
func (f *function) IsNaN(x val) (val, error)      { return f.unary(compute.OpTypeIsNaN, x) }
func (f *function) Log(x val) (val, error)        { return f.unary(compute.OpTypeLog, x) }
func (f *function) Log1p(x val) (val, error)      { return f.unary(compute.OpTypeLog1p, x) }
func (f *function) LogicalNot(x val) (val, error) { return f.unary(compute.OpTypeLogicalNot, x) }
func (f *function) Logistic(x val) (val, error)   { return f.unary(compute.OpTypeLogistic, x) }
func (f *function) Real(x val) (val, error)       { return f.unary(compute.OpTypeReal, x) }
func (f *function) Round(x val) (val, error)      { return f.unary(compute.OpTypeRound, x) }
func (f *function) Rsqrt(x val) (val, error)      { return f.unary(compute.OpTypeRsqrt, x) }
func (f *function) Sign(x val) (val, error)       { return f.unary(compute.OpTypeSign, x) }
func (f *function) Sin(x val) (val, error)        { return f.unary(compute.OpTypeSin, x) }
func (f *function) Sqrt(x val) (val, error)       { return f.unary(compute.OpTypeSqrt, x) }
func (f *function) Tanh(x val) (val, error)       { return f.unary(compute.OpTypeTanh, x) }

// Neg is not defined for unsigned integers, which wrap around.
func (f *function) Neg(x val) (val, error) {
	if n, ok := x.(*node); ok && n != nil && n.shape.DType.IsUnsigned() {
		return nil, undefined(compute.OpTypeNeg, n)
	}
	return f.unary(compute.OpTypeNeg, x)
}

// The methods of two operands; those of comparisons give Bool. In a total order NaN
// has its place beyond infinity, and -0 is less than 0.

func (f *function) Add(x, y val) (val, error)        { return f.binary(compute.OpTypeAdd, x, y) }
func (f *function) Atan2(x, y val) (val, error)      { return f.binary(compute.OpTypeAtan2, x, y) }
func (f *function) BitwiseAnd(x, y val) (val, error) { return f.binary(compute.OpTypeBitwiseAnd, x, y) }
func (f *function) BitwiseOr(x, y val) (val, error)  { return f.binary(compute.OpTypeBitwiseOr, x, y) }
func (f *function) BitwiseXor(x, y val) (val, error) { return f.binary(compute.OpTypeBitwiseXor, x, y) }
func (f *function) Complex(x, y val) (val, error)    { return f.binary(compute.OpTypeComplex, x, y) }
func (f *function) Div(x, y val) (val, error)        { return f.binary(compute.OpTypeDiv, x, y) }
func (f *function) Equal(x, y val) (val, error)      { return f.binary(compute.OpTypeEqual, x, y) }
func (f *function) EqualTotalOrder(x, y val) (val, error) {
	return f.binary(compute.OpTypeEqualTotalOrder, x, y)
}
func (f *function) GreaterOrEqual(x, y val) (val, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, x, y)
}
func (f *function) GreaterOrEqualTotalOrder(x, y val) (val, error) {
	return f.binary(compute.OpTypeGreaterOrEqualTotalOrder, x, y)
}
func (f *function) GreaterThan(x, y val) (val, error) {
	return f.binary(compute.OpTypeGreaterThan, x, y)
}
func (f *function) GreaterThanTotalOrder(x, y val) (val, error) {
	return f.binary(compute.OpTypeGreaterThanTotalOrder, x, y)
}
func (f *function) LessOrEqual(x, y val) (val, error) {
	return f.binary(compute.OpTypeLessOrEqual, x, y)
}
func (f *function) LessOrEqualTotalOrder(x, y val) (val, error) {
	return f.binary(compute.OpTypeLessOrEqualTotalOrder, x, y)
}
func (f *function) LessThan(x, y val) (val, error) { return f.binary(compute.OpTypeLessThan, x, y) }
func (f *function) LessThanTotalOrder(x, y val) (val, error) {
	return f.binary(compute.OpTypeLessThanTotalOrder, x, y)
}
func (f *function) LogicalAnd(x, y val) (val, error) { return f.binary(compute.OpTypeLogicalAnd, x, y) }
func (f *function) LogicalOr(x, y val) (val, error)  { return f.binary(compute.OpTypeLogicalOr, x, y) }
func (f *function) LogicalXor(x, y val) (val, error) { return f.binary(compute.OpTypeLogicalXor, x, y) }
func (f *function) Max(x, y val) (val, error)        { return f.binary(compute.OpTypeMax, x, y) }
func (f *function) Min(x, y val) (val, error)        { return f.binary(compute.OpTypeMin, x, y) }
func (f *function) Mul(x, y val) (val, error)        { return f.binary(compute.OpTypeMul, x, y) }
func (f *function) NotEqual(x, y val) (val, error)   { return f.binary(compute.OpTypeNotEqual, x, y) }
func (f *function) NotEqualTotalOrder(x, y val) (val, error) {
	return f.binary(compute.OpTypeNotEqualTotalOrder, x, y)
}
func (f *function) Pow(x, y val) (val, error)       { return f.binary(compute.OpTypePow, x, y) }
func (f *function) Rem(x, y val) (val, error)       { return f.binary(compute.OpTypeRem, x, y) }
func (f *function) ShiftLeft(x, y val) (val, error) { return f.binary(compute.OpTypeShiftLeft, x, y) }
func (f *function) ShiftRightArithmetic(x, y val) (val, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, x, y)
}
func (f *function) ShiftRightLogical(x, y val) (val, error) {
	return f.binary(compute.OpTypeShiftRightLogical, x, y)
}
func (f *function) Sub(x, y val) (val, error) { return f.binary(compute.OpTypeSub, x, y) }

// Clamp is min(max(low, x), high), where low and high may be scalars.
func (f *function) Clamp(low, x, high val) (val, error) {
	y, err := f.Max(low, x)
	if err == nil {
		y, err = f.Min(y, high)
	}
	return y, errors.WithMessage(err, compute.OpTypeClamp.String())
}

// Where is x where the condition is true, else y. Scalars are broadcast.
func (f *function) Where(cond, x, y val) (_ val, err error) {
	defer caught(&err)
	in := f.use(compute.OpTypeWhere, cond, x, y)
	_, err = shapeinference.Where(in[0].shape, in[1].shape, in[2].shape)
	raise(errors.WithMessage(err, compute.OpTypeWhere.String()))
	return f.where(in[0], in[1], in[2]), nil
}

// ConvertDType converts to another type.
func (f *function) ConvertDType(x val, t dtypes.DType) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeConvertDType, x)
	from := n.shape.DType
	refuseIf(from != t && (!capabilities.DTypes[t] || kernel.Convert(from, t) == nil), "ConvertDType: %s cannot become %s", n.shape, t)
	return f.convert(n, t), nil
}

// Bitcast takes the bits as those of another type.
func (f *function) Bitcast(x val, t dtypes.DType) (_ val, err error) {
	defer caught(&err)
	n := f.one(compute.OpTypeBitcast, x)
	s := n.shape
	refuseIf(!capabilities.DTypes[t] || s.Rank() == 0 && s.DType.Bits() < t.Bits(), "Bitcast: %s cannot become %s", s, t)
	out := need(shapeinference.Bitcast(s, t))
	if s.DType == t {
		return n, nil
	}
	return f.add(compute.OpTypeBitcast, unnamed(out), nil, n), nil
}

// Identity is the value itself.
func (f *function) Identity(x val) (_ val, err error) {
	defer caught(&err)
	return f.one(compute.OpTypeIdentity, x), nil
}

// OptimizationBarrier gives the values themselves: what the compiler does here never
// changes a result.
func (f *function) OptimizationBarrier(xs ...val) (_ []val, err error) {
	defer caught(&err)
	return asValues(f.use(compute.OpTypeOptimizationBarrier, xs...)), nil
}

// SchedulingBarrier gives the value itself: operations have no effects whose order
// could matter.
func (f *function) SchedulingBarrier(x val, others ...val) (_ val, err error) {
	defer caught(&err)
	return f.use(compute.OpTypeSchedulingBarrier, append([]val{x}, others...)...)[0], nil
}

func asValues(nodes []*node) []val {
	out := make([]val, len(nodes))
	for i, n := range nodes {
		out[i] = n
	}
	return out
}
