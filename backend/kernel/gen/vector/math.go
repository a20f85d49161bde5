package main

import (
	"math"
	"slices"

	"github.com/mmcloughlin/avo/operand"
)

// A setup emits constants and returns a body.
type setup = func(g *gen) func(in []op) op

func maths(g *gen) {
	for _, f := range []struct {
		name, doc string
		setup     setup
	}{
		{"Exp", "exp(x[i])", expSetup},
		{"Expm1", "exp(x[i]) - 1", expm1Setup},
		{"Tanh", "tanh(x[i])", tanhSetup},
		{"Logistic", "1 / (1 + exp(-x[i]))", logisticSetup},
		{"Erf", "erf(x[i])", erfSetup},
		{"Log", "log(x[i])", logSetup},
		{"Log1p", "log(1 + x[i])", log1pSetup},
	} {
		loop{name: f.name, doc: "dst[i] = " + f.doc, ins: []port{f32}, names: "x", out: f32, unroll: 1, setup: f.setup}.emit(g)
	}
	for _, f := range []struct {
		name  string
		setup setup
	}{{"Sin", trigSetup(false)}, {"Cos", trigSetup(true)}} {
		loop{name: f.name, doc: "dst[i] = " + f.name + " of x[i]; it stops before the vector where an |x[i]| is above 1e5",
			ins: []port{f32}, names: "x", out: f32, unroll: 1, setup: f.setup, stop: beyond(trigLimit)}.emit(g)
	}
}

// coefs are the fitted coefficients as constants, the highest power first.
func (g *gen) coefs(t target) []op {
	c := t.fit()
	slices.Reverse(c)
	return g.nums(c...)
}

// magic is 1.5 * 2^23: added to a float32 below 2^22 it leaves the nearest integer
// in the low bits.
const magic = 3 << 22

// ln2 in two parts, the upper with 15 bits so that k*ln2Hi is exact for |k| < 512,
// and both positive: then nothing makes -0 of +0.
const (
	ln2Hi = 0.693145751953125
	ln2Lo = math.Ln2 - ln2Hi
)

// A scale is the integer k nearest to some x, as a float and in the low bits of t.
type scale struct{ t, k op }

// nearest splits x*by (by may be nil: 1) into k; m is magic in a register.
func (g *gen) nearest(x, by, m op) scale {
	t := m
	if by != nil {
		t = g.fma(x, by, m)
	} else {
		t = g.add(m, x)
	}
	return scale{t, g.sub(t, m)}
}

// pow2 is 2^k for normal results; one is 1.
func (g *gen) pow2(s scale, one op) op {
	if g.wide {
		return g.bin(g.VSCALEFPS)(one, s.k)
	}
	return g.addInt(g.shl(s.t, 23), one) // what is above the low 9 bits of t falls off
}

// ldexp is p * 2^k with one rounding, also where that is denormal or infinite.
func (g *gen) ldexp(p op, s scale, one, magic op) op {
	if g.wide {
		return g.bin(g.VSCALEFPS)(p, s.k)
	}
	k := g.subInt(s.t, magic)
	half := g.sra(k, 1)
	rest := g.subInt(k, half)
	p = g.mul(p, g.addInt(g.shl(half, 23), one))
	return g.mul(p, g.addInt(g.shl(rest, 23), one))
}

// expCore returns exp for arguments in [-104, 89] and NaN: x = k*ln2 + r and
// exp(x) = 2^k * (1 + r + r^2*q(r)).
func expCore(g *gen) func(x op) op {
	log2e, m, hi, lo := g.num(math.Log2E), g.reg32(magic), g.num(ln2Hi), g.num(ln2Lo)
	q := g.coefs(target{
		f:      func(r float64) float64 { return math.Expm1(r) - r },
		weight: func(r float64) float64 { return math.Exp(-r) },
		lo:     -0.35, hi: 0.35, powers: from(2, 1, 5),
	})
	one := g.num(1)
	return func(x op) op {
		s := g.nearest(x, log2e, m)
		r := g.nfma(s.k, hi, x)
		r = g.nfma(s.k, lo, r)
		return g.ldexp(g.horner(r, append(q, one, one)), s, one, m)
	}
}

func expSetup(g *gen) func(in []op) op {
	top, bottom := g.reg32(89), g.reg32(-104)
	exp := expCore(g)
	return func(in []op) op { return exp(g.max(bottom, g.min(top, in[0]))) }
}

// expm1Poly is q of expm1(r) = r + r^2*q(r).
func expm1Poly(g *gen) []op {
	return g.coefs(target{
		f:      func(r float64) float64 { return math.Expm1(r) - r },
		weight: func(r float64) float64 { return 1 / math.Max(math.Abs(r), 1e-9) },
		lo:     -0.35, hi: 0.35, powers: from(2, 1, 5),
	})
}

// expm1: with x = k*ln2 + r, exp(x) - 1 = 2 * (2^(k-1)*expm1(r) + (2^(k-1) - 1/2)); half
// of it so that k may be 128.
func expm1Setup(g *gen) func(in []op) op {
	top, bottom, m := g.reg32(89), g.reg32(-20), g.reg32(magic)
	half := g.reg32(0.5)
	log2e, hi, lo := g.num(math.Log2E), g.num(ln2Hi), g.num(ln2Lo)
	tiny, abs := g.num(1.0/(1<<24)), g.bits(signBit-1)
	q := expm1Poly(g)
	return func(in []op) op {
		x := g.max(bottom, g.min(top, in[0]))
		s := g.nearest(x, log2e, m)
		r := g.nfma(s.k, hi, x)
		r = g.nfma(s.k, lo, r)
		e := g.fma(g.mul(r, r), g.horner(r, q), r)
		p := g.pow2(s, half)
		e = g.fma(p, e, g.sub(p, half))
		e = g.add(e, e)
		return g.blend(g.cmp(lt, g.and(in[0], abs), tiny), e, in[0]) // also -0 and denormals
	}
}

// tanh: with 2|x| = k*ln2 + 2r and h = expm1(2|x|)/2 = 2^k*(r + r^2*q(r)) + (2^k - 1)/2,
// tanh|x| = h / (h + 1).
func tanhSetup(g *gen) func(in []op) op {
	top, m, one := g.reg32(10), g.reg32(magic), g.num(1)
	neg := g.reg32(-0.5)
	by, half, ln2 := g.num(2*math.Log2E), g.num(0.5), g.num(math.Ln2/2)
	abs, sign := g.bits(signBit-1), g.bits(signBit)
	q := g.coefs(target{
		f:      func(r float64) float64 { return math.Expm1(2*r)/2 - r },
		weight: func(r float64) float64 { return 1 / math.Max(math.Abs(r), 1e-9) },
		lo:     -0.175, hi: 0.175, powers: from(2, 1, 5),
	})
	return func(in []op) op {
		x := g.min(top, g.and(in[0], abs))
		s := g.nearest(x, by, m)
		r := g.nfma(s.k, ln2, x)
		e := g.fma(g.mul(r, r), g.horner(r, q), r)
		p := g.pow2(s, one)
		h := g.fma(p, e, g.fma(p, half, neg))
		return g.orSign(g.div(h, g.add(h, one)), in[0], sign)
	}
}

// logistic: with e = exp(-|x|), 1/(1+e) or, for x < 0, e/(1+e).
func logisticSetup(g *gen) func(in []op) op {
	bottom, one, zero, sign := g.reg32(-104), g.reg32(1), g.inReg(0), g.bits(signBit)
	exp := expCore(g)
	return func(in []op) op {
		e := exp(g.max(bottom, g.or(in[0], sign)))
		return g.div(g.blend(g.cmp(lt, in[0], zero), one, e), g.add(e, one))
	}
}

// erf: x + x*P(x^2) for |x| < 7/8, above 1 - 2^L(|x|) with L = log2(erfc) and
// 2^L = 2^k * E(L - k).
func erfSetup(g *gen) func(in []op) op {
	const border = 0.875
	top, m, one := g.reg32(4), g.reg32(magic), g.reg32(1)
	abs, sign, mid := g.bits(signBit-1), g.bits(signBit), g.num(border)
	small := g.coefs(target{
		f:      func(x float64) float64 { return math.Erf(x) - x },
		weight: func(x float64) float64 { return 1 / math.Erf(x) },
		lo:     1e-3, hi: border, powers: from(1, 2, 6),
	})
	large := g.coefs(target{
		f:      func(x float64) float64 { return math.Log2(math.Erfc(x)) },
		weight: func(x float64) float64 { return math.Erfc(x) * math.Ln2 / math.Erf(x) },
		lo:     border, hi: 4, powers: from(0, 1, 7),
	})
	pow := append(g.coefs(target{
		f:      func(x float64) float64 { return math.Exp2(x) - 1 },
		weight: func(x float64) float64 { return math.Exp2(-x) },
		lo:     -0.5, hi: 0.5, powers: from(1, 1, 5),
	}), one)
	return func(in []op) op {
		x := g.min(top, g.and(in[0], abs))
		near := g.fma(g.horner(g.mul(x, x), small), x, x)
		l := g.horner(x, large)
		s := g.nearest(l, nil, m)
		far := g.nfma(g.horner(g.sub(l, s.k), pow), g.pow2(s, one), one)
		return g.orSign(g.blend(g.cmp(lt, x, mid), far, near), in[0], sign)
	}
}

// logPoly is P of log(1+f) = f - f^2/2 + f^3*P(f) for 1+f in [3/4, 3/2).
func logPoly(g *gen) []op {
	return g.coefs(target{
		f:      func(f float64) float64 { return math.Log1p(f) - f + f*f/2 },
		weight: func(f float64) float64 { return 1 / math.Max(1e-9, math.Abs(math.Log1p(f))) },
		lo:     -0.25, hi: 0.5, powers: from(3, 1, 8),
	})
}

// logSum returns e*ln2 + log(1+f).
func logSum(g *gen) func(e, f op) op {
	minus, hi, lo := g.num(-0.5), g.num(ln2Hi), g.num(ln2Lo)
	p := logPoly(g)
	return func(e, f op) op {
		t := g.mul(f, f)
		y := g.mul(g.mul(f, t), g.horner(f, p))
		y = g.fma(e, lo, y)
		y = g.add(f, g.fma(t, minus, y))
		return g.fma(e, hi, y)
	}
}

// split is x = 2^e * m with m in [3/4, 3/2). Wide: of 0 e is -Inf and m 1, of +Inf
// e is +Inf and m 1, and of a negative x m is NaN. AVX2: x must be normal, positive
// and finite.
func (g *gen) split(x op, c splitConsts) (e, m op) {
	if g.wide {
		m = g.vec()
		g.VGETMANTPS(operand.U8(0b1111), x, m)
		return g.sub(g.un(g.VGETEXPPS, x), g.un(g.VGETEXPPS, m)), m
	}
	d := g.subInt(x, c.low)
	e = g.un(g.VCVTDQ2PS, g.sra(d, 23))
	return e, g.addInt(g.and(d, c.mantissa), c.low)
}

type splitConsts struct{ low, mantissa op }

func (g *gen) splitConsts() (c splitConsts) {
	if !g.wide {
		c.low, c.mantissa = g.bits(math.Float32bits(0.75)), g.bits(1<<23-1)
	}
	return c
}

func logSetup(g *gen) func(in []op) op {
	one, c := g.num(1), g.splitConsts()
	sum := logSum(g)
	if g.wide {
		return func(in []op) op {
			e, m := g.split(in[0], c)
			return sum(e, g.sub(m, one))
		}
	}
	zero, least, inf := g.inReg(0), g.num(0x1p-126), g.num(math.Inf(1))
	up, by, ninf, nan := g.num(0x1p23), g.num(23), g.num(math.Inf(-1)), g.num(math.NaN())
	return func(in []op) op {
		x := in[0]
		small := g.cmp(lt, x, least)
		e, m := g.split(g.blend(small, x, g.mul(x, up)), c)
		y := sum(g.sub(e, g.and(small, by)), g.sub(m, one))
		return g.logEdges(y, x, zero, inf, ninf, nan)
	}
}

// logEdges puts in what log (AVX2) leaves wrong: x = 0, x < 0, +Inf and NaN.
func (g *gen) logEdges(y, x, zero, inf, ninf, nan op) op {
	y = g.blend(g.cmp(eq, x, zero), y, ninf)
	y = g.blend(g.cmp(lt, x, zero), y, nan)
	return g.blend(g.cmp(nlt, x, inf), y, x)
}

// log1p: u = 1+x rounded, c = x-(u-1) its rounding error; with u = 2^e * m,
// log(1+x) = e*ln2 + log(m + c*2^-e).
func log1pSetup(g *gen) func(in []op) op {
	one, zero, sign, c := g.reg32(1), g.inReg(0), g.bits(signBit), g.splitConsts()
	sum := logSum(g)
	if g.wide {
		return func(in []op) op {
			u := g.add(in[0], one)
			lost := g.sub(in[0], g.sub(u, one))
			e, m := g.split(u, c)
			f, k := g.sub(m, one), g.cmp(neOrd, lost, zero)
			// Where u is 0 or Inf, nothing of use is lost.
			g.VADDPS(g.bin(g.VSCALEFPS)(lost, g.sub(zero, e)), f, k, f)
			return g.orSign(sum(e, f), in[0], sign)
		}
	}
	inf, ninf, nan := g.num(math.Inf(1)), g.num(math.Inf(-1)), g.num(math.NaN())
	return func(in []op) op {
		u := g.add(in[0], one)
		lost := g.sub(in[0], g.sub(u, one))
		d := g.subInt(u, c.low)
		k := g.sra(d, 23)
		m := g.addInt(g.and(d, c.mantissa), c.low)
		// Of 2^-k those below 2^-126 are 0: there nothing of use is lost.
		f := g.fma(lost, g.bin(g.VPMAXSD)(g.subInt(one, g.shl(k, 23)), zero), g.sub(m, one))
		y := g.orSign(sum(g.un(g.VCVTDQ2PS, k), f), in[0], sign)
		return g.logEdges(y, u, zero, inf, ninf, nan)
	}
}

const trigLimit = 1e5

// beyond ends a loop where |x| > limit.
func beyond(limit float64) func(g *gen) func(in []op, label string) {
	return func(g *gen) func(in []op, label string) {
		abs, most := g.bits(signBit-1), g.num(limit)
		return func(in []op, label string) {
			g.jumpIfAny(g.cmp(gt, g.and(in[0], abs), most), label)
		}
	}
}

// pi/2 in three parts, each the float32 below what is left, so that all are
// positive. x - k*piA is exact for |x| <= 1e5.
var piA, piB, piC = func() (a, b, c float64) {
	const rest = 6.123233995736766e-17 // of pi/2 beyond float64
	a = below(math.Pi / 2)
	b = below(math.Pi/2 - a)
	return a, b, below(math.Pi/2 - a - b + rest)
}()

// below is the float32 at or next below x > 0.
func below(x float64) float64 {
	f := float32(x)
	if float64(f) > x {
		f = math.Nextafter32(f, 0)
	}
	return float64(f)
}

// trigSetup: x = k*pi/2 + r, |r| <= pi/4; the quadrant k (for the cosine k+1) says
// whether sin(r) or cos(r) serves and with which sign.
func trigSetup(cosine bool) setup {
	return func(g *gen) func(in []op) op {
		m, by, a, b, c := g.reg32(magic), g.num(2/math.Pi), g.num(piA), g.num(piB), g.num(piC)
		minus, one, sign := g.num(-0.5), g.reg32(1), g.bits(signBit)
		odd := g.coefs(target{
			f:      func(r float64) float64 { return math.Sin(r) - r },
			weight: func(r float64) float64 { return 1 / math.Sin(r) },
			lo:     1e-4, hi: 0.79, powers: from(3, 2, 3),
		})
		even := g.coefs(target{
			f:      func(r float64) float64 { return math.Cos(r) - 1 + r*r/2 },
			weight: math.Cos,
			lo:     0, hi: 0.79, powers: from(4, 2, 3),
		})
		var intOne, zero op
		if cosine {
			intOne = g.bits(1)
		} else {
			zero = g.inReg(0)
		}
		return func(in []op) op {
			s := g.nearest(in[0], by, m)
			r := g.nfma(s.k, c, g.nfma(s.k, b, g.nfma(s.k, a, in[0])))
			z := g.mul(r, r)
			sin := g.fma(g.mul(r, z), g.horner(z, odd), r)
			cos := g.fma(g.mul(z, z), g.horner(z, even), g.fma(z, minus, one))
			j := s.t
			if cosine {
				j = g.addInt(j, intOne)
			} else { // sin(-0) = -0
				sin = g.blend(g.cmp(eq, in[0], zero), sin, in[0])
			}
			y := g.blend(g.lowBit(j), sin, cos)
			return g.xor(y, g.and(g.shl(j, 30), sign))
		}
	}
}

// lowBit is the mask of the lowest bit of each lane.
func (g *gen) lowBit(a op) op {
	a = g.shl(a, 31)
	if g.wide {
		k := g.K()
		g.VPMOVD2M(a, k)
		return k
	}
	return a // VBLENDVPS looks at the highest bit
}
