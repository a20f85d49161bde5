// Package cpu is the engine: it compiles graphs of github.com/gomlx/compute for the
// processor of this machine and runs them. It is registered as "cpu":
//
//	backend, err := compute.NewWithConfig("cpu")           // or cpu:workers=3
//	export GOMLX_BACKEND=cpu:workers=0                      # one thread
//
// # From a graph to numbers
//
// A builder (builder.go, build_*.go) makes nodes: shapes are inferred, broadcasts
// become explicit, and what is a composition (softmax, layer norm, attention ...) is
// written as one. The compiler (compile.go) turns the nodes of a function into steps:
// operations that only move elements become views, element-wise operations and
// reductions that walk the same elements become one tile program, and what is done to
// a matrix product's result joins the product. Steps read and write an arena that is
// planned before the first run. The loops themselves are package kernel.
//
// # Determinism
//
// An executable gives the same bits for the same inputs, from run to run, for any
// number of workers, of processors (GOMAXPROCS) and of executions at the same time:
// work is split by shapes only, and every sum is a fixed tree. That holds on one
// variant of the kernels (kernel.Variant); variants differ in the last bits.
//
// # Concurrency
//
// Backends, executables and buffers may be used by many goroutines at once; a builder
// and its functions by one. Executions share the workers of their backend. The
// goroutine that executes works too and never waits for a worker that is busy
// elsewhere, so executions cannot block each other. Nothing that goes wrong inside an
// execution, in a worker or not, escapes as a panic: Execute returns it as an error.
//
// # Memory
//
// A Buffer is memory of this process: Data gives it as a slice, without a copy. A
// donated input is invalid after the call and its memory becomes an output or goes
// back to the backend. Finalize gives a buffer's memory back, too; the backend keeps
// at most 256 MiB of such memory for the next buffers of the same size. Whoever still
// holds a slice from Data then sees it change.
package cpu

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/pkg/errors"

	"github.com/comlam/comlam/backend/kernel"
)

// Name under which the engine is registered.
const Name = "cpu"

// The registry of gomlx/compute is filled at start by those who are linked in, and
// chosen from by name later; an engine has no other moment to enter it.
func init() { compute.Register(Name, New) }

// Backend runs computations; it implements compute.Backend.
type Backend struct {
	pool    *pool
	workers int
	free    freeList
	closed  atomic.Bool
}

var _ compute.Backend = (*Backend)(nil)

// maxWorkers is more than any machine needs and keeps a slip of the keyboard from
// starting a million goroutines.
const maxWorkers = 1024

// New opens the engine. The configuration is a list of options, separated by commas:
//
//	workers=N   goroutines that help the one that executes; GOMAXPROCS-1 by default
func New(config string) (compute.Backend, error) {
	workers := min(runtime.GOMAXPROCS(0)-1, maxWorkers)
	for option := range strings.SplitSeq(config, ",") {
		if option == "" && config == "" {
			break
		}
		key, value, _ := strings.Cut(option, "=")
		if key != "workers" {
			return nil, errors.Errorf("engine %q: unknown option %q in configuration %q; there is workers=N", Name, option, config)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxWorkers {
			return nil, errors.Errorf("engine %q: option %q: want a number from 0 to %d, for instance workers=3", Name, option, maxWorkers)
		}
		workers = n
	}
	return &Backend{pool: newPool(workers), workers: workers}, nil
}

// Name is "cpu".
func (b *Backend) Name() string { return Name }

// String is the name.
func (b *Backend) String() string { return Name }

// Description says what runs here.
func (b *Backend) Description() string {
	return fmt.Sprintf("ComLAM's engine: %s kernels, %d workers beside the caller", kernel.Variant(), b.workers)
}

// NumDevices is 1: all processors together.
func (b *Backend) NumDevices() int { return 1 }

// DeviceDescription is the description of the only device.
func (b *Backend) DeviceDescription(compute.DeviceNum) string { return b.Description() }

// Capabilities says which operations and types there are.
func (b *Backend) Capabilities() compute.Capabilities { return capabilities.Clone() }

// Builder starts a computation.
func (b *Backend) Builder(name string) compute.Builder { return newBuilder(b, name) }

// Finalize stops the workers and drops all memory that is kept. Executions under way
// finish, later ones are errors.
func (b *Backend) Finalize() {
	if b.closed.Swap(true) {
		return
	}
	b.pool.close()
	b.free.clear()
}

// IsFinalized reports whether Finalize was called.
func (b *Backend) IsFinalized() bool { return b.closed.Load() }

// open is an error after Finalize.
func (b *Backend) open() error {
	if b.closed.Load() {
		return errors.Errorf("engine %q is finalized: open a new one", Name)
	}
	return nil
}

// device refuses all devices but the only one.
func (b *Backend) device(n compute.DeviceNum) error {
	if n != 0 {
		return errors.Errorf("engine %q has device 0 only, %d was asked for", Name, n)
	}
	return b.open()
}

// capabilities has all operations but those between machines and between devices.
var capabilities = compute.Capabilities{
	Functions:  true,
	Operations: operations(),
	DTypes: map[dtypes.DType]bool{
		dtypes.Bool: true,
		dtypes.Int8: true, dtypes.Int16: true, dtypes.Int32: true, dtypes.Int64: true,
		dtypes.Uint8: true, dtypes.Uint16: true, dtypes.Uint32: true, dtypes.Uint64: true,
		dtypes.Float16: true, dtypes.BFloat16: true, dtypes.Float32: true, dtypes.Float64: true,
		dtypes.Complex64: true, dtypes.Complex128: true,
		// Packed integers can be stored, bitcast, converted from, and used as weights.
		dtypes.Int2: true, dtypes.Uint2: true, dtypes.Int4: true, dtypes.Uint4: true,
	},
}

func operations() map[compute.OpType]bool {
	ops := map[compute.OpType]bool{}
	missing := []compute.OpType{
		compute.OpTypeAllReduce, compute.OpTypeCollectiveBroadcast, compute.OpTypeAllGather,
		compute.OpTypeBlockForDotGeneral, compute.OpTypeSelectAndScatterSum,
	}
	for op := compute.OpTypeInvalid + 1; op < compute.OpTypeLast; op++ {
		if !slices.Contains(missing, op) {
			ops[op] = true
		}
	}
	return ops
}
