package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Chains are threaded code: a program is an array of links, each the address of a
// handler and the place of a pointer in an array of operands. Four vectors stay in
// registers while one handler jumps to the next; the last one starts the program
// again on the next block, or returns to the caller of Chain.
var (
	chainStart = reg.RDI // the program
	chainLink  = reg.RSI // the link that runs
	chainPtrs  = reg.RDX // the operands
	chainAt    = reg.RAX // the block's offset in bytes
	chainEnd   = reg.RCX // where to stop
)

const linkSize = 16

// A handler is what a link does to each of the four vectors, x being the link's
// operand: in memory (V), or one element in all lanes (S).
type handler struct {
	name, doc string
	setup     func(g *gen) func(acc, x op) op // returns the vector's new value, acc if that is it
	kinds     string                          // letters V and S, or nothing
}

func handlers() []handler {
	in := func(f func(g *gen, acc, x op)) func(g *gen) func(acc, x op) op {
		return func(g *gen) func(acc, x op) op {
			return func(acc, x op) op { f(g, acc, x); return acc }
		}
	}
	out := func(f func(g *gen, acc, x op) op) func(g *gen) func(acc, x op) op {
		return func(g *gen) func(acc, x op) op {
			return func(acc, x op) op { return f(g, acc, x) }
		}
	}
	hs := []handler{
		{"Load", "acc = $x", in(func(g *gen, acc, x op) { g.VMOVUPS(x, acc) }), "VS"},
		{"Store", "$x = acc", in(func(g *gen, acc, x op) { g.VMOVUPS(acc, x) }), "V"},
		{"Add", "acc += $x", in(func(g *gen, acc, x op) { g.VADDPS(x, acc, acc) }), "VS"},
		{"Sub", "acc -= $x", in(func(g *gen, acc, x op) { g.VSUBPS(x, acc, acc) }), "VS"},
		{"From", "acc = $x - acc", in(func(g *gen, acc, x op) { g.VSUBPS(acc, g.move(x), acc) }), "VS"},
		{"Mul", "acc *= $x", in(func(g *gen, acc, x op) { g.VMULPS(x, acc, acc) }), "VS"},
		{"Div", "acc /= $x", in(func(g *gen, acc, x op) { g.VDIVPS(x, acc, acc) }), "VS"},
		{"Over", "acc = $x / acc", in(func(g *gen, acc, x op) { g.VDIVPS(acc, g.move(x), acc) }), "VS"},
		{"Max", "acc = max(acc, $x)", out(func(g *gen, acc, x op) op { return g.extreme(acc, g.move(x), true) }), "VS"},
		{"Min", "acc = min(acc, $x)", out(func(g *gen, acc, x op) op { return g.extreme(acc, g.move(x), false) }), "VS"},
		{"Sqrt", "acc = sqrt(acc)", in(func(g *gen, acc, x op) { g.VSQRTPS(acc, acc) }), ""},
	}
	for _, u := range []struct {
		name  string
		setup setup
	}{
		{"Abs", absSetup}, {"Neg", negSetup}, {"Rsqrt", rsqrtSetup}, {"Exp", expSetup}, {"Expm1", expm1Setup}, {"Tanh", tanhSetup},
		{"Logistic", logisticSetup}, {"Erf", erfSetup}, {"Log", logSetup}, {"Log1p", log1pSetup},
	} {
		hs = append(hs, handler{u.name, "acc = " + u.name + " of acc", func(g *gen) func(acc, x op) op {
			f := u.setup(g)
			return func(acc, _ op) op { return f([]op{acc}) }
		}, ""})
	}
	hs = append(hs, handler{"Square", "acc *= acc", in(func(g *gen, acc, _ op) { g.VMULPS(acc, acc, acc) }), ""})
	// Past the caches: x is a multiple of 64.
	return append(hs, handler{"Stream", "$x = acc", in(func(g *gen, acc, x op) { g.VMOVNTPS(acc, x) }), "V"})
}

func chains(g *gen) {
	g.begin("Chain", "code, ptrs unsafe.Pointer, blocks int", "runs a program of links on blocks of four vectors")
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"code", chainStart}, {"ptrs", chainPtrs}, {"blocks", chainEnd}} {
		g.MOVQ(g.param(p.name), p.to)
	}
	g.IMUL3Q(operand.I32(g.lanes*16), chainEnd, chainEnd)
	g.XORQ(chainAt, chainAt)
	g.again()

	var names []string
	for _, h := range handlers() {
		if h.kinds == "" {
			names = append(names, g.handler(h, 0))
		}
		for _, kind := range h.kinds {
			names = append(names, g.handler(h, kind))
		}
	}
	names = append(names, g.chainNext(true))
	names = append([]string{g.chainNext(false)}, names...)

	g.begin("ChainTable", "table unsafe.Pointer", "writes the addresses of the handlers: ChainNext, those of the operations, ChainNextStreamed")
	table := g.param("table")
	for j, name := range names {
		p := g.GP64()
		g.LEAQ(operand.Mem{Symbol: operand.Symbol{Name: "·" + name}, Base: reg.StaticBase}, p)
		g.MOVQ(p, operand.Mem{Base: table, Disp: 8 * j})
	}
	g.RET()
}

// chainNext writes the last link of a program, which starts it again for the next
// block. After streaming stores the return waits until others can see them.
func (g *gen) chainNext(streamed bool) string {
	name := "ChainNext"
	if streamed {
		name += "Streamed"
	}
	g.begin(name, "", "ends a program: starts it again for the next block, or returns")
	g.Attributes(attr.NOSPLIT | attr.NOFRAME)
	end := g.label("end")
	g.ADDQ(operand.I32(g.lanes*16), chainAt)
	g.CMPQ(chainAt, chainEnd)
	g.JGE(operand.LabelRef(end))
	g.again()
	g.Label(end)
	if streamed {
		g.SFENCE()
	}
	g.VZEROUPPER()
	g.RET()
	return g.prefix + name
}

// again goes to the first link of the program.
func (g *gen) again() {
	g.MOVQ(chainStart, chainLink)
	g.jump()
}

// jump goes to the handler of the link; the vectors live on there.
func (g *gen) jump() {
	to := g.GP64()
	g.MOVQ(operand.Mem{Base: chainLink}, to)
	in := []op{to, chainStart, chainLink, chainPtrs, chainAt, chainEnd}
	g.Instruction(&ir.Instruction{Opcode: "JMP", Operands: []op{to}, Inputs: append(in, g.accs()...), IsTerminal: true})
}

// accs are the registers that hold the block.
func (g *gen) accs() []op {
	if g.wide {
		return []op{reg.Z0, reg.Z1, reg.Z2, reg.Z3}
	}
	return []op{reg.Y0, reg.Y1, reg.Y2, reg.Y3}
}

// handler writes one and returns its name.
func (g *gen) handler(h handler, kind rune) string {
	name := "Chain" + h.name
	if kind != 0 {
		name += string(kind)
	}
	g.begin(name, "", fill(h.doc, map[rune]string{'V': "x[i]", 'S': "x[0]", 0: ""}[kind], ""))
	g.Attributes(attr.NOSPLIT | attr.NOFRAME)
	if g.spare = 0; g.wide {
		g.spare = 16
	}
	f := h.setup(g)
	p := g.GP64()
	var one op
	if kind != 0 {
		g.MOVQ(operand.Mem{Base: chainLink, Disp: 8}, p)
		g.MOVQ(operand.Mem{Base: chainPtrs, Index: p, Scale: 8}, p)
	}
	if kind == 'S' {
		one = bcastF32(g, operand.Mem{Base: p})
	}
	g.looping = true
	for j, acc := range g.accs() {
		x := one
		if kind == 'V' {
			x = operand.Mem{Base: p, Index: chainAt, Scale: 1, Disp: 4 * g.lanes * j}
		}
		if v := f(acc, x); v != acc {
			g.VMOVUPS(v, acc)
		}
	}
	g.ADDQ(operand.I32(linkSize), chainLink)
	g.jump()
	return g.prefix + name
}
