package nn_test

import (
	"math"
	"testing"

	"github.com/comlam/comlam/model/modeltest"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// TestCausalAttention compares attention with plain loops, one token alone included.
func TestCausalAttention(t *testing.T) {
	const b, heads, width = 2, 3, 12
	for _, tokens := range []int{1, 2, 7, 33} {
		x := normal(5, b, tokens, 3*width)
		p := program(t, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
			part := func(i int) *nn.Node {
				y := graph.Slice(in[0], graph.AxisRange(), graph.AxisRange(), graph.AxisRange(i*width, (i+1)*width))
				return graph.Reshape(y, b, tokens, heads, width/heads)
			}
			return []*nn.Node{nn.CausalAttention(part(0), part(1), part(2))}
		})
		got := run(t, p, x)[0].Float32
		size := tokens * 3 * width
		for i := range b {
			want := modeltest.Causal(wide(x.Float32[i*size:(i+1)*size], 3*width), heads)
			near(t, "causal attention", got[i*tokens*width:(i+1)*tokens*width], flat(want), 1e-5)
		}
	}
}

// TestCrossEntropy: the loss and its gradient, softmax minus one at the target, where
// exponentials overflow too.
func TestCrossEntropy(t *testing.T) {
	const rows, classes = 4, 9
	for _, scale := range []float64{0, 1, 5000} {
		x := normal(8, rows, classes)
		for i := range x.Float32 {
			x.Float32[i] *= float32(scale)
		}
		target := nn.Array{Shape: []int{rows}, Int32: []int32{0, 8, 3, 3}}
		p := program(t, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
			loss := nn.CrossEntropy(in[0], in[1])
			return []*nn.Node{loss, graph.Gradient(graph.ReduceAllSum(loss), in[0])[0]}
		})
		out := run(t, p, x, target)
		var loss, gradient []float64
		for r, row := range wide(x.Float32, classes) {
			most, sum := math.Inf(-1), 0.0
			for _, v := range row {
				most = max(most, v)
			}
			for _, v := range row {
				sum += math.Exp(v - most)
			}
			loss = append(loss, most+math.Log(sum)-row[target.Int32[r]])
			for c, v := range row {
				g := math.Exp(v-most) / sum
				if int32(c) == target.Int32[r] {
					g--
				}
				gradient = append(gradient, g)
			}
		}
		near(t, "loss", out[0].Float32, loss, 1e-5)
		near(t, "gradient", out[1].Float32, gradient, 1e-5)
	}
}
