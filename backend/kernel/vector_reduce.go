package kernel

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

func reduce(compute.OpType, dtypes.DType) Func1 { return nil }

// ReduceInit writes the value that changes nothing: 0, 1, the lowest or the
// highest value, all ones. It reports whether op is defined for t.
func ReduceInit(op compute.OpType, t dtypes.DType, dst unsafe.Pointer) bool { return false }

// ArgMinMax returns the loop that finds the index of the least (or greatest) of n
// elements that are stride elements apart: the first of equals, and the first NaN
// before all. It is nil for complex types.
func ArgMinMax(t dtypes.DType, isMin bool) func(x unsafe.Pointer, stride, n int) int { return nil }
