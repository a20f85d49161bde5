package rng

import "math"

// The ziggurat of Marsaglia and Tsang (2000) with 256 layers of equal area under
// exp(-x^2/2). As Doornik (2005) advises, layer, sign and abscissa come from
// separate bits of one word, so that the low bits of the result stay random.
const (
	layers    = 256
	tailStart = 3.6541528853610088     // x of the lowest layer's edge
	layerArea = 0.00492867323399141096 // area of each layer, the tail included
)

var ziggurat = newZiggurat()

type zigguratTable struct {
	width  [layers + 1]float64 // right edge of layer i; width[0] is the base's virtual edge
	height [layers + 1]float64 // exp(-width^2/2)
}

func newZiggurat() *zigguratTable {
	var z zigguratTable
	density := func(x float64) float64 { return math.Exp(-x * x / 2) }
	z.width[0] = layerArea / density(tailStart)
	z.width[1] = tailStart
	for i := 2; i < layers; i++ {
		above := layerArea/z.width[i-1] + density(z.width[i-1])
		z.width[i] = math.Sqrt(-2 * math.Log(above))
	}
	for i := range z.height {
		z.height[i] = density(z.width[i])
	}
	return &z
}

// Normal returns a Gaussian number of mean 0 and variance 1.
func (s *Stream) Normal() float64 {
	z := ziggurat
	for {
		word := s.Uint64()
		layer := word & (layers - 1)
		// 53 signed bits of abscissa from the upper bits, apart from the layer's.
		x := float64(int64(word)>>10) * 0x1p-53 * z.width[layer]
		if math.Abs(x) < z.width[layer+1] {
			return x
		}
		if layer == 0 {
			return s.normalTail(x < 0)
		}
		low, high := z.height[layer], z.height[layer+1]
		if low+(high-low)*s.Float64() < math.Exp(-x*x/2) {
			return x
		}
	}
}

// normalTail draws beyond tailStart by Marsaglia's exponential wedge (1964).
func (s *Stream) normalTail(negative bool) float64 {
	for {
		// 1-u lies in (0, 1], where the logarithm is finite.
		x := -math.Log(1-s.Float64()) / tailStart
		y := -math.Log(1 - s.Float64())
		if y+y > x*x {
			if negative {
				return -tailStart - x
			}
			return tailStart + x
		}
	}
}
