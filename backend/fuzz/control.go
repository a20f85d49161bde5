package fuzz

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

var controlParts = []part{
	{"while", 2, (*generator).while},
	{"if", 2, (*generator).branch},
	{"call", 2, (*generator).call},
	{"sort", 3, (*generator).sort},
	{"topk", 1, (*generator).topK},
}

// steps are a few operations inside a function, on its own values and captured ones.
// They use no scalars of GoMLX: it makes equal ones once in a graph, in whichever function
// comes first.
func (g *generator) steps(x *graph.Node, captured ...*graph.Node) *graph.Node {
	for range 1 + g.r.IntN(3) {
		switch g.r.IntN(5) {
		case 0:
			x = graph.Tanh(x)
		case 1:
			x = graph.Mul(x, graph.ConvertDType(graph.Const(g.g, float32(0.5)), x.DType()))
		case 2:
			x = graph.Neg(x)
		default:
			if len(captured) > 0 {
				x = oneOf(g, calm...)(x, oneOf(g, captured...))
			}
		}
	}
	return x
}

// while loops a number of times that is an input, and may read what is around it.
func (g *generator) while() {
	x := g.float()
	y := g.newFloats(x.DType(), dimsOf(x)...)
	d := oneOf(g, dtypes.Int32, dtypes.Int64, dtypes.Uint8)
	count := g.newIndex(d, 4, false)
	state := func(gr *graph.Graph) (i, z *graph.Node) {
		return graph.Parameter(gr, "i", count.Shape()), graph.Parameter(gr, "z", x.Shape())
	}
	cond := graph.NewClosure(g.g, func(gr *graph.Graph) []*graph.Node {
		i, _ := state(gr)
		return []*graph.Node{graph.LessThan(i, count)}
	})
	body := graph.NewClosure(g.g, func(gr *graph.Graph) []*graph.Node {
		i, z := state(gr)
		return []*graph.Node{graph.Add(i, graph.ConvertDType(graph.Const(gr, int32(1)), d)), g.steps(z, y)}
	})
	out := graph.While(cond, body, graph.Scalar(g.g, d, 0), x)
	g.add(out...)
}

func (g *generator) branch() {
	x := g.float()
	y := g.newFloats(x.DType(), dimsOf(x)...)
	side := func() *graph.Function {
		return graph.NewClosure(g.g, func(*graph.Graph) []*graph.Node {
			return []*graph.Node{g.steps(x, x, y), oneOf(g, x, y)}
		})
	}
	g.add(graph.If(g.newBool(), side(), side())...)
}

func (g *generator) call() {
	x := g.float()
	y := g.newFloats(x.DType(), dimsOf(x)...)
	f := graph.NewFunction(g.g, fmt.Sprintf("f%d", len(g.params)), func(gr *graph.Graph) []*graph.Node {
		a, b := graph.Parameter(gr, "a", x.Shape()), graph.Parameter(gr, "b", x.Shape())
		return []*graph.Node{g.steps(a, b), g.steps(b, a)}
	})
	out := f.Call(x, y)
	if g.chance(0.5) {
		out = f.Call(out[1], out[0])
	}
	g.add(out...)
}

// sort along an axis, by one array, with others that follow.
func (g *generator) sort() {
	x := g.number(1)
	if x.Shape().Size() > 400 {
		x = g.newOf(x.DType(), 1+g.r.IntN(3), 1+g.r.IntN(40))
	}
	axis := g.axis(x)
	if g.chance(0.4) {
		g.add(graph.Sort(x, axis, g.chance(0.5)))
		return
	}
	y := g.newInt(dtypes.Int32, dimsOf(x)...)
	falls, scaled, stable := g.chance(0.5), g.chance(0.2), g.chance(0.7)
	less := graph.NewClosure(g.g, func(gr *graph.Graph) []*graph.Node {
		var p []*graph.Node
		for i, d := range []dtypes.DType{x.DType(), x.DType(), y.DType(), y.DType()} {
			p = append(p, graph.Parameter(gr, fmt.Sprint("p", i), shapeOf(d, nil)))
		}
		a, b := p[0], p[1]
		if scaled {
			a, b = graph.Add(a, graph.ConvertDType(p[2], a.DType())), graph.Add(b, graph.ConvertDType(p[3], a.DType()))
		}
		if falls {
			return []*graph.Node{graph.GreaterThan(a, b)}
		}
		return []*graph.Node{graph.LessThan(a, b)}
	})
	g.add(graph.SortFunc(less, axis, stable, x, y)...)
}

func (g *generator) topK() {
	x := g.floats(1)
	axis := g.axis(x)
	if n := dimsOf(x)[axis]; n > 0 && x.Shape().Size() <= 400 {
		values, indices := graph.TopK(x, 1+g.r.IntN(n), axis)
		g.add(values, indices)
	}
}
