package tune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Prefix lets every token look at Length learned keys and values in every layer, as if
// a text of that length stood before it (Li and Liang 2021, arXiv:2101.00190). Keys and
// values are learned as they are; the paper makes them by an MLP while it trains.
type Prefix struct {
	Length        int       `yaml:"length"`
	LearningRates []float64 `yaml:"learning_rates"`

	start map[string][]float32 // first values by variable; nil draws them small
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
	table := func(name string) *nn.Node {
		first := nn.Normal(0.02)
		if values := p.start[trimmed(s)+"/"+name]; values != nil {
			first = nn.Table(values)
		}
		return nn.Variable(s, g, name, first, p.Length, keyHeads, size)
	}
	return table(prefixKey), table(prefixValue)
}

// From is the prefix that begins as the keys and values of tokens, as many as it is
// long: the model then starts as one that read these tokens first, which the paper finds
// to learn faster from few examples than one that starts anywhere.
func (p Prefix) From(m model.LM, base nn.Weights, tokens []int32) (Prefix, error) {
	if len(tokens) != p.Length {
		return p, fmt.Errorf("a prefix of %d places cannot begin as %d tokens", p.Length, len(tokens))
	}
	l, err := LayoutOf(m)
	if err != nil {
		return p, err
	}
	engine, err := backend.Open()
	if err != nil {
		return p, err
	}
	store := nn.NewStore(0)
	if err := nn.Push(store, base); err != nil {
		return p, err
	}
	program, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		cache := &nn.Cache{}
		m.Logits(s, model.Prompt{Tokens: in[0]}, cache)
		var out []*nn.Node
		for i := range cache.NewKeys { // [1 K T E] -> [T K E]
			for _, part := range []*nn.Node{cache.NewKeys[i], cache.NewValues[i]} {
				out = append(out, graph.TransposeAllAxes(graph.Squeeze(part, 0), 1, 0, 2))
			}
		}
		return out
	})
	if err != nil {
		return p, err
	}
	out, err := program.Run(nn.Array{Shape: []int{1, len(tokens)}, Int32: tokens})
	if err != nil {
		return p, err
	}
	p.start = map[string][]float32{}
	for i, at := range l.Attentions {
		p.start[at.Scope+"/"+prefixKey], p.start[at.Scope+"/"+prefixValue] = out[2*i].Float32, out[2*i+1].Float32
	}
	return p, nil
}

// Trains implements nn.Adapter.
func (Prefix) Trains(name string) bool {
	return strings.HasSuffix(name, "/"+prefixKey) || strings.HasSuffix(name, "/"+prefixValue)
}

// Begin lets a prefix begin as the first tokens that source shows; all else stays.
func (c Text) Begin(m model.LM, base nn.Weights, source data.Source) (Text, error) {
	if !slices.Contains(c.Methods, string(WayPrefix)) {
		return c, nil
	}
	b, err := source.Batch(0, 1)
	if err != nil {
		return c, err
	}
	tokens := b.Arrays[0].Int32
	if len(tokens) < c.Prefix.Length {
		return c, setting.Bad("prefix.length", "use at most the length of a row", "%d places cannot begin as the %d tokens of a row", c.Prefix.Length, len(tokens))
	}
	c.Prefix, err = c.Prefix.From(m, base, tokens[:c.Prefix.Length])
	return c, err
}
