package fourier

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Every length gives the sums of the definition, and back.
func TestFFTIsTheSum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 30, 34, 64, 67, 128, 384, 1001} {
		f := New[float64](n)
		x, y := make([]float64, f.Room()), make([]float64, f.Room())
		for i := range 2 * n {
			x[i] = random.NormFloat64()
		}
		in := append([]float64(nil), x[:2*n]...)
		z := f.Run(x, y)
		worst := 0.0
		for k := range n {
			var re, im float64
			for j := range n {
				sin, cos := math.Sincos(-2 * math.Pi * float64(j*k%n) / float64(n))
				re += in[2*j]*cos - in[2*j+1]*sin
				im += in[2*j]*sin + in[2*j+1]*cos
			}
			worst = max(worst, math.Hypot(z[2*k]-re, z[2*k+1]-im))
		}
		if worst > 1e-11*float64(n) {
			t.Errorf("length %d is off by %g", n, worst)
		}
		back := make([]float64, f.Room())
		copy(back, z[:2*n])
		SwapParts(back[:2*n])
		back = f.Run(back, make([]float64, f.Room()))
		SwapParts(back[:2*n])
		for i, v := range in {
			if math.Abs(back[i]/float64(n)-v) > 1e-12 {
				t.Errorf("length %d: there and back gives %g, was %g", n, back[i]/float64(n), v)
				break
			}
		}
	}
}
