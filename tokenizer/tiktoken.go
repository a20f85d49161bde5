package tokenizer

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Patterns names the pre-tokenizers that [ParseTiktoken] takes.
func Patterns() []string { return slices.Sorted(maps.Keys(tiktokenPatterns)) }

var tiktokenPatterns = map[string]string{
	"gpt2": gpt2Regex, "cl100k": cl100kThree, "o200k": o200kRegex, "llama3": llamaRegex, "llama4": o200kRegex, "qwen": qwenRegex, "tekken": tekkenRegex,
}

// ParseTiktoken reads a vocabulary of the tiktoken library: lines of a token in base64
// and its rank. The file does not say how text is cut: pattern is one of [Patterns].
// Special tokens get the ids behind the ranks, in their order.
func ParseTiktoken(data []byte, pattern string, special []string) (*Tokenizer, error) {
	regex, ok := tiktokenPatterns[pattern]
	if !ok {
		return nil, fmt.Errorf("tiktoken: the pattern %q is not known; there are %q", pattern, Patterns())
	}
	tokens, err := readRanks(data)
	if err != nil {
		return nil, malformed("tiktoken", err)
	}
	s := byteLevelSpec(regex)
	s.Model = modelSpec{Type: "BPE", IgnoreMerges: true}
	s.Model.Merges, s.Model.ranks = rankedMerges(tokens)
	for id, t := range tokens {
		s.Model.Vocab.tokens = append(s.Model.Vocab.tokens, toAlphabet(t))
		s.Model.Vocab.have = append(s.Model.Vocab.have, t != "" || id == 0)
	}
	for i, t := range special {
		s.AddedTokens = append(s.AddedTokens, addedToken{ID: int32(len(tokens) + i), Content: t, Special: true})
	}
	t, err := build(s, settings{})
	if err != nil {
		return nil, malformed("tiktoken", err)
	}
	return t, nil
}

// readRanks reads the tokens by rank; a gap is "".
func readRanks(data []byte) ([]string, error) {
	ranks := map[string]int{}
	top := -1
	line := 0
	for text := range bytes.Lines(data) {
		line++
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		word, number, ok := bytes.Cut(text, []byte(" "))
		rank, err := strconv.Atoi(string(number))
		if !ok || err != nil || rank < 0 || rank >= maxTokens {
			return nil, fmt.Errorf("line %d is %.60q; it must be a token in base64 and its rank", line, text)
		}
		token, err := base64.StdEncoding.DecodeString(string(word))
		if err != nil || len(token) == 0 {
			return nil, fmt.Errorf("line %d: %.60q is no token in base64", line, word)
		}
		if _, twice := ranks[string(token)]; twice {
			return nil, fmt.Errorf("line %d: the token %q comes twice", line, token)
		}
		ranks[string(token)] = rank
		top = max(top, rank)
	}
	if top < 0 {
		return nil, fmt.Errorf("there are no tokens in it")
	}
	if top > 2*len(ranks)+1<<16 {
		return nil, fmt.Errorf("the highest of %d ranks is %d", len(ranks), top)
	}
	tokens := make([]string, top+1)
	for token, rank := range ranks {
		if tokens[rank] != "" {
			return nil, fmt.Errorf("the rank %d comes twice", rank)
		}
		tokens[rank] = token
	}
	return tokens, nil
}

// maxSplitToken is the longest token in bytes whose ways to be two tokens are looked
// for one by one; published ones have some hundred.
const maxSplitToken = 1024

// rankedMerges lists the pairs of tokens that together are a token, by its rank.
func rankedMerges(tokens []string) (mergeList, []int32) {
	type pair struct {
		left, right, rank int32
	}
	ids := make(map[string]int32, len(tokens))
	for id, t := range tokens {
		ids[t] = int32(id)
	}
	var list mergeList
	var ranks []int32
	var pairs []pair
	for rank, t := range tokens {
		pairs = pairs[:0]
		for at := 1; at < min(len(t), maxSplitToken); at++ {
			left, ok1 := ids[t[:at]]
			right, ok2 := ids[t[at:]]
			if ok1 && ok2 {
				pairs = append(pairs, pair{left, right, int32(rank)})
			}
		}
		slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right)) })
		for _, p := range pairs {
			list = append(list, [2]string{toAlphabet(tokens[p.left]), toAlphabet(tokens[p.right])})
			ranks = append(ranks, p.rank)
		}
	}
	return list, ranks
}
