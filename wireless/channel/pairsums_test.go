package channel

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// Every variant gives the bits of the loop in Go, and that the plain sums.
func TestPairSums(t *testing.T) {
	s := rng.New(1)
	for _, c := range []struct{ rows, num, points, more int }{{8, 1, 1, 0}, {16, 20, 7, 8}, {24, 24, 36, 16}, {8, 3, 5, 0}} {
		stride := c.rows + c.more
		fill := func(n int) []float64 {
			v := make([]float64, n)
			for i := range v {
				v[i] = s.Normal()
			}
			return v
		}
		aRe, aIm, eRe, eIm := fill(stride*c.num), fill(stride*c.num), fill(c.num*c.points), fill(c.num*c.points)
		var results [][]float64
		best := variant
		for _, variant = range []string{"portable", "avx2", "avx512"} {
			out := make([]float64, 4*c.rows*c.points)
			pairSums(out, aRe, aIm, stride, eRe, eIm, c.rows, c.num, c.points)
			results = append(results, out)
			if variant == best {
				break
			}
		}
		variant = best
		for i, r := range results {
			if !slices.Equal(r, results[0]) {
				t.Errorf("%+v: variant %d differs from the loop in Go", c, i)
			}
		}
		for point := range c.points {
			for row := range c.rows {
				var above, below complex128
				for l := range c.num {
					a, e := complex(aRe[l*stride+row], aIm[l*stride+row]), complex(eRe[point*c.num+l], eIm[point*c.num+l])
					above += a * e
					below += a * cmplx.Conj(e)
				}
				at := results[0][4*c.rows*point+row:]
				got, got2 := complex(at[0], at[c.rows]), complex(at[2*c.rows], at[3*c.rows])
				if e := math.Max(cmplx.Abs(got-above), cmplx.Abs(got2-below)); e > 1e-12 {
					t.Fatalf("%+v: point %d, row %d is off by %g", c, point, row, e)
				}
			}
		}
	}
}
