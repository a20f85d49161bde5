package nn

import "github.com/gomlx/gomlx/core/graph"

// RMSNorm divides the last axis by its root mean square, then scales it (Zhang and
// Sennrich 2019, arXiv:1910.07467). x [... D] -> [... D].
func RMSNorm(s *Scope, x *Node, eps float64) *Node {
	return RootMeanSquare(x, Variable(s, x.Graph(), "weight", Ones, x.Shape().Dim(-1)), eps)
}

// RootMeanSquare is RMSNorm with the given scale [D].
//
// With u the normalised x and v the gradient of u, that of x is written as
// (v - u mean(v u)) / sqrt(mean(x x) + eps), as in [Normalize].
func RootMeanSquare(x, scale *Node, eps float64) *Node {
	mean := func(x *Node) *Node { return graph.ReduceAndKeep(x, graph.ReduceMean, -1) }
	var u, root *Node
	path := graph.IdentityWithCustomGradient(x, func(_, v *Node) *Node {
		return graph.Div(graph.Sub(v, graph.Mul(u, mean(graph.Mul(v, u)))), root)
	})
	u = withGradient(func() *Node {
		root = graph.Sqrt(graph.AddScalar(mean(graph.Square(x)), eps))
		return graph.Div(x, root)
	}, path)
	return graph.Mul(u, graph.ExpandLeftToRank(scale, x.Rank()))
}
