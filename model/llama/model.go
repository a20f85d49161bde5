package llama

import (
	"math"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	. "github.com/gomlx/gomlx/core/graph"
)

// Axes: B batch, T tokens, V vocabulary, D width, H query heads, K key heads, E head
// width, M width of the MLP.

// Model is a Llama of one size. It implements model.LM.
type Model struct{ c Config }

var _ model.LM = (*Model)(nil)

// VocabSize implements model.LM.
func (m *Model) VocabSize() int { return m.c.VocabSize }

// MaxPositions implements model.LM.
func (m *Model) MaxPositions() int { return m.c.MaxPositionEmbeddings }

// Logits implements model.LM.
func (m *Model) Logits(s *nn.Scope, p model.Prompt, c *nn.Cache) *nn.Node {
	g, d := p.Tokens.Graph(), m.c.HiddenSize
	body := s.In("model")
	table := nn.Variable(body.In("embed_tokens"), g, "weight", nn.Normal(0.02), m.c.VocabSize, d)
	x := nn.Embed(table, p.Tokens) // [B T D]
	rope := nn.NewRope(p.Tokens, nn.Positions(s, c, p.Tokens, p.Positions), m.c.frequencies())
	see := &nn.Sight{Documents: p.Documents, Cache: c}
	blocks := body.In("layers")
	for i := range m.c.NumHiddenLayers {
		x = m.block(blocks.In("%d", i), x, rope, see)
	}
	if p.Places != nil {
		x = nn.Pick(x, p.Places) // [B W D]
	}
	x = nn.RMSNorm(body.In("norm"), x, m.c.RMSNormEps)
	if !m.c.TieWordEmbeddings {
		table = nn.Variable(s.In("lm_head"), g, "weight", nn.Normal(0.02), m.c.VocabSize, d)
	}
	return nn.Unembed(table, x) // [B T V]
}

// block is x + attention(norm(x)), then x + mlp(norm(x)): [B T D] -> [B T D].
func (m *Model) block(s *nn.Scope, x *nn.Node, rope *nn.Rope, see *nn.Sight) *nn.Node {
	attn, mlp := s.In("self_attn"), s.In("mlp")
	x = Add(x, nn.Sublayer(attn, m.attention(attn, nn.RMSNorm(s.In("input_layernorm"), x, m.c.RMSNormEps), rope, see)))
	return Add(x, nn.Sublayer(mlp, m.mlp(mlp, nn.RMSNorm(s.In("post_attention_layernorm"), x, m.c.RMSNormEps))))
}

// attention lets each token look back: [B T D] -> [B T D].
func (m *Model) attention(s *nn.Scope, x *nn.Node, rope *nn.Rope, see *nn.Sight) *nn.Node {
	b, t, e := x.Shape().Dim(0), x.Shape().Dim(1), m.c.HeadDim
	project := func(name string, heads int) *nn.Node { // [B T heads E]
		return Reshape(nn.Linear(s.In("%s", name), x, heads*e), b, t, heads, e)
	}
	q := rope.Turn(project("q_proj", m.c.NumAttentionHeads))
	k := rope.Turn(project("k_proj", m.c.NumKeyValueHeads))
	y := nn.Attention(s, q, k, project("v_proj", m.c.NumKeyValueHeads), see) // [B T H E]
	return nn.Linear(s.In("o_proj"), Reshape(y, b, t, m.c.NumAttentionHeads*e), m.c.HiddenSize)
}

// mlp is down(silu(gate(x)) * up(x)) (Shazeer 2020, arXiv:2002.05202): [B T D] ->
// [B T D].
func (m *Model) mlp(s *nn.Scope, x *nn.Node) *nn.Node {
	gate := nn.Silu(nn.Linear(s.In("gate_proj"), x, m.c.IntermediateSize)) // [B T M]
	up := nn.Linear(s.In("up_proj"), x, m.c.IntermediateSize)
	return nn.Linear(s.In("down_proj"), Mul(gate, up), m.c.HiddenSize)
}

// frequencies are those of the rotary positions, stretched as the configuration says.
// Scaling llama3 leaves the fast ones alone, divides the slow ones by the factor, and
// goes from the one to the other between two wavelengths (Llama 3.1's published code).
func (c Config) frequencies() []float64 {
	list, s := nn.RopeFrequencies(c.HeadDim, c.RoPETheta), c.RoPEScaling
	for i, f := range list {
		switch s.Type {
		case "linear":
			list[i] = f / s.Factor
		case "llama3":
			turns := float64(s.OriginalMaxPositionEmbeddings) * f / (2 * math.Pi) // within the first training's texts
			keep := (turns - s.LowFreqFactor) / (s.HighFreqFactor - s.LowFreqFactor)
			keep = min(1, max(0, keep))
			list[i] = keep*f + (1-keep)*f/s.Factor
		}
	}
	return list
}
