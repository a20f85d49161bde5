package tune

import (
	"strings"

	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Prefix lets every token look at Length learned keys and values in every layer, as if
// a text of that length stood before it (Li and Liang 2021, arXiv:2101.00190). Keys and
// values are learned as they are; the paper makes them by an MLP while it trains.
type Prefix struct {
	Length        int       `yaml:"length"`
	LearningRates []float64 `yaml:"learning_rates"`
}

// Names of the two tables [P K E], below the attention that sees them.
const (
	prefixKey   = "prefix_key"
	prefixValue = "prefix_value"
)

// PrefixLength implements nn.PrefixAdapter.
func (p Prefix) PrefixLength() int { return p.Length }

// Prefix implements nn.PrefixAdapter.
func (p Prefix) Prefix(s *nn.Scope, g *graph.Graph, keyHeads, size int) (k, v *nn.Node) {
	k = nn.Variable(s, g, prefixKey, nn.Normal(0.02), p.Length, keyHeads, size)
	return k, nn.Variable(s, g, prefixValue, nn.Normal(0.02), p.Length, keyHeads, size)
}

// Trains implements nn.Adapter.
func (Prefix) Trains(name string) bool {
	return strings.HasSuffix(name, "/"+prefixKey) || strings.HasSuffix(name, "/"+prefixValue)
}
