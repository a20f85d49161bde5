package wifo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/modeltest"
	"github.com/comlam/comlam/model/wifo"
)

// small has two of everything that could be mixed up.
func small() *wifo.Config {
	c := wifo.Default()
	c.Size, c.PatchSize = "custom", [3]int{2, 3, 1}
	c.HiddenSize, c.NumHiddenLayers, c.NumDecoderLayers, c.NumAttentionHeads, c.IntermediateSize = 8, 2, 1, 2, 12
	return &c
}

var smallGrid = model.Grid{NumSlots: 6, NumSubcarriers: 6, NumAnt: 2}

func TestModel(t *testing.T) {
	var counts []modeltest.Count
	for size, want := range map[string]int{"tiny": 366_784, "little": 1_396_992, "small": 5_448_064, "base": 21_512_832} {
		c := wifo.Default()
		c.Size = size
		counts = append(counts, modeltest.Count{Name: size, Config: &c, Grid: model.Grid{NumSlots: 8, NumSubcarriers: 4, NumAnt: 4}, Want: want})
	}
	modeltest.Run(t, modeltest.Case{Config: small(), Grid: smallGrid, Counts: counts, Reference: reference, Steps: 250})
}

// reference is a plain reading of the paper for small and smallGrid.
func reference(w modeltest.Weights, x []float64, visible []int32) []float64 {
	const width, heads, eps = 8, 2, 1e-6
	n, p := [3]int{3, 2, 2}, [3]int{2, 3, 1} // patches, and the size of one
	total := n[0] * n[1] * n[2]
	at := func(patch int) (t, f, a int) { return patch / (n[1] * n[2]), patch / n[2] % n[1], patch % n[2] }
	position := func(part string, patch int) []float64 {
		t, f, a := at(patch)
		row := make([]float64, width)
		for i := range row {
			row[i] = w.At(part + "/position_time")[t*width+i] + w.At(part + "/position_freq")[f*width+i] + w.At(part + "/position_ant")[a*width+i]
		}
		return row
	}
	// entry is the place in x of entry (dt, df, da, re or im) of a patch.
	entry := func(patch, dt, df, da, part int) int {
		t, f, a := at(patch)
		return (((t*p[0]+dt)*n[1]*p[1]+f*p[1]+df)*n[2]*p[2]+a*p[2]+da)*2 + part
	}
	each := func(patch int, do func(place int)) {
		for dt := range p[0] {
			for df := range p[1] {
				for da := range p[2] {
					do(entry(patch, dt, df, da, 0))
					do(entry(patch, dt, df, da, 1))
				}
			}
		}
	}
	var patches [][]float64
	for _, v := range visible {
		var values []float64
		each(int(v), func(place int) { values = append(values, x[place]) })
		patches = append(patches, values)
	}
	z := w.Dense("encoder/patch_embed", patches)
	for r, v := range visible {
		for i, e := range position("encoder", int(v)) {
			z[r][i] += e
		}
	}
	for _, block := range []string{"encoder/block0", "encoder/block1"} {
		z = w.Block(block, z, heads, modeltest.Gelu, eps)
	}
	z = w.Dense("decoder/embed", w.LayerNorm("encoder/norm", z, eps))

	y := make([][]float64, total)
	for patch := range y {
		y[patch] = w.At("decoder/mask_token")
	}
	for r, v := range visible {
		y[v] = z[r]
	}
	for patch := range y {
		for i, e := range position("decoder", patch) {
			y[patch][i] += e
		}
	}
	y = w.LayerNorm("decoder/norm", w.Block("decoder/block0", y, heads, modeltest.Gelu, eps), eps)
	out := make([]float64, len(x))
	for patch, values := range w.Dense("decoder/head", y) {
		i := 0
		each(patch, func(place int) { out[place] = values[i]; i++ })
	}
	return out
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*wifo.Config){
		`size: there is no size "huge"; use one of base, little, small, tiny, custom`: func(c *wifo.Config) { c.Size = "huge" },
		"patch_size: entry 2 is 0":                                  func(c *wifo.Config) { c.PatchSize[1] = 0 },
		"hidden_size: 0 cannot be built":                            func(c *wifo.Config) { c.Size = "custom" },
		"hidden_size: -2 cannot be built":                           func(c *wifo.Config) { c.HiddenSize = -2 },
		"hidden_size: 9 leaves no pairs":                            func(c *wifo.Config) { c.HiddenSize = 9 },
		"num_hidden_layers: 100000 cannot be built":                 func(c *wifo.Config) { c.NumHiddenLayers = 100000 },
		"num_decoder_layers: -1 cannot be built":                    func(c *wifo.Config) { c.NumDecoderLayers = -1 },
		"num_attention_heads: 7 heads do not divide hidden_size 64": func(c *wifo.Config) { c.NumAttentionHeads = 7 },
		"intermediate_size: -1 cannot be built":                     func(c *wifo.Config) { c.IntermediateSize = -1 },
		`hidden_act: there is no activation "silu"`:                 func(c *wifo.Config) { c.HiddenAct = "silu" },
		"layer_norm_eps: 0 is not usable":                           func(c *wifo.Config) { c.LayerNormEps = 0 },
	} {
		c := wifo.Default()
		if err := c.Validate(); err != nil {
			t.Fatalf("the default: %v", err)
		}
		change(&c)
		_, err := c.Build()
		var e *setting.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}

// TestPatches: a grid that does not fit says which axis and why.
func TestPatches(t *testing.T) {
	m, err := wifo.Default().Build()
	if err != nil {
		t.Fatal(err)
	}
	filler := m.(model.Filler)
	if n, err := filler.Patches(model.Grid{NumSlots: 20, NumSubcarriers: 32, NumAnt: 4}); err != nil || n != [3]int{5, 8, 1} {
		t.Errorf("got %v, %v", n, err)
	}
	for want, g := range map[string]model.Grid{
		"wifo: 18 slots do not divide into patches of 4":                        {NumSlots: 18, NumSubcarriers: 32, NumAnt: 4},
		"wifo: 0 subcarriers do not divide":                                     {NumSlots: 20, NumSubcarriers: 0, NumAnt: 4},
		"wifo: 1 antennas do not divide into patches of 4":                      {NumSlots: 20, NumSubcarriers: 32, NumAnt: 1},
		"wifo: 23 patches of slots are more than the position table's 22":       {NumSlots: 92, NumSubcarriers: 32, NumAnt: 4},
		"wifo: 33 patches of subcarriers are more than the position table's 32": {NumSlots: 20, NumSubcarriers: 132, NumAnt: 4},
	} {
		if _, err := filler.Patches(g); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}

// TestForwardFLOP: the products of a block, counted by hand: 4 d x d and 2 d x m
// matrices for each token, and two products of tokens x tokens x d.
func TestForwardFLOP(t *testing.T) {
	c := small()
	c.NumHiddenLayers, c.NumDecoderLayers = 1, 1
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	block := func(tokens int) int { return tokens*2*(4*8*8+2*8*12) + 2*2*tokens*tokens*8 }
	want := block(5) + block(12) + 2*5*12*8 + 2*5*8*8 + 2*12*8*12
	if got := m.(*wifo.Model).ForwardFLOP(5, 12); got != float64(want) {
		t.Errorf("got %g, want %d", got, want)
	}
}
