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
var asmBinary = map[dtypes.DType]map[compute.OpType]choice[[3]Func2]{
	dtypes.Float32: {
		compute.OpTypeAdd:            {{avx2AddVV, avx2AddVS, avx2AddSV}, {avx512AddVV, avx512AddVS, avx512AddSV}},
		compute.OpTypeSub:            {{avx2SubVV, avx2SubVS, avx2SubSV}, {avx512SubVV, avx512SubVS, avx512SubSV}},
		compute.OpTypeMul:            {{avx2MulVV, avx2MulVS, avx2MulSV}, {avx512MulVV, avx512MulVS, avx512MulSV}},
		compute.OpTypeDiv:            {{avx2DivVV, avx2DivVS, avx2DivSV}, {avx512DivVV, avx512DivVS, avx512DivSV}},
		compute.OpTypePow:            {{avx2PowVV, avx2PowVS, avx2PowSV}, {avx512PowVV, avx512PowVS, avx512PowSV}},
		compute.OpTypeMax:            {{avx2MaxVV, avx2MaxVS, avx2MaxSV}, {avx512MaxVV, avx512MaxVS, avx512MaxSV}},
		compute.OpTypeMin:            {{avx2MinVV, avx2MinVS, avx2MinSV}, {avx512MinVV, avx512MinVS, avx512MinSV}},
		compute.OpTypeEqual:          {{avx2EqualVV, avx2EqualVS, avx2EqualSV}, {avx512EqualVV, avx512EqualVS, avx512EqualSV}},
		compute.OpTypeNotEqual:       {{avx2NotEqualVV, avx2NotEqualVS, avx2NotEqualSV}, {avx512NotEqualVV, avx512NotEqualVS, avx512NotEqualSV}},
		compute.OpTypeLessThan:       {{avx2LessVV, avx2LessVS, avx2LessSV}, {avx512LessVV, avx512LessVS, avx512LessSV}},
		compute.OpTypeLessOrEqual:    {{avx2LessOrEqualVV, avx2LessOrEqualVS, avx2LessOrEqualSV}, {avx512LessOrEqualVV, avx512LessOrEqualVS, avx512LessOrEqualSV}},
		compute.OpTypeGreaterThan:    {{avx2GreaterVV, avx2GreaterVS, avx2GreaterSV}, {avx512GreaterVV, avx512GreaterVS, avx512GreaterSV}},
		compute.OpTypeGreaterOrEqual: {{avx2GreaterOrEqualVV, avx2GreaterOrEqualVS, avx2GreaterOrEqualSV}, {avx512GreaterOrEqualVV, avx512GreaterOrEqualVS, avx512GreaterOrEqualSV}},
	},
	dtypes.Float64: {
		compute.OpTypeAdd: {{avx2F64AddVV, avx2F64AddVS, avx2F64AddSV}, {avx512F64AddVV, avx512F64AddVS, avx512F64AddSV}},
		compute.OpTypeSub: {{avx2F64SubVV, avx2F64SubVS, avx2F64SubSV}, {avx512F64SubVV, avx512F64SubVS, avx512F64SubSV}},
		compute.OpTypeMul: {{avx2F64MulVV, avx2F64MulVS, avx2F64MulSV}, {avx512F64MulVV, avx512F64MulVS, avx512F64MulSV}},
		compute.OpTypeDiv: {{avx2F64DivVV, avx2F64DivVS, avx2F64DivSV}, {avx512F64DivVV, avx512F64DivVS, avx512F64DivSV}},
	},
	dtypes.Int32: {
		compute.OpTypeAdd:         {{avx2I32AddVV, avx2I32AddVS, avx2I32AddSV}, {avx512I32AddVV, avx512I32AddVS, avx512I32AddSV}},
		compute.OpTypeSub:         {{avx2I32SubVV, avx2I32SubVS, avx2I32SubSV}, {avx512I32SubVV, avx512I32SubVS, avx512I32SubSV}},
		compute.OpTypeMul:         {{avx2I32MulVV, avx2I32MulVS, avx2I32MulSV}, {avx512I32MulVV, avx512I32MulVS, avx512I32MulSV}},
		compute.OpTypeMax:         {{avx2I32MaxVV, avx2I32MaxVS, avx2I32MaxSV}, {avx512I32MaxVV, avx512I32MaxVS, avx512I32MaxSV}},
		compute.OpTypeMin:         {{avx2I32MinVV, avx2I32MinVS, avx2I32MinSV}, {avx512I32MinVV, avx512I32MinVS, avx512I32MinSV}},
		compute.OpTypeEqual:       {{avx2I32EqualVV, avx2I32EqualVS, avx2I32EqualSV}, {avx512I32EqualVV, avx512I32EqualVS, avx512I32EqualSV}},
		compute.OpTypeNotEqual:    {{avx2I32NotEqualVV, avx2I32NotEqualVS, avx2I32NotEqualSV}, {avx512I32NotEqualVV, avx512I32NotEqualVS, avx512I32NotEqualSV}},
		compute.OpTypeLessThan:    {{avx2I32LessVV, avx2I32LessVS, avx2I32LessSV}, {avx512I32LessVV, avx512I32LessVS, avx512I32LessSV}},
		compute.OpTypeLessOrEqual: {{avx2I32LessOrEqualVV, avx2I32LessOrEqualVS, avx2I32LessOrEqualSV}, {avx512I32LessOrEqualVV, avx512I32LessOrEqualVS, avx512I32LessOrEqualSV}},
	},
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
	switch {
	case t == dtypes.Float32:
		return choose(asmUnary[op])
	case t == dtypes.Float64 && op == compute.OpTypeSqrt:
		return choose(choice[Func1]{avx2F64Sqrt, avx512F64Sqrt})
	}
	return nil
}

func asm2(op compute.OpType, t dtypes.DType, m Mode) Func2 { return choose(asmBinary[t][op])[m] }

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

var asmConverts = map[[2]dtypes.DType]choice[Func1]{
	{dtypes.Float32, dtypes.BFloat16}: {avx2F32ToBF16, avx512F32ToBF16},
	{dtypes.BFloat16, dtypes.Float32}: {avx2BF16ToF32, avx512BF16ToF32},
	{dtypes.Float32, dtypes.Float16}:  {avx2F32ToF16, avx512F32ToF16},
	{dtypes.Float16, dtypes.Float32}:  {avx2F16ToF32, avx512F16ToF32},
	{dtypes.Float32, dtypes.Float64}:  {avx2F32ToF64, avx512F32ToF64},
	{dtypes.Float64, dtypes.Float32}:  {avx2F64ToF32, avx512F64ToF32},
	{dtypes.Float32, dtypes.Int32}:    {avx2F32ToI32, avx512F32ToI32},
	{dtypes.Int32, dtypes.Float32}:    {avx2I32ToF32, avx512I32ToF32},
	{dtypes.Float32, dtypes.Bool}:     {avx2F32ToBool, avx512F32ToBool},
	{dtypes.Bool, dtypes.Float32}:     {avx2U8ToF32, avx512U8ToF32},
	{dtypes.Uint8, dtypes.Float32}:    {avx2U8ToF32, avx512U8ToF32},
	{dtypes.Int8, dtypes.Float32}:     {avx2I8ToF32, avx512I8ToF32},
	{dtypes.Bool, dtypes.Int32}:       {avx2U8ToI32, avx512U8ToI32},
	{dtypes.Uint8, dtypes.Int32}:      {avx2U8ToI32, avx512U8ToI32},
	{dtypes.Int8, dtypes.Int32}:       {avx2I8ToI32, avx512I8ToI32},
}

func asmConvert(from, to dtypes.DType) Func1 { return choose(asmConverts[[2]dtypes.DType{from, to}]) }

func asmReduce(op compute.OpType, t dtypes.DType) Func1 {
	if t != dtypes.Float32 {
		return nil
	}
	switch op {
	case compute.OpTypeReduceSum:
		if f := choose(choice[Func1]{avx2Sum, avx512Sum}); f != nil {
			return func(dst, x unsafe.Pointer, n int) {
				if n <= sumLeaf {
					f(dst, x, n)
					return
				}
				sumTree(dst, 0, n, func(i, n int) { f(dst, at(x, i, 4), n) })
			}
		}
	case compute.OpTypeReduceMax:
		return choose(choice[Func1]{avx2Greatest, avx512Greatest})
	case compute.OpTypeReduceMin:
		return choose(choice[Func1]{avx2Least, avx512Least})
	}
	return nil
}

func asmDot() Func2 {
	f := choose(choice[Func2]{avx2Dot, avx512Dot})
	if f == nil {
		return nil
	}
	return func(dst, x, y unsafe.Pointer, n int) {
		if n <= sumLeaf {
			f(dst, x, y, n)
			return
		}
		sumTree(dst, 0, n, func(i, n int) { f(dst, at(x, i, 4), at(y, i, 4), n) })
	}
}

// sumLeaf is the number of elements that the assembly sums: at most 64 in a row.
const sumLeaf = 4096

// sumTree sums n elements from i on into dst: halves, cut at a multiple of sumLeaf, down
// to leaves.
func sumTree(dst unsafe.Pointer, i, n int, leaf func(i, n int)) {
	if n <= sumLeaf {
		leaf(i, n)
		return
	}
	h := (n/2 + sumLeaf - 1) / sumLeaf * sumLeaf
	sumTree(dst, i, h, leaf)
	left := *(*float32)(dst)
	sumTree(dst, i+h, n-h, leaf)
	*(*float32)(dst) += left
}

func asmTranspose(size int) func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int) {
	if size != 4 {
		return nil
	}
	return choose(choice[func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)]{avx2Transpose4, avx512Transpose4})
}

// chainTables are the handlers of chains.
var chainTables = func() (t choice[[chainHandlerCount]uintptr]) {
	avx2ChainTable(unsafe.Pointer(&t[0]))
	avx512ChainTable(unsafe.Pointer(&t[1]))
	return t
}()

// Fence lets other goroutines see what this one has stored past the caches.
func Fence() { avx2Fence() }

func asmChain() (run func(code, ptrs unsafe.Pointer, blocks int), block int, handlers [chainHandlerCount]uintptr) {
	run = choose(choice[func(code, ptrs unsafe.Pointer, blocks int)]{avx2Chain, avx512Chain})
	return run, choose(choice[int]{32, 64}), choose(chainTables)
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
