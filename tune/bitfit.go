package tune

import (
	"strings"

	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// BitFit trains biases only (Ben Zaken et al. 2021, arXiv:2106.10199): those of dense
// layers and norms. A dense layer that has none, as all of Llama, gets one that starts
// at zero; its norms, which have none either, stay as they are. A model that was tuned
// in this way is then another architecture than its base, and is saved as an adapter.
type BitFit struct {
	LearningRates []float64 `yaml:"learning_rates"`
}

// addedBias is the bias of a layer that has none of its own.
const addedBias = "bitfit_bias"

// Dense implements nn.DenseAdapter.
func (BitFit) Dense(s *nn.Scope, x, y *nn.Node) *nn.Node {
	if s.GetVariable("bias") != nil {
		return y
	}
	bias := nn.Variable(s, x.Graph(), addedBias, nn.Zeros, y.Shape().Dim(-1))
	return graph.Add(y, graph.ExpandLeftToRank(bias, y.Rank()))
}

// Trains implements nn.Adapter.
func (BitFit) Trains(name string) bool {
	last := name[strings.LastIndex(name, "/")+1:]
	return last == "bias" || last == addedBias
}
