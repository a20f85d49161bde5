package gpt2_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/gpt2"
	"github.com/comlam/comlam/model/modeltest"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
	"github.com/gomlx/gomlx/core/graph"
)

// small has two of everything that could be mixed up.
func small(tied bool) *gpt2.Config {
	return &gpt2.Config{
		Size: "custom", VocabSize: 13, MaxPositionEmbeddings: 9, HiddenSize: 8, NumHiddenLayers: 2,
		NumAttentionHeads: 2, IntermediateSize: 12, LayerNormEpsilon: 1e-5, TieWordEmbeddings: tied,
	}
}

func TestModel(t *testing.T) {
	const block = 4*(64+8) + 2*8*12 + 12 + 8 + 4*8
	for _, c := range []struct {
		name string
		tied bool
		want int
	}{{"tied", true, (13+9)*8 + 2*block + 16}, {"own head", false, (2*13+9)*8 + 2*block + 16}} {
		t.Run(c.name, func(t *testing.T) {
			modeltest.RunLM(t, modeltest.LMCase{
				Config: small(c.tied), VocabSize: 13, NumTokens: 7,
				Counts:    []modeltest.Count{{Name: c.name, Config: small(c.tied), Want: c.want}},
				Reference: func(w modeltest.Weights, tokens []int32) []float64 { return reference(w, tokens, c.tied) },
				Steps:     300,
			})
		})
	}
}

// TestPublishedCounts: the parameters of the published models.
func TestPublishedCounts(t *testing.T) {
	for size, want := range map[string]int{"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080, "xl": 1_557_611_200} {
		c := gpt2.Default()
		c.Size = size
		if got := c.NumParameters(); got != want {
			t.Errorf("%s: %d parameters, want %d", size, got, want)
		}
	}
}

// reference is a plain reading of the model for small.
func reference(w modeltest.Weights, tokens []int32, tied bool) []float64 {
	const width, heads, eps = 8, 2, 1e-5
	table, places := modeltest.Rows(w.At("wte/weight"), width), modeltest.Rows(w.At("wpe/weight"), width)
	var x [][]float64
	for i, token := range tokens {
		x = append(x, plus(table[token], places[i]))
	}
	for _, block := range []string{"h/0", "h/1"} {
		qkv := w.Dense(block+"/attn/c_attn", w.LayerNorm(block+"/ln_1", x, eps))
		for i, y := range w.Dense(block+"/attn/c_proj", modeltest.Causal(qkv, heads)) {
			x[i] = plus(x[i], y)
		}
		up := w.Dense(block+"/mlp/c_fc", w.LayerNorm(block+"/ln_2", x, eps))
		for _, row := range up {
			for i, v := range row {
				row[i] = modeltest.Gelu(v)
			}
		}
		for i, y := range w.Dense(block+"/mlp/c_proj", up) {
			x[i] = plus(x[i], y)
		}
	}
	if !tied {
		table = modeltest.Rows(w.At("lm_head/weight"), width)
	}
	var logits []float64
	for _, row := range w.LayerNorm("ln_f", x, eps) {
		for _, word := range table {
			sum := 0.0
			for i, v := range row {
				sum += v * word[i]
			}
			logits = append(logits, sum)
		}
	}
	return logits
}

func plus(a, b []float64) []float64 {
	out := slices.Clone(a)
	for i, v := range b {
		out[i] += v
	}
	return out
}

// recorded is what testdata/record.py wrote.
type recorded struct {
	Tokens    [][]int32
	Tied, Own struct {
		Loss      float64
		Gradients map[string]float64 // norms
	}
}

// TestReference compares logits, loss and gradients with those that transformers
// computed from the same weights in double precision.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	var x, next nn.Array
	for _, row := range r.Tokens {
		last := len(row) - 1
		x.Shape, next.Shape = []int{len(r.Tokens), last}, []int{len(r.Tokens), last}
		x.Int32, next.Int32 = append(x.Int32, row[:last]...), append(next.Int32, row[1:]...)
	}
	logits := open(t, "logits")
	for name, want := range map[string]struct {
		loss      float64
		gradients map[string]float64
	}{"tied": {r.Tied.Loss, r.Tied.Gradients}, "own": {r.Own.Loss, r.Own.Gradients}} {
		t.Run(name, func(t *testing.T) {
			got, loss, norms := compute(t, name == "tied", x, next)
			within(t, "loss", loss, want.loss, 1e-6)
			recorded, err := logits.Tensor("logits." + name)
			if err != nil {
				t.Fatal(err)
			}
			values, err := recorded.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if math.Abs(float64(v-got[i])) > 1e-5 {
					t.Fatalf("logit %d is %g, want %g", i, got[i], v)
				}
			}
			if len(norms) != len(want.gradients) {
				t.Errorf("%d gradients, want %d", len(norms), len(want.gradients))
			}
			for tensor, v := range want.gradients {
				within(t, "the gradient of "+tensor, norms[tensor], v, 1e-5)
			}
		})
	}
}

// within compares numbers relative to the second.
func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s is %.9g, want %.9g", what, got, want)
	}
}

// open reads one of the recorded files.
func open(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	r, err := os.Open(filepath.Join("testdata", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	info, err := r.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(r, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// compute builds the recorded model and returns logits, loss and gradient norms under
// published names.
func compute(t *testing.T, tied bool, x, next nn.Array) (logits []float32, loss float64, norms map[string]float64) {
	t.Helper()
	c := gpt2.Config{
		Size: "custom", VocabSize: 97, MaxPositionEmbeddings: 16, HiddenSize: 32, NumHiddenLayers: 2,
		NumAttentionHeads: 4, LayerNormEpsilon: 1e-5, TieWordEmbeddings: tied,
	}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	store := nn.NewStore(1)
	if err := nn.Push(store, published(t, tied)); err != nil {
		t.Fatal(err)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	p, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		y := m.(model.LM).Logits(s, model.Prompt{Tokens: in[0]}, nil)
		mean := graph.ReduceAllMean(nn.CrossEntropy(y, in[1]))
		var grads []*nn.Node
		names, grads = nn.Gradients(s, mean, nil)
		return append([]*nn.Node{y, mean}, grads...)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(x, next)
	if err != nil {
		t.Fatal(err)
	}
	norms = map[string]float64{}
	for i, name := range names {
		sum := 0.0
		for _, v := range out[2+i].Float32 {
			sum += float64(v) * float64(v)
		}
		norms[strings.ReplaceAll(name, "/", ".")] = math.Sqrt(sum)
	}
	return out[0].Float32, float64(out[1].Float32[0]), norms
}

// published reads the recorded weights; those of the own head lie in a second file.
func published(t *testing.T, tied bool) nn.Weights {
	t.Helper()
	list := []string{"weights"}
	if !tied {
		list = append(list, "head")
	}
	var w nn.Weights
	for _, name := range list {
		f := open(t, name)
		for _, h := range f.Heads() {
			tensor, err := f.Tensor(h.Name)
			if err != nil {
				t.Fatal(err)
			}
			values, err := tensor.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			w = append(w, nn.Weight{Name: strings.ReplaceAll(h.Name, ".", "/"), Shape: h.Shape, Values: values})
		}
	}
	return w.Sorted()
}

// TestPublishedNames: the file as OpenAI's weights are published, and one saved with
// its head, both fit; so do the masks that old releases hold.
func TestPublishedNames(t *testing.T) {
	shapes := map[string][]int{}
	for _, w := range published(t, true) {
		shapes[w.Name] = w.Shape
	}
	c := gpt2.Config{Size: "custom", VocabSize: 97, MaxPositionEmbeddings: 16, HiddenSize: 32, NumHiddenLayers: 2,
		NumAttentionHeads: 4, LayerNormEpsilon: 1e-5, TieWordEmbeddings: true}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	heads := open(t, "weights").Heads()
	mask := checkpoint.Head{Name: "h.0.attn.bias", DType: checkpoint.F32, Shape: []int{1, 1, 16, 16}}
	if err := m.Weights().Check(append(heads, mask), shapes); err != nil {
		t.Error(err)
	}
	for i := range heads {
		heads[i].Name = "transformer." + heads[i].Name
	}
	heads = append(heads, checkpoint.Head{Name: "lm_head.weight", DType: checkpoint.F32, Shape: []int{97, 32}})
	if err := m.(*gpt2.Model).WeightsIn(heads).Check(heads, shapes); err != nil {
		t.Error(err)
	}
	if err := m.Weights().Check(heads, shapes); err == nil {
		t.Error("names with a prefix pass for names without")
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*gpt2.Config){
		`size: there is no size "huge"; use one of large, medium, small, xl, custom`: func(c *gpt2.Config) { c.Size = "huge" },
		"hidden_size: 0 cannot be built":                                             func(c *gpt2.Config) { c.Size = "custom" },
		"vocab_size: -1 cannot be built":                                             func(c *gpt2.Config) { c.VocabSize = -1 },
		"max_position_embeddings: 0 cannot be built":                                 func(c *gpt2.Config) { c.MaxPositionEmbeddings = 0 },
		"num_hidden_layers: 100000 cannot be built":                                  func(c *gpt2.Config) { c.NumHiddenLayers = 100000 },
		"num_attention_heads: 7 heads do not divide hidden_size 768":                 func(c *gpt2.Config) { c.NumAttentionHeads = 7 },
		"intermediate_size: -1 cannot be built":                                      func(c *gpt2.Config) { c.IntermediateSize = -1 },
		"layer_norm_epsilon: 0 is not usable":                                        func(c *gpt2.Config) { c.LayerNormEpsilon = 0 },
		"layer_norm_epsilon: NaN is not usable":                                      func(c *gpt2.Config) { c.LayerNormEpsilon = math.NaN() },
	} {
		c := gpt2.Default()
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

// TestTooLong: more tokens than positions are an error that says so.
func TestTooLong(t *testing.T) {
	m, err := small(true).Build()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewProgram(engine, nn.NewStore(1), func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{train.NextTokenLoss(m.(model.LM))(s, in)}
	})
	if err != nil {
		t.Fatal(err)
	}
	x := nn.Array{Shape: []int{1, 10}, Int32: make([]int32, 10)}
	if _, err := p.Run(x, x); err == nil || !strings.Contains(err.Error(), "a sequence of 10 tokens, and max_position_embeddings is 9") {
		t.Errorf("got %v", err)
	}
}

// TestForwardFLOP: the products of a model of one block, counted by hand.
func TestForwardFLOP(t *testing.T) {
	c := small(true)
	c.NumHiddenLayers = 1
	want := 5*2*(4*8*8+2*8*12) + 2*2*5*5*8 + 2*5*8*13
	if got := c.ForwardFLOP(5); got != float64(want) {
		t.Errorf("got %g, want %d", got, want)
	}
}
