package fuzz

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
)

var elementParts = []part{
	{"chain", 16, (*generator).chain},
	{"compare", 4, (*generator).compare},
	{"where", 5, (*generator).where},
	{"clamp", 2, (*generator).clamp},
	{"convert", 5, (*generator).convert},
	{"bitcast", 1, (*generator).bitcast},
	{"complex", 2, (*generator).complex},
	{"iota", 2, (*generator).iota},
	{"gated", 3, (*generator).gated},
	{"adam", 2, (*generator).adam},
}

// chain applies a few element-wise operations one after the other.
func (g *generator) chain() {
	x := g.number(0)
	if g.chance(0.1) {
		x = g.boolean()
	}
	for range 1 + g.r.IntN(6) {
		before := x
		switch {
		case x.DType() == dtypes.Bool:
			x = g.logical(x)
		case !isFloat(x):
			x = g.integer(x)
		case g.chance(0.45):
			x = g.unary(x)
		default:
			x = g.binary(x)
		}
		if g.chance(0.2) {
			g.add(before) // has several consumers then
		}
	}
	g.add(x)
}

// positive is x as numbers that logarithms and roots like, most of the time.
func (g *generator) positive(x *graph.Node) *graph.Node {
	if g.chance(0.15) {
		return x
	}
	return graph.AddScalar(graph.Abs(x), oneOf(g, 0.5, 1, 0.01))
}

// falling is x as numbers whose exponential stays small.
func (g *generator) falling(x *graph.Node) *graph.Node {
	if g.chance(0.3) {
		return x
	}
	return graph.Neg(graph.Abs(x))
}

var unaries = []func(g *generator, x *graph.Node) *graph.Node{
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Neg(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Abs(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Tanh(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Logistic(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Erf(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Sin(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Cos(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Ceil(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Floor(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Round(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Sign(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Square(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.OneMinus(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.MaxScalar(x, 0) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.Identity(x) },
	func(_ *generator, x *graph.Node) *graph.Node { return graph.StopGradient(x) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Exp(g.falling(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Expm1(g.falling(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Log(g.positive(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Log1p(g.positive(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Sqrt(g.positive(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Rsqrt(g.positive(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.Reciprocal(g.positive(x)) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.MulScalar(x, float64(g.r.IntN(9)-4)/4) },
	func(g *generator, x *graph.Node) *graph.Node { return graph.PowScalar(x, float64(g.r.IntN(4))) },
}

func (g *generator) unary(x *graph.Node) *graph.Node { return oneOf(g, unaries...)(g, x) }

// swap exchanges the operands half of the time.
func (g *generator) swap(x, y *graph.Node) (*graph.Node, *graph.Node) {
	if g.chance(0.5) {
		return x, y
	}
	return y, x
}

type binaryFunc func(x, y *graph.Node) *graph.Node

func pair(f func(x, y *graph.Node) *graph.Node) binaryFunc { return f }

var calm = []binaryFunc{
	func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Sub(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Mul(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Mul(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Max(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Min(x, y) },
}

func (g *generator) binary(x *graph.Node) *graph.Node {
	y := g.like(x)
	switch g.r.IntN(12) {
	case 0, 1:
		return graph.Div(x, g.positive(y))
	case 2:
		return graph.Pow(g.positive(x), graph.Tanh(y))
	case 3:
		return graph.Rem(x, g.positive(y))
	case 4:
		a, b := g.swap(x, y)
		return graph.Atan2(a, b)
	}
	a, b := g.swap(x, y)
	return oneOf(g, calm...)(a, b)
}

var integers = append([]binaryFunc{
	func(x, y *graph.Node) *graph.Node { return graph.BitwiseAnd(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.BitwiseOr(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.BitwiseXor(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Div(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.Rem(x, y) },
}, calm...)

var shifts = []binaryFunc{
	pair(graph.BitwiseShiftLeft), pair(graph.BitwiseShiftRightArithmetic), pair(graph.BitwiseShiftRightLogical),
}

func (g *generator) integer(x *graph.Node) *graph.Node {
	switch g.r.IntN(9) {
	case 0:
		return oneOf(g, graph.BitwiseNot(x), graph.BitCount(x), graph.Clz(x))
	case 1:
		if x.DType().IsUnsigned() {
			return graph.Sign(x)
		}
		return oneOf(g, graph.Neg(x), graph.Abs(x), graph.Sign(x))
	case 2:
		return oneOf(g, shifts...)(x, g.newIndex(x.DType(), x.DType().Bits(), false, dimsOf(x)...))
	case 3:
		return graph.Pow(x, g.newIndex(x.DType(), 5, false, dimsOf(x)...))
	}
	a, b := g.swap(x, g.like(x))
	return oneOf(g, integers...)(a, b)
}

func (g *generator) logical(x *graph.Node) *graph.Node {
	y := g.newOf(dtypes.Bool, dimsOf(x)...)
	switch g.r.IntN(5) {
	case 0:
		return graph.LogicalNot(x)
	case 1:
		return graph.LogicalAnd(x, y)
	case 2:
		return graph.LogicalOr(x, y)
	case 3:
		return graph.LogicalXor(x, y)
	}
	return graph.NotEqual(x, y)
}

var comparisons = []binaryFunc{
	func(x, y *graph.Node) *graph.Node { return graph.Equal(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.NotEqual(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.LessThan(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.LessOrEqual(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.GreaterThan(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.GreaterOrEqual(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.LessThanTotalOrder(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.GreaterOrEqualTotalOrder(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.EqualTotalOrder(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.NotEqualTotalOrder(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.GreaterThanTotalOrder(x, y) },
	func(x, y *graph.Node) *graph.Node { return graph.LessOrEqualTotalOrder(x, y) },
}

func (g *generator) compare() {
	x := g.number(0)
	if isFloat(x) && g.chance(0.15) {
		g.add(oneOf(g, graph.IsFinite(x), graph.IsNaN(x)))
		return
	}
	a, b := g.swap(x, g.like(x))
	g.add(oneOf(g, comparisons...)(a, b))
}

// where chooses between two values by a comparison of them, or by any condition.
func (g *generator) where() {
	x := g.number(0)
	y := g.pick(func(y *graph.Node) bool { return y.Shape().Equal(x.Shape()) },
		func() *graph.Node { return g.newOf(x.DType(), dimsOf(x)...) })
	if g.chance(0.2) {
		y = g.constant(x.DType())
	}
	var c *graph.Node
	if g.chance(0.5) {
		c = graph.GreaterThan(x, y)
	} else {
		c = g.newBool(dimsOf(x)...)
	}
	a, b := g.swap(x, y)
	g.add(graph.Where(c, a, b))
}

func (g *generator) clamp() {
	x := g.number(0)
	limits := func() *graph.Node {
		if g.chance(0.5) {
			return g.newOf(x.DType())
		}
		return g.newOf(x.DType(), dimsOf(x)...)
	}
	g.add(graph.Clamp(limits(), x, limits()))
}

func (g *generator) convert() {
	x := g.any(0)
	to := oneOf(g, g.dtype, g.dtype, g.floatDType(), g.intDType(), dtypes.Bool, dtypes.Float32)
	if x.DType().IsComplex() {
		to = oneOf(g, dtypes.Complex64, dtypes.Complex128)
	}
	g.add(graph.ConvertDType(x, to))
}

func (g *generator) bitcast() {
	x := g.number(0)
	to := map[int][]dtypes.DType{
		8:  {dtypes.Int8, dtypes.Uint8},
		16: {dtypes.Float16, dtypes.BFloat16, dtypes.Int16, dtypes.Uint16, dtypes.Uint8},
		32: {dtypes.Float32, dtypes.Int32, dtypes.Uint32, dtypes.Uint16},
		64: {dtypes.Float64, dtypes.Int64, dtypes.Uint64, dtypes.Int32},
	}[x.DType().Bits()]
	y := graph.Bitcast(x, oneOf(g, to...))
	if isFloat(y) { // arbitrary bits are mostly useless numbers
		y = graph.ConvertDType(graph.GreaterThan(y, graph.ScalarZero(g.g, y.DType())), y.DType())
	}
	g.add(y)
}

func (g *generator) complex() {
	z := g.pick(func(x *graph.Node) bool { return x.DType().IsComplex() },
		func() *graph.Node {
			return g.newComplex(oneOf(g, dtypes.Complex64, dtypes.Complex64, dtypes.Complex128), g.anyDims()...)
		})
	for range 1 + g.r.IntN(3) {
		w := g.newComplex(z.DType(), dimsOf(z)...)
		switch g.r.IntN(9) {
		case 0:
			z = graph.Add(z, w)
		case 1:
			z = graph.Sub(w, z)
		case 2, 3:
			z = graph.Mul(z, w)
		case 4:
			z = graph.Div(z, w)
		case 5:
			z = graph.Conj(z)
		case 6:
			z = graph.Neg(z)
		case 7:
			z = graph.Complex(graph.Imag(z), graph.Abs(z))
		case 8:
			g.add(graph.Real(z))
		}
	}
	g.add(z)
	if g.chance(0.5) {
		g.add(graph.Abs(z), graph.Real(z), graph.Imag(z))
	}
}

func (g *generator) iota() {
	x := g.number(1)
	i := graph.Iota(g.g, x.Shape(), g.axis(x))
	if g.chance(0.5) {
		i = graph.Mul(i, graph.ConvertDType(g.newInt(dtypes.Int8, dimsOf(x)...), x.DType()))
	}
	g.add(graph.Add(x, i))
}

// gated is what feed-forward blocks do with two values: x·σ(x)·y, gelu(x)·y, relu(x)+y.
func (g *generator) gated() {
	x := g.float()
	y := g.like(x)
	switch g.r.IntN(4) {
	case 0:
		x = graph.Mul(x, graph.Logistic(x))
	case 1:
		x = graph.MulScalar(graph.Mul(x, graph.OnePlus(graph.Erf(graph.DivScalar(x, 1.4142135)))), 0.5)
	case 2:
		x = graph.Max(x, graph.ScalarZero(g.g, x.DType()))
	case 3:
		inner := graph.MulScalar(graph.Add(x, graph.MulScalar(graph.Mul(x, graph.Mul(x, x)), 0.044715)), 0.7978845608)
		x = graph.Mul(graph.MulScalar(x, 0.5), graph.OnePlus(graph.Tanh(inner)))
	}
	g.add(oneOf(g, graph.Mul(x, y), graph.Add(x, y)))
}

// adam is one step of an optimizer: several results of the same operands.
func (g *generator) adam() {
	w := g.float()
	dims := dimsOf(w)
	m, v, d := g.newFloats(w.DType(), dims...), graph.Abs(g.newFloats(w.DType(), dims...)), g.newFloats(w.DType(), dims...)
	m = graph.Add(graph.MulScalar(m, 0.9), graph.MulScalar(d, 0.1))
	v = graph.Add(graph.MulScalar(v, 0.999), graph.MulScalar(graph.Square(d), 0.001))
	step := graph.Div(m, graph.AddScalar(graph.Sqrt(v), 1e-3))
	g.add(graph.Sub(w, graph.MulScalar(step, 0.01)), m, v)
}
