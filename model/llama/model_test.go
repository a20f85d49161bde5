package llama_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/model/modeltest"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// small has two of everything that could be mixed up, and heads that are not as wide as
// their share of the model.
func small(tied bool) *llama.Config {
	return &llama.Config{
		Size: "custom", VocabSize: 13, MaxPositionEmbeddings: 9, HiddenSize: 8, NumHiddenLayers: 2,
		NumAttentionHeads: 4, NumKeyValueHeads: 2, HeadDim: 6, IntermediateSize: 12, RMSNormEps: 1e-5, RoPETheta: 50,
		TieWordEmbeddings: tied,
	}
}

func TestModel(t *testing.T) {
	const block = 8*(24+12+12) + 24*8 + 3*8*12 + 2*8
	for _, c := range []struct {
		name string
		tied bool
		want int
	}{{"tied", true, 13*8 + 2*block + 8}, {"own head", false, 2*13*8 + 2*block + 8}} {
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

// TestPublishedCounts: the parameters of published models.
func TestPublishedCounts(t *testing.T) {
	for size, want := range map[string]int{"tiny-1b": 1_100_048_384, "7b": 6_738_415_616, "8b": 8_030_261_248} {
		c := llama.Default()
		c.Size = size
		if got := c.NumParameters(); got != want {
			t.Errorf("%s: %d parameters, want %d", size, got, want)
		}
	}
}

// recorded is what testdata/record.py wrote of a model.
type recorded struct {
	Loss      float64
	Gradients map[string]float64 // norms
}

// TestReference compares logits, loss and gradients with those that transformers
// computed from the same folders in double precision.
func TestReference(t *testing.T) {
	var r struct {
		Tokens            [][]int32
		Tied, Own, Llama3 recorded
	}
	if err := json.Unmarshal(read(t, "reference.json"), &r); err != nil {
		t.Fatal(err)
	}
	var x, next nn.Array
	for _, row := range r.Tokens {
		last := len(row) - 1
		x.Shape, next.Shape = []int{len(r.Tokens), last}, []int{len(r.Tokens), last}
		x.Int32, next.Int32 = append(x.Int32, row[:last]...), append(next.Int32, row[1:]...)
	}
	logits := open(t, "logits.safetensors")
	for name, want := range map[string]recorded{"tied": r.Tied, "own": r.Own, "llama3": r.Llama3} {
		t.Run(name, func(t *testing.T) {
			got, loss, norms := compute(t, name, x, next)
			within(t, "loss", loss, want.Loss, 1e-6)
			recorded, err := logits.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			values, err := recorded.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if !(math.Abs(float64(v-got[i])) <= 1e-5) {
					t.Fatalf("logit %d is %g, want %g", i, got[i], v)
				}
			}
			if len(norms) != len(want.Gradients) {
				t.Errorf("%d gradients, want %d", len(norms), len(want.Gradients))
			}
			for tensor, v := range want.Gradients {
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

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// open reads one of the recorded files.
func open(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	r, err := os.Open(filepath.Join("testdata", name))
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

// compute builds the model of a recorded folder and returns logits, loss and gradient
// norms under published names.
func compute(t *testing.T, folder string, x, next nn.Array) (logits []float32, loss float64, norms map[string]float64) {
	t.Helper()
	var c llama.Config
	if err := c.ReadJSON(read(t, folder+"/config.json")); err != nil {
		t.Fatal(err)
	}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	store := nn.NewStore(1)
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
	if _, err := p.Run(x, next); err != nil { // makes the variables
		t.Fatal(err)
	}
	w, err := nn.Pull(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Push(store, load(t, m, folder, w)); err != nil {
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

func load(t *testing.T, m model.Model, folder string, like nn.Weights) nn.Weights {
	t.Helper()
	shapes := map[string][]int{}
	for _, v := range like {
		shapes[v.Name] = v.Shape
	}
	var w nn.Weights
	err := m.Weights().Load(open(t, folder+"/model.safetensors"), shapes, func(name string, values []float32) error {
		w = append(w, nn.Weight{Name: name, Shape: shapes[name], Values: values})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w.Sorted()
}

// TestPublished: what is written as config.json is read back as it was.
func TestPublished(t *testing.T) {
	for _, folder := range []string{"tied", "own", "llama3"} {
		var c, again llama.Config
		if err := c.ReadJSON(read(t, folder+"/config.json")); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(c.Published())
		if err != nil {
			t.Fatal(err)
		}
		if err := again.ReadJSON(text); err != nil || again != c {
			t.Errorf("%s: %v, read %+v, want %+v", folder, err, again, c)
		}
	}
}

// TestPublishedErrors: models that would be computed otherwise are refused.
func TestPublishedErrors(t *testing.T) {
	good := string(read(t, "own/config.json"))
	for want, change := range map[string][2]string{
		`hidden_act: "gelu" is another model`:                 {`"silu"`, `"gelu"`},
		`attention_bias: the attention has biases`:            {`"attention_bias": false`, `"attention_bias": true`},
		`mlp_bias: the MLPs have biases`:                      {`"mlp_bias": false`, `"mlp_bias": true`},
		`quantization_config: the weights are quantized`:      {`"pretraining_tp": 1`, `"quantization_config": {"bits": 4}`},
		`rope_scaling.rope_type: there is no scaling "yarn"`:  {`"rope_type": "default"`, `"rope_type": "yarn", "factor": 4`},
		`rope_scaling.factor: 0 is not usable`:                {`"rope_type": "default"`, `"rope_type": "linear"`},
		`intermediate_size: it is not there`:                  {`"intermediate_size": 48`, `"intermediate": 48`},
		`num_key_value_heads: 3 key heads do not divide`:      {`"num_key_value_heads": 2`, `"num_key_value_heads": 3`},
		`config.json: json: cannot unmarshal string into`:     {`"hidden_size": 32`, `"hidden_size": "32"`},
		`vocab_size: -97 cannot be built`:                     {`"vocab_size": 97`, `"vocab_size": -97`},
		`head_dim: a head of 7 numbers cannot be turned`:      {`"head_dim": 8`, `"head_dim": 7`},
		`max_position_embeddings: 0 cannot be built`:          {`"max_position_embeddings": 64`, `"max_position_embeddings": 0`},
		`rope_theta: -5 is not usable`:                        {`"rope_theta": 500.0`, `"rope_theta": -5`},
		`rms_norm_eps: 0 is not usable`:                       {`"rms_norm_eps": 1e-05`, `"rms_norm_eps": 0`},
		`num_hidden_layers: 1000000 cannot be built`:          {`"num_hidden_layers": 2`, `"num_hidden_layers": 1000000`},
		`rope_scaling.low_freq_factor: 0, high_freq_factor 0`: {`"rope_type": "default"`, `"rope_type": "llama3", "factor": 8`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s is not in the file", change[0])
		}
		var c llama.Config
		err := c.ReadJSON([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*llama.Config){
		`size: there is no size "huge"; use one of 7b, 8b, tiny-1b, custom`: func(c *llama.Config) { c.Size = "huge" },
		"vocab_size: 0 cannot be built":                                     func(c *llama.Config) { c.Size = "custom" },
		"num_attention_heads: 7 heads do not divide hidden_size 2048":       func(c *llama.Config) { c.NumAttentionHeads = 7 },
		"rms_norm_eps: NaN is not usable":                                   func(c *llama.Config) { c.RMSNormEps = math.NaN() },
		"rope_scaling.rope_type: a scaling without a type":                  func(c *llama.Config) { c.RoPEScaling.Factor = 2 },
	} {
		c := llama.Default()
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

// TestForwardFLOP: the products of a model of one block, counted by hand.
func TestForwardFLOP(t *testing.T) {
	c := small(true)
	c.NumHiddenLayers = 1
	want := 5*2*(8*24+2*8*12+24*8+3*8*12) + 2*2*5*5*24 + 2*5*8*13
	if got := c.ForwardFLOP(5); got != float64(want) {
		t.Errorf("got %g, want %d", got, want)
	}
}
