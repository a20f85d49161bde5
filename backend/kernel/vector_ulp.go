package kernel

import "github.com/gomlx/compute"

// ULP is the most units in the last place by which a Float32 loop of op, in any
// variant, differs from the true value rounded once.
func ULP(op compute.OpType) float64 {
	switch op {
	case compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeLog, compute.OpTypeLog1p,
		compute.OpTypeRsqrt, compute.OpTypeSin, compute.OpTypeCos:
		return 2
	case compute.OpTypeTanh, compute.OpTypeLogistic, compute.OpTypeErf, compute.OpTypePow, compute.OpTypeAtan2:
		return 4
	}
	return 0
}
