package fuzz

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

var reduceParts = []part{
	{"reduce", 9, (*generator).reduce},
	{"bits", 1, (*generator).reduceBits},
	{"arg", 2, (*generator).arg},
	{"softmax", 4, (*generator).softmax},
	{"moments", 4, (*generator).moments},
	{"entropy", 3, (*generator).entropy},
	{"normalize", 3, (*generator).normalize},
	{"cumulate", 2, (*generator).cumulate},
	{"window", 3, (*generator).window},
	{"pool", 3, (*generator).pooling},
}

type reduceFunc = func(x *graph.Node, axes ...int) *graph.Node

var reductions = []reduceFunc{graph.ReduceSum, graph.ReduceSum, graph.ReduceMax, graph.ReduceMin, graph.ReduceMean, graph.ReduceMultiply}

// reduce some axes, keep them or not, and meet what was reduced again.
func (g *generator) reduce() {
	x := g.number(1)
	f := oneOf(g, reductions...)
	if !isFloat(x) && g.chance(0.5) {
		f = graph.ReduceSum
	}
	axes := g.axes(x)
	if g.chance(0.5) {
		g.add(f(x, axes...))
		return
	}
	y := graph.ReduceAndKeep(x, f, axes...)
	switch {
	case g.chance(0.2):
		g.add(y)
	case isFloat(x):
		g.add(oneOf(g, graph.Sub(x, y), graph.Mul(x, y)))
	default:
		g.add(graph.Add(x, y))
	}
}

func (g *generator) reduceBits() {
	if g.chance(0.5) {
		x := g.integers(1)
		g.add(oneOf(g, graph.ReduceBitwiseAnd, graph.ReduceBitwiseOr, graph.ReduceBitwiseXor)(x, g.axes(x)...))
		return
	}
	if x := g.boolean(); x.Rank() > 0 {
		g.add(oneOf(g, graph.ReduceLogicalAnd, graph.ReduceLogicalOr, graph.ReduceLogicalXor)(x, g.axes(x)...))
	}
}

func (g *generator) arg() {
	x := g.number(1)
	axis := g.axis(x)
	if dimsOf(x)[axis] == 0 {
		return
	}
	if g.chance(0.5) {
		g.add(graph.ArgMax(x, axis))
	} else {
		g.add(graph.ArgMin(x, axis, oneOf(g, dtypes.Int32, dtypes.Int64, dtypes.Uint16)))
	}
}

// softmax by its definition: the rows are read three times.
func (g *generator) softmax() {
	x := g.floats(1)
	axis := g.axis(x)
	if g.chance(0.7) {
		axis = x.Rank() - 1
	}
	if g.chance(0.3) {
		x = g.binary(x)
	}
	e := graph.Exp(graph.Sub(x, graph.StopGradient(graph.ReduceAndKeep(x, graph.ReduceMax, axis))))
	y := graph.Div(e, graph.ReduceAndKeep(e, graph.ReduceSum, axis))
	if g.chance(0.3) {
		g.add(e)
	}
	g.add(y)
}

// moments normalize rows to mean 0 and variance 1, with scale and shift, or to square mean 1.
func (g *generator) moments() {
	x := g.floats(1)
	axes := []int{x.Rank() - 1}
	if g.chance(0.3) {
		axes = g.axes(x)
	}
	if g.chance(0.6) {
		x = graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, axes...))
	}
	variance := graph.ReduceAndKeep(graph.Square(x), graph.ReduceMean, axes...)
	y := graph.Mul(x, graph.Rsqrt(graph.AddScalar(variance, 1e-5)))
	if g.chance(0.6) {
		last := dimsOf(x)[x.Rank()-1]
		gamma := graph.ExpandLeftToRank(g.newFloats(x.DType(), last), x.Rank())
		beta := graph.ExpandLeftToRank(g.newFloats(x.DType(), last), x.Rank())
		y = graph.Add(graph.Mul(y, gamma), beta)
	}
	g.add(y)
}

// entropy is the loss of a classifier, its labels as numbers or one-hot.
func (g *generator) entropy() {
	x := g.floats(2)
	n := dimsOf(x)[x.Rank()-1]
	if n == 0 {
		return
	}
	rows := dimsOf(x)[:x.Rank()-1]
	labels := g.newIndex(g.indexDType(), min(n, 100), false, rows...)
	logits := graph.LogSoftmax(x, -1)
	hot := graph.OneHot(labels, n, x.DType())
	losses := graph.Neg(graph.ReduceSum(graph.Mul(logits, hot), -1))
	g.add(losses)
	if g.chance(0.6) {
		g.add(graph.ReduceAllMean(losses))
	}
}

func (g *generator) normalize() {
	x := g.floats(1)
	axis := g.axis(x)
	switch g.r.IntN(4) {
	case 0:
		g.add(graph.L2NormalizeWithEpsilon(x, 1e-3, axis))
	case 1:
		g.add(graph.LogSoftmax(x, axis))
	case 2:
		g.add(graph.MaskedSoftmax(x, g.newBool(dimsOf(x)...), axis))
	case 3:
		g.add(graph.Variance(x, axis))
	}
}

func (g *generator) cumulate() {
	x := g.number(1)
	axis := g.axis(x)
	if n := dimsOf(x)[axis]; n > 0 && n*x.Shape().Size() < 20*g.limit {
		g.add(graph.CumSum(x, axis))
	}
}

// windows are sizes, strides, paddings and dilations for some axes.
func (g *generator) window() {
	x := g.number(1)
	if empty(x) || x.Shape().Size() > g.limit {
		return
	}
	rank := x.Rank()
	size, stride, dilation := slices.Repeat([]int{1}, rank), slices.Repeat([]int{1}, rank), slices.Repeat([]int{1}, rank)
	var input []int
	if g.chance(0.2) {
		input = slices.Repeat([]int{1}, rank)
	}
	padding := make([][2]int, rank)
	for i, d := range dimsOf(x) {
		if g.chance(0.4) {
			continue
		}
		size[i] = 1 + g.r.IntN(min(d, 4))
		stride[i] = 1 + g.r.IntN(3)
		padding[i] = [2]int{g.r.IntN(size[i]), g.r.IntN(size[i])}
		if input != nil {
			input[i] = 1 + g.r.IntN(2)
		}
		if (size[i]-1)*2 < d && g.chance(0.3) {
			dilation[i] = 2
		}
	}
	kind := oneOf(g, compute.ReduceOpSum, compute.ReduceOpMax, compute.ReduceOpMin, compute.ReduceOpProduct)
	g.add(graph.BackendReduceWindow(x, kind, size, stride, input, dilation, padding))
}

// pooling is over the inner axes of [batch, ..., channels]; it has gradients.
func (g *generator) pooling() {
	x := g.floats(3)
	dims := dimsOf(x)
	if empty(x) || slices.Min(dims[1:x.Rank()-1]) < 2 {
		x = g.newFloat(g.cut([]int{1 + g.r.IntN(3), 4 + g.r.IntN(6), 4 + g.r.IntN(6), 1 + g.r.IntN(4)})...)
	}
	p := oneOf(g, graph.MaxPool, graph.MinPool, graph.SumPool, graph.MeanPool)(x).Window(2)
	if g.chance(0.5) {
		p = p.Strides(1)
	}
	if g.chance(0.3) {
		p = p.PadSame()
	}
	y := p.Done()
	g.add(y)
	if g.chance(0.3) {
		g.add(graph.Gradient(graph.ReduceAllSum(graph.Mul(y, g.newFloats(y.DType(), dimsOf(y)...))), x)...)
	}
}
