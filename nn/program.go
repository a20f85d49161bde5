package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/backend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Array is a dense array on the host, last axis fastest. Exactly one of Float32
// and Int32 is set.
type Array struct {
	Shape   []int
	Float32 []float32
	Int32   []int32
}

func (a Array) tensor() (*tensors.Tensor, error) {
	if n := max(len(a.Float32), len(a.Int32)); n != size(a.Shape) {
		return nil, fmt.Errorf("%d values, shape %d takes %d", n, a.Shape, size(a.Shape))
	}
	if a.Int32 != nil {
		return tensors.FromFlatDataAndDimensions(a.Int32, a.Shape...), nil
	}
	return tensors.FromFlatDataAndDimensions(a.Float32, a.Shape...), nil
}

// Weight is one named variable of a model.
type Weight struct {
	Name   string
	Shape  []int
	Values []float32
}

// Weights are the variables of a model, sorted by name.
type Weights []Weight

// Sorted sorts the weights by name in place and returns them.
func (w Weights) Sorted() Weights {
	slices.SortFunc(w, func(a, b Weight) int { return strings.Compare(a.Name, b.Name) })
	return w
}

// Find returns the weight called name, or nil.
func (w Weights) Find(name string) *Weight {
	i, ok := slices.BinarySearchFunc(w, name, func(a Weight, n string) int { return strings.Compare(a.Name, n) })
	if !ok {
		return nil
	}
	return &w[i]
}

// Clone copies names, shapes and values.
func (w Weights) Clone() Weights {
	c := slices.Clone(w)
	for i := range c {
		c[i].Values = slices.Clone(c[i].Values)
	}
	return c
}

// NumParameters is the number of values in all weights.
func (w Weights) NumParameters() int {
	n := 0
	for _, v := range w {
		n += len(v.Values)
	}
	return n
}

// GraphFunc builds a graph from its inputs.
type GraphFunc func(s *Scope, in []*Node) []*Node

// Program is a graph function with its variables on one engine. It is used by one
// goroutine at a time.
type Program struct {
	store *Store
	exec  *model.Exec
}

// NewProgram prepares f to run with the variables of store.
func NewProgram(engine backend.Engine, store *Store, f GraphFunc) (*Program, error) {
	exec, err := model.NewExec(engine, store, func(s *Scope, in []*Node) []*Node { return f(s, in) })
	if err != nil {
		return nil, fmt.Errorf("prepare graph: %w", err)
	}
	exec.SetMaxCache(64)
	return &Program{store, exec}, nil
}

// Keep sets how many graphs, one for each combination of input shapes, the program keeps
// at most; one more is an error. It is 64 if it is not set.
func (p *Program) Keep(graphs int) { p.exec.SetMaxCache(graphs) }

// Run computes the outputs for the given inputs. A graph is built once for every
// new combination of input shapes.
func (p *Program) Run(in ...Array) ([]Array, error) { return p.RunHeld(in, nil) }

// call runs the graph on tensors.
func (p *Program) call(args []any) ([]Array, error) {
	out, err := p.exec.Call(args...)
	if err != nil {
		return nil, fmt.Errorf("run graph: %w", err)
	}
	arrays := make([]Array, len(out))
	for i, t := range out {
		arrays[i].Shape = slices.Clone(t.Shape().Dimensions)
		err := tensors.ConstFlatData(t, func(flat []float32) { arrays[i].Float32 = slices.Clone(flat) })
		if err != nil {
			return nil, fmt.Errorf("read output %d: %w", i, err)
		}
		t.MustFinalizeAll()
	}
	return arrays, nil
}

// Pull copies the variables of a store to the host.
func Pull(store *Store) (Weights, error) {
	var w Weights
	for v := range store.IterVariables() {
		if strings.HasPrefix(v.Name(), "#") { // GoMLX's own, such as its RNG state
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("read variable %q: %w", v.Path(), err)
		}
		item := Weight{Name: strings.TrimPrefix(v.Path(), "/"), Shape: slices.Clone(v.Shape().Dimensions)}
		if err := tensors.ConstFlatData(value, func(flat []float32) { item.Values = slices.Clone(flat) }); err != nil {
			return nil, fmt.Errorf("read variable %q: %w", v.Path(), err)
		}
		w = append(w, item)
	}
	return w.Sorted(), nil
}

// Push sets the variables of a store, creating those it does not have yet.
func Push(store *Store, w Weights) error {
	for _, item := range w {
		if err := push(store, item); err != nil {
			return fmt.Errorf("set variable %q: %w", item.Name, err)
		}
	}
	return nil
}

func push(store *Store, item Weight) error {
	v := store.GetVariable("/" + item.Name)
	if v != nil && !slices.Equal(v.Shape().Dimensions, item.Shape) {
		return fmt.Errorf("its shape is %v, not %v", v.Shape().Dimensions, item.Shape)
	}
	if v == nil || !v.HasValue() {
		t, err := Array{Shape: item.Shape, Float32: slices.Clone(item.Values)}.tensor()
		if err != nil {
			return err
		}
		if v != nil {
			return v.SetValue(t)
		}
		_, err = store.CreateVariable("/"+item.Name, t)
		return err
	}
	if len(item.Values) != size(item.Shape) {
		return fmt.Errorf("%d values, shape %d takes %d", len(item.Values), item.Shape, size(item.Shape))
	}
	value, err := v.Value()
	if err != nil {
		return err
	}
	return tensors.MutableFlatData(value, func(flat []float32) { copy(flat, item.Values) })
}

// Gradients differentiates a scalar loss with respect to every variable of its
// graph whose name trains accepts (nil accepts all), sorted by name. The forward
// graph must have been built.
func Gradients(s *Scope, loss *Node, trains func(name string) bool) (names []string, grads []*Node) {
	vars := map[string]*Node{}
	for v := range s.Store().IterVariables() {
		name := strings.TrimPrefix(v.Path(), "/")
		if !v.InUseByGraph(loss.Graph()) || (trains != nil && !trains(name)) {
			continue
		}
		vars[name] = v.NodeValue(loss.Graph())
		names = append(names, name)
	}
	slices.Sort(names)
	nodes := make([]*Node, len(names))
	for i, name := range names {
		nodes[i] = vars[name]
	}
	return names, graph.Gradient(loss, nodes...)
}
