package main

import (
	"fmt"
	"go/types"
	"log"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An op is a vector or mask register, or a constant in memory.
type op = operand.Op

// A gen writes functions for one instruction set. Its methods emit one operation
// on whole vectors of 32-bit lanes each; "wide" is AVX-512 (16 lanes, masks in mask
// registers), else AVX2 (8 lanes, masks in vectors of all ones and all zeros).
type gen struct {
	*build.Context
	prefix  string
	wide    bool
	lanes   int
	spare   int           // registers left for constants in the function being written
	regs    map[uint32]op // its constants in registers
	labels  int
	looping bool
	consts  map[uint32]operand.Mem
	doubles map[float64]operand.Mem
	numbers []numbered  // handlers of chains, by number
	masks   operand.Mem // see tailMasks
	unpack  operand.Mem // see order
}

// scope is where the types of signatures are looked up.
var scope = func() *types.Package {
	p := types.NewPackage("kernel", "kernel")
	p.Scope().Insert(types.NewPkgName(0, p, "unsafe", types.Unsafe))
	return p
}()

const constant = attr.RODATA | attr.NOPTR

// newGen is for AVX2; widen makes it one for AVX-512.
func newGen(c *build.Context) *gen {
	return &gen{Context: c, prefix: "avx2", lanes: 8, consts: map[uint32]operand.Mem{}, doubles: map[float64]operand.Mem{}}
}

func (g *gen) widen() { g.prefix, g.lanes, g.wide = "avx512", 16, true }

// begin starts a function; its parameters follow as in args.
func (g *gen) begin(name, args, doc string) {
	g.Function(g.prefix + name)
	g.Attributes(attr.NOSPLIT)
	sig, err := gotypes.ParseSignatureInPackage(scope, "func("+args+")")
	if err != nil {
		log.Fatal(name, err)
	}
	g.Signature(sig)
	g.Doc(g.prefix + name + " " + doc)
	g.Pragma("noescape")
	g.labels, g.spare, g.regs, g.looping = 0, 6, map[uint32]op{}, false
	if g.wide {
		g.spare = 32
	}
}

func (g *gen) param(name string) reg.Register {
	p, err := g.Param(name).Resolve()
	if err != nil {
		log.Fatal(err)
	}
	r := g.GP64()
	g.MOVQ(p.Addr, r)
	return r
}

func (g *gen) label(s string) string {
	g.labels++
	return fmt.Sprintf("%s%d", s, g.labels)
}

func (g *gen) vec() reg.VecVirtual {
	if g.wide {
		return g.ZMM()
	}
	return g.YMM()
}

// datum is the constant of the bits b in each of 16 lanes.
func (g *gen) datum(b uint32) operand.Mem {
	m, ok := g.consts[b]
	if !ok {
		m = g.constant("c", uint64(b), uint64(b)<<32|uint64(b), 8)
		g.consts[b] = m
	}
	return m
}

// constant is n times the word, named by a letter and a number.
func (g *gen) constant(letter string, name, word uint64, n int) operand.Mem {
	m := g.StaticGlobal(fmt.Sprintf("%s%x", letter, name))
	g.DataAttributes(constant)
	for range n {
		g.AppendDatum(operand.U64(word))
	}
	return m
}

// bits is the constant of the bits b in all lanes: a register while there are any
// to spare, else memory.
func (g *gen) bits(b uint32) op {
	if g.spare <= 0 && g.regs[b] == nil {
		return g.datum(b)
	}
	return g.inReg(b)
}

// inReg is the constant in a register, which nothing may overwrite.
func (g *gen) inReg(b uint32) op {
	if g.regs[b] != nil {
		return g.regs[b]
	}
	if g.looping {
		log.Fatalf("constant %#x is first used within a loop", b)
	}
	g.spare--
	v := g.vec()
	g.regs[b] = v
	if b == 0 {
		if g.wide {
			g.VPXORD(v, v, v)
		} else {
			g.VPXOR(v, v, v)
		}
		return v
	}
	g.VBROADCASTSS(g.datum(b), v)
	return v
}

// num is the constant x; reg32 is one that must be in a register.
func (g *gen) num(x float64) op   { return g.bits(math.Float32bits(float32(x))) }
func (g *gen) reg32(x float64) op { return g.inReg(math.Float32bits(float32(x))) }

// nums are constants in the order given.
func (g *gen) nums(xs ...float32) (ops []op) {
	for _, x := range xs {
		ops = append(ops, g.num(float64(x)))
	}
	return ops
}

// bin makes a function of an instruction d = a OP b; b may be memory.
func (g *gen) bin(f func(...op)) func(a, b op) op {
	return func(a, b op) op {
		d := g.vec()
		f(b, a, d)
		return d
	}
}

func (g *gen) add(a, b op) op { return g.bin(g.VADDPS)(a, b) }
func (g *gen) sub(a, b op) op { return g.bin(g.VSUBPS)(a, b) }
func (g *gen) mul(a, b op) op { return g.bin(g.VMULPS)(a, b) }
func (g *gen) div(a, b op) op { return g.bin(g.VDIVPS)(a, b) }

// max and min return b where either is NaN.
func (g *gen) max(a, b op) op { return g.bin(g.VMAXPS)(a, b) }
func (g *gen) min(a, b op) op { return g.bin(g.VMINPS)(a, b) }

func (g *gen) addInt(a, b op) op { return g.bin(g.VPADDD)(a, b) }
func (g *gen) subInt(a, b op) op { return g.bin(g.VPSUBD)(a, b) }

func (g *gen) and(a, b op) op {
	if g.wide {
		return g.bin(g.VPANDD)(a, b)
	}
	return g.bin(v3(g.VPAND))(a, b)
}

func (g *gen) or(a, b op) op {
	if g.wide {
		return g.bin(g.VPORD)(a, b)
	}
	return g.bin(v3(g.VPOR))(a, b)
}

func (g *gen) xor(a, b op) op {
	if g.wide {
		return g.bin(g.VPXORD)(a, b)
	}
	return g.bin(v3(g.VPXOR))(a, b)
}

func v3(f func(a, b, c op)) func(...op) { return func(o ...op) { f(o[0], o[1], o[2]) } }

func (g *gen) shl(a op, n uint8) op { d := g.vec(); g.VPSLLD(operand.U8(n), a, d); return d }
func (g *gen) shr(a op, n uint8) op { d := g.vec(); g.VPSRLD(operand.U8(n), a, d); return d }
func (g *gen) sra(a op, n uint8) op { d := g.vec(); g.VPSRAD(operand.U8(n), a, d); return d }

// orSign is |a| with the sign of s, for a >= 0: it sets the sign bit only.
func (g *gen) orSign(a, s, signbit op) op {
	if !g.wide {
		return g.or(a, g.and(s, signbit))
	}
	d := g.move(a)
	g.VPTERNLOGD(operand.U8(0xf8), signbit, s, d) // d | s&signbit
	return d
}

func (g *gen) move(a op) op {
	d := g.vec()
	g.VMOVUPS(a, d)
	return d
}

// fma is a*b + c in a new register; c is a register.
func (g *gen) fma(a, b, c op) op {
	d := g.move(c)
	g.VFMADD231PS(b, a, d)
	return d
}

// nfma is c - a*b in a new register; c is a register.
func (g *gen) nfma(a, b, c op) op {
	d := g.move(c)
	g.VFNMADD231PS(b, a, d)
	return d
}

// horner is the polynomial of x with the coefficients cs, the highest power first.
func (g *gen) horner(x op, cs []op) op {
	p := g.move(cs[0])
	for _, c := range cs[1:] {
		g.VFMADD213PS(c, x, p)
	}
	return p
}

func (g *gen) sqrt(a op) op { d := g.vec(); g.VSQRTPS(a, d); return d }

// Ways to round of VROUNDPS and VRNDSCALEPS, without the inexact exception.
const (
	even = 8 + iota
	down
	up
)

func (g *gen) round(a op, way uint8) op {
	d := g.vec()
	if g.wide {
		g.VRNDSCALEPS(operand.U8(way), a, d)
	} else {
		g.VROUNDPS(operand.U8(way), a, d)
	}
	return d
}

// Predicates of VCMPPS. All but ne and unordered are false for NaN.
const (
	eq        = 0x00
	unordered = 0x03
	ne        = 0x04 // true for NaN
	lt        = 0x11
	le        = 0x12
	neOrd     = 0x0c // false for NaN
	ge        = 0x1d
	gt        = 0x1e
	nlt       = 0x15 // true for NaN
)

// cmp is the mask a PRED b.
func (g *gen) cmp(pred uint8, a, b op) op {
	if g.wide {
		k := g.K()
		g.VCMPPS(operand.U8(pred), b, a, k)
		return k
	}
	d := g.vec()
	g.VCMPPS(operand.U8(pred), b, a, d)
	return d
}

// blend is t where mask m is set, else f; f is a register.
func (g *gen) blend(m, f, t op) op {
	d := g.vec()
	if g.wide {
		g.VBLENDMPS(t, f, m, d)
	} else {
		g.VBLENDVPS(m, t, f, d)
	}
	return d
}

// jumpIfAny goes to the label where a lane of the mask is set.
func (g *gen) jumpIfAny(m op, label string) {
	if g.wide {
		g.KORTESTW(m, m)
	} else {
		r := g.GP32()
		g.VMOVMSKPS(m, r)
		g.TESTL(r, r)
	}
	g.JNZ(operand.LabelRef(label))
}

// un is an instruction d = f(a) on equally many lanes of 32 bits.
func (g *gen) un(f func(...op), a op) op { d := g.vec(); f(a, d); return d }
