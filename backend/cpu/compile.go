package cpu

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/pkg/errors"
)

// compiler turns a function into a program.
type compiler struct {
	f       *function
	outputs []*node
	order   []*node         // live nodes, operands first
	views   map[*node]view  // where each value lies
	unit    map[*node]*unit // of each base that is computed
	form    map[*node]form  // in its unit: every or perRow; perCol and single are results only
	units   []*unit
	rank    map[*node]int // products before each node

	stored map[*node]bool // bases that others than their own unit need
	slots  []slot
	slotOf map[*node]int
	dense  map[string]int // slots of views that were copied, by view
	now    int            // step that is being made
	p      *program
}

// compile turns a function that has returned into steps over planned memory.
func compile(f *function) (*program, error) {
	c := &compiler{
		f: f, views: map[*node]view{}, unit: map[*node]*unit{}, form: map[*node]form{},
		stored: map[*node]bool{}, slotOf: map[*node]int{}, dense: map[string]int{}, rank: map[*node]int{}, p: &program{},
	}
	c.copyGraph()
	c.order = c.alive(c.order)
	c.simplify()
	c.ranks()
	c.rematerialise()
	for _, n := range c.order {
		c.place(n)
	}
	c.cluster()
	c.store()
	for _, u := range c.schedule() {
		if err := c.emit(u); err != nil {
			return nil, err
		}
	}
	c.finish()
	c.plan()
	c.p.slots = c.slots
	return c.p, nil
}

// copyGraph takes the nodes of the function over as the compiler's own, which it may
// change.
func (c *compiler) copyGraph() {
	own := make(map[*node]*node, len(c.f.nodes))
	of := func(list []*node) []*node {
		out := make([]*node, len(list))
		for i, n := range list {
			out[i] = own[n]
		}
		return out
	}
	all := make([]*node, len(c.f.nodes))
	for i, n := range c.f.nodes {
		m := *n
		m.in = of(n.in)
		own[n], all[i] = &m, &m
	}
	c.outputs, c.order = of(c.f.outputs), all
	for i, n := range of(slices.Concat(c.f.params, c.f.captures)) {
		c.slotOf[n] = i
		c.slots = append(c.slots, slot{place: ofInput, index: i, bytes: n.bytes(), first: -1, last: -1})
	}
	c.p.inputs = len(c.slots)
}

// alive keeps the nodes that outputs need, and all outputs of an operation with
// several. It numbers them.
func (c *compiler) alive(list []*node) []*node {
	seen := reach(c.outputs)
	var out []*node
	for _, n := range list {
		if seen[n] || n.op == opPick && seen[n.in[0]] {
			n.id = len(out)
			out = append(out, n)
		}
	}
	return out
}

// place finds where the value of a node lies.
func (c *compiler) place(n *node) {
	switch {
	case n.multi != nil:
	case isView(n.op) || trivialReduce(n):
		if v, ok := c.views[n.in[0]].through(n); ok {
			c.views[n] = v
			return
		}
		fallthrough
	default:
		c.views[n] = whole(n)
	}
}

// store finds the bases that need memory: outputs, and those that other units read.
func (c *compiler) store() {
	for _, n := range c.outputs {
		c.stored[c.views[n].base] = true
	}
	for _, u := range c.units {
		for _, n := range u.nodes {
			for _, in := range n.in {
				if b := c.base(in); c.unit[b] != u {
					c.stored[b] = true
				}
			}
		}
	}
}

// slot is the memory of a base, used by the step that is being made.
func (c *compiler) slot(n *node) int {
	i, ok := c.slotOf[n]
	if !ok {
		i = c.temporary(n.bytes())
		c.slotOf[n] = i
		if n.op == compute.OpTypeConstant {
			c.slots[i].place, c.slots[i].data = ofGraph, n.attr.([]byte)
		}
	}
	c.touch(i)
	return i
}

// temporary is new memory, used by the step that is being made.
func (c *compiler) temporary(bytes int) int {
	c.slots = append(c.slots, slot{bytes: bytes, first: c.now, last: c.now})
	return len(c.slots) - 1
}

func (c *compiler) touch(i int) { c.slots[i].last = max(c.slots[i].last, c.now) }

func (c *compiler) add(s step) {
	c.p.steps = append(c.p.steps, s)
	c.now++
}

// emit makes the steps of a unit.
func (c *compiler) emit(u *unit) error {
	switch n := u.nodes[0]; {
	case u.dot != nil:
		c.emitProduct(u)
	case u.tile:
		c.add(c.emitTile(u))
	case n.op == compute.OpTypeReshape:
		c.copyView(c.views[n.in[0]], c.slot(n))
	case n.op == compute.OpTypeConcatenate:
		c.concatenate(n)
	case n.op == opAttention || n.op == opAttentionVJP:
		c.emitAttention(n, u.nodes[1:])
	case n.multi != nil:
		return c.emitCall(n, u.nodes[1:]...)
	default:
		return c.emitCall(n, n)
	}
	return nil
}

// copyStep writes a view to a part of a slot.
type copyStep struct {
	move     *mover
	src, dst int // slots
	from, to int // first element of the view and of the part in bytes
}

func (s *copyStep) run(r *run) error {
	s.move.run(at(r.mem[s.dst], s.to), at(r.mem[s.src], s.from), r.do)
	return nil
}

// copyView adds the step that writes a view densely to a slot.
func (c *compiler) copyView(v view, dst int) {
	if v.base.shape.DType.IsPacked() { // only reshapes, and whole
		c.touch(dst)
		c.add(&copyStep{move: newMover(1, []int{v.base.bytes()}, []int{1}, []int{1}), src: c.slot(v.base), dst: dst})
		return
	}
	c.copyPart(v, dst, rowMajor(v.dims), 0)
}

// copyPart adds the step that writes a view to elements of a slot with these strides, from
// one on.
func (c *compiler) copyPart(v view, dst int, strides []int, first int) {
	if product(v.dims) == 0 {
		return
	}
	size := v.base.shape.DType.Size()
	c.touch(dst)
	c.add(&copyStep{newMover(size, v.dims, strides, v.strides), c.slot(v.base), dst, v.offset * size, first * size})
}

// concatenate adds the steps that write operands one after another along an axis.
func (c *compiler) concatenate(n *node) {
	dst, strides, axis, first := c.slot(n), rowMajor(n.shape.Dimensions), n.attr.(axisAttr).axis, 0
	for _, x := range n.in {
		c.copyPart(c.views[x], dst, strides, first*strides[axis])
		first += x.shape.Dimensions[axis]
	}
}

// piece is a dense value in a slot.
type piece struct {
	slot, at, bytes int
	shape           *node // whose shape it has
}

func (p piece) of(r *run) value {
	return value{p.shape.shape, r.mem[p.slot][p.at : p.at+p.bytes : p.at+p.bytes]}
}

// whole is where a value lies densely; it is copied if it does not.
func (c *compiler) whole(n *node) piece {
	v := c.views[n]
	if v.contiguous() && (v.offset == 0 || !n.shape.DType.IsPacked()) {
		return piece{c.slot(v.base), v.offset * n.shape.DType.Size(), n.bytes(), n}
	}
	key := fmt.Sprint(v.base.id, v.dims, v.strides, v.offset)
	i, ok := c.dense[key]
	if !ok {
		i = c.temporary(n.bytes())
		c.copyView(v, i)
		c.dense[key] = i
	}
	c.touch(i)
	return piece{i, 0, n.bytes(), n}
}

// callStep is an operation on dense values.
type callStep struct {
	n       *node
	f       opFunc
	in, out []piece
	id      int // of its call
}

// emitCall adds an operation that runs as it stands.
func (c *compiler) emitCall(n *node, outs ...*node) error {
	s := &callStep{n: n, f: opFuncs[n.op], id: c.p.calls}
	if s.f == nil {
		return errors.Wrapf(compute.ErrNotImplemented, "%s of %s on engine %q", n.op, shapesOf(n.in), Name)
	}
	c.p.calls++
	for _, x := range n.in {
		s.in = append(s.in, c.whole(x))
	}
	for _, p := range s.in { // copies have moved on
		c.touch(p.slot)
	}
	for _, o := range outs {
		s.out = append(s.out, piece{c.slot(o), 0, o.bytes(), o})
	}
	if n.op == compute.OpTypeConvGeneral {
		if room, ok := convRoom(n.attr.(convAttr), n.in[0].shape, n.in[1].shape, n.shape); ok {
			if _, err := byteSize(room); err != nil {
				return errors.WithMessagef(err, "%s: padded input", n.op)
			}
			o := &node{shape: room}
			s.out = append(s.out, piece{c.temporary(o.bytes()), 0, o.bytes(), o})
		}
	}
	if inPlace[n.op] && c.views[n.in[0]].dense() {
		first := s.in[0].slot
		if !slices.ContainsFunc(s.in[1:], func(p piece) bool { return p.slot == first }) {
			c.overlay(s.out[0].slot, first)
		}
	}
	c.add(s)
	return nil
}

// inPlace are operations that may write over their first operand.
var inPlace = map[compute.OpType]bool{
	compute.OpTypeDynamicUpdateSlice: true, compute.OpTypeScatterSum: true,
	compute.OpTypeScatterMax: true, compute.OpTypeScatterMin: true,
}

func (s *callStep) run(r *run) error {
	c := &r.calls[s.id]
	if c.n == nil {
		*c = call{n: s.n, run: r, do: r.do, in: make([]value, len(s.in)), out: make([]value, len(s.out))}
	}
	for i, p := range s.in {
		c.in[i] = p.of(r)
	}
	for i, p := range s.out {
		c.out[i] = p.of(r)
	}
	if err := s.f(c); err != nil {
		return errors.WithMessagef(err, "%s of %s", s.n.op, shapesOf(s.n.in))
	}
	return nil
}

// forget lets the memory of an execution go.
func (c *call) forget() {
	clear(c.in)
	clear(c.out)
}

// overlay lets slot o take the memory of slot i, whose values the step that is being
// made reads no later than it writes those of o; plan sees to the rest.
func (c *compiler) overlay(o, i int) {
	if o != i && c.slots[o].first == c.now && c.slots[o].bytes == c.slots[i].bytes {
		c.slots[o].over = append(c.slots[o].over, i)
	}
}

// finish gives the outputs memory of their own.
func (c *compiler) finish() {
	taken := map[int]bool{}
	for k, n := range c.outputs {
		v := c.views[n]
		o := output{shape: n.shape, over: -1, input: -1}
		i := c.slot(v.base)
		whole := v.dense() && n.bytes() == c.slots[i].bytes
		switch s := &c.slots[i]; {
		case whole && s.place == inArena && !taken[i]:
			s.place, s.index, o.slot = ofOutput, k, i
		case whole && s.place == ofInput:
			o.slot, o.input = c.temporary(n.bytes()), s.index
			c.slots[o.slot].place, c.slots[o.slot].index = ofOutput, k
		default:
			o.slot = c.temporary(n.bytes())
			c.slots[o.slot].place, c.slots[o.slot].index = ofOutput, k
			c.copyView(v, o.slot)
		}
		taken[o.slot] = true
		c.p.outputs = append(c.p.outputs, o)
	}
	for i := range c.p.outputs { // they stay to the end
		c.slots[c.p.outputs[i].slot].last = c.now
		if in := c.p.outputs[i].input; in >= 0 {
			c.slots[in].last = c.now
		}
	}
}
