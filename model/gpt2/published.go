package gpt2

import (
	"encoding/json"
	"fmt"

	"github.com/comlam/comlam/internal/setting"
)

// published is what counts of a config.json. GPT-2's own file abbreviates.
type published struct {
	VocabSize          int      `json:"vocab_size"`
	Positions          int      `json:"n_positions"`
	Width              int      `json:"n_embd"`
	Layers             int      `json:"n_layer"`
	Heads              int      `json:"n_head"`
	Inner              *int     `json:"n_inner"`
	Epsilon            *float64 `json:"layer_norm_epsilon"`
	Activation         *string  `json:"activation_function"`
	Tied               *bool    `json:"tie_word_embeddings"`
	ScaleByLayer       bool     `json:"scale_attn_by_inverse_layer_idx"`
	ScaleWeights       *bool    `json:"scale_attn_weights"`
	CrossAttention     bool     `json:"add_cross_attention"`
	QuantizationConfig any      `json:"quantization_config"`
}

// ReadJSON implements model.Portable. What the model here would compute otherwise than
// the file says is refused.
func (c *Config) ReadJSON(text []byte) error {
	var p published
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	switch {
	case p.Activation != nil && *p.Activation != "gelu_new":
		return setting.Bad("activation_function", "only gelu_new is known", "%q is another model", *p.Activation)
	case p.ScaleByLayer:
		return setting.Bad("scale_attn_by_inverse_layer_idx", "such models are not read", "attention is scaled layer by layer")
	case p.ScaleWeights != nil && !*p.ScaleWeights:
		return setting.Bad("scale_attn_weights", "such models are not read", "attention is not scaled")
	case p.CrossAttention:
		return setting.Bad("add_cross_attention", "such models are not read", "there is attention to another sequence")
	case p.QuantizationConfig != nil:
		return setting.Bad("quantization_config", "take the weights in F32, F16 or BF16", "the weights are quantized")
	}
	*c = Config{
		Size: "custom", VocabSize: p.VocabSize, MaxPositionEmbeddings: p.Positions, HiddenSize: p.Width,
		NumHiddenLayers: p.Layers, NumAttentionHeads: p.Heads, LayerNormEpsilon: 1e-5, TieWordEmbeddings: true,
	}
	if p.Inner != nil {
		c.IntermediateSize = *p.Inner
	}
	if p.Epsilon != nil {
		c.LayerNormEpsilon = *p.Epsilon
	}
	if p.Tied != nil {
		c.TieWordEmbeddings = *p.Tied
	}
	return c.Validate()
}

// Published implements model.Portable.
func (c Config) Published() map[string]any {
	c = c.resolved()
	return map[string]any{
		"model_type": Entry.Name, "architectures": []string{"GPT2LMHeadModel"}, "activation_function": "gelu_new",
		"vocab_size": c.VocabSize, "n_positions": c.MaxPositionEmbeddings, "n_embd": c.HiddenSize, "n_layer": c.NumHiddenLayers,
		"n_head": c.NumAttentionHeads, "n_inner": c.IntermediateSize, "layer_norm_epsilon": c.LayerNormEpsilon,
		"tie_word_embeddings": c.TieWordEmbeddings,
	}
}
