package eval

import (
	"context"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/tokenizer"
)

// LM is a language model that can be asked. *infer.Model is one.
type LM interface {
	// LogProbs tells how likely each continuation is after its context.
	LogProbs(ctx context.Context, r []infer.Continuation) ([]infer.LogProb, error)
	// Context is how many tokens it reads at most.
	Context() int
}

// Asker puts questions to a language model.
type Asker struct {
	LM        LM
	Tokenizer *tokenizer.Tokenizer
	Form      Form
	See       func(done, of int) // told of progress, where it is not nil
}

// Sample is one question as a language model answered it.
type Sample struct {
	Prompt   string    // what was asked, as the model reads it
	Before   string    // what stands between prompt and answer
	Answers  []string  // what could be answered, an option each
	LogProbs []float64 // of each answer after the prompt, in nats
	Greedy   []bool    // each token of the answer is the likeliest there
	TooLong  bool      // it does not fit the model's context, and was not asked

	Likeliest   int // option with the largest log-probability: lm-eval's acc
	PerChar     int // the same divided by the characters of the answer: lm-eval's acc_norm
	Constrained int // what is written where only answers may be written, the likeliest token each time
}

// askedAtOnce is how many questions are handed to the model together.
const askedAtOnce = 32

// Ask asks every question. A question that does not fit the model's context is marked
// and has no answer; nothing is cut off.
func (a *Asker) Ask(ctx context.Context, questions []Question) ([]Sample, error) {
	var samples []Sample
	for part := range slices.Chunk(questions, askedAtOnce) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list, err := a.askSome(ctx, part)
		if err != nil {
			return nil, err
		}
		samples = append(samples, list...)
		if a.See != nil {
			a.See(len(samples), len(questions))
		}
	}
	return samples, nil
}

// request is the answers of one question among those of a call.
type request struct {
	encoded
	at   int   // of its first answer
	more []int // place of the end of each answer, or 0: see needEnds
}

func (a *Asker) askSome(ctx context.Context, questions []Question) ([]Sample, error) {
	samples := make([]Sample, len(questions))
	requests := make([]request, len(questions))
	var calls []infer.Continuation
	for i, q := range questions {
		s := &samples[i]
		e, err := a.Form.encode(a.Tokenizer, q)
		if err != nil {
			return nil, err
		}
		*s = Sample{Prompt: e.prompt, Before: e.before, Answers: a.Form.Answers(q), Likeliest: NoAnswer, PerChar: NoAnswer, Constrained: NoAnswer}
		if s.TooLong = e.length() > a.LM.Context(); s.TooLong {
			continue
		}
		requests[i], calls = e.request(calls)
	}
	results, err := a.LM.LogProbs(ctx, calls)
	if err != nil {
		return nil, err
	}
	if len(results) != len(calls) {
		return nil, fmt.Errorf("the model judged %d of %d answers", len(results), len(calls))
	}
	for i := range samples {
		if samples[i].TooLong {
			continue
		}
		samples[i].judge(requests[i], results)
		if slices.ContainsFunc(samples[i].LogProbs, math.IsNaN) {
			return nil, fmt.Errorf("the model gives no number for an answer to question %q; its weights are damaged", questions[i].ID)
		}
	}
	return samples, nil
}

// length is the most tokens that the model has to read, an end included.
func (e encoded) length() int {
	n := 0
	for _, answer := range e.answers {
		n = max(n, len(e.context)+len(answer))
	}
	return n
}

// request adds the answers, and the ends that constrained writing needs, to the calls.
func (e encoded) request(calls []infer.Continuation) (request, []infer.Continuation) {
	r := request{encoded: e, at: len(calls), more: make([]int, len(e.answers))}
	for _, answer := range e.answers {
		calls = append(calls, infer.Continuation{Context: e.context, Text: answer})
	}
	for i, answer := range e.answers {
		if e.needsEnd(i) && e.ends[i] >= 0 {
			r.more[i] = len(calls)
			calls = append(calls, infer.Continuation{Context: slices.Concat(e.context, answer), Text: []int32{e.ends[i]}})
		}
	}
	return r, calls
}

// needsEnd reports whether another answer begins with answer i and goes on: a model that
// has written it may then end or go on.
func (e encoded) needsEnd(i int) bool {
	return slices.ContainsFunc(e.answers, func(o []int32) bool {
		return len(o) > len(e.answers[i]) && slices.Equal(o[:len(e.answers[i])], e.answers[i])
	})
}

// judge picks the options.
func (s *Sample) judge(r request, results []infer.LogProb) {
	own := results[r.at : r.at+len(r.answers)]
	tokens := make([][]float64, len(own))
	perChar := make([]float64, len(own))
	for i, l := range own {
		s.LogProbs = append(s.LogProbs, l.Sum)
		s.Greedy = append(s.Greedy, l.Greedy)
		perChar[i] = l.Sum / float64(utf8.RuneCountInString(s.Answers[i]))
		tokens[i] = l.Tokens
		if r.more[i] > 0 {
			tokens[i] = append(slices.Clone(l.Tokens), results[r.more[i]].Sum)
		}
	}
	s.Likeliest, s.PerChar = largest(s.LogProbs), largest(perChar)
	s.Constrained = write(r.answers, tokens)
}

// largest is the place of the largest value, the first of several, as numpy's argmax.
func largest(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// write is the answer that is written when, token by token, the likeliest is taken of
// those with which an answer still can go on. tokens are the log-probabilities of each
// answer's tokens after those before, and, where another answer goes on from it, of its
// end; that of an end that nobody knows counts as impossible. No model has to run again:
// each token that can be written is in an answer, after the very same tokens.
func write(answers [][]int32, tokens [][]float64) int {
	var left []int
	for i := range answers {
		left = append(left, i)
	}
	for depth := 0; ; depth++ {
		if len(left) == 1 {
			return left[0]
		}
		best, ended := NoAnswer, NoAnswer
		for _, i := range left {
			if len(answers[i]) == depth && ended == NoAnswer {
				ended = i
			}
			if best == NoAnswer || at(tokens[i], depth) > at(tokens[best], depth) {
				best = i
			}
		}
		if best == ended || slices.IndexFunc(left, func(i int) bool { return len(answers[i]) > depth }) < 0 {
			return ended
		}
		if len(answers[best]) == depth { // an end as well, of the same answer again
			return best
		}
		token := answers[best][depth]
		left = slices.DeleteFunc(left, func(i int) bool { return len(answers[i]) <= depth || answers[i][depth] != token })
	}
}

func at(tokens []float64, depth int) float64 {
	if depth >= len(tokens) {
		return math.Inf(-1)
	}
	return tokens[depth]
}
