package fuzz

import (
	"github.com/gomlx/gomlx/core/graph"
)

var gradientParts = []part{
	{"gradient", 12, (*generator).gradient},
}

// gradient of a loss of some values with respect to some parameters. Some operations have
// none: then of another loss.
func (g *generator) gradient() {
	for range 3 {
		if g.tryGradient() {
			return
		}
	}
}

func (g *generator) tryGradient() (done bool) {
	defer func() {
		if r := recover(); r != nil {
			g.refused["gradient"]++
		}
	}()
	loss := g.loss()
	var by []*graph.Node
	for _, p := range g.params {
		if isFloat(p) && g.chance(0.5) && len(by) < 4 {
			by = append(by, p)
		}
	}
	if len(by) > 0 {
		list := graph.Gradient(loss, by...)
		g.add(loss)
		g.add(list...)
	}
	return true
}

func (g *generator) loss() (loss *graph.Node) {
	for range 1 + g.r.IntN(2) {
		y := g.float()
		if g.chance(0.5) {
			y = graph.Mul(y, g.newFloats(y.DType(), dimsOf(y)...))
		}
		term := graph.ReduceAllSum(y)
		if g.chance(0.3) && !empty(y) {
			term = graph.ReduceAllMean(graph.Square(y))
		}
		if loss != nil {
			term = graph.Add(loss, graph.ConvertDType(term, loss.DType()))
		}
		loss = term
	}
	return loss
}
