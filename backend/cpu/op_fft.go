package cpu

import (
	"math"
	mathbits "math/bits"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// Complex numbers lie as pairs of a real type F: element k of a line is
// x[2k] + i x[2k+1].

// fourier transforms lines of n complex numbers:
//
//	y[k] = sum over j of x[j] * exp(-2 pi i j k / n)
//
// Lengths of small prime factors go by Stockham's passes, which need no reordering;
// others become a convolution of a power of two (Bluestein, A linear filtering
// approach to the computation of discrete Fourier transform, 1970).
type fourier[F float32 | float64] struct {
	n             int
	passes        []fftPass[F]
	chirp, filter []F // exp(-pi i k^2/n), and the transform of its conjugate
	long          *fourier[F]
}

// fftPass is one pass of radix r: for i < m, q < s, k < r,
//
//	y[q + s(r i + k)] = w^(i k) * sum over j < r of x[q + s(i + m j)] * exp(-2 pi i j k / r)
//
// with w = exp(-2 pi i / (r m)).
type fftPass[F float32 | float64] struct {
	r, m, s int
	twiddle []F // w^(i k) at (i*(r-1) + k-1)
	roots   []F // exp(-2 pi i k / r)
}

type fftKey struct{ n, size int }

var fourierPlans sync.Map // of fftKey to *fourier

// root is exp(-2 pi i k/n).
func root[F float32 | float64](k, n int) (re, im F) {
	sin, cos := math.Sincos(2 * math.Pi * float64(k%n) / float64(n))
	return F(cos), F(-sin)
}

func newFourier[F float32 | float64](n int) *fourier[F] {
	key := fftKey{n, int(unsafe.Sizeof(F(0)))}
	if f, ok := fourierPlans.Load(key); ok {
		return f.(*fourier[F])
	}
	f := &fourier[F]{n: n}
	rest, s := n, 1
	for _, r := range []int{4, 2, 3, 5, 7, 11, 13} {
		for ; rest%r == 0 && rest > 1; rest /= r {
			p := fftPass[F]{r: r, m: rest / r, s: s}
			for i := range p.m {
				for k := 1; k < r; k++ {
					re, im := root[F](i*k, rest)
					p.twiddle = append(p.twiddle, re, im)
				}
			}
			for k := range r {
				re, im := root[F](k, r)
				p.roots = append(p.roots, re, im)
			}
			f.passes, s = append(f.passes, p), s*r
		}
	}
	if rest > 1 {
		f.bluestein()
	}
	fourierPlans.Store(key, f)
	return f
}

func (f *fourier[F]) bluestein() {
	m := 1 << mathbits.Len(uint(2*f.n-2))
	f.passes, f.long = nil, newFourier[F](m)
	f.chirp, f.filter = make([]F, 2*f.n), make([]F, 2*m)
	for k := range f.n {
		re, im := root[F](k*k%(2*f.n), 2*f.n)
		f.chirp[2*k], f.chirp[2*k+1] = re, im
		for _, at := range []int{k, (m - k) % m} {
			f.filter[2*at], f.filter[2*at+1] = re/F(m), -im/F(m)
		}
	}
	copy(f.filter, f.long.run(f.filter, make([]F, 2*m)))
}

// room is the length of the two buffers of run.
func (f *fourier[F]) room() int {
	if f.long != nil {
		return 2 * f.long.n
	}
	return 2 * f.n
}

// run transforms x, with y as scratch memory, and returns the one that holds the
// result.
func (f *fourier[F]) run(x, y []F) []F {
	if f.long != nil {
		return f.convolve(x, y)
	}
	for i := range f.passes {
		switch p := &f.passes[i]; p.r {
		case 2:
			p.two(x, y)
		case 4:
			p.four(x, y)
		default:
			p.any(x, y)
		}
		x, y = y, x
	}
	return x
}

func (f *fourier[F]) convolve(x, y []F) []F {
	times := func(x, w []F, n int) {
		for k := 0; k < 2*n; k += 2 {
			x[k], x[k+1] = x[k]*w[k]-x[k+1]*w[k+1], x[k]*w[k+1]+x[k+1]*w[k]
		}
	}
	times(x, f.chirp, f.n)
	clear(x[2*f.n:])
	z := f.long.run(x, y)
	times(z, f.filter, f.long.n)
	flip(z) // the inverse, but for the order of its parts
	if &z[0] == &y[0] {
		x, y = y, x
	}
	z = f.long.run(x, y)
	flip(z)
	times(z, f.chirp, f.n)
	return z
}

// flip swaps real and imaginary parts. The inverse of a transform is the transform
// between two flips, divided by n.
func flip[F any](x []F) {
	for k := 0; k+1 < len(x); k += 2 {
		x[k], x[k+1] = x[k+1], x[k]
	}
}

func (p *fftPass[F]) two(x, y []F) {
	half := 2 * p.s * p.m
	for i := range p.m {
		wr, wi := p.twiddle[2*i], p.twiddle[2*i+1]
		a, b := x[2*p.s*i:][:2*p.s], x[2*p.s*i+half:][:2*p.s]
		c, d := y[4*p.s*i:][:2*p.s], y[4*p.s*i+2*p.s:][:2*p.s]
		for q := 0; q+1 < len(a) && q+1 < len(b) && q+1 < len(c) && q+1 < len(d); q += 2 {
			re, im := a[q]-b[q], a[q+1]-b[q+1]
			c[q], c[q+1] = a[q]+b[q], a[q+1]+b[q+1]
			d[q], d[q+1] = re*wr-im*wi, re*wi+im*wr
		}
	}
}

func (p *fftPass[F]) four(x, y []F) {
	s, quarter := 2*p.s, 2*p.s*p.m
	for i := range p.m {
		w := p.twiddle[6*i:][:6]
		w1r, w1i, w2r, w2i, w3r, w3i := w[0], w[1], w[2], w[3], w[4], w[5]
		x, y := x[s*i:], y[4*s*i:][:4*s]
		for q := 0; q < s; q += 2 {
			ar, ai := x[q], x[q+1]
			br, bi := x[q+quarter], x[q+quarter+1]
			cr, ci := x[q+2*quarter], x[q+2*quarter+1]
			dr, di := x[q+3*quarter], x[q+3*quarter+1]
			pr, pi, mr, mi := ar+cr, ai+ci, ar-cr, ai-ci
			tr, ti, ur, ui := br+dr, bi+di, bi-di, dr-br // u = -i (b - d)
			y[q], y[q+1] = pr+tr, pi+ti
			er, ei := mr+ur, mi+ui
			y[q+s], y[q+s+1] = er*w1r-ei*w1i, er*w1i+ei*w1r
			er, ei = pr-tr, pi-ti
			y[q+2*s], y[q+2*s+1] = er*w2r-ei*w2i, er*w2i+ei*w2r
			er, ei = mr-ur, mi-ui
			y[q+3*s], y[q+3*s+1] = er*w3r-ei*w3i, er*w3i+ei*w3r
		}
	}
}

// any does the odd radices by pairs: terms j and r-j share their products.
func (p *fftPass[F]) any(x, y []F) {
	var sum, diff [14]F
	r, s, part := p.r, 2*p.s, 2*p.s*p.m
	for i := range p.m {
		for q := s * i; q < s*i+s; q += 2 {
			zr, zi := x[q], x[q+1]
			for j := 1; j <= r/2; j++ {
				a, b := x[q+j*part:][:2], x[q+(r-j)*part:][:2]
				sum[2*j], sum[2*j+1] = a[0]+b[0], a[1]+b[1]
				diff[2*j], diff[2*j+1] = a[0]-b[0], a[1]-b[1]
				zr, zi = zr+sum[2*j], zi+sum[2*j+1]
			}
			to := q + s*i*(r-1)
			y[to], y[to+1] = zr, zi
			for k := 1; k <= r/2; k++ {
				er, ei, or, oi := x[q], x[q+1], F(0), F(0)
				for j := 1; j <= r/2; j++ {
					cos, sin := p.roots[2*(j*k%r)], p.roots[2*(j*k%r)+1]
					er, ei = er+cos*sum[2*j], ei+cos*sum[2*j+1]
					or, oi = or-sin*diff[2*j+1], oi+sin*diff[2*j]
				}
				p.put(y, to+k*s, i, k, er+or, ei+oi)
				p.put(y, to+(r-k)*s, i, r-k, er-or, ei-oi)
			}
		}
	}
}

func (p *fftPass[F]) put(y []F, at, i, k int, re, im F) {
	w := p.twiddle[2*(i*(p.r-1)+k-1):][:2]
	y[at], y[at+1] = re*w[0]-im*w[1], re*w[1]+im*w[0]
}

// runFFT transforms the last axes. A real transform keeps the first n/2+1 values of
// the last axis; its inverse takes the others to be their conjugates.
func runFFT(c *call) error {
	switch t := c.in[0].shape.DType; t {
	case dtypes.Complex64, dtypes.Float32:
		runFourier[float32](c)
	case dtypes.Complex128, dtypes.Float64:
		runFourier[float64](c)
	default:
		return c.undefined(t)
	}
	return nil
}

func runFourier[F float32 | float64](c *call) {
	a, x, out := c.n.attr.(fftAttr), of[F](c.in[0]), of[F](c.out[0])
	dims := c.out[0].shape.Dimensions
	if len(out) == 0 {
		return
	}
	inverse := a.kind == compute.FFTInverse || a.kind == compute.FFTInverseReal
	rank, size := len(dims), int(unsafe.Sizeof(F(0)))
	if a.kind == compute.FFTInverseReal { // the last axis comes last
		dims = c.in[0].shape.Dimensions
		if len(a.lengths) > 1 {
			s := borrow(len(x) * size)
			defer s.free()
			y := unsafe.Slice((*F)(at(s.data, 0)), len(x))
			for axis := rank - len(a.lengths); axis < rank-1; axis++ {
				lines(c, dims, axis, dims[axis], x, y, inverse, complexLine, complexLine)
				x = y
			}
		}
		lines(c, dims, rank-1, a.lengths[len(a.lengths)-1], x, out, inverse, halfLine, realLine)
		return
	}
	first := complexLine
	if a.kind == compute.FFTForwardReal {
		first = realLine
	}
	for axis := rank - 1; axis >= rank-len(a.lengths); axis-- {
		n := dims[axis]
		if first == realLine {
			n = a.lengths[len(a.lengths)-1]
		}
		lines(c, dims, axis, n, x, out, inverse, first, complexLine)
		x, first = out, complexLine
	}
}

// lineForm says how a line lies in memory.
type lineForm int

const (
	complexLine lineForm = iota
	realLine             // n real numbers
	halfLine             // n/2+1 complex ones, the others being conjugates
)

// length is the number of elements of a line of n, and of reals in one.
func (l lineForm) length(n int) (elements, reals int) {
	switch l {
	case realLine:
		return n, 1
	case halfLine:
		return n/2 + 1, 2
	}
	return n, 2
}

// lines transforms all lines along an axis from x to y, which may be the same. dims
// are those of the complex array.
func lines[F float32 | float64](c *call, dims []int, axis, n int, x, y []F, inverse bool, from, to lineForm) {
	f, inner := newFourier[F](n), product(dims[axis+1:])
	nx, wx := from.length(n)
	ny, wy := to.length(n)
	if to == complexLine {
		ny = dims[axis]
	}
	room, scale := f.room(), F(1)
	if inverse {
		scale = 1 / F(n)
	}
	count := product(dims[:axis]) * inner
	ranges(c.do, count, perTask(16*n), func(lo, hi int) {
		s := borrow(2 * room * int(unsafe.Sizeof(F(0))))
		defer s.free()
		all := unsafe.Slice((*F)(at(s.data, 0)), 2*room)
		for i := lo; i < hi; i++ {
			a, b := all[:room], all[room:]
			row, col := i/inner, i%inner
			loadLine(a, x[(row*nx*inner+col)*wx:], nx, inner*wx, n, from)
			if inverse {
				flip(a[:2*n])
			}
			a = f.run(a, b)
			if inverse {
				flip(a[:2*n])
			}
			storeLine(y[(row*ny*inner+col)*wy:], a, ny, inner*wy, scale, to)
		}
	})
}

// loadLine reads a line whose elements are step reals apart, and makes it complex.
func loadLine[F float32 | float64](a, x []F, elements, step, n int, form lineForm) {
	if form == realLine {
		for k := range n {
			a[2*k], a[2*k+1] = x[k*step], 0
		}
		return
	}
	for k := range elements {
		a[2*k], a[2*k+1] = x[k*step], x[k*step+1]
	}
	for k := elements; k < n; k++ {
		a[2*k], a[2*k+1] = a[2*(n-k)], -a[2*(n-k)+1]
	}
}

// storeLine writes the first elements of a line, scaled.
func storeLine[F float32 | float64](y, a []F, elements, step int, scale F, form lineForm) {
	for k := range elements {
		y[k*step] = a[2*k] * scale
		if form != realLine {
			y[k*step+1] = a[2*k+1] * scale
		}
	}
}
