package nn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// SelfAttention is multi-head attention of every token to every token (Vaswani et
// al. 2017): x [B T D] -> [B T D], D divisible by heads.
func SelfAttention(s *Scope, x *Node, heads int) *Node {
	b, t, d := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	e := d / heads
	split := func(y *Node) *Node { return graph.Reshape(y, b, t, heads, e) } // [B T H E]
	q := split(graph.MulScalar(Dense(s.In("query"), x, d), 1/math.Sqrt(float64(e))))
	k := split(Dense(s.In("key"), x, d))
	v := split(Dense(s.In("value"), x, d))
	first, firstValues := prefix(s, k)
	k, v = swapHeads(before(first, k)), swapHeads(before(firstValues, v))
	weights := Softmax(graph.Einsum("bhqe,bhke->bhqk", swapHeads(q), k)) // [B H T P+T]
	mixed := swapHeads(graph.Einsum("bhqk,bhke->bhqe", weights, v))      // [B T H E]
	return Dense(s.In("output"), graph.Reshape(mixed, b, t, d), d)
}

// Softmax is that of the last axis, by the engine's fused kernel. The gradient is
// worked out from the output, y (v - sum(v y)): GoMLX's own computes the softmax
// once more from primitives.
func Softmax(x *Node) *Node {
	var y *Node
	path := graph.IdentityWithCustomGradient(x, func(_, v *Node) *Node {
		return graph.Mul(y, graph.Sub(v, graph.ReduceAndKeep(graph.Mul(v, y), graph.ReduceSum, -1)))
	})
	return withGradient(func() *Node { y = graph.BackendFusedSoftmax(x, x.Rank()-1); return y }, path)
}

// BlockSize is the shape of a transformer block.
type BlockSize struct {
	NumHeads     int
	Intermediate int // width M of the MLP
	Act          func(*Node) *Node
	NormEps      float64
}

// Block is one pre-norm transformer block: x + attention(norm(x)), then
// x + mlp(norm(x)). It has 4(D^2+D) + 2 D M + D + M + 4 D parameters.
func Block(s *Scope, x *Node, z BlockSize) *Node {
	attention, mlp := s.In("attention"), s.In("mlp")
	x = graph.Add(x, Sublayer(attention, SelfAttention(attention, LayerNorm(s.In("norm1"), x, z.NormEps), z.NumHeads)))
	return graph.Add(x, Sublayer(mlp, MLP(mlp, LayerNorm(s.In("norm2"), x, z.NormEps), z.Intermediate, z.Act)))
}
