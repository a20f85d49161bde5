package main

import (
	"math"
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func pow(g *gen) {
	modes(g, loop{name: "Pow", doc: "dst[i] = pow($x, $y)", ins: []port{f32, f32}, out: f32, unroll: 1, setup: powSetup})
}

// powSetup: |x| = 2^e * m, and |x|^y = 2^(y*(e + log2 m)) in float64. The sign and
// the special cases are those of IEEE 754.
func powSetup(g *gen) func(in []op) op {
	abs, sign, one, zero := g.bits(signBit-1), g.bits(signBit), g.num(1), g.inReg(0)
	huge, tiny := g.reg32(1e30), g.reg32(-1e30)
	half, nan, ninf, split := g.num(0.5), g.num(math.NaN()), g.num(math.Inf(-1)), g.splitEdges()
	return func(in []op) op {
		x, y := in[0], in[1]
		e, m := split(g.and(x, abs))
		// Inf is as good as 1e30, and its product with 0 is 0.
		r := g.powCore(e, m, g.max(tiny, g.min(huge, y)))
		h := g.mul(y, half)
		notEven := g.cmp(ne, h, g.round(h, even))
		r1 := g.blend(notEven, r, g.orSign(r, x, sign))
		r2 := g.blend(g.cmp(lt, x, zero), r, nan) // y is no integer
		r2 = g.blend(g.cmp(eq, x, ninf), r2, r)
		r = g.blend(g.cmp(eq, y, g.round(y, even)), r2, r1)
		r = g.blend(g.cmp(eq, y, zero), r, one)
		return g.blend(g.cmp(eq, x, one), r, one)
	}
}

// splitEdges is split for all x >= 0 and NaN: e is -Inf for 0, Inf for Inf, NaN for
// NaN.
func (g *gen) splitEdges() func(x op) (e, m op) {
	c := g.splitConsts()
	if g.wide {
		return func(x op) (e, m op) { return g.split(x, c) }
	}
	zero, least, inf := g.inReg(0), g.num(0x1p-126), g.num(math.Inf(1))
	up, by, ninf := g.num(0x1p23), g.num(23), g.num(math.Inf(-1))
	return func(x op) (op, op) {
		small := g.cmp(lt, x, least)
		e, m := g.split(g.blend(small, x, g.mul(x, up)), c)
		e = g.sub(e, g.and(small, by))
		e = g.blend(g.cmp(eq, x, zero), e, ninf)
		return g.blend(g.cmp(nlt, x, inf), e, x), m
	}
}

// powCore is 2^(y*(e + log2 m)) for vectors of float32, half of them at a time.
func (g *gen) powCore(e, m, y op) op {
	lo := g.powHalf(g.low(e), g.low(m), g.low(y))
	hi := g.powHalf(g.high(e), g.high(m), g.high(y))
	d := g.vec()
	if g.wide {
		g.VINSERTF64X4(operand.U8(1), hi, lo.(reg.Vec).AsZ(), d)
	} else {
		g.VINSERTF128(operand.U8(1), hi, lo.(reg.Vec).AsY(), d)
	}
	return d
}

// low and high are the halves of a vector, as float64.
func (g *gen) low(a op) op {
	if g.wide {
		return g.un(g.VCVTPS2PD, a.(reg.Vec).AsY())
	}
	return g.un(g.VCVTPS2PD, a.(reg.Vec).AsX())
}

func (g *gen) high(a op) op {
	d := g.halfVec()
	if g.wide {
		g.VEXTRACTF64X4(operand.U8(1), a, d)
	} else {
		g.VEXTRACTF128(operand.U8(1), a, d)
	}
	return g.un(g.VCVTPS2PD, d)
}

// narrow is a vector of float64 as float32, in half a register.
func (g *gen) narrow(a op) op {
	d := g.halfVec()
	if g.wide {
		g.VCVTPD2PS(a, d)
	} else {
		g.VCVTPD2PSY(a, d)
	}
	return d
}

// log2Poly is P of log2(1+f) = f*P(f), exp2Poly Q of 2^r = Q(r), highest power first.
var (
	log2Poly = reversed(target{
		f:      func(f float64) float64 { return math.Log1p(f) * math.Log2E },
		weight: func(f float64) float64 { return 1 / math.Max(1e-12, math.Abs(math.Log1p(f))) },
		lo:     -0.25, hi: 0.5, powers: from(1, 1, 13),
	}.lawson())
	exp2Poly = reversed(target{
		f:      math.Exp2,
		weight: func(r float64) float64 { return math.Exp2(-r) },
		lo:     -0.5, hi: 0.5, powers: from(0, 1, 7),
	}.lawson())
)

func reversed(c []float64) []float64 {
	slices.Reverse(c)
	return c
}

// powHalf is 2^(y*(e + log2 m)) as float32, from vectors of float64.
func (g *gen) powHalf(e, m, y op) op {
	bin := func(f func(...op), a, b op) op { return g.bin(f)(a, b) }
	horner := func(x op, cs []float64) op {
		p := g.vec()
		g.VMOVUPD(g.datum64(cs[0]), p)
		for _, c := range cs[1:] {
			g.VFMADD213PD(g.datum64(c), x, p)
		}
		return p
	}
	f := bin(g.VSUBPD, m, g.datum64(1))
	g.VFMADD231PD(horner(f, log2Poly), f, e)
	t := bin(g.VMULPD, y, e)
	most, least, magic := g.vec(), g.vec(), g.vec()
	g.VMOVUPD(g.datum64(200), most)
	g.VMOVUPD(g.datum64(-200), least)
	g.VMOVUPD(g.datum64(3<<51), magic)
	t = bin(g.VMAXPD, least, bin(g.VMINPD, most, t))
	s := bin(g.VADDPD, t, magic)
	k := bin(g.VSUBPD, s, magic)
	p := horner(bin(g.VSUBPD, t, k), exp2Poly)
	if g.wide {
		return g.narrow(bin(g.VSCALEFPD, p, k))
	}
	d := g.vec()
	g.VPSLLQ(operand.U8(52), s, d)
	return g.narrow(bin(g.VMULPD, p, bin(g.VPADDQ, d, g.datum64(1))))
}

// datum64 is the float64 x in each of 8 lanes.
func (g *gen) datum64(x float64) operand.Mem {
	m, ok := g.doubles[x]
	if !ok {
		m = g.constant("d", math.Float64bits(x), math.Float64bits(x), 8)
		g.doubles[x] = m
	}
	return m
}
