//go:build !amd64 || noasm

package kernel

import "github.com/gomlx/compute/dtypes"

func gemmActive() *gemmKernel { return gemmGoF32 }

// gemmFloat returns the kernel of float32 sums.
func gemmFloat(a, b dtypes.DType) *gemmKernel { return gemmGoF32 }

func gemmPeakLoop(*gemmKernel) (loop func(count int), flop float64) { return gemmPeakGo, 16 }
