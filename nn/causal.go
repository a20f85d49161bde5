package nn

import (
	"errors"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Sight is what the tokens of a graph may look at, beside being causal. The zero value
// is whole sequences, each of them one text.
type Sight struct {
	Documents *Node  // [B T] int32: a token sees those with its own number only; nil: all
	Cache     *Cache // tokens that came before; nil: none
}

// Attention lets every token look at itself and at what it may see before it: softmax
// of q k^T / sqrt(E) over the visible tokens, times v (Vaswani et al. 2017). q [B T H E],
// k and v [B T K E] -> [B T H E]; K divides H, and H/K query heads share a key head
// (Ainslie et al. 2023). The scope is that of the attention's own variables; where its
// adapter has a prefix, every token sees that too.
func Attention(s *Scope, q, k, v *Node, see *Sight) *Node {
	first, firstValues := prefix(s, k)
	if see.Cache == nil {
		return behind(first, firstValues, q, k, v, see.Documents)
	}
	if see.Documents != nil {
		panic(errors.New("a cache holds one text a sequence, and documents were given with it"))
	}
	return see.Cache.attend(first, firstValues, q, k, v)
}

// CausalAttention is Attention to whole sequences.
func CausalAttention(q, k, v *Node) *Node { return causal(q, k, v, nil) }

// behind is causal attention behind a prefix of keys and values [P K E], which may be
// nil; documents may be too. The prefix gets queries of zero, whose results are dropped,
// so that scores stay square, which is what the fused operation is fast at.
func behind(first, firstValues, q, k, v, documents *Node) *Node {
	p := 0
	if first != nil {
		p = first.Shape().Dim(0)
		zeros := graph.Zeros(q.Graph(), shapes.Make(q.DType(), p, q.Shape().Dim(2), q.Shape().Dim(3)))
		q, k, v = before(zeros, q), before(first, k), before(firstValues, v)
	}
	y := causal(q, k, v, sameDocument(documents, p)) // [B P+T H E]
	if p > 0 {
		y = graph.Slice(y, graph.AxisRange(), graph.AxisRangeToEnd(p))
	}
	return y
}

// causal is attention without a cache. same [B T 1 T] hides other documents; it may be
// nil.
//
// An engine that has both the fused operation and its gradient takes that, and never
// holds the matrix of T x T scores; on others attention is products and a softmax.
func causal(q, k, v, same *Node) *Node {
	can := q.Graph().Backend().Capabilities().Operations
	if !can[compute.OpTypeFusedScaledDotProductAttention] || !can[compute.OpTypeFusedScaledDotProductAttentionVJP] {
		return causalByParts(q, k, v, same)
	}
	fused := func() *Node {
		options := &compute.ScaledDotProductAttentionConfig{Causal: true}
		if same != nil {
			options.Mask = graph.InternalBackendOutputs(same)[0]
		}
		y, _ := graph.BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD, options)
		return y
	}
	// The parts are built too, for an engine that has the operation but not for these
	// shapes; what nothing uses is not computed.
	y, _ := graph.InternalFusedOpCaller(fused, func() *Node { return causalByParts(q, k, v, same) }, false)
	return y
}

// sameDocument is true where query and key belong to one document or the key to the
// prefix of p places, in the order of the fused operation's scores: documents [B T] ->
// [B P+T 1 P+T]. Nil, for one document, stays nil.
func sameDocument(documents *Node, p int) *Node {
	if documents == nil {
		return nil
	}
	b, t := documents.Shape().Dim(0), documents.Shape().Dim(1)
	if p > 0 {
		none := graph.Zeros(documents.Graph(), shapes.Make(documents.DType(), b, p))
		documents, t = graph.Concatenate([]*Node{none, documents}, 1), p+t
	}
	same := graph.Equal(graph.Reshape(documents, b, t, 1, 1), graph.Reshape(documents, b, 1, 1, t))
	if p == 0 {
		return same
	}
	key := graph.Iota(documents.Graph(), shapes.Make(dtypes.Int32, same.Shape().Dimensions...), 3)
	return graph.LogicalOr(same, graph.LessThan(key, graph.Scalar(key.Graph(), key.DType(), p)))
}

// hidden is the score of a token that may not be seen: its exponential is zero.
const hidden = -1e30

func causalByParts(q, k, v, same *Node) *Node {
	t := q.Shape().Dim(1)
	seen := graph.InsertAxes(triangle(q.Graph(), t), 0) // [1 1 1 T T]
	if same != nil {
		seen = graph.LogicalAnd(seen, graph.InsertAxes(graph.TransposeAllAxes(same, 0, 2, 1, 3), 1)) // [B 1 1 T T]
	}
	scores := where(seen, graph.Einsum("bkgte,bkse->bkgts", grouped(q, k.Shape().Dim(2)), swapHeads(k))) // [B K G T T]
	return ungrouped(graph.Einsum("bkgts,bkse->bkgte", Softmax(scores), swapHeads(v)))
}

// swapHeads exchanges the axes of tokens and heads: [B T K E] and [B K T E].
func swapHeads(x *Node) *Node { return graph.TransposeAllAxes(x, 0, 2, 1, 3) }

// grouped is q / sqrt(E) with query heads behind the key head they share: [B T H E] ->
// [B K G T E].
func grouped(q *Node, keyHeads int) *Node {
	b, t, h, e := q.Shape().Dim(0), q.Shape().Dim(1), q.Shape().Dim(2), q.Shape().Dim(3)
	q = graph.MulScalar(q, 1/math.Sqrt(float64(e)))
	return graph.Reshape(swapHeads(q), b, keyHeads, h/keyHeads, t, e)
}

// ungrouped is the way back: [B K G T E] -> [B T H E].
func ungrouped(x *Node) *Node {
	d := x.Shape().Dimensions
	return swapHeads(graph.Reshape(x, d[0], d[1]*d[2], d[3], d[4]))
}

// where hides the scores [B K G T S] of what is not seen, a mask that fits them.
func where(seen, scores *Node) *Node {
	dims := scores.Shape().Dimensions
	return graph.Where(graph.BroadcastToShape(seen, shapes.Make(dtypes.Bool, dims...)),
		scores, graph.BroadcastToShape(graph.Scalar(scores.Graph(), scores.DType(), hidden), scores.Shape()))
}

// triangle is true where the query's place is not before the key's: [1 1 T T].
func triangle(g *graph.Graph, t int) *Node {
	places := shapes.Make(dtypes.Int32, 1, 1, t, t)
	return graph.GreaterOrEqual(graph.Iota(g, places, 2), graph.Iota(g, places, 3))
}
