package llama

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/nn"
)

// llama2cHeader is what a file of llama2.c begins with, seven int32, little endian.
type llama2cHeader struct {
	Dim, HiddenDim, NumLayers, NumHeads, NumKVHeads int32
	VocabSize                                       int32 // negative: the head is a table of its own
	SeqLen                                          int32
}

// ReadLlama2C reads a model of llama2.c (github.com/karpathy/llama2.c, the format of
// version 0, in float32): size bytes. It has no vocabulary. Norms use 1e-5 and rotary
// positions 10000, which that program has built in.
func ReadLlama2C(r io.ReaderAt, size int64) (*Config, nn.Weights, error) {
	const header = 28
	text, err := bounded.ReadAt(r, 0, header)
	if err != nil {
		return nil, nil, fmt.Errorf("read the header of a llama2.c file: %w", err)
	}
	var h llama2cHeader
	if _, err := binary.Decode(text, binary.LittleEndian, &h); err != nil {
		return nil, nil, err
	}
	c := &Config{
		Size: "custom", VocabSize: int(max(h.VocabSize, -h.VocabSize)), MaxPositionEmbeddings: int(h.SeqLen), HiddenSize: int(h.Dim),
		NumHiddenLayers: int(h.NumLayers), NumAttentionHeads: int(h.NumHeads), NumKeyValueHeads: int(h.NumKVHeads),
		IntermediateSize: int(h.HiddenDim), RMSNormEps: 1e-5, RoPETheta: 10000, TieWordEmbeddings: h.VocabSize > 0,
	}
	if h.HiddenDim < 1 || h.NumKVHeads < 1 {
		return nil, nil, fmt.Errorf("the header does not fit a llama2.c file: %d wide MLPs, %d key heads", h.HiddenDim, h.NumKVHeads)
	}
	if err := c.Validate(); err != nil {
		return nil, nil, fmt.Errorf("the header does not fit a llama2.c file: %w", err)
	}
	*c = c.resolved()
	parts, values := c.llama2cParts()
	if want := header + 4*values; want != size {
		return nil, nil, fmt.Errorf("the header says %d bytes, and the file has %d; it is damaged, or of another version of llama2.c", want, size)
	}
	w, err := readParts(r, header, parts, c)
	return c, w, err
}

// part is an array of the file, [layers out in] or fewer axes.
type part struct {
	name  string // of the variable, with %d where each layer has one; empty: not used
	shape []int  // of one layer, as it is published
	each  int    // layers; 0: not of a layer
	turn  int    // heads whose rows are turned in pairs; 0: none
}

func (p part) size() int64 {
	n := int64(max(1, p.each))
	for _, d := range p.shape {
		n *= int64(d)
	}
	return n
}

// llama2cParts lists the arrays in the order of the file, and how many values they have.
func (c *Config) llama2cParts() (list []part, values int64) {
	d, n, e := c.HiddenSize, c.NumHiddenLayers, c.HeadDim
	q, kv, m := c.NumAttentionHeads*e, c.NumKeyValueHeads*e, c.IntermediateSize
	const at = "model/layers/%d/"
	list = []part{
		{name: "model/embed_tokens/weight", shape: []int{c.VocabSize, d}},
		{name: at + "input_layernorm/weight", shape: []int{d}, each: n},
		{name: at + "self_attn/q_proj/weight", shape: []int{q, d}, each: n, turn: c.NumAttentionHeads},
		{name: at + "self_attn/k_proj/weight", shape: []int{kv, d}, each: n, turn: c.NumKeyValueHeads},
		{name: at + "self_attn/v_proj/weight", shape: []int{kv, d}, each: n},
		{name: at + "self_attn/o_proj/weight", shape: []int{d, q}, each: n},
		{name: at + "post_attention_layernorm/weight", shape: []int{d}, each: n},
		{name: at + "mlp/gate_proj/weight", shape: []int{m, d}, each: n},
		{name: at + "mlp/down_proj/weight", shape: []int{d, m}, each: n},
		{name: at + "mlp/up_proj/weight", shape: []int{m, d}, each: n},
		{name: "model/norm/weight", shape: []int{d}},
		{shape: []int{2, c.MaxPositionEmbeddings, e / 2}}, // cosines and sines
	}
	if !c.TieWordEmbeddings {
		list = append(list, part{name: "lm_head/weight", shape: []int{c.VocabSize, d}})
	}
	for _, p := range list {
		values += p.size()
	}
	return list, values
}

// readParts reads the arrays from an offset on.
func readParts(r io.ReaderAt, at int64, parts []part, c *Config) (nn.Weights, error) {
	var w nn.Weights
	for _, p := range parts {
		if p.name == "" {
			at += 4 * p.size()
			continue
		}
		layer := p.size() / int64(max(1, p.each))
		for i := range max(1, p.each) {
			name := p.name
			if p.each > 0 {
				name = fmt.Sprintf(p.name, i)
			}
			text, err := bounded.ReadAt(r, at, 4*layer)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			at += 4 * layer
			w = append(w, p.weight(name, floats(text)))
		}
	}
	return w.Sorted(), nil
}

func floats(text []byte) []float32 {
	v := make([]float32, len(text)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(text[4*i:]))
	}
	return v
}

// weight is a variable of the values of one layer.
func (p part) weight(name string, v []float32) nn.Weight {
	if len(p.shape) == 1 || p.each == 0 {
		return nn.Weight{Name: name, Shape: p.shape, Values: v}
	}
	out, in := p.shape[0], p.shape[1]
	t := make([]float32, len(v)) // dense layers are kept [in out]
	for o := range out {
		to := p.turned(o)
		for i := range in {
			t[i*out+to] = v[o*in+i]
		}
	}
	return nn.Weight{Name: name, Shape: []int{in, out}, Values: t}
}

// turned is where output o lies here: llama2.c turns neighbours of a head, 2i and 2i+1,
// and package nn elements i of its halves.
func (p part) turned(o int) int {
	if p.turn == 0 {
		return o
	}
	e := p.shape[0] / p.turn
	return o/e*e + o%e/2 + o%2*(e/2)
}
