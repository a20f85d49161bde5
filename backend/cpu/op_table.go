package cpu

import (
	"math"
	mathbits "math/bits"
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// opUnpack makes Int8 or Uint8 of packed integers.
const opUnpack = compute.OpTypeLast + 2

// opFuncs has the operations that run as they stand; all others are views or
// become parts of tile programs and matrix products. Builders have refused types that
// an operation has no loop for.
var opFuncs = map[compute.OpType]opFunc{
	compute.OpTypeBitcast:            runBitcast,
	compute.OpTypeIota:               runIota,
	compute.OpTypePad:                runPad,
	compute.OpTypeDynamicSlice:       runDynamicSlice,
	compute.OpTypeDynamicUpdateSlice: runDynamicUpdateSlice,

	compute.OpTypeGather:     runGather,
	compute.OpTypeScatterSum: runScatter,
	compute.OpTypeScatterMax: runScatter,
	compute.OpTypeScatterMin: runScatter,
	compute.OpTypeArgMinMax:  runArgMinMax,

	compute.OpTypeSelectAndScatterMax: runSelectAndScatter,
	compute.OpTypeSelectAndScatterMin: runSelectAndScatter,

	compute.OpTypeConvGeneral:              runConv,
	compute.OpTypeFFT:                      runFFT,
	compute.OpTypeRNGBitGenerator:          runRandom,
	compute.OpTypeQuantizedEmbeddingLookup: runQuantizedLookup,
	compute.OpTypeFusedQuantizedDense:      runQuantizedDot,
	opUnpack:                               runUnpack,
}

// These run programs, whose steps are looked up in opFuncs: in its literal they would be
// a cycle.
func init() {
	opFuncs[compute.OpTypeWhile] = runWhile
	opFuncs[compute.OpTypeIf] = runIf
	opFuncs[compute.OpTypeSort] = runSort
}

// grain is the number of bytes that a task moves at least: less is not worth the
// handing over.
const grain = 64 << 10

// ranges runs body over the parts of 0..n-1 that have step indices each (the last
// one fewer), in parallel where there are several.
func ranges(do func(n int, body func(i int)), n, step int, body func(lo, hi int)) {
	step = max(step, 1)
	tasks := (n + step - 1) / step
	if tasks <= 1 || do == nil {
		for lo := 0; lo < n; lo += step {
			body(lo, min(lo+step, n))
		}
		return
	}
	do(tasks, func(i int) { body(i*step, min(i*step+step, n)) })
}

// perTask is how many rows of so many bytes make a task.
func perTask(rowBytes int) int { return max(1, grain/max(rowBytes, 1)) }

// spare keeps the scratch memory of operations, one pool for each power of two.
var spare [mathbits.UintSize]sync.Pool

// scratch is memory of an operation, for no longer than it runs.
type scratch struct {
	data  []byte
	class int
}

// borrow returns n bytes of arbitrary content, aligned for any element.
func borrow(n int) *scratch {
	class := mathbits.Len(uint(n))
	s, _ := spare[class].Get().(*scratch)
	if s == nil {
		s = &scratch{unsafe.Slice((*byte)(unsafe.Pointer(&make([]complex128, 1<<max(class-4, 0))[0])), 1<<max(class, 4)), class}
	}
	s.data = s.data[:n]
	return s
}

// free gives the memory back.
func (s *scratch) free() { spare[s.class].Put(s) }

// ints reads an array of integers. Values that int does not hold become its limits.
func ints(v value) []int {
	out := make([]int, v.shape.Size())
	kernel.Convert(v.shape.DType, dtypes.Int64)(unsafe.Pointer(unsafe.SliceData(out)), at(v.data, 0), len(out))
	if v.shape.DType == dtypes.Uint64 {
		for i, x := range out {
			if x < 0 {
				out[i] = math.MaxInt
			}
		}
	}
	return out
}

// orElse is s, or n times the value where s is empty.
func orElse[T any](s []T, n int, value T) []T {
	if len(s) > 0 {
		return s
	}
	return slices.Repeat([]T{value}, n)
}
