// Package infer lets language models write and judge text.
//
// [New] puts a model on an engine. [Model.Generate] continues prompts, [Model.LogProbs]
// tells how likely given continuations are; both take token ids. [Model.Complete] works
// on one text, with stop strings, and hands out what it writes as it comes.
//
//	f, err := infer.Open("some/folder")                // a Hugging Face folder
//	m, err := infer.New(engine, f.Model, f.Weights, nil, infer.Options{})
//	ids, err := m.Generate(ctx, prompts, infer.Sampling{MaxTokens: 64}, nil)
//
// # The cache
//
// Keys and values of the tokens read so far stay in memory that programs read where it
// lies; a step adds its own and copies nothing else. Slots grow by doubling, prompts are
// read in pieces whose widths are powers of two, so that a handful of graphs serves all
// lengths. Reading on from the cache gives the logits of the whole text to 1e-5 of the
// largest; not to the bit, since products of another width add in another order.
//
// The text that was written last is remembered: a prompt that begins with it, as the
// next turn of a chat does, is read from there on.
//
// # Chance
//
// Draws come from a counter RNG keyed by the seed and the number of the prompt, one draw
// for each token. The same seed gives the same text on the same engine and kernel
// variant, whatever the number of processors.
package infer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// Options say how a model runs; the zero value is usable.
type Options struct {
	Batch int // most texts at once; 0 = 8
}

// Model is a language model on an engine. Calls wait for each other.
type Model struct {
	lm      model.LM
	engine  backend.Engine
	options Options
	store   *nn.Store
	step    *nn.Program // reads on; see cache
	score   *nn.Program // log-probabilities; see logprob.go
	prefix  int         // places that an adapter takes

	mu   sync.Mutex
	last *cache  // of the text that was written last, nil for none
	read []int32 // the tokens in it
}

// New puts a model with the given weights on an engine. An adapter, if there is one
// (nil for none), has its variables among the weights. A variable without a weight and a
// weight without a variable are errors.
func New(engine backend.Engine, m model.LM, w nn.Weights, a nn.Adapter, o Options) (*Model, error) {
	if o.Batch < 1 {
		o.Batch = 8
	}
	r := &Model{lm: m, engine: engine, options: o, store: nn.NewStore(0)}
	nn.SetAdapter(r.store, a)
	if p, ok := a.(nn.PrefixAdapter); ok {
		r.prefix = p.PrefixLength()
	}
	shapes, err := shapesOf(engine, m, a)
	if err != nil {
		return nil, err
	}
	if err := match(shapes, w); err != nil {
		return nil, err
	}
	if err := nn.Push(r.store, w); err != nil {
		return nil, err
	}
	if r.step, err = nn.NewProgram(engine, r.store, r.stepGraph); err != nil {
		return nil, err
	}
	r.step.Keep(maxGraphs)
	if r.score, err = nn.NewProgram(engine, r.store, r.scoreGraph); err != nil {
		return nil, err
	}
	r.score.Keep(maxGraphs)
	return r, nil
}

// maxGraphs is how many combinations of batch, width and slots a program keeps.
const maxGraphs = 1024

// shapesOf are the variables of a model and its adapter.
func shapesOf(engine backend.Engine, m model.LM, a nn.Adapter) (map[string][]int, error) {
	return nn.Shapes(engine, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		nn.SetAdapter(s.Store(), a)
		return []*nn.Node{m.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	}, []int{1, 1})
}

// match compares variables with weights.
func match(shapes map[string][]int, w nn.Weights) error {
	var missing, unknown, wrong []string
	there := map[string]bool{}
	for _, item := range w {
		there[item.Name] = true
		switch want, ok := shapes[item.Name]; {
		case !ok:
			unknown = append(unknown, item.Name)
		case !slices.Equal(want, item.Shape):
			wrong = append(wrong, fmt.Sprintf("%s is %d and not %d", item.Name, item.Shape, want))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		if !there[name] {
			missing = append(missing, name)
		}
	}
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"no weights for", missing}, {"no variables for", unknown}, {"other shapes:", wrong}} {
		if n := len(p.list); n > 8 {
			p.list = append(p.list[:8:8], fmt.Sprintf("%d more", n-8))
		}
		if len(p.list) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.list, ", "))
		}
	}
	if len(parts) > 0 {
		return fmt.Errorf("weights do not match the model: %s", strings.Join(parts, "; "))
	}
	return nil
}

// Context is how many tokens a text may have.
func (m *Model) Context() int { return m.lm.MaxPositions() - m.prefix }

// VocabSize is the number of tokens that the model knows.
func (m *Model) VocabSize() int { return m.lm.VocabSize() }

// InputError says why a text cannot be read by a model.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

func badInput(format string, args ...any) error { return &InputError{fmt.Errorf(format, args...)} }

// valid reports a text that the model cannot read, as an *InputError.
func (m *Model) valid(what string, ids []int32) error {
	if len(ids) == 0 {
		return badInput("%s is empty; a model needs at least one token to go on from", what)
	}
	if n := m.Context(); len(ids) > n {
		return badInput("%s has %d tokens, and the model's context ends at %d; shorten it", what, len(ids), n)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= m.lm.VocabSize() {
			return badInput("%s: token %d at place %d, and the model knows 0 to %d; it is another tokenizer's", what, id, i, m.lm.VocabSize()-1)
		}
	}
	return nil
}
