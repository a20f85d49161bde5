package main

import (
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A port is how one operand of a loop lies in memory. A vector of it has as many
// elements as the loop takes in one step.
type port struct {
	size int // bytes an element
	// load and store move a vector; under mask k if that is not nil: then what is
	// not set reads as 0 and is not written.
	load  func(g *gen, m operand.Mem, k op) op
	store func(g *gen, v op, m operand.Mem, k op)
	// store4, if not nil, writes four vectors at once.
	store4 func(g *gen, v []op, m operand.Mem)
	// bcast loads one element into all lanes.
	bcast func(g *gen, m operand.Mem) op
	// ownMask: AVX2 has masked moves for it, else its tail goes through a buffer.
	ownMask bool
}

// A loop is the function dst[i] = body(ins[i]...) for i < n.
type loop struct {
	name, doc string
	ins       []port
	names     string // of the inputs, one letter each
	one       string // those of them that are one element
	out       port
	unroll    int
	wide8     bool // lanes are 8 bytes: half as many in a step
	// setup emits what stays the same and returns what a step does.
	setup func(g *gen) func(in []op) op
	// stop, if not nil, is a test of the inputs that ends the loop before this
	// step: the function returns the number of elements done.
	stop func(g *gen) func(in []op, label string)
}

// emit writes the function for one instruction set.
func (l loop) emit(g *gen) {
	args := "dst, " + strings.Join(strings.Split(l.names, ""), ", ") + " unsafe.Pointer, n int"
	if l.stop != nil {
		args += ") (done int"
	}
	g.begin(l.name, args, l.doc)
	r := run{loop: l, g: g, step: g.lanes, i: g.GP64()}
	if l.wide8 {
		r.step /= 2
	}
	r.dst = g.param("dst")
	for j := range l.ins {
		p := g.param(l.names[j : j+1])
		r.src = append(r.src, p)
		r.fixed = append(r.fixed, nil)
		if strings.Contains(l.one, l.names[j:j+1]) {
			r.fixed[j] = l.ins[j].bcast(g, operand.Mem{Base: p})
		}
	}
	r.left = g.param("n")
	if l.stop != nil {
		r.test = l.stop(g)
	}
	r.body = l.setup(g)
	r.steps()
}

// A run is a loop while it is written.
type run struct {
	loop
	g            *gen
	step         int
	dst, i, left reg.Register
	src          []reg.Register
	fixed        []op // inputs that are one element
	body         func(in []op) op
	test         func(in []op, label string)
	end          string
}

// steps writes the unrolled loop, the loop of one vector and the tail.
func (r *run) steps() {
	g := r.g
	r.end, g.looping = g.label("end"), true
	g.XORQ(r.i, r.i)
	if r.unroll > 1 {
		r.span(r.unroll)
	}
	r.span(1)
	g.ADDQ(operand.I32(r.step), r.left)
	g.JZ(operand.LabelRef(r.end))
	if g.wide {
		r.wideTail()
	} else {
		r.tail()
	}
	if r.stop != nil {
		g.ADDQ(r.left, r.i)
	}
	g.Label(r.end)
	if r.stop != nil {
		g.Store(r.i, g.Return("done"))
	}
	g.VZEROUPPER()
	g.RET()
}

// span writes the loop of u vectors at a time. It leaves r.left at what remains
// less one step of the next smaller loop.
func (r *run) span(u int) {
	g, many := r.g, r.step*u
	loop, next := g.label("loop"), g.label("next")
	if u > 1 || r.unroll <= 1 {
		g.SUBQ(operand.I32(many), r.left)
	}
	g.JL(operand.LabelRef(next))
	g.Label(loop)
	out := make([]op, u)
	for j := range out {
		in := r.load(j, nil)
		if r.test != nil {
			r.test(in, r.end)
		}
		out[j] = r.body(in)
		if u == 1 || r.out.store4 == nil {
			r.out.store(g, out[j], r.at(r.dst, r.out.size, j), nil)
		}
	}
	if u > 1 && r.out.store4 != nil {
		r.out.store4(g, out, r.at(r.dst, r.out.size, 0))
	}
	g.ADDQ(operand.I32(many), r.i)
	g.SUBQ(operand.I32(many), r.left)
	g.JGE(operand.LabelRef(loop))
	g.Label(next)
	if u > 1 {
		g.ADDQ(operand.I32(many-r.step), r.left)
	}
}

// at is vector j from the current element on.
func (r *run) at(base reg.Register, size, j int) operand.Mem {
	return operand.Mem{Base: base, Index: r.i, Scale: uint8(size), Disp: j * r.step * size}
}

func (r *run) load(j int, k op) []op {
	in := make([]op, len(r.src))
	for s := range in {
		if in[s] = r.fixed[s]; in[s] == nil {
			in[s] = r.ins[s].load(r.g, r.at(r.src[s], r.ins[s].size, j), k)
		}
	}
	return in
}

// wideTail does the last r.left < step elements under a mask.
func (r *run) wideTail() {
	g := r.g
	k := g.tailMask(r.left)
	in := r.load(0, k)
	if r.test != nil {
		r.test(in, r.end)
	}
	r.out.store(g, r.body(in), r.at(r.dst, r.out.size, 0), k)
}

// tail is wideTail for AVX2: operands without masked moves go through a buffer.
func (r *run) tail() {
	g := r.g
	var mask op
	if !r.wide8 {
		mask = g.tailMask(r.left)
	}
	in := make([]op, len(r.src))
	for s, p := range r.ins {
		switch {
		case r.fixed[s] != nil:
			in[s] = r.fixed[s]
		case p.ownMask && mask != nil:
			in[s] = p.load(g, r.at(r.src[s], p.size, 0), mask)
		default:
			buf := g.AllocLocal(32)
			r.copyBytes(buf, r.at(r.src[s], p.size, 0), p.size)
			in[s] = p.load(g, buf, nil)
		}
	}
	if r.test != nil {
		r.test(in, r.end)
	}
	v := r.body(in)
	if r.out.ownMask && mask != nil {
		r.out.store(g, v, r.at(r.dst, r.out.size, 0), mask)
		return
	}
	buf := g.AllocLocal(32)
	r.out.store(g, v, buf, nil)
	r.copyBytes(r.at(r.dst, r.out.size, 0), buf, r.out.size)
}

// copyBytes copies r.left elements of size bytes, a byte at a time.
func (r *run) copyBytes(dst, src operand.Mem, size int) {
	g := r.g
	d, s, n, b := g.GP64(), g.GP64(), g.GP64(), g.GP8()
	g.LEAQ(dst, d)
	g.LEAQ(src, s)
	g.IMUL3Q(operand.I32(size), r.left, n)
	loop := g.label("bytes")
	g.Label(loop)
	g.MOVB(operand.Mem{Base: s, Index: n, Scale: 1, Disp: -1}, b)
	g.MOVB(b, operand.Mem{Base: d, Index: n, Scale: 1, Disp: -1})
	g.DECQ(n)
	g.JNZ(operand.LabelRef(loop))
}

// tailMask is the mask of the first left lanes, of 32 bits each in AVX2.
func (g *gen) tailMask(left reg.Register) op {
	if g.wide {
		b, k := g.GP32(), g.K()
		g.MOVL(operand.I32(-1), b)
		g.BZHIL(left.(reg.GP).As32(), b, b)
		g.KMOVW(b, k)
		return k
	}
	t, i, k := g.GP64(), g.GP64(), g.YMM()
	g.LEAQ(g.tailMasks(), t)
	g.MOVQ(operand.I32(8), i)
	g.SUBQ(left, i)
	g.VMOVUPS(operand.Mem{Base: t, Index: i, Scale: 4}, k)
	return k
}

// tailMasks is 8 lanes of ones and 8 of zeros: from 8-n on, a mask of n lanes.
func (g *gen) tailMasks() operand.Mem {
	if g.masks.Symbol.Name == "" {
		g.masks = g.StaticGlobal("tails")
		g.DataAttributes(constant)
		for j := range 8 {
			g.AppendDatum(operand.U64(uint64(int64(j/4 - 1))))
		}
	}
	return g.masks
}
