package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// The attributes of operations, beside their operands. Axes are normalised: they
// count from 0 and reduced axes are sorted.
type (
	reduceAttr    struct{ axes []int }                    // Reduce...
	transposeAttr struct{ perm []int }                    // Transpose: output axis i is input axis perm[i]
	broadcastAttr struct{ axes []int }                    // BroadcastInDim: input axis i is output axis axes[i]
	sliceAttr     struct{ starts, limits, strides []int } // Slice
	padAttr       struct{ axes []compute.PadAxis }        // Pad; operands x, fill
	axisAttr      struct{ axis int }                      // Concatenate
	reverseAttr   struct{ axes []int }                    // Reverse
	argAttr       struct {                                // ArgMinMax
		axis  int
		isMin bool
	}
	dotAttr struct { // DotGeneral: output is [batch..., lhs free..., rhs free...]
		lhsContract, lhsBatch, rhsContract, rhsBatch []int
	}
	convAttr struct { // ConvGeneral; all slices filled, group counts >= 1
		axes                            compute.ConvolveAxesConfig
		strides                         []int
		paddings                        [][2]int
		inputDilations, kernelDilations []int
		channelGroups, batchGroups      int
	}
	lookupAttr struct { // Gather; Scatter..., operands operand, indices, updates
		vector  int   // axis of the indices along which an index vector lies
		window  []int // axes of the output or of the updates that lie in a window
		dropped []int // axes of the operand that windows do not have: they are one element there
		indexed []int // axes of the operand that the coordinates of an index vector are for
	}
	windowAttr struct { // ReduceWindow, SelectAndScatter...
		reduce                                         compute.ReduceOpType
		dims, strides, inputDilations, windowDilations []int
		paddings                                       [][2]int
	}
	dynamicSliceAttr struct{ sizes []int }        // DynamicSlice; operands x, then a scalar index for each axis
	fftAttr          struct{ inverse bool }       // FFT, of the last axis
	randomAttr       struct{ shape shapes.Shape } // RNGBitGenerator
	attentionAttr    struct {                     // opAttention and its VJP
		layout compute.AttentionAxesLayout
		scale  float64
		causal bool
	}
	whileAttr struct{ cond, body *function } // While; operands state, captured by cond, captured by body
	ifAttr    struct{ yes, no *function }    // If; operands predicate, captured by yes, captured by no
	sortAttr  struct {                       // Sort; operands inputs, captured by the comparator
		less   *function
		axis   int
		stable bool
		inputs int
	}
)
