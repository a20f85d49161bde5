package train

import (
	"math"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// TestWeightedMean: the mean counts by weight, a sample without weight has neither loss
// nor gradient.
func TestWeightedMean(t *testing.T) {
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewProgram(engine, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
		y := WeightedMean(in[0], in[1])
		return []*nn.Node{y, graph.Gradient(graph.ReduceAllSum(y), in[0])[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(nn.Array{Shape: []int{3, 3}, Float32: []float32{1, 2, 6, 1, 2, 6, 1, 2, 6}},
		nn.Array{Shape: []int{3, 3}, Float32: []float32{1, 1, 1, 0, 1, 3, 0, 0, 0}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{3, 5, 0} {
		if got := float64(out[0].Float32[i]); math.Abs(got-want) > 1e-6 {
			t.Errorf("sample %d: %g, want %g", i, got, want)
		}
	}
	for i, want := range []float64{1. / 3, 1. / 3, 1. / 3, 0, 0.25, 0.75, 0, 0, 0} {
		if got := float64(out[1].Float32[i]); !(math.Abs(got-want) <= 1e-6) {
			t.Errorf("gradient %d: %g, want %g", i, got, want)
		}
	}
}
