package oracle

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

type unaryMethod = func(compute.Function, compute.Value) (compute.Value, error)

// unary records an element-wise operation on one operand.
func (f *Function) unary(op compute.OpType, build unaryMethod, x compute.Value) (compute.Value, error) {
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := unaryShape(op, in[0].Shape())
	if err != nil {
		return nil, err
	}
	d := in[0].Shape().DType
	if d.IsFloat() && floatUnary[op] == nil || d.IsComplex() && !complexUnary(op) {
		return nil, fmt.Errorf("oracle: %s of %s: %w", op, d, compute.ErrNotImplemented)
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		apply := unaryOf(r, op, d)
		for i, x := range in[0].Data {
			out.Data[i] = apply(x)
		}
	}
	return f.single(simple(op, in, shape, "", eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return build(g, in[0])
	}), nil)
}

func unaryShape(op compute.OpType, x shapes.Shape) (shapes.Shape, error) {
	shape := x.Clone()
	switch op {
	case compute.OpTypeIsFinite, compute.OpTypeIsNaN:
		if !x.DType.IsFloat() {
			return shape, fmt.Errorf("oracle: %s of %s: floats only", op, x.DType)
		}
		shape.DType = dtypes.Bool
		return shape, nil
	case compute.OpTypeReal, compute.OpTypeImag:
		if !x.DType.IsFloat() && !x.DType.IsComplex() {
			return shape, fmt.Errorf("oracle: %s of %s: complex numbers only", op, x.DType)
		}
		shape.DType = x.DType.RealDType()
		return shape, nil
	case compute.OpTypeAbs:
		if x.DType.IsComplex() {
			shape.DType = x.DType.RealDType()
			return shape, nil
		}
	}
	return shapeinference.UnaryOp(op, x)
}

// unaryOf is the operation on one element.
func unaryOf(r *run, op compute.OpType, d dtypes.DType) func(Scalar) Scalar {
	a := r.arith(d)
	switch {
	case d.IsFloat():
		apply := floatUnary[op]
		return func(x Scalar) Scalar {
			if x.Unsure {
				return unsure
			}
			return apply(a, x)
		}
	case d.IsComplex() && op == compute.OpTypeReal:
		return func(x Scalar) Scalar { return a.part(x, x.Re) }
	case d.IsComplex() && op == compute.OpTypeImag:
		return func(x Scalar) Scalar { return a.part(x, x.Im) }
	case d.IsComplex():
		return func(x Scalar) Scalar { return a.cunary(op, x) }
	}
	return func(x Scalar) Scalar {
		if x.Unsure {
			return unsure
		}
		return Scalar{Int: wrap(d, intUnary(op, d, x.Int))}
	}
}

func complexUnary(op compute.OpType) bool {
	switch op {
	case compute.OpTypeReal, compute.OpTypeImag, compute.OpTypeNeg, compute.OpTypeConj, compute.OpTypeAbs,
		compute.OpTypeExp, compute.OpTypeLog, compute.OpTypeSqrt, compute.OpTypeRsqrt:
		return true
	}
	return false
}

// elementary makes an operation of a function that rises or falls throughout.
func elementary(op compute.OpType, f func(float64) float64) func(*arith, Scalar) Scalar {
	return func(a *arith, x Scalar) Scalar { return a.monotone(op, f, x) }
}

// step makes an operation of a function with jumps: sure if both ends agree.
func step(f func(float64) float64) func(*arith, Scalar) Scalar {
	return func(a *arith, x Scalar) Scalar {
		if x.Err > 0 && f(x.Re-x.Err) != f(x.Re+x.Err) {
			return unsure
		}
		s := a.value(f(x.Re))
		s.anyZero = s.Re == 0 && x.signless()
		return s
	}
}

var floatUnary = map[compute.OpType]func(*arith, Scalar) Scalar{
	compute.OpTypeNeg:      (*arith).neg,
	compute.OpTypeAbs:      (*arith).abs,
	compute.OpTypeExp:      elementary(compute.OpTypeExp, math.Exp),
	compute.OpTypeExpm1:    elementary(compute.OpTypeExpm1, math.Expm1),
	compute.OpTypeLog:      elementary(compute.OpTypeLog, math.Log),
	compute.OpTypeLog1p:    elementary(compute.OpTypeLog1p, math.Log1p),
	compute.OpTypeLogistic: elementary(compute.OpTypeLogistic, logistic),
	compute.OpTypeTanh:     elementary(compute.OpTypeTanh, math.Tanh),
	compute.OpTypeErf:      elementary(compute.OpTypeErf, math.Erf),
	compute.OpTypeSqrt:     elementary(compute.OpTypeSqrt, math.Sqrt),
	compute.OpTypeRsqrt:    elementary(compute.OpTypeRsqrt, rsqrt),
	compute.OpTypeSin:      func(a *arith, x Scalar) Scalar { return a.wave(compute.OpTypeSin, math.Sin, x) },
	compute.OpTypeCos:      func(a *arith, x Scalar) Scalar { return a.wave(compute.OpTypeCos, math.Cos, x) },
	compute.OpTypeCeil:     step(math.Ceil),
	compute.OpTypeFloor:    step(math.Floor),
	compute.OpTypeRound:    step(math.RoundToEven),
	compute.OpTypeSign:     step(sign),
	compute.OpTypeIsFinite: func(_ *arith, x Scalar) Scalar { return boolean(x.finite()) },
	compute.OpTypeIsNaN:    func(_ *arith, x Scalar) Scalar { return boolean(math.IsNaN(x.Re)) },
	compute.OpTypeReal:     func(_ *arith, x Scalar) Scalar { return x },
	compute.OpTypeImag:     func(a *arith, _ Scalar) Scalar { return a.value(0) },
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // zeros and NaN
}

func intUnary(op compute.OpType, d dtypes.DType, n int64) int64 {
	switch op {
	case compute.OpTypeNeg:
		return -n
	case compute.OpTypeAbs:
		if less(d, n, 0) {
			return -n
		}
		return n
	case compute.OpTypeSign:
		switch {
		case less(d, n, 0):
			return -1
		case n != 0:
			return 1
		}
		return 0
	case compute.OpTypeLogicalNot:
		return n ^ 1
	case compute.OpTypeBitwiseNot:
		return ^n
	case compute.OpTypeBitCount:
		return int64(bits.OnesCount64(lowBits(d, n)))
	case compute.OpTypeClz:
		return int64(bits.LeadingZeros64(lowBits(d, n)) - 64 + d.Bits())
	}
	panic("oracle: " + op.String() + " is no operation on integers") // shape inference has checked it
}

// lowBits are the bits of an integer without its sign's extension.
func lowBits(d dtypes.DType, n int64) uint64 {
	return uint64(n) << (64 - uint(d.Bits())) >> (64 - uint(d.Bits()))
}

// arith is for floats of a dtype, or for the parts of complex numbers.
func (r *run) arith(d dtypes.DType) *arith { return &arith{formatOf(d), &r.tags} }

// wide is for sums of a dtype: 16-bit floats are added in float32.
func (r *run) wide(d dtypes.DType) *arith {
	if d.IsHalfPrecision() {
		d = dtypes.Float32
	}
	return r.arith(d)
}

// store rounds what was computed in a wider format.
func (a *arith) store(s Scalar) Scalar {
	if s.Unsure || !s.finite() || s.Err == 0 && a.round(s.Re) == s.Re {
		return s
	}
	return a.done(s.Re, s.Err, 1)
}

// Abs implements compute.Function.
func (f *Function) Abs(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeAbs, compute.Function.Abs, x)
}

// BitCount implements compute.Function.
func (f *Function) BitCount(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitCount, compute.Function.BitCount, x)
}

// BitwiseNot implements compute.Function.
func (f *Function) BitwiseNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitwiseNot, compute.Function.BitwiseNot, x)
}

// Ceil implements compute.Function.
func (f *Function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, compute.Function.Ceil, x)
}

// Clz implements compute.Function.
func (f *Function) Clz(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeClz, compute.Function.Clz, x)
}

// Conj implements compute.Function.
func (f *Function) Conj(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeConj, compute.Function.Conj, x)
}

// Cos implements compute.Function.
func (f *Function) Cos(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCos, compute.Function.Cos, x)
}

// Erf implements compute.Function.
func (f *Function) Erf(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeErf, compute.Function.Erf, x)
}

// Exp implements compute.Function.
func (f *Function) Exp(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExp, compute.Function.Exp, x)
}

// Expm1 implements compute.Function.
func (f *Function) Expm1(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExpm1, compute.Function.Expm1, x)
}

// Floor implements compute.Function.
func (f *Function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, compute.Function.Floor, x)
}

// Imag implements compute.Function.
func (f *Function) Imag(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeImag, compute.Function.Imag, x)
}

// IsFinite implements compute.Function.
func (f *Function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIsFinite, compute.Function.IsFinite, x)
}

// IsNaN implements compute.Function.
func (f *Function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeIsNaN, compute.Function.IsNaN, x)
}

// Log implements compute.Function.
func (f *Function) Log(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog, compute.Function.Log, x)
}

// Log1p implements compute.Function.
func (f *Function) Log1p(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog1p, compute.Function.Log1p, x)
}

// LogicalNot implements compute.Function.
func (f *Function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, compute.Function.LogicalNot, x)
}

// Logistic implements compute.Function.
func (f *Function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, compute.Function.Logistic, x)
}

// Neg implements compute.Function.
func (f *Function) Neg(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeNeg, compute.Function.Neg, x)
}

// Real implements compute.Function.
func (f *Function) Real(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeReal, compute.Function.Real, x)
}

// Round implements compute.Function.
func (f *Function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, compute.Function.Round, x)
}

// Rsqrt implements compute.Function.
func (f *Function) Rsqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRsqrt, compute.Function.Rsqrt, x)
}

// Sign implements compute.Function.
func (f *Function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, compute.Function.Sign, x)
}

// Sin implements compute.Function.
func (f *Function) Sin(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSin, compute.Function.Sin, x)
}

// Sqrt implements compute.Function.
func (f *Function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, compute.Function.Sqrt, x)
}

// Tanh implements compute.Function.
func (f *Function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, compute.Function.Tanh, x)
}
