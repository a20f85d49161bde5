package oracle

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

type binaryMethod = func(compute.Function, compute.Value, compute.Value) (compute.Value, error)

// binary records an element-wise operation on two operands that broadcast.
func (f *Function) binary(op compute.OpType, build binaryMethod, x, y compute.Value) (compute.Value, error) {
	in, err := f.values(op, x, y)
	if err != nil {
		return nil, err
	}
	p, q := in[0].Shape(), in[1].Shape()
	var shape shapes.Shape
	switch {
	case op == compute.OpTypeComplex:
		shape, err = complexShape(p, q)
	case op == compute.OpTypeNotEqualTotalOrder: // shape inference does not know it
		shape, err = shapeinference.ComparisonOp(compute.OpTypeEqualTotalOrder, p, q)
	case isComparison(op):
		shape, err = shapeinference.ComparisonOp(op, p, q)
	default:
		shape, err = shapeinference.BinaryOp(op, p, q)
	}
	if err == nil && stretched(p, q) {
		err = fmt.Errorf("oracle: %s of %s and %s: an empty axis does not broadcast", op, p, q)
	}
	if err != nil {
		return nil, err
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		apply := binaryOf(r, op, p.DType)
		xs, ys := spread(in[0], shape.Dimensions), spread(in[1], shape.Dimensions)
		for i := range out.Data {
			out.Data[i] = apply(xs[i], ys[i])
		}
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return build(g, in[0], in[1])
	}), nil)
}

// stretched reports whether an axis of 0 meets one of 1: shape inference makes 1 of them.
func stretched(p, q shapes.Shape) bool {
	if p.IsScalar() || q.IsScalar() {
		return false
	}
	for axis, d := range p.Dimensions {
		if d != q.Dimensions[axis] && min(d, q.Dimensions[axis]) == 0 {
			return true
		}
	}
	return false
}

func isComparison(op compute.OpType) bool {
	return op == compute.OpTypeNotEqualTotalOrder || shapeinference.ComparisonOperations.Has(op)
}

func complexShape(re, im shapes.Shape) (shapes.Shape, error) {
	shape := re.Clone()
	if re.IsScalar() {
		shape = im.Clone()
	}
	shape.DType = dtypes.Complex64
	if re.DType == dtypes.Float64 {
		shape.DType = dtypes.Complex128
	}
	fits := re.IsScalar() || im.IsScalar() || re.EqualDimensions(im)
	if re.DType != im.DType || re.DType != dtypes.Float32 && re.DType != dtypes.Float64 || !fits {
		return shape, fmt.Errorf("oracle: Complex of %s and %s: two of float32 or float64 of one shape are needed", re, im)
	}
	return shape, nil
}

// spread repeats a tensor along its axes of size 1, a scalar everywhere.
func spread(t *Tensor, dims []int) []Scalar {
	own := t.dims()
	if len(own) == len(dims) {
		same := true
		for axis, d := range dims {
			same = same && own[axis] == d
		}
		if same {
			return t.Data
		}
	}
	size := 1
	for _, d := range dims {
		size *= d
	}
	out := make([]Scalar, size)
	if len(own) == 0 {
		fill(out, t.Data[0])
		return out
	}
	step := strides(own)
	each(dims, func(at int, index []int) {
		from := 0
		for axis, n := range index {
			if own[axis] > 1 {
				from += n * step[axis]
			}
		}
		out[at] = t.Data[from]
	})
	return out
}

// binaryOf is the operation on one pair of elements of the operands' dtype.
func binaryOf(r *run, op compute.OpType, d dtypes.DType) func(x, y Scalar) Scalar {
	a := r.arith(d)
	switch {
	case op == compute.OpTypeComplex:
		return func(x, y Scalar) Scalar {
			if x.Unsure || y.Unsure || !x.finite() || !y.finite() {
				return unsure
			}
			return Scalar{Re: x.Re, Im: y.Re, Err: math.Hypot(x.Err, y.Err), tag: a.tag()}
		}
	case isComparison(op):
		return func(x, y Scalar) Scalar { return compare(op, d, x, y) }
	case d.IsFloat():
		apply := floatBinary[op]
		return func(x, y Scalar) Scalar { return apply(a, x, y) }
	case d.IsComplex():
		return func(x, y Scalar) Scalar { return a.cbinary(op, x, y) }
	}
	return func(x, y Scalar) Scalar { return intBinary(op, d, x, y) }
}

var floatBinary = map[compute.OpType]func(a *arith, x, y Scalar) Scalar{
	compute.OpTypeAdd:   (*arith).add,
	compute.OpTypeSub:   (*arith).sub,
	compute.OpTypeMul:   (*arith).mul,
	compute.OpTypeDiv:   (*arith).div,
	compute.OpTypeRem:   (*arith).rem,
	compute.OpTypePow:   (*arith).pow,
	compute.OpTypeAtan2: (*arith).atan2,
	compute.OpTypeMax:   func(a *arith, x, y Scalar) Scalar { return a.extreme(x, y, 1) },
	compute.OpTypeMin:   func(a *arith, x, y Scalar) Scalar { return a.extreme(x, y, -1) },
}

// rem is the remainder of the division that truncates, with the dividend's sign.
func (a *arith) rem(x, y Scalar) Scalar {
	switch {
	case x.Unsure || y.Unsure || y.mayVanish():
		return unsure
	case !x.finite() || math.IsNaN(y.Re) || y.Re == 0:
		return a.value(math.NaN())
	case math.IsInf(y.Re, 0):
		return x
	}
	z := math.Mod(x.Re, y.Re)
	q := x.Re / y.Re
	slack := (x.Err+math.Abs(q)*y.Err)/(math.Abs(y.Re)-y.Err) + 4*a.u*math.Abs(q)
	whole := x.Exact() && y.Exact() && (z == 0 || math.Abs(q) < 1)
	if !whole && math.Trunc(q-slack) != math.Trunc(q+slack) {
		return unsure
	}
	if x.Exact() && y.Exact() && (whole || x.Re == math.Trunc(x.Re) && y.Re == math.Trunc(y.Re) && math.Abs(x.Re) < math.Ldexp(1, a.bits)) {
		s := a.value(z)
		s.anyZero = z == 0
		return s
	}
	in := x.Err + math.Abs(math.Trunc(q))*y.Err + roundings(compute.OpTypeRem)*a.u*math.Abs(x.Re)
	s := a.done(z, in, 1)
	s.anyZero = s.Re == 0
	return s
}

// pow is x to the y. The corners of the operands' intervals bound it, since it rises
// or falls with each operand where x > 0.
func (a *arith) pow(x, y Scalar) Scalar {
	switch {
	case x.Unsure || y.Unsure:
		return unsure
	case y.Exact() && y.Re == 0 || x.Exact() && x.Re == 1:
		return a.value(1) // also of NaN, as IEEE 754 has it
	case math.IsNaN(x.Re) || math.IsNaN(y.Re):
		if y.mayVanish() || x.Err > 0 && math.Abs(x.Re-1) <= x.Err {
			return unsure // it may be one of those
		}
		return a.value(math.NaN())
	case !x.finite() || !y.finite() || x.Re == 0:
		if !x.Exact() || !y.Exact() || x.anyZero || y.anyZero || math.Abs(x.Re) == 1 {
			return unsure
		}
		return a.value(math.Pow(x.Re, y.Re))
	case x.mayVanish():
		return unsure
	case x.Re < 0 && !y.Exact():
		return unsure
	case x.Re < 0 && y.Re != math.Trunc(y.Re):
		return a.value(math.NaN())
	}
	z := math.Pow(x.Re, y.Re)
	in := 0.0
	if x.Err > 0 || y.Err > 0 {
		for _, p := range []float64{x.Re - x.Err, x.Re + x.Err} {
			for _, q := range []float64{y.Re - y.Err, y.Re + y.Err} {
				in = math.Max(in, math.Abs(math.Pow(p, q)-z))
			}
		}
	}
	if math.IsNaN(in) || math.IsInf(in, 0) {
		return unsure
	}
	return a.function(z, in, roundings(compute.OpTypePow)+2*math.Abs(y.Re*math.Log(math.Abs(x.Re))))
}

func (a *arith) atan2(y, x Scalar) Scalar {
	switch {
	case x.Unsure || y.Unsure:
		return unsure
	case x.Exact() && y.Exact() && !x.anyZero && !y.anyZero:
		return a.function(math.Atan2(y.Re, x.Re), 0, roundings(compute.OpTypeAtan2))
	case math.IsNaN(x.Re) || math.IsNaN(y.Re):
		return a.value(math.NaN())
	case !x.finite() || !y.finite():
		return unsure
	}
	r, e := math.Hypot(x.Re, y.Re), math.Hypot(x.Err, y.Err)
	if r <= 2*e || x.Re-x.Err <= 0 && y.signless() {
		return unsure
	}
	return a.function(math.Atan2(y.Re, x.Re), 2*e/r, roundings(compute.OpTypeAtan2))
}

// compare applies a comparison: sure if no error can turn it round.
func compare(op compute.OpType, d dtypes.DType, x, y Scalar) Scalar {
	if x.Unsure || y.Unsure {
		return unsure
	}
	switch {
	case d.IsComplex():
		return compareComplex(op, x, y)
	case !d.IsFloat():
		o := 0
		if less(d, x.Int, y.Int) {
			o = -1
		} else if x.Int != y.Int {
			o = 1
		}
		return boolean(holds(op, o))
	}
	total := isTotal(op)
	if math.IsNaN(x.Re) || math.IsNaN(y.Re) {
		if total {
			return unsure // the sign of NaN is nobody's promise
		}
		return boolean(op == compute.OpTypeNotEqual)
	}
	o, known := order(x, y)
	if !known || total && o == 0 && x.Re == 0 && (x.anyZero || y.anyZero) {
		return unsure
	}
	if total && x.Re == 0 && y.Re == 0 && math.Signbit(x.Re) != math.Signbit(y.Re) {
		o = 1
		if math.Signbit(x.Re) {
			o = -1
		}
	}
	return boolean(holds(op, o))
}

func compareComplex(op compute.OpType, x, y Scalar) Scalar {
	same := x.tag != 0 && x.tag == y.tag || x.Re == y.Re && x.Im == y.Im && x.Err == 0 && y.Err == 0
	apart := math.Hypot(x.Re-y.Re, x.Im-y.Im) > x.Err+y.Err
	switch {
	case !same && !apart:
		return unsure
	case op == compute.OpTypeEqual:
		return boolean(same)
	case op == compute.OpTypeNotEqual:
		return boolean(!same)
	}
	return unsure
}

func isTotal(op compute.OpType) bool {
	switch op {
	case compute.OpTypeEqualTotalOrder, compute.OpTypeNotEqualTotalOrder,
		compute.OpTypeGreaterOrEqualTotalOrder, compute.OpTypeGreaterThanTotalOrder,
		compute.OpTypeLessOrEqualTotalOrder, compute.OpTypeLessThanTotalOrder:
		return true
	}
	return false
}

// holds reports whether a comparison is true of operands in the order o: -1, 0 or 1.
func holds(op compute.OpType, o int) bool {
	switch op {
	case compute.OpTypeEqual, compute.OpTypeEqualTotalOrder:
		return o == 0
	case compute.OpTypeNotEqual, compute.OpTypeNotEqualTotalOrder:
		return o != 0
	case compute.OpTypeLessThan, compute.OpTypeLessThanTotalOrder:
		return o < 0
	case compute.OpTypeLessOrEqual, compute.OpTypeLessOrEqualTotalOrder:
		return o <= 0
	case compute.OpTypeGreaterThan, compute.OpTypeGreaterThanTotalOrder:
		return o > 0
	}
	return o >= 0
}

// Add implements compute.Function.
func (f *Function) Add(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, compute.Function.Add, x, y)
}

// Atan2 implements compute.Function.
func (f *Function) Atan2(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAtan2, compute.Function.Atan2, x, y)
}

// BitwiseAnd implements compute.Function.
func (f *Function) BitwiseAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseAnd, compute.Function.BitwiseAnd, x, y)
}

// BitwiseOr implements compute.Function.
func (f *Function) BitwiseOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseOr, compute.Function.BitwiseOr, x, y)
}

// BitwiseXor implements compute.Function.
func (f *Function) BitwiseXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseXor, compute.Function.BitwiseXor, x, y)
}

// Complex implements compute.Function.
func (f *Function) Complex(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeComplex, compute.Function.Complex, x, y)
}

// Div implements compute.Function.
func (f *Function) Div(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, compute.Function.Div, x, y)
}

// Equal implements compute.Function.
func (f *Function) Equal(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqual, compute.Function.Equal, x, y)
}

// EqualTotalOrder implements compute.Function.
func (f *Function) EqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeEqualTotalOrder, compute.Function.EqualTotalOrder, x, y)
}

// GreaterOrEqual implements compute.Function.
func (f *Function) GreaterOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqual, compute.Function.GreaterOrEqual, x, y)
}

// GreaterOrEqualTotalOrder implements compute.Function.
func (f *Function) GreaterOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterOrEqualTotalOrder, compute.Function.GreaterOrEqualTotalOrder, x, y)
}

// GreaterThan implements compute.Function.
func (f *Function) GreaterThan(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThan, compute.Function.GreaterThan, x, y)
}

// GreaterThanTotalOrder implements compute.Function.
func (f *Function) GreaterThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeGreaterThanTotalOrder, compute.Function.GreaterThanTotalOrder, x, y)
}

// LessOrEqual implements compute.Function.
func (f *Function) LessOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqual, compute.Function.LessOrEqual, x, y)
}

// LessOrEqualTotalOrder implements compute.Function.
func (f *Function) LessOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessOrEqualTotalOrder, compute.Function.LessOrEqualTotalOrder, x, y)
}

// LessThan implements compute.Function.
func (f *Function) LessThan(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThan, compute.Function.LessThan, x, y)
}

// LessThanTotalOrder implements compute.Function.
func (f *Function) LessThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLessThanTotalOrder, compute.Function.LessThanTotalOrder, x, y)
}

// LogicalAnd implements compute.Function.
func (f *Function) LogicalAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, compute.Function.LogicalAnd, x, y)
}

// LogicalOr implements compute.Function.
func (f *Function) LogicalOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, compute.Function.LogicalOr, x, y)
}

// LogicalXor implements compute.Function.
func (f *Function) LogicalXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, compute.Function.LogicalXor, x, y)
}

// Max implements compute.Function.
func (f *Function) Max(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, compute.Function.Max, x, y)
}

// Min implements compute.Function.
func (f *Function) Min(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, compute.Function.Min, x, y)
}

// Mul implements compute.Function.
func (f *Function) Mul(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, compute.Function.Mul, x, y)
}

// NotEqual implements compute.Function.
func (f *Function) NotEqual(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqual, compute.Function.NotEqual, x, y)
}

// NotEqualTotalOrder implements compute.Function.
func (f *Function) NotEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeNotEqualTotalOrder, compute.Function.NotEqualTotalOrder, x, y)
}

// Pow implements compute.Function.
func (f *Function) Pow(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, compute.Function.Pow, x, y)
}

// Rem implements compute.Function.
func (f *Function) Rem(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, compute.Function.Rem, x, y)
}

// ShiftLeft implements compute.Function.
func (f *Function) ShiftLeft(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftLeft, compute.Function.ShiftLeft, x, y)
}

// ShiftRightArithmetic implements compute.Function.
func (f *Function) ShiftRightArithmetic(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, compute.Function.ShiftRightArithmetic, x, y)
}

// ShiftRightLogical implements compute.Function.
func (f *Function) ShiftRightLogical(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightLogical, compute.Function.ShiftRightLogical, x, y)
}

// Sub implements compute.Function.
func (f *Function) Sub(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, compute.Function.Sub, x, y)
}
