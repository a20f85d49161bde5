package modeltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// A probe is an adapter that does what it is told and counts who asks.
type probe struct {
	dense, sublayers, attentions int

	half   bool       // dense layers and sublayers give half of what they would
	prefix []nn.Array // keys and values of each attention by turns, [P K E]
	length int        // P
}

func (*probe) Trains(string) bool { return false }

func (p *probe) Dense(_ *nn.Scope, _, y *nn.Node) *nn.Node {
	p.dense++
	return p.weak(y)
}

func (p *probe) Sublayer(_ *nn.Scope, y *nn.Node) *nn.Node {
	p.sublayers++
	return p.weak(y)
}

func (p *probe) weak(y *nn.Node) *nn.Node {
	if p.half {
		return graph.MulScalar(y, 0.5)
	}
	return y
}

func (p *probe) PrefixLength() int { return p.length }

func (p *probe) Prefix(_ *nn.Scope, g *graph.Graph, keyHeads, size int) (k, v *nn.Node) {
	array := func(i int) *nn.Node {
		return graph.Reshape(graph.Const(g, p.prefix[i].Float32), p.length, keyHeads, size)
	}
	i := 2 * p.attentions
	p.attentions++
	return array(i), array(i + 1)
}

// adapters: the seam of parameter-efficient tuning reaches every attention and every
// MLP, from inside and behind it, and an adapter that changes nothing changes no bit.
func (c LMCase) adapters(t *testing.T) {
	s, w := c.shaken(t)
	x := c.tokens(2, c.NumTokens)
	want := s.run(t, x)
	logits := func(p *probe) []float32 {
		a := c.build(t, c.Config)
		nn.SetAdapter(a.store, p)
		if err := nn.Push(a.store, w); err != nil {
			t.Fatal(err)
		}
		return a.run(t, x)
	}
	idle := &probe{}
	equal(t, "under an adapter that changes nothing", logits(idle), want)
	layers := c.layers(t)
	if idle.sublayers != 2*layers || idle.dense == 0 || idle.dense%layers != 0 {
		t.Errorf("%d layers, and the adapter was asked after %d sublayers and %d dense layers", layers, idle.sublayers, idle.dense)
	}
	if slices.Equal(bits(logits(&probe{half: true})), bits(want)) {
		t.Error("what the adapter makes of layers is not used")
	}
}

// layers counts the attentions of the model.
func (c LMCase) layers(t *testing.T) int {
	s := c.build(t, c.Config)
	n := 0
	p := s.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		cache := &nn.Cache{}
		y := s.lm.Logits(sc, model.Prompt{Tokens: in[0]}, cache)
		n = len(cache.NewKeys)
		return []*nn.Node{y}
	})
	runAll(t, p, c.tokens(1, 1))
	return n
}

// prefix: the keys and values of the first tokens, given as the prefix of an adapter,
// stand for these tokens: the logits of those behind are what they were, whole, packed
// with others, and with a cache.
func (c LMCase) prefix(t *testing.T) {
	const first = 2
	s, w := c.shaken(t)
	x := c.tokens(1, c.NumTokens)
	want := wide(s.run(t, x)[first*s.vocab:])
	p := c.prefixOf(t, s, x.Int32[:first])
	rest := x.Int32[first:]

	a := c.build(t, c.Config)
	nn.SetAdapter(a.store, p)
	if err := nn.Push(a.store, w); err != nil {
		t.Fatal(err)
	}
	run := func(what string, in []nn.Array, read func(in []*nn.Node) (model.Prompt, *nn.Cache), want []float64) {
		program := a.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
			p.attentions = 0
			prompt, cache := read(in)
			return []*nn.Node{a.lm.Logits(sc, prompt, cache)}
		})
		near(t, what, runAll(t, program, in...)[0].Float32, want, referenceTolerance)
	}
	run("behind a prefix", []nn.Array{{Shape: []int{1, len(rest)}, Int32: rest}}, func(in []*nn.Node) (model.Prompt, *nn.Cache) {
		return model.Prompt{Tokens: in[0]}, nil
	}, want)

	tokens, positions, documents := pack([][]int32{rest, rest[:len(rest)-1], rest})
	several := slices.Concat(want, want[:len(want)-s.vocab], want)
	run("packed behind a prefix", []nn.Array{tokens, positions, documents}, func(in []*nn.Node) (model.Prompt, *nn.Cache) {
		return model.Prompt{Tokens: in[0], Positions: in[1], Documents: in[2]}, nil
	}, several)

	m := c.memorise(t, a)
	m.before = func() { p.attentions = 0 }
	both := nn.Array{Shape: []int{2, len(rest)}, Int32: slices.Concat(rest, rest)}
	for n := 1; m.length[0] < len(rest); n = 2 {
		from := m.length[0]
		n = min(n, len(rest)-from)
		got := m.read(t, both, []int{n, n})
		for b := range 2 {
			near(t, fmt.Sprintf("%d tokens behind a prefix and %d in a cache", n, from),
				got[b*n*s.vocab:(b+1)*n*s.vocab], want[from*s.vocab:(from+n)*s.vocab], referenceTolerance)
		}
	}
}

// prefixOf is the adapter whose prefix stands for tokens.
func (c LMCase) prefixOf(t *testing.T, s *speaker, tokens []int32) *probe {
	program := s.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		cache := &nn.Cache{}
		s.lm.Logits(sc, model.Prompt{Tokens: in[0]}, cache)
		var out []*nn.Node
		for i := range cache.NewKeys { // [1 K T E] -> [T K E]
			for _, part := range []*nn.Node{cache.NewKeys[i], cache.NewValues[i]} {
				out = append(out, graph.TransposeAllAxes(graph.Squeeze(part, 0), 1, 0, 2))
			}
		}
		return out
	})
	return &probe{length: len(tokens), prefix: runAll(t, program, nn.Array{Shape: []int{1, len(tokens)}, Int32: tokens})}
}
