package tokenizer

import (
	"fmt"
	"iter"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/metric"
)

// Fertility says how many tokens text becomes. Words are maximal runs of characters
// that are no white space; Chinese, which writes none, is better judged by characters.
// Intervals are of 95 %, over documents; one document has none, and Drops is 1 then.
type Fertility struct {
	Documents  int
	Bytes      int
	Characters int
	Words      int
	Tokens     int
	Unknown    int // tokens that stand for what the vocabulary cannot say

	PerWord      metric.Value // tokens a word
	PerCharacter metric.Value
	BytesPer     metric.Value // bytes a token
}

// Fertility encodes documents as text from outside and counts. Without a document that
// has a word in it, there is nothing to say: an error.
func (t *Tokenizer) Fertility(documents iter.Seq[string]) (Fertility, error) {
	return MeasureFertility(documents, func(text string) (tokens, unknown int) {
		unk, has := t.UNK()
		ids := t.Encode(text)
		for _, id := range ids {
			if has && id == unk {
				unknown++
			}
		}
		return len(ids), unknown
	})
}

// MeasureFertility is Fertility of any way to count the tokens of a text.
func MeasureFertility(documents iter.Seq[string], count func(text string) (tokens, unknown int)) (Fertility, error) {
	var f Fertility
	word := metric.NewTally("tokens a word/ratio of sums")
	character := metric.NewTally("tokens a character/ratio of sums")
	bytes := metric.NewTally("bytes a token/ratio of sums")
	for text := range documents {
		words, characters := countText(text)
		if words == 0 {
			continue
		}
		tokens, unknown := count(text)
		if tokens == 0 {
			return f, bounded.Malformed(fmt.Sprintf("document %d", f.Documents), "none of it can be said with this vocabulary")
		}
		id := uint64(f.Documents)
		for _, add := range []struct {
			to       *metric.Tally
			num, den int
		}{{word, tokens, words}, {character, tokens, characters}, {bytes, len(text), tokens}} {
			if err := add.to.Add(id, float64(add.num), float64(add.den)); err != nil {
				return f, fmt.Errorf("fertility of document %d: %w", f.Documents, err)
			}
		}
		f.Documents++
		f.Bytes += len(text)
		f.Words += words
		f.Characters += characters
		f.Tokens += tokens
		f.Unknown += unknown
	}
	if f.Documents == 0 {
		return f, bounded.Malformed("", "no document has a word in it")
	}
	var err error
	for to, from := range map[*metric.Value]*metric.Tally{&f.PerWord: word, &f.PerCharacter: character, &f.BytesPer: bytes} {
		if f.Documents > 1 {
			*to, err = from.Value(metric.Bootstrap{})
		} else {
			*to = metric.Value{Name: from.Name(), N: 1, Drops: 1}
		}
		if err != nil {
			return f, fmt.Errorf("fertility: %w", err)
		}
	}
	f.PerWord.Value, f.PerCharacter.Value = float64(f.Tokens)/float64(f.Words), float64(f.Tokens)/float64(f.Characters)
	f.BytesPer.Value = float64(f.Bytes) / float64(f.Tokens)
	return f, nil
}

func countText(text string) (words, characters int) {
	inside := false
	for _, r := range text {
		characters++
		white := isWhite(r)
		if !white && !inside {
			words++
		}
		inside = !white
	}
	return words, characters
}
