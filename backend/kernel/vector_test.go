package kernel

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

func compare(t *testing.T, what string, ulp float64, got, want *array, args ...*array) {
	t.Helper()
	if !got.intact() {
		t.Fatalf("%s: wrote outside of %d elements", what, got.n)
	}
	for i := range got.n {
		if d := apart(got, want, i); d > ulp || math.IsNaN(d) {
			s := ""
			for _, a := range args {
				s += fmt.Sprintf(" %+v", a.get(min(i, a.n-1)))
			}
			t.Fatalf("%s, element %d of %d: got %+v, want %+v (%g ULP) of%s", what, i, got.n, got.get(i), want.get(i), d, s)
		}
	}
}

func TestUnary(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for op := compute.OpTypeInvalid; op < compute.OpTypeLast; op++ {
			for _, dt := range allTypes {
				f := Unary(op, dt)
				if _, ok := oracle1(op, datum{}, dt); ok != (f != nil) {
					t.Fatalf("%s %s: defined is %v", op, dt, f != nil)
				}
				if f != nil {
					testUnary(t, r, op, dt, f)
				}
			}
		}
	})
}

func testUnary(t *testing.T, r *rand.Rand, op compute.OpType, dt dtypes.DType, f Func1) {
	what, out := fmt.Sprint(op, " ", dt), outType(op, dt)
	for _, n := range lengths() {
		x := random(r, dt, n, n%3)
		got, want := newArray(out, n, n%4), newArray(out, n, 0)
		before := x.clone()
		f(got.p(), x.p(), n)
		for i := range n {
			v, _ := oracle1(op, x.get(i), dt)
			want.put(i, v)
		}
		compare(t, what, bound(op, dt), got, want, x)
		if !bytes.Equal(before.data(), x.data()) {
			t.Fatalf("%s: wrote to its operand", what)
		}
		one := newArray(out, n, 0)
		for i := range n {
			f(at(one.p(), i, out.Size()), at(x.p(), i, dt.Size()), 1)
		}
		compare(t, what+" one by one", 0, one, got, x)
		if out.Size() == dt.Size() {
			f(x.p(), x.p(), n)
			compare(t, what+" in place", 0, x, got, before)
		}
	}
}

func TestBinary(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for op := compute.OpTypeInvalid; op < compute.OpTypeLast; op++ {
			for _, dt := range allTypes {
				_, ok := oracle2(op, datum{}, datum{}, dt)
				for m := VV; m <= SS; m++ {
					if f := Binary(op, dt, m); (ok && m != SS) != (f != nil) {
						t.Fatalf("%s %s mode %d: defined is %v", op, dt, m, f != nil)
					}
				}
				if ok {
					testBinary(t, r, op, dt)
				}
			}
		}
	})
}

func testBinary(t *testing.T, r *rand.Rand, op compute.OpType, dt dtypes.DType) {
	what, out := fmt.Sprint(op, " ", dt), outType(op, dt)
	vv, vs, sv := Binary(op, dt, VV), Binary(op, dt, VS), Binary(op, dt, SV)
	for _, n := range lengths() {
		x, y := random(r, dt, n, n%3), random(r, dt, n, n%2)
		for i := range n { // equal operands are rare otherwise
			if r.IntN(6) == 0 {
				y.put(i, x.get(i))
			}
		}
		got, want := newArray(out, n, n%4), newArray(out, n, 0)
		vv(got.p(), x.p(), y.p(), n)
		for i := range n {
			v, _ := oracle2(op, x.get(i), y.get(i), dt)
			want.put(i, v)
		}
		zeroFree(op, got)
		zeroFree(op, want)
		compare(t, what, bound(op, dt), got, want, x, y)
		if out == dt {
			for _, dst := range []*array{x.clone(), y.clone()} {
				a, b := x.p(), y.p()
				if bytes.Equal(dst.data(), x.data()) {
					a = dst.p()
				} else {
					b = dst.p()
				}
				vv(dst.p(), a, b, n)
				zeroFree(op, dst)
				compare(t, what+" in place", 0, dst, got, x, y)
			}
		}
		if n > 0 {
			testScalars(t, what, op, out, x, y, vv, vs, sv)
		}
	}
}

// testScalars holds the modes with one scalar against VV with it repeated.
func testScalars(t *testing.T, what string, op compute.OpType, out dtypes.DType, x, y *array, vv, vs, sv Func2) {
	n := x.n
	k := n / 2
	one, many := newArray(x.t, 1, 1), newArray(x.t, n, 0)
	one.put(0, y.get(k))
	for i := range n {
		copy(many.data()[i*x.t.Size():], one.data())
	}
	got, want := newArray(out, n, 1), newArray(out, n, 0)
	vs(got.p(), x.p(), one.p(), n)
	vv(want.p(), x.p(), many.p(), n)
	zeroFree(op, got)
	zeroFree(op, want)
	compare(t, what+" VS", 0, got, want, x, one)
	sv(got.p(), one.p(), x.p(), n)
	vv(want.p(), many.p(), x.p(), n)
	zeroFree(op, got)
	zeroFree(op, want)
	compare(t, what+" SV", 0, got, want, one, x)
	if out == x.t {
		in := x.clone()
		sv(in.p(), one.p(), in.p(), n)
		zeroFree(op, in)
		compare(t, what+" SV in place", 0, in, want, one, x)
	}
}
