package tune

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/gpt2"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
)

// base is a language model of testdata/peft.
func base(t *testing.T, name string) (model.LM, nn.Weights) {
	t.Helper()
	var c model.Portable = new(llama.Config)
	if name == "gpt2" {
		c = new(gpt2.Config)
	}
	dir := filepath.Join("testdata/peft", name, "base")
	if err := c.ReadJSON(readFile(t, filepath.Join(dir, "config.json"))); err != nil {
		t.Fatal(err)
	}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	f := openTensors(t, filepath.Join(dir, "model.safetensors"))
	links := m.Weights()
	if w, ok := m.(model.Wrapped); ok {
		links = w.Modules()
	}
	var w nn.Weights
	for _, l := range links {
		if l.Variable == "" {
			continue
		}
		tensor, err := f.Tensor(l.Published)
		if err != nil {
			t.Fatal(err)
		}
		values, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		values, shape, err := checkpoint.Permute(values, tensor.Shape, l.Axes)
		if err != nil {
			t.Fatal(err)
		}
		w = append(w, nn.Weight{Name: l.Variable, Shape: shape, Values: values})
	}
	return m.(model.LM), w.Sorted()
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func openTensors(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	raw := readFile(t, name)
	f, err := checkpoint.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// logits are those of the model for tokens, under an adapter or none.
func logits(t *testing.T, m model.LM, w nn.Weights, a nn.Adapter, tokens nn.Array) []float32 {
	t.Helper()
	store := nn.NewStore(1)
	nn.SetAdapter(store, a)
	if err := nn.Push(store, w); err != nil {
		t.Fatal(err)
	}
	return logitsOf(t, open(t), m, store, tokens)
}

func open(t *testing.T) backend.Engine {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func logitsOf(t *testing.T, engine backend.Engine, m model.LM, store *nn.Store, tokens nn.Array) []float32 {
	t.Helper()
	p, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{m.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(tokens)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32
}

// recorded are tokens, and the logits that PEFT computed for them.
func recorded(t *testing.T, dir string) (tokens nn.Array, logits []float32) {
	t.Helper()
	f := openTensors(t, filepath.Join(dir, "logits.safetensors"))
	tensor, err := f.Tensor("tokens")
	if err != nil {
		t.Fatal(err)
	}
	tokens.Shape = tensor.Shape
	for i := 0; i < len(tensor.Data); i += 4 {
		tokens.Int32 = append(tokens.Int32, int32(tensor.Data[i])) // below 256
	}
	if tensor, err = f.Tensor("logits"); err != nil {
		t.Fatal(err)
	}
	if logits, err = tensor.Float32s(); err != nil {
		t.Fatal(err)
	}
	return tokens, logits
}

func farthest(a, b []float32) float64 {
	most := 0.0
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

var models = []string{"gpt2", "llama"}

// TestPEFT: adapters that PEFT trained and saved give the logits that PEFT computes, and
// written again they are the same tensors under the same names.
func TestPEFT(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		for _, kind := range []string{"lora", "rslora", "prefix"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir := filepath.Join("testdata/peft", name, kind)
				k, err := Read(durable.OS, dir, m)
				if err != nil {
					t.Fatal(err)
				}
				tokens, want := recorded(t, dir)
				if d := farthest(logits(t, m, k.On(w), k.Adapter, tokens), want); d > 1e-5 {
					t.Errorf("logits differ by %g", d)
				}
				if d := farthest(logits(t, m, w, nil, tokens), want); d < 0.1 {
					t.Errorf("the base alone differs by no more than %g", d)
				}
				fsys := durable.NewMemFS(1)
				if err := k.Write(fsys, "out", m); err != nil {
					t.Fatal(err)
				}
				again, err := durable.ReadFile(fsys, "out/"+weightsFile)
				if err != nil {
					t.Fatal(err)
				}
				f, err := checkpoint.Open(bytes.NewReader(again), int64(len(again)))
				if err != nil {
					t.Fatal(err)
				}
				one, _ := f.Digest()
				two, _ := openTensors(t, filepath.Join(dir, weightsFile)).Digest()
				if one != two {
					t.Errorf("other tensors: %s", f.Names())
				}
			})
		}
	}
}

// TestTargetsAsPublished: a list of targets stays as it is, short names and all.
func TestTargetsAsPublished(t *testing.T) {
	m, _ := base(t, "gpt2")
	k, err := Read(durable.OS, "testdata/peft/gpt2/lora", m)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(k.Adapter.(LoRA).Targets, " "); got != "attn.c_proj c_attn c_fc" {
		t.Errorf("got %s", got)
	}
}

// TestNotAsSaid: what would be computed otherwise than the folder says is refused.
func TestNotAsSaid(t *testing.T) {
	m, _ := base(t, "llama")
	for want, change := range map[string]map[string]any{
		"use_dora: not supported here":                            {"use_dora": true},
		"bias: \"lora_only\" is not supported":                    {"bias": "lora_only"},
		"modules_to_save: not supported here":                     {"modules_to_save": []string{"lm_head"}},
		"rank_pattern: not supported here":                        {"rank_pattern": map[string]int{"q_proj": 9}},
		`init_lora_weights: "pissa" changes the base too`:         {"init_lora_weights": "pissa"},
		"rank 0 and alpha 6":                                      {"r": 0},
		`"model/layers/0/mlp/down_proj/lora_a" is [40 3], and on`: {"r": 4},
		`peft_type: "IA3" is not supported; there are LORA,`:      {"peft_type": "IA3"},
		`task_type: "SEQ_CLS" is not a language model's`:          {"task_type": "SEQ_CLS"},
		"the tensors are \"base_model":                            {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 3},
		"is not of a COMLAM_BOTTLENECK adapter":                   {"peft_type": "COMLAM_BOTTLENECK", "size": 3},
	} {
		fsys := durable.NewMemFS(1)
		if err := durable.MkdirAll(fsys, "a"); err != nil {
			t.Fatal(err)
		}
		var config map[string]any
		if err := json.Unmarshal(readFile(t, "testdata/peft/llama/lora/adapter_config.json"), &config); err != nil {
			t.Fatal(err)
		}
		for key, value := range change {
			config[key] = value
		}
		text, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{configFile: text, weightsFile: readFile(t, "testdata/peft/llama/lora/adapter_model.safetensors")} {
			if err := durable.WriteFile(fsys, "a/"+file, data); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Read(fsys, "a", m); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `adapter "a": `) {
			t.Errorf("got %v, want ...%s...", err, want)
		}
	}
}

var update = flag.Bool("update", false, "rewrite testdata/written; then run testdata/verify.py")

// written are adapters made here, with the names of their folders.
func written(t *testing.T, name string) map[string]*Kept {
	targets := map[string][]string{"llama": {"k_proj", "o_proj", "gate_proj"}, "gpt2": {"c_attn", "mlp.c_proj"}}
	return map[string]*Kept{
		"lora":   drawn(t, name, LoRA{Rank: 2, Alpha: 3, Targets: targets[name]}),
		"prefix": drawn(t, name, Prefix{Length: 4}),
	}
}

// drawn is an adapter whose weights are drawn, all of them away from zero.
func drawn(t *testing.T, name string, a nn.Adapter) *Kept {
	t.Helper()
	m, w := base(t, name)
	l, err := LayoutOf(m)
	if err != nil {
		t.Fatal(err)
	}
	k := &Kept{Adapter: a, Tokenizer: "t0", BaseName: "peft/" + name + "/base"}
	if k.Base, err = BaseHash(w); err != nil {
		t.Fatal(err)
	}
	shapes := variables(a, l, namesOf(m))
	for i, at := range slices.Sorted(maps.Keys(shapes)) {
		item := nn.Weight{Name: at, Shape: shapes[at]}
		if item.Shape == nil {
			item.Shape = w.Find(at).Shape
		}
		r := rng.New(9, uint64(i))
		for range size(item.Shape) {
			item.Values = append(item.Values, float32(0.5*r.Normal()))
		}
		k.Weights = append(k.Weights, item)
	}
	return k
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// TestWritten: adapters are written to the bytes of testdata/written, of which
// testdata/verify.py has shown that PEFT loads them and computes the same logits.
func TestWritten(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		tokens, _ := recorded(t, filepath.Join("testdata/peft", name, "lora"))
		for kind, k := range written(t, name) {
			dir := filepath.Join("testdata/written", name, kind)
			got := logits(t, m, k.On(w), k.Adapter, tokens)
			if *update {
				updateWritten(t, dir, k, m, got, tokens.Shape)
			}
			fsys := durable.NewMemFS(1)
			if err := k.Write(fsys, "out", m); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{configFile, weightsFile} {
				text, err := durable.ReadFile(fsys, "out/"+file)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(text, readFile(t, filepath.Join(dir, file))) {
					t.Errorf("%s %s: other bytes in %s; run go test -update and testdata/verify.py", name, kind, file)
				}
			}
			tensor, err := openTensors(t, filepath.Join(dir, "logits.safetensors")).Tensor("logits")
			if err != nil {
				t.Fatal(err)
			}
			want, _ := tensor.Float32s()
			if d := farthest(got, want); d > 1e-5 {
				t.Errorf("%s %s: logits differ by %g", name, kind, d)
			}
			back, err := Read(fsys, "out", m)
			if err != nil {
				t.Fatal(err)
			}
			if back.Tokenizer != k.Tokenizer || back.Base != k.Base || !sameWeights(back.Weights, k.Weights) {
				t.Errorf("%s %s: something else comes back", name, kind)
			}
		}
	}
}

func updateWritten(t *testing.T, dir string, k *Kept, m model.LM, logits []float32, shape []int) {
	t.Helper()
	if err := k.Write(durable.OS, dir, m); err != nil {
		t.Fatal(err)
	}
	tensor, err := checkpoint.FromFloat32s("logits", checkpoint.F32, []int{shape[0], shape[1], m.VocabSize()}, logits)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := checkpoint.Write(&file, []checkpoint.Tensor{tensor}, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "logits.safetensors"), file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func sameWeights(a, b nn.Weights) bool {
	return slices.EqualFunc(a, b, func(x, y nn.Weight) bool {
		return x.Name == y.Name && slices.Equal(x.Shape, y.Shape) && same(x.Values, y.Values)
	})
}

// TestRoundTrip: all methods come back from a folder as they went, on both families.
func TestRoundTrip(t *testing.T) {
	for _, name := range models {
		m, _ := base(t, name)
		for _, a := range []nn.Adapter{Bottleneck{Size: 3}, BitFit{}, Prefix{Length: 2}, LoRA{Rank: 2, Alpha: 4, Targets: []string{"c_proj", "q_proj"}}} {
			if l, ok := a.(LoRA); ok {
				l.Targets = map[string][]string{"gpt2": {"c_proj"}, "llama": {"q_proj"}}[name]
				a = l
			}
			k := drawn(t, name, a)
			fsys := durable.NewMemFS(1)
			if err := k.Write(fsys, "a", m); err != nil {
				t.Fatal(err)
			}
			back, err := Read(fsys, "a", m)
			if err != nil {
				t.Errorf("%s %T: %v", name, a, err)
				continue
			}
			if fmt.Sprint(back.Adapter) != fmt.Sprint(a) || !sameWeights(back.Weights, k.Weights) || back.Base != k.Base {
				t.Errorf("%s %T: something else comes back", name, a)
			}
		}
	}
}

// TestStartsAsBase: an adapter whose weights are fresh gives the base's logits to the
// bit, but for a prefix, which is seen from the first step.
func TestStartsAsBase(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		tokens, _ := recorded(t, filepath.Join("testdata/peft", name, "lora"))
		plain := logits(t, m, w, nil, tokens)
		for _, a := range []nn.Adapter{Bottleneck{Size: 3}, BitFit{}, LoRA{Rank: 2, Alpha: 4, Targets: []string{"c_proj", "q_proj", "c_fc"}}} {
			if !same(logits(t, m, w, a, tokens), plain) {
				t.Errorf("%s: a fresh %T changes the logits", name, a)
			}
		}
		if farthest(logits(t, m, w, Prefix{Length: 2}, tokens), plain) == 0 {
			t.Errorf("%s: a prefix is not seen", name)
		}
	}
}

// TestMergedEqualsUnmerged: LoRA worked into the weights gives the same logits to 1e-5,
// and so do biases where the base has them; what cannot be merged says so.
func TestMergedEqualsUnmerged(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		tokens, _ := recorded(t, filepath.Join("testdata/peft", name, "lora"))
		for _, k := range []*Kept{written(t, name)["lora"], drawn(t, name, BitFit{})} {
			merged, err := k.Merged(w)
			if _, bits := k.Adapter.(BitFit); bits && name == "llama" {
				if err == nil || !strings.Contains(err.Error(), "the base has no biases") {
					t.Errorf("llama: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(merged) != len(w) {
				t.Errorf("%s: %d weights, the base has %d", name, len(merged), len(w))
			}
			apart, together := logits(t, m, k.On(w), k.Adapter, tokens), logits(t, m, merged, nil, tokens)
			if d := farthest(apart, together); d > 1e-5 {
				t.Errorf("%s %T: merged and apart differ by %g", name, k.Adapter, d)
			}
			if d := farthest(together, logits(t, m, w, nil, tokens)); d < 0.1 {
				t.Errorf("%s %T changes the base by %g only", name, k.Adapter, d)
			}
		}
	}
	if _, err := drawn(t, "llama", Prefix{Length: 2}).Merged(nil); err == nil || !strings.Contains(err.Error(), "PREFIX_TUNING is no change of weights") {
		t.Errorf("a prefix: %v", err)
	}
}

// TestSwap: adapters are exchanged under a loaded base, and the base comes back to the
// bit.
func TestSwap(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		tokens, _ := recorded(t, filepath.Join("testdata/peft", name, "lora"))
		engine, store := open(t), nn.NewStore(1)
		if err := nn.Push(store, w); err != nil {
			t.Fatal(err)
		}
		lora := written(t, name)
		list := []*Kept{nil, lora["lora"], drawn(t, name, BitFit{}), lora["prefix"], drawn(t, name, Bottleneck{Size: 2}), nil}
		for i, k := range append(list, list...) {
			if err := Swap(store, w, k); err != nil {
				t.Fatal(err)
			}
			want := logits(t, m, w, nil, tokens)
			if k != nil {
				want = logits(t, m, k.On(w), k.Adapter, tokens)
			}
			if !same(logitsOf(t, engine, m, store, tokens), want) {
				t.Errorf("%s: after exchange %d the logits are others", name, i)
			}
		}
	}
}

func TestHashes(t *testing.T) {
	k := &Kept{Tokenizer: "tttt", Base: "bbbb"}
	for _, c := range []struct{ tokenizer, base, want string }{
		{"tttt", "bbbb", ""}, {"", "", ""}, {"uuuu", "bbbb", "another tokenizer"}, {"tttt", "cccc", "another base"},
	} {
		err := k.Check(c.tokenizer, c.base)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := (&Kept{}).Check("a", "b"); err != nil {
		t.Errorf("an adapter that says nothing: %v", err)
	}
}
