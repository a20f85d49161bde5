// Package wifo is the masked three-dimensional CSI transformer of WiFo (Liu et
// al. 2024, arXiv:2412.08908): a masked autoencoder whose tokens are patches of
// time x frequency x antenna, whose encoder sees the visible patches only, and
// whose decoder fills in the rest.
//
// Read config.go, then model.go from top to bottom.
package wifo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// Entry describes the family.
var Entry = model.Entry{
	Name:  "wifo",
	Kind:  model.Masked,
	Paper: "arXiv:2412.08908",
	About: "masked autoencoder on time x frequency x antenna patches of CSI",
	New:   func() model.Config { c := Default(); return &c },
}

// Config is the architecture. Size fills in what is left at zero.
type Config struct {
	Size              string  `yaml:"size"`                // tiny, little, small, base; or custom
	PatchSize         [3]int  `yaml:"patch_size"`          // slots, subcarriers, antennas in a patch
	HiddenSize        int     `yaml:"hidden_size"`         // width of encoder and decoder
	NumHiddenLayers   int     `yaml:"num_hidden_layers"`   // encoder blocks
	NumDecoderLayers  int     `yaml:"num_decoder_layers"`  // decoder blocks
	NumAttentionHeads int     `yaml:"num_attention_heads"` // heads of every block
	IntermediateSize  int     `yaml:"intermediate_size"`   // width of the MLPs; 0 = 2 x hidden_size
	HiddenAct         string  `yaml:"hidden_act"`          // gelu, as published, or relu
	LayerNormEps      float64 `yaml:"layer_norm_eps"`
}

// sizes are the widths of the published models, all of 6 + 4 blocks and 8 heads.
var sizes = map[string]int{"tiny": 64, "little": 128, "small": 256, "base": 512}

// Rows of the position tables: the largest number of patches along each axis.
// Together they are the 86 rows that encoder and decoder own each.
const (
	maxTimePatches    = 22
	maxFreqPatches    = 32
	maxAntennaPatches = 32
)

// Default is WiFo-Tiny with the patches of the paper.
func Default() Config {
	return Config{Size: "tiny", PatchSize: [3]int{4, 4, 4}, HiddenAct: "gelu", LayerNormEps: 1e-6}
}

// resolved fills in the dimensions that Size stands for.
func (c Config) resolved() Config {
	if width, ok := sizes[c.Size]; ok {
		c.HiddenSize = orElse(c.HiddenSize, width)
		c.NumHiddenLayers = orElse(c.NumHiddenLayers, 6)
		c.NumDecoderLayers = orElse(c.NumDecoderLayers, 4)
		c.NumAttentionHeads = orElse(c.NumAttentionHeads, 8)
	}
	c.IntermediateSize = orElse(c.IntermediateSize, 2*c.HiddenSize)
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
	for i, p := range c.PatchSize {
		if p < 1 {
			return setting.Bad("patch_size", "give three positive numbers: slots, subcarriers, antennas",
				"entry %d is %d", i+1, p)
		}
	}
	r := c.resolved()
	for _, f := range []struct {
		key   string
		value int
	}{
		{"hidden_size", r.HiddenSize}, {"num_hidden_layers", r.NumHiddenLayers},
		{"num_decoder_layers", r.NumDecoderLayers}, {"num_attention_heads", r.NumAttentionHeads},
		{"intermediate_size", r.IntermediateSize},
	} {
		if f.value < 1 || f.value > 65536 {
			return setting.Bad(f.key, "use a number from 1 to 65536", "%d cannot be built", f.value)
		}
	}
	if r.HiddenSize%2 != 0 {
		return setting.Bad("hidden_size", "use an even number", "%d leaves no pairs of sine and cosine", r.HiddenSize)
	}
	if r.HiddenSize%r.NumAttentionHeads != 0 {
		return setting.Bad("num_attention_heads", "use a divisor of hidden_size",
			"%d heads do not divide hidden_size %d", r.NumAttentionHeads, r.HiddenSize)
	}
	if _, ok := nn.Activations[c.HiddenAct]; !ok {
		return setting.Bad("hidden_act", "use gelu or relu", "there is no activation %q", c.HiddenAct)
	}
	if c.LayerNormEps <= 0 || c.LayerNormEps > 1 {
		return setting.Bad("layer_norm_eps", "use a small positive number such as 1e-6", "%g is not usable", c.LayerNormEps)
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

// NumParameters is the number of trainable values of the model, position tables
// included: 366,784 for tiny, 1,396,992 little, 5,448,064 small, 21,512,832 base.
func (c Config) NumParameters() int {
	c = c.resolved()
	d, m := c.HiddenSize, c.IntermediateSize
	block := 4*(d*d+d) + 2*d*m + m + d + 4*d
	patch := 2 * c.PatchSize[0] * c.PatchSize[1] * c.PatchSize[2]
	tables := 2 * (maxTimePatches + maxFreqPatches + maxAntennaPatches) * d
	return (c.NumHiddenLayers+c.NumDecoderLayers)*block + tables +
		(patch*d + d) + (d*d + d) + d + 2*d + 2*d + (d*patch + patch)
}

// ForwardFLOP is the number of floating-point operations of one sample's forward
// pass, products only, with so many of its patches visible.
func (m *Model) ForwardFLOP(visible, patches int) float64 {
	c := m.c
	d, inner := float64(c.HiddenSize), float64(c.IntermediateSize)
	block := func(tokens float64) float64 {
		return tokens * (2*(4*d*d+2*d*inner) + 4*tokens*d)
	}
	v, p := float64(visible), float64(patches)
	values := 2 * float64(c.PatchSize[0]*c.PatchSize[1]*c.PatchSize[2])
	return float64(c.NumHiddenLayers)*block(v) + float64(c.NumDecoderLayers)*block(p) +
		2*v*values*d + 2*v*d*d + 2*p*d*values
}

// Patches implements model.Filler.
func (m *Model) Patches(g model.Grid) ([3]int, error) {
	var n [3]int
	limit := [3]int{maxTimePatches, maxFreqPatches, maxAntennaPatches}
	name := [3]string{"slots", "subcarriers", "antennas"}
	for i, size := range [3]int{g.NumSlots, g.NumSubcarriers, g.NumAnt} {
		p := m.c.PatchSize[i]
		if size < 1 || size%p != 0 {
			return n, fmt.Errorf("wifo: %d %s do not divide into patches of %d; change patch_size or the data", size, name[i], p)
		}
		if n[i] = size / p; n[i] > limit[i] {
			return n, fmt.Errorf("wifo: %d patches of %s are more than the position table's %d; use larger patches", n[i], name[i], limit[i])
		}
	}
	return n, nil
}
