package cpu

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// chain is a run of float32 instructions, each on the result of the one before, that
// stays in registers.
type chain struct {
	loop  *kernel.Chain
	links []link
	args  []int // operands of the loop, as numbers of the program's
	rows  bool  // some operand has one element a row or the same row always
}

// link is what one operation of a chain reads and writes beside the register; -1 is
// nothing.
type link struct{ reads, writes int }

const (
	minChain   = 2        // operations that are worth it
	minRow     = 64       // columns, where a chain goes row by row
	streamFrom = 16 << 20 // bytes of an array that no cache keeps until it is read
)

// work is the number of loops that the program runs over its domain.
func (t *tile) work() int {
	n := 0
	for _, in := range t.code {
		if n++; in.chain != nil {
			n += len(in.chain.links) - 1
		}
	}
	return n
}

// chains puts instructions that follow from each other into chains. Instructions keep
// their order but for those that move up to the one whose result they take.
func (e *emitter) chains() {
	code := e.t.code
	written := make([]bool, len(e.t.operands))
	readers := e.readers()
	done := make([]bool, len(code))
	var out []instruction
	for i := range code {
		if done[i] {
			continue
		}
		c := &chainer{emitter: e, form: code[i].form}
		for k := i; k >= 0 && c.extend(&code[k], k == i); k = c.next(readers, done, written) {
			done[k], written[code[k].dst] = true, true
			c.members = append(c.members, k)
		}
		if in, ok := c.instruction(readers, done); ok {
			out = append(out, in)
			continue
		}
		for _, k := range c.members[min(1, len(c.members)):] { // take them back
			done[k], written[code[k].dst] = false, false
		}
		done[i], written[code[i].dst] = true, true
		out = append(out, code[i])
	}
	e.t.code = out
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

// chainer collects a chain.
type chainer struct {
	*emitter
	form    form
	members []int // instructions
	links   []kernel.Link
	from    []link
	args    []int
	rows    bool
}

// arg is the number of an operand in the loop.
func (c *chainer) argument(operand int) int {
	for i, a := range c.args {
		if a == operand {
			return i
		}
	}
	c.args = append(c.args, operand)
	return len(c.args) - 1
}

// shape says how a chain reads an operand.
func (c *chainer) shape(operand int) (arg kernel.Arg, rows bool) {
	switch f := c.t.operands[operand].form; {
	case f == c.form:
		return kernel.Vector, false
	case f == single:
		return kernel.Scalar, false
	case f == perRow:
		return kernel.Scalar, true
	}
	return kernel.Vector, true
}

// extend adds an instruction if a chain can have it; the first one loads its operand.
func (c *chainer) extend(in *instruction, first bool) bool {
	if in.act != flat1 && in.act != flat2 && in.act != rows2 || in.form != c.form || c.types[in.dst] != dtypes.Float32 || c.types[in.a] != dtypes.Float32 {
		return false
	}
	acc := in.a
	if first {
		if arg, _ := c.shape(acc); in.act != flat1 && arg == kernel.Scalar {
			acc = in.b
		}
		arg, rows := c.shape(acc)
		if arg != kernel.Vector {
			return false
		}
		c.rows = rows
		c.links = append(c.links, kernel.Link{Op: compute.OpTypeIdentity, Arg: arg, Operand: c.argument(acc)})
		c.from = append(c.from, link{acc, -1})
	} else {
		acc = c.t.code[c.members[len(c.members)-1]].dst
	}
	return c.operation(in, acc)
}

// operation adds the link of an instruction whose operand acc is in the register.
func (c *chainer) operation(in *instruction, acc int) bool {
	l := kernel.Link{Op: in.op, Arg: kernel.Alone}
	reads := -1
	if in.act != flat1 && !(in.a == acc && in.b == acc) {
		reads = in.b
		if in.b == acc {
			reads = in.a
		}
		arg, rows := c.shape(reads)
		l.Arg, c.rows = arg, c.rows || rows
		if in.b == acc { // the register is the second operand
			l.Arg = map[kernel.Arg]kernel.Arg{kernel.Vector: kernel.VectorFirst, kernel.Scalar: kernel.ScalarFirst}[arg]
		}
	}
	if !kernel.Chainable(l) || c.rows && c.t.cols < minRow {
		return false
	}
	if reads >= 0 {
		l.Operand = c.argument(reads)
	}
	c.links, c.from = append(c.links, l), append(c.from, link{reads, -1})
	return true
}

// next is an instruction that takes the result of the last one and waits for nothing
// else, -1 if there is none.
func (c *chainer) next(readers [][]int, done, written []bool) int {
	last := &c.t.code[c.members[len(c.members)-1]]
next:
	for _, k := range readers[last.dst] {
		if done[k] {
			continue
		}
		for _, a := range c.t.code[k].operands() {
			if c.made(a) && !written[a] {
				continue next
			}
		}
		trial := *c
		trial.links, trial.from, trial.args = clip(c.links), clip(c.from), clip(c.args)
		if trial.extend(&c.t.code[k], false) {
			return k
		}
	}
	return -1
}

func clip[T any](s []T) []T { return s[:len(s):len(s)] }

// made says whether an instruction writes the operand.
func (c *chainer) made(operand int) bool {
	for k := range c.t.code {
		if c.t.code[k].dst == operand {
			return true
		}
	}
	return false
}

// instruction is the whole chain, if it is worth one. Results that others read, or
// that lie in memory, are stored as they pass.
func (c *chainer) instruction(readers [][]int, done []bool) (instruction, bool) {
	if len(c.members) < minChain {
		return instruction{}, false
	}
	var links []kernel.Link
	var from []link
	for i, l := range c.links {
		links, from = append(links, l), append(from, c.from[i])
		if i == 0 {
			continue
		}
		dst := c.t.code[c.members[i-1]].dst
		if o := c.t.operands[dst]; o.slot >= 0 || c.readLater(dst, i, readers) {
			arg := kernel.Store
			if o.slot >= 0 && c.c.slots[o.slot].bytes >= streamFrom && c.u.dot == nil {
				arg = kernel.Stream
			}
			links = append(links, kernel.Link{Op: compute.OpTypeIdentity, Arg: arg, Operand: c.argument(dst)})
			from = append(from, link{-1, dst})
		}
	}
	loop := kernel.NewChain(links)
	if loop == nil {
		return instruction{}, false
	}
	return instruction{act: chained, form: c.form, chain: &chain{loop: loop, links: from, args: c.args, rows: c.rows}}, true
}

// readLater says whether an instruction outside the chain reads what member i-1 makes.
func (c *chainer) readLater(dst, i int, readers [][]int) bool {
	for _, k := range readers[dst] {
		if i >= len(c.members) || k != c.members[i] {
			return true
		}
	}
	return false
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
			args[i] = unsafe.Add(s.ptr[a], row*t.operands[a].rowStep(cols))
		}
		c.loop.Run(args, cols)
	}
}
