package infer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/gpt2"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
)

// families are tiny models of every family that writes text.
var families = map[string]model.Config{
	"llama": tinyLlama(false), "llama-tied": tinyLlama(true), "gpt2": tinyGPT2(true), "gpt2-own": tinyGPT2(false),
}

func tinyLlama(tied bool) *llama.Config {
	return &llama.Config{
		Size: "custom", VocabSize: 31, MaxPositionEmbeddings: 200, HiddenSize: 16, NumHiddenLayers: 2,
		NumAttentionHeads: 4, NumKeyValueHeads: 2, IntermediateSize: 24, RMSNormEps: 1e-5, RoPETheta: 500, TieWordEmbeddings: tied,
	}
}

func tinyGPT2(tied bool) *gpt2.Config {
	return &gpt2.Config{
		Size: "custom", VocabSize: 31, MaxPositionEmbeddings: 200, HiddenSize: 16, NumHiddenLayers: 2,
		NumAttentionHeads: 2, LayerNormEpsilon: 1e-5, TieWordEmbeddings: tied,
	}
}

func engine(t testing.TB) backend.Engine {
	t.Helper()
	e, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func build(t testing.TB, c model.Config) model.LM {
	t.Helper()
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return m.(model.LM)
}

// random draws weights of a model, large enough that texts vary.
func random(t testing.TB, e backend.Engine, lm model.LM, size float64) nn.Weights {
	t.Helper()
	shapes, err := shapesOf(e, lm, nil)
	if err != nil {
		t.Fatal(err)
	}
	var w nn.Weights
	for name, shape := range shapes {
		item := nn.Weight{Name: name, Shape: shape}
		n := 1
		for _, d := range shape {
			n *= d
		}
		r := rng.New(7, uint64(len(name)), uint64(n))
		for range n {
			v := size * r.Normal()
			if strings.Contains(name, "norm") || strings.Contains(name, "ln_") {
				v++
			}
			item.Values = append(item.Values, float32(v))
		}
		w = append(w, item)
	}
	return w.Sorted()
}

func open(t testing.TB, c model.Config, o Options) *Model {
	t.Helper()
	e, lm := engine(t), build(t, c)
	m, err := New(e, lm, random(t, e, lm, 0.4), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// whole computes the logits [T V] of a text in one pass.
func whole(t testing.TB, m *Model, ids []int32) [][]float32 {
	t.Helper()
	p, err := nn.NewProgram(m.engine, m.store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{m.lm.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(nn.Array{Shape: []int{1, len(ids)}, Int32: ids})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(out[0].Float32, m.VocabSize()))
}

func prompts(n int) [][]int32 {
	var list [][]int32
	for i := range n {
		r := rng.New(3, uint64(i))
		text := make([]int32, 1+(i*37)%90)
		for j := range text {
			text[j] = int32(r.IntN(31))
		}
		list = append(list, text)
	}
	return list
}

// TestCachedIsWhole: the logits after each token, read in pieces of any width behind a
// cache that grows, are those of the whole text.
func TestCachedIsWhole(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			m := open(t, c, Options{})
			text := make([]int32, 190)
			for i := range text {
				text[i] = int32(i * i % 31)
			}
			want := whole(t, m, text)
			largest := 0.0
			for _, v := range slices.Concat(want...) {
				largest = max(largest, math.Abs(float64(v)))
			}
			for _, widths := range [][]int{{1}, {190}, {7, 1, 64, 100, 3, 1}, {60, 5, 60}} {
				cache := m.newCache(1)
				for i, at := 0, 0; at < len(text); i++ {
					n := min(widths[i%len(widths)], len(text)-at)
					got, err := cache.add(t.Context(), [][]int32{text[at : at+n]})
					if err != nil {
						t.Fatal(err)
					}
					at += n
					for id, v := range got[0] {
						if d := math.Abs(float64(v - want[at-1][id])); !(d <= 1e-5*largest) {
							t.Fatalf("widths %d, after %d tokens: logit %d is %g, want %g", widths, at, id, v, want[at-1][id])
						}
					}
				}
				cache.free()
			}
		})
	}
}

// greedy is the likeliest continuation by whole passes.
func greedy(t *testing.T, m *Model, prompt []int32, n int) []int32 {
	text := slices.Clone(prompt)
	for range n {
		rows := whole(t, m, text)
		last := rows[len(rows)-1]
		best := 0
		for id, v := range last {
			if v > last[best] {
				best = id
			}
		}
		text = append(text, int32(best))
	}
	return text[len(prompt):]
}

// TestGreedy: what is written token by token, alone and in batches of texts of different
// length, is the likeliest by whole passes.
func TestGreedy(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			list := prompts(5)
			m := open(t, c, Options{Batch: 3})
			got, err := m.Generate(t.Context(), list, Sampling{MaxTokens: 12}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range list {
				if want := greedy(t, m, p, 12); !slices.Equal(got[i], want) {
					t.Errorf("prompt %d of %d tokens: %d, want %d", i, len(p), got[i], want)
				}
			}
		})
	}
}

// TestEnds: stop tokens, see, the end of the context and ctx end a text, and only that.
func TestEnds(t *testing.T) {
	m := open(t, families["llama"], Options{Batch: 8})
	list := prompts(4)
	all, err := m.Generate(t.Context(), list, Sampling{MaxTokens: 30, Temperature: 1, Seed: 5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := all[1][9]
	want := make([][]int32, len(all))
	for i := range all {
		n := slices.Index(all[i], stop)
		if n < 0 {
			n = len(all[i])
		}
		want[i] = all[i][:n]
	}
	got, err := m.Generate(t.Context(), list, Sampling{MaxTokens: 30, Temperature: 1, Seed: 5, Stop: []int32{stop}}, nil)
	if err != nil || !equalTexts(got, want) {
		t.Errorf("stop %d: %v, got %d, want %d", stop, err, got, want)
	}
	seen := map[int]int{}
	got, err = m.Generate(t.Context(), list, Sampling{MaxTokens: 30, Temperature: 1, Seed: 5}, func(i int, _ int32) bool {
		seen[i]++
		return seen[i] < 3+i
	})
	for i := range got {
		if err != nil || !slices.Equal(got[i], all[i][:3+i]) || seen[i] != 3+i {
			t.Errorf("see: %v, text %d is %d", err, i, got[i])
		}
	}
	long := make([]int32, 195)
	got, err = m.Generate(t.Context(), [][]int32{long}, Sampling{}, nil)
	if err != nil || len(got[0]) != 5 {
		t.Errorf("at the end of the context: %v, %d tokens", err, len(got[0]))
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, err = m.Generate(ctx, list[:1], Sampling{}, func(int, int32) bool { cancel(); return true })
	if !errors.Is(err, context.Canceled) || len(got[0]) != 1 {
		t.Errorf("cancelled: %v, %d", err, got)
	}
}

func equalTexts(a, b [][]int32) bool { return slices.EqualFunc(a, b, slices.Equal[[]int32]) }

// TestSeeds: a seed gives the same text every time, on its own number whatever batches
// there are; another seed gives another.
func TestSeeds(t *testing.T) {
	var texts [][][]int32
	for _, o := range []Options{{Batch: 1}, {Batch: 1}, {Batch: 4}} {
		for seed := range 2 {
			s := Sampling{MaxTokens: 20, Temperature: 1.3, TopK: 20, TopP: 0.95, Seed: uint64(seed)}
			got, err := open(t, families["llama"], o).Generate(t.Context(), prompts(4), s, nil)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, got)
		}
	}
	if !equalTexts(texts[0], texts[2]) || !equalTexts(texts[0], texts[4]) || !equalTexts(texts[1], texts[5]) {
		t.Error("a seed gives other texts another time")
	}
	if equalTexts(texts[0], texts[1]) {
		t.Error("another seed gives the same texts")
	}
}

// TestRecall: a prompt that begins as the last text did is read from where they part,
// and continued as if nothing had been remembered.
func TestRecall(t *testing.T) {
	m := open(t, families["gpt2"], Options{})
	prompt := prompts(3)[2]
	s := Sampling{MaxTokens: 9}
	first, err := m.Generate(t.Context(), [][]int32{prompt}, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range [][]int32{
		slices.Concat(prompt, first[0], []int32{4, 5, 6}), // goes on
		slices.Concat(prompt[:20], []int32{9, 9}),         // parts
		prompt[:20], // is shorter
		{1},         // shares nothing
	} {
		got, err := m.Generate(t.Context(), [][]int32{next}, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := greedy(t, m, next, 9); !slices.Equal(got[0], want) {
			t.Errorf("%d tokens: %d, want %d", len(next), got[0], want)
		}
		if n := m.last.length[0]; n != len(next)+8 || !slices.Equal(m.read[:len(next)], next) {
			t.Errorf("%d tokens are remembered of %d", n, len(next)+9)
		}
	}
}

// TestAllow: only what is allowed is written, and nothing allowed ends a text.
func TestAllow(t *testing.T) {
	m := open(t, families["llama"], Options{})
	got, err := m.Generate(t.Context(), prompts(3), Sampling{MaxTokens: 30, Allow: func(i int, added []int32) []int32 {
		if len(added) == 4+i {
			return nil
		}
		return []int32{int32(2 * len(added)), int32(2*len(added) + 1)}
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range got {
		if len(text) != 4+i {
			t.Errorf("text %d: %d", i, text)
		}
		for j, id := range text {
			if int(id)/2 != j {
				t.Errorf("text %d: %d", i, text)
			}
		}
	}
}

// TestLogProbs: sums and tokens are those of whole passes, in any order and length.
func TestLogProbs(t *testing.T) {
	for name, c := range families {
		t.Run(name, func(t *testing.T) {
			m := open(t, c, Options{})
			var list []Continuation
			for i, p := range prompts(12) {
				list = append(list, Continuation{p, prompts(7 + i)[6+i][:1+i%5]})
			}
			likely, err := m.Generate(t.Context(), [][]int32{{3}}, Sampling{MaxTokens: 6}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 11 { // more than a batch, of one context
				list = append(list, Continuation{prompts(3)[2], prompts(9 + i)[8+i][:1+i%5]})
			}
			list = append(list, Continuation{[]int32{3}, likely[0]})
			got, err := m.LogProbs(t.Context(), list)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range list {
				rows := whole(t, m, slices.Concat(c.Context, c.Text))
				sum := 0.0
				for j, id := range c.Text {
					p := logSoftmax(rows[len(c.Context)-1+j], id)
					if math.Abs(p-got[i].Tokens[j]) > 1e-4 {
						t.Errorf("continuation %d, token %d: %g, want %g", i, j, got[i].Tokens[j], p)
					}
					sum += p
				}
				if math.Abs(sum-got[i].Sum) > 1e-4 {
					t.Errorf("continuation %d: %g, want %g", i, got[i].Sum, sum)
				}
			}
			if !got[len(got)-1].Greedy || got[0].Greedy && got[1].Greedy {
				t.Error("greedy: not only the likeliest continuation")
			}
		})
	}
}

func logSoftmax(row []float32, id int32) float64 {
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v - row[id]))
	}
	return -math.Log(sum)
}

// TestErrors: what cannot be read is refused by name.
func TestErrors(t *testing.T) {
	m := open(t, families["llama"], Options{})
	for want, do := range map[string]func() error{
		"prompt 1 is empty": func() error {
			_, err := m.Generate(t.Context(), [][]int32{{1}, {}}, Sampling{}, nil)
			return err
		},
		"prompt 0 has 201 tokens, and the model's context ends at 200": func() error {
			_, err := m.Generate(t.Context(), [][]int32{make([]int32, 201)}, Sampling{}, nil)
			return err
		},
		"prompt 0: token 31 at place 1, and the model knows 0 to 30": func() error {
			_, err := m.Generate(t.Context(), [][]int32{{1, 31}}, Sampling{}, nil)
			return err
		},
		"temperature: -1 is not usable": func() error {
			_, err := m.Generate(t.Context(), nil, Sampling{Temperature: -1}, nil)
			return err
		},
		"continuation 0 has 0 tokens after 1 of context": func() error {
			_, err := m.LogProbs(t.Context(), []Continuation{{[]int32{1}, nil}})
			return err
		},
		"continuation 0: token -1 at place 0": func() error {
			_, err := m.LogProbs(t.Context(), []Continuation{{[]int32{1}, []int32{-1}}})
			return err
		},
	} {
		if err := do(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
	e, lm := engine(t), build(t, families["llama"])
	w := random(t, e, lm, 0.1)
	other := slices.Concat(w[1:], nn.Weights{{Name: "x", Shape: []int{1}, Values: []float32{1}}}).Sorted()
	other[0].Shape = []int{2, 12}
	want := fmt.Sprintf("weights do not match the model: no weights for %s; no variables for x; other shapes: %s is [2 12]", w[0].Name, other[0].Name)
	if _, err := New(e, lm, other, nil, Options{}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s...", err, want)
	}
	w[2].Values[0] = float32(math.NaN())
	bad, err := New(e, lm, w, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bad.Generate(t.Context(), [][]int32{{1}}, Sampling{}, nil); err == nil || !strings.Contains(err.Error(), "is not a number") {
		t.Errorf("weights that are no numbers: %v", err)
	}
}
