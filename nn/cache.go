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

// positions is Positions without a prefix.
func (c *Cache) positions(tokens, given *Node) *Node {
	if given != nil || c == nil || c.Length == nil {
		return given
	}
	shape := shapes.Make(dtypes.Int32, tokens.Shape().Dimensions...)
	return graph.Add(graph.Iota(tokens.Graph(), shape, 1), graph.InsertAxes(c.Length, -1))
}

// attend is attention of q [B T H E] to a prefix [P K E] that may be nil, to the slots in
// use and to the tokens k and v [B T K E] of this step, causally: [B T H E].
func (c *Cache) attend(first, firstValues, q, k, v *Node) *Node {
	layer := len(c.NewKeys)
	newKeys, newValues := swapHeads(k), swapHeads(v) // [B K T E]
	c.NewKeys, c.NewValues = append(c.NewKeys, newKeys), append(c.NewValues, newValues)
	if len(c.Keys) == 0 {
		return behind(first, firstValues, q, k, v, nil)
	}
	if layer >= len(c.Keys) {
		panic(fmt.Errorf("attention of layer %d, and the cache has %d layers", layer, len(c.Keys)))
	}
	g, t, slots := q.Graph(), q.Shape().Dim(1), c.Keys[layer].Shape().Dim(2)
	q = grouped(q, k.Shape().Dim(2)) // [B K G T E]
	place := graph.Iota(g, shapes.Make(dtypes.Int32, 1, 1, 1, 1, slots), 4)
	past := where(graph.LessThan(place, graph.ExpandAxes(c.Length, 1, 2, 3, 4)), scoresOf(q, c.Keys[layer]))
	now := scoresOf(q, newKeys)
	if t > 1 {
		now = where(graph.InsertAxes(triangle(g, t), 0), now)
	}
	scores, values := []*Node{past, now}, []*Node{c.Values[layer], newValues}
	if first != nil {
		b := q.Shape().Dim(0)
		scores = append(scores, scoresOf(q, everywhere(first, b)))
		values = append(values, everywhere(firstValues, b))
	}
	return ungrouped(mixed(scores, values))
}

// scoresOf is the score of each of the keys [B K S E] for each query [B K G T E]:
// [B K G T S].
func scoresOf(q, keys *Node) *Node { return graph.Einsum("bkgte,bkse->bkgts", q, keys) }

// everywhere is a prefix in each of b sequences: [P K E] -> [B K P E].
func everywhere(prefix *Node, b int) *Node {
	p := graph.InsertAxes(graph.TransposeAllAxes(prefix, 1, 0, 2), 0)
	return graph.BroadcastToDims(p, append([]int{b}, p.Shape().Dimensions[1:]...)...)
}

// mixed is the mean of values, each part [B K S E], by the softmax over the scores of
// all parts, each [B K G T S]: [B K G T E].
func mixed(scores, values []*Node) *Node {
	w := Softmax(graph.Concatenate(scores, -1))
	all, from := graph.AxisRange(), 0
	var sum *Node
	for _, v := range values {
		to := from + v.Shape().Dim(2)
		part := graph.Einsum("bkgts,bkse->bkgte", graph.Slice(w, all, all, all, all, graph.AxisRange(from, to)), v)
		if from = to; sum == nil {
			sum = part
		} else {
			sum = graph.Add(sum, part)
		}
	}
	return sum
}
