package nn

import "github.com/gomlx/gomlx/core/graph"

// Embed looks tokens up in a table: table [V D], tokens [B T] int32 -> [B T D].
func Embed(table, tokens *Node) *Node {
	return graph.Gather(table, graph.InsertAxes(tokens, -1))
}

// Unembed is the product of x with each row of a table, the logits of a language
// model: table [V D], x [B T D] -> [B T V].
func Unembed(table, x *Node) *Node {
	b, t, d := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	y := product(graph.Reshape(x, b*t, d), graph.Transpose(table, 0, 1)) // [B*T V]
	return graph.Reshape(y, b, t, table.Shape().Dim(0))
}

// CrossEntropy is -log softmax(logits)[target], the last axis being the classes:
// logits [... V], target [...] int32 -> [...].
//
// One softmax serves both ways. Its largest entry is 1 / sum exp(x - max x), so the
// log of the sum is max x minus the log of that entry, whatever the size of x; and the
// gradient is softmax minus one at the target.
func CrossEntropy(logits, target *Node) *Node {
	last := logits.Rank() - 1
	class := logits.Shape().Clone()
	class.DType = target.DType()
	at := graph.Equal(graph.Iota(logits.Graph(), class, last), graph.BroadcastToShape(graph.InsertAxes(target, -1), class))
	var y *Node // softmax of the logits
	loss := func() *Node {
		y = graph.BackendFusedSoftmax(logits, last)
		picked := graph.ReduceSum(graph.Where(at, logits, graph.ZerosLike(logits)), -1)
		return graph.Sub(graph.Sub(graph.ReduceMax(logits, -1), graph.Log(graph.ReduceMax(y, -1))), picked)
	}
	return withGradient(loss, graph.ReduceSum(graph.IdentityWithCustomGradient(logits, func(_, v *Node) *Node {
		return graph.Mul(graph.Sub(y, graph.ConvertDType(at, y.DType())), v)
	}), -1))
}

// withGradient is the value of y with the gradient of path, a node of the same shape
// made before it. Nothing uses the value of path, so it is not computed.
func withGradient(y func() *Node, path *Node) *Node {
	out, fused := graph.InternalFusedOpCaller(y, func() *Node { return path }, true)
	if !fused {
		panic("nn: an engine with fused operations is needed; unset " + graph.FusionEnv)
	}
	return out
}
