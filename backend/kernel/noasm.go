//go:build !amd64 || noasm

package kernel

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// The seam between the tables and the assembly: each function returns the loop of the
// active variant, or nil (false) where the portable one serves: here always.

func detect() level { return portable }

func asm1(compute.OpType, dtypes.DType) Func1       { return nil }
func asm2(compute.OpType, dtypes.DType, Mode) Func2 { return nil }
func asm3(name string, m Mode) Func3                { return nil }
func asmConvert(from, to dtypes.DType) Func1        { return nil }
func asmReduce(compute.OpType, dtypes.DType) Func1  { return nil }
func asmDot() Func2                                 { return nil }
func asmTranspose(size int) transposeFunc           { return nil }

// Fence has nothing to do where nothing is stored past the caches.
func Fence() {}

func asmChain() (run chainFunc, block int, handlers chainTable) { return }

func gemmActive() *gemmKernel            { return gemmGoF32 }
func gemmFloat(dtypes.DType) *gemmKernel { return gemmGoF32 }
