package nn

import "math"

// SinCos is the sine-cosine position table [positions width] of Vaswani et al.
// 2017: the first half of a row holds sines, the second cosines, at wavelengths
// from 2 pi to 2 pi 10000.
func SinCos(positions, width int) []float32 {
	table := make([]float32, positions*width)
	half := width / 2
	for p := range positions {
		for i := range half {
			angle := float64(p) / math.Pow(10000, float64(i)/float64(half))
			table[p*width+i] = float32(math.Sin(angle))
			table[p*width+half+i] = float32(math.Cos(angle))
		}
	}
	return table
}
