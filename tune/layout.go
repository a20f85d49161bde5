package tune

import (
	"fmt"
	"strings"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Layout is where an adapter can take hold of a language model, each list in the order
// of the layers.
type Layout struct {
	Dense      []DenseAt
	Sublayers  []SublayerAt
	Attentions []AttentionAt
}

// DenseAt is a dense layer: its scope, such as "h/0/mlp/c_fc", and its size.
type DenseAt struct {
	Scope   string
	In, Out int
	Bias    bool // it has one of its own
}

// SublayerAt is an attention or an MLP that adds Width numbers a token to the stream.
type SublayerAt struct {
	Scope string
	Width int
}

// AttentionAt is an attention with that many heads of keys.
type AttentionAt struct {
	Scope          string
	KeyHeads, Size int
}

// LayoutOf finds the layers of a model. It builds the graph of one token and runs none.
func LayoutOf(m model.LM) (*Layout, error) {
	engine, err := backend.Open()
	if err != nil {
		return nil, err
	}
	store, f := nn.NewStore(0), &finder{}
	nn.SetAdapter(store, f)
	err = nn.Trace(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{m.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	}, []int{1, 1})
	if err != nil {
		return nil, fmt.Errorf("find the layers of the model: %w", err)
	}
	for i, d := range f.at.Dense {
		f.at.Dense[i].Bias = store.GetVariable("/"+d.Scope+"/bias") != nil
	}
	return &f.at, nil
}

// A finder is an adapter that changes nothing and writes down who asks. It claims a
// prefix of one place, so that attentions ask too.
type finder struct{ at Layout }

func (*finder) Trains(string) bool { return false }

func (f *finder) Dense(s *nn.Scope, x, y *nn.Node) *nn.Node {
	f.at.Dense = append(f.at.Dense, DenseAt{Scope: trimmed(s), In: x.Shape().Dim(-1), Out: y.Shape().Dim(-1)})
	return y
}

func (f *finder) Sublayer(s *nn.Scope, y *nn.Node) *nn.Node {
	f.at.Sublayers = append(f.at.Sublayers, SublayerAt{trimmed(s), y.Shape().Dim(-1)})
	return y
}

func (*finder) PrefixLength() int { return 1 }

func (f *finder) Prefix(s *nn.Scope, g *graph.Graph, keyHeads, size int) (k, v *nn.Node) {
	f.at.Attentions = append(f.at.Attentions, AttentionAt{trimmed(s), keyHeads, size})
	zero := graph.Reshape(graph.Const(g, make([]float32, keyHeads*size)), 1, keyHeads, size)
	return zero, zero
}

// trimmed is the path of a scope as variables are named.
func trimmed(s *nn.Scope) string { return strings.Trim(s.Scope(), "/") }

// ends says whether a path ends with the parts of name, which may be written with dots:
// "h/0/attn/c_proj" ends with "c_proj" and with "attn.c_proj".
func ends(path, name string) bool {
	return strings.HasSuffix("/"+strings.Trim(path, "/"), "/"+strings.ReplaceAll(name, ".", "/"))
}
