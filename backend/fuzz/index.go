package fuzz

import (
	"slices"

	"github.com/gomlx/gomlx/core/graph"
)

var indexParts = []part{
	{"gather", 5, (*generator).gather},
	{"gatherslices", 2, (*generator).gatherSlices},
	{"scatter", 4, (*generator).scatter},
	{"scatterupdate", 1, (*generator).scatterUpdate},
	{"dynamicslice", 3, (*generator).dynamicSlice},
	{"dynamicupdate", 3, (*generator).dynamicUpdate},
	{"onehot", 1, (*generator).oneHot},
}

// gather rows, or elements by several indices.
func (g *generator) gather() {
	x := g.any(1)
	if empty(x) {
		return
	}
	n := 1
	if x.Rank() > 1 && g.chance(0.3) {
		n = 2
	}
	rows := max(1, min(g.dim(), g.limit/max(1, product(dimsOf(x)[n:]))))
	dims := []int{rows, n}
	if g.chance(0.3) {
		dims = []int{2, (rows + 1) / 2, n}
	}
	least := slices.Min(dimsOf(x)[:n])
	g.add(graph.Gather(x, g.newIndex(g.indexDType(), least, g.chance(0.2), dims...)))
}

func (g *generator) gatherSlices() {
	x := g.any(2)
	if empty(x) || x.Rank() < 2 {
		return
	}
	axis := g.axis(x)
	size := 1 + g.r.IntN(dimsOf(x)[axis])
	start := g.newIndex(g.indexDType(), dimsOf(x)[axis]-size+1, g.chance(0.2), 1+g.r.IntN(3), 1)
	g.add(graph.GatherSlices(x, []int{axis}, start, []int{size}, false))
}

// scatter adds, or keeps the greatest or the least, where indices may meet.
func (g *generator) scatter() {
	x := g.number(1)
	if empty(x) {
		return
	}
	rows := max(1, min(g.dim(), g.limit/max(1, product(dimsOf(x)[1:]))))
	index := g.newIndex(g.indexDType(), dimsOf(x)[0], g.chance(0.2), rows, 1)
	updates := g.newOf(x.DType(), slices.Concat([]int{rows}, dimsOf(x)[1:])...)
	switch g.r.IntN(4) {
	case 0:
		g.add(graph.ScatterMax(x, index, updates, false, false))
	case 1:
		g.add(graph.ScatterMin(x, index, updates, false, false))
	default:
		g.add(graph.ScatterSum(x, index, updates, false, false))
	}
}

func (g *generator) scatterUpdate() {
	x := g.floats(1)
	n := min(dimsOf(x)[0], 100)
	if empty(x) {
		return
	}
	rows := 1 + g.r.IntN(n)
	order := g.newOrder(g.indexDType(), n, rows)
	g.add(graph.ScatterUpdate(x, order, g.newFloats(x.DType(), slices.Concat([]int{rows}, dimsOf(x)[1:])...), false, true))
}

// starts are scalars, constants sometimes.
func (g *generator) starts(x *graph.Node) []*graph.Node {
	list := make([]*graph.Node, x.Rank())
	d := g.indexDType()
	for i, n := range dimsOf(x) {
		if g.chance(0.3) {
			list[i] = graph.Scalar(g.g, d, 0)
		} else {
			list[i] = g.newIndex(d, n, g.chance(0.3))
		}
	}
	return list
}

func (g *generator) dynamicSlice() {
	x := g.any(1)
	if empty(x) {
		return
	}
	size := slices.Clone(dimsOf(x))
	for i, n := range size {
		if g.chance(0.6) {
			size[i] = 1 + g.r.IntN(n)
		}
	}
	g.add(graph.DynamicSlice(x, g.starts(x), size))
}

// dynamicUpdate writes a part, as a cache of keys and values does.
func (g *generator) dynamicUpdate() {
	x := g.any(1)
	if empty(x) {
		return
	}
	size := slices.Clone(dimsOf(x))
	at := g.r.IntN(len(size))
	size[at] = 1 + g.r.IntN(size[at])
	y := graph.DynamicUpdateSlice(x, g.newOf(x.DType(), size...), g.starts(x))
	g.add(y)
}

func (g *generator) oneHot() {
	n := 1 + g.r.IntN(20)
	g.add(graph.OneHot(g.newIndex(g.indexDType(), n, g.chance(0.2), g.size()), n, g.floatDType()))
}
