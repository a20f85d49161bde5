package modeltest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// LMCase is a language model under examination.
type LMCase struct {
	Config    model.Config // small: its graph runs in milliseconds
	VocabSize int
	NumTokens int // of a sample
	Counts    []Count
	// Reference is a plain reading of the family: the logits [T V] of one sample of
	// tokens, under weights w.
	Reference func(w Weights, tokens []int32) []float64
	// Steps of AdamW that learn one batch by heart, to a tenth of log V.
	Steps int
}

// RunLM examines a language model.
func RunLM(t *testing.T, c LMCase) {
	t.Run("counts", func(t *testing.T) { c.counts(t) })
	t.Run("weights", func(t *testing.T) { c.weights(t) })
	t.Run("reference", func(t *testing.T) { c.reference(t) })
	t.Run("batch", func(t *testing.T) { c.batch(t) })
	t.Run("causal", func(t *testing.T) { c.causal(t) })
	t.Run("packed", func(t *testing.T) { c.packed(t) })
	t.Run("packed gradient", func(t *testing.T) { c.packedGradient(t) })
	t.Run("places", func(t *testing.T) { c.places(t) })
	t.Run("cached", func(t *testing.T) { c.cached(t) })
	t.Run("adapters", func(t *testing.T) { c.adapters(t) })
	t.Run("prefix", func(t *testing.T) { c.prefix(t) })
	t.Run("gradients", func(t *testing.T) { c.gradients(t) })
	t.Run("overfit", func(t *testing.T) { c.overfit(t) })
}

// A speaker is a language model on an engine.
type speaker struct {
	lm      model.LM
	vocab   int
	engine  backend.Engine
	store   *nn.Store
	program *nn.Program
}

func (c LMCase) build(t *testing.T, config model.Config) *speaker {
	t.Helper()
	m, err := config.Build()
	if err != nil {
		t.Fatal(err)
	}
	lm, ok := m.(model.LM)
	if !ok {
		t.Fatalf("%T is not a model.LM", m)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &speaker{lm: lm, vocab: c.VocabSize, engine: engine, store: nn.NewStore(1)}
	s.program, err = nn.NewProgram(engine, s.store, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{lm.Logits(sc, model.Prompt{Tokens: in[0]}, nil)}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tokens draws n samples.
func (c LMCase) tokens(n, length int) nn.Array {
	a := nn.Array{Shape: []int{n, length}}
	for b := range n {
		r := rng.New(2, uint64(b))
		for range length {
			a.Int32 = append(a.Int32, int32(r.Uniform(0, float64(c.VocabSize))))
		}
	}
	return a
}

func (s *speaker) run(t *testing.T, tokens nn.Array) []float32 {
	t.Helper()
	out, err := s.program.Run(tokens)
	if err != nil {
		t.Fatal(err)
	}
	if len(out[0].Shape) != 3 || !slices.Equal(out[0].Shape[:2], tokens.Shape) {
		t.Fatalf("the logits are %v, the tokens %v", out[0].Shape, tokens.Shape)
	}
	return out[0].Float32
}

// shaken builds the model under examination with its weights moved.
func (c LMCase) shaken(t *testing.T) (*speaker, nn.Weights) {
	t.Helper()
	s := c.build(t, c.Config)
	s.run(t, c.tokens(1, c.NumTokens))
	return s, shake(t, s.store)
}

func (c LMCase) counts(t *testing.T) {
	for _, n := range c.Counts {
		s := c.build(t, n.Config)
		s.run(t, c.tokens(1, 1))
		n.check(t, s.store)
	}
}

func (c LMCase) weights(t *testing.T) {
	s, w := c.shaken(t)
	fresh := c.build(t, c.Config)
	throughFile(t, s.lm, w, fresh.store)
	x := c.tokens(3, c.NumTokens)
	equal(t, "after a file", fresh.run(t, x), s.run(t, x))
}

func (c LMCase) reference(t *testing.T) {
	s, w := c.shaken(t)
	x := c.tokens(3, c.NumTokens)
	var want []float64
	for sample := range slices.Chunk(x.Int32, c.NumTokens) {
		want = append(want, c.Reference(Weights{w}, sample)...)
	}
	near(t, "against the plain reading", s.run(t, x), want, referenceTolerance)
}

func (c LMCase) batch(t *testing.T) {
	s, _ := c.shaken(t)
	x := c.tokens(8, c.NumTokens)
	eight := s.run(t, x)
	size := len(eight) / 8
	for b := range 8 {
		var want []float64
		for _, v := range eight[b*size : (b+1)*size] {
			want = append(want, float64(v))
		}
		one := nn.Array{Shape: []int{1, c.NumTokens}, Int32: x.Int32[b*c.NumTokens : (b+1)*c.NumTokens]}
		near(t, fmt.Sprintf("sample %d alone and among eight", b), s.run(t, one), want, batchTolerance)
	}
}

// causal changes one token after the other.
func (c LMCase) causal(t *testing.T) {
	s, _ := c.shaken(t)
	x := c.tokens(2, c.NumTokens)
	before := s.run(t, x)
	size := len(before) / 2
	for i := range c.NumTokens {
		changed := nn.Array{Shape: x.Shape, Int32: slices.Clone(x.Int32)}
		changed.Int32[i] = (changed.Int32[i] + 1) % int32(c.VocabSize)
		after := s.run(t, changed)
		equal(t, fmt.Sprintf("places before token %d, which changed", i), after[:i*s.vocab], before[:i*s.vocab])
		equal(t, "the other sample", after[size:], before[size:])
		for p := i; p < c.NumTokens; p++ {
			if slices.Equal(bits(after[p*s.vocab:(p+1)*s.vocab]), bits(before[p*s.vocab:(p+1)*s.vocab])) {
				t.Fatalf("token %d does not reach place %d", i, p)
			}
		}
	}
}

func (c LMCase) gradients(t *testing.T) {
	s, w := c.shaken(t)
	b, err := c.memory().Batch(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	finiteGradients(t, s.store, w, train.NextTokenLoss(s.lm), b)
}

// memory is one batch of texts for ever: the first token tells the text, and no token
// of a text comes twice before all have come.
func (c LMCase) memory() data.Source { return texts{c} }

type texts struct{ c LMCase }

func (m texts) Batch(_ uint64, n int) (data.Batch, error) {
	t := m.c.NumTokens
	x, next := nn.Array{Shape: []int{n, t}}, nn.Array{Shape: []int{n, t}}
	var samples []uint64
	for b := range n {
		text := rng.New(6, uint64(b)).Perm(m.c.VocabSize)
		first := slices.Index(text, b%len(text))
		text[0], text[first] = text[first], text[0]
		for i := range t {
			x.Int32 = append(x.Int32, int32(text[i%len(text)]))
			next.Int32 = append(next.Int32, int32(text[(i+1)%len(text)]))
		}
		samples = append(samples, uint64(b))
	}
	return data.Batch{Arrays: []nn.Array{x, next}, Samples: samples}, nil
}

func (c LMCase) overfit(t *testing.T) {
	s := c.build(t, c.Config)
	cfg := train.Default()
	cfg.Steps, cfg.BatchSize, cfg.LogEvery = c.Steps, 4, 1
	cfg.Optimizer.LR = 5e-3
	cfg.Schedule = train.Schedule{Name: "cosine", WarmupSteps: c.Steps / 10, MinRatio: 0.01}
	var last float64
	j := train.Job{
		Config: cfg, Seed: 1, Loss: train.NextTokenLoss(s.lm), Source: c.memory(), Workers: 1,
		Progress: func(p train.Point) { last = p.Loss },
	}
	if _, err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if limit := math.Log(float64(c.VocabSize)) / 10; !(last <= limit) {
		t.Errorf("after %d steps on one batch its loss is %g, want %g", c.Steps, last, limit)
	}
}
