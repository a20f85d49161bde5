package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// smallModel puts a tiny language model, my-model, and an adapter of it, my-lora, into a
// folder. Its weights are random.
func smallModel(t *testing.T, dir string) {
	t.Helper()
	texts := []string{"the channel of the user", "the base station hears the user", "a slot has fourteen symbols"}
	tok, err := tokenizer.Train(t.Context(), slices.Values(texts), tokenizer.Config{VocabSize: 300})
	if err != nil {
		t.Fatal(err)
	}
	c := &llama.Config{Size: "custom", VocabSize: tok.Size(), MaxPositionEmbeddings: 128, HiddenSize: 16, NumHiddenLayers: 2,
		NumAttentionHeads: 4, NumKeyValueHeads: 2, RMSNormEps: 1e-5, RoPETheta: 500, TieWordEmbeddings: true}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	lm := m.(model.LM)
	f := &infer.Folder{Config: c, Model: lm, Tokenizer: tok, Weights: drawn(t, lm, nil), Generation: infer.Generation{BOS: -1}}
	f.Generation.Sampling = infer.Sampling{Temperature: 1, TopK: 40}
	if err := f.Save(durable.OS, filepath.Join(dir, "my-model"), checkpoint.F32); err != nil {
		t.Fatal(err)
	}
	a := tune.LoRA{Rank: 2, Alpha: 4, Targets: []string{"q_proj", "v_proj"}}
	k := tune.Keep(a, drawn(t, lm, a))
	k.Tokenizer = tok.Hash()
	if err := k.Write(durable.OS, filepath.Join(dir, "my-lora"), lm); err != nil {
		t.Fatal(err)
	}
}

// drawn draws weights of a model and an adapter.
func drawn(t *testing.T, lm model.LM, a nn.Adapter) nn.Weights {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := nn.Shapes(engine, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		nn.SetAdapter(s.Store(), a)
		return []*nn.Node{lm.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	}, []int{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	var w nn.Weights
	for name, shape := range shapes {
		n := 1
		for _, d := range shape {
			n *= d
		}
		item, r := nn.Weight{Name: name, Shape: shape}, rng.New(5, uint64(len(name)), uint64(n))
		for range n {
			item.Values = append(item.Values, float32(0.4*r.Normal()))
		}
		w = append(w, item)
	}
	return w.Sorted()
}

// talking runs a command line with text on standard input.
func talking(in string, args ...string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = comlam(args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// TestChat: a message may come as an argument, on standard input or line by line; the
// same seed says the same, and what was said before is part of the next turn.
func TestChat(t *testing.T) {
	dir := t.TempDir()
	smallModel(t, dir)
	chat := func(in string, args ...string) string {
		code, out, err := talking(in, append([]string{"-C", dir, "chat", "my-model", "--max-tokens", "12"}, args...)...)
		if code != 0 || err != "" {
			t.Errorf("%q: exit code %d, %s", args, code, err)
		}
		return out
	}
	first := chat("", "the user")
	if piped := chat("the user\n"); piped != first || !strings.HasSuffix(first, "\n") || len(first) < 5 {
		t.Errorf("piped %q, as an argument %q", piped, first)
	}
	if again, other := chat("", "the user"), chat("", "the user", "--seed", "2"); again != first || other == first {
		t.Errorf("seed 1 %q and again %q, seed 2 %q", first, again, other)
	}
	for _, change := range [][]string{{"--adapter", "my-lora"}, {"--system", "a slot"}, {"--raw"}, {"--temperature", "0"}, {"--repetition-penalty", "3"}} {
		if got := chat("", append(change, "the user")...); got == first {
			t.Errorf("%q changes nothing", change)
		}
	}
	v := oneObject(t, chat("the user\n\nthe channel\n", "--turns", "--json"))
	list := v["messages"].([]any)
	if len(list) != 4 || list[1].(map[string]any)["content"].(string)+"\n" != first || v["prompt_tokens"].(float64) < 20 {
		t.Errorf("two turns: %v, the first %q", v, first)
	}
}

// TestChatErrors: mistakes are those of the user or of the data, never bugs.
func TestChatErrors(t *testing.T) {
	dir := t.TempDir()
	smallModel(t, dir)
	for _, name := range []string{"no-tokenizer", "no-template", "damaged"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "my-model"))); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(filepath.Join(dir, "no-tokenizer", "tokenizer.json"))
	if err := os.Truncate(filepath.Join(dir, "damaged", "model.safetensors"), 1000); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"chat", exitUsage, "give the folder of a model or a run"},
		{"chat nothing x", exitUsage, `there is no model "nothing"`},
		{"chat my-model", exitUsage, "there is no message"},
		{"chat my-model x --temperature -1", exitUsage, "--temperature: -1 is not usable"},
		{"chat my-model x --min-p 2", exitUsage, "--min-p: 2 is not usable"},
		{"chat my-model " + strings.Repeat("x", 200), exitData, "the model's context ends at 128"},
		{"chat my-lora x", exitUsage, `there is no model "my-lora"`},
		{"chat my-model x --adapter nothing", exitData, "no such file"},
		{"chat no-tokenizer x", exitData, "put its tokenizer.json"},
		{"chat damaged x", exitData, "not a valid safetensors file"},
		{"export hf my-model", exitUsage, "give a model or run, and the folder to write"},
		{"export hf my-model my-lora", exitUsage, "is there already and not empty"},
		{"export hf my-model out --dtype i8", exitUsage, "--dtype i8: use f32, f16 or bf16"},
		{"export hf damaged out", exitData, "not a valid safetensors file"},
	} {
		code, out, err := call(append([]string{"-C", dir}, strings.Fields(c.line)...)...)
		if code != c.code || !strings.Contains(err, c.want) || out != "" {
			t.Errorf("%.60s: exit code %d, want %d; %q, want %q", c.line, code, c.code, err, c.want)
		}
	}
}

// TestExport: what is exported says the same, whole or with the adapter worked in.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	smallModel(t, dir)
	run := func(line string) string {
		code, out, err := call(append([]string{"-C", dir}, strings.Fields(line)...)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d, %s", line, code, err)
		}
		return out
	}
	if out := run("export hf my-model copy"); !strings.HasPrefix(out, "wrote copy: llama, ") {
		t.Errorf("got %q", out)
	}
	v := oneObject(t, run("export hf my-model merged --adapter my-lora --json"))
	if v["model"] != "llama" || v["dtype"] != "f32" || v["tokenizer"] == "" {
		t.Errorf("got %v", v)
	}
	if err := os.CopyFS(filepath.Join(dir, "runs", "text", "models", "pretrained"), os.DirFS(filepath.Join(dir, "my-model"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "runs", "text", "run.json"), []byte(`{"name":"text","status":"done"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if v := oneObject(t, run("export hf text from-run --json")); v["from"] != "runs/text/models/pretrained" {
		t.Errorf("of a run: %v", v)
	}
	const say = " the~user --max-tokens 9 --temperature 0"
	if a, b := run("chat my-model"+say), run("chat copy"+say); a != b {
		t.Errorf("the copy says %q, not %q", b, a)
	}
	if a, b := run("chat my-model --adapter my-lora"+say), run("chat merged"+say); a != b {
		t.Errorf("merged it says %q, not %q", b, a)
	}
}
