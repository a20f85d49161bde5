package fuzz

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	timage "github.com/gomlx/gomlx/core/tensors/images"
)

var productParts = []part{
	{"matmul", 9, (*generator).matmul},
	{"dotgeneral", 5, (*generator).dotGeneral},
	{"mixed", 3, (*generator).mixed},
	{"dotint", 2, (*generator).dotInt},
	{"attention", 3, (*generator).attention},
	{"convolve", 5, (*generator).convolve},
	{"fft", 3, (*generator).fft},
	{"batchnorm", 2, (*generator).batchNorm},
}

// work is how many products a part may ask for.
func (g *generator) work() int { return 20 * g.limit }

// factor is a value for a product with its last axis.
func (g *generator) factor(minRank int) *graph.Node {
	x := g.floats(minRank)
	if x.Shape().Size() > g.limit {
		x = g.newFloat(g.cut([]int{g.size(), g.size()})...)
	}
	return x
}

// matmul is a dense layer by hand: x·w, a bias, an activation, a residual.
func (g *generator) matmul() {
	x := g.factor(1)
	k := dimsOf(x)[x.Rank()-1]
	n := max(1, min(g.dim(), g.work()/max(1, x.Shape().Size())))
	if x.Rank() > 1 && g.chance(0.3) {
		n = k
	}
	var y *graph.Node
	if g.chance(0.3) { // the weight is stored as its transpose
		y = graph.DotGeneral(x, []int{x.Rank() - 1}, nil, g.newFloats(x.DType(), n, k), []int{1}, nil)
	} else {
		y = graph.MatMul(x, g.newFloats(x.DType(), k, n))
	}
	if g.chance(0.2) {
		g.add(y)
	}
	if g.chance(0.6) && y.Rank() > 0 {
		bias := g.newFloats(x.DType(), dimsOf(y)[y.Rank()-1])
		y = graph.Add(y, graph.ExpandLeftToRank(bias, y.Rank()))
	}
	if g.chance(0.5) {
		y = g.unary(y)
	}
	if g.chance(0.3) {
		y = graph.Add(y, g.like(y))
	}
	g.add(y)
}

// dotGeneral contracts any axis and keeps a batch axis or none.
func (g *generator) dotGeneral() {
	x := g.factor(1)
	order := g.r.Perm(x.Rank())
	contract, batch := order[:1], order[1:1]
	if x.Rank() > 1 && g.chance(0.6) {
		batch = order[1:2]
	}
	if x.Rank() > 2 && g.chance(0.3) {
		contract, batch = order[:2], order[2:3]
	}
	var dims, rc, rb []int
	at := func(axes []int) (list []int) {
		for _, a := range axes {
			list = append(list, len(dims))
			dims = append(dims, dimsOf(x)[a])
		}
		return list
	}
	free := max(1, min(g.size(), g.work()/max(1, x.Shape().Size())))
	switch g.r.IntN(3) {
	case 0:
		rb, rc = at(batch), at(contract)
		dims = append(dims, free)
	case 1:
		rb = at(batch)
		dims = append(dims, free)
		rc = at(contract)
	case 2:
		dims = append(dims, free)
		rc, rb = at(contract), at(batch)
	}
	g.add(graph.DotGeneral(x, contract, batch, g.newFloats(x.DType(), dims...), rc, rb))
}

// mixed multiplies numbers of 16 bits and accumulates, or gives, float32.
func (g *generator) mixed() {
	d := oneOf(g, dtypes.Float16, dtypes.BFloat16)
	m, k, n := g.size(), g.size(), g.size()
	dims := g.cut([]int{m, k})
	x := g.newFloats(d, dims...)
	w := g.newFloats(d, dims[1], min(n, max(1, g.work()/product(dims))))
	dot := graph.Dot(x, w)
	if g.chance(0.7) {
		dot = dot.WithAccumulatorDType(dtypes.Float32)
	}
	if g.chance(0.6) {
		dot = dot.WithOutputDType(dtypes.Float32)
	}
	g.add(dot.General([]int{1}, nil, []int{0}, nil))
}

func (g *generator) dotInt() {
	d := oneOf(g, dtypes.Int8, dtypes.Uint8, dtypes.Int32, dtypes.Int64, dtypes.Int16)
	dims := g.cut([]int{g.size(), g.size()})
	x := g.newInt(d, dims...)
	w := g.newInt(d, dims[1], min(g.size(), max(1, g.work()/product(dims))))
	dot := graph.Dot(x, w)
	if d.Bits() == 8 && g.chance(0.7) {
		dot = dot.WithAccumulatorDType(dtypes.Int32).WithOutputDType(dtypes.Int32)
	}
	g.add(dot.General([]int{1}, nil, []int{0}, nil))
}

// attention by hand: two products with a softmax between them, causal or not.
func (g *generator) attention() {
	b, h, s, d := 1+g.r.IntN(2), 1+g.r.IntN(3), 1+g.r.IntN(12), oneOf(g, 1, 3, 4, 8, 16)
	dims := []int{b, s, h, d}
	dt := g.floatDType()
	q, k, v := g.newFloats(dt, dims...), g.newFloats(dt, dims...), g.newFloats(dt, dims...)
	scores := graph.MulScalar(graph.Einsum("bqhd,bkhd->bhqk", q, k), 0.5)
	if g.chance(0.6) {
		mask := graph.ExpandLeftToRank(graph.LowerTriangular(g.g, s), 4)
		mask = graph.BroadcastToDims(mask, dimsOf(scores)...)
		scores = graph.Where(mask, scores, graph.ConvertDType(graph.Const(g.g, float32(-1e4)), dt))
	}
	weights := graph.Softmax(scores, -1)
	g.add(graph.Einsum("bhqk,bkhd->bqhd", weights, v))
	if g.chance(0.2) {
		g.add(weights)
	}
}

// convolve in one or two dimensions, with strides or dilations, groups, a bias and an
// activation.
func (g *generator) convolve() {
	spatial := 1 + g.r.IntN(2)
	groups := oneOf(g, 1, 1, 1, 2, 3)
	in, out := groups*(1+g.r.IntN(4)), groups*(1+g.r.IntN(4))
	dt := g.floatDType()
	first := g.chance(0.3)
	area, kernel := make([]int, spatial), make([]int, spatial)
	for i := range area {
		area[i], kernel[i] = 3+g.r.IntN(8), 1+g.r.IntN(3)
	}
	batch := 1 + g.r.IntN(3)
	x := g.newFloats(dt, slices.Concat([]int{batch}, area, []int{in})...)
	w := slices.Concat(kernel, []int{in / groups, out})
	axes := timage.ChannelsLast
	if first {
		x = g.newFloats(dt, slices.Concat([]int{batch, in}, area)...)
		w = slices.Concat([]int{out, in / groups}, kernel)
		axes = timage.ChannelsFirst
	}
	c := graph.Convolve(x, g.newFloats(dt, w...)).ChannelsAxis(axes)
	switch g.r.IntN(4) {
	case 0:
		c = c.Strides(2)
	case 1:
		if slices.Max(kernel) == 1 || slices.Min(area) > 4 {
			c = c.Dilations(2)
		}
	}
	if g.chance(0.5) {
		c = c.PadSame()
	}
	if groups > 1 {
		c = c.ChannelGroupCount(groups)
	}
	y := c.Done()
	if g.chance(0.5) && !first {
		y = graph.Add(y, graph.ExpandLeftToRank(g.newFloats(dt, out), y.Rank()))
	}
	if g.chance(0.4) {
		y = graph.Max(y, graph.ScalarZero(g.g, dt))
	}
	g.add(y)
}

func (g *generator) fft() {
	dims := []int{1 + g.r.IntN(4), oneOf(g, 1, 2, 3, 4, 5, 7, 8, 12, 16, 30, 32, 60, 64, 97)}
	lengths := dims[1:]
	if g.chance(0.2) {
		dims = []int{1 + g.r.IntN(3), 1 + g.r.IntN(6), 1 + g.r.IntN(9)}
		lengths = dims[1:]
	}
	d := oneOf(g, dtypes.Complex64, dtypes.Complex64, dtypes.Complex128)
	switch g.r.IntN(4) {
	case 0:
		g.add(graph.FFT(g.newComplex(d, dims...), lengths...))
	case 1:
		g.add(graph.InverseFFT(g.newComplex(d, dims...), lengths...))
	case 2:
		y := graph.RealFFT(g.newFloats(d.RealDType(), dims...), lengths...)
		g.add(y, graph.Abs(y))
	case 3:
		x := graph.RealFFT(g.newFloats(d.RealDType(), dims...), lengths...)
		filter := g.newComplex(d, dimsOf(x)...)
		g.add(graph.InverseRealFFT(graph.Mul(x, filter), lengths...))
	}
}

// batchNorm in training and at inference; the gradient of the former is an operation of its
// own.
func (g *generator) batchNorm() {
	x := g.floats(2)
	axis := g.axis(x)
	c := dimsOf(x)[axis]
	if empty(x) {
		return
	}
	d := x.DType()
	scale, offset := g.newFloats(d, c), g.newFloats(d, c)
	switch g.r.IntN(3) {
	case 0:
		mean, variance := g.newFloats(d, c), graph.AddScalar(graph.Abs(g.newFloats(d, c)), 0.1)
		g.add(graph.InternalBatchNormForInference(x, scale, offset, mean, variance, 1e-3, axis))
	case 1:
		y, mean, variance := graph.InternalBatchNormForTraining(x, scale, offset, 1e-3, axis)
		g.add(mean, variance, y)
	case 2:
		_, mean, variance := graph.InternalBatchNormForTraining(x, scale, offset, 1e-3, axis)
		dx, dScale, dOffset := graph.InternalBatchNormGradient(x, scale, mean, variance, g.newFloats(d, dimsOf(x)...), 1e-3, axis)
		g.add(dScale, dOffset, dx)
	}
}
