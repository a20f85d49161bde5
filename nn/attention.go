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
	q := graph.Reshape(Dense(s.In("query"), x, d), b, t, heads, e) // [B T H E]
	k := graph.Reshape(Dense(s.In("key"), x, d), b, t, heads, e)
	v := graph.Reshape(Dense(s.In("value"), x, d), b, t, heads, e)
	scores := graph.Einsum("bqhe,bkhe->bhqk", q, k) // [B H T T]
	weights := graph.Softmax(graph.MulScalar(scores, 1/math.Sqrt(float64(e))), -1)
	mixed := graph.Einsum("bhqk,bkhe->bqhe", weights, v) // [B T H E]
	return Dense(s.In("output"), graph.Reshape(mixed, b, t, d), d)
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
	x = graph.Add(x, SelfAttention(s.In("attention"), LayerNorm(s.In("norm1"), x, z.NormEps), z.NumHeads))
	return graph.Add(x, MLP(s.In("mlp"), LayerNorm(s.In("norm2"), x, z.NormEps), z.Intermediate, z.Act))
}
