package infer

import (
	"container/heap"
	"math"
	"slices"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
)

// Sampling says how the next token is chosen from the logits. The zero value takes the
// likeliest, to the end of the context.
//
// The steps come in the order in which Hugging Face's transformers does them: repetition
// penalty, temperature, top-k, top-p, min-p. What one step leaves is what the next sees.
type Sampling struct {
	MaxTokens         int     // most tokens to add; 0: to the end of the context
	Temperature       float64 // what logits are divided by; 0 takes the likeliest token
	TopK              int     // how many of the likeliest may be drawn; 0: all
	TopP              float64 // the likeliest that have this much probability together may be drawn; 0 or 1: all
	MinP              float64 // those that have this part of the likeliest's probability may be drawn; 0: all
	RepetitionPenalty float64 // positive logits of tokens that the text has are divided by it, negative ones multiplied (Keskar et al. 2019, arXiv:1909.05858); 0 or 1: none
	Seed              uint64
	Stop              []int32 // tokens that end a text and are not part of what is returned

	// Allow, where it is not nil, lists the tokens that may follow what has been added
	// to prompt i; an empty list ends the text. It must not keep the slice.
	Allow func(i int, added []int32) []int32
}

// Validate returns a *setting.Error that names the field at fault.
func (s Sampling) Validate() error {
	switch {
	case s.MaxTokens < 0:
		return setting.Bad("max_tokens", "use 0 for as many as fit", "%d tokens cannot be added", s.MaxTokens)
	case !(s.Temperature >= 0 && s.Temperature <= 100):
		return setting.Bad("temperature", "use 0 for the likeliest token, or a number up to 100", "%g is not usable", s.Temperature)
	case s.TopK < 0:
		return setting.Bad("top_k", "use 0 for all tokens", "%d tokens cannot be kept", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return setting.Bad("top_p", "use a probability, 0 or 1 for all tokens", "%g is not usable", s.TopP)
	case !(s.MinP >= 0 && s.MinP <= 1):
		return setting.Bad("min_p", "use a number from 0, for all tokens, to 1", "%g is not usable", s.MinP)
	case !(s.RepetitionPenalty >= 0 && s.RepetitionPenalty <= 100):
		return setting.Bad("repetition_penalty", "use 1 for none, or somewhat more", "%g is not usable", s.RepetitionPenalty)
	}
	return nil
}

// choice is a token that may be drawn.
type choice struct {
	id    int32
	logit float64
}

// better orders choices: the likeliest first, of equals the lesser id.
func (a choice) better(b choice) bool { return a.logit > b.logit || a.logit == b.logit && a.id < b.id }

// compare puts the better choice first.
func compare(a, b choice) int {
	switch {
	case a.better(b):
		return -1
	case b.better(a):
		return 1
	}
	return 0
}

// choices is a heap with the best on top.
type choices []choice

func (c choices) Len() int           { return len(c) }
func (c choices) Less(i, j int) bool { return c[i].better(c[j]) }
func (c choices) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *choices) Push(x any)        { *c = append(*c, x.(choice)) }
func (c *choices) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// next chooses a token after a text. allowed lists those that may be chosen; nil is all.
func (s Sampling) next(r *rng.Stream, logits []float32, text, allowed []int32) int32 {
	list := s.candidates(logits, text, allowed)
	if s.Temperature == 0 {
		return slices.MinFunc(list, compare).id
	}
	for i := range list {
		list[i].logit /= s.Temperature
	}
	list, weights := s.filter(list)
	total := 0.0
	for _, w := range weights {
		total += w
	}
	u := r.Float64() * total
	for i, w := range weights {
		if u -= w; u < 0 {
			return list[i].id
		}
	}
	return list[len(list)-1].id // rounding
}

// candidates are the tokens that may be chosen, with their logits after the penalty.
func (s Sampling) candidates(logits []float32, text, allowed []int32) choices {
	list := make(choices, 0, len(logits))
	if allowed == nil {
		for id, l := range logits {
			list = append(list, choice{int32(id), float64(l)})
		}
	} else {
		for _, id := range allowed {
			list = append(list, choice{id, float64(logits[id])})
		}
	}
	if s.RepetitionPenalty == 0 || s.RepetitionPenalty == 1 {
		return list
	}
	there := make([]bool, len(logits))
	for _, id := range text {
		there[id] = true
	}
	for i, c := range list {
		switch {
		case !there[c.id]:
		case c.logit > 0:
			list[i].logit /= s.RepetitionPenalty
		default:
			list[i].logit *= s.RepetitionPenalty
		}
	}
	return list
}

// filter keeps what top-k, top-p and min-p leave, with weights in proportion to the
// probabilities. Where something is left out, the best comes first.
func (s Sampling) filter(list choices) (choices, []float64) {
	few, full := s.TopK > 0 && s.TopK < len(list), s.TopP == 0 || s.TopP == 1
	if few {
		list = list.best(s.TopK)
	}
	top, total := math.Inf(-1), 0.0
	for _, c := range list {
		top = max(top, c.logit)
	}
	weights := make([]float64, len(list))
	for i, c := range list {
		weights[i] = math.Exp(c.logit - top)
		total += weights[i]
	}
	if full && s.MinP == 0 {
		return list, weights
	}
	// Those of less than a share of what top-p leaves out cannot reach that much all
	// together, so they need not be sorted.
	least := s.MinP
	if !full {
		least = max(least, (1-s.TopP)*total/float64(len(list)))
	}
	left := list[:0]
	for i, c := range list {
		if weights[i] >= least {
			left = append(left, c)
		}
	}
	slices.SortFunc(left, compare)
	n, sum := 0, 0.0
	for n < len(left) && (n == 0 || full || sum < s.TopP*total) {
		weights[n] = math.Exp(left[n].logit - top)
		sum += weights[n]
		n++
	}
	return left[:n], weights[:n]
}

// best are the n best, in order.
func (c choices) best(n int) choices {
	heap.Init(&c)
	out := make(choices, n)
	for i := range out {
		out[i] = heap.Pop(&c).(choice)
	}
	return out
}
