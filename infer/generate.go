package infer

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/comlam/comlam/internal/rng"
)

// Generate continues prompts and returns what it added to each, without the token that
// ended it. A text ends with one of s.Stop, after s.MaxTokens, at the end of the context,
// or when see, called for each token as it comes, returns false; see may be nil.
//
// When ctx ends, what was written so far comes with its error.
func (m *Model) Generate(ctx context.Context, prompts [][]int32, s Sampling, see func(i int, id int32) bool) ([][]int32, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	for i, p := range prompts {
		if err := m.valid(fmt.Sprintf("prompt %d", i), p); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	added := make([][]int32, len(prompts))
	for first := 0; first < len(prompts); first += m.options.Batch {
		w := &writing{m: m, s: s, see: see, added: added}
		for i := first; i < min(first+m.options.Batch, len(prompts)); i++ {
			w.texts = append(w.texts, &text{number: i, ids: slices.Clone(prompts[i]), rng: rng.New(s.Seed, uint64(i))})
		}
		if err := w.run(ctx, prompts); err != nil {
			return added, err
		}
	}
	return added, nil
}

// writing is a batch of texts that are being continued.
type writing struct {
	m     *Model
	s     Sampling
	see   func(i int, id int32) bool
	texts []*text // in the order of the cache
	cache *cache
	added [][]int32
}

type text struct {
	number int // of the prompt
	ids    []int32
	rng    *rng.Stream
	ended  bool
}

func (w *writing) run(ctx context.Context, prompts [][]int32) error {
	var next [][]int32
	w.cache, next = w.m.recall(w.texts)
	defer w.leave()
	for {
		logits, err := w.cache.add(ctx, next)
		if err != nil {
			return err
		}
		left := 0
		for i, t := range w.texts {
			next[i] = nil
			if t.ended {
				continue
			}
			if err := w.choose(t, logits[i], len(prompts[t.number])); err != nil {
				return err
			}
			if !t.ended {
				next[i] = t.ids[len(t.ids)-1:]
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if 2*left <= len(w.texts) {
			if next, err = w.compact(next); err != nil {
				return err
			}
		}
	}
}

// choose takes the next token of a text, of which the first so many are the prompt, or
// ends it.
func (w *writing) choose(t *text, logits []float32, prompt int) error {
	most := w.m.Context()
	if w.s.MaxTokens > 0 {
		most = min(most, prompt+w.s.MaxTokens)
	}
	t.ended = true
	if len(t.ids) >= most {
		return nil
	}
	for id, l := range logits {
		if math.IsNaN(float64(l)) {
			return badInput("after %d tokens the logit of token %d is not a number; the weights are damaged, or training went wrong", len(t.ids), id)
		}
	}
	var allowed []int32
	if w.s.Allow != nil {
		if allowed = w.s.Allow(t.number, t.ids[prompt:]); len(allowed) == 0 {
			return nil
		}
		if err := w.m.valid("what is allowed", allowed[:1]); err != nil {
			return err
		}
	}
	id := w.s.next(t.rng, logits, t.ids, allowed)
	if slices.Contains(w.s.Stop, id) {
		return nil
	}
	t.ids = append(t.ids, id)
	w.added[t.number] = t.ids[prompt:]
	t.ended = w.see != nil && !w.see(t.number, id) || len(t.ids) == most
	return nil
}

// compact leaves out the texts that have ended.
func (w *writing) compact(next [][]int32) ([][]int32, error) {
	var texts []*text
	var keep []int
	var left [][]int32
	for i, t := range w.texts {
		if !t.ended {
			texts, keep, left = append(texts, t), append(keep, i), append(left, next[i])
		}
	}
	w.texts = texts
	return left, w.cache.keep(keep)
}

// recall is a cache for some texts, with what of them is to be read. A single text takes
// over what is remembered of the last.
func (m *Model) recall(texts []*text) (c *cache, rest [][]int32) {
	for _, t := range texts {
		rest = append(rest, t.ids)
	}
	c, m.last = m.last, nil
	if c == nil || len(texts) > 1 {
		if c != nil {
			c.free()
		}
		return m.newCache(len(texts)), rest
	}
	n := 0
	for n < min(len(m.read), len(rest[0])-1) && m.read[n] == rest[0][n] { // the last token's logits are needed
		n++
	}
	c.cut(n)
	rest[0] = rest[0][n:]
	return c, rest
}

// leave remembers the text, if there was only one.
func (w *writing) leave() {
	if len(w.texts) != 1 || len(w.added) != 1 {
		w.cache.free()
		return
	}
	w.m.last, w.m.read = w.cache, w.texts[0].ids[:w.cache.length[0]]
}
