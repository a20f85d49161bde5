package cpu

import (
	"math/big"
	"slices"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/kernel"
)

// maxCols is the longest row or column vector that a tile program holds in cache.
const maxCols = 1 << 15

// unit is a group of nodes that run as one step: a tile program, a matrix product
// with what is done to its blocks, or one dense operation.
type unit struct {
	id    int
	nodes []*node
	tile  bool
	dot   *node   // a matrix product, whose blocks the tile nodes work on
	size  int     // elements of the domain of a tile program
	cols  int     // columns of the domain, 0 while any number will do
	deps  big.Int // the units that run before this one, directly or not, as bits by id

	key, waits int // of schedule: smaller keys run first; how many of deps are to run yet
}

// after says whether u runs after v.
func (u *unit) after(v *unit) bool { return u.deps.Bit(v.id) == 1 }

// runAfter puts u, and what runs after it, after v and what runs before that.
func (c *compiler) runAfter(u, v *unit) {
	before := new(big.Int).SetBit(&v.deps, v.id, 1)
	for _, w := range c.units {
		if w != nil && (w == u || w.after(u)) {
			w.deps.Or(&w.deps, before)
		}
	}
}

// cluster gives every base a unit. It goes through the nodes in order and lets each
// element-wise node and reduction join the units of its operands where they walk
// the same domain and where no third unit has to run in between.
func (c *compiler) cluster() {
	for _, n := range c.order {
		if n.multi == nil && c.views[n].base != n {
			continue
		}
		switch {
		case isLeaf(n.op):
		case n.op == opPick:
			c.join(n, c.unit[n.in[0]])
		case isElementwise(n):
			c.placeElementwise(n)
		case isReduce(n):
			c.placeReduce(n)
		default:
			u := c.newUnit(n)
			if n.op == compute.OpTypeDotGeneral {
				u.dot = n
			}
		}
	}
	for _, u := range c.units {
		if u != nil && u.dot != nil && !u.tile { // one that has absorbed a product comes by as well
			c.absorb(u)
		}
	}
	for _, u := range c.units {
		if u != nil && u.tile && len(u.nodes) == 1 && isReduce(u.nodes[0]) {
			c.accompany(u)
		}
	}
	c.units = slices.DeleteFunc(c.units, func(u *unit) bool { return u == nil })
}

// accompany lets a reduction of what is in memory join another unit that reads the same
// anyway.
func (c *compiler) accompany(u *unit) {
	v := c.views[u.nodes[0].in[0]]
	for _, w := range c.units {
		if w == nil || w == u || w.dot != nil || !c.mergeable(w, u) || c.isFar(u.nodes[0], w.nodes[0]) || c.isFar(w.nodes[0], u.nodes[0]) {
			continue
		}
		for _, n := range w.nodes {
			if slices.ContainsFunc(n.in, func(in *node) bool { x := c.views[in]; return x.base == v.base && x.dense() && v.dense() }) {
				c.merge(w, u)
				return
			}
		}
	}
}

// isElementwise says whether tile programs have a loop for a node.
func isElementwise(n *node) bool {
	if len(n.in) == 0 || n.op == opPick || n.in[0].shape.DType.IsPacked() {
		return false
	}
	switch t := n.in[0].shape.DType; {
	case n.op == compute.OpTypeWhere:
		return true
	case n.op == compute.OpTypeConvertDType:
		return kernel.Convert(t, n.shape.DType) != nil
	case len(n.in) == 1:
		return kernel.Unary(n.op, t) != nil
	case len(n.in) == 2:
		return kernel.Binary(n.op, t, kernel.VV) != nil
	}
	return false
}

func isReduce(n *node) bool {
	_, ok := foldOps[n.op]
	return ok
}

func isLeaf(op compute.OpType) bool {
	return op == compute.OpTypeParameter || op == compute.OpTypeConstant || op == compute.OpTypeCapturedValue
}

// newUnit opens a unit for a node.
func (c *compiler) newUnit(n *node) *unit {
	u := &unit{id: len(c.units)}
	c.units = append(c.units, u)
	c.join(n, u)
	return u
}

// join adds a node to a unit.
func (c *compiler) join(n *node, u *unit) {
	u.nodes = append(u.nodes, n)
	c.unit[n] = u
	for _, in := range n.in {
		if x := c.unit[c.base(in)]; x != nil && x != u && !u.after(x) {
			c.runAfter(u, x)
		}
	}
}

// base of a value; an operation with several outputs is its own.
func (c *compiler) base(n *node) *node {
	if v, ok := c.views[n]; ok {
		return v.base
	}
	return n
}

// placeElementwise puts a node into the units of its operands, which become one
// where they can, or into a new one.
func (c *compiler) placeElementwise(n *node) {
	var home *unit
	for _, in := range n.in {
		u := c.unit[c.views[in].base]
		if u == nil || !u.tile || u == home {
			continue
		}
		f, ok := c.fits(n, u)
		switch {
		case !ok:
		case home == nil:
			home = u
			c.form[n] = f
		case f == c.form[n] && c.mergeable(home, u):
			c.merge(home, u)
		}
	}
	if home != nil {
		c.join(n, home)
		return
	}
	u := c.newUnit(n)
	u.tile, u.size = true, n.size()
	c.form[n] = every
}

// fits says whether an element-wise node can join a unit, and as what form.
func (c *compiler) fits(n *node, u *unit) (form, bool) {
	f := every
	if c.isFar(u.nodes[0], n) {
		return 0, false
	}
	if n.size() != u.size {
		if u.cols == 0 || n.size()*u.cols != u.size {
			return 0, false
		}
		f = perRow
	}
	if len(u.nodes) >= 256 {
		return 0, false
	}
	for _, in := range n.in {
		v := c.views[in]
		x := c.unit[v.base]
		switch {
		case x == nil:
		case x != u:
			if x.after(u) {
				return 0, false
			}
		case !c.readable(v, u, f):
			return 0, false
		}
	}
	return f, true
}

// readable says whether a node of form f in unit u can read the view of another
// node of the unit, tile by tile.
func (c *compiler) readable(v view, u *unit, f form) bool {
	switch c.form[v.base] {
	case every:
		return f == every && v.dense()
	case perRow:
		if f == perRow {
			return v.dense()
		}
		return v.repeated(u.cols)
	}
	return false // results of reductions over rows are there at the end only
}

// mergeable says whether two tile units, neither of which waits for the other, can
// walk their domain together.
func (c *compiler) mergeable(u, v *unit) bool {
	return u.tile && v.tile && u.size == v.size && (u.cols == v.cols || u.cols == 0 || v.cols == 0) &&
		!u.after(v) && !v.after(u) && len(u.nodes)+len(v.nodes) <= 256
}

// merge adds the nodes of v, which is no more, to u.
func (c *compiler) merge(u, v *unit) {
	for _, n := range v.nodes {
		c.unit[n] = u
	}
	u.nodes = append(u.nodes, v.nodes...)
	u.cols = max(u.cols, v.cols)
	c.units[v.id] = nil
	u.deps.Or(&u.deps, &v.deps)
	before := new(big.Int).SetBit(&u.deps, u.id, 1)
	for _, w := range c.units {
		if w != nil && w != u && (w.after(u) || w.after(v)) {
			w.deps.Or(&w.deps, before)
		}
	}
}

// fold describes a reduction on the rows x cols elements of its operand.
type fold struct {
	form  form // of the result: perRow, perCol or single
	cols  int  // 0: any
	group int  // perCol: rows that fold into one
}

// foldOf finds the fold of a reduction; ok is false for those that no tile program
// computes: where the reduced axes are not one run, or rows are too long.
func foldOf(n *node) (d fold, ok bool) {
	var kept, dims []int // 1 where the axis is kept
	axes := n.attr.(reduceAttr).axes
	for i, d := range n.in[0].shape.Dimensions {
		k := 1
		if slices.Contains(axes, i) {
			k = 0
		}
		if d == 1 {
			continue
		}
		if last := len(kept) - 1; last >= 0 && kept[last] == k {
			dims[last] *= d
			continue
		}
		kept, dims = append(kept, k), append(dims, d)
	}
	switch {
	case slices.Equal(kept, []int{0}):
		d = fold{form: single}
	case slices.Equal(kept, []int{1, 0}):
		d = fold{form: perRow, cols: dims[1]}
	case slices.Equal(kept, []int{0, 1}):
		d = fold{form: perCol, cols: dims[1], group: dims[0]}
	case slices.Equal(kept, []int{1, 0, 1}):
		d = fold{form: perCol, cols: dims[2], group: dims[1]}
	default:
		return d, false
	}
	return d, d.cols <= maxCols && n.in[0].size() > 0
}

// placeReduce lets a reduction join the unit of its operand or opens one.
func (c *compiler) placeReduce(n *node) {
	d, _ := foldOf(n)
	v := c.views[n.in[0]]
	u := c.unit[v.base]
	size := n.in[0].size()
	near := u != nil && u.tile && !c.isFar(u.nodes[0], n)
	if near && v.dense() && c.form[v.base] == every && u.size == size &&
		(d.cols == 0 || u.cols == 0 || u.cols == d.cols) && len(u.nodes) < 256 {
		c.join(n, u)
	} else if near && v.dense() && c.form[v.base] == perRow && d.form == single {
		c.join(n, u)
	} else {
		u = c.newUnit(n)
		u.tile, u.size = true, size
	}
	if d.cols > 0 {
		u.cols = d.cols
	}
	c.form[n] = d.form
}

// absorb gives a product the unit that works on its result element by element, if
// there is one and all else that it reads is there before.
func (c *compiler) absorb(d *unit) {
	cols := d.dot.rhsFree()
	for _, u := range c.units {
		if u == nil || !u.tile || u.dot != nil || u.size != d.dot.size() || !u.after(d) || (u.cols != 0 && u.cols != cols) {
			continue
		}
		if c.absorbable(d, u) {
			u.nodes, d.nodes = append(d.nodes, u.nodes...), nil
			u.dot, u.cols = d.dot, cols
			c.unit[d.dot], c.form[d.dot] = u, every
			c.merge(u, d)
			return
		}
	}
}

// absorbable says whether all nodes of tile unit u are element-wise and read the
// product d only element by element.
func (c *compiler) absorbable(d, u *unit) bool {
	direct := false
	for _, n := range u.nodes {
		if isReduce(n) || c.form[n] != every {
			return false
		}
		for _, in := range n.in {
			v := c.views[in]
			x := c.unit[v.base]
			if v.base == d.dot {
				if !v.dense() {
					return false
				}
				direct = true
			} else if x != nil && x != u && x.after(d) {
				return false
			}
		}
	}
	if !direct {
		return false
	}
	// Units between the product and u would have to run inside it; so would those
	// that the product itself waits for and that wait for u.
	for _, w := range c.units {
		if w != nil && w != u && w != d && u.after(w) && w.after(d) {
			return false
		}
	}
	return !d.after(u)
}

// rhsFree is the number of columns of a product's result.
func (n *node) rhsFree() int {
	a := n.attr.(dotAttr)
	cols := 1
	for i, d := range n.in[1].shape.Dimensions {
		if !slices.Contains(a.rhsContract, i) && !slices.Contains(a.rhsBatch, i) {
			cols *= d
		}
	}
	return cols
}
