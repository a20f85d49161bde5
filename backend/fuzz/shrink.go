package fuzz

import (
	"github.com/comlam/comlam/backend/oracle"
)

// A Finding is a failing computation, cut down.
type Finding struct {
	Seed    uint64
	Program *oracle.Program
	Inputs  []*oracle.Tensor
	Err     error
}

// Check runs a case. It returns what failed, cut down, or nil.
func (b *Bench) Check(c *Case) (*Finding, error) {
	want, err := c.Program.Run(c.Inputs...)
	if err != nil {
		return nil, err
	}
	failure := b.Examine(c.Program, c.Inputs, want)
	if failure == nil {
		return nil, nil
	}
	f := &Finding{c.Seed, c.Program, c.Inputs, failure}
	b.Shrink(f)
	return f, nil
}

// Shrink cuts a failing computation down: to one output, then to an earlier value as
// the output, then with computed values as inputs. Every step fails still.
func (b *Bench) Shrink(f *Finding) {
	for _, v := range f.Program.Outputs {
		if b.try(f, &oracle.Program{Inputs: f.Program.Inputs, Outputs: []*oracle.Value{v}}, f.Inputs) {
			break
		}
	}
	for again := true; again; {
		again = b.shorten(f) || b.cut(f)
	}
}

// try keeps a smaller computation if it fails.
func (b *Bench) try(f *Finding, p *oracle.Program, inputs []*oracle.Tensor) bool {
	needed, kept := p.Needed()
	var in []*oracle.Tensor
	for _, i := range kept {
		in = append(in, inputs[i])
	}
	want, err := needed.Run(in...)
	if err != nil {
		return false
	}
	failure := b.Examine(needed, in, want)
	if failure == nil {
		return false
	}
	f.Program, f.Inputs, f.Err = needed, in, failure
	return true
}

// shorten makes the first value that is wrong the output.
func (b *Bench) shorten(f *Finding) bool {
	nodes := f.Program.Nodes()
	for _, n := range nodes[:max(0, len(nodes)-1)] {
		for i := range n.Shapes {
			if !hasValue(n, i) || isInput(f.Program, n) {
				continue
			}
			if b.try(f, &oracle.Program{Inputs: f.Program.Inputs, Outputs: []*oracle.Value{{Node: n, Index: i}}}, f.Inputs) {
				return true
			}
		}
	}
	return false
}

// hasValue leaves out the states of attention, which each engine has its own of.
func hasValue(n *oracle.Node, i int) bool { return !n.Hidden(i) }

func isInput(p *oracle.Program, n *oracle.Node) bool {
	for _, x := range p.Inputs {
		if x == n {
			return true
		}
	}
	return false
}

// cut hands computed values over as inputs, the last ones first.
func (b *Bench) cut(f *Finding) (any bool) {
	nodes := f.Program.Nodes()
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if len(n.Shapes) != 1 || len(n.Inputs) == 0 || isInput(f.Program, n) || f.Program.Outputs[0].Node == n {
			continue
		}
		values, err := f.Program.Values(f.Inputs...)
		if err != nil {
			return any
		}
		v := values[n]
		if v == nil {
			continue // an earlier cut made it needless
		}
		exact, err := oracle.FromFlat(v[0].Flat(), v[0].Shape)
		if err != nil {
			return any
		}
		p := &oracle.Program{
			Inputs:  append(append([]*oracle.Node(nil), f.Program.Inputs...), n),
			Outputs: f.Program.Outputs,
		}
		if b.try(f, p, append(append([]*oracle.Tensor(nil), f.Inputs...), exact)) {
			any = true
		}
	}
	return any
}

// String lists the computation and what went wrong.
func (f *Finding) String() string {
	c := Case{Seed: f.Seed, Program: f.Program, Inputs: f.Inputs}
	return c.String() + f.Err.Error()
}
