package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Ports whose elements are not 32 bits wide and change on their way.
var (
	f16  = port{size: 2, load: widen((*gen).cvtph2ps), store: storeF16}
	f64  = port{size: 8, load: loadF64, store: storeF64, bcast: bcastF64}
	half = port{size: 4, load: loadHalf, store: storeHalf} // f32 in loops of 8-byte lanes
)

func (g *gen) cvtph2ps() (func(...op), func(m, k, d op)) { return g.VCVTPH2PS, g.VCVTPH2PS_Z }

func storeF16(g *gen, v op, m operand.Mem, k op) {
	if k == nil {
		g.VCVTPS2PH(operand.U8(0), v, m)
	} else {
		g.VCVTPS2PH(operand.U8(0), v, k, m)
	}
}

func loadF64(g *gen, m operand.Mem, k op) op {
	d := g.vec()
	if k == nil {
		g.VMOVUPD(m, d)
	} else {
		g.VMOVUPD_Z(m, k, d)
	}
	return d
}

func storeF64(g *gen, v op, m operand.Mem, k op) {
	if k == nil {
		g.VMOVUPD(v, m)
	} else {
		g.VMOVUPD(v, k, m)
	}
}

func bcastF64(g *gen, m operand.Mem) op {
	d := g.vec()
	g.VBROADCASTSD(m, d)
	return d
}

// halfVec is a register of half the width.
func (g *gen) halfVec() reg.VecVirtual {
	if g.wide {
		return g.YMM()
	}
	return g.XMM()
}

func loadHalf(g *gen, m operand.Mem, k op) op {
	d := g.halfVec()
	if k == nil {
		g.VMOVUPS(m, d)
	} else {
		g.VMOVUPS_Z(m, k, d)
	}
	return d
}

func storeHalf(g *gen, v op, m operand.Mem, k op) {
	if k == nil {
		g.VMOVUPS(v, m)
	} else {
		g.VMOVUPS(v, k, m)
	}
}

func same(g *gen, in []op) op { return in[0] }

func conversions(g *gen) {
	for _, c := range []struct {
		name, doc string
		in, out   port
		setup     setup
	}{
		{"Float32ToBFloat16", "bf16(x[i]), to nearest even, NaN quiet", f32, u16, toBF16},
		{"BFloat16ToFloat32", "f32(x[i])", u16, f32, step(func(g *gen, in []op) op { return g.shl(in[0], 16) })},
		{"Float32ToFloat16", "f16(x[i]), to nearest even", f32, f16, step(same)},
		{"Float16ToFloat32", "f32(x[i])", f16, f32, step(same)},
		{"Float32ToInt32", "int32(x[i]), toward 0, saturated, 0 for NaN", f32, f32, toInt},
		{"Int32ToFloat32", "f32(x[i])", f32, f32, step(toFloat)},
		{"Uint8ToFloat32", "f32(x[i])", u8, f32, step(toFloat)},
		{"Int8ToFloat32", "f32(x[i])", i8, f32, step(toFloat)},
		{"Uint8ToInt32", "int32(x[i])", u8, f32, step(same)},
		{"Int8ToInt32", "int32(x[i])", i8, f32, step(same)},
		{"Float32ToBool", "x[i] != 0", f32, boolean, func(g *gen) func([]op) op {
			zero := g.inReg(0)
			return func(in []op) op { return g.cmp(ne, in[0], zero) }
		}},
	} {
		loop{name: c.name, doc: "dst[i] = " + c.doc, ins: []port{c.in}, names: "x", out: c.out, unroll: 4, setup: c.setup}.emit(g)
	}
	loop{name: "Float32ToFloat64", doc: "dst[i] = f64(x[i])", ins: []port{half}, names: "x", out: f64, unroll: 4, wide8: true,
		setup: step(func(g *gen, in []op) op { return g.un(g.VCVTPS2PD, in[0]) })}.emit(g)
	loop{name: "Float64ToFloat32", doc: "dst[i] = f32(x[i])", ins: []port{f64}, names: "x", out: half, unroll: 4, wide8: true,
		setup: step(func(g *gen, in []op) op { return g.narrow(in[0]) })}.emit(g)
}

func toFloat(g *gen, in []op) op { return g.un(g.VCVTDQ2PS, in[0]) }

// toBF16 adds half of the last place, less one where the result is even.
func toBF16(g *gen) func(in []op) op {
	one, most, quiet := g.bits(1), g.bits(0x7fff), g.bits(0x40)
	return func(in []op) op {
		x, top := in[0], g.shr(in[0], 16)
		r := g.addInt(g.addInt(g.and(top, one), most), x)
		return g.blend(g.cmp(unordered, x, x), g.shr(r, 16), g.or(top, quiet))
	}
}

func toInt(g *gen) func(in []op) op {
	limit, top, zero := g.num(1<<31), g.bits(1<<31-1), g.inReg(0)
	return func(in []op) op {
		v := g.blend(g.cmp(ge, in[0], limit), g.un(g.VCVTTPS2DQ, in[0]), top)
		return g.blend(g.cmp(unordered, in[0], in[0]), v, zero)
	}
}
