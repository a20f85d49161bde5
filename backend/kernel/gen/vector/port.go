package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The ports. Where a lane has 32 bits and an element fewer, a load widens it and a
// store narrows it.
var (
	f32 = port{size: 4, ownMask: true, load: loadF32, store: storeF32, bcast: bcastF32}
	u8  = port{size: 1, load: widen((*gen).pmovzxbd)}
	i8  = port{size: 1, load: widen((*gen).pmovsxbd)}
	u16 = port{size: 2, load: widen((*gen).pmovzxwd), store: storeU16}
	// boolean is a bool: a byte of 0 or 1 in memory, a mask in a register.
	boolean = port{size: 1, load: loadFlag, store: storeFlag, store4: storeFlags}
)

func loadF32(g *gen, m operand.Mem, k op) op {
	d := g.vec()
	switch {
	case k == nil:
		g.VMOVUPS(m, d)
	case g.wide:
		g.VMOVUPS_Z(m, k, d)
	default:
		g.VMASKMOVPS(m, k, d)
	}
	return d
}

func storeF32(g *gen, v op, m operand.Mem, k op) {
	switch {
	case k == nil:
		g.VMOVUPS(v, m)
	case g.wide:
		g.VMOVUPS(v, k, m)
	default:
		g.VMASKMOVPS(v, k, m)
	}
}

func bcastF32(g *gen, m operand.Mem) op {
	d := g.vec()
	g.VBROADCASTSS(m, d)
	return d
}

// widening is an instruction that loads small elements into lanes: plain and under
// a mask that zeroes.
type widening func(g *gen) (plain func(...op), masked func(m, k, d op))

func (g *gen) pmovzxbd() (func(...op), func(m, k, d op)) { return g.VPMOVZXBD, g.VPMOVZXBD_Z }
func (g *gen) pmovsxbd() (func(...op), func(m, k, d op)) { return g.VPMOVSXBD, g.VPMOVSXBD_Z }
func (g *gen) pmovzxwd() (func(...op), func(m, k, d op)) { return g.VPMOVZXWD, g.VPMOVZXWD_Z }

func widen(w widening) func(g *gen, m operand.Mem, k op) op {
	return func(g *gen, m operand.Mem, k op) op {
		d := g.vec()
		plain, masked := w(g)
		if k == nil {
			plain(m, d)
		} else {
			masked(m, k, d)
		}
		return d
	}
}

// storeU16 stores the low halves of lanes, which must be below 1<<16.
func storeU16(g *gen, v op, m operand.Mem, k op) {
	switch {
	case k != nil:
		g.VPMOVDW(v, k, m)
	case g.wide:
		g.VPMOVDW(v, m)
	default:
		lo, hi := v.(reg.Vec).AsX(), g.XMM()
		g.VEXTRACTI128(operand.U8(1), v, hi)
		g.VPACKUSDW(hi, lo, hi)
		g.VMOVDQU(hi, m)
	}
}

func loadFlag(g *gen, m operand.Mem, k op) op {
	if !g.wide {
		d, zero := g.YMM(), g.YMM()
		g.VPMOVZXBD(m, d)
		g.VPXOR(zero, zero, zero)
		g.VPCMPGTD(zero, d, d)
		return d
	}
	d, mask := g.XMM(), g.K()
	if k == nil {
		g.VMOVDQU(m, d)
	} else {
		g.VMOVDQU8_Z(m, k, d)
	}
	g.VPTESTMB(d, d, mask)
	return mask
}

// flagOnes is the byte 1 in each byte of a vector.
const flagOnes = 0x01010101

func storeFlag(g *gen, v op, m operand.Mem, k op) {
	if !g.wide {
		lo, hi := v.(reg.Vec).AsX(), g.XMM()
		g.VEXTRACTI128(operand.U8(1), v, hi)
		g.VPACKSSDW(hi, lo, hi)
		g.VPACKSSWB(hi, hi, hi)
		g.VPAND(g.datum(flagOnes), hi, hi)
		g.VMOVQ(hi, m)
		return
	}
	d := g.XMM()
	g.VPMOVM2B(v, d)
	g.VPABSB(d, d)
	if k == nil {
		g.VMOVDQU(d, m)
	} else {
		g.VMOVDQU8(d, k, m)
	}
}

// storeFlags stores the masks of four vectors.
func storeFlags(g *gen, v []op, m operand.Mem) {
	if g.wide {
		a, b, d := g.K(), g.K(), g.ZMM()
		g.KUNPCKWD(v[0], v[1], a)
		g.KUNPCKWD(v[2], v[3], b)
		g.KUNPCKDQ(a, b, a)
		g.VPMOVM2B(a, d)
		g.VPABSB(d, d)
		g.VMOVUPS(d, m)
		return
	}
	a, b, order := g.YMM(), g.YMM(), g.YMM()
	g.VMOVUPS(g.order(), order)
	g.VPACKSSDW(v[1], v[0], a)
	g.VPACKSSDW(v[3], v[2], b)
	g.VPACKSSWB(b, a, a)
	g.VPERMD(a, order, a)
	g.VPAND(g.datum(flagOnes), a, a)
	g.VMOVDQU(a, m)
}

// order is the index that undoes the interleaving of the two halves of a vector by
// packing four vectors of lanes into one of bytes.
func (g *gen) order() operand.Mem {
	if g.unpack.Symbol.Name == "" {
		g.unpack = g.StaticGlobal("unpack")
		g.DataAttributes(constant)
		for _, i := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
			g.AppendDatum(operand.U32(i))
		}
	}
	return g.unpack
}
