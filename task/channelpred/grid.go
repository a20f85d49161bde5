package channelpred

import (
	"fmt"

	"github.com/comlam/comlam/wireless/csi"
)

// grid is the size of an example. A stream is one antenna pair on one subcarrier;
// the streams of a slot are laid out [subcarrier, rx, tx].
type grid struct {
	past, future   int
	numSubcarriers int
	numRx, numTx   int
	numStreams     int // numSubcarriers * numRx * numTx
}

func newGrid(cfg Config, s csi.Shape) grid {
	return grid{
		past: cfg.Past, future: cfg.Future,
		numSubcarriers: s.NumSubcarriers, numRx: s.NumRxAnt, numTx: s.NumTxAnt,
		numStreams: s.NumSubcarriers * s.NumRxAnt * s.NumTxAnt,
	}
}

// each hands the examples to predict one after the other, with past [past][stream]
// in float64 and room for the prediction in future [future][stream], and narrows
// the result to out. Both are reused from example to example.
func (g grid) each(examples []Example, out [][]complex64, predict func(past, future [][]complex128) error) error {
	if len(out) != len(examples) {
		return fmt.Errorf("%d places for the predictions of %d examples; give as many", len(out), len(examples))
	}
	past, future := matrix(g.past, g.numStreams), matrix(g.future, g.numStreams)
	for i, e := range examples {
		if len(e.Past) != g.past*g.numStreams || len(out[i]) != g.future*g.numStreams {
			return fmt.Errorf("example %d has %d past values and room for %d future ones; this method was made for %d x %d and %d x %d",
				e.Index, len(e.Past), len(out[i]), g.past, g.numStreams, g.future, g.numStreams)
		}
		widen(past, e.Past)
		if err := predict(past, future); err != nil {
			return fmt.Errorf("example %d: %w", e.Index, err)
		}
		for k, row := range future {
			for s, v := range row {
				out[i][k*g.numStreams+s] = complex64(v)
			}
		}
	}
	return nil
}

// matrix makes rows of zeros in one piece of memory.
func matrix(rows, cols int) [][]complex128 {
	all := make([]complex128, rows*cols)
	m := make([][]complex128, rows)
	for i := range m {
		m[i] = all[i*cols:][:cols:cols]
	}
	return m
}

// widen copies h [row, col] into rows.
func widen(rows [][]complex128, h []complex64) {
	for i, row := range rows {
		for j, v := range h[i*len(row):][:len(row)] {
			row[j] = complex128(v)
		}
	}
}

// combine writes sum_i w[k,i] past[i] to future[k]: a direct predictor of every
// future slot from all past ones, w [future, past].
func combine(w []complex128, past, future [][]complex128) {
	for k, to := range future {
		clear(to)
		for i, from := range past {
			c := w[k*len(past)+i]
			for s, v := range from {
				to[s] += times(c, v)
			}
		}
	}
}

// times is a b without the care for infinities that the operator takes.
func times(a, b complex128) complex128 {
	return complex(real(a)*real(b)-imag(a)*imag(b), real(a)*imag(b)+imag(a)*real(b))
}

// power is |x|^2.
func power(x complex128) float64 { return real(x)*real(x) + imag(x)*imag(x) }
