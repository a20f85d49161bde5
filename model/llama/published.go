package llama

import (
	"encoding/json"
	"fmt"

	"github.com/comlam/comlam/internal/setting"
)

// published is what counts of a config.json.
type published struct {
	HiddenAct             *string  `json:"hidden_act"`
	VocabSize             int      `json:"vocab_size"`
	MaxPositionEmbeddings *int     `json:"max_position_embeddings"`
	HiddenSize            int      `json:"hidden_size"`
	NumHiddenLayers       int      `json:"num_hidden_layers"`
	NumAttentionHeads     int      `json:"num_attention_heads"`
	NumKeyValueHeads      int      `json:"num_key_value_heads"`
	HeadDim               int      `json:"head_dim"`
	IntermediateSize      int      `json:"intermediate_size"`
	RMSNormEps            *float64 `json:"rms_norm_eps"`
	RoPETheta             *float64 `json:"rope_theta"`
	RoPEScaling           *scaling `json:"rope_scaling"`
	RoPEParameters        *scaling `json:"rope_parameters"` // since transformers 5
	TieWordEmbeddings     bool     `json:"tie_word_embeddings"`
	AttentionBias         bool     `json:"attention_bias"`
	MLPBias               bool     `json:"mlp_bias"`
	QuantizationConfig    any      `json:"quantization_config"`
}

type scaling struct {
	Type                          string   `json:"rope_type"`
	OldType                       string   `json:"type"`
	RoPETheta                     *float64 `json:"rope_theta"`
	Factor                        float64  `json:"factor"`
	LowFreqFactor                 float64  `json:"low_freq_factor"`
	HighFreqFactor                float64  `json:"high_freq_factor"`
	OriginalMaxPositionEmbeddings int      `json:"original_max_position_embeddings"`
}

// ReadJSON implements model.Portable. What the model here would compute otherwise than
// the file says is refused.
func (c *Config) ReadJSON(text []byte) error {
	var p published
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	switch {
	case p.HiddenAct != nil && *p.HiddenAct != "silu":
		return setting.Bad("hidden_act", "only silu is known", "%q is another model", *p.HiddenAct)
	case p.AttentionBias:
		return setting.Bad("attention_bias", "models with biases are not read", "the attention has biases")
	case p.MLPBias:
		return setting.Bad("mlp_bias", "models with biases are not read", "the MLPs have biases")
	case p.QuantizationConfig != nil:
		return setting.Bad("quantization_config", "take the weights in F32, F16 or BF16", "the weights are quantized")
	}
	*c = Config{
		Size: "custom", VocabSize: p.VocabSize, MaxPositionEmbeddings: 2048, HiddenSize: p.HiddenSize,
		NumHiddenLayers: p.NumHiddenLayers, NumAttentionHeads: p.NumAttentionHeads, NumKeyValueHeads: p.NumKeyValueHeads,
		HeadDim: p.HeadDim, IntermediateSize: p.IntermediateSize, RMSNormEps: 1e-6, RoPETheta: 10000,
		TieWordEmbeddings: p.TieWordEmbeddings,
	}
	if p.IntermediateSize == 0 {
		return setting.Bad("intermediate_size", "give the width of the MLPs", "it is not there")
	}
	set(&c.MaxPositionEmbeddings, p.MaxPositionEmbeddings)
	set(&c.RMSNormEps, p.RMSNormEps)
	set(&c.RoPETheta, p.RoPETheta)
	for _, s := range []*scaling{p.RoPEScaling, p.RoPEParameters} {
		if s != nil {
			c.stretch(s)
		}
	}
	return c.Validate()
}

// set takes a value that a file may leave out.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// stretch takes over what a file says of rotary positions.
func (c *Config) stretch(s *scaling) {
	set(&c.RoPETheta, s.RoPETheta)
	kind := s.Type
	if kind == "" {
		kind = s.OldType
	}
	if kind == "" || kind == "default" {
		return
	}
	c.RoPEScaling = Scaling{Type: kind, Factor: s.Factor}
	if kind == "llama3" {
		c.RoPEScaling.LowFreqFactor, c.RoPEScaling.HighFreqFactor = s.LowFreqFactor, s.HighFreqFactor
		c.RoPEScaling.OriginalMaxPositionEmbeddings = s.OriginalMaxPositionEmbeddings
	}
}

// Published implements model.Portable.
func (c Config) Published() map[string]any {
	c = c.resolved()
	var stretched any // null
	if s := c.RoPEScaling; s.Type != "" {
		m := map[string]any{"rope_type": s.Type, "factor": s.Factor}
		if s.Type == "llama3" {
			m["low_freq_factor"], m["high_freq_factor"] = s.LowFreqFactor, s.HighFreqFactor
			m["original_max_position_embeddings"] = s.OriginalMaxPositionEmbeddings
		}
		stretched = m
	}
	return map[string]any{
		"model_type": Entry.Name, "architectures": []string{"LlamaForCausalLM"}, "hidden_act": "silu",
		"vocab_size": c.VocabSize, "max_position_embeddings": c.MaxPositionEmbeddings, "hidden_size": c.HiddenSize,
		"num_hidden_layers": c.NumHiddenLayers, "num_attention_heads": c.NumAttentionHeads,
		"num_key_value_heads": c.NumKeyValueHeads, "head_dim": c.HeadDim, "intermediate_size": c.IntermediateSize,
		"rms_norm_eps": c.RMSNormEps, "rope_theta": c.RoPETheta, "rope_scaling": stretched,
		"tie_word_embeddings": c.TieWordEmbeddings, "attention_bias": false, "mlp_bias": false,
	}
}
