package cpu

import "github.com/gomlx/compute"

// Making again is cheaper than keeping: what the gradient of an activation or a norm
// reads of the forward pass can mostly be computed from what the products of the
// backward pass keep in memory anyway. Such a value is then made a second time, in the
// tile program that reads it, instead of being written by one part of the program and
// held until a distant other part reads it.

const (
	farProducts = 2       // products between two nodes that are far from each other
	largeValue  = 1 << 14 // elements of a value that is worth it
	deepest     = 8       // operations that are made again for one value
)

// remat decides what is made again. Its nodes are the compiler's own.
type remat struct {
	*compiler
	held   map[*node]bool // in memory for long in any case
	far    map[*node]bool // read by a distant tile program
	again  map[*node]bool // can be made again
	copies map[copied]*node
	list   []*node
}

// copied is a node made again for its readers between two products.
type copied struct {
	n    *node
	rank int
}

// rematerialise gives distant readers copies of what they read.
func (c *compiler) rematerialise() {
	r := &remat{compiler: c, held: map[*node]bool{}, far: map[*node]bool{}, again: map[*node]bool{}, copies: map[copied]*node{}}
	for _, n := range c.order {
		r.look(n)
	}
	for _, n := range c.order {
		if r.far[n] {
			r.again[n] = r.makeable(n, 0)
			r.held[n] = !r.again[n]
		}
	}
	for _, n := range c.order {
		if isElementwise(n) || isReduce(n) {
			for i, in := range n.in {
				if b := origin(in); r.again[b] && r.isFar(b, n) {
					n.in[i] = r.copy(in, r.rank[n])
				}
			}
		}
		r.list = append(r.list, n)
	}
	c.order = c.alive(r.list)
}

// ranks counts the products before each node.
func (c *compiler) ranks() {
	products := 0
	for _, n := range c.order {
		c.rank[n] = products
		if isProduct(n.op) {
			products++
		}
	}
}

// isProduct says which operations take long.
func isProduct(op compute.OpType) bool {
	switch op {
	case compute.OpTypeDotGeneral, compute.OpTypeConvGeneral, opAttention, opAttentionVJP, compute.OpTypeFusedQuantizedDense:
		return true
	}
	return false
}

// origin is the value that a node shows in another shape.
func origin(n *node) *node {
	for isView(n.op) {
		n = n.in[0]
	}
	return n
}

// isFar says whether what n makes leaves the caches before it is read.
func (c *compiler) isFar(n, reader *node) bool { return c.rank[reader]-c.rank[n] >= farProducts }

// look notes what a node reads from far away.
func (r *remat) look(n *node) {
	if isView(n.op) {
		return
	}
	tile := isElementwise(n) || isReduce(n)
	for _, in := range n.in {
		b := origin(in)
		switch {
		case b.multi != nil || b.size() < largeValue || !r.isFar(b, n):
		case tile && isElementwise(b):
			r.far[b] = true
		default:
			r.held[b] = true
		}
	}
}

// makeable says whether a value can be computed from what is in memory when a distant
// reader wants it.
func (r *remat) makeable(n *node, depth int) bool {
	if !isElementwise(n) || depth >= deepest {
		return false
	}
	for _, in := range n.in {
		b := origin(in)
		if isLeaf(b.op) || b.multi == nil && b.size()*8 <= n.size() || r.held[b] || r.again[b] {
			continue
		}
		if !r.makeable(b, depth+1) {
			return false
		}
	}
	return true
}

// copy makes a value, or the view of one, again.
func (r *remat) copy(n *node, rank int) *node {
	key := copied{n, rank}
	if c, ok := r.copies[key]; ok {
		return c
	}
	c := *n
	c.in = append([]*node(nil), n.in...)
	for i, in := range n.in {
		if b := origin(in); isView(n.op) || !(isLeaf(b.op) || b.size()*8 <= n.size() || r.held[b]) {
			c.in[i] = r.copy(in, rank)
		}
	}
	r.copies[key], r.rank[&c] = &c, rank
	r.list = append(r.list, &c)
	return &c
}
