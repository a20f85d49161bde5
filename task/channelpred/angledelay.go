package channelpred

import (
	"math"

	"github.com/comlam/comlam/wireless/csi"
)

// angleDelay turns the streams of a slot into coefficients of delay and angle:
// unitary DFTs along the subcarriers and along the columns and rows of both
// panels. Polarisations are not mixed. Noise stays white and mean power stays
// what it was.
type angleDelay struct {
	axes    []axis
	longest int // axis
}

// axis is one direction of the array [outer, size, stride].
type axis struct {
	size, stride int
	dft          []complex128 // [size, size], unitary
}

// newAngleDelay prepares the transform for samples [subcarrier, rx, tx]. Ports are
// counted [polarisation, column, row], as package channel does.
func newAngleDelay(c csi.Config) *angleDelay {
	t := new(angleDelay)
	stride := 1
	along := func(size int, transform bool) {
		if transform && size > 1 {
			t.axes = append(t.axes, axis{size, stride, dft(size)})
			t.longest = max(t.longest, size)
		}
		stride *= size
	}
	for _, panel := range []csi.Panel{c.Tx, c.Rx} {
		along(panel.Rows, true)
		along(panel.Cols, true)
		along(numPolarizations(panel), false)
	}
	along(c.NumSubcarriers, true)
	return t
}

func numPolarizations(p csi.Panel) int {
	if p.DualPolarized {
		return 2
	}
	return 1
}

// dft is exp(-j 2 pi i k / n) / sqrt(n), [n, n].
func dft(n int) []complex128 {
	f := make([]complex128, n*n)
	scale := 1 / math.Sqrt(float64(n))
	for i := range n {
		for k := range n {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*k%n) / float64(n))
			f[i*n+k] = complex(scale*cos, -scale*sin)
		}
	}
	return f
}

// forward turns every row from streams to angle-delay coefficients, in place.
func (t *angleDelay) forward(rows [][]complex128) { t.apply(rows, 1) }

// inverse turns every row back.
func (t *angleDelay) inverse(rows [][]complex128) { t.apply(rows, -1) }

// apply runs the DFT, or with sign -1 its conjugate, along every axis.
func (t *angleDelay) apply(rows [][]complex128, sign float64) {
	line := make([]complex128, t.longest)
	for _, row := range rows {
		for _, a := range t.axes {
			block := a.size * a.stride
			for start := 0; start < len(row); start += block {
				for offset := range a.stride {
					a.line(row[start+offset:], line[:a.size], sign)
				}
			}
		}
	}
}

// line transforms x[0], x[stride], x[2 stride], ... in place.
func (a axis) line(x, copied []complex128, sign float64) {
	for i := range copied {
		copied[i] = x[i*a.stride]
	}
	for i := range copied {
		var sum complex128
		for k, f := range a.dft[i*a.size:][:a.size] {
			sum += times(complex(real(f), sign*imag(f)), copied[k])
		}
		x[i*a.stride] = sum
	}
}
