package gpt2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/checkpoint"
)

// prefix stands before the names of all but the head in files that were saved with
// their head; OpenAI's own weights are published without it.
const prefix = "transformer."

// Weights implements model.Model, with the names of OpenAI's weights as Hugging Face
// publishes them. No axis is swapped: the dense layers of GPT-2 are published [in out],
// the tables and the head [V D].
func (m *Model) Weights() checkpoint.Map { return m.named("") }

// WeightsIn is Weights for a file that may name its tensors with the prefix
// "transformer.", as it does if its head was saved too.
func (m *Model) WeightsIn(heads []checkpoint.Head) checkpoint.Map {
	if slices.ContainsFunc(heads, func(h checkpoint.Head) bool { return strings.HasPrefix(h.Name, prefix) }) {
		return m.named(prefix)
	}
	return m.named("")
}

// Modules implements model.Wrapped.
func (m *Model) Modules() checkpoint.Map { return m.named(prefix) }

func (m *Model) named(prefix string) checkpoint.Map {
	var list checkpoint.Map
	add := func(layer string, parts ...string) {
		for _, part := range parts {
			name := layer + "/" + part
			list = append(list, checkpoint.Link{Published: prefix + strings.ReplaceAll(name, "/", "."), Variable: name})
		}
	}
	add("wte", "weight")
	add("wpe", "weight")
	for i := range m.c.NumHiddenLayers {
		block := fmt.Sprintf("h/%d/", i)
		for _, layer := range []string{"ln_1", "attn/c_attn", "attn/c_proj", "ln_2", "mlp/c_fc", "mlp/c_proj"} {
			add(block+layer, "weight", "bias")
		}
		// Files of old releases hold the mask of attention, a constant.
		for _, mask := range []string{"bias", "masked_bias"} {
			list = append(list, checkpoint.Link{Published: fmt.Sprintf("%sh.%d.attn.%s", prefix, i, mask)})
		}
	}
	add("ln_f", "weight", "bias")
	head := checkpoint.Link{Published: "lm_head.weight"} // a tied one may be there as a copy
	if !m.c.TieWordEmbeddings {
		head.Variable = "lm_head/weight"
	}
	return append(list, head)
}
