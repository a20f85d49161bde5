package main

import "github.com/mmcloughlin/avo/operand"

const signBit = 1 << 31

// step makes a setup of a body that has no constants.
func step(f func(g *gen, in []op) op) func(*gen) func([]op) op {
	return func(g *gen) func([]op) op {
		return func(in []op) op { return f(g, in) }
	}
}

// modes emits a loop of two operands for two vectors (VV), for a vector and one
// element (VS), and for one element and a vector (SV).
func modes(g *gen, l loop) {
	name, doc := l.name, l.doc
	for _, m := range []struct{ name, one, x, y string }{{"VV", "", "x[i]", "y[i]"}, {"VS", "y", "x[i]", "y[0]"}, {"SV", "x", "x[0]", "y[i]"}} {
		l.name, l.one, l.names = name+m.name, m.one, "xy"
		l.doc = fill(doc, m.x, m.y)
		l.emit(g)
	}
}

func binaries(g *gen) {
	for _, b := range []struct {
		name, doc string
		f         func(g *gen, in []op) op
	}{
		{"Add", "dst[i] = $x + $y", func(g *gen, in []op) op { return g.add(in[0], in[1]) }},
		{"Sub", "dst[i] = $x - $y", func(g *gen, in []op) op { return g.sub(in[0], in[1]) }},
		{"Mul", "dst[i] = $x * $y", func(g *gen, in []op) op { return g.mul(in[0], in[1]) }},
		{"Div", "dst[i] = $x / $y", func(g *gen, in []op) op { return g.div(in[0], in[1]) }},
		{"Max", "dst[i] = max($x, $y)", func(g *gen, in []op) op { return g.extreme(in[0], in[1], true) }},
		{"Min", "dst[i] = min($x, $y)", func(g *gen, in []op) op { return g.extreme(in[0], in[1], false) }},
	} {
		modes(g, loop{name: b.name, doc: b.doc, ins: []port{f32, f32}, out: f32, unroll: 4, setup: step(b.f)})
	}
	for _, c := range []struct {
		name, doc string
		pred      uint8
	}{
		{"Equal", "$x == $y", eq}, {"NotEqual", "$x != $y", ne}, {"LessThan", "$x < $y", lt},
		{"LessOrEqual", "$x <= $y", le}, {"GreaterThan", "$x > $y", gt}, {"GreaterOrEqual", "$x >= $y", ge},
	} {
		modes(g, loop{name: c.name, doc: "dst[i] = " + c.doc, ins: []port{f32, f32}, out: boolean, unroll: 4,
			setup: step(func(g *gen, in []op) op { return g.cmp(c.pred, in[0], in[1]) })})
	}
}

// extreme is the greater (or lesser) of a and b: NaN where either is NaN, and +0 is
// greater than -0.
func (g *gen) extreme(a, b op, greater bool) op {
	if g.wide {
		how := 0b0100 // the lesser, with its own sign
		if greater {
			how = 0b0101
		}
		d, k := g.vec(), g.cmp(unordered, a, b)
		g.VRANGEPS(operand.U8(how), b, a, d) // of a number and NaN, the number
		g.VADDPS(b, a, k, d)
		return d
	}
	nan := g.cmp(unordered, a, b)
	if greater { // both orders differ for zeros of unlike signs (and NaN) only
		return g.or(g.and(g.max(a, b), g.max(b, a)), nan)
	}
	return g.or(g.or(g.min(a, b), g.min(b, a)), nan)
}

func unaries(g *gen) {
	for _, u := range []struct {
		name, doc string
		setup     func(g *gen) func([]op) op
	}{
		{"Abs", "|x[i]|", absSetup},
		{"Neg", "-x[i]", negSetup},
		{"Sqrt", "sqrt(x[i])", step(func(g *gen, in []op) op { return g.sqrt(in[0]) })},
		{"Rsqrt", "1 / sqrt(x[i])", rsqrtSetup},
		{"Floor", "floor(x[i])", step(func(g *gen, in []op) op { return g.round(in[0], down) })},
		{"Ceil", "ceil(x[i])", step(func(g *gen, in []op) op { return g.round(in[0], up) })},
		{"Round", "x[i] rounded to the nearest integer, halves to even",
			step(func(g *gen, in []op) op { return g.round(in[0], even) })},
		{"Sign", "x[i] < 0 ? -1 : x[i] > 0 ? 1 : x[i]", func(g *gen) func([]op) op {
			sign, one, zero := g.bits(signBit), g.bits(0x3f800000), g.inReg(0)
			return func(in []op) op {
				return g.blend(g.cmp(neOrd, in[0], zero), in[0], g.or(g.and(in[0], sign), one))
			}
		}},
	} {
		loop{name: u.name, doc: "dst[i] = " + u.doc, ins: []port{f32}, names: "x", out: f32, unroll: 4, setup: u.setup}.emit(g)
	}
	loop{name: "IsNaN", doc: "dst[i] = x[i] != x[i]", ins: []port{f32}, names: "x", out: boolean, unroll: 4,
		setup: step(func(g *gen, in []op) op { return g.cmp(unordered, in[0], in[0]) })}.emit(g)
	loop{name: "IsFinite", doc: "dst[i] = |x[i]| < Inf", ins: []port{f32}, names: "x", out: boolean, unroll: 4,
		setup: func(g *gen) func([]op) op {
			m, inf := g.bits(signBit-1), g.bits(0x7f800000)
			return func(in []op) op { return g.cmp(lt, g.and(in[0], m), inf) }
		}}.emit(g)
}

func absSetup(g *gen) func(in []op) op {
	m := g.bits(signBit - 1)
	return func(in []op) op { return g.and(in[0], m) }
}

func negSetup(g *gen) func(in []op) op {
	m := g.bits(signBit)
	return func(in []op) op { return g.xor(in[0], m) }
}

func rsqrtSetup(g *gen) func(in []op) op {
	one := g.reg32(1)
	return func(in []op) op { return g.div(one, g.sqrt(in[0])) }
}

// ternaries emits Select and MulAdd; in their names the letters say whether the
// second and the third operand is a vector or one element.
func ternaries(g *gen) {
	for _, m := range []struct{ name, one, y, z string }{
		{"VV", "", "y[i]", "z[i]"}, {"VS", "z", "y[i]", "z[0]"}, {"SV", "y", "y[0]", "z[i]"}, {"SS", "yz", "y[0]", "z[0]"},
	} {
		loop{name: "Select" + m.name, doc: fill("dst[i] = x[i] ? $x : $y, x being bool", m.y, m.z),
			ins: []port{boolean, f32, f32}, names: "xyz", one: m.one, out: f32, unroll: 4,
			setup: step(func(g *gen, in []op) op { return g.blend(in[0], in[2], in[1]) })}.emit(g)
		loop{name: "MulAdd" + m.name, doc: fill("dst[i] = x[i]*$x + $y, rounded once", m.y, m.z),
			ins: []port{f32, f32, f32}, names: "xyz", one: m.one, out: f32, unroll: 4,
			setup: step(func(g *gen, in []op) op { return g.fma(in[0], in[1], in[2]) })}.emit(g)
	}
}
