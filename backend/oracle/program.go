package oracle

import (
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

// program is what a closure or a named function computes.
func (f *Function) program() *Program { return &Program{Inputs: f.params, Outputs: f.outputs} }

// body lists its nodes.
func (f *Function) body() []*Node {
	if f.order == nil {
		f.order = f.program().nodesOf(f)
	}
	return f.order
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

// Run computes the outputs.
func (p *Program) Run(inputs ...*Tensor) ([]*Tensor, error) {
	values, err := p.Values(inputs...)
	if err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(p.Outputs))
	for i, v := range p.Outputs {
		out[i] = values[v.Node][v.Index]
	}
	return out, nil
}

// Values computes the outputs of every node.
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
	return values, r.nodes(p.Nodes())
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
	if err := r.nodes(f.body()); err != nil {
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
	builder   compute.Builder
	values    map[Value]compute.Value
	states    map[*Node][]compute.Value // of attention, for its gradient
	functions map[*Function]compute.Function
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
	if done := w.functions[g]; done != nil {
		return done, nil
	}
	var target compute.Function
	var err error
	if g.parent != nil {
		target, err = f.Closure()
	} else {
		target, err = w.builder.NewFunction(g.name)
	}
	if err != nil {
		return nil, err
	}
	w.functions[g] = target
	for i, n := range g.params {
		if w.values[Value{n, 0}], err = target.Parameter(g.names[i], n.Shapes[0], nil); err != nil {
			return nil, err
		}
	}
	return target, w.write(target, g.body(), g.outputs)
}

// closures builds two of them.
func (w *writer) closures(f compute.Function, g, h *Function) (first, second compute.Function, err error) {
	if first, err = w.closure(f, g); err == nil {
		second, err = w.closure(f, h)
	}
	return first, second, err
}

// String lists the program: %3 = Add(%1, %2) float32[4 5].
func (p *Program) String() string {
	var b strings.Builder
	p.list(&b, "", p.Nodes())
	return b.String()
}

func (p *Program) list(b *strings.Builder, indent string, nodes []*Node) {
	for i, n := range p.Inputs {
		fmt.Fprintf(b, "%s%s = input %d %s\n", indent, &Value{n, 0}, i, plain(n.Shapes))
	}
	for _, n := range nodes {
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
		fmt.Fprintf(b, "%s%s%d = %s(%s) %s\n", indent, n.fn.mark(), n.index, n.Op, strings.Join(operands, ", "), plain(n.Shapes))
		for _, g := range n.functions {
			fmt.Fprintf(b, "%s  function\n", indent)
			g.program().list(b, indent+"    ", g.body())
		}
	}
	for i, v := range p.Outputs {
		fmt.Fprintf(b, "%soutput %d: %s\n", indent, i, v)
	}
}

// String is the name of the value in a listing.
func (v *Value) String() string {
	if len(v.Node.Shapes) == 1 {
		return fmt.Sprintf("%s%d", v.Node.fn.mark(), v.Node.index)
	}
	return fmt.Sprintf("%s%d.%d", v.Node.fn.mark(), v.Node.index, v.Index)
}

// mark stands before the numbers of a function's nodes: those of main have a %.
func (f *Function) mark() string { return strings.Repeat("%", 1+f.depth()) }

func (f *Function) depth() int {
	switch {
	case f.parent != nil:
		return 1 + f.parent.depth()
	case f != f.builder.main:
		return 1
	}
	return 0
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

// String shows the shape and the first elements.
func (t *Tensor) String() string {
	return plain([]shapes.Shape{t.Shape}) + " " + preview(t)
}

// Hidden reports whether an output is a placeholder: a state of attention.
func (n *Node) Hidden(output int) bool {
	return n.Op == compute.OpTypeFusedScaledDotProductAttention && output > 0
}

// Ops lists the operations of the program and of the functions that they run.
func (p *Program) Ops() (list []compute.OpType) { return opsOf(p.Nodes(), nil) }

func opsOf(nodes []*Node, list []compute.OpType) []compute.OpType {
	for _, n := range nodes {
		list = append(list, n.Op)
		for _, f := range n.functions {
			list = opsOf(f.body(), list)
		}
	}
	return list
}
