package nn

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Cache is what a graph remembers of the tokens before its own: their keys and values,
// layer by layer in the order in which the layers attend. The graph reads the slots and
// hands back what its own tokens add; whoever runs it puts that into the slots, so that
// a step copies no more than it adds. K counts key heads, S slots.
type Cache struct {
	Keys, Values []*Node // of each layer, [B K S E]; none of them: nothing came before
	Length       *Node   // [B] int32: how many slots of each sequence hold a token

	NewKeys, NewValues []*Node // of each layer, [B K T E]: made by the graph
}

// Positions are the places of tokens [B T] in their texts, [B T] int32: those given, or
// the tokens counted on from the length of the cache. Nil stands for 0, 1, 2 and so on.
// A nil cache is an empty one.
func (c *Cache) Positions(tokens, given *Node) *Node {
	if given != nil || c == nil || c.Length == nil {
		return given
	}
	shape := shapes.Make(dtypes.Int32, tokens.Shape().Dimensions...)
	return graph.Add(graph.Iota(tokens.Graph(), shape, 1), graph.InsertAxes(c.Length, -1))
}

// attend is attention of q [B T H E] to the slots in use and to the tokens k and v
// [B T K E] of this step, causally: [B T H E].
func (c *Cache) attend(q, k, v *Node) *Node {
	layer := len(c.NewKeys)
	k, v = swapHeads(k), swapHeads(v) // [B K T E]
	c.NewKeys, c.NewValues = append(c.NewKeys, k), append(c.NewValues, v)
	if len(c.Keys) == 0 {
		return causal(q, swapHeads(k), swapHeads(v), nil)
	}
	if layer >= len(c.Keys) {
		panic(fmt.Errorf("attention of layer %d, and the cache has %d layers", layer, len(c.Keys)))
	}
	g, t, slots := q.Graph(), q.Shape().Dim(1), c.Keys[layer].Shape().Dim(2)
	q = grouped(q, k.Shape().Dim(1)) // [B K G T E]
	past := graph.Einsum("bkgte,bkse->bkgts", q, c.Keys[layer])
	place := graph.Iota(g, shapes.Make(dtypes.Int32, 1, 1, 1, 1, slots), 4)
	past = where(graph.LessThan(place, graph.ExpandAxes(c.Length, 1, 2, 3, 4)), past)
	now := graph.Einsum("bkgte,bkse->bkgts", q, k)
	if t > 1 {
		now = where(graph.InsertAxes(triangle(g, t), 0), now)
	}
	w := Softmax(graph.Concatenate([]*Node{past, now}, -1)) // [B K G T S+T]
	part := func(from, to int, v *Node) *Node {
		some := graph.Slice(w, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(), graph.AxisRange(), graph.AxisRange(from, to))
		return graph.Einsum("bkgts,bkse->bkgte", some, v)
	}
	return ungrouped(graph.Add(part(0, slots, c.Values[layer]), part(slots, slots+t, v)))
}
