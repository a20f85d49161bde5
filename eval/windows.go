package eval

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/tokenizer"
)

// readAtOnce is how many windows are handed to the model together.
const readAtOnce = 32

// DocumentBits is what a language model needs for each text, in bits: for its tokens and,
// where the tokenizer has one, for the token that ends a text. Texts longer than the
// model's context are read in windows: the first is whole, of every later one the first
// half is seen and the second counts, so that no token but those of the first half
// context has less before it. See is told how many texts are done, where it is not nil.
func DocumentBits(ctx context.Context, lm LM, t *tokenizer.Tokenizer, texts []string, see func(done, of int)) ([]float64, error) {
	bits := make([]float64, len(texts))
	if lm.Context() < 2 {
		return nil, fmt.Errorf("a model that reads %d token(s) predicts nothing from another", lm.Context())
	}
	var calls []infer.Continuation
	var owner []int
	flush := func(done int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		results, err := lm.LogProbs(ctx, calls)
		if err != nil {
			return err
		}
		for i, l := range results {
			bits[owner[i]] -= l.Sum / math.Ln2
		}
		calls, owner = calls[:0], owner[:0]
		if see != nil {
			see(done, len(texts))
		}
		return nil
	}
	for i, text := range texts {
		ids, start, free := whole(t, text)
		bits[i] += free
		for _, c := range windows(ids, start, lm.Context()) {
			calls, owner = append(calls, c), append(owner, i)
			if len(calls) == readAtOnce {
				if err := flush(i); err != nil {
					return nil, err
				}
			}
		}
	}
	return bits, flush(len(texts))
}

// whole is the tokens of a text behind what starts one and before what ends one. The first
// start tokens are given, not predicted. Where the tokenizer knows no start, the first
// token of the text is given, and free bits are what it costs without any knowledge.
func whole(t *tokenizer.Tokenizer, text string) (ids []int32, start int, free float64) {
	ids = slices.Clone(before(t))
	if len(ids) == 0 {
		for _, special := range []func() (int32, bool){t.BOS, t.EOS} {
			if id, ok := special(); ok {
				ids = append(ids, id)
				break
			}
		}
	}
	start = len(ids)
	ids = append(ids, t.Encode(text)...)
	if end, ok := t.EOS(); ok {
		ids = append(ids, end)
	}
	if start == 0 {
		return ids, min(1, len(ids)), math.Log2(float64(t.Size()))
	}
	return ids, start, 0
}

// windows cuts a text into continuations with their contexts.
func windows(ids []int32, start, size int) []infer.Continuation {
	var list []infer.Continuation
	for from, at := 0, start; at < len(ids); {
		to := min(len(ids), from+size)
		list = append(list, infer.Continuation{Context: ids[from:at], Text: ids[at:to]})
		at = to
		from = max(0, to-size/2)
	}
	return list
}
