package data

import (
	"slices"

	"github.com/comlam/comlam/internal/rng"
)

// Noisy is a Source of rows of text with some of the tokens that are read replaced by
// others, drawn anew for every row: a model that meets the same text many times learns
// it less by heart. What is to be predicted is never changed.
type Noisy struct {
	Source
	Share      float64 // of the tokens
	Vocabulary int     // how many tokens there are to replace them by
	Keep       []int32 // tokens that stay, such as those that begin and end turns
	// PromptsOnly leaves what a loss counts alone, and what follows it: of chats only what
	// the user says is disturbed.
	PromptsOnly bool
	Seed        uint64
}

// Batch implements Source.
func (n *Noisy) Batch(first uint64, count int) (Batch, error) {
	b, err := n.Source.Batch(first, count)
	if err != nil || n.Share == 0 {
		return b, err
	}
	t := b.Arrays[0].Shape[1]
	b.Arrays[0].Int32 = slices.Clone(b.Arrays[0].Int32)
	for i, sample := range b.Samples {
		n.disturb(sample, b.Arrays[0].Int32[i*t:(i+1)*t], b.Arrays[2].Float32[i*t:(i+1)*t])
	}
	return b, nil
}

// disturb replaces tokens of one row; weight is that of the token after each.
func (n *Noisy) disturb(sample uint64, tokens []int32, weight []float32) {
	random := rng.New(n.Seed, uint64(Train), disturbStream, sample)
	for j, tok := range tokens {
		replace, by := random.Float64() < n.Share, int32(random.IntN(n.Vocabulary))
		said := weight[j] > 0 || j > 0 && weight[j-1] > 0
		if replace && !slices.Contains(n.Keep, tok) && !(n.PromptsOnly && said) {
			tokens[j] = by
		}
	}
}
