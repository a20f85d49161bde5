//go:build !amd64 || noasm

package kernel

import "github.com/gomlx/compute/dtypes"

// The seam between the tables and the assembly, of which there is none here.

func detect() level { return portable }

var (
	asmLoops1     map[string]choice[Func1]
	asmLoops2     map[string]choice[Func2]
	asmLoops3     map[string]choice[Func3]
	asmTranspose4 choice[transposeFunc]

	chainHandlers map[chainKey]int
	chainLoops    choice[chainLoop]

	gemmF32 = choice[*gemmKernel]{gemmGoF32}
)

// Fence has nothing to do where nothing is stored past the caches.
func Fence() {}

func gemmFloat(dtypes.DType) *gemmKernel { return gemmGoF32 }
