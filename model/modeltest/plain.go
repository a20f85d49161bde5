package modeltest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// The layers of package nn once more, as loops over float64 that share no code
// with it. A matrix [rows width] is a list of rows.

// Weights finds the values of a variable by name.
type Weights struct{ W nn.Weights }

// At returns a variable's values, and panics if there is none of that name: a
// plain reading that asks for it is wrong.
func (w Weights) At(name string) []float64 {
	item := w.W.Find(name)
	if item == nil {
		panic(fmt.Sprintf("no variable %q", name))
	}
	out := make([]float64, len(item.Values))
	for i, v := range item.Values {
		out[i] = float64(v)
	}
	return out
}

// Rows cuts values into rows of a width.
func Rows(values []float64, width int) [][]float64 {
	return slices.Collect(slices.Chunk(values, width))
}

// Dense is x W + b.
func (w Weights) Dense(layer string, x [][]float64) [][]float64 {
	weight, bias := w.At(layer+"/weight"), w.At(layer+"/bias")
	y := make([][]float64, len(x))
	for r, row := range x {
		y[r] = slices.Clone(bias)
		for i, v := range row {
			for o := range y[r] {
				y[r][o] += v * weight[i*len(bias)+o]
			}
		}
	}
	return y
}

// LayerNorm normalises each row.
func (w Weights) LayerNorm(layer string, x [][]float64, eps float64) [][]float64 {
	scale, shift := w.At(layer+"/weight"), w.At(layer+"/bias")
	y := make([][]float64, len(x))
	for r, row := range x {
		n := float64(len(row))
		var mean, variance float64
		for _, v := range row {
			mean += v / n
		}
		for _, v := range row {
			variance += (v - mean) * (v - mean) / n
		}
		for i, v := range row {
			y[r] = append(y[r], (v-mean)/math.Sqrt(variance+eps)*scale[i]+shift[i])
		}
	}
	return y
}

// Gelu is the activation in its tanh form.
func Gelu(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// Relu is the activation max(x, 0).
func Relu(x float64) float64 { return max(x, 0) }

// Attention lets every row look at every row.
func (w Weights) Attention(layer string, x [][]float64, heads int) [][]float64 {
	q, k, v := w.Dense(layer+"/query", x), w.Dense(layer+"/key", x), w.Dense(layer+"/value", x)
	width := len(x[0])
	size := width / heads
	mixed := make([][]float64, len(x))
	for i := range x {
		mixed[i] = make([]float64, width)
		for h := range heads {
			scores := make([]float64, len(x))
			sum := 0.0
			for j := range x {
				for e := h * size; e < (h+1)*size; e++ {
					scores[j] += q[i][e] * k[j][e] / math.Sqrt(float64(size))
				}
				scores[j] = math.Exp(scores[j])
				sum += scores[j]
			}
			for j := range x {
				for e := h * size; e < (h+1)*size; e++ {
					mixed[i][e] += scores[j] / sum * v[j][e]
				}
			}
		}
	}
	return w.Dense(layer+"/output", mixed)
}

// Block is a pre-norm transformer block.
func (w Weights) Block(layer string, x [][]float64, heads int, act func(float64) float64, eps float64) [][]float64 {
	x = sum(x, w.Attention(layer+"/attention", w.LayerNorm(layer+"/norm1", x, eps), heads))
	up := w.Dense(layer+"/mlp/up", w.LayerNorm(layer+"/norm2", x, eps))
	for _, row := range up {
		for i, v := range row {
			row[i] = act(v)
		}
	}
	return sum(x, w.Dense(layer+"/mlp/down", up))
}

func sum(a, b [][]float64) [][]float64 {
	out := make([][]float64, len(a))
	for r := range a {
		for i := range a[r] {
			out[r] = append(out[r], a[r][i]+b[r][i])
		}
	}
	return out
}

func mean(losses *nn.Node) *nn.Node { return graph.ReduceAllMean(losses) }

// near compares got with want to a fraction of the largest value.
func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= tolerance*largest) {
			t.Fatalf("%s: value %d is %.8g, want %.8g within %g of %g", what, i, v, want[i], tolerance, largest)
		}
	}
}

func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if !slices.Equal(bits(got), bits(want)) {
		t.Fatalf("%s: other bits", what)
	}
}

func bits(values []float32) []uint32 {
	out := make([]uint32, len(values))
	for i, v := range values {
		out[i] = math.Float32bits(v)
	}
	return out
}

// Causal lets every row look at itself and at those before it. A row of qkv holds
// query, key and value, one behind the other; a row of the result is as wide as one.
func Causal(qkv [][]float64, heads int) [][]float64 {
	width := len(qkv[0]) / 3
	size := width / heads
	mixed := make([][]float64, len(qkv))
	for i, row := range qkv {
		mixed[i] = make([]float64, width)
		for h := range heads {
			scores, total := make([]float64, i+1), 0.0
			for j := range scores {
				for e := h * size; e < (h+1)*size; e++ {
					scores[j] += row[e] * qkv[j][width+e] / math.Sqrt(float64(size))
				}
				scores[j] = math.Exp(scores[j])
				total += scores[j]
			}
			for j, s := range scores {
				for e := h * size; e < (h+1)*size; e++ {
					mixed[i][e] += s / total * qkv[j][2*width+e]
				}
			}
		}
	}
	return mixed
}
