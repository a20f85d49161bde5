package nn

import (
	"fmt"

	"github.com/comlam/comlam/backend"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Trace builds the graph of f over int32 inputs of the given shapes and runs nothing: no
// variable gets a value. An adapter of the store learns from it which layers there are.
func Trace(engine backend.Engine, store *Store, f GraphFunc, inputs ...[]int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("build graph: %v", p)
		}
	}()
	g := graph.NewGraph(engine, "trace")
	defer g.Finalize()
	nodes := make([]*Node, len(inputs))
	for i, dims := range inputs {
		nodes[i] = graph.Parameter(g, fmt.Sprintf("input%d", i), shapes.Make(dtypes.Int32, dims...))
	}
	f(store.RootScope(), nodes)
	return nil
}
