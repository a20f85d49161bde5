package tune

import (
	"math"
	"strings"

	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Bottleneck puts an adapter behind every attention and every MLP: y + up(gelu(down(y)))
// with Size numbers in between (Houlsby et al. 2019, arXiv:1902.00751). It starts as
// the identity: the second product begins at zero. The paper draws both close to zero,
// and trains the norms of the base too; here these stay, so that adapters can be
// exchanged.
type Bottleneck struct {
	Size          int       `yaml:"size"`
	LearningRates []float64 `yaml:"learning_rates"`
}

// Names of the two layers, below the attention or MLP they stand behind.
const (
	adapterDown = "adapter_down" // weight [D size], bias [size]
	adapterUp   = "adapter_up"   // weight [size D], bias [D]
)

// Sublayer implements nn.SublayerAdapter.
func (b Bottleneck) Sublayer(s *nn.Scope, y *nn.Node) *nn.Node {
	d := y.Shape().Dim(-1)
	layer := func(s *nn.Scope, x *nn.Node, init nn.Init, out int) *nn.Node { // [rows out]
		g, in := x.Graph(), x.Shape().Dim(-1)
		w, bias := nn.Variable(s, g, "weight", init, in, out), nn.Variable(s, g, "bias", nn.Zeros, out)
		return graph.Add(graph.Dot(x, w).Product(), graph.Reshape(bias, 1, out))
	}
	x := graph.Reshape(y, y.Shape().Size()/d, d)
	x = nn.Gelu(layer(s.In(adapterDown), x, nn.Uniform(1/math.Sqrt(float64(d))), b.Size))
	x = layer(s.In(adapterUp), x, nn.Zeros, d)
	return graph.Add(y, graph.Reshape(x, y.Shape().Dimensions...))
}

// Trains implements nn.Adapter.
func (Bottleneck) Trains(name string) bool {
	return strings.Contains("/"+name, "/"+adapterDown+"/") || strings.Contains("/"+name, "/"+adapterUp+"/")
}
