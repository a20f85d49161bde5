package fuzz

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/backend/oracle"
	"github.com/comlam/comlam/internal/rng"
)

// A generator builds one graph.
type generator struct {
	r       *rng.Stream
	g       *graph.Graph
	dtype   dtypes.DType // most values have this one ...
	dims    []int        // ... and these dimensions
	limit   int          // of elements
	special float64      // rate of NaN, infinities, denormal numbers and zeros
	pool    []*graph.Node
	params  []*graph.Node
	inputs  []*oracle.Tensor // of the parameters
	refused map[string]int
}

func newGenerator(r *rng.Stream, backend *oracle.Backend) *generator {
	g := &generator{r: r, g: graph.NewGraph(backend, "fuzz"), limit: 3000, refused: map[string]int{}}
	g.g.AssertBuilding() // starts it
	if r.IntN(80) == 0 {
		g.limit = 60000 // large enough that engines share the work among workers
	}
	if r.IntN(7) == 0 {
		g.special = 0.05
	}
	g.dtype = g.floatDType()
	g.dims = g.shape()
	if r.IntN(10) == 0 { // rows of whole blocks of registers
		g.limit = max(g.limit, 6000)
		g.dims = g.cut([]int{1 + r.IntN(40), 64})
		if r.IntN(2) == 0 {
			g.dims = []int{1 + r.IntN(6), 1 + r.IntN(3), 64 * (1 + r.IntN(5))}
		}
	}
	return g
}

func (g *generator) chance(p float64) bool { return g.r.Float64() < p }

func oneOf[T any](g *generator, list ...T) T { return list[g.r.IntN(len(list))] }

func (g *generator) floatDType() dtypes.DType {
	return oneOf(g, dtypes.Float32, dtypes.Float32, dtypes.Float32, dtypes.Float32, dtypes.Float32,
		dtypes.BFloat16, dtypes.BFloat16, dtypes.Float16, dtypes.Float64)
}

func (g *generator) intDType() dtypes.DType {
	return oneOf(g, dtypes.Int32, dtypes.Int32, dtypes.Int64, dtypes.Int8, dtypes.Uint8,
		dtypes.Int16, dtypes.Uint16, dtypes.Uint32, dtypes.Uint64)
}

// dim is a small size, ragged for loops over registers.
func (g *generator) dim() int {
	switch n := g.r.IntN(100); {
	case n == 0:
		return 0
	case n < 12:
		return 1
	case n < 70:
		return 2 + g.r.IntN(8)
	case n < 95:
		return oneOf(g, 12, 13, 15, 16, 17, 24, 31, 32, 33)
	}
	return oneOf(g, 48, 63, 64, 65, 100, 127, 129, 257)
}

// size is a dim that is not 0.
func (g *generator) size() int { return max(1, g.dim()) }

func (g *generator) shape() []int {
	dims := make([]int, oneOf(g, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4))
	for i := range dims {
		dims[i] = g.dim()
	}
	if g.limit > 10000 && len(dims) > 0 {
		dims[len(dims)-1] = 64 + g.r.IntN(300)
	}
	return g.cut(dims)
}

// cut halves the greatest dimension until the elements are within the limit.
func (g *generator) cut(dims []int) []int {
	for product(dims) > g.limit {
		_, at := largest(dims)
		dims[at] /= 2
	}
	return dims
}

func largest(dims []int) (n, at int) {
	for i, d := range dims {
		if d > n {
			n, at = d, i
		}
	}
	return n, at
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// add makes nodes known to the parts that follow.
func (g *generator) add(nodes ...*graph.Node) {
	for _, n := range nodes {
		if n.Shape().Size() <= 2*g.limit {
			g.pool = append(g.pool, n)
		}
	}
}

// pick finds a value, one of the last ones more often, or makes one.
func (g *generator) pick(fits func(x *graph.Node) bool, otherwise func() *graph.Node) *graph.Node {
	if g.chance(0.1) {
		return otherwise()
	}
	for i := len(g.pool) - 1; i >= 0; i-- {
		if fits(g.pool[i]) && g.chance(0.6) {
			return g.pool[i]
		}
	}
	return otherwise()
}

func isFloat(x *graph.Node) bool { return x.DType().IsFloat() }

func isInt(x *graph.Node) bool { return x.DType().IsInt() }

// float is a value of floats.
func (g *generator) float() *graph.Node {
	return g.pick(isFloat, func() *graph.Node { return g.newFloat(g.anyDims()...) })
}

// floats is a value of floats with axes.
func (g *generator) floats(minRank int) *graph.Node {
	x := g.pick(func(x *graph.Node) bool { return isFloat(x) && x.Rank() >= minRank },
		func() *graph.Node { return g.newFloat(g.anyDims()...) })
	for x.Rank() < minRank {
		x = g.newFloat(g.shape()...)
	}
	return x
}

// number is a value of floats or integers.
func (g *generator) number(minRank int) *graph.Node {
	if g.chance(0.7) {
		return g.floats(minRank)
	}
	return g.integers(minRank)
}

func (g *generator) integers(minRank int) *graph.Node {
	x := g.pick(func(x *graph.Node) bool { return isInt(x) && x.Rank() >= minRank },
		func() *graph.Node { return g.newInt(g.intDType(), g.anyDims()...) })
	for x.Rank() < minRank {
		x = g.newInt(g.intDType(), g.shape()...)
	}
	return x
}

// any is a value of any dtype with axes.
func (g *generator) any(minRank int) *graph.Node {
	x := g.pick(func(x *graph.Node) bool { return x.Rank() >= minRank }, func() *graph.Node { return g.number(minRank) })
	return x
}

func (g *generator) boolean() *graph.Node {
	return g.pick(func(x *graph.Node) bool { return x.DType() == dtypes.Bool },
		func() *graph.Node { return g.newBool(g.anyDims()...) })
}

// anyDims are the dimensions of most values, or others.
func (g *generator) anyDims() []int {
	if g.chance(0.75) {
		return slices.Clone(g.dims)
	}
	return g.shape()
}

// like is a second operand for x: of the same shape, or one that is broadcast to it.
func (g *generator) like(x *graph.Node) *graph.Node {
	same := func(y *graph.Node) bool { return y.Shape().Equal(x.Shape()) }
	dims := slices.Clone(x.Shape().Dimensions)
	switch n := g.r.IntN(10); {
	case n < 5:
		return g.pick(same, func() *graph.Node { return g.newOf(x.DType(), dims...) })
	case n < 6:
		return x
	case n < 7:
		return g.newOf(x.DType())
	case n < 9 && len(dims) > 0: // a row, a column ...
		for i := range dims {
			if g.chance(0.5) {
				dims[i] = 1
			}
		}
		return g.newOf(x.DType(), dims...)
	case len(dims) > 0 && isFloat(x) && product(dims) > 0:
		return graph.ReduceAndKeep(x, graph.ReduceMax, g.axis(x))
	}
	return g.constant(x.DType())
}

func (g *generator) constant(d dtypes.DType) *graph.Node {
	if d == dtypes.Bool {
		return graph.Const(g.g, g.chance(0.5))
	}
	if d.IsFloat() || d.IsComplex() {
		return graph.ConvertDType(graph.Const(g.g, float32(g.r.IntN(17)-8)/4), d)
	}
	return graph.Scalar(g.g, d, g.r.IntN(9)+1)
}

func (g *generator) axis(x *graph.Node) int { return g.r.IntN(x.Rank()) }

// axes are some axes, at least one, in any order.
func (g *generator) axes(x *graph.Node) []int {
	list := g.r.Perm(x.Rank())
	return list[:1+g.r.IntN(len(list))]
}

func dimsOf(x *graph.Node) []int { return x.Shape().Dimensions }

func empty(x *graph.Node) bool { return x.Shape().Size() == 0 }

func shapeOf(d dtypes.DType, dims []int) shapes.Shape { return shapes.Make(d, dims...) }
