package main

import "github.com/mmcloughlin/avo/operand"

// others emits the arithmetic of float64 and int32.
func others(g *gen) {
	for _, b := range []struct {
		name, doc string
		f         func(g *gen, in []op) op
	}{
		{"Add", "$x + $y", func(g *gen, in []op) op { return g.bin(g.VADDPD)(in[0], in[1]) }},
		{"Sub", "$x - $y", func(g *gen, in []op) op { return g.bin(g.VSUBPD)(in[0], in[1]) }},
		{"Mul", "$x * $y", func(g *gen, in []op) op { return g.bin(g.VMULPD)(in[0], in[1]) }},
		{"Div", "$x / $y", func(g *gen, in []op) op { return g.bin(g.VDIVPD)(in[0], in[1]) }},
	} {
		modes(g, loop{name: "Float64" + b.name, doc: "dst[i] = " + b.doc, ins: []port{f64, f64}, out: f64, unroll: 4, wide8: true, setup: step(b.f)})
	}
	loop{name: "Float64Sqrt", doc: "dst[i] = sqrt(x[i])", ins: []port{f64}, names: "x", out: f64, unroll: 4, wide8: true,
		setup: step(func(g *gen, in []op) op { return g.un(g.VSQRTPD, in[0]) })}.emit(g)
	for _, b := range []struct {
		name, doc string
		f         func(g *gen, in []op) op
	}{
		{"Add", "$x + $y", func(g *gen, in []op) op { return g.addInt(in[0], in[1]) }},
		{"Sub", "$x - $y", func(g *gen, in []op) op { return g.subInt(in[0], in[1]) }},
		{"Mul", "$x * $y", func(g *gen, in []op) op { return g.bin(g.VPMULLD)(in[0], in[1]) }},
		{"Max", "max($x, $y)", func(g *gen, in []op) op { return g.bin(g.VPMAXSD)(in[0], in[1]) }},
		{"Min", "min($x, $y)", func(g *gen, in []op) op { return g.bin(g.VPMINSD)(in[0], in[1]) }},
	} {
		modes(g, loop{name: "Int32" + b.name, doc: "dst[i] = " + b.doc, ins: []port{f32, f32}, out: f32, unroll: 4, setup: step(b.f)})
	}
	for _, c := range []struct {
		name, doc string
		pred      uint8
	}{{"Equal", "$x == $y", 0}, {"LessThan", "$x < $y", 1}, {"LessOrEqual", "$x <= $y", 2}, {"NotEqual", "$x != $y", 4}} {
		modes(g, loop{name: "Int32" + c.name, doc: "dst[i] = " + c.doc, ins: []port{f32, f32}, out: boolean, unroll: 4,
			setup: func(g *gen) func(in []op) op {
				zero := g.inReg(0)
				return func(in []op) op { return g.cmpInt(c.pred, in[0], in[1], zero) }
			}})
	}
}

// cmpInt is the mask a PRED b, with the predicates of VPCMPD.
func (g *gen) cmpInt(pred uint8, a, b, zero op) op {
	if g.wide {
		k := g.K()
		g.VPCMPD(operand.U8(pred), b, a, k)
		return k
	}
	equal, greater := g.bin(g.VPCMPEQD), g.bin(g.VPCMPGTD)
	not := func(m op) op { return equal(m, zero) }
	switch pred {
	case 0:
		return equal(a, b)
	case 1:
		return greater(b, a)
	case 2:
		return not(greater(a, b))
	}
	return not(equal(a, b))
}
