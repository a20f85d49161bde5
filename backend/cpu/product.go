package cpu

import (
	"cmp"
	"slices"

	"github.com/comlam/comlam/backend/kernel"
)

// productStep is a matrix product, with what is done to its blocks while they are in
// cache.
type productStep struct {
	product kernel.Product // without memory
	a, b, c piece
	tile    *tile // nil: nothing
}

func (s *productStep) run(r *run) error {
	p := s.product
	p.A.Data, p.B.Data, p.C.Data = at(r.mem[s.a.slot], s.a.at), at(r.mem[s.b.slot], s.b.at), at(r.mem[s.c.slot], 0)
	if s.tile != nil {
		p.Done = func(batch, row, col, rows, cols int) {
			s.tile.block(r, batch*p.M+row, col, rows, cols)
		}
	}
	p.Run(r.do)
	return nil
}

// matrix is an operand as the kernel reads it.
type matrix struct {
	piece
	offs              []int // of the batches, nil where there is one
	free, contract    int   // numbers of rows (A) or columns (B), and of products
	freeStep, conStep int   // elements
}

// emitProduct adds a product.
func (c *compiler) emitProduct(u *unit) {
	n := u.dot
	attr := n.attr.(dotAttr)
	order := c.contractOrder(n, attr)
	a := c.matrix(n.in[0], attr.lhsBatch, pick(attr.lhsContract, order))
	b := c.matrix(n.in[1], attr.rhsBatch, pick(attr.rhsContract, order))
	c.touch(a.slot)
	c.touch(b.slot)
	batch := product(pick(n.in[0].shape.Dimensions, attr.lhsBatch))
	s := &productStep{a: a.piece, b: b.piece, product: kernel.Product{
		M: a.free, N: b.free, K: a.contract, Batch: batch,
		A:    kernel.Matrix{RowStride: a.freeStep, ColStride: a.conStep},
		B:    kernel.Matrix{RowStride: b.conStep, ColStride: b.freeStep},
		C:    kernel.Matrix{RowStride: b.free, ColStride: 1},
		AOff: a.offs, BOff: b.offs, COff: offsets(view{dims: []int{batch}, strides: []int{a.free * b.free}}),
		Type: n.in[0].shape.DType, Out: n.shape.DType,
	}}
	if batch == 0 {
		s.product.M = 0
	}
	if u.tile {
		s.tile = c.emitTile(u, a.slot, b.slot)
	}
	s.c = piece{slot: c.slot(n)}
	c.add(s)
}

// contractOrder is an order of the contracted axes in which they follow each other
// in the memory of the left operand.
func (c *compiler) contractOrder(n *node, a dotAttr) []int {
	v := c.views[n.in[0]]
	order := make([]int, len(a.lhsContract))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Compare(v.strides[a.lhsContract[j]], v.strides[a.lhsContract[i]])
	})
	return order
}

// pick is the elements of a list at the given places.
func pick(list, places []int) []int {
	out := make([]int, len(places))
	for i, k := range places {
		out[i] = list[k]
	}
	return out
}

// matrix reads a value as batches of matrices: where it lies if its free and its
// contracted axes have one stride each, else from a copy.
func (c *compiler) matrix(n *node, batch, contract []int) matrix {
	v := c.views[n]
	var free []int
	for i := range v.dims {
		if !slices.Contains(batch, i) && !slices.Contains(contract, i) {
			free = append(free, i)
		}
	}
	m, ok := asMatrix(v.axes(batch), v.axes(free), v.axes(contract))
	size := n.shape.DType.Size()
	if ok {
		m.piece = piece{slot: c.slot(v.base), at: v.offset * size}
		return m
	}
	w := v.axes(slices.Concat(batch, free, contract))
	tmp := c.temporary(n.bytes())
	c.copyView(w, tmp)
	if m.piece = (piece{slot: tmp}); m.free > 1 {
		m.freeStep = m.contract
	}
	m.offs = offsets(view{dims: []int{product(w.dims[:len(batch)])}, strides: []int{m.free * m.contract}})
	return m
}

// axes is the view with those axes only, in this order.
func (v view) axes(list []int) view {
	return view{v.base, pick(v.dims, list), pick(v.strides, list), v.offset}
}

// asMatrix needs free and contracted axes of one stride each.
func asMatrix(batch, free, contract view) (m matrix, ok bool) {
	f, k := free.simplify(), contract.simplify()
	m = matrix{free: product(free.dims), contract: product(contract.dims), freeStep: 1, conStep: 1, offs: offsets(batch)}
	if len(f.dims) > 1 || len(k.dims) > 1 {
		return m, false
	}
	if len(f.dims) == 1 {
		m.freeStep = f.strides[0]
	}
	if len(k.dims) == 1 {
		m.conStep = k.strides[0]
	}
	return m, true
}

// offsets are where batches lie, from the first on; nil where there is one.
func offsets(batch view) (offs []int) {
	if n := product(batch.dims); n > 1 {
		for w := walkFrom(batch.steps(), 0); len(offs) < n; w.on(1) {
			offs = append(offs, w.x)
		}
	}
	return offs
}
