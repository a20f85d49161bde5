// Package gpt2 is the decoder-only transformer of GPT-2 (Radford et al. 2019):
// learned positions, pre-norm blocks, GELU in its tanh form, and a head that is the
// token table once more. Its variables have the names and layouts that Hugging Face
// publishes, with slashes for dots.
//
// Read config.go, then model.go from top to bottom.
package gpt2

import (
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
)

// Entry describes the family.
var Entry = model.Entry{
	Name:  "gpt2",
	Kind:  model.Language,
	Paper: "Language Models are Unsupervised Multitask Learners (2019)",
	About: "decoder-only transformer with learned positions",
	New:   func() model.Config { c := Default(); return &c },
}

// Config is the architecture. Size fills in what is left at zero.
type Config struct {
	Size                  string  `yaml:"size"` // small, medium, large, xl, as published; or custom
	VocabSize             int     `yaml:"vocab_size"`
	MaxPositionEmbeddings int     `yaml:"max_position_embeddings"` // longest sequence
	HiddenSize            int     `yaml:"hidden_size"`
	NumHiddenLayers       int     `yaml:"num_hidden_layers"`
	NumAttentionHeads     int     `yaml:"num_attention_heads"`
	IntermediateSize      int     `yaml:"intermediate_size"` // width of the MLPs; 0 = 4 x hidden_size
	LayerNormEpsilon      float64 `yaml:"layer_norm_epsilon"`
	TieWordEmbeddings     bool    `yaml:"tie_word_embeddings"` // the head is the token table
}

// sizes are width, blocks and heads of the published models.
var sizes = map[string][3]int{"small": {768, 12, 12}, "medium": {1024, 24, 16}, "large": {1280, 36, 20}, "xl": {1600, 48, 25}}

// Default is the smallest published model.
func Default() Config {
	return Config{Size: "small", VocabSize: 50257, MaxPositionEmbeddings: 1024, LayerNormEpsilon: 1e-5, TieWordEmbeddings: true}
}

// resolved fills in the dimensions that Size stands for.
func (c Config) resolved() Config {
	if z, ok := sizes[c.Size]; ok {
		c.HiddenSize = orElse(c.HiddenSize, z[0])
		c.NumHiddenLayers = orElse(c.NumHiddenLayers, z[1])
		c.NumAttentionHeads = orElse(c.NumAttentionHeads, z[2])
	}
	c.IntermediateSize = orElse(c.IntermediateSize, 4*c.HiddenSize)
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
		{"vocab_size", r.VocabSize, 1 << 20}, {"max_position_embeddings", r.MaxPositionEmbeddings, 1 << 20},
		{"hidden_size", r.HiddenSize, 1 << 16}, {"num_hidden_layers", r.NumHiddenLayers, 1 << 16},
		{"num_attention_heads", r.NumAttentionHeads, 1 << 16}, {"intermediate_size", r.IntermediateSize, 1 << 20},
	} {
		if f.value < 1 || f.value > f.limit {
			return setting.Bad(f.key, "use a number of 1 or more", "%d cannot be built", f.value)
		}
	}
	if r.HiddenSize%r.NumAttentionHeads != 0 {
		return setting.Bad("num_attention_heads", "use a divisor of hidden_size",
			"%d heads do not divide hidden_size %d", r.NumAttentionHeads, r.HiddenSize)
	}
	if !(c.LayerNormEpsilon > 0 && c.LayerNormEpsilon <= 1) {
		return setting.Bad("layer_norm_epsilon", "use a small positive number such as 1e-5", "%g is not usable", c.LayerNormEpsilon)
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

// NumParameters is the number of trainable values: 124,439,808 for small, 354,823,168
// medium, 774,030,080 large, 1,557,611,200 xl.
func (c Config) NumParameters() int {
	c = c.resolved()
	d, m := c.HiddenSize, c.IntermediateSize
	block := 4*(d*d+d) + 2*d*m + m + d + 4*d
	tables := (c.VocabSize + c.MaxPositionEmbeddings) * d
	if !c.TieWordEmbeddings {
		tables += c.VocabSize * d
	}
	return tables + c.NumHiddenLayers*block + 2*d
}

// ForwardFLOP is the number of floating-point operations of one sequence's forward
// pass, products only, with all T x T scores counted.
func (c Config) ForwardFLOP(tokens int) float64 {
	c = c.resolved()
	t, d, m := float64(tokens), float64(c.HiddenSize), float64(c.IntermediateSize)
	block := t * (2*(4*d*d+2*d*m) + 4*t*d)
	return float64(c.NumHiddenLayers)*block + 2*t*d*float64(c.VocabSize)
}
