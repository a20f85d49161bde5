// Package fourier transforms lines of complex numbers, in portable Go: for the engine and
// for waveforms.
package fourier

import (
	"math"
	"math/bits"
	"sync"
)

// An FFT transforms lines of n complex numbers:
//
//	y[k] = sum over j of x[j] * exp(-2 pi i j k / n)
//
// Lengths of small prime factors go by Stockham's passes, which need no reordering;
// others become a convolution of a power of two (Bluestein, A linear filtering
// approach to the computation of discrete Fourier transform, 1970).
type FFT[F float32 | float64] struct {
	n             int
	passes        []fftPass[F]
	chirp, filter []F // exp(-pi i k^2/n), and the transform of its conjugate
	long          *FFT[F]
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

type fftKey[F any] int // n

var fftPlans sync.Map // of fftKey[F] to *FFT[F]

// root is exp(-2 pi i k/n).
func root[F float32 | float64](k, n int) (re, im F) {
	sin, cos := math.Sincos(2 * math.Pi * float64(k%n) / float64(n))
	return F(cos), F(-sin)
}

// New returns the transform of lines of n complex numbers, n at least 1. It may be
// used by any number of goroutines.
func New[F float32 | float64](n int) *FFT[F] {
	key := fftKey[F](n)
	if f, ok := fftPlans.Load(key); ok {
		return f.(*FFT[F])
	}
	f := &FFT[F]{n: n}
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
	fftPlans.Store(key, f)
	return f
}

func (f *FFT[F]) bluestein() {
	m := 1 << bits.Len(uint(2*f.n-2))
	f.passes, f.long = nil, New[F](m)
	f.chirp, f.filter = make([]F, 2*f.n), make([]F, 2*m)
	for k := range f.n {
		re, im := root[F](k*k%(2*f.n), 2*f.n)
		f.chirp[2*k], f.chirp[2*k+1] = re, im
		for _, at := range []int{k, (m - k) % m} {
			f.filter[2*at], f.filter[2*at+1] = re/F(m), -im/F(m)
		}
	}
	copy(f.filter, f.long.Run(f.filter, make([]F, 2*m)))
}

// Room is the length of the two buffers of Run.
func (f *FFT[F]) Room() int {
	if f.long != nil {
		return 2 * f.long.n
	}
	return 2 * f.n
}

// Run transforms x, with y as scratch memory, and returns the one that holds the
// result.
func (f *FFT[F]) Run(x, y []F) []F {
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

func (f *FFT[F]) convolve(x, y []F) []F {
	times := func(x, w []F, n int) {
		for k := 0; k < 2*n; k += 2 {
			x[k], x[k+1] = x[k]*w[k]-x[k+1]*w[k+1], x[k]*w[k+1]+x[k+1]*w[k]
		}
	}
	times(x, f.chirp, f.n)
	clear(x[2*f.n:])
	z := f.long.Run(x, y)
	times(z, f.filter, f.long.n)
	SwapParts(z) // the inverse, but for the order of its parts
	if &z[0] == &y[0] {
		x, y = y, x
	}
	z = f.long.Run(x, y)
	SwapParts(z)
	times(z, f.chirp, f.n)
	return z
}

// SwapParts swaps real and imaginary parts. The inverse of a transform is the transform
// between two flips, divided by n.
func SwapParts[F any](x []F) {
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
