package main

import (
	"cmp"
	"fmt"
	"log"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Chains are threaded code: a program is an array of links, each the address of a
// handler and the place of a pointer in an array of operands. Four vectors stay in
// registers while one handler jumps to the next. Next goes back to the first link of
// its pass until all blocks are done, and End returns to the caller of Chain.
var (
	chainLink = reg.RSI // the link that runs
	chainPtrs = reg.RDX // the operands
	chainAt   = reg.RAX // the block's offset in bytes
	chainEnd  = reg.RCX // where to stop
)

const (
	linkSize    = 16
	maxHandlers = 64 // of kernel.chainTable
)

// A handler is what a link does to each of the four vectors, x being the link's
// operand: a vector in memory (V), one element in all lanes (S) or in memory (O), a
// block of sums (B), or a vector some bytes ahead (A).
type handler struct {
	name, doc string
	setup     func(g *gen) func(acc, x op) op // returns the vector's new value, acc if that is it
	kinds     string                          // letters of the above, or nothing
	// links are those that it serves: an operation, by default that of its name, and
	// kernel.Args. By default these are Vector for V, Scalar for S, else Alone; First is
	// the same with the operand before acc, and Both are the two.
	links string
}

// sumBytes is the size of a block of sums: 64 lanes, as a reduction has.
const sumBytes = 256

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
		{"Load", "acc = $x", in(func(g *gen, acc, x op) { g.VMOVUPS(x, acc) }), "VS", "Identity"},
		{"Store", "$x = acc", in(func(g *gen, acc, x op) { g.VMOVUPS(acc, x) }), "V", "Identity Store"},
		{"Add", "acc += $x", in(func(g *gen, acc, x op) { g.VADDPS(x, acc, acc) }), "VS", "Add Both"},
		{"Sub", "acc -= $x", in(func(g *gen, acc, x op) { g.VSUBPS(x, acc, acc) }), "VS", ""},
		{"From", "acc = $x - acc", in(func(g *gen, acc, x op) { g.VSUBPS(acc, g.move(x), acc) }), "VS", "Sub First"},
		{"Mul", "acc *= $x", in(func(g *gen, acc, x op) { g.VMULPS(x, acc, acc) }), "VS", "Mul Both"},
		{"Div", "acc /= $x", in(func(g *gen, acc, x op) { g.VDIVPS(x, acc, acc) }), "VS", ""},
		{"Over", "acc = $x / acc", in(func(g *gen, acc, x op) { g.VDIVPS(acc, g.move(x), acc) }), "VS", "Div First"},
		{"Max", "acc = max(acc, $x)", out(func(g *gen, acc, x op) op { return g.extreme(acc, g.move(x), true) }), "VS", "Max Both"},
		{"Min", "acc = min(acc, $x)", out(func(g *gen, acc, x op) op { return g.extreme(acc, g.move(x), false) }), "VS", "Min Both"},
		{"Sqrt", "acc = sqrt(acc)", in(func(g *gen, acc, x op) { g.VSQRTPS(acc, acc) }), "", ""},
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
		}, "", ""})
	}
	hs = append(hs, handler{"Square", "acc *= acc", in(func(g *gen, acc, _ op) { g.VMULPS(acc, acc, acc) }), "", "Mul Alone"})
	return append(hs,
		// Past the caches: x is a multiple of 64.
		handler{"Stream", "$x = acc", in(func(g *gen, acc, x op) { g.VMOVNTPS(acc, x) }), "V", "Identity Stream"},
		handler{"StoreOne", "$x = acc[0]", in(func(g *gen, acc, x op) {
			if acc == g.accs()[0] {
				g.VMOVSS(acc.(reg.Vec).AsX(), x)
			}
		}), "O", "Identity StoreOne"},
		handler{"Fetch", "brings $x into the second cache", in(func(g *gen, _, x op) {
			if x.(operand.Mem).Disp%64 == 0 {
				g.PREFETCHT1(x)
			}
		}), "A", "Identity Fetch"},
		handler{"Gather", "$x += acc", in(func(g *gen, acc, x op) { g.VMOVUPS(g.add(acc, x), x) }), "V", "Add Gather"},
		handler{"Fold", "$x += acc", in(func(g *gen, acc, x op) { g.VMOVUPS(g.add(acc, x), x) }), "B", "ReduceSum Fold"})
}

// foldNear is Fold for a block of sums in registers, of which AVX-512 has enough.
var foldNear = handler{"FoldNear", "the sums in registers += acc", func(g *gen) func(acc, x op) op {
	j := 0
	return func(acc, _ op) op {
		g.VADDPS(acc, g.sums()[j], g.sums()[j])
		j++
		return acc
	}
}, "", ""}

func chains(g *gen) {
	g.begin("Chain", "code, ptrs unsafe.Pointer, blocks int", "runs a program of links on blocks of four vectors")
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"code", chainLink}, {"ptrs", chainPtrs}, {"blocks", chainEnd}} {
		g.MOVQ(g.param(p.name), p.to)
	}
	g.IMUL3Q(operand.I32(g.lanes*16), chainEnd, chainEnd)
	g.XORQ(chainAt, chainAt)
	for _, v := range g.sums() {
		g.VPXORD(v, v, v)
	}
	g.jump()

	g.numbers = nil
	number := func(name string, links ...string) {
		g.numbers = append(g.numbers, numbered{name, links})
	}
	number(g.chainNext())
	number(g.chainEnd())
	if g.wide {
		number(g.handler(foldNear, 0))
		number(g.chainTotal(g.sums()))
	} else {
		number("")
		number("")
	}
	number(g.chainTotal(nil), "ReduceSum, Total")
	for _, h := range handlers() {
		if h.kinds == "" {
			number(g.handler(h, 0), h.serves(0)...)
		}
		for _, kind := range h.kinds {
			number(g.handler(h, kind), h.serves(kind)...)
		}
	}

	if !g.wide { // one serves both
		g.begin("Fence", "", "lets others see the streaming stores before it")
		g.SFENCE()
		g.RET()
	}

	g.begin("ChainTable", "table unsafe.Pointer", "writes the addresses of the handlers by number")
	if len(g.numbers) > maxHandlers {
		log.Fatal("too many handlers")
	}
	table := g.param("table")
	for j, h := range g.numbers {
		if h.name == "" {
			continue
		}
		p := g.GP64()
		g.LEAQ(operand.Mem{Symbol: operand.Symbol{Name: "·" + h.name}, Base: reg.StaticBase}, p)
		g.MOVQ(p, operand.Mem{Base: table, Disp: 8 * j})
	}
	g.RET()
}

// A numbered handler has the links that the builder of chains takes it for. The first
// ones have none: the builder knows their numbers.
type numbered struct {
	name  string // empty: the instruction set has none
	links []string
}

// serves lists the links of a handler.
func (h handler) serves(kind rune) (links []string) {
	name, arg, _ := strings.Cut(h.links, " ")
	op := cmp.Or(name, h.name)
	plain := map[rune]string{'V': "Vector", 'S': "Scalar", 0: "Alone"}[kind]
	switch arg {
	case "":
		return []string{op + ", " + plain}
	case "First":
		return []string{op + ", " + plain + "First"}
	case "Both":
		return []string{op + ", " + plain, op + ", " + plain + "First"}
	}
	return []string{op + ", " + arg}
}

// chainNumbers is a map of the numbers of handlers by link.
func (g *gen) chainNumbers() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nvar chainHandlers = map[chainKey]int{\n")
	for i, h := range g.numbers {
		for _, l := range h.links {
			fmt.Fprintf(&b, "\t{compute.OpType%s}: %d,\n", l, i)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// chainNext writes the last link of a pass, whose operand is the size of the links
// before it in the pass.
func (g *gen) chainNext() string {
	g.begin("ChainNext", "", "ends a pass: starts it again for the next block, or goes on")
	g.Attributes(attr.NOSPLIT | attr.NOFRAME)
	end := g.label("end")
	g.ADDQ(operand.I32(g.lanes*16), chainAt)
	g.CMPQ(chainAt, chainEnd)
	g.JGE(operand.LabelRef(end))
	g.SUBQ(operand.Mem{Base: chainLink, Disp: 8}, chainLink)
	g.jump()
	g.Label(end)
	g.XORQ(chainAt, chainAt)
	g.next()
	return g.prefix + "ChainNext"
}

// chainEnd writes the last link of a program.
func (g *gen) chainEnd() string {
	g.begin("ChainEnd", "", "ends a program")
	g.Attributes(attr.NOSPLIT | attr.NOFRAME)
	g.VZEROUPPER()
	g.RET()
	return g.prefix + "ChainEnd"
}

// chainTotal writes the link that joins a block of sums as a reduction does, and
// empties it. The block is in registers or else in memory.
func (g *gen) chainTotal(sums []op) string {
	name, doc := "ChainTotal", "acc = the sum of x[0] to x[63], which become 0"
	if sums != nil {
		name, doc = "ChainTotalNear", "acc = the sum of the sums in registers, which become 0"
	}
	g.begin(name, "", doc)
	g.Attributes(attr.NOSPLIT | attr.NOFRAME)
	zero := g.inReg(0)
	var v []op
	for _, m := range sums {
		v = append(v, g.move(m))
		g.VMOVUPS(zero, m)
	}
	if sums == nil {
		p := g.chainOperand()
		for i := 0; i < sumBytes; i += 4 * g.lanes {
			m := operand.Mem{Base: p, Disp: i}
			v = append(v, g.move(m))
			g.VMOVUPS(zero, m)
		}
	}
	sum := g.joined(v, (*gen).VADDPS)
	for _, acc := range g.accs() {
		g.VBROADCASTSS(sum, acc)
	}
	g.next()
	return g.prefix + name
}

// next goes to the next link.
func (g *gen) next() {
	g.ADDQ(operand.I32(linkSize), chainLink)
	g.jump()
}

// jump goes to the handler of the link; the vectors live on there.
func (g *gen) jump() {
	to := g.GP64()
	g.MOVQ(operand.Mem{Base: chainLink}, to)
	in := []op{to, chainLink, chainPtrs, chainAt, chainEnd}
	g.Instruction(&ir.Instruction{Opcode: "JMP", Operands: []op{to}, Inputs: slices.Concat(in, g.accs(), g.sums()), IsTerminal: true})
}

// sums are the registers that hold a block of sums, if there are any.
func (g *gen) sums() []op {
	if g.wide {
		return []op{reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	}
	return nil
}

// accs are the registers that hold the block.
func (g *gen) accs() []op {
	if g.wide {
		return []op{reg.Z0, reg.Z1, reg.Z2, reg.Z3}
	}
	return []op{reg.Y0, reg.Y1, reg.Y2, reg.Y3}
}

// chainOperand is the pointer of the link's operand.
func (g *gen) chainOperand() reg.Register {
	p := g.GP64()
	g.MOVQ(operand.Mem{Base: chainLink, Disp: 8}, p)
	g.MOVQ(operand.Mem{Base: chainPtrs, Index: p, Scale: 8}, p)
	return p
}

// handler writes one and returns its name.
func (g *gen) handler(h handler, kind rune) string {
	name := "Chain" + h.name
	if kind == 'V' || kind == 'S' {
		name += string(kind)
	}
	g.begin(name, "", fill(h.doc, map[rune]string{'V': "x[i]", 'S': "x[0]", 'O': "x[0]", 'B': "x[i%64]", 'A': "x[i+ahead]", 0: ""}[kind], ""))
	g.Attributes(attr.NOSPLIT | attr.NOFRAME)
	if g.spare = 0; g.wide {
		g.spare = 14
	}
	f := h.setup(g)
	var x op
	at := operand.Mem{Scale: 1}
	switch kind {
	case 'V':
		at.Base, at.Index = g.chainOperand(), chainAt
	case 'S':
		x = bcastF32(g, operand.Mem{Base: g.chainOperand()})
	case 'O':
		at.Base = g.chainOperand()
	case 'B':
		at.Base = g.chainOperand()
		if 16*g.lanes < sumBytes {
			i := g.GP64()
			g.MOVQ(chainAt, i)
			g.ANDQ(operand.I32(sumBytes-1), i)
			at.Index = i
		}
	case 'A': // the operand's number is in the low 16 bits, the distance above
		p, i := g.GP64(), g.GP64()
		g.MOVQ(operand.Mem{Base: chainLink, Disp: 8}, i)
		g.MOVWQZX(i.As16(), p)
		g.SHRQ(operand.U8(16), i)
		g.ADDQ(chainAt, i)
		g.MOVQ(operand.Mem{Base: chainPtrs, Index: p, Scale: 8}, p)
		at.Base, at.Index = p, i
	}
	g.looping = true
	for j, acc := range g.accs() {
		if at.Base != nil {
			m := at
			m.Disp = 4 * g.lanes * j
			x = m
		}
		if v := f(acc, x); v != acc {
			g.VMOVUPS(v, acc)
		}
	}
	g.next()
	return g.prefix + name
}
