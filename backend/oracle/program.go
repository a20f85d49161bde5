package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// A Program is a recorded computation: what is between its inputs and its outputs.
// Inputs are nodes with one output whose value is handed over instead of computed:
// the recording's parameters, or any other where a program was cut.
type Program struct {
	Inputs  []*Node
	Outputs []*Value
}

// Recorded is the program of a function that has returned.
func Recorded(f compute.Function) (*Program, error) {
	r, ok := f.(*Function)
	if !ok || !r.returned {
		return nil, fmt.Errorf("oracle: a %T is no finished recording", f)
	}
	return &Program{Inputs: r.params, Outputs: r.outputs}, nil
}

// Nodes are the nodes that the outputs need, operands first.
func (p *Program) Nodes() []*Node { return p.nodesOf(p.function()) }

// nodesOf leaves out what is captured from around the function.
func (p *Program) nodesOf(f *Function) []*Node {
	seen := map[*Node]bool{}
	for _, n := range p.Inputs {
		seen[n] = false
	}
	var visit func(n *Node)
	visit = func(n *Node) {
		done, isInput := seen[n]
		seen[n] = true
		if done || isInput || n.fn != f {
			return
		}
		for _, v := range n.Inputs {
			visit(v.Node)
		}
	}
	for _, v := range p.Outputs {
		visit(v.Node)
	}
	list := make([]*Node, 0, len(seen))
	for n, used := range seen {
		if used && n.fn == f {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *Node) int { return a.index - b.index })
	return list
}

// function is where the program's nodes were recorded.
func (p *Program) function() *Function {
	if len(p.Inputs) > 0 {
		return p.Inputs[0].fn
	}
	if len(p.Outputs) > 0 {
		return p.Outputs[0].Node.fn
	}
	return nil
}

// body is the program of a closure or a named function, and its nodes.
func (f *Function) body() (*Program, []*Node) {
	p := &Program{Inputs: f.params, Outputs: f.outputs}
	if f.order == nil {
		f.order = p.nodesOf(f)
	}
	return p, f.order
}

// Needed is the program without the inputs that no output needs, and which they are.
func (p *Program) Needed() (*Program, []int) {
	nodes := p.Nodes()
	q := &Program{Outputs: p.Outputs}
	var kept []int
	for i, n := range p.Inputs {
		if slices.Contains(nodes, n) {
			q.Inputs = append(q.Inputs, n)
			kept = append(kept, i)
		}
	}
	return q, kept
}

// A run is one evaluation.
type run struct {
	tags   uint32
	frames []*frame
}

// A frame holds the values of one function while it runs.
type frame struct {
	fn     *Function
	values map[*Node][]*Tensor
}

// errUndecided ends an evaluation whose control flow cannot be decided.
var errUndecided = errors.New("oracle: the condition of a loop or branch is unsure")

// Run computes the outputs. All of them are unsure if control flow is.
func (p *Program) Run(inputs ...*Tensor) ([]*Tensor, error) {
	values, err := p.Values(inputs...)
	if err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(p.Outputs))
	for i, v := range p.Outputs {
		if computed, ok := values[v.Node]; ok {
			out[i] = computed[v.Index]
			continue
		}
		out[i] = newTensor(v.Shape())
		fill(out[i].Data, unsure)
	}
	return out, nil
}

// Values computes every node's outputs; some are missing if control flow is unsure.
func (p *Program) Values(inputs ...*Tensor) (map[*Node][]*Tensor, error) {
	if len(inputs) != len(p.Inputs) {
		return nil, fmt.Errorf("oracle: %d inputs, want %d", len(inputs), len(p.Inputs))
	}
	values := map[*Node][]*Tensor{}
	for i, n := range p.Inputs {
		if !inputs[i].Shape.Equal(n.Shapes[0]) {
			return nil, fmt.Errorf("oracle: input %d has shape %s, want %s", i, inputs[i].Shape, n.Shapes[0])
		}
		values[n] = []*Tensor{inputs[i]}
	}
	r := &run{}
	r.frames = append(r.frames, &frame{p.function(), values})
	err := r.nodes(p.Nodes())
	if errors.Is(err, errUndecided) {
		err = nil
	}
	return values, err
}

func (r *run) nodes(nodes []*Node) error {
	values := r.frames[len(r.frames)-1].values
	for _, n := range nodes {
		if values[n] != nil {
			continue
		}
		in := make([]*Tensor, len(n.Inputs))
		for i, v := range n.Inputs {
			in[i] = r.lookup(v)
		}
		if n.eval == nil {
			return fmt.Errorf("oracle: no value for %s", n.Op)
		}
		out, err := n.eval(r, in)
		if err != nil {
			return err
		}
		values[n] = out
	}
	return nil
}

// lookup finds a value in the running function or in one around it.
func (r *run) lookup(v *Value) *Tensor {
	for i := len(r.frames) - 1; i >= 0; i-- {
		if f := r.frames[i]; f.fn == v.Node.fn {
			return f.values[v.Node][v.Index]
		}
	}
	panic("oracle: a captured value without its function") // reach has checked it
}

// call runs a function on arguments.
func (r *run) call(f *Function, args []*Tensor) ([]*Tensor, error) {
	values := map[*Node][]*Tensor{}
	for i, n := range f.params {
		values[n] = []*Tensor{args[i]}
	}
	r.frames = append(r.frames, &frame{f, values})
	defer func() { r.frames = r.frames[:len(r.frames)-1] }()
	_, nodes := f.body()
	if err := r.nodes(nodes); err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(f.outputs))
	for i, v := range f.outputs {
		out[i] = r.lookup(v)
	}
	return out, nil
}

// A writer builds a program on another engine.
type writer struct {
	builder compute.Builder
	values  map[Value]compute.Value
	states  map[*Node][]compute.Value // of attention, for its gradient
	named   map[*Function]compute.Function
}

// Build compiles the program on an engine. Its inputs become parameters.
func (p *Program) Build(backend compute.Backend) (compute.Executable, error) {
	b := backend.Builder("program")
	w := &writer{b, map[Value]compute.Value{}, map[*Node][]compute.Value{}, map[*Function]compute.Function{}}
	f := b.Main()
	for i, n := range p.Inputs {
		v, err := f.Parameter(fmt.Sprintf("x%d", i), n.Shapes[0], nil)
		if err != nil {
			return nil, err
		}
		w.values[Value{n, 0}] = v
	}
	if err := w.write(f, p.Nodes(), p.Outputs); err != nil {
		return nil, err
	}
	return b.Compile()
}

func (w *writer) write(f compute.Function, nodes []*Node, outputs []*Value) error {
	for _, n := range nodes {
		if _, known := w.values[Value{n, 0}]; known {
			continue
		}
		in := make([]compute.Value, len(n.Inputs))
		for i, v := range n.Inputs {
			in[i] = w.values[*v]
		}
		out, err := n.build(w, f, in)
		if err != nil {
			return fmt.Errorf("%s: %w", n.Op, err)
		}
		for i, v := range out {
			w.values[Value{n, i}] = v
		}
	}
	out := make([]compute.Value, len(outputs))
	for i, v := range outputs {
		out[i] = w.values[*v]
	}
	return f.Return(out, nil)
}

// closure builds a recorded function inside f, or beside it if it has a name.
func (w *writer) closure(f compute.Function, g *Function) (compute.Function, error) {
	if done := w.named[g]; done != nil {
		return done, nil
	}
	var target compute.Function
	var err error
	if g.parent != nil {
		target, err = f.Closure()
	} else {
		target, err = w.builder.NewFunction(g.name)
		w.named[g] = target
	}
	if err != nil {
		return nil, err
	}
	for i, n := range g.params {
		if w.values[Value{n, 0}], err = target.Parameter(g.names[i], n.Shapes[0], nil); err != nil {
			return nil, err
		}
	}
	_, nodes := g.body()
	return target, w.write(target, nodes, g.outputs)
}

// String lists the program: %3 = Add(%1, %2) float32[4 5].
func (p *Program) String() string {
	var b strings.Builder
	p.list(&b, "")
	return b.String()
}

func (p *Program) list(b *strings.Builder, indent string) {
	for i, n := range p.Inputs {
		fmt.Fprintf(b, "%s%%%d = input %d %s\n", indent, n.index, i, plain(n.Shapes))
	}
	for _, n := range p.Nodes() {
		if slices.Contains(p.Inputs, n) {
			continue
		}
		operands := make([]string, len(n.Inputs))
		for i, v := range n.Inputs {
			operands[i] = v.String()
		}
		if n.Options != "" {
			operands = append(operands, n.Options)
		}
		fmt.Fprintf(b, "%s%%%d = %s(%s) %s\n", indent, n.index, n.Op, strings.Join(operands, ", "), plain(n.Shapes))
	}
	for i, v := range p.Outputs {
		fmt.Fprintf(b, "%soutput %d: %s\n", indent, i, v)
	}
}

// String is the name of the value in a listing.
func (v *Value) String() string {
	if len(v.Node.Shapes) == 1 {
		return fmt.Sprintf("%%%d", v.Node.index)
	}
	return fmt.Sprintf("%%%d.%d", v.Node.index, v.Index)
}

func plain(list []shapes.Shape) string {
	text := make([]string, len(list))
	for i, s := range list {
		text[i] = strings.ToLower(s.DType.String()) + fmt.Sprint(s.Dimensions)
	}
	return strings.Join(text, " ")
}

// preview shows the first elements of a tensor.
func preview(t *Tensor) string {
	const shown = 6
	var text []string
	for i, s := range t.Data {
		if i == shown {
			text = append(text, "...")
			break
		}
		text = append(text, s.text(t.dtype()))
	}
	return strings.Join(text, " ")
}
