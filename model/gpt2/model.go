package gpt2

import (
	"fmt"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	. "github.com/gomlx/gomlx/core/graph"
)

// Axes: B batch, T tokens, V vocabulary, D width, H heads, E head width.

// Model is a GPT-2 of one size. It implements model.LM.
type Model struct{ c Config }

var _ model.LM = (*Model)(nil)

// VocabSize implements model.LM.
func (m *Model) VocabSize() int { return m.c.VocabSize }

// MaxPositions implements model.LM.
func (m *Model) MaxPositions() int { return m.c.MaxPositionEmbeddings }

// Logits implements model.LM. Sequences longer than MaxPositionEmbeddings panic, as
// graph code does; positions that are given must be less.
func (m *Model) Logits(s *nn.Scope, p model.Prompt, c *nn.Cache) *nn.Node {
	g, t, d := p.Tokens.Graph(), p.Tokens.Shape().Dim(1), m.c.HiddenSize
	counted := p.Positions == nil && (c == nil || c.Length == nil) // from 0, or from a prefix
	if n := t + nn.PrefixLength(s); counted && n > m.c.MaxPositionEmbeddings {
		panic(fmt.Errorf("gpt2: a sequence of %d tokens, and max_position_embeddings is %d; cut it or build a longer model", n, m.c.MaxPositionEmbeddings))
	}
	at := nn.Positions(s, c, p.Tokens, p.Positions)
	table := nn.Variable(s.In("wte"), g, "weight", nn.Normal(0.02), m.c.VocabSize, d)
	positions := nn.Variable(s.In("wpe"), g, "weight", nn.Normal(0.01), m.c.MaxPositionEmbeddings, d)
	x := nn.Embed(table, p.Tokens) // [B T D]
	if at != nil {
		x = Add(x, nn.Embed(positions, at))
	} else {
		x = Add(x, InsertAxes(Slice(positions, AxisRangeFromStart(t), AxisRange()), 0))
	}
	see := &nn.Sight{Documents: p.Documents, Cache: c}
	blocks := s.In("h")
	for i := range m.c.NumHiddenLayers {
		x = m.block(blocks.In("%d", i), x, see)
	}
	if p.Places != nil {
		x = nn.Pick(x, p.Places) // [B W D]
	}
	x = nn.LayerNorm(s.In("ln_f"), x, m.c.LayerNormEpsilon)
	if !m.c.TieWordEmbeddings {
		table = nn.Variable(s.In("lm_head"), g, "weight", nn.Normal(0.02), m.c.VocabSize, d)
	}
	return nn.Unembed(table, x) // [B T V]
}

// block is x + attention(norm(x)), then x + mlp(norm(x)): [B T D] -> [B T D].
func (m *Model) block(s *nn.Scope, x *nn.Node, see *nn.Sight) *nn.Node {
	attn, mlp := s.In("attn"), s.In("mlp")
	x = Add(x, nn.Sublayer(attn, m.attention(attn, nn.LayerNorm(s.In("ln_1"), x, m.c.LayerNormEpsilon), see)))
	return Add(x, nn.Sublayer(mlp, m.mlp(mlp, nn.LayerNorm(s.In("ln_2"), x, m.c.LayerNormEpsilon))))
}

// attention lets each token look back: [B T D] -> [B T D]. One product makes queries,
// keys and values, in this order.
func (m *Model) attention(s *nn.Scope, x *nn.Node, see *nn.Sight) *nn.Node {
	b, t, d := x.Shape().Dim(0), x.Shape().Dim(1), m.c.HiddenSize
	qkv := nn.Dense(s.In("c_attn"), x, 3*d) // [B T 3D]
	part := func(i int) *nn.Node {          // [B T H E]
		return Reshape(Slice(qkv, AxisRange(), AxisRange(), AxisRange(i*d, (i+1)*d)), b, t, m.c.NumAttentionHeads, d/m.c.NumAttentionHeads)
	}
	y := nn.Attention(s, part(0), part(1), part(2), see) // [B T H E]
	return nn.Dense(s.In("c_proj"), Reshape(y, b, t, d), d)
}

// mlp is [B T D] -> [B T D].
func (m *Model) mlp(s *nn.Scope, x *nn.Node) *nn.Node {
	up := nn.Gelu(nn.Dense(s.In("c_fc"), x, m.c.IntermediateSize))
	return nn.Dense(s.In("c_proj"), up, m.c.HiddenSize)
}
