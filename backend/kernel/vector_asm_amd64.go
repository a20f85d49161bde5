//go:build amd64 && !noasm

package kernel

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// A choice is a loop in AVX2 and in AVX-512.
type choice[F any] [2]F

func choose[F any](c choice[F]) (f F) {
	switch active {
	case avx512:
		return c[1]
	case avx2:
		return c[0]
	}
	return f
}

var asmUnary = map[compute.OpType]choice[Func1]{
	compute.OpTypeAbs:      {avx2Abs, avx512Abs},
	compute.OpTypeCeil:     {avx2Ceil, avx512Ceil},
	compute.OpTypeCos:      {stopping(avx2Cos, math.Cos), stopping(avx512Cos, math.Cos)},
	compute.OpTypeErf:      {avx2Erf, avx512Erf},
	compute.OpTypeExp:      {avx2Exp, avx512Exp},
	compute.OpTypeExpm1:    {avx2Expm1, avx512Expm1},
	compute.OpTypeFloor:    {avx2Floor, avx512Floor},
	compute.OpTypeIsFinite: {avx2IsFinite, avx512IsFinite},
	compute.OpTypeIsNaN:    {avx2IsNaN, avx512IsNaN},
	compute.OpTypeLog:      {avx2Log, avx512Log},
	compute.OpTypeLog1p:    {avx2Log1p, avx512Log1p},
	compute.OpTypeLogistic: {avx2Logistic, avx512Logistic},
	compute.OpTypeNeg:      {avx2Neg, avx512Neg},
	compute.OpTypeRound:    {avx2Round, avx512Round},
	compute.OpTypeRsqrt:    {avx2Rsqrt, avx512Rsqrt},
	compute.OpTypeSign:     {avx2Sign, avx512Sign},
	compute.OpTypeSin:      {stopping(avx2Sin, math.Sin), stopping(avx512Sin, math.Sin)},
	compute.OpTypeSqrt:     {avx2Sqrt, avx512Sqrt},
	compute.OpTypeTanh:     {avx2Tanh, avx512Tanh},
}

// Indexed by Mode.
var asmBinary = map[compute.OpType]choice[[3]Func2]{
	compute.OpTypeAdd:            {{avx2AddVV, avx2AddVS, avx2AddSV}, {avx512AddVV, avx512AddVS, avx512AddSV}},
	compute.OpTypeSub:            {{avx2SubVV, avx2SubVS, avx2SubSV}, {avx512SubVV, avx512SubVS, avx512SubSV}},
	compute.OpTypeMul:            {{avx2MulVV, avx2MulVS, avx2MulSV}, {avx512MulVV, avx512MulVS, avx512MulSV}},
	compute.OpTypeDiv:            {{avx2DivVV, avx2DivVS, avx2DivSV}, {avx512DivVV, avx512DivVS, avx512DivSV}},
	compute.OpTypeMax:            {{avx2MaxVV, avx2MaxVS, avx2MaxSV}, {avx512MaxVV, avx512MaxVS, avx512MaxSV}},
	compute.OpTypeMin:            {{avx2MinVV, avx2MinVS, avx2MinSV}, {avx512MinVV, avx512MinVS, avx512MinSV}},
	compute.OpTypeEqual:          {{avx2EqualVV, avx2EqualVS, avx2EqualSV}, {avx512EqualVV, avx512EqualVS, avx512EqualSV}},
	compute.OpTypeNotEqual:       {{avx2NotEqualVV, avx2NotEqualVS, avx2NotEqualSV}, {avx512NotEqualVV, avx512NotEqualVS, avx512NotEqualSV}},
	compute.OpTypeLessThan:       {{avx2LessVV, avx2LessVS, avx2LessSV}, {avx512LessVV, avx512LessVS, avx512LessSV}},
	compute.OpTypeLessOrEqual:    {{avx2LessOrEqualVV, avx2LessOrEqualVS, avx2LessOrEqualSV}, {avx512LessOrEqualVV, avx512LessOrEqualVS, avx512LessOrEqualSV}},
	compute.OpTypeGreaterThan:    {{avx2GreaterVV, avx2GreaterVS, avx2GreaterSV}, {avx512GreaterVV, avx512GreaterVS, avx512GreaterSV}},
	compute.OpTypeGreaterOrEqual: {{avx2GreaterOrEqualVV, avx2GreaterOrEqualVS, avx2GreaterOrEqualSV}, {avx512GreaterOrEqualVV, avx512GreaterOrEqualVS, avx512GreaterOrEqualSV}},
}

var (
	asmSelects = choice[[4]Func3]{
		{avx2SelectVV, avx2SelectVS, avx2SelectSV, avx2SelectSS},
		{avx512SelectVV, avx512SelectVS, avx512SelectSV, avx512SelectSS},
	}
	asmMulAdds = choice[[4]Func3]{
		{avx2MulAddVV, avx2MulAddVS, avx2MulAddSV, avx2MulAddSS},
		{avx512MulAddVV, avx512MulAddVS, avx512MulAddSV, avx512MulAddSS},
	}
)

func asm1(op compute.OpType, t dtypes.DType) Func1 {
	if t != dtypes.Float32 {
		return nil
	}
	return choose(asmUnary[op])
}

func asm2(op compute.OpType, t dtypes.DType, m Mode) Func2 {
	if t != dtypes.Float32 {
		return nil
	}
	return choose(asmBinary[op])[m]
}

// asmSelect serves all types of four bytes.
func asmSelect(t dtypes.DType, m Mode) Func3 {
	if sizeOf(t) != 4 {
		return nil
	}
	return choose(asmSelects)[m]
}

func asmMulAdd(t dtypes.DType, m Mode) Func3 {
	if t != dtypes.Float32 {
		return nil
	}
	return choose(asmMulAdds)[m]
}

func asmConvert(from, to dtypes.DType) Func1       { return nil }
func asmReduce(compute.OpType, dtypes.DType) Func1 { return nil }
func asmTranspose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	return nil
}

// trigLimit is the greatest |x| whose argument the assembly of sine and cosine
// reduces.
const trigLimit = 1e5

// stopping makes a loop of fast, which returns before a vector (at most block
// elements) with an |x| above trigLimit: there those elements take slow. What the
// others get does not depend on their neighbours.
func stopping(fast func(dst, x unsafe.Pointer, n int) int, slow func(float64) float64) Func1 {
	const block = 16
	return func(dst, x unsafe.Pointer, n int) {
		i := fast(dst, x, n)
		if i == n {
			return
		}
		d, s := view[float32](dst, n), view[float32](x, n)
		in, out := make([]float32, block), make([]float32, block)
		for i < n {
			k := copy(in, s[i:])
			for j, v := range in[:k] {
				if math.Abs(float64(v)) > trigLimit {
					in[j] = 0
				}
			}
			fast(unsafe.Pointer(&out[0]), unsafe.Pointer(&in[0]), k)
			for j, v := range s[i : i+k] {
				if math.Abs(float64(v)) > trigLimit {
					out[j] = float32(slow(float64(v)))
				}
			}
			copy(d[i:], out[:k])
			if i += k; i < n {
				i += fast(at(dst, i, 4), at(x, i, 4), n-i)
			}
		}
	}
}
