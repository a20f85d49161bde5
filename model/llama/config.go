// Package llama is the decoder-only transformer of Llama (Touvron et al. 2023): root
// mean square norms, rotary positions, query heads that share key heads, gated MLPs,
// and no biases. Its variables have the names that Hugging Face publishes, with slashes
// for dots, so that models of that family (Llama 1 to 3, TinyLlama, the story models of
// llama2.c) can be read and written.
//
// Read config.go, then model.go from top to bottom.
package llama

import (
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
)

// Entry describes the family.
var Entry = model.Entry{
	Name:  "llama",
	Kind:  model.Language,
	Paper: "arXiv:2302.13971, arXiv:2307.09288",
	About: "decoder-only transformer with rotary positions, shared key heads and gated MLPs",
	New:   func() model.Config { c := Default(); return &c },
}

// Config is the architecture, in the words of Hugging Face's config.json. Size fills in
// what is left at zero.
type Config struct {
	Size                  string  `yaml:"size"` // tiny-1b, 7b, 8b, as published; or custom
	VocabSize             int     `yaml:"vocab_size"`
	MaxPositionEmbeddings int     `yaml:"max_position_embeddings"` // longest text
	HiddenSize            int     `yaml:"hidden_size"`
	NumHiddenLayers       int     `yaml:"num_hidden_layers"`
	NumAttentionHeads     int     `yaml:"num_attention_heads"`
	NumKeyValueHeads      int     `yaml:"num_key_value_heads"` // 0 = num_attention_heads
	HeadDim               int     `yaml:"head_dim"`            // 0 = hidden_size / num_attention_heads
	IntermediateSize      int     `yaml:"intermediate_size"`   // 0 = 8/3 hidden_size, up to a multiple of 32
	RMSNormEps            float64 `yaml:"rms_norm_eps"`
	RoPETheta             float64 `yaml:"rope_theta"`
	RoPEScaling           Scaling `yaml:"rope_scaling"`
	TieWordEmbeddings     bool    `yaml:"tie_word_embeddings"` // the head is the token table
}

// Scaling stretches rotary positions for texts longer than those of the first training.
type Scaling struct {
	Type                          string  `yaml:"rope_type"` // "", linear or llama3
	Factor                        float64 `yaml:"factor"`
	LowFreqFactor                 float64 `yaml:"low_freq_factor"`                  // of llama3
	HighFreqFactor                float64 `yaml:"high_freq_factor"`                 // of llama3
	OriginalMaxPositionEmbeddings int     `yaml:"original_max_position_embeddings"` // of llama3
}

// sizes are vocabulary, width, blocks, heads, key heads and width of the MLPs of
// published models.
var sizes = map[string][6]int{
	"tiny-1b": {32000, 2048, 22, 32, 4, 5632},
	"7b":      {32000, 4096, 32, 32, 32, 11008},
	"8b":      {128256, 4096, 32, 32, 8, 14336},
}

// Default is TinyLlama, the smallest of the published sizes.
func Default() Config {
	return Config{Size: "tiny-1b", MaxPositionEmbeddings: 2048, RMSNormEps: 1e-5, RoPETheta: 10000}
}

// resolved fills in the dimensions that Size stands for.
func (c Config) resolved() Config {
	if z, ok := sizes[c.Size]; ok {
		for i, p := range []*int{&c.VocabSize, &c.HiddenSize, &c.NumHiddenLayers, &c.NumAttentionHeads, &c.NumKeyValueHeads, &c.IntermediateSize} {
			*p = orElse(*p, z[i])
		}
	}
	c.NumKeyValueHeads = orElse(c.NumKeyValueHeads, c.NumAttentionHeads)
	c.HeadDim = orElse(c.HeadDim, c.HiddenSize/max(1, c.NumAttentionHeads))
	c.IntermediateSize = orElse(c.IntermediateSize, (c.HiddenSize*8/3+31)/32*32)
	return c
}

func orElse(v, fallback int) int {
	if v == 0 {
		return fallback
	}
	return v
}

// Validate reports the first setting that cannot be built.
func (c Config) Validate() error {
	if _, ok := sizes[c.Size]; !ok && c.Size != "custom" {
		names := append(slices.Sorted(maps.Keys(sizes)), "custom")
		return setting.Bad("size", "use one of "+strings.Join(names, ", "), "there is no size %q", c.Size)
	}
	r := c.resolved()
	for _, f := range []struct {
		key          string
		value, limit int
	}{
		{"vocab_size", r.VocabSize, 1 << 20}, {"max_position_embeddings", r.MaxPositionEmbeddings, 1 << 24},
		{"hidden_size", r.HiddenSize, 1 << 16}, {"num_hidden_layers", r.NumHiddenLayers, 1 << 12},
		{"num_attention_heads", r.NumAttentionHeads, 1 << 12}, {"num_key_value_heads", r.NumKeyValueHeads, 1 << 12},
		{"head_dim", r.HeadDim, 1 << 12}, {"intermediate_size", r.IntermediateSize, 1 << 20},
	} {
		if f.value < 1 || f.value > f.limit {
			return setting.Bad(f.key, "use a number from 1 on", "%d cannot be built", f.value)
		}
	}
	switch {
	case c.HeadDim == 0 && r.HiddenSize%r.NumAttentionHeads != 0:
		return setting.Bad("num_attention_heads", "use a divisor of hidden_size, or set head_dim",
			"%d heads do not divide hidden_size %d", r.NumAttentionHeads, r.HiddenSize)
	case r.NumAttentionHeads%r.NumKeyValueHeads != 0:
		return setting.Bad("num_key_value_heads", "use a divisor of num_attention_heads",
			"%d key heads do not divide %d query heads", r.NumKeyValueHeads, r.NumAttentionHeads)
	case r.HeadDim%2 != 0:
		return setting.Bad("head_dim", "use an even width", "a head of %d numbers cannot be turned in pairs", r.HeadDim)
	case !(c.RMSNormEps > 0 && c.RMSNormEps <= 1):
		return setting.Bad("rms_norm_eps", "use a small positive number such as 1e-5", "%g is not usable", c.RMSNormEps)
	case !(c.RoPETheta > 0 && c.RoPETheta <= 1e12):
		return setting.Bad("rope_theta", "use a positive number such as 10000", "%g is not usable", c.RoPETheta)
	}
	return setting.Under("rope_scaling", c.RoPEScaling.validate())
}

func (s Scaling) validate() error {
	switch s.Type {
	case "":
		if s != (Scaling{}) {
			return setting.Bad("rope_type", "use linear or llama3", "a scaling without a type")
		}
		return nil
	case "linear", "llama3":
	default:
		return setting.Bad("rope_type", "use linear or llama3, or leave rope_scaling out", "there is no scaling %q here", s.Type)
	}
	if !(s.Factor >= 1 && s.Factor <= 1e6) {
		return setting.Bad("factor", "use a number from 1 on", "%g is not usable", s.Factor)
	}
	if s.Type == "llama3" && !(s.LowFreqFactor > 0 && s.HighFreqFactor > s.LowFreqFactor && s.OriginalMaxPositionEmbeddings > 0) {
		return setting.Bad("low_freq_factor", "as published: 1, with high_freq_factor 4 and original_max_position_embeddings 8192",
			"%g, high_freq_factor %g and original_max_position_embeddings %d are not usable", s.LowFreqFactor, s.HighFreqFactor, s.OriginalMaxPositionEmbeddings)
	}
	return nil
}

// Build makes the model.
func (c Config) Build() (model.Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Model{c.resolved()}, nil
}

// SetVocabSize implements model.LMConfig.
func (c *Config) SetVocabSize(n int) { c.VocabSize = n }

// NumParameters is the number of trainable values: 1,100,048,384 for tiny-1b,
// 6,738,415,616 for 7b, 8,030,261,248 for 8b.
func (c Config) NumParameters() int {
	c = c.resolved()
	d, q, kv := c.HiddenSize, c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	block := 2*d*q + 2*d*kv + 3*d*c.IntermediateSize + 2*d
	tables := c.VocabSize * d
	if !c.TieWordEmbeddings {
		tables *= 2
	}
	return tables + c.NumHiddenLayers*block + d
}

// ForwardFLOP is the number of floating-point operations of one sequence's forward
// pass, products only, with all T x T scores counted.
func (c Config) ForwardFLOP(tokens int) float64 {
	c = c.resolved()
	t, d, q, kv := float64(tokens), float64(c.HiddenSize), float64(c.NumAttentionHeads*c.HeadDim), float64(c.NumKeyValueHeads*c.HeadDim)
	block := t * (4*d*(q+kv) + 6*d*float64(c.IntermediateSize) + 4*t*q)
	return float64(c.NumHiddenLayers)*block + 2*t*d*float64(c.VocabSize)
}
