package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Operations that run functions. Their operands end with the values that the
// functions capture.

// sub checks a function that an operation runs, and finds here what it captures.
func (f *function) sub(op compute.OpType, name string, g compute.Function) (*function, []*node) {
	s, ok := g.(*function)
	refuseIf(!ok || s == nil || s.builder != f.builder, "%s: %s is not a function of computation %q", op, name, f.builder.name)
	refuseIf(!s.returned || s.program == nil, "%s: %s has not returned: call Return first", op, name)
	raise(errors.WithMessagef(s.fits(), "%s: %s", op, name))
	captured := make([]*node, len(s.captured))
	for i, n := range s.captured {
		var err error
		captured[i], err = f.local(n)
		raise(errors.WithMessagef(err, "%s: %s uses a value that is not known here", op, name))
	}
	return s, captured
}

func shapesOf(nodes []*node) []shapes.Shape {
	out := make([]shapes.Shape, len(nodes))
	for i, n := range nodes {
		out[i] = n.shape
	}
	return out
}

// expect refuses parameters or outputs of a function that do not have the given
// shapes; does says which and whose.
func expect(op compute.OpType, does string, have []*node, want ...shapes.Shape) {
	s := shapesOf(have)
	refuseIf(!slices.EqualFunc(s, want, shapes.Shape.Equal), "%s: %s %s, want %s", op, does, s, want)
}

// Call runs another function of the computation: its operations become some of the
// caller, where they join with others.
func (f *function) Call(g compute.Function, inputs ...val) (_ []val, err error) {
	defer caught(&err)
	const op = compute.OpTypeCall
	in := f.use(op, inputs...)
	s, captured := f.sub(op, "the function", g)
	expect(op, "function \""+s.name+"\" takes", s.params, shapesOf(in)...)
	const most = 1 << 18 // calls of calls grow fast
	refuseIf(len(f.nodes)+len(s.nodes) > most, "%s: with function %q the caller has more than %d operations", op, s.name, most)
	return asValues(f.inline(s, in, captured)), nil
}

// inline copies the nodes of a function and gives those of its outputs.
func (f *function) inline(s *function, in, captured []*node) []*node {
	here := make(map[*node]*node, len(s.nodes))
	for i, n := range s.params {
		here[n] = in[i]
	}
	for i, n := range s.captures {
		here[n] = captured[i]
	}
	copies := func(nodes []*node) []*node {
		out := make([]*node, len(nodes))
		for i, n := range nodes {
			out[i] = here[n]
		}
		return out
	}
	for _, n := range s.nodes {
		if here[n] != nil {
			continue
		}
		operands := copies(n.in)
		switch {
		case n.op == opPick: // made together with its operation
		case n.op == compute.OpTypeConstant:
			here[n] = f.constant(n.attr.([]byte), n.shape)
		case n.multi != nil:
			picks := f.addMulti(n.op, n.multi, n.attr, operands...)
			for _, p := range s.nodes[n.id+1 : n.id+1+len(picks)] {
				here[p] = picks[p.attr.(int)]
			}
		default:
			here[n] = f.add(n.op, n.shape, n.attr, operands...)
		}
	}
	return copies(s.outputs)
}

// While runs body on the state for as long as cond is true of it.
func (f *function) While(cond, body compute.Function, state ...val) (_ []val, err error) {
	defer caught(&err)
	const op = compute.OpTypeWhile
	in := f.use(op, state...)
	c, ofCond := f.sub(op, "the condition", cond)
	b, ofBody := f.sub(op, "the body", body)
	s := shapesOf(in)
	expect(op, "the condition takes", c.params, s...)
	expect(op, "the condition returns", c.outputs, shapes.Make(dtypes.Bool))
	expect(op, "the body takes", b.params, s...)
	expect(op, "the body returns", b.outputs, s...)
	refuseIf(len(in) == 0, "%s: there is no state", op)
	return asValues(f.addMulti(op, s, whileAttr{c, b}, slices.Concat(in, ofCond, ofBody)...)), nil
}

// If runs one of two functions without parameters.
func (f *function) If(pred val, yes, no compute.Function) (_ []val, err error) {
	defer caught(&err)
	const op = compute.OpTypeIf
	in := f.use(op, pred)
	refuseIf(!in[0].shape.Equal(shapes.Make(dtypes.Bool)), "%s: the predicate is %s, it has to be a scalar Bool", op, in[0].shape)
	y, ofYes := f.sub(op, "the true branch", yes)
	n, ofNo := f.sub(op, "the false branch", no)
	out := shapesOf(y.outputs)
	expect(op, "the true branch takes", y.params)
	expect(op, "the false branch takes", n.params)
	expect(op, "the false branch returns", n.outputs, out...)
	return asValues(f.addMulti(op, out, ifAttr{y, n}, slices.Concat(in, ofYes, ofNo)...)), nil
}

func runIf(c *call) error {
	a := c.n.attr.(ifAttr)
	cut := 1 + len(a.yes.captured)
	f, in := a.yes, c.in[1:cut]
	if !of[bool](c.in[0])[0] {
		f, in = a.no, c.in[cut:]
	}
	out, _, err := f.program.execute(c.run.ctx, c.run.backend, in, make([]bool, len(in)))
	if err != nil {
		return err
	}
	c.hand(out, true)
	return nil
}

// hand copies values to the outputs and gives their memory back if it is the call's own.
func (c *call) hand(values []value, owned bool) {
	for i, v := range values {
		copy(c.out[i].data, v.data)
		if owned {
			c.run.backend.release(v.data)
		}
	}
}

// runWhile hands the state from one run of the body to the next, which may work in
// its memory.
func runWhile(c *call) error {
	a, b, n := c.n.attr.(whileAttr), c.run.backend, len(c.out)
	cut := n + len(a.cond.captured)
	state, ofCond, ofBody := c.in[:n], c.in[n:cut], c.in[cut:]
	owned := false
	for {
		more, _, err := a.cond.program.execute(c.run.ctx, b, slices.Concat(state, ofCond), make([]bool, n+len(ofCond)))
		if err != nil {
			return errors.WithMessage(err, "While: condition")
		}
		again := of[bool](more[0])[0]
		b.release(more[0].data)
		if !again {
			break
		}
		donated := append(slices.Repeat([]bool{owned}, n), make([]bool, len(ofBody))...)
		next, taken, err := a.body.program.execute(c.run.ctx, b, slices.Concat(state, ofBody), donated)
		if err != nil {
			return errors.WithMessage(err, "While: body")
		}
		for i, v := range state {
			if owned && !taken[i] {
				b.release(v.data)
			}
		}
		state, owned = next, true
	}
	c.hand(state, owned)
	return nil
}
