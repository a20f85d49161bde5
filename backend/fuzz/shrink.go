package fuzz

import (
	"errors"
	"slices"

	"github.com/comlam/comlam/backend/oracle"
)

// A Finding is a failing computation, cut down.
type Finding struct {
	Seed    uint64
	Program *oracle.Program
	Inputs  []*oracle.Tensor
	Err     error
}

// Check holds the engines to what the oracle wants of a case. It returns what failed, cut
// down, or nil.
func (b *Bench) Check(c *Case, want []*oracle.Tensor) *Finding {
	failure := b.Examine(c.Program, c.Inputs, want)
	if failure == nil {
		return nil
	}
	f := &Finding{c.Seed, c.Program, c.Inputs, failure}
	b.Shrink(f)
	return f
}

// Shrink cuts a failing computation down: to few outputs, to an earlier value as the
// only output, with computed values as inputs. Every step fails still.
func (b *Bench) Shrink(f *Finding) {
	for again := true; again; {
		again = b.drop(f) || b.shorten(f) || b.cut(f)
	}
}

// hasOutput tells wrong results from errors and crashes.
func hasOutput(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Output >= 0
}

// drop leaves out an output, or exchanges one for its operands.
func (b *Bench) drop(f *Finding) bool {
	all := f.Program.Outputs
	for i := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		if len(rest) > 0 && b.try(f, &oracle.Program{Inputs: f.Program.Inputs, Outputs: rest}, f.Inputs) {
			return true
		}
	}
	for i, v := range all {
		if len(all) == 1 || isInput(f.Program, v.Node) {
			continue
		}
		for _, operand := range v.Node.Inputs {
			if operand.Node.Hidden(operand.Index) {
				continue
			}
			list := slices.Clone(all)
			list[i] = operand
			if b.try(f, &oracle.Program{Inputs: f.Program.Inputs, Outputs: list}, f.Inputs) {
				return true
			}
		}
	}
	return false
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
	if failure == nil || hasOutput(failure) != hasOutput(f.Err) {
		return false // or it fails in another way
	}
	f.Program, f.Inputs, f.Err = needed, in, failure
	return true
}

// shorten makes the first value that is wrong the output.
func (b *Bench) shorten(f *Finding) bool {
	nodes := f.Program.Nodes()
	for _, n := range nodes[:max(0, len(nodes)-1)] {
		for i := range n.Shapes {
			if n.Hidden(i) || isInput(f.Program, n) {
				continue
			}
			if b.try(f, &oracle.Program{Inputs: f.Program.Inputs, Outputs: []*oracle.Value{{Node: n, Index: i}}}, f.Inputs) {
				return true
			}
		}
	}
	return false
}

func isInput(p *oracle.Program, n *oracle.Node) bool { return slices.Contains(p.Inputs, n) }

func isOutput(p *oracle.Program, n *oracle.Node) bool {
	return slices.ContainsFunc(p.Outputs, func(v *oracle.Value) bool { return v.Node == n })
}

// cut hands computed values over as inputs, the last ones first.
func (b *Bench) cut(f *Finding) (any bool) {
	nodes := f.Program.Nodes()
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if len(n.Shapes) != 1 || len(n.Inputs) == 0 || isInput(f.Program, n) || isOutput(f.Program, n) {
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
			Inputs:  append(slices.Clone(f.Program.Inputs), n),
			Outputs: f.Program.Outputs,
		}
		if b.try(f, p, append(slices.Clone(f.Inputs), exact)) {
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
