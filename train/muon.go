package train

import (
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/comlam/comlam/backend/kernel"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/compute/dtypes"
)

// muon turns the momentum of each hidden matrix into the nearest matrix with equal
// singular values (Jordan et al. 2024, "Muon"): every direction is learnt at the same
// pace, not only the few that dominate the gradient. Tables, heads and vectors go the
// way of adamW. An update is scaled by 0.2 sqrt(longer side), which gives it the size
// that AdamW's have, so that one rate and one decay serve both (Liu et al. 2025,
// arXiv:2502.16982, section 2.2).
type muon struct {
	o        Optimizer
	hidden   []int // indices of the weights that are matrices
	others   []int
	momentum nn.Weights // of the hidden ones
	rest     *adamW
}

func newMuon(o Optimizer, like nn.Weights) *muon {
	m := &muon{o: o}
	var rest nn.Weights
	for i, w := range like {
		if len(w.Shape) == 2 && min(w.Shape[0], w.Shape[1]) > 1 && !isTable(w.Name) {
			m.hidden = append(m.hidden, i)
			m.momentum = append(m.momentum, zero("momentum/", w))
		} else {
			m.others = append(m.others, i)
			rest = append(rest, w)
		}
	}
	m.rest = newAdamW(o, rest)
	return m
}

// isTable says whether a matrix has a row a token or a position, or a column a class:
// its gradient is not that of one linear map seen by all tokens.
func isTable(name string) bool {
	return slices.ContainsFunc([]string{"embed", "wte", "wpe", "head"}, func(s string) bool { return strings.Contains(name, s) })
}

func (m *muon) update(w, g nn.Weights, rate float64) {
	m.rest.update(pick(w, m.others), pick(g, m.others), rate)
	each(len(m.hidden), func(i int) {
		at := m.hidden[i]
		m.turn(w[at], g[at].Values, m.momentum[i].Values, rate)
	})
}

// turn updates one matrix; v is its momentum, which is looked ahead of (Nesterov).
func (m *muon) turn(w nn.Weight, g, v []float32, rate float64) {
	rows, cols := w.Shape[0], w.Shape[1]
	momentum := float32(m.o.Momentum)
	ahead := make([]float32, len(g))
	for j, d := range g {
		v[j] = momentum*v[j] + d
		ahead[j] = d + momentum*v[j]
	}
	step := float32(rate * 0.2 * math.Sqrt(float64(max(rows, cols))))
	decay := float32(rate * m.o.WeightDecay)
	for j, d := range orthogonalize(ahead, rows, cols) {
		w.Values[j] -= step*d + decay*w.Values[j]
	}
}

func (m *muon) state() nn.Weights { return slices.Concat(m.momentum, m.rest.state()) }

func (m *muon) restore(state nn.Weights) error {
	own := m.state()
	if err := copyByName(own, state); err != nil {
		return err
	}
	m.rest.steps = int(own[len(own)-1].Values[0])
	return nil
}

// orthogonalize returns a matrix with the singular vectors of x and singular values
// near one, within about 0.7 to 1.2: five steps of a Newton-Schulz iteration whose
// polynomial a s + b s^3 + c s^5 grows fast at zero (coefficients of Jordan et al.).
// It may write to x. A zero matrix stays zero.
func orthogonalize(x []float32, rows, cols int) []float32 {
	const a, b, c = 3.4445, -4.7750, 2.0315
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / (math.Sqrt(sum) + 1e-7)) // no singular value is above the norm
	for j := range x {
		x[j] *= scale
	}
	// The smaller Gram matrix: x x^T of a wide x, x^T x of a tall one.
	n, wide := min(rows, cols), rows <= cols
	gram, poly, next := make([]float32, n*n), make([]float32, n*n), make([]float32, len(x))
	for range 5 {
		if wide {
			multiply(gram, x, x, n, n, cols, [4]int{cols, 1, 1, cols})
		} else {
			multiply(gram, x, x, n, n, rows, [4]int{1, cols, cols, 1})
		}
		multiply(poly, gram, gram, n, n, n, [4]int{n, 1, n, 1})
		for j, v := range gram {
			poly[j] = b*v + c*poly[j]
		}
		if wide {
			multiply(next, poly, x, n, cols, n, [4]int{n, 1, cols, 1})
		} else {
			multiply(next, x, poly, rows, n, n, [4]int{n, 1, n, 1})
		}
		for j, v := range x {
			x[j] = a*v + next[j]
		}
	}
	return x
}

// multiply is c = a b, [m k] by [k n], with the strides of rows and columns of a and b.
func multiply(c, a, b []float32, m, n, k int, strides [4]int) {
	p := kernel.Product{
		M: m, N: n, K: k, Type: dtypes.Float32,
		A: kernel.Matrix{Data: unsafe.Pointer(&a[0]), RowStride: strides[0], ColStride: strides[1]},
		B: kernel.Matrix{Data: unsafe.Pointer(&b[0]), RowStride: strides[2], ColStride: strides[3]},
		C: kernel.Matrix{Data: unsafe.Pointer(&c[0]), RowStride: n, ColStride: 1},
	}
	p.Run(nil)
}

// pick lists the weights at some indices; they share their values.
func pick(w nn.Weights, at []int) nn.Weights {
	list := make(nn.Weights, len(at))
	for i, k := range at {
		list[i] = w[k]
	}
	return list
}
