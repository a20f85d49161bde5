package fuzz

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

var moveParts = []part{
	{"transpose", 6, (*generator).transpose},
	{"reshape", 6, (*generator).reshape},
	{"slice", 5, (*generator).slice},
	{"reverse", 2, (*generator).reverse},
	{"concatenate", 4, (*generator).concatenate},
	{"stack", 1, (*generator).stack},
	{"pad", 3, (*generator).pad},
	{"broadcast", 4, (*generator).broadcast},
	{"shift", 2, (*generator).shift},
	{"triangle", 1, (*generator).triangle},
	{"barrier", 1, (*generator).barrier},
}

func (g *generator) transpose() {
	x := g.any(1)
	g.add(graph.TransposeAllAxes(x, g.r.Perm(x.Rank())...))
}

// reshape keeps, joins, splits or inserts axes.
func (g *generator) reshape() {
	x := g.any(0)
	dims := slices.Clone(dimsOf(x))
	switch g.r.IntN(4) {
	case 0:
		dims = []int{product(dims)}
	case 1:
		if len(dims) > 1 {
			at := g.r.IntN(len(dims) - 1)
			dims[at] *= dims[at+1]
			dims = slices.Delete(dims, at+1, at+2)
		}
	case 2:
		for at, d := range dims {
			if d > 3 && d%2 == 0 {
				dims = slices.Insert(dims, at, 2)
				dims[at+1] = d / 2
				break
			}
		}
	default:
		dims = slices.Insert(dims, g.r.IntN(len(dims)+1), 1)
	}
	g.add(graph.Reshape(x, dims...))
}

func (g *generator) slice() {
	x := g.any(1)
	specs := make([]graph.SliceAxisSpec, x.Rank())
	for i, d := range dimsOf(x) {
		if d < 2 || g.chance(0.4) {
			specs[i] = graph.AxisRange()
			continue
		}
		start := g.r.IntN(d)
		specs[i] = graph.AxisRange(start, start+1+g.r.IntN(d-start))
		if g.chance(0.3) {
			specs[i] = specs[i].Stride(2 + g.r.IntN(2))
		}
	}
	g.add(graph.Slice(x, specs...))
}

func (g *generator) reverse() {
	x := g.any(1)
	g.add(graph.Reverse(x, g.axes(x)...))
}

func (g *generator) concatenate() {
	x := g.any(1)
	axis := g.axis(x)
	list := []*graph.Node{x}
	for range 1 + g.r.IntN(2) {
		dims := slices.Clone(dimsOf(x))
		dims[axis] = min(g.dim(), 20)
		list = append(list, g.pick(func(y *graph.Node) bool { return y.Shape().Equal(x.Shape()) },
			func() *graph.Node { return g.newOf(x.DType(), dims...) }))
	}
	at := g.r.IntN(len(list))
	list[0], list[at] = list[at], list[0]
	y := graph.Concatenate(list, axis)
	g.add(y)
	if d := dimsOf(y)[axis]; d > 1 && g.chance(0.3) { // what lies across the seam
		g.add(graph.SliceAxis(y, axis, graph.AxisRange(d/4, d-d/4)))
	}
}

func (g *generator) stack() {
	x := g.any(0)
	g.add(graph.Stack([]*graph.Node{x, g.newOf(x.DType(), dimsOf(x)...)}, g.r.IntN(x.Rank()+1)))
}

func (g *generator) pad() {
	x := g.any(1)
	config := make([]compute.PadAxis, x.Rank())
	for i, d := range dimsOf(x) {
		if g.chance(0.5) {
			continue
		}
		config[i] = compute.PadAxis{Start: g.r.IntN(4), End: g.r.IntN(4)}
		if g.chance(0.3) {
			config[i].Interior = 1 + g.r.IntN(2)
		}
		if d > 3 && g.chance(0.2) {
			config[i].Start = -1
		}
	}
	g.add(graph.Pad(x, g.newOf(x.DType()), config...))
}

// broadcast repeats along new axes before, or along one of size 1.
func (g *generator) broadcast() {
	x := g.any(0)
	dims := slices.Clone(dimsOf(x))
	n := 1 + g.r.IntN(5)
	if g.chance(0.5) {
		g.add(graph.BroadcastPrefix(x, n))
		return
	}
	at := g.r.IntN(len(dims) + 1)
	y := graph.Reshape(x, slices.Insert(slices.Clone(dims), at, 1)...)
	g.add(graph.BroadcastToDims(y, slices.Insert(dims, at, n)...))
}

func (g *generator) shift() {
	x := g.floats(1)
	axis := g.axis(x)
	if n := dimsOf(x)[axis]; n > 0 {
		g.add(graph.ShiftWithScalar(x, axis, oneOf(g, graph.ShiftDirLeft, graph.ShiftDirRight), g.r.IntN(n+1), 1))
	}
}

func (g *generator) triangle() {
	x := g.floats(2)
	if g.chance(0.5) {
		g.add(graph.TakeLowerTriangular(x, g.r.IntN(5)-2))
	} else {
		g.add(graph.TakeUpperTriangular(x, g.r.IntN(5)-2))
	}
}

func (g *generator) barrier() {
	x, y := g.any(0), g.any(0)
	if g.chance(0.5) {
		g.add(graph.OptimizationBarriers(x, y)...)
	} else {
		g.add(graph.SchedulingBarrier(x, y))
	}
}
