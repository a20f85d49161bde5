package nn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Dense is y = x W + b, x [... in] -> y [... out], W [in out] drawn by Xavier and
// b [out] zero.
func Dense(s *Scope, x *Node, out int) *Node {
	y := rows(s, x, out)
	y = graph.Add(y, graph.Reshape(Variable(s, x.Graph(), "bias", Zeros, out), 1, out))
	return adapted(s, x, y)
}

// Linear is y = x W, Dense without a bias.
func Linear(s *Scope, x *Node, out int) *Node { return adapted(s, x, rows(s, x, out)) }

// rows is x W with the rows of x counted through: [... in] -> [rows out].
func rows(s *Scope, x *Node, out int) *Node {
	in := x.Shape().Dim(-1)
	w := Variable(s, x.Graph(), "weight", Xavier, in, out)
	return product(graph.Reshape(x, x.Shape().Size()/in, in), w)
}

// product is the matrix product a b, with the gradients a' = v b^T and b' = a^T v
// written as plain products. GoMLX's own contract other axes, for which the engine
// transposes twice as much and takes a slower kernel; they are built too, but what
// nothing uses is not computed.
func product(a, b *Node) *Node {
	var v *Node // gradient of the product; the walk back meets it first
	wrappedA := graph.IdentityWithCustomGradient(a, func(_, _ *Node) *Node { return graph.Dot(v, graph.Transpose(b, 0, 1)).Product() })
	wrappedB := graph.IdentityWithCustomGradient(b, func(_, _ *Node) *Node { return graph.Dot(graph.Transpose(a, 0, 1), v).Product() })
	y := graph.Dot(wrappedA, wrappedB).Product()
	return graph.IdentityWithCustomGradient(y, func(_, g *Node) *Node { v = g; return g })
}

// LayerNorm normalises the last axis to zero mean and unit variance, then scales
// and shifts it (Ba et al. 2016). x [... D] -> [... D].
func LayerNorm(s *Scope, x *Node, eps float64) *Node {
	g, d := x.Graph(), x.Shape().Dim(-1)
	return Normalize(x, Variable(s, g, "weight", Ones, d), Variable(s, g, "bias", Zeros, d), eps)
}

// Normalize is LayerNorm with the given scale [D] and shift [D].
//
// With u the normalised x, v the gradient of u and r = 1 / sqrt(variance + eps), that of
// x is written as r (v - u mean(v u) - mean v), a third of the operations that going back
// through mean and variance takes, in an order in which each takes the result of the one
// before it.
func Normalize(x, scale, shift *Node, eps float64) *Node {
	mean := func(x *Node) *Node { return graph.ReduceAndKeep(x, graph.ReduceMean, -1) }
	var u, r *Node
	path := graph.IdentityWithCustomGradient(x, func(_, v *Node) *Node {
		return graph.Mul(graph.Sub(graph.Sub(v, graph.Mul(u, mean(graph.Mul(v, u)))), mean(v)), r)
	})
	u = withGradient(func() *Node {
		centred := graph.Sub(x, mean(x))
		r = graph.Rsqrt(graph.AddScalar(mean(graph.Square(centred)), eps))
		return graph.Mul(centred, r)
	}, path)
	rank := x.Rank()
	return graph.Add(graph.Mul(u, graph.ExpandLeftToRank(scale, rank)), graph.ExpandLeftToRank(shift, rank))
}

// Gelu is the Gaussian error linear unit in its tanh form (Hendrycks and Gimpel
// 2016), 0.5 x (1 + tanh u) written as x sigmoid(2 u), which takes fewer passes.
func Gelu(x *Node) *Node {
	twice := 2 * math.Sqrt(2/math.Pi)
	u2 := graph.Mul(x, graph.AddScalar(graph.MulScalar(graph.Square(x), twice*0.044715), twice))
	return graph.Mul(x, graph.Sigmoid(u2))
}

// Silu is x sigmoid(x) (Elfwing et al. 2017, arXiv:1702.03118).
func Silu(x *Node) *Node { return graph.Mul(x, graph.Sigmoid(x)) }

// Relu is max(x, 0).
func Relu(x *Node) *Node { return graph.Max(x, graph.ZerosLike(x)) }

// Activations are the names that configurations use.
var Activations = map[string]func(*Node) *Node{"gelu": Gelu, "relu": Relu}

// MLP is the feed-forward part of a transformer block: up to hidden, activation,
// down. x [... D] -> [... D].
func MLP(s *Scope, x *Node, hidden int, act func(*Node) *Node) *Node {
	d := x.Shape().Dim(-1)
	return Dense(s.In("down"), act(Dense(s.In("up"), x, hidden)), d)
}
