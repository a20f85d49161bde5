package kernel

import "github.com/gomlx/compute/dtypes"

func convert(from, to dtypes.DType) Func1 { return nil }
