package kernel

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

func unary(compute.OpType, dtypes.DType) Func1 { return nil }
