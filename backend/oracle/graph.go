package oracle

import (
	"fmt"
	"reflect"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
)

// A Builder records a computation.
type Builder struct {
	notimplemented.Builder
	backend  *Backend
	name     string
	main     *Function
	compiled bool
}

var _ compute.Builder = (*Builder)(nil)

// Builder implements compute.Backend.
func (b *Backend) Builder(name string) compute.Builder {
	r := &Builder{backend: b, name: name}
	r.main = r.function(compute.MainName, nil)
	return r
}

// Name implements compute.Builder.
func (b *Builder) Name() string { return b.name }

// Main implements compute.Builder.
func (b *Builder) Main() compute.Function { return b.main }

// NewFunction implements compute.Builder.
func (b *Builder) NewFunction(name string) (compute.Function, error) {
	return b.function(name, nil), nil
}

func (b *Builder) function(name string, parent *Function) *Function {
	f := &Function{builder: b, name: name, parent: parent}
	f.ErrFn = func(op compute.OpType) error {
		return fmt.Errorf("oracle: %s: %w", op, compute.ErrNotImplemented)
	}
	return f
}

// OpShape implements compute.Builder.
func (b *Builder) OpShape(v compute.Value) (shapes.Shape, error) {
	x, ok := v.(*Value)
	if !ok {
		return shapes.Invalid(), fmt.Errorf("oracle: a %T is no value of this graph", v)
	}
	return x.Shape(), nil
}

// Compile implements compute.Builder.
func (b *Builder) Compile() (compute.Executable, error) {
	if !b.main.returned {
		return nil, fmt.Errorf("oracle: compile %q: its main function has no outputs, call Return first", b.name)
	}
	b.compiled = true
	return &Executable{
		Program: &Program{Inputs: b.main.params, Outputs: b.main.outputs},
		backend: b.backend, names: b.main.names,
	}, nil
}

// A Function records operations.
type Function struct {
	notimplemented.Function
	builder  *Builder
	name     string
	parent   *Function
	nodes    []*Node
	params   []*Node
	names    []string // of the parameters
	outputs  []*Value
	captures []*Value // values of enclosing functions that it uses
	order    []*Node  // what the outputs need, once the function has returned
	returned bool
}

var _ compute.Function = (*Function)(nil)

// A Node is one operation. Its inputs include what its closures capture.
type Node struct {
	Op      compute.OpType
	Inputs  []*Value
	Shapes  []shapes.Shape // of the outputs
	Options string         // for the reader

	fn        *Function
	index     int
	functions []*Function // that it runs

	eval  evaluator
	build builder
}

// An evaluator computes a node's outputs.
type evaluator func(r *run, in []*Tensor) ([]*Tensor, error)

// A builder adds the operation to another engine's function.
type builder func(w *writer, f compute.Function, in []compute.Value) ([]compute.Value, error)

// A Value is one output of a node.
type Value struct {
	Node  *Node
	Index int
}

// Shape is the shape of the value.
func (v *Value) Shape() shapes.Shape { return v.Node.Shapes[v.Index] }

// Name implements compute.Function.
func (f *Function) Name() string { return f.name }

// Builder implements compute.Function.
func (f *Function) Builder() compute.Builder { return f.builder }

// Parent implements compute.Function.
func (f *Function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Closure implements compute.Function.
func (f *Function) Closure() (compute.Function, error) {
	return f.builder.function("", f), nil
}

// Shape implements compute.Function.
func (f *Function) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// values checks the operands of an operation and notes what is captured.
func (f *Function) values(op compute.OpType, in ...compute.Value) ([]*Value, error) {
	if f.returned || f.builder.compiled {
		return nil, fmt.Errorf("oracle: %s after the function returned", op)
	}
	list := make([]*Value, len(in))
	for i, v := range in {
		x, ok := v.(*Value)
		if !ok || x == nil {
			return nil, fmt.Errorf("oracle: %s: operand %d is a %T, no value of this graph", op, i, v)
		}
		if err := f.reach(x); err != nil {
			return nil, fmt.Errorf("oracle: %s: operand %d: %w", op, i, err)
		}
		list[i] = x
	}
	return list, nil
}

// reach notes a captured value in every function between its own and f.
func (f *Function) reach(v *Value) error {
	for at := f; at != v.Node.fn; at = at.parent {
		if at == nil {
			return fmt.Errorf("it belongs to another function")
		}
		known := false
		for _, c := range at.captures {
			known = known || *c == *v
		}
		if !known {
			at.captures = append(at.captures, v)
		}
	}
	return nil
}

// add records a node.
func (f *Function) add(n *Node) []compute.Value {
	n.fn, n.index = f, len(f.nodes)
	f.nodes = append(f.nodes, n)
	out := make([]compute.Value, len(n.Shapes))
	for i := range out {
		out[i] = &Value{n, i}
	}
	return out
}

// single records an operation with one output.
func (f *Function) single(n *Node, err error) (compute.Value, error) {
	if err != nil {
		return nil, fmt.Errorf("oracle: %s: %w", n.Op, err)
	}
	return f.add(n)[0], nil
}

// Parameter implements compute.Function.
func (f *Function) Parameter(name string, shape shapes.Shape, _ *compute.ShardingSpec) (compute.Value, error) {
	if shape.IsDynamic() {
		return nil, fmt.Errorf("oracle: parameter %q: dynamic shape %s: %w", name, shape, compute.ErrNotImplemented)
	}
	if _, err := f.values(compute.OpTypeParameter); err != nil {
		return nil, err
	}
	n := &Node{Op: compute.OpTypeParameter, Shapes: []shapes.Shape{shape}}
	v := f.add(n)
	f.params, f.names = append(f.params, n), append(f.names, name)
	return v[0], nil
}

// Constant implements compute.Function.
func (f *Function) Constant(flat any, dims ...int) (compute.Value, error) {
	if _, err := f.values(compute.OpTypeConstant); err != nil {
		return nil, err
	}
	d, err := dtypeOf(flat)
	if err != nil {
		return nil, err
	}
	t, err := FromFlat(flat, shapes.Make(d, dims...))
	if err != nil {
		return nil, err
	}
	return f.add(constant(t))[0], nil
}

func constant(t *Tensor) *Node {
	return &Node{
		Op: compute.OpTypeConstant, Shapes: []shapes.Shape{t.Shape}, Options: preview(t),
		eval: func(*run, []*Tensor) ([]*Tensor, error) { return []*Tensor{t}, nil },
		build: one(func(f compute.Function, _ []compute.Value) (compute.Value, error) {
			return f.Constant(t.Flat(), t.dims()...)
		}),
	}
}

// Return implements compute.Function.
func (f *Function) Return(outputs []compute.Value, _ []*compute.ShardingSpec) error {
	list, err := f.values(compute.OpTypeInvalid, outputs...)
	if err != nil {
		return err
	}
	f.outputs, f.returned = list, true
	return nil
}

// one makes a builder of an operation with one output.
func one(b func(compute.Function, []compute.Value) (compute.Value, error)) builder {
	return func(_ *writer, f compute.Function, in []compute.Value) ([]compute.Value, error) {
		v, err := b(f, in)
		return []compute.Value{v}, err
	}
}

// pure makes an evaluator of an operation with one output that cannot fail.
func pure(shape shapes.Shape, eval func(r *run, out *Tensor, in []*Tensor)) evaluator {
	return func(r *run, in []*Tensor) ([]*Tensor, error) {
		out := newTensor(shape)
		eval(r, out, in)
		return []*Tensor{out}, nil
	}
}

// simple is a node with one output that cannot fail.
func simple(op compute.OpType, in []*Value, shape shapes.Shape, options string,
	eval func(r *run, out *Tensor, in []*Tensor),
	build func(f compute.Function, in []compute.Value) (compute.Value, error)) *Node {
	return &Node{
		Op: op, Inputs: in, Shapes: []shapes.Shape{shape}, Options: options,
		eval: pure(shape, eval), build: one(build),
	}
}

func dtypeOf(flat any) (dtypes.DType, error) {
	if v := reflect.TypeOf(flat); v != nil && v.Kind() == reflect.Slice {
		if d := dtypes.FromGoType(v.Elem()); d != dtypes.InvalidDType {
			return d, nil
		}
	}
	return dtypes.InvalidDType, fmt.Errorf("oracle: a %T holds no supported dtype", flat)
}
