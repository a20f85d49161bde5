package nn

import (
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Pick takes rows out of each sample: x [B P C], index [B V] int32 -> [B V C]. A
// row that is not taken has no influence at all, not even when it is no number,
// which a product with a matrix of zeros and ones could not promise.
func Pick(x, index *Node) *Node {
	b, p, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	return graph.Gather(graph.Reshape(x, b*p, c), rowNumbers(index, p)) // [B V C]
}

// Put is the inverse of Pick: row v of z [B V C] becomes row index[v] of [B rows
// C], the others are zero. The rows of a sample must differ.
func Put(z, index *Node, rows int) *Node {
	b, v, c := z.Shape().Dim(0), z.Shape().Dim(1), z.Shape().Dim(2)
	flat := graph.Scatter(graph.Reshape(rowNumbers(index, rows), b*v, 1), graph.Reshape(z, b*v, c),
		shapes.Make(z.DType(), b*rows, c), false, true)
	return graph.Reshape(flat, b, rows, c)
}

// rowNumbers counts the rows of all samples through: [B V] -> [B V 1].
func rowNumbers(index *Node, rows int) *Node {
	sample := graph.MulScalar(graph.Iota(index.Graph(), index.Shape(), 0), rows)
	return graph.InsertAxes(graph.Add(index, sample), -1)
}
