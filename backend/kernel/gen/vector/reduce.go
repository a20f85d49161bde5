package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A reduction is the function dst[0] = what fold makes of n elements. 64 lanes fold
// every 64th element each; then the lanes are joined in halves.
type reduction struct {
	name, doc string
	names     string  // of the inputs
	init      float64 // changes nothing
	// fold takes a vector of each input into acc.
	fold func(g *gen, acc op, in []op)
	join func(g *gen, ops ...op) // an instruction
	nan  bool                    // the result is NaN where an input is, of which fold and join know nothing
}

func reductions(g *gen) {
	for _, r := range []reduction{
		{name: "ReduceSumAll", doc: "dst[0] = the sum of x[i]", names: "x", join: (*gen).VADDPS,
			fold: func(g *gen, acc op, in []op) { g.VADDPS(in[0], acc, acc) }},
		{name: "Dot", doc: "dst[0] = the sum of x[i]*y[i]", names: "xy", join: (*gen).VADDPS,
			fold: func(g *gen, acc op, in []op) { g.VFMADD231PS(in[1], in[0], acc) }},
		{name: "ReduceMaxAll", doc: "dst[0] = max of x[i]", names: "x", init: math.Inf(-1), nan: true, join: (*gen).VMAXPS,
			fold: func(g *gen, acc op, in []op) { g.VMAXPS(in[0], acc, acc) }},
		{name: "ReduceMinAll", doc: "dst[0] = min of x[i]", names: "x", init: math.Inf(1), nan: true, join: (*gen).VMINPS,
			fold: func(g *gen, acc op, in []op) { g.VMINPS(in[0], acc, acc) }},
	} {
		r.emit(g)
	}
}

// A folding is a reduction while it is written.
type folding struct {
	reduction
	g            *gen
	dst, i, left reg.Register
	src          []reg.Register
	acc          []op
	seen         op // the mask of NaN so far
}

func (r reduction) emit(g *gen) {
	args := "dst, x unsafe.Pointer, n int"
	if r.names == "xy" {
		args = "dst, x, y unsafe.Pointer, n int"
	}
	g.begin(r.name, args, r.doc)
	f := folding{reduction: r, g: g, dst: g.param("dst"), i: g.GP64(), left: g.param("n")}
	for _, c := range r.names {
		f.src = append(f.src, g.param(string(c)))
	}
	init := g.num(r.init)
	for range 64 / g.lanes {
		f.acc = append(f.acc, g.move(init))
	}
	if r.nan {
		f.seen = g.cmp(unordered, init, init)
	}
	g.XORQ(f.i, f.i)
	f.span(len(f.acc))
	f.span(1)
	end := g.label("end")
	g.JZ(operand.LabelRef(end))
	k := g.tailMask(f.left)
	in := f.load(0, k)
	if r.init != 0 {
		in[0] = g.blend(k, init, in[0])
	}
	f.fold(g, f.acc[0], in)
	if r.nan {
		f.look(in[0], in[0])
	}
	g.Label(end)
	f.finish()
}

func (f *folding) load(j int, k op) (in []op) {
	for _, s := range f.src {
		in = append(in, loadF32(f.g, operand.Mem{Base: s, Index: f.i, Scale: 4, Disp: j * f.g.lanes * 4}, k))
	}
	return in
}

// span folds u vectors at a time into u accumulators. It leaves the flags of what
// remains.
func (f *folding) span(u int) {
	g, many := f.g, operand.I32(u*f.g.lanes)
	loop, next := g.label("loop"), g.label("next")
	g.SUBQ(many, f.left)
	g.JL(operand.LabelRef(next))
	g.Label(loop)
	var last op
	for j := range u {
		in := f.load(j, nil)
		f.fold(g, f.acc[j], in)
		if last == nil {
			last = in[0]
		}
		if f.nan && (j%2 == 1 || u == 1) { // a comparison looks at two vectors
			f.look(last, in[0])
			last = nil
		}
	}
	g.ADDQ(many, f.i)
	g.SUBQ(many, f.left)
	g.JGE(operand.LabelRef(loop))
	g.Label(next)
	g.ADDQ(many, f.left)
}

// look notes where a or b is NaN.
func (f *folding) look(a, b op) {
	m := f.g.cmp(unordered, a, b)
	if f.g.wide {
		f.g.KORW(m, f.seen, f.seen)
	} else {
		f.g.VORPS(m, f.seen, f.seen)
	}
}

// joined is all lanes of v joined in halves, in the lowest lane. It overwrites v.
func (g *gen) joined(v []op, join func(g *gen, ops ...op)) op {
	for n := len(v) / 2; n > 0; n /= 2 {
		for j := range n {
			join(g, v[j+n], v[j], v[j])
		}
	}
	r := v[0].(reg.Vec)
	if g.wide {
		high := g.YMM()
		g.VEXTRACTF64X4(operand.U8(1), v[0], high)
		join(g, high, r.AsY(), r.AsY())
	}
	x, high := r.AsX(), g.XMM()
	g.VEXTRACTF128(operand.U8(1), r.AsY(), high)
	join(g, high, x, x)
	g.VPERMILPS(operand.U8(0b1110), x, high)
	join(g, high, x, x)
	g.VPERMILPS(operand.U8(0b0001), x, high)
	join(g, high, x, x)
	return x
}

// finish joins the lanes and stores the result.
func (f *folding) finish() {
	g := f.g
	x := g.joined(f.acc, f.join)
	g.VMOVSS(x, operand.Mem{Base: f.dst})
	if f.nan {
		bad, done := g.label("bad"), g.label("done")
		g.jumpIfAny(f.seen, bad)
		g.JMP(operand.LabelRef(done))
		g.Label(bad)
		g.MOVL(operand.U32(0x7fc00000), operand.Mem{Base: f.dst})
		g.Label(done)
	}
	g.VZEROUPPER()
	g.RET()
}
