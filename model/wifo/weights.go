package wifo

import (
	"fmt"
	"strings"

	"github.com/comlam/comlam/checkpoint"
)

// Weights implements model.Model. Published names join their parts with dots, and
// the weight of a dense layer is published [out in], as PyTorch stores it.
func (m *Model) Weights() checkpoint.Map {
	var list checkpoint.Map
	add := func(variable string, axes []int) {
		list = append(list, checkpoint.Link{
			Published: strings.ReplaceAll(variable, "/", "."), Variable: variable, Axes: axes,
		})
	}
	dense := func(layer string) {
		add(layer+"/weight", checkpoint.Transposed)
		add(layer+"/bias", nil)
	}
	norm := func(layer string) {
		add(layer+"/weight", nil)
		add(layer+"/bias", nil)
	}
	stack := func(part string, blocks int) {
		for _, axis := range []string{"time", "freq", "ant"} {
			add(part+"/position_"+axis, nil)
		}
		for i := range blocks {
			block := fmt.Sprintf("%s/block%d/", part, i)
			norm(block + "norm1")
			for _, name := range []string{"query", "key", "value", "output"} {
				dense(block + "attention/" + name)
			}
			norm(block + "norm2")
			dense(block + "mlp/up")
			dense(block + "mlp/down")
		}
		norm(part + "/norm")
	}
	dense("encoder/patch_embed")
	stack("encoder", m.c.NumHiddenLayers)
	dense("decoder/embed")
	add("decoder/mask_token", nil)
	stack("decoder", m.c.NumDecoderLayers)
	dense("decoder/head")
	return list
}
