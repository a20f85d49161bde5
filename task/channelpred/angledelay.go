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
	dft, inverse []complex128 // [size, size], unitary
}

// newAngleDelay prepares the transform for samples [subcarrier, rx, tx]. Ports are
// counted [polarisation, column, row], as package channel does.
func newAngleDelay(c csi.Config) *angleDelay {
	t := new(angleDelay)
	stride := 1
	along := func(size int, transform bool) {
		if transform && size > 1 {
			t.axes = append(t.axes, axis{size, stride, dft(size, -1), dft(size, 1)})
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

// dft is exp(sign j 2 pi i k / n) / sqrt(n), [n, n].
func dft(n int, sign float64) []complex128 {
	f := make([]complex128, n*n)
	scale := 1 / math.Sqrt(float64(n))
	for i := range n {
		for k := range n {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*k%n) / float64(n))
			f[i*n+k] = complex(scale*cos, sign*scale*sin)
		}
	}
	return f
}

// forward turns every row from streams to angle-delay coefficients, in place.
func (t *angleDelay) forward(rows [][]complex128) {
	t.apply(rows, func(a axis) []complex128 { return a.dft })
}

// inverse turns every row back.
func (t *angleDelay) inverse(rows [][]complex128) {
	t.apply(rows, func(a axis) []complex128 { return a.inverse })
}

// apply multiplies every line along every axis by the axis' matrix.
func (t *angleDelay) apply(rows [][]complex128, matrix func(axis) []complex128) {
	line := make([]complex128, t.longest)
	for _, row := range rows {
		for _, a := range t.axes {
			m := matrix(a)
			block := a.size * a.stride
			for start := 0; start < len(row); start += block {
				for offset := range a.stride {
					a.multiply(m, row[start+offset:], line[:a.size])
				}
			}
		}
	}
}

// multiply replaces the line x[0], x[stride], x[2 stride], ... by m times it; line
// is workspace.
func (a axis) multiply(m, x, line []complex128) {
	for i := range line {
		line[i] = x[i*a.stride]
	}
	for i := range line {
		var sum complex128
		for k, f := range m[i*a.size:][:a.size] {
			sum += times(f, line[k])
		}
		x[i*a.stride] = sum
	}
}
