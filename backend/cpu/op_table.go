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

// opFuncs has the operations that run as they stand; all others are views or
// become parts of tile programs and matrix products. Builders have refused types that
// an operation has no loop for.
var opFuncs = map[compute.OpType]opFunc{
	compute.OpTypeBitcast:            runBitcast,
	compute.OpTypeIota:               runIota,
	compute.OpTypePad:                runPad,
	compute.OpTypeConcatenate:        runConcatenate,
	compute.OpTypeDynamicSlice:       runDynamicSlice,
	compute.OpTypeDynamicUpdateSlice: runDynamicUpdateSlice,

	compute.OpTypeGather:     runGather,
	compute.OpTypeScatterSum: inFloat32(runScatter),
	compute.OpTypeScatterMax: inFloat32(runScatter),
	compute.OpTypeScatterMin: inFloat32(runScatter),
	compute.OpTypeArgMinMax:  runArgMinMax,

	compute.OpTypeReduceSum:        inFloat32(runReduce),
	compute.OpTypeReduceProduct:    inFloat32(runReduce),
	compute.OpTypeReduceMax:        inFloat32(runReduce),
	compute.OpTypeReduceMin:        inFloat32(runReduce),
	compute.OpTypeReduceLogicalAnd: runReduce,
	compute.OpTypeReduceLogicalOr:  runReduce,
	compute.OpTypeReduceLogicalXor: runReduce,
	compute.OpTypeReduceBitwiseAnd: runReduce,
	compute.OpTypeReduceBitwiseOr:  runReduce,
	compute.OpTypeReduceBitwiseXor: runReduce,

	compute.OpTypeReduceWindow:        inFloat32(runReduceWindow),
	compute.OpTypeSelectAndScatterMax: inFloat32(runSelectAndScatter),
	compute.OpTypeSelectAndScatterMin: inFloat32(runSelectAndScatter),

	compute.OpTypeConvGeneral:              runConv,
	compute.OpTypeFFT:                      runFFT,
	compute.OpTypeRNGBitGenerator:          runRandom,
	compute.OpTypeQuantizedEmbeddingLookup: runQuantizedLookup,
	compute.OpTypeFusedQuantizedDense:      runQuantizedDot,
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

// inFloat32 makes an operation on half types compute in float32 and round once.
func inFloat32(f opFunc) opFunc {
	return func(c *call) error {
		half := c.out[0].shape.DType
		if half != dtypes.Float16 && half != dtypes.BFloat16 {
			return f(c)
		}
		wide := *c
		wide.in, wide.out = make([]value, len(c.in)), make([]value, 1)
		widen := func(v value) (value, *scratch) {
			s := borrow(4 * v.shape.Size())
			v.shape = v.shape.Clone()
			v.shape.DType, v.data = dtypes.Float32, s.data
			return v, s
		}
		for i, v := range c.in {
			if wide.in[i] = v; v.shape.DType == half {
				w, s := widen(v)
				defer s.free()
				c.convert(w, v)
				wide.in[i] = w
			}
		}
		w, s := widen(c.out[0])
		defer s.free()
		wide.out[0] = w
		err := f(&wide)
		c.convert(c.out[0], w)
		return err
	}
}

// convert sets dst to src in dst's type.
func (c *call) convert(dst, src value) {
	f := kernel.Convert(src.shape.DType, dst.shape.DType)
	d, s := dst.shape.DType.Size(), src.shape.DType.Size()
	ranges(c.do, src.shape.Size(), grain/max(d, s), func(lo, hi int) { f(at(dst.data, lo*d), at(src.data, lo*s), hi-lo) })
}
