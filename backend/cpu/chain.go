package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// chain is a run of float32 instructions, each on the result of the one before, that
// stays in registers; or, where a program goes row by row, several of them with the
// sums of the row between them.
type chain struct {
	passes [][]kernel.Link // their operands are those of the program until there is a loop
	byRow  bool            // all passes of a row before the next row
	rows   bool            // a row a run: some operand has one element a row or the same row always
	loop   *kernel.Chain
	args   []int // operands of the loop, as numbers of the program's
	steps  []int // bytes from a row of each to the next
}

const (
	minChain   = 2    // operations that are worth it
	minRow     = 64   // columns, where a chain goes row by row
	maxSum     = 4096 // columns that partial sums add up well
	sumBytes   = kernel.SumLen * 4
	fetchFrom  = 1 << 18  // bytes of an array whose next row is fetched ahead
	streamFrom = 24 << 20 // bytes of all arrays of a program that no cache keeps until they are read
)

// work is the number of loops that the program runs over its domain.
func (t *tile) work() int {
	n := 0
	for _, in := range t.code {
		if in.chain == nil {
			n++
			continue
		}
		for _, links := range in.chain.passes {
			n += len(links)
		}
	}
	return n
}

// effect is what a link does to its operand.
func effect(l kernel.Link) (reads, writes bool) {
	switch l.Arg {
	case kernel.Alone, kernel.Fetch:
		return false, false
	case kernel.Store, kernel.Stream, kernel.StoreOne:
		return false, true
	case kernel.Fold, kernel.Total, kernel.Gather:
		return true, true
	}
	return true, false
}

// chains puts instructions that follow from each other into chains. Instructions keep
// their order but for those that move up to the one whose result they take.
func (e *emitter) chains() {
	if kernel.NewChain() == nil {
		return
	}
	code, t := e.t.code, e.t
	c := &chainer{emitter: e, done: make([]bool, len(code)), written: make([]bool, len(t.operands)), readers: e.readers()}
	c.whole = e.u.dot == nil && t.byRows && t.cols >= minRow && t.cols%kernel.SumLen == 0
	bytes := 0
	for _, o := range t.operands {
		if o.slot >= 0 && o.form == every {
			bytes += e.c.slots[o.slot].bytes
		}
	}
	c.stream = e.u.dot == nil && bytes >= streamFrom
	for i := range code {
		if !c.done[i] && !c.from(i) {
			c.take(i)
			c.out = append(c.out, code[i])
		}
	}
	t.code = c.out
}

// readers lists the instructions that read each operand.
func (e *emitter) readers() [][]int {
	r := make([][]int, len(e.t.operands))
	for k := range e.t.code {
		for _, a := range e.t.code[k].operands() {
			r[a] = append(r[a], k)
		}
	}
	return r
}

// chainer makes chains of the code of a program.
type chainer struct {
	*emitter
	whole         bool    // rows are whole blocks
	stream        bool    // results in memory go past the caches
	done, written []bool  // instructions that have their place, operands that these write
	readers       [][]int // of operands
	out           []instruction

	// The chain that is being made.
	form    form
	byRow   bool  // it may follow another, row by row
	members []int // instructions
	links   []kernel.Link
	after   []int // place in links after each member
	folds   []int // instructions that sum a row as it passes
	aside   []int // these and those that sum columns
	rows    bool  // as in chain
}

func (c *chainer) begin(f form) {
	c.form, c.byRow = f, c.whole && (f == every || f == perRow)
	c.members, c.links, c.after, c.folds, c.aside, c.rows = nil, nil, nil, nil, nil, c.byRow
}

func (c *chainer) take(k int) { c.done[k], c.written[c.t.code[k].dst] = true, true }

// from makes a chain that begins with an instruction, if there is one.
func (c *chainer) from(i int) bool {
	in := &c.t.code[i]
	c.begin(in.form)
	first, ok := c.first(in)
	if !ok {
		return false
	}
	if c.sums(in) || c.gathers(in) {
		c.add(first, in.a)
	} else if l, ok := c.link(in, first.Operand); ok {
		c.add(first, first.Operand)
		c.add(l, in.dst)
		c.grow(i)
	} else {
		return false
	}
	if !c.byRow && len(c.members) < minChain {
		c.done[i], c.written[in.dst] = false, false
		return false
	}
	folds := c.folds
	c.finish()
	for _, k := range folds {
		c.begin(perRow)
		sum := &c.t.code[k]
		c.add(kernel.Link{Op: sum.op, Arg: kernel.Total, Operand: sum.c}, sum.dst)
		c.grow(k)
		c.finish()
	}
	return true
}

// grow makes instruction k, whose link is there, a member, and all that follow from it.
func (c *chainer) grow(k int) {
	for k >= 0 {
		c.take(k)
		c.members, c.after = append(c.members, k), append(c.after, len(c.links))
		k = c.next(c.t.code[k].dst)
	}
}

// next adds the link of an instruction that takes the result acc of the last one and
// waits for nothing else; -1 if there is none.
func (c *chainer) next(acc int) int {
	for _, k := range c.readers[acc] {
		waits := func(a int) bool { return c.made(a) && !c.written[a] }
		if c.done[k] || slices.ContainsFunc(c.t.code[k].operands(), waits) {
			continue
		}
		if l, ok := c.link(&c.t.code[k], acc); ok {
			c.add(l, c.t.code[k].dst)
			return k
		}
	}
	return -1
}

// made says whether an instruction writes the operand.
func (c *chainer) made(operand int) bool {
	return slices.ContainsFunc(c.t.code, func(in instruction) bool { return in.dst == operand })
}

// shape says how a chain reads an operand.
func (c *chainer) shape(operand int) (arg kernel.Arg, rows bool) {
	switch f := c.t.operands[operand].form; {
	case c.byRow && f == perRow:
		return kernel.Scalar, true
	case f == c.form:
		return kernel.Vector, false
	case f == single:
		return kernel.Scalar, false
	case f == perRow:
		return kernel.Scalar, true
	}
	return kernel.Vector, true
}

// first is the link that loads an operand of the first instruction.
func (c *chainer) first(in *instruction) (l kernel.Link, ok bool) {
	l = kernel.Link{Op: compute.OpTypeIdentity, Operand: in.a}
	one := c.byRow && c.form == perRow // element a pass
	if l.Arg, _ = c.shape(in.a); l.Arg == kernel.Scalar && !one && (in.act == flat2 || in.act == rows2) {
		l.Operand = in.b
	}
	arg, rows := c.shape(l.Operand)
	l.Arg, c.rows = arg, c.rows || rows
	return l, (arg == kernel.Vector || one) && c.types[l.Operand] == dtypes.Float32
}

// link is what a chain does for an instruction when operand acc is in the register.
func (c *chainer) link(in *instruction, acc int) (l kernel.Link, ok bool) {
	if in.form != c.form || c.types[in.dst] != dtypes.Float32 || c.types[in.a] != dtypes.Float32 {
		return l, false
	}
	l = kernel.Link{Op: in.op, Arg: kernel.Alone, Operand: -1}
	second := in.b == acc // the register is the second operand
	switch in.act {
	case flat1:
	case flat2, rows2:
		if in.a != acc || in.b != acc {
			if l.Operand = in.b; second {
				l.Operand = in.a
			}
		}
	default:
		return l, false
	}
	rows := c.rows
	if l.Operand >= 0 {
		arg, byRow := c.shape(l.Operand)
		l.Arg, rows = arg, rows || byRow
		if second {
			l.Arg = map[kernel.Arg]kernel.Arg{kernel.Vector: kernel.VectorFirst, kernel.Scalar: kernel.ScalarFirst}[arg]
		}
	}
	if !kernel.Chainable(l) || rows && c.t.cols < minRow {
		return l, false
	}
	c.rows = rows
	return l, true
}

// sums says whether an instruction sums rows in a way that a chain does on its way.
func (c *chainer) sums(in *instruction) bool {
	return c.byRow && in.act == foldRow && in.op == compute.OpTypeReduceSum && c.types[in.a] == dtypes.Float32 && c.t.cols <= maxSum
}

// gathers is sums for sums of columns.
func (c *chainer) gathers(in *instruction) bool {
	return c.byRow && in.act == foldCol && in.op == compute.OpTypeAdd && c.types[in.a] == dtypes.Float32 && in.group >= c.t.rows
}

// add adds a link that leaves an operand in the register, and those that sum it.
func (c *chainer) add(l kernel.Link, acc int) {
	c.links = append(c.links, l)
	for _, k := range c.readers[acc] {
		in := &c.t.code[k]
		if c.done[k] {
			continue
		}
		if c.gathers(in) {
			c.links = append(c.links, kernel.Link{Op: in.op, Arg: kernel.Gather, Operand: in.dst})
			c.aside = append(c.aside, k)
			c.take(k)
		}
		if c.sums(in) {
			in.c = c.fresh(single)
			c.t.operands[in.c].size = sumBytes
			c.links = append(c.links, kernel.Link{Op: in.op, Arg: kernel.Fold, Operand: in.c})
			c.folds, c.aside = append(c.folds, k), append(c.aside, k)
			c.done[k] = true
		}
	}
}

// fresh is a new operand in scratch.
func (c *chainer) fresh(f form) int {
	c.written, c.readers = append(c.written, true), append(c.readers, nil)
	return c.scratch(f, dtypes.Float32)
}

// finish adds the stores of results that others read or that lie in memory, and puts
// the chain behind the one before it where both go row by row.
func (c *chainer) finish() {
	var links []kernel.Link
	at := 0
	for i, k := range c.members {
		links = append(links, c.links[at:c.after[i]]...)
		at = c.after[i]
		for _, l := range c.stores(i, c.t.code[k].dst) {
			l.Op = compute.OpTypeIdentity
			links = append(links, l)
		}
	}
	links = append(links, c.links[at:]...) // of a chain that only sums
	if n := len(c.out) - 1; c.byRow && n >= 0 && c.out[n].act == chained && c.out[n].chain.byRow {
		c.out[n].chain.passes = append(c.out[n].chain.passes, links)
		return
	}
	c.out = append(c.out, instruction{act: chained, form: c.form, chain: &chain{passes: [][]kernel.Link{links}, byRow: c.byRow, rows: c.rows}})
}

// stores are the links that keep the result of member i.
func (c *chainer) stores(i, dst int) []kernel.Link {
	o := c.t.operands[dst]
	later := slices.ContainsFunc(c.readers[dst], func(k int) bool {
		return (i+1 >= len(c.members) || k != c.members[i+1]) && !slices.Contains(c.aside, k)
	})
	switch {
	case o.slot < 0 && !later:
		return nil
	case c.byRow && c.form == perRow:
		return []kernel.Link{{Arg: kernel.StoreOne, Operand: dst}}
	case o.slot < 0 || !c.stream || o.form != every:
		return []kernel.Link{{Arg: kernel.Store, Operand: dst}}
	case later: // who reads it here does so in scratch
		near := c.fresh(every)
		for _, k := range c.readers[dst] {
			for _, a := range []*int{&c.t.code[k].a, &c.t.code[k].b, &c.t.code[k].c} {
				if *a == dst {
					*a = near
				}
			}
		}
		for j := range c.links {
			if l := &c.links[j]; l.Operand == dst && l.Arg != kernel.Alone {
				l.Operand = near
			}
		}
		c.readers[near] = c.readers[dst]
		return []kernel.Link{{Arg: kernel.Store, Operand: near}, {Arg: kernel.Stream, Operand: dst}}
	}
	return []kernel.Link{{Arg: kernel.Stream, Operand: dst}}
}

// loops makes the loops of the chains; they bring the rows of the next tile into the
// first cache, and what comes next of arrays that no cache holds.
func (e *emitter) loops() {
	t := e.t
	var passes []*[]kernel.Link
	streams := func(l kernel.Link) bool { return l.Arg == kernel.Stream }
	for _, in := range t.code {
		if in.chain == nil || t.byRows && !in.chain.byRow {
			continue
		}
		for i := range in.chain.passes {
			if p := &in.chain.passes[i]; (*p)[0].Arg == kernel.Vector && (t.byRows || slices.ContainsFunc(*p, streams)) {
				passes = append(passes, p)
			}
		}
	}
	for i, o := range t.operands {
		if o.slot >= 0 && o.form == every && o.size == 4 && !o.fixed && e.write[i] < 0 && len(passes) > 0 && e.c.slots[o.slot].bytes >= fetchFrom {
			p := passes[i%len(passes)]
			*p = append(*p, kernel.Link{Op: compute.OpTypeIdentity, Arg: kernel.Fetch, Operand: i, Ahead: t.tileRows * min(t.cols, t.tileCols) * 4})
		}
	}
	for i := range t.code {
		if c := t.code[i].chain; c != nil {
			c.make(t)
		}
	}
}

// make numbers the operands of the loop through.
func (c *chain) make(t *tile) {
	for _, links := range c.passes {
		for i := range links {
			l := &links[i]
			if l.Arg == kernel.Alone {
				continue
			}
			k := slices.Index(c.args, l.Operand)
			if k < 0 {
				k = len(c.args)
				c.args = append(c.args, l.Operand)
				c.steps = append(c.steps, t.operands[l.Operand].rowStep(t.cols))
			}
			l.Operand = k
		}
	}
	c.loop = kernel.NewChain(c.passes...)
	t.streams = t.streams || c.loop.Streams()
}

// runChain runs a chain on a tile.
func (t *tile) runChain(s *tileState, in *instruction, rows, cols int) {
	c := in.chain
	args := s.args[:len(c.args)]
	if !c.rows {
		for i, a := range c.args {
			args[i] = s.ptr[a]
		}
		c.loop.Run(args, count(in.form, rows, cols))
		return
	}
	for row := range rows {
		for i, a := range c.args {
			args[i] = unsafe.Add(s.ptr[a], row*c.steps[i])
		}
		c.loop.Run(args, cols)
	}
}
