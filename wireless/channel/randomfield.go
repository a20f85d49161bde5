package channel

import (
	"math"

	"github.com/comlam/comlam/internal/rng"
)

// numWaves is the number of plane waves of a field. More of them make the average
// over one large area come closer to the average over many drops.
const numWaves = 64

// shortest bounds the wave numbers, at 1/(shortest dcorr): over millimetres a field
// changes little. It costs 0.2 % of the covariance.
const shortest = 1.0 / 512

// randomField is a set of Gaussian random functions of the place in the horizontal plane
// with covariance exp(-d/dcorr) (7.4-5, 7.6.3.1): sums of plane waves, whose wave
// numbers are drawn from the spectrum of that covariance and whose amplitudes are
// Gaussian. So its marginals are exactly Gaussian, the covariance over drops is exact,
// and a value is a pure function of the draw and of the place.
type randomField struct {
	x, y   [numWaves]float64 // wave vectors, rad/m
	re, im []float64         // amplitudes [variable, wave]
}

// wavePhases holds the phases of a field's waves at a place.
type wavePhases struct{ cos, sin [numWaves]float64 }

// drawWaves draws the wave vectors for a correlation distance. The spectrum of
// exp(-d/dcorr) in the plane gives P(|k| > q) = 1/sqrt(1 + (q dcorr)^2); its
// quantiles and the directions are stratified. It returns those quantiles.
func (f *randomField) drawWaves(s *rng.Stream, dcorrM float64) (quantile [numWaves]float64) {
	var order [numWaves]int
	s.PermInto(order[:])
	for n := range numWaves {
		u := max((float64(n)+s.Float64())/numWaves, shortest)
		quantile[n] = u
		k := math.Sqrt(1/(u*u)-1) / dcorrM
		sin, cos := math.Sincos(2 * math.Pi * (float64(order[n]) + s.Float64()) / numWaves)
		f.x[n], f.y[n] = k*cos, k*sin
	}
	return quantile
}

// draw makes f a set of num independent functions with the same dcorr.
func (f *randomField) draw(s *rng.Stream, dcorrM float64, num int) {
	f.drawWaves(s, dcorrM)
	f.resize(num)
	scale := 1 / math.Sqrt(numWaves)
	for i := range f.re {
		f.re[i], f.im[i] = scale*s.Normal(), scale*s.Normal()
	}
}

func (f *randomField) resize(num int) {
	n := num * numWaves
	if cap(f.re) < n {
		f.re, f.im = make([]float64, n), make([]float64, n)
	}
	f.re, f.im = f.re[:n], f.im[:n]
}

// drawParameters makes f the seven large-scale parameters, each with its own
// correlation distance and correlated with each other as shape says.
func (f *randomField) drawParameters(s *rng.Stream, shape *fieldShape) {
	quantile := f.drawWaves(s, shape.dcorr)
	f.resize(numLSP)
	var square [numLSP]float64
	for n, u := range quantile {
		for i, ratio := range shape.ratio {
			// The root of the spectrum of parameter i over the one drawn from.
			root := math.Sqrt(1 / (u*u + ratio*ratio*(1-u*u)))
			w := ratio * root * math.Sqrt(root)
			square[i] += w * w
			f.re[i*numWaves+n] = w
		}
	}
	for n := range numWaves {
		var re, im [numLSP]float64
		for i := range numLSP {
			re[i], im[i] = s.Normal(), s.Normal()
		}
		for i := range numLSP {
			var a, b float64
			for j, l := range shape.factor[i][:i+1] {
				a += l * re[j]
				b += l * im[j]
			}
			w := f.re[i*numWaves+n] / math.Sqrt(square[i])
			f.re[i*numWaves+n], f.im[i*numWaves+n] = w*a, w*b
		}
	}
}

func (f *randomField) phasesAt(x, y float64, p *wavePhases) {
	for n := range numWaves {
		p.sin[n], p.cos[n] = math.Sincos(f.x[n]*x + f.y[n]*y)
	}
}

// value returns one function of the field where p was taken.
func (f *randomField) value(variable int, p *wavePhases) float64 {
	re, im := f.re[variable*numWaves:][:numWaves], f.im[variable*numWaves:][:numWaves]
	sum := 0.0
	for n, a := range re {
		sum += a*p.cos[n] + im[n]*p.sin[n]
	}
	return sum
}

// uniformOf turns a standard Gaussian number into a uniform one.
func uniformOf(normal float64) float64 { return 0.5 * math.Erfc(-normal/math.Sqrt2) }
