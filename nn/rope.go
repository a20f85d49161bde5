package nn

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Rope turns queries and keys by angles that grow with their position, so that their
// products depend on distances only (Su et al. 2021, arXiv:2104.09864). Element i of
// the first half of a head and element i of the second are the two numbers that are
// turned, which is how Hugging Face lays out a head; the paper turns neighbours.
type Rope struct {
	cos, sin *Node // [B|1 T 1 E/2]
}

// RopeFrequencies are theta^(-2i/width) in radians a position, for the width/2 pairs
// of a head.
func RopeFrequencies(width int, theta float64) []float64 {
	f := make([]float64, width/2)
	for i := range f {
		f[i] = math.Pow(theta, -2*float64(i)/float64(width))
	}
	return f
}

// NewRope is the turning of tokens [B T] at positions [B T] int32, or at 0, 1, 2 and so
// on where positions is nil.
func NewRope(tokens, positions *Node, frequencies []float64) *Rope {
	g := tokens.Graph()
	if positions == nil {
		positions = graph.Iota(g, shapes.Make(dtypes.Int32, 1, tokens.Shape().Dim(1)), 1)
	}
	table := make([]float32, len(frequencies))
	for i, f := range frequencies {
		table[i] = float32(f)
	}
	at := graph.ExpandAxes(graph.ConvertDType(positions, dtypes.Float32), -1, -2) // [B T 1 1]
	angle := graph.Mul(at, graph.Reshape(graph.Const(g, table), 1, 1, 1, len(table)))
	return &Rope{cos: graph.Cos(angle), sin: graph.Sin(angle)}
}

// Turn is x turned by the angle of its token: [B T H E] -> [B T H E]. Its gradient is
// turned back.
func (r *Rope) Turn(x *Node) *Node {
	path := graph.IdentityWithCustomGradient(x, func(_, v *Node) *Node { return turned(v, r.cos, graph.Neg(r.sin)) })
	return withGradient(func() *Node { return turned(x, r.cos, r.sin) }, path)
}

func turned(x, cos, sin *Node) *Node {
	half := x.Shape().Dim(-1) / 2
	all := graph.AxisRange()
	a, b := graph.Slice(x, all, all, all, graph.AxisRangeFromStart(half)), graph.Slice(x, all, all, all, graph.AxisRangeToEnd(half))
	return graph.Concatenate([]*Node{
		graph.Sub(graph.Mul(a, cos), graph.Mul(b, sin)),
		graph.Add(graph.Mul(b, cos), graph.Mul(a, sin)),
	}, -1)
}
