package cpu

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// emitter writes the tile program of a unit.
type emitter struct {
	c     *compiler
	u     *unit
	t     *tile
	value map[*node]int  // operand that holds what a node computes
	loads map[string]int // operand that holds a view from outside
	types []dtypes.DType // of operands
	write []int          // moment that first writes an operand, -1: none
	read  []int          // moment that last reads it, -1: none
	kept  []int          // slots that nothing may be written to
}

// emitTile makes the program of a unit's element-wise nodes and reductions. It leaves
// the memory of the slots kept alone: a product reads whole rows and columns of its
// operands, also for blocks that come after the first results.
func (c *compiler) emitTile(u *unit, kept ...int) *tile {
	e := &emitter{c: c, u: u, t: &tile{}, value: map[*node]int{}, loads: map[string]int{}, kept: kept}
	e.domain()
	for _, n := range u.nodes {
		e.node(n)
	}
	e.chains()
	e.lifetimes()
	e.sizes()
	e.registers()
	e.loops()
	for i := range e.t.partials {
		p := &e.t.partials[i]
		p.slot = c.temporary(e.t.chunks() * p.bytes)
	}
	e.overlays()
	return e.t
}

// overlays lets what the program writes take the memory of what it reads.
func (e *emitter) overlays() {
	for o := range e.t.operands {
		if e.t.operands[o].slot < 0 || e.write[o] < 0 {
			continue
		}
		for i := range e.t.operands {
			if i != o && e.t.operands[i].slot >= 0 && e.write[i] < 0 && e.takesOver(o, i) {
				e.c.overlay(e.t.operands[o].slot, e.t.operands[i].slot)
			}
		}
	}
}

// domain fixes the rows and columns of the program. Where no reduction asks for
// columns, an input that repeats along rows or columns may.
func (e *emitter) domain() {
	u := e.u
	for i := 0; i < len(u.nodes) && u.cols == 0; i++ {
		n := u.nodes[i]
		if n == u.dot || isReduce(n) {
			continue
		}
		for _, in := range n.in {
			if s := e.c.views[in].simplify(); len(s.dims) == 2 && u.cols == 0 && e.c.unit[s.base] != u {
				repeats := s.strides[0] == 0 && s.strides[1] == 1 || s.strides[0] == 1 && s.strides[1] == 0
				if repeats && s.dims[1] >= 8 && s.dims[1] <= maxCols {
					u.cols = s.dims[1]
				}
			}
		}
	}
	t := e.t
	t.rows, t.cols, t.byRows = 1, u.size, false
	if u.size == 0 { // nothing to do, whatever the columns
		u.cols = 0
	}
	if u.cols > 0 {
		t.rows, t.cols, t.byRows = u.size/u.cols, u.cols, true
	}
}

func (e *emitter) operand(o operand, t dtypes.DType) int {
	o.size = t.Size()
	e.t.operands = append(e.t.operands, o)
	e.types = append(e.types, t)
	return len(e.t.operands) - 1
}

// result is a new operand for what a node computes in the given form: in memory if
// others need it and it is whole, else in scratch.
func (e *emitter) result(n *node, f form) int {
	if e.c.stored[n] && f == e.c.form[n] && (n != e.u.dot) {
		return e.operand(operand{form: f, slot: e.c.slot(n)}, n.shape.DType)
	}
	return e.scratch(f, n.shape.DType)
}

func (e *emitter) scratch(f form, t dtypes.DType) int {
	return e.operand(operand{form: f, slot: -1}, t)
}

func (e *emitter) add(in instruction) { e.t.code = append(e.t.code, in) }

// node adds the instructions of one node.
func (e *emitter) node(n *node) {
	if n == e.u.dot {
		e.value[n] = e.operand(operand{form: every, slot: e.c.slot(n)}, n.shape.DType)
		return
	}
	if isReduce(n) {
		e.reduce(n)
		return
	}
	args := make([]int, len(n.in))
	f := single
	for i, in := range n.in {
		args[i] = e.arg(e.c.views[in], e.c.form[n])
		f = join(f, e.t.operands[args[i]].form)
	}
	dst := e.result(n, f)
	in := instruction{form: f, dst: dst, op: n.op}
	switch {
	case n.op == compute.OpTypeWhere:
		e.selects(&in, args, f, n.shape.DType)
	case len(args) == 2:
		e.binary(&in, n, args)
	default:
		in.act, in.a = flat1, args[0]
		in.f1 = unaryLoop(n)
	}
	e.add(in)
	e.value[n] = dst
	if e.c.stored[n] && f != e.c.form[n] {
		e.value[n] = e.spread(dst, e.c.form[n], e.c.slot(n))
	}
}

func unaryLoop(n *node) kernel.Func1 {
	t := n.in[0].shape.DType
	if n.op == compute.OpTypeConvertDType {
		return kernel.Convert(t, n.shape.DType)
	}
	return kernel.Unary(n.op, t)
}

// binary picks the loop by the forms of the operands.
func (e *emitter) binary(in *instruction, n *node, args []int) {
	a, b := e.t.operands[args[0]].form, e.t.operands[args[1]].form
	in.act, in.a, in.b = flat2, args[0], args[1]
	mode := kernel.VV
	switch {
	case a == b:
	case b == single:
		mode = kernel.VS
	case a == single:
		mode = kernel.SV
	default:
		in.act = rows2
		if b == perRow {
			mode = kernel.VS
		} else if a == perRow {
			mode = kernel.SV
		}
	}
	in.f2 = kernel.Binary(n.op, n.in[0].shape.DType, mode)
}

// selects picks the loop of a Where; operands of another form are spread first.
func (e *emitter) selects(in *instruction, args []int, f form, t dtypes.DType) {
	one := func(i int) bool { return e.t.operands[args[i]].form == single && f != single }
	mode := kernel.VV
	switch {
	case one(1) && one(2):
		mode = kernel.SS
	case one(1):
		mode = kernel.SV
	case one(2):
		mode = kernel.VS
	}
	for i := range args {
		if got := e.t.operands[args[i]].form; got != f && !(i > 0 && got == single) {
			args[i] = e.spread(args[i], f, -1)
		}
	}
	in.act, in.a, in.b, in.c = flat3, args[0], args[1], args[2]
	in.f3 = kernel.Select(t, mode)
}

// spread writes an operand out in a fuller form.
func (e *emitter) spread(a int, f form, slot int) int {
	t := e.types[a]
	dst := e.operand(operand{form: f, slot: slot}, t)
	e.add(instruction{act: spread, form: f, dst: dst, a: a, f1: kernel.Fill(t.Size())})
	return dst
}

// reduce adds the instruction that folds an operand.
func (e *emitter) reduce(n *node) {
	d, _ := foldOf(n)
	t := n.shape.DType
	from := every
	if x := e.c.views[n.in[0]].base; d.form == single && e.c.unit[x] == e.u && e.c.form[x] == perRow {
		from = perRow
	}
	a := e.arg(e.c.views[n.in[0]], from)
	if e.t.operands[a].form != from {
		a = e.spread(a, from, -1)
	}
	in := instruction{form: from, a: a, op: n.op, group: d.group}
	in.f1, in.f2, in.start = foldLoops(n.op, t)
	switch d.form {
	case perRow:
		in.act, in.dst = foldRow, e.result(n, perRow)
	case perCol:
		in.act, in.op = foldCol, foldOps[n.op]
		in.dst = e.operand(operand{form: perCol, slot: e.c.slot(n), fixed: true}, t)
	default:
		in.act = foldAll
		in.dst = e.operand(operand{form: single, slot: e.c.slot(n), fixed: true}, t)
	}
	if d.form != perRow && (d.form == single || d.group >= e.t.rows) {
		p := partial{operand: in.dst, f2: in.f2, n: 1, start: in.start}
		if d.form == perCol {
			p.n = e.t.cols
		}
		p.bytes = p.n * t.Size()
		e.t.partials = append(e.t.partials, p)
	}
	e.add(in)
	e.value[n] = in.dst
}

// arg is the operand through which a node of form f reads a view.
func (e *emitter) arg(v view, f form) int {
	if i, ok := e.value[v.base]; ok && e.c.unit[v.base] == e.u {
		return i
	}
	return e.outside(v, f)
}

// outside is the operand of a view of memory that other units have written: in
// place if it can be, copied by a load else.
func (e *emitter) outside(v view, f form) int {
	key := fmt.Sprint(v.base.id, v.dims, v.strides, v.offset, f)
	if i, ok := e.loads[key]; ok {
		return i
	}
	t := v.base.shape.DType
	o := operand{slot: e.c.slot(v.base), at: v.offset * t.Size()}
	s := v.simplify()
	if v.constant() {
		o.form = single
	} else {
		o.form = f
		if rows, cols, ok := v.split(e.u.cols); ok && f == every {
			if cols.constant() {
				o.form, s = perRow, rows.simplify()
			} else if rows.constant() {
				o.form, s = perCol, cols.simplify()
			}
		}
		if !(len(s.dims) == 1 && s.strides[0] == 1) {
			o.fixed = true
		}
	}
	i := e.operand(o, t)
	if o.fixed {
		dst := e.scratch(o.form, t)
		e.add(instruction{act: load, form: o.form, dst: dst, a: i, src: newStrides(s.steps(), t.Size())})
		i = dst
	}
	e.loads[key] = i
	return i
}

// moment orders what happens in a program: instruction k, link i of its chain.
func moment(k, i int) int { return k<<16 | i }

// lifetimes finds when each operand is first written and last read, -1 for never.
func (e *emitter) lifetimes() {
	e.write = slices.Repeat([]int{-1}, len(e.t.operands))
	e.read = slices.Repeat([]int{-1}, len(e.t.operands))
	for k := range e.t.code {
		in := &e.t.code[k]
		if in.act == chained {
			i := 0
			for _, links := range in.chain.passes {
				for _, l := range links {
					reads, writes := effect(l)
					e.happens(l.Operand, reads, writes, moment(k, i))
					i++
				}
			}
			continue
		}
		for _, a := range in.operands() {
			e.happens(a, true, false, moment(k, 0))
		}
		e.happens(in.dst, false, true, moment(k, 0))
	}
}

func (e *emitter) happens(operand int, reads, writes bool, now int) {
	if reads {
		e.read[operand] = now
	}
	if writes && e.write[operand] < 0 {
		e.write[operand] = now
	}
}

// operands that an instruction reads.
func (in *instruction) operands() []int {
	switch in.act {
	case flat2, rows2:
		return []int{in.a, in.b}
	case flat3:
		return []int{in.a, in.b, in.c}
	}
	return []int{in.a}
}

// Sizes of the work that one instruction and one chunk do: a tile's scratch stays in
// the first cache, and a chunk is worth waking a worker for.
const (
	tileBytes = 20 << 10
	minTile   = 256
	maxTile   = 4096
	chunkWork = 1 << 16 // elements times instructions
)

// sizes chooses the tile and the chunk.
func (e *emitter) sizes() {
	t := e.t
	per := 1
	for k := range t.code {
		live := 0
		for i, o := range t.operands {
			if o.form == every && !o.fixed && e.write[i] < moment(k+1, 0) && moment(k, 0) <= max(e.read[i], e.write[i]) {
				live += o.size
			}
		}
		per = max(per, live)
	}
	elems := min(max(tileBytes/per, minTile), maxTile) / 64 * 64
	cols := max(1, t.cols) // an empty domain has none
	t.tileRows, t.tileCols = 1, elems
	if t.byRows {
		t.tileRows, t.tileCols = min(max(1, elems/cols), max(1, t.rows)), cols
	}
	if e.u.dot != nil { // blocks have some of the columns
		t.tileCols = min(cols, elems)
	}
	group := 0
	for _, in := range t.code {
		if in.act == foldCol && in.group < t.rows {
			group = in.group
		}
	}
	if group > 0 {
		for t.tileRows = min(t.tileRows, group); group%t.tileRows != 0; {
			t.tileRows--
		}
	}
	t.chunk = max(1, chunkWork/(t.tileRows*min(t.tileCols, cols)*max(1, t.work())))
	if n := t.chunks(); n > 64 {
		t.chunk *= (n + 63) / 64
	}
	if group > 0 {
		tiles := group / t.tileRows
		t.chunk = (t.chunk + tiles - 1) / tiles * tiles
	}
}

// registers places scratch operands; one may lie where another has died, within a
// chain that goes row by row also one of the same chain. Partial sums, which are 0
// between two rows, have a place of their own.
func (e *emitter) registers() {
	t := e.t
	var order []int
	for i, o := range t.operands {
		if o.slot < 0 && e.write[i] >= 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(e.write[i], e.write[j]) })
	type space struct{ at, bytes, free int } // free: first moment that may write it
	var spaces []space
	for _, i := range order {
		o := &t.operands[i]
		from, to := e.write[i]>>16, max(e.read[i], e.write[i])>>16
		from, to = moment(from, 0), moment(to+1, 0)
		if k := e.read[i] >> 16; o.form == every && k == to>>16-1 && t.code[k].chain != nil && t.code[k].chain.byRow {
			to = e.read[i] + 1
		}
		if o.form == every {
			from = e.write[i]
		}
		bytes := (count(o.form, t.tileRows, t.tileCols)*o.size + 63) / 64 * 64
		j := slices.IndexFunc(spaces, func(s space) bool { return s.bytes == bytes && s.free <= from && o.size != sumBytes })
		if j < 0 {
			spaces = append(spaces, space{at: t.scratch, bytes: bytes})
			t.scratch += bytes
			j = len(spaces) - 1
		}
		o.at, spaces[j].free = spaces[j].at, to
		if o.size == sumBytes {
			spaces[j].free = math.MaxInt
		}
	}
}

// takesOver says whether output operand o may lie in the memory of input operand i:
// every element is read for the last time no later than it is written.
func (e *emitter) takesOver(o, i int) bool {
	a, b := &e.t.operands[o], &e.t.operands[i]
	if a.form != every || b.form != every || a.size != b.size || a.fixed || b.fixed || b.at != 0 || e.read[i] > e.write[o] || slices.Contains(e.kept, b.slot) {
		return false
	}
	if in := e.t.code[e.write[o]>>16]; in.act == spread || in.act == load {
		return false
	}
	for k, other := range e.t.operands { // nobody else may look at that memory
		if k != i && other.slot == b.slot {
			return false
		}
	}
	return true
}
