package fec

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// A sumProduct is the workspace of checkLayer.sumProduct.
type sumProduct struct {
	t, u, back, front, product []float32 // [degree checks], the last two [checks]
	signs                      []uint32
	abs, exp, log              kernel.Func1
	add, sub, mul              kernel.Func2
	addS, subS, minS, under    kernel.Func2 // the last is one number over a vector
}

// mostExp is the greatest magnitude that counts: exp of it is a float32.
const mostExp = 60

// newSumProduct is a workspace for layers of the lifting size with up to degree edges.
func newSumProduct(lifting, degree int) *sumProduct {
	n := (lifting + checkLanes - 1) / checkLanes * checkLanes
	unary := func(op compute.OpType) kernel.Func1 { return kernel.Unary(op, dtypes.Float32) }
	binary := func(op compute.OpType, m kernel.Mode) kernel.Func2 { return kernel.Binary(op, dtypes.Float32, m) }
	return &sumProduct{
		t: make([]float32, n*degree), u: make([]float32, n*degree), back: make([]float32, n*degree),
		front: make([]float32, n), product: make([]float32, n), signs: make([]uint32, n),
		abs: unary(compute.OpTypeAbs), exp: unary(compute.OpTypeExp), log: unary(compute.OpTypeLog),
		add: binary(compute.OpTypeAdd, kernel.VV), sub: binary(compute.OpTypeSub, kernel.VV), mul: binary(compute.OpTypeMul, kernel.VV),
		addS: binary(compute.OpTypeAdd, kernel.VS), subS: binary(compute.OpTypeSub, kernel.VS),
		minS: binary(compute.OpTypeMin, kernel.VS), under: binary(compute.OpTypeDiv, kernel.SV),
	}
}

// sumProduct is minSum with the exact rule: the message to a value is the
// log-likelihood ratio of the parity of the others, with the precision of float32.
// Bits of the result differ between variants, as those of exp and log do.
//
// Magnitudes are handled as u = 1 - tanh(x/2) = 2/(exp(x)+1), which keeps the
// precision of great ones: of two values together it is u + w - u*w.
func (l *checkLayer) sumProduct(v, r []float32, s *sumProduct) {
	_, _ = v[l.need-1], r[l.messages()-1]
	n, all := l.blocks*checkLanes, l.messages()
	l.gather(v, r, s)
	one, two, most := float32(1), float32(2), float32(mostExp)
	s.abs(address(s.u), address(s.t), all)
	s.minS(address(s.u), address(s.u), unsafe.Pointer(&most), all)
	s.exp(address(s.u), address(s.u), all)
	s.addS(address(s.u), address(s.u), unsafe.Pointer(&one), all)
	s.under(address(s.u), unsafe.Pointer(&two), address(s.u), all)
	edge := func(m []float32, e int) []float32 { return m[e*n:][:n] }
	copy(edge(s.back, l.degree-1), edge(s.u, l.degree-1))
	for e := l.degree - 2; e > 0; e-- {
		s.both(edge(s.back, e), edge(s.u, e), edge(s.back, e+1))
	}
	copy(edge(r, 0), edge(s.back, 1))
	copy(s.front, edge(s.u, 0))
	for e := 1; e < l.degree-1; e++ {
		s.both(edge(r, e), s.front, edge(s.back, e+1))
		s.both(s.front, s.front, edge(s.u, e))
	}
	copy(edge(r, l.degree-1), s.front)
	s.under(address(r), unsafe.Pointer(&two), address(r), all)
	s.subS(address(r), address(r), unsafe.Pointer(&one), all)
	s.log(address(r), address(r), all)
	l.scatter(v, r, s)
	l.wrap(v)
}

func address(s []float32) unsafe.Pointer { return unsafe.Pointer(&s[0]) }

// both is dst = a + b - a*b; dst may be a.
func (s *sumProduct) both(dst, a, b []float32) {
	n := len(dst)
	s.mul(address(s.product), address(a), address(b), n)
	s.add(address(dst), address(a), address(b), n)
	s.sub(address(dst), address(dst), address(s.product), n)
}

// gather sets t to what the values say without the layer, and signs to the product of
// the signs.
func (l *checkLayer) gather(v, r []float32, s *sumProduct) {
	n := l.blocks * checkLanes
	clear(s.signs)
	for i, p := range l.places {
		b, e := i/l.degree, i%l.degree
		at := e*n + b*checkLanes
		from, old := (*[checkLanes]float32)(v[p:]), (*[checkLanes]float32)(r[at:])
		to, signs := (*[checkLanes]float32)(s.t[at:]), (*[checkLanes]uint32)(s.signs[b*checkLanes:])
		for z := range to {
			x := from[z] - old[z]
			to[z] = x
			signs[z] ^= math.Float32bits(x)
		}
	}
}

// scatter gives the magnitudes r their signs and adds them to the values.
func (l *checkLayer) scatter(v, r []float32, s *sumProduct) {
	n := l.blocks * checkLanes
	for i, p := range l.places {
		b, e := i/l.degree, i%l.degree
		at, lanes := e*n+b*checkLanes, min(checkLanes, l.lifting-b*checkLanes)
		to, from := r[at:][:lanes], s.t[at:][:lanes]
		value, signs := v[p:][:lanes], s.signs[b*checkLanes:][:lanes]
		for z, x := range from {
			m := math.Float32frombits(math.Float32bits(to[z])&^topBit | (signs[z]^math.Float32bits(x))&topBit)
			to[z] = m
			value[z] = x + m
		}
	}
}
