package llama

import (
	"fmt"
	"strings"

	"github.com/comlam/comlam/checkpoint"
)

// Weights implements model.Model, with the names of Hugging Face. Dense layers are
// published [out in], the tables and the head [V D].
func (m *Model) Weights() checkpoint.Map {
	var list checkpoint.Map
	add := func(layer string, axes []int) {
		name := layer + "/weight"
		list = append(list, checkpoint.Link{Published: strings.ReplaceAll(name, "/", "."), Variable: name, Axes: axes})
	}
	add("model/embed_tokens", nil)
	for i := range m.c.NumHiddenLayers {
		block := fmt.Sprintf("model/layers/%d/", i)
		add(block+"input_layernorm", nil)
		for _, layer := range []string{"self_attn/q_proj", "self_attn/k_proj", "self_attn/v_proj", "self_attn/o_proj"} {
			add(block+layer, checkpoint.Transposed)
		}
		add(block+"post_attention_layernorm", nil)
		for _, layer := range []string{"mlp/gate_proj", "mlp/up_proj", "mlp/down_proj"} {
			add(block+layer, checkpoint.Transposed)
		}
		// Files of old releases hold the frequencies, a constant.
		list = append(list, checkpoint.Link{Published: fmt.Sprintf("model.layers.%d.self_attn.rotary_emb.inv_freq", i)})
	}
	add("model/norm", nil)
	head := checkpoint.Link{Published: "lm_head.weight"} // a tied one may be there as a copy
	if !m.c.TieWordEmbeddings {
		head.Variable = "lm_head/weight"
	}
	return append(list, head)
}
