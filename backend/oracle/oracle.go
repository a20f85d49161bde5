// Package oracle is the engine's examiner: an interpreter of computation graphs
// that is written for clarity alone, behind the interface that engines have, so that
// the same graph, gradients included, runs on it and on them. Tests use it.
//
// # What it computes
//
// Floats are float64 throughout, complex numbers complex128, integers are exact and
// wrap as their dtype does. Results are not rounded between operations, whatever
// the dtype; inputs, constants and conversions to a narrower dtype are.
//
// Every float also carries a bound of how far an engine may be from it that computes
// in the dtype of the graph: each operation hands the errors of its operands on (to
// first order, or by the ends of their intervals) and adds its own roundings. Sums
// and products of matrices may be added in any order, with or without fused
// multiply-add; those of 16-bit floats are to be added in float32. The table ulps
// states what functions are allowed. So a comparison needs no guessed tolerance:
// |engine - oracle| <= bound.
//
// Not rounding gives the sharpest such test. An oracle that rounds as an engine does
// would be off by its own roundings as well, and engines that fuse operations do
// not round between them.
//
// Where an operation decides by a number (a comparison, floor, a conversion to an
// integer, the greatest element, an index) and the decision lies within the error,
// the result is unsure, and so is everything made from it. Copies of one computed
// value are equal in every engine: x = max(x, ...) is decided, whatever the error.
//
// # What it knows
//
// All operations of compute.Function on static shapes except AllReduce, the
// operations on dynamic shapes and RNGBitGenerator, whose bits are the engine's own.
// Choices where the interface says nothing: Max and Min, also as reductions, give NaN
// if an operand is NaN; Gather and DynamicSlice move slices into the operand, as XLA
// does; an attention row without a key is zero.
//
// The oracle's graphs are also recordings: a [Program] is built on any other engine
// again, printed, and cut into smaller ones.
package oracle

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Name is the oracle's name as a backend.
const Name = "oracle"

// Options change what the oracle offers.
type Options struct {
	// Unfused hides the fused operations, so that GoMLX records what they consist of.
	Unfused bool
}

// A Backend computes graphs in float64, with bounds.
type Backend struct {
	options   Options
	finalized bool
}

var _ compute.Backend = (*Backend)(nil)

// New is an oracle.
func New(options Options) *Backend { return &Backend{options: options} }

// Name implements compute.Backend.
func (b *Backend) Name() string { return Name }

// String implements compute.Backend.
func (b *Backend) String() string { return Name }

// Description implements compute.Backend.
func (b *Backend) Description() string { return "float64 interpreter with error bounds" }

// NumDevices implements compute.Backend.
func (b *Backend) NumDevices() int { return 1 }

// DeviceDescription implements compute.Backend.
func (b *Backend) DeviceDescription(compute.DeviceNum) string { return Name }

// Finalize implements compute.Backend.
func (b *Backend) Finalize() { b.finalized = true }

// IsFinalized implements compute.Backend.
func (b *Backend) IsFinalized() bool { return b.finalized }

var supported = []dtypes.DType{
	dtypes.Bool, dtypes.Int2, dtypes.Int4, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64,
	dtypes.Uint2, dtypes.Uint4, dtypes.Uint8, dtypes.Uint16, dtypes.Uint32, dtypes.Uint64,
	dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64, dtypes.Complex64, dtypes.Complex128,
}

var missing = []compute.OpType{
	compute.OpTypeRNGBitGenerator, compute.OpTypeAllReduce, compute.OpTypeCollectiveBroadcast,
	compute.OpTypeAllGather, compute.OpTypeDynamicDimensionSize, compute.OpTypeDynamicShape,
	compute.OpTypeDynamicReshape, compute.OpTypeSelectAndScatterSum, compute.OpTypeDot,
	compute.OpTypeCapturedValue, compute.OpTypeBlockForDotGeneral,
}

// Capabilities implements compute.Backend.
func (b *Backend) Capabilities() compute.Capabilities {
	c := compute.Capabilities{
		Operations: map[compute.OpType]bool{},
		DTypes:     map[dtypes.DType]bool{},
		Functions:  true,
	}
	for op := compute.OpTypeInvalid + 1; op < compute.OpTypeLast; op++ {
		if !slices.Contains(missing, op) && !(b.options.Unfused && isFused(op)) {
			c.Operations[op] = true
		}
	}
	for _, d := range supported {
		c.DTypes[d] = true
	}
	return c
}

func isFused(op compute.OpType) bool {
	return op >= compute.OpTypeFusedSoftmax && op < compute.OpTypeLast
}

// HasSharedBuffers implements compute.DataInterface.
func (b *Backend) HasSharedBuffers() bool { return false }

// NewSharedBuffer implements compute.DataInterface; there are none.
func (b *Backend) NewSharedBuffer(compute.DeviceNum, shapes.Shape) (compute.Buffer, any, error) {
	return nil, nil, fmt.Errorf("oracle: no shared buffers: %w", compute.ErrNotImplemented)
}

// BufferFromFlatData implements compute.DataInterface.
func (b *Backend) BufferFromFlatData(_ compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	t, err := FromFlat(flat, shape)
	if err != nil {
		return nil, err
	}
	return &Buffer{Tensor: t, backend: b}, nil
}

// A Buffer is a tensor with its bounds.
type Buffer struct {
	*Tensor
	backend *Backend
}

// Backend implements compute.Buffer.
func (b *Buffer) Backend() compute.Backend { return b.backend }

// Finalize implements compute.Buffer.
func (b *Buffer) Finalize() error { return nil }

// Shape implements compute.Buffer.
func (b *Buffer) Shape() (shapes.Shape, error) { return b.Tensor.Shape, nil }

// DeviceNum implements compute.Buffer.
func (b *Buffer) DeviceNum() (compute.DeviceNum, error) { return 0, nil }

// Data implements compute.Buffer; the values have another form here.
func (b *Buffer) Data() (any, error) {
	return nil, fmt.Errorf("oracle: no shared buffers: %w", compute.ErrNotImplemented)
}

// CopyToDevice implements compute.Buffer.
func (b *Buffer) CopyToDevice(compute.DeviceNum) (compute.Buffer, error) { return b, nil }

// ToFlatData rounds the values to their dtype.
func (b *Buffer) ToFlatData(flat any) error { return b.Tensor.ToFlat(flat) }
