package nn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// Adapter is the seam for parameter-efficient tuning: it may change what a dense
// layer computes. Families never name it; it is found through the scope.
type Adapter interface {
	// Dense is given a layer's input x [... in] and its output y [... out] and
	// returns the output to use instead. Variables go into scope s.
	Dense(s *Scope, x, y *Node) *Node
}

// adapterParam is the store parameter under which the adapter is found.
const adapterParam = "comlam_adapter"

// SetAdapter puts an adapter under every layer of the store; nil takes it away.
func SetAdapter(store *Store, a Adapter) { store.SetParam(adapterParam, a) }

// Dense is y = x W + b, x [... in] -> y [... out], W [in out] drawn by Xavier and
// b [out] zero.
func Dense(s *Scope, x *Node, out int) *Node {
	g, in := x.Graph(), x.Shape().Dim(-1)
	w := Variable(s, g, "weight", Xavier, in, out)
	b := Variable(s, g, "bias", Zeros, out)
	dims := append([]int{}, x.Shape().Dimensions...)
	rows := x.Shape().Size() / in
	y := graph.Dot(graph.Reshape(x, rows, in), w).Product() // [rows out]
	y = graph.Add(y, graph.Reshape(b, 1, out))
	dims[len(dims)-1] = out
	y = graph.Reshape(y, dims...)
	if a, ok := s.GetParam(adapterParam); ok {
		if adapter, ok := a.(Adapter); ok && adapter != nil {
			y = adapter.Dense(s, x, y)
		}
	}
	return y
}

// LayerNorm normalises the last axis to zero mean and unit variance, then scales
// and shifts it (Ba et al. 2016). x [... D] -> [... D].
func LayerNorm(s *Scope, x *Node, eps float64) *Node {
	g, d := x.Graph(), x.Shape().Dim(-1)
	scale := Variable(s, g, "weight", Ones, d)
	shift := Variable(s, g, "bias", Zeros, d)
	mean := graph.ReduceAndKeep(x, graph.ReduceMean, -1)
	centred := graph.Sub(x, mean)
	variance := graph.ReduceAndKeep(graph.Square(centred), graph.ReduceMean, -1)
	y := graph.Div(centred, graph.Sqrt(graph.AddScalar(variance, eps)))
	rank := x.Rank()
	return graph.Add(graph.Mul(y, graph.ExpandLeftToRank(scale, rank)), graph.ExpandLeftToRank(shift, rank))
}

// Gelu is the Gaussian error linear unit in its tanh form (Hendrycks and Gimpel
// 2016).
func Gelu(x *Node) *Node {
	inner := graph.MulScalar(graph.Mul(x, graph.AddScalar(graph.MulScalar(graph.Square(x), 0.044715), 1)), math.Sqrt(2/math.Pi))
	return graph.Mul(graph.MulScalar(x, 0.5), graph.AddScalar(graph.Tanh(inner), 1))
}

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
