package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// opPick is a node that stands for one output of an operation with several; its
// attr is the number of the output.
const opPick = compute.OpTypeLast + 1

// node is one operation in the graph of a function.
type node struct {
	op    compute.OpType
	shape shapes.Shape   // of the output; invalid for an operation with several
	multi []shapes.Shape // of the outputs of an operation with several
	in    []*node
	attr  any // what else defines the operation, one of the types in attr.go
	fn    *function
	id    int // place in fn.nodes, which is in topological order
}

func (n *node) String() string {
	s := n.op.String()
	if n.op == opPick {
		s = "Pick"
	}
	return fmt.Sprintf("#%d %s%s", n.id, s, n.shape)
}

// size is the number of elements.
func (n *node) size() int { return n.shape.Size() }

// bytes is the memory that the value of the node takes.
func (n *node) bytes() int { return int(n.shape.ByteSize()) }

// builder makes one computation: a main function and those that it calls.
type builder struct {
	notimplemented.Builder
	backend   *Backend
	name      string
	main      *function
	functions map[string]*function
	compiled  bool
}

// function is a graph under construction; it implements compute.Function.
type function struct {
	notimplemented.Function
	builder  *builder
	name     string
	parent   *function // of a closure
	nodes    []*node
	params   []*node
	outputs  []*node
	returned bool
	captured []*node            // values of the parent that a closure uses ...
	captures []*node            // ... and the nodes that stand for them here
	same     map[string][]*node // nodes by key, so that equal ones are made once
	program  *program           // of a function that is not main, after Return
}

func newFunction(b *builder, name string, parent *function) *function {
	f := &function{builder: b, name: name, parent: parent, same: map[string][]*node{}}
	f.ErrFn = missing
	return f
}

// missing is the error of an operation that the engine does not have.
func missing(op compute.OpType) error {
	return errors.Wrapf(compute.ErrNotImplemented, "%s on engine %q", op, Name)
}

// add makes a node, or finds the one that computes the same already.
func (f *function) add(op compute.OpType, shape shapes.Shape, attr any, in ...*node) *node {
	if isLeaf(op) {
		return f.append(op, shape, attr, in)
	}
	key := fmt.Sprint(op, shape, attr)
	for _, n := range in {
		key += fmt.Sprint(" ", n.id)
	}
	if len(f.same[key]) == 0 {
		f.same[key] = []*node{f.append(op, shape, attr, in)}
	}
	return f.same[key][0]
}

func (f *function) append(op compute.OpType, shape shapes.Shape, attr any, in []*node) *node {
	refuseIf(shape.Rank() > maxRank, "%s: shape %s has %d axes, engine %q takes %d", op, shape, shape.Rank(), Name, maxRank)
	n := &node{op: op, shape: shape, in: in, attr: attr, fn: f, id: len(f.nodes)}
	f.nodes = append(f.nodes, n)
	return n
}

// addMulti makes a node with several outputs and returns one node for each.
func (f *function) addMulti(op compute.OpType, outs []shapes.Shape, attr any, in ...*node) []*node {
	n := f.append(op, shapes.Shape{}, attr, in)
	n.multi = outs
	picks := make([]*node, len(outs))
	for i, s := range outs {
		picks[i] = f.append(opPick, s, i, []*node{n})
	}
	return picks
}

// use is operands without an error.
func (f *function) use(op compute.OpType, values ...val) []*node { return need(f.operands(op, values)) }

// operands checks the operands of an operation and finds their nodes: those of an
// enclosing function are captured.
func (f *function) operands(op compute.OpType, values []val) ([]*node, error) {
	if err := f.open(); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	in := make([]*node, len(values))
	for i, v := range values {
		n, ok := v.(*node)
		if !ok || n == nil {
			return nil, errors.Errorf("%s: operand %d is a %T, not a value of engine %q", op, i, v, Name)
		}
		if n.fn.builder != f.builder {
			return nil, errors.Errorf("%s: operand %d belongs to another computation (%q)", op, i, n.fn.builder.name)
		}
		if n.shape.DType.IsPacked() && !packedOps[op] {
			return nil, undefined(op, n)
		}
		var err error
		if in[i], err = f.local(n); err != nil {
			return nil, errors.WithMessagef(err, "%s: operand %d", op, i)
		}
	}
	return in, nil
}

func (f *function) open() error {
	if f.builder.compiled {
		return errors.Errorf("computation %q is compiled: nothing can be added", f.builder.name)
	}
	if f.returned {
		return errors.Errorf("function %q has returned: nothing can be added", f.name)
	}
	return nil
}

// local is the node of f that holds the value of n.
func (f *function) local(n *node) (*node, error) {
	if n.fn == f {
		return n, nil
	}
	if f.parent == nil {
		return nil, errors.Errorf("value %s belongs to function %q, which does not enclose this one", n, n.fn.name)
	}
	up, err := f.parent.local(n)
	if err != nil {
		return nil, err
	}
	if i := slices.Index(f.captured, up); i >= 0 {
		return f.captures[i], nil
	}
	c := f.add(compute.OpTypeCapturedValue, n.shape, len(f.captured))
	f.captured, f.captures = append(f.captured, up), append(f.captures, c)
	return c, nil
}

// Name of the function, empty for a closure.
func (f *function) Name() string { return f.name }

// Builder of which the function is a part.
func (f *function) Builder() compute.Builder { return f.builder }

// Parent of a closure, nil for others.
func (f *function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Shape of a value.
func (f *function) Shape(v val) (shapes.Shape, error) { return f.builder.OpShape(v) }

// Closure opens a function that may use the values of this one.
func (f *function) Closure() (_ compute.Function, err error) {
	defer caught(&err)
	raise(f.open())
	return newFunction(f.builder, "", f), nil
}

// Parameter adds an input.
func (f *function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (_ val, err error) {
	defer caught(&err)
	raise(f.open())
	lackIf(sharding != nil, "parameter %q: sharding on engine %q", name, Name)
	lackIf(shape.IsDynamic(), "parameter %q: dynamic shape %s on engine %q", name, shape, Name)
	refuseIf(!capabilities.DTypes[shape.DType], "parameter %q: data type %s is not supported by engine %q", name, shape.DType, Name)
	n := f.add(compute.OpTypeParameter, shape, name)
	f.params = append(f.params, n)
	return n, nil
}

// Constant adds a value that is copied into the graph.
func (f *function) Constant(flat any, dims ...int) (_ val, err error) {
	defer caught(&err)
	raise(f.open())
	raw, t, err := bytesOf(flat)
	raise(errors.WithMessage(err, "constant"))
	shape := shapes.Make(t, dims...)
	refuseIf(int(shape.ByteSize()) != len(raw),
		"constant: %d bytes given for shape %s, which has %d", len(raw), shape, shape.ByteSize())
	return f.constant(raw, shape), nil
}

// constant adds a value; equal ones are kept once.
func (f *function) constant(raw []byte, shape shapes.Shape) *node {
	key := fmt.Sprint("constant", shape, len(raw))
	if len(raw) <= 64 {
		key += string(raw)
	}
	for _, n := range f.same[key] {
		if slices.Equal(n.attr.([]byte), raw) {
			return n
		}
	}
	n := f.add(compute.OpTypeConstant, shape, append(alignedBytes(len(raw))[:0], raw...))
	f.same[key] = append(f.same[key], n)
	return n
}

// scalar adds a constant of one value, converted to the type.
func (f *function) scalar(t dtypes.DType, v float64) *node {
	return f.constant(scalarBytes(t, v), shapes.Make(t))
}

// scalarBytes is a number in a numeric type.
func scalarBytes(t dtypes.DType, v float64) []byte {
	raw, _, err := bytesOf(shapes.CastAsDType([]float64{v}, t))
	if err != nil {
		panic(err) // unreachable: every numeric type has a slice
	}
	return raw
}

// Return ends the function.
func (f *function) Return(outputs []val, shardings []*compute.ShardingSpec) (err error) {
	defer caught(&err)
	lackIf(len(shardings) > 0, "return: sharding on engine %q", Name)
	refuseIf(len(outputs) == 0, "return: function %q needs at least one output", f.name)
	out, err := f.operands(compute.OpTypeIdentity, outputs)
	raise(errors.WithMessage(err, "return"))
	f.outputs, f.returned = out, true
	if f != f.builder.main {
		f.program, err = compile(f)
	}
	return err
}
