// Package fuzz makes random computations and holds engines to them.
//
// A [Case] is made of a seed: a graph of GoMLX that package oracle records, gradients
// and functions included, and its inputs. Its parts (element.go, move.go, reduce.go,
// product.go, index.go, control.go, fused.go, gradient.go) are drawn from a table and
// build on each other's results: chains that an engine may fuse, operands that are
// broadcast, rows that are reduced and used again, products with what follows them,
// views, several consumers, outputs that are inputs.
//
// A [Bench] runs cases on an engine that is opened with several numbers of workers. The
// values must lie within the oracle's bounds, and the bits must be equal for every number
// of workers, from run to run, and whether or not inputs are donated. A case that
// fails is cut down to the few operations that fail still ([Bench.Shrink]).
package fuzz

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/backend/oracle"
	"github.com/comlam/comlam/internal/rng"
)

// A Case is a computation and its inputs.
type Case struct {
	Seed    uint64
	Program *oracle.Program
	Inputs  []*oracle.Tensor

	// Refused counts parts that GoMLX did not build, by name: gradients that it does not
	// have, for instance.
	Refused map[string]int
}

// New makes the case of a seed.
func New(seed uint64) (c *Case, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("make case %d: %v", seed, r)
		}
	}()
	stream := rng.New(seed)
	g := newGenerator(stream, oracle.New(oracle.Options{Unfused: stream.IntN(3) == 0}))
	for range 2 + stream.IntN(14) {
		g.part()
	}
	if err := g.g.Compile(g.outputs()...); err != nil {
		return nil, err
	}
	program := g.g.Executable().(*oracle.Executable).Program
	needed, kept := program.Needed()
	c = &Case{Seed: seed, Program: needed, Refused: g.refused}
	for _, i := range kept {
		c.Inputs = append(c.Inputs, g.inputs[i])
	}
	return c, nil
}

// A part is one way to go on with a graph.
type part struct {
	name   string
	weight int
	add    func(g *generator)
}

var parts = slices.Concat(elementParts, moveParts, reduceParts, productParts, indexParts, controlParts, fusedParts, gradientParts)

var totalWeight = func() (n int) {
	for _, p := range parts {
		n += p.weight
	}
	return n
}()

// part adds one of the parts to the graph.
func (g *generator) part() {
	n := g.r.IntN(totalWeight)
	at := 0
	for n >= parts[at].weight {
		n -= parts[at].weight
		at++
	}
	defer func() {
		if r := recover(); r != nil {
			g.refused[fmt.Sprintf("%s: %.120s", parts[at].name, fmt.Sprint(r))]++
		}
	}()
	parts[at].add(g)
}

// outputs are one to four values, often the last ones, sometimes an input or one twice.
func (g *generator) outputs() []*graph.Node {
	if len(g.pool) == 0 {
		g.add(g.float())
	}
	list := []*graph.Node{g.pool[len(g.pool)-1]}
	for g.chance(0.5) && len(list) < 4 {
		list = append(list, g.pool[g.r.IntN(len(g.pool))])
	}
	if g.chance(0.05) && len(g.params) > 0 {
		list = append(list, g.params[g.r.IntN(len(g.params))])
	}
	return list
}

// String lists the case.
func (c *Case) String() string {
	text := fmt.Sprintf("case %d\n%s", c.Seed, c.Program)
	for i, x := range c.Inputs {
		text += fmt.Sprintf("input %d: %s\n", i, x)
	}
	for _, why := range slices.Sorted(maps.Keys(c.Refused)) {
		text += fmt.Sprintf("left out %s\n", why)
	}
	return text
}
