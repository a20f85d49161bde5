package kernel

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// oracleReduce folds x in order; sums and products of floats in float64.
func oracleReduce(op compute.OpType, x *array) (datum, bool) {
	t := x.t
	pairs := map[compute.OpType]struct {
		op   compute.OpType
		init datum
	}{
		compute.OpTypeReduceSum:        {compute.OpTypeAdd, datum{}},
		compute.OpTypeReduceProduct:    {compute.OpTypeMul, datum{f: 1, i: 1, c: 1}},
		compute.OpTypeReduceMax:        {compute.OpTypeMax, datum{f: math.Inf(-1), i: wrap(signBit(t), t)}},
		compute.OpTypeReduceMin:        {compute.OpTypeMin, datum{f: math.Inf(1), i: wrap(^signBit(t), t)}},
		compute.OpTypeReduceBitwiseAnd: {compute.OpTypeBitwiseAnd, datum{i: wrap(-1, t)}},
		compute.OpTypeReduceBitwiseOr:  {compute.OpTypeBitwiseOr, datum{}},
		compute.OpTypeReduceBitwiseXor: {compute.OpTypeBitwiseXor, datum{}},
		compute.OpTypeReduceLogicalAnd: {compute.OpTypeLogicalAnd, datum{i: 1}},
		compute.OpTypeReduceLogicalOr:  {compute.OpTypeLogicalOr, datum{}},
		compute.OpTypeReduceLogicalXor: {compute.OpTypeLogicalXor, datum{}},
	}
	p, ok := pairs[op]
	logical := p.op == compute.OpTypeLogicalAnd || p.op == compute.OpTypeLogicalOr || p.op == compute.OpTypeLogicalXor
	if !ok || (t == dtypes.Bool) != logical {
		return datum{}, false
	}
	r := p.init
	for i := range x.n {
		if r, ok = oracle2(p.op, r, x.get(i), t); !ok {
			return r, false
		}
	}
	_, ok = oracle2(p.op, r, r, t)
	return r, ok
}

// allowed is the error that a sum or a product of x may have: a leaf adds at most
// 64 elements in a row and 3 partial sums, the tree above it 1 a level, and a half
// all results of its blocks; a product multiplies in some order.
func allowed(op compute.OpType, x *array, want float64) float64 {
	eps := map[dtypes.DType]float64{dtypes.Float32: 0x1p-24, dtypes.Float64: 0x1p-53,
		dtypes.Complex64: 0x1p-23, dtypes.Complex128: 0x1p-52}[x.t]
	last := 0.0
	if isHalf(x.t) {
		eps, last = 0x1p-24, map[dtypes.DType]float64{dtypes.Float16: 0x1p-11, dtypes.BFloat16: 0x1p-8}[x.t]*math.Abs(want)
	}
	if op == compute.OpTypeReduceProduct {
		return float64(2*x.n+2)*eps*math.Abs(want) + last + 0x1p-24
	}
	sum := 0.0
	for i := range x.n {
		d := x.get(i)
		sum += math.Abs(d.f) + math.Abs(real(d.c)) + math.Abs(imag(d.c))
	}
	return float64(70+x.n/blockLen)*eps*sum + last
}

func TestReduce(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for op := compute.OpTypeInvalid; op < compute.OpTypeLast; op++ {
			for _, dt := range allTypes {
				f, init := Reduce(op, dt), newArray(dt, 1, 0)
				_, ok := oracleReduce(op, newArray(dt, 0, 0))
				if inited := ReduceInit(op, dt, init.p()); ok != (f != nil) || ok != inited {
					t.Fatalf("%s %s: defined is %v, %v", op, dt, f != nil, inited)
				}
				if ok {
					for _, n := range append(lengths(), 4096, 5003) {
						testReduce(t, r, op, dt, n, f, init)
					}
				}
			}
		}
	})
}

func testReduce(t *testing.T, r *rand.Rand, op compute.OpType, dt dtypes.DType, n int, f Func1, init *array) {
	what := fmt.Sprint(op, " ", dt, " n ", n)
	x := random(r, dt, n, n%3)
	rounds := op == compute.OpTypeReduceSum || op == compute.OpTypeReduceProduct
	if rounds && (dt.IsFloat() || dt.IsComplex()) { // values whose sums and products stay finite
		for i := range n {
			v := 1 + r.NormFloat64()/64
			if op == compute.OpTypeReduceSum {
				v = r.NormFloat64()
			}
			x.put(i, datum{f: v, c: complex(v, 0)})
		}
	}
	if dt.IsFloat() && !rounds && n%2 == 0 { // half of the lengths without NaN
		for i := range n {
			if v := x.get(i).f; v != v {
				x.put(i, datum{f: -2})
			}
		}
	}
	got, want := newArray(dt, 1, 1), newArray(dt, 1, 0)
	f(got.p(), x.p(), n)
	v, _ := oracleReduce(op, x)
	want.put(0, v)
	if n == 0 {
		compare(t, what+" init", 0, init, want)
	}
	moved := newArray(dt, n, 2)
	copy(moved.data(), x.data())
	again := newArray(dt, 1, 0)
	f(again.p(), moved.p(), n)
	if again.bits(0) != got.bits(0) {
		t.Fatalf("%s: %v, and %v where the elements lie elsewhere", what, got.get(0), again.get(0))
	}
	if rounds && (dt.IsFloat() || dt.IsComplex()) {
		g, w := got.get(0), datum{f: v.f}
		if dt.IsComplex() {
			w = datum{c: v.c}
		}
		if d := math.Abs(g.f-w.f) + math.Abs(real(g.c)-real(w.c)); !(d <= allowed(op, x, w.f+real(w.c))) || !got.intact() {
			t.Fatalf("%s: got %v, want %v, off by %g of %g", what, g, w, d, allowed(op, x, w.f+real(w.c)))
		}
		return
	}
	zeroFree(op, got)
	zeroFree(op, want)
	compare(t, what, 0, got, want)
}

// TestReduceLong adds so many numbers that adding them in a row would lose most
// digits.
func TestReduceLong(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		x := make([]float32, 4<<20+3)
		for i := range x {
			x[i] = 0.1
		}
		var got float32
		Reduce(compute.OpTypeReduceSum, dtypes.Float32)(unsafe.Pointer(&got), unsafe.Pointer(&x[0]), len(x))
		want := float64(float32(0.1)) * float64(len(x))
		if math.Abs(float64(got)/want-1) > 2e-6 {
			t.Errorf("the sum is %g, want %g", got, want)
		}
	})
}

func TestArgMinMax(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, dt := range allTypes {
		for _, isMin := range []bool{true, false} {
			f := ArgMinMax(dt, isMin)
			if (f == nil) != (dt == dtypes.Bool || dt.IsComplex()) {
				t.Fatalf("%s: defined is %v", dt, f != nil)
			}
			if f == nil {
				continue
			}
			for _, n := range lengths()[1:] {
				x := random(r, dt, n, 1)
				if n%3 == 0 { // ties, and no NaN
					for i := range x.n {
						x.put(i, datum{f: float64(i*7%5) - 2, i: int64(i * 7 % 5)})
					}
				}
				op, best := compute.OpTypeGreaterThan, 0
				if isMin {
					op = compute.OpTypeLessThan
				}
				for i := 1; i < n; i++ {
					v, b := x.get(i), x.get(best)
					better, _ := oracleCompare(op, v, b, dt)
					if b.f == b.f && (better || v.f != v.f) {
						best = i
					}
				}
				if got := f(x.p(), n); got != best {
					t.Fatalf("%s min %v, n %d: %d, want %d", dt, isMin, n, got, best)
				}
			}
		}
	}
}

func TestSelect(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, dt := range allTypes {
			for m := VV; m <= SS; m++ {
				f := Select(dt, m)
				for _, n := range lengths() {
					c, x, y := random(r, dtypes.Bool, n, n%2), random(r, dt, n, n%3), random(r, dt, n, n%4)
					mx, my := m == SV || m == SS, m == VS || m == SS
					if mx {
						x = random(r, dt, 1, 0)
					}
					if my {
						y = random(r, dt, 1, 1)
					}
					got, want := newArray(dt, n, 1), newArray(dt, n, 0)
					for i := range n {
						from, k := y, i
						if c.get(i).i == 1 {
							from = x
						}
						if from.n != n {
							k = 0
						}
						copy(want.data()[i*dt.Size():], from.data()[k*dt.Size():][:dt.Size()])
					}
					f(got.p(), c.p(), x.p(), y.p(), n)
					inX, inY := got, got
					if !mx {
						inX = x.clone()
						f(inX.p(), c.p(), inX.p(), y.p(), n)
					}
					if !my {
						inY = y.clone()
						f(inY.p(), c.p(), x.p(), inY.p(), n)
					}
					for i, a := range []*array{got, inX, inY} {
						if !bytes.Equal(a.data(), want.data()) || !a.intact() {
							t.Fatalf("%s mode %d, n %d: case %d differs", dt, m, n, i)
						}
					}
				}
			}
		}
	})
}

func TestMulAdd(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, dt := range allTypes {
			for m := VV; m <= SS; m++ {
				f := MulAdd(dt, m)
				if (f != nil) != (dt == dtypes.Float32 || dt == dtypes.Float64) {
					t.Fatalf("%s: defined is %v", dt, f != nil)
				}
				if f != nil {
					testMulAdd(t, r, dt, m, f)
				}
			}
		}
	})
}

func testMulAdd(t *testing.T, r *rand.Rand, dt dtypes.DType, m Mode, f Func3) {
	what := fmt.Sprint("muladd ", dt, " mode ", m)
	for _, n := range lengths() {
		x, y, z := random(r, dt, n, n%3), random(r, dt, n, n%2), random(r, dt, n, n%4)
		if m == SV || m == SS {
			y = random(r, dt, 1, 0)
		}
		if m == VS || m == SS {
			z = random(r, dt, 1, 1)
		}
		got, once, twice := newArray(dt, n, n%2), newArray(dt, n, 0), newArray(dt, n, 0)
		f(got.p(), x.p(), y.p(), z.p(), n)
		for i := range n {
			a, b, c := x.get(i).f, y.get(i%y.n).f, z.get(i%z.n).f
			once.put(i, datum{f: exactMulAdd(a, b, c, dt)})
			twice.put(i, datum{f: a*b + c})
			if dt == dtypes.Float32 {
				twice.put(i, datum{f: float64(float32(a*b)) + c})
			}
			if apart(got, once, i) != 0 && apart(got, twice, i) != 0 {
				t.Fatalf("%s: %g*%g + %g is %g, want %g or %g", what, a, b, c, got.get(i).f, once.get(i).f, twice.get(i).f)
			}
		}
		for _, in := range []*array{x, y, z} {
			if in.n != n {
				continue
			}
			p, dst := [3]unsafe.Pointer{x.p(), y.p(), z.p()}, in.clone()
			for k, a := range []*array{x, y, z} {
				if a == in {
					p[k] = dst.p()
				}
			}
			f(dst.p(), p[0], p[1], p[2], n)
			compare(t, what+" in place", 0, dst, got)
		}
		if !got.intact() {
			t.Fatalf("%s: wrote outside of %d elements", what, n)
		}
	}
}

// exactMulAdd is x*y + z rounded once.
func exactMulAdd(x, y, z float64, t dtypes.DType) float64 {
	if t == dtypes.Float64 {
		return math.FMA(x, y, z)
	}
	r := x*y + z // exact but for the sum's rounding
	if math.IsNaN(r) || math.IsInf(r, 0) || r == 0 || z == 0 {
		return r
	}
	p := new(big.Float).SetPrec(2000).Mul(big.NewFloat(x).SetPrec(2000), big.NewFloat(y))
	f, _ := p.Add(p, big.NewFloat(z)).Float32()
	return float64(f)
}

// TestNoAllocations: the loops that keep blocks on the stack do not allocate.
func TestNoAllocations(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		h, x, one := make([]uint16, 1000), make([]float64, 1000), 2.0
		hp, xp, op := unsafe.Pointer(&h[0]), unsafe.Pointer(&x[0]), unsafe.Pointer(&one)
		exp, add := Unary(compute.OpTypeExp, dtypes.BFloat16), Binary(compute.OpTypeAdd, dtypes.Float16, VV)
		scale, sum := Binary(compute.OpTypeMul, dtypes.Float64, VS), Reduce(compute.OpTypeReduceSum, dtypes.Float64)
		highest, narrow := Reduce(compute.OpTypeReduceMax, dtypes.Float16), Convert(dtypes.Float64, dtypes.Float16)
		iota := Iota(dtypes.Float64)
		for what, f := range map[string]func(){
			"unary half":   func() { exp(hp, hp, 1000) },
			"binary half":  func() { add(hp, hp, hp, 1000) },
			"scalar":       func() { scale(xp, xp, op, 1000) },
			"sum":          func() { sum(op, xp, 1000) },
			"half maximum": func() { highest(op, hp, 1000) },
			"conversion":   func() { narrow(hp, xp, 1000) },
			"iota":         func() { iota(xp, 1000) },
		} {
			if n := testing.AllocsPerRun(20, f); n > 0 {
				t.Errorf("%s allocates %g times", what, n)
			}
		}
	})
}
