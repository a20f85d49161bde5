package infer

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/tokenizer"
)

// words trains a small tokenizer.
func words(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	texts := []string{"the channel of the user", "the base station hears the user", "a slot has fourteen symbols"}
	tok, err := tokenizer.Train(t.Context(), slices.Values(texts), tokenizer.Config{VocabSize: 300})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// small is a folder of a family with random weights.
func small(t testing.TB, name string, tok *tokenizer.Tokenizer) *Folder {
	t.Helper()
	text, err := json.Marshal(families[name].(model.Portable).Published())
	if err != nil {
		t.Fatal(err)
	}
	c, err := family(text)
	if err != nil {
		t.Fatal(err)
	}
	if tok != nil {
		c.(model.LMConfig).SetVocabSize(tok.Size())
	}
	e, lm := engine(t), build(t, c)
	f := &Folder{Config: c, Model: lm, Weights: random(t, e, lm, 0.4), Tokenizer: tok, Generation: Generation{BOS: -1, EOS: []int32{3, 4}}}
	f.Generation.Sampling = Sampling{Temperature: 0.7, TopK: 9, RepetitionPenalty: 1.2}
	return f
}

// TestSave: a folder comes back to the bit, tokenizer and settings included.
func TestSave(t *testing.T) {
	for _, name := range []string{"llama", "gpt2"} {
		for _, tok := range []*tokenizer.Tokenizer{nil, words(t)} {
			f, dir := small(t, name, tok), filepath.Join(t.TempDir(), "out")
			if err := f.Save(durable.OS, dir, checkpoint.F32); err != nil {
				t.Fatal(err)
			}
			got, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range f.Weights {
				if g := got.Weights[i]; g.Name != w.Name || !slices.Equal(g.Shape, w.Shape) || !slices.Equal(g.Values, w.Values) {
					t.Errorf("%s: %s came back as %s %d", name, w.Name, g.Name, g.Shape)
				}
			}
			if len(got.Weights) != len(f.Weights) || (tok == nil) != (got.Tokenizer == nil) || tok != nil && tok.Hash() != got.Tokenizer.Hash() {
				t.Errorf("%s: %d weights, tokenizer %v", name, len(got.Weights), got.Tokenizer)
			}
			g, s := got.Generation, got.Generation.Sampling
			if !slices.Equal(g.EOS, []int32{3, 4}) || s.Temperature != 0.7 || s.TopK != 9 || s.RepetitionPenalty != 1.2 {
				t.Errorf("%s: generation %+v", name, g)
			}
		}
	}
	if err := small(t, "llama", nil).Save(durable.OS, t.TempDir(), checkpoint.I8); err == nil {
		t.Error("weights were written as I8")
	}
}

// TestRecordedFolder: a folder of transformers, read as one file and as several, gives
// its logits to 1e-4.
func TestRecordedFolder(t *testing.T) {
	from := filepath.Join("..", "model", "llama", "testdata")
	var r struct{ Tokens [][]int32 }
	text, err := os.ReadFile(filepath.Join(from, "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tied", "own", "llama3"} {
		several := split(t, filepath.Join(from, name))
		want := recordedLogits(t, from, name)
		for _, dir := range []string{filepath.Join(from, name), several} {
			f, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			m, err := New(engine(t), f.Model, f.Weights, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			for _, row := range r.Tokens {
				for _, logits := range whole(t, m, row[:len(row)-1]) {
					for _, v := range logits {
						if d := math.Abs(float64(v - want[at])); !(d <= 1e-4) {
							t.Fatalf("%s: logit %d is %g, want %g", dir, at, v, want[at])
						}
						at++
					}
				}
			}
			if f.Generation.BOS != 1 || !slices.Equal(f.Generation.EOS, []int32{2}) {
				t.Errorf("%s: %+v", dir, f.Generation)
			}
		}
	}
}

func recordedLogits(t *testing.T, dir, name string) []float32 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "logits.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := checkpoint.Open(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	x, err := file.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	values, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// split copies a folder, its weights in two files with an index.
func split(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, "config.json", text)
	f, err := checkpoint.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	place, parts := map[string]string{}, map[string][]checkpoint.Tensor{}
	for i, h := range f.Heads() {
		x, err := f.Tensor(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		name := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}[i%2]
		place[h.Name], parts[name] = name, append(parts[name], x)
	}
	for name, list := range parts {
		var b bytes.Buffer
		if err := checkpoint.Write(&b, list, nil); err != nil {
			t.Fatal(err)
		}
		write(t, to, name, b.Bytes())
	}
	index, err := json.Marshal(map[string]any{"weight_map": place})
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, checkpoint.IndexName, index)
	return to
}

func write(t testing.TB, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestOpenErrors: what does not fit is refused, by name.
func TestOpenErrors(t *testing.T) {
	tok := words(t)
	for want, break_ := range map[string]func(dir string){
		"there is no config.json": func(dir string) { os.Remove(filepath.Join(dir, "config.json")) },
		`model_type "bert" is not a family that is read here; there are: gpt2, llama`: func(dir string) {
			write(t, dir, "config.json", []byte(`{"model_type":"bert"}`))
		},
		"config.json: unexpected end of JSON input": func(dir string) { write(t, dir, "config.json", []byte(`{`)) },
		"holds neither model.safetensors nor":       func(dir string) { os.Remove(filepath.Join(dir, "model.safetensors")) },
		`the file lacks "model.norm.weight"; the model does not know "x"`: func(dir string) {
			rename(t, dir, "model.norm.weight", "x")
		},
		"the weights were trained with the tokenizer and chat template": func(dir string) {
			other := small(t, "llama", nil)
			other.Config.(model.LMConfig).SetVocabSize(tok.Size())
			os.Remove(filepath.Join(dir, "tokenizer.json"))
		},
		"generation_config.json: json": func(dir string) { write(t, dir, "generation_config.json", []byte(`{"top_k":"many"}`)) },
		"top_p: 2 is not usable": func(dir string) {
			write(t, dir, "generation_config.json", []byte(`{"do_sample":true,"top_p":2}`))
		},
		"they do not belong together": func(dir string) {
			text, err := os.ReadFile(filepath.Join(dir, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			var c map[string]any
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			c["vocab_size"] = 20
			if text, err = json.Marshal(c); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "config.json", text)
		},
	} {
		dir := t.TempDir()
		if err := small(t, "llama", tok).Save(durable.OS, dir, checkpoint.BF16); err != nil {
			t.Fatal(err)
		}
		break_(dir)
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Open("folder_test.go"); err == nil || !strings.Contains(err.Error(), "neither a folder") {
		t.Errorf("a Go file: %v", err)
	}
	if _, err := Open("nothing"); !os.IsNotExist(err) {
		t.Errorf("nothing: %v", err)
	}
}

// rename gives a tensor of a folder another name.
func rename(t *testing.T, dir, from, to string) {
	t.Helper()
	f, err := checkpoint.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []checkpoint.Tensor
	for _, h := range f.Heads() {
		x, err := f.Tensor(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		if x.Name == from {
			x.Name = to
		}
		list = append(list, x)
	}
	f.Close()
	var b bytes.Buffer
	if err := checkpoint.Write(&b, list, nil); err != nil {
		t.Fatal(err)
	}
	write(t, dir, checkpoint.SingleName, b.Bytes())
}

// TestLlama2C reads a published file of llama2.c: the likeliest ids and the logits are
// those that a plain reading of its forward pass gave. (The project that the file comes
// from had transposed its matrices, so that it tells no story; its numbers serve.)
func TestLlama2C(t *testing.T) {
	path := filepath.Join("..", "..", "shared", "data", "llama2c", "stories260K.bin")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the file of llama2.c is not here: ", err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "model", "llama", "testdata", "stories260K.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		IDs    []int32
		Logits map[int][]float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	m, err := New(engine(t), f.Model, f.Weights, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Generate(t.Context(), [][]int32{{f.Generation.BOS}}, Sampling{MaxTokens: len(want.IDs) - 1}, nil)
	if err != nil || !slices.Equal(got[0], want.IDs[1:]) {
		t.Errorf("%v: wrote %d, want %d", err, got, want.IDs[1:])
	}
	rows := whole(t, m, want.IDs[:len(want.IDs)-1])
	for place, row := range want.Logits {
		for id, v := range row {
			if d := math.Abs(float64(rows[place][id]) - v); !(d <= 1e-4) {
				t.Fatalf("logit %d at place %d is %g, want %g", id, place, rows[place][id], v)
			}
		}
	}
	dir := t.TempDir()
	if err := f.Save(durable.OS, dir, checkpoint.F32); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil || len(again.Weights) != len(f.Weights) || !slices.Equal(again.Weights[5].Values, f.Weights[5].Values) {
		t.Errorf("as a folder: %v", err)
	}
}

// FuzzConfig: a config.json is refused or builds a model that is written as it was read.
func FuzzConfig(f *testing.F) {
	for _, name := range []string{"llama", "gpt2"} {
		text, err := json.Marshal(families[name].(model.Portable).Published())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"model_type":"llama","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":8,"rope_scaling":{"type":"linear","factor":2}}`))
	f.Add([]byte(`{"model_type":"gpt2","vocab_size":9,"n_positions":9,"n_embd":8,"n_layer":1,"n_head":2,"n_inner":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := family(text)
		if err != nil {
			return
		}
		if _, err := c.Build(); err != nil {
			t.Fatalf("read without an error, and then: %v", err)
		}
		again, err := json.Marshal(c.Published())
		if err != nil {
			t.Fatal(err)
		}
		d, err := family(again)
		if err != nil || !reflect.DeepEqual(c.Published(), d.Published()) {
			t.Errorf("%+v came back as %+v, %v", c, d, err)
		}
	})
}
