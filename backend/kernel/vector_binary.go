package kernel

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

func binary(compute.OpType, dtypes.DType, Mode) Func2 { return nil }

func selects(dtypes.DType, Mode) Func3 { return nil }

func mulAdd(dtypes.DType, Mode) Func3 { return nil }
