package nn

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Adapter is the seam for parameter-efficient tuning. Families never name it: it is
// found through the scope, under [Dense], [Linear], [Sublayer], [Positions] and
// [Attention]. What it changes it says by being one or more of [DenseAdapter],
// [SublayerAdapter] and [PrefixAdapter].
type Adapter interface {
	// Trains says whether the variable of that full name is one that the adapter
	// learns; all others are the base's and stay as they are.
	Trains(name string) bool
}

// DenseAdapter changes what dense layers compute.
type DenseAdapter interface {
	Adapter
	// Dense is given a layer's input x [... in] and its output y [... out] and
	// returns the output to use instead. Variables go into scope s, the layer's.
	Dense(s *Scope, x, y *Node) *Node
}

// SublayerAdapter changes what attention and MLPs add to the stream of a block.
type SublayerAdapter interface {
	Adapter
	// Sublayer is given the output y [B T D] of an attention or an MLP and returns
	// what to add instead. Variables go into scope s, that of the attention or MLP.
	Sublayer(s *Scope, y *Node) *Node
}

// PrefixAdapter lets every token of every text look at learned keys and values beside
// the tokens before it. The prefix takes the first places of a text, so that the
// tokens stand behind it.
type PrefixAdapter interface {
	Adapter
	// PrefixLength is the number P of learned places.
	PrefixLength() int
	// Prefix returns the keys, turned to their places already where the model turns
	// keys, and the values of one attention, each [P K E]. Variables go into scope s.
	Prefix(s *Scope, g *graph.Graph, keyHeads, size int) (k, v *Node)
}

// adapterParam is the store parameter under which the adapter is found.
const adapterParam = "comlam_adapter"

// SetAdapter puts an adapter under every layer of the store; nil takes it away.
func SetAdapter(store *Store, a Adapter) { store.SetParam(adapterParam, a) }

// Adapt puts an adapter under the layers of one scope, for a graph of several models; nil
// puts none there.
func Adapt(s *Scope, a Adapter) { s.SetParam(adapterParam, a) }

// adapter is the scope's adapter if it is of that kind.
func adapter[A Adapter](s *Scope) (a A, ok bool) {
	if found, there := s.GetParam(adapterParam); there {
		a, ok = found.(A)
	}
	return a, ok
}

// adapted gives y [rows out] the axes of x [... in], and to the scope's adapter if
// there is one: [... out].
func adapted(s *Scope, x, y *Node) *Node {
	dims := slices.Clone(x.Shape().Dimensions)
	dims[len(dims)-1] = y.Shape().Dim(-1)
	y = graph.Reshape(y, dims...)
	if a, ok := adapter[DenseAdapter](s); ok {
		return a.Dense(s, x, y)
	}
	return y
}

// Sublayer is what an attention or an MLP adds to the stream of a block: its output y
// [B T D], or what an adapter makes of it. The scope is that of the attention or MLP.
func Sublayer(s *Scope, y *Node) *Node {
	if a, ok := adapter[SublayerAdapter](s); ok {
		return a.Sublayer(s, y)
	}
	return y
}

// PrefixLength is the number of learned places before the tokens of every text, 0
// where the adapter has none.
func PrefixLength(s *Scope) int {
	if a, ok := adapter[PrefixAdapter](s); ok {
		return a.PrefixLength()
	}
	return 0
}

// prefix is the learned keys and values of an attention to k, [P K E]; nil for none.
func prefix(s *Scope, k *Node) (keys, values *Node) {
	if a, ok := adapter[PrefixAdapter](s); ok && a.PrefixLength() > 0 {
		return a.Prefix(s, k.Graph(), k.Shape().Dim(2), k.Shape().Dim(3))
	}
	return nil, nil
}

// Positions are the places of tokens [B T] in their texts, [B T] int32: those given, or
// the tokens counted on from the length of the cache, behind the adapter's prefix. Nil
// stands for 0, 1, 2 and so on. A nil cache is an empty one.
func Positions(s *Scope, c *Cache, tokens, given *Node) *Node {
	at, shift := c.positions(tokens, given), PrefixLength(s)
	if shift == 0 {
		return at
	}
	if at == nil {
		at = graph.Iota(tokens.Graph(), shapes.Make(dtypes.Int32, tokens.Shape().Dimensions...), 1)
	}
	return graph.AddScalar(at, shift)
}

// before puts a prefix [P K E] in front of the tokens of every sequence: x [B T K E] ->
// [B P+T K E]. Without a prefix (nil) it is x.
func before(prefix, x *Node) *Node {
	if prefix == nil {
		return x
	}
	dims := append([]int{x.Shape().Dim(0)}, prefix.Shape().Dimensions...)
	return graph.Concatenate([]*Node{graph.BroadcastToDims(graph.InsertAxes(prefix, 0), dims...), x}, 1)
}
