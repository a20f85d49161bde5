package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
)

// Axes: B pairs, T tokens.

// Pair is two sequences that are looked at together.
type Pair struct {
	// A and B are, of a preference, the chosen and the rejected completion behind their
	// prompt; of a labelled example, its completion and that of another example behind
	// the same prompt, which tells how far a model has moved in general.
	A, B Sequence
	Good bool // A is one to be said
}

// Preferences renders preferences: chosen first, rejected second.
func Preferences(t *tokenizer.Tokenizer, e *Examples) ([]Pair, error) {
	if e.Kind != KindPreference {
		return nil, &FormatError{File: e.File, Err: fmt.Errorf("the file holds %s examples, and preferences are needed", e.Kind)}
	}
	list := make([]Pair, len(e.List))
	for i, x := range e.List {
		p, err := pair(t, x.Prompt, x.Completion, x.Rejected)
		if err != nil {
			return nil, &FormatError{File: e.File, Line: x.Line, Err: err}
		}
		p.Good = true
		list[i] = p.at(e.File, x.Line)
	}
	return list, nil
}

// at is the pair with the place that it came from.
func (p Pair) at(file string, line int) Pair {
	p.A.Where = fmt.Sprintf("%s:%d", file, line)
	p.B.Where = p.A.Where
	return p
}

func pair(t *tokenizer.Tokenizer, prompt, a, b Passage) (p Pair, err error) {
	if p.A, err = render(t, prompt, a); err != nil {
		return p, err
	}
	if p.B, err = render(t, prompt, b); err != nil {
		return p, err
	}
	if p.A.NumTrained() == 0 || p.B.NumTrained() == 0 {
		return p, errors.New("nothing in a completion is trained; see comlam tokens")
	}
	return p, nil
}

// labelled is one completion with its label.
type labelled struct {
	line               int
	prompt, completion Passage
	good               bool
}

// Labels renders labelled examples, or preferences as such: the chosen ones, then the
// rejected ones. Beside each stands the completion of the next example that has another
// prompt.
func Labels(t *tokenizer.Tokenizer, e *Examples) ([]Pair, error) {
	var list []labelled
	switch e.Kind {
	case KindLabelled:
		for _, x := range e.List {
			list = append(list, labelled{x.Line, x.Prompt, x.Completion, x.Good})
		}
	case KindPreference:
		for _, x := range e.List {
			list = append(list, labelled{x.Line, x.Prompt, x.Completion, true})
		}
		for _, x := range e.List {
			list = append(list, labelled{x.Line, x.Prompt, x.Rejected, false})
		}
	default:
		return nil, &FormatError{File: e.File, Err: fmt.Errorf("the file holds %s examples, and labels or preferences are needed", e.Kind)}
	}
	keys := make([]string, len(list))
	for i, x := range list {
		keys[i] = fmt.Sprintf("%q", x.prompt)
	}
	pairs := make([]Pair, len(list))
	for i, x := range list {
		other := 1
		for other < len(list) && keys[(i+other)%len(list)] == keys[i] {
			other++
		}
		if other == len(list) {
			return nil, &FormatError{File: e.File, Err: errors.New("all prompts are the same; labels need at least two prompts, to tell how far a model has moved in general")}
		}
		p, err := pair(t, x.prompt, x.completion, list[(i+other)%len(list)].completion)
		if err != nil {
			return nil, &FormatError{File: e.File, Line: x.line, Err: err}
		}
		p.Good = x.good
		pairs[i] = p.at(e.File, x.line)
	}
	return pairs, nil
}

// Pairs is a Source of pairs for losses of package align. Its arrays are tokens, the one
// that follows each and its weight, each [B 2 T], the reference's log-probability of the
// trained tokens of each sequence [B 2], and whether the first sequence is a good one
// [B], 1 or 0. A sequence begins at place 0; what is left of its row has no weight and,
// behind it, no influence.
//
// The pairs come again and again, each time in another order. Sample i follows from the
// seed and i alone.
type Pairs struct {
	Stats     Stats
	list      []Pair
	length    int
	order     order
	reference []float32 // two for each of list; nil as long as it is not known
}

// NewPairs makes a source of pairs. A pair of which a sequence does not fit is dropped as
// a whole, or both are cut.
func NewPairs(list []Pair, r Rows, split Split, seed uint64) (*Pairs, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	p := &Pairs{length: r.Length}
	if p.length == 0 {
		for _, x := range list {
			p.length = max(p.length, x.A.places(), x.B.places())
		}
	}
	r.Length = p.length
	for _, x := range list {
		kept, _, s, err := fit([]Sequence{x.A, x.B}, r)
		if err != nil && r.Overlong == OverlongError {
			return nil, err
		}
		if len(kept) < 2 {
			p.Stats.Dropped++
			continue
		}
		p.list = append(p.list, Pair{kept[0], kept[1], x.Good})
		p.Stats.Tokens, p.Stats.Trained, p.Stats.Cut = p.Stats.Tokens+s.Tokens, p.Stats.Trained+s.Trained, p.Stats.Cut+min(s.Cut, 1)
	}
	if len(p.list) == 0 {
		return nil, errors.New("there is no pair that fits into a row")
	}
	p.Stats.Examples, p.Stats.Rows, p.Stats.Length = len(p.list), len(p.list), p.length
	p.order = order{n: len(p.list), seed: seed, split: split}
	return p, nil
}

// Digest is a hash of all pairs: ids, what is trained, and labels.
func (p *Pairs) Digest() string {
	h := sha256.New()
	for _, x := range p.list {
		fmt.Fprint(h, x.A.IDs, x.A.Trained, x.B.IDs, x.B.Trained, x.Good)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Len is the number of pairs.
func (p *Pairs) Len() int { return len(p.list) }

// SetReference says what the reference thinks of each pair: the log-probabilities of the
// trained tokens of both sequences, [Len 2].
func (p *Pairs) SetReference(logProbs []float32) error {
	if len(logProbs) != 2*len(p.list) {
		return fmt.Errorf("%d log-probabilities for %d pairs", len(logProbs), len(p.list))
	}
	p.reference = logProbs
	return nil
}

// Batch implements Source. The reference must be known.
func (p *Pairs) Batch(first uint64, n int) (Batch, error) {
	if p.reference == nil {
		return Batch{}, errors.New("the log-probabilities of the reference are not known yet")
	}
	return p.batch(first, n, p.order.at)
}

// InOrder gives pairs first to first+n-1 as they were read. A reference that is not known
// counts as 0.
func (p *Pairs) InOrder(first, n int) (Batch, error) {
	if first < 0 || first+n > len(p.list) {
		return Batch{}, fmt.Errorf("pairs %d to %d of %d", first, first+n-1, len(p.list))
	}
	return p.batch(uint64(first), n, func(i uint64) int { return int(i) })
}

func (p *Pairs) batch(first uint64, n int, at func(uint64) int) (Batch, error) {
	if n < 1 {
		return Batch{}, fmt.Errorf("a batch of %d pairs was asked for; use 1 or more", n)
	}
	f := newFrame(2*n, p.length)
	reference := nn.Array{Shape: []int{n, 2}, Float32: make([]float32, 2*n)}
	good := nn.Array{Shape: []int{n}, Float32: make([]float32, n)}
	samples := make([]uint64, n)
	for b := range n {
		samples[b] = first + uint64(b)
		k := at(samples[b])
		f.put(2*b*p.length, p.list[k].A, 0)
		f.put((2*b+1)*p.length, p.list[k].B, 0)
		if p.reference != nil {
			copy(reference.Float32[2*b:], p.reference[2*k:2*k+2])
		}
		if p.list[k].Good {
			good.Float32[b] = 1
		}
	}
	return Batch{Arrays: append(f.arrays(n, 2, p.length)[:3], reference, good), Samples: samples}, nil
}
