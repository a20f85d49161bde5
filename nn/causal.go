package nn

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// CausalAttention lets every token look at itself and at those before it: softmax of
// q k^T / sqrt(E) over the visible tokens, times v (Vaswani et al. 2017). q, k and v
// [B T H E] -> [B T H E].
//
// An engine that has both the fused operation and its gradient takes that, and never
// holds the matrix of T x T scores; on others attention is products and a softmax.
func CausalAttention(q, k, v *Node) *Node {
	can := q.Graph().Backend().Capabilities().Operations
	if !can[compute.OpTypeFusedScaledDotProductAttention] || !can[compute.OpTypeFusedScaledDotProductAttentionVJP] {
		return causalByParts(q, k, v)
	}
	fused := func() *Node {
		y, _ := graph.BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD,
			&compute.ScaledDotProductAttentionConfig{Causal: true})
		return y
	}
	// The parts are built too, for an engine that has the operation but not for these
	// shapes; what nothing uses is not computed.
	y, _ := graph.InternalFusedOpCaller(fused, func() *Node { return causalByParts(q, k, v) }, false)
	return y
}

// hidden is the score of a token that may not be seen: its exponential is zero.
const hidden = -1e30

func causalByParts(q, k, v *Node) *Node {
	heads := func(x *Node) *Node { return graph.TransposeAllAxes(x, 0, 2, 1, 3) } // [B H T E]
	t, e := q.Shape().Dim(1), q.Shape().Dim(3)
	q = heads(graph.MulScalar(q, 1/math.Sqrt(float64(e))))
	scores := graph.Einsum("bhqe,bhke->bhqk", q, heads(k)) // [B H T T]
	scores = graph.Where(graph.BroadcastToShape(causal(q.Graph(), t), shapes.Make(dtypes.Bool, scores.Shape().Dimensions...)),
		scores, graph.BroadcastToShape(graph.Scalar(q.Graph(), scores.DType(), hidden), scores.Shape()))
	return heads(graph.Einsum("bhqk,bhke->bhqe", Softmax(scores), heads(v)))
}

// causal is true where the query's place is not before the key's: [1 1 T T].
func causal(g *graph.Graph, t int) *Node {
	places := shapes.Make(dtypes.Int32, 1, 1, t, t)
	return graph.GreaterOrEqual(graph.Iota(g, places, 2), graph.Iota(g, places, 3))
}
