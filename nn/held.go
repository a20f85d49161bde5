package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/backend"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Held is an array of float32 that programs of one engine read where it lies: what a
// step adds is written into it, and nothing is copied for the next step.
type Held struct {
	shape  []int
	tensor *tensors.Tensor
}

// Hold makes a held array of zeros.
func Hold(engine backend.Engine, shape ...int) (*Held, error) {
	t := tensors.FromShape(shapes.Make(dtypes.Float32, shape...))
	if err := t.MaterializeOnDevice(engine, true, 0); err != nil {
		return nil, fmt.Errorf("hold an array of %d: %w", shape, err)
	}
	return &Held{slices.Clone(shape), t}, nil
}

// Shape of the array.
func (h *Held) Shape() []int { return h.shape }

// Access calls f with the values, last axis fastest, to read or to write. No program
// may run meanwhile.
func (h *Held) Access(f func(values []float32)) error {
	return tensors.MutableFlatData(h.tensor, f)
}

// Free gives the memory back.
func (h *Held) Free() error { return h.tensor.FinalizeAll() }

// RunHeld is Run with inputs that are held behind those that are not.
func (p *Program) RunHeld(in []Array, held []*Held) ([]Array, error) {
	args := make([]any, 0, len(in)+len(held))
	for i, a := range in {
		t, err := a.tensor()
		if err != nil {
			return nil, fmt.Errorf("run graph: input %d: %w", i, err)
		}
		defer t.FinalizeAll() // gives the memory back now, not at some collection
		args = append(args, t)
	}
	for _, h := range held {
		args = append(args, h.tensor)
	}
	return p.call(args)
}

// Shapes are those of the variables that a graph makes, by name. Nothing is computed:
// no value is drawn or stored. in are the shapes of its inputs, which are int32.
func Shapes(engine backend.Engine, f GraphFunc, in ...[]int) (list map[string][]int, err error) {
	defer func() {
		if r := recover(); r != nil { // graph code panics
			err = fmt.Errorf("build graph: %v", r)
		}
	}()
	store, g := NewStore(0), graph.NewGraph(engine, "shapes")
	defer g.Finalize()
	var nodes []*Node
	for i, dims := range in {
		nodes = append(nodes, graph.Parameter(g, fmt.Sprint("input", i), shapes.Make(dtypes.Int32, dims...)))
	}
	f(store.RootScope(), nodes)
	list = map[string][]int{}
	for v := range store.IterVariables() {
		if name := strings.TrimPrefix(v.Path(), "/"); !strings.HasPrefix(v.Name(), "#") {
			list[name] = slices.Clone(v.Shape().Dimensions)
		}
	}
	return list, nil
}
