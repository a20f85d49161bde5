package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// unigram takes the tokens of a text whose log probabilities sum to most (Kudo 2018),
// by Viterbi's algorithm from left to right.
type unigram struct {
	trie     *tokenTrie
	scores   []float64
	unk      int32 // -1: none
	unkScore float64
	fallback *[256]int32
	single   bool // sums in single precision, as SentencePiece does
}

// unkPenalty is how much worse an unknown rune is than the worst token.
const unkPenalty = 10

func newUnigram(m *modelSpec) (*unigram, error) {
	v := m.Vocab
	if v.scores == nil {
		return nil, errors.New("the vocabulary has no scores")
	}
	u := &unigram{trie: newTokenTrie(), scores: v.scores, unk: -1, single: m.kinds != nil}
	if m.UnkID != nil {
		if *m.UnkID < 0 || int(*m.UnkID) >= v.len() {
			return nil, fmt.Errorf("unk_id %d is not in a vocabulary of %d", *m.UnkID, v.len())
		}
		u.unk = *m.UnkID
	}
	worst, best := math.Inf(1), math.Inf(-1)
	for id, token := range v.tokens {
		if s := v.scores[id]; math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("token %q has the score %g", token, s)
		}
		if m.kinds == nil || m.kinds[id] == normalPiece || m.kinds[id] == userPiece {
			u.trie.add(token, int32(id))
		}
		if m.kinds == nil || m.kinds[id] == normalPiece {
			worst, best = min(worst, v.scores[id]), max(best, v.scores[id])
		}
	}
	for id, kind := range m.kinds {
		if kind == userPiece { // better than anything else that it could be cut into
			u.scores = slices.Clone(u.scores)
			u.scores[id] = u.round(float64(len(v.tokens[id]))*best) - 0.1
		}
	}
	u.unkScore = u.round(worst - unkPenalty)
	if m.ByteFallback {
		u.fallback = byteTokens(m.ids())
		if slices.Contains(u.fallback[:], -1) {
			return nil, errors.New("byte_fallback needs all tokens from <0x00> to <0xFF>")
		}
	}
	return u, nil
}

func (u *unigram) round(x float64) float64 {
	if u.single {
		return float64(float32(x))
	}
	return x
}

// A lattice is the working memory of a segmentation: for every byte of the text, the
// last token of the best way to get there.
type lattice struct {
	nodes []latticeNode
	ids   []int32
}

type latticeNode struct {
	score float64
	start int32 // -1: no way leads here
	id    int32
}

func (u *unigram) encode(dst []int32, piece string, c *coder) []int32 {
	nodes := slices.Grow(c.lattice.nodes[:0], len(piece)+1)[:len(piece)+1]
	for i := range nodes {
		nodes[i] = latticeNode{start: -1}
	}
	frontier := 0 // the last node that a way leads to
	for at := 0; at < len(piece); {
		_, n := utf8.DecodeRuneInString(piece[at:])
		if u.single && math.Abs(nodes[at].score) > resetScore {
			u.reset(nodes[at : frontier+1])
		}
		frontier = max(frontier, u.extend(nodes, piece, at, n))
		at += n
	}
	c.lattice.nodes = nodes
	ids := c.lattice.ids[:0]
	for end := len(piece); end > 0; {
		node := nodes[end]
		ids = u.back(ids, piece[node.start:end], node.id)
		end = int(node.start)
	}
	c.lattice.ids = ids
	slices.Reverse(ids)
	return append(dst, ids...)
}

// resetScore is the sum at which the sentencepiece library starts again at zero, or
// single precision would not tell the ways apart.
const resetScore = 100000

func (u *unigram) reset(nodes []latticeNode) {
	offset := nodes[0].score
	for i := range nodes {
		if i == 0 || nodes[i].start >= 0 {
			nodes[i].score = u.round(nodes[i].score - offset)
		}
	}
}

// extend tries all tokens that start at a place, and returns how far they reach; n is
// the length of the rune there.
func (u *unigram) extend(nodes []latticeNode, piece string, at, n int) (frontier int) {
	here := nodes[at].score
	single := false
	node := int32(0)
	for i := at; i < len(piece); i++ {
		if node = u.trie.step(node, piece[i]); node == 0 {
			break
		}
		id := u.trie.ids[node]
		if id < 0 {
			continue
		}
		frontier = i + 1
		to := &nodes[i+1]
		if s := u.round(u.scores[id] + here); to.start < 0 || s > to.score {
			*to = latticeNode{s, int32(at), id}
		}
		single = single || i+1-at == n
	}
	if single {
		return frontier
	}
	to := &nodes[at+n]
	if s := u.round(u.unkScore + here); to.start < 0 || s > to.score {
		*to = latticeNode{s, int32(at), -1}
	}
	return max(frontier, at+n)
}

// back appends the tokens of a node, the last first; a run of unknown runes is one
// unknown token.
func (u *unigram) back(ids []int32, text string, id int32) []int32 {
	switch {
	case id >= 0:
		return append(ids, id)
	case u.fallback != nil:
		for i := len(text) - 1; i >= 0; i-- {
			ids = append(ids, u.fallback[text[i]])
		}
		return ids
	case u.unk < 0 || len(ids) > 0 && ids[len(ids)-1] == u.unk:
		return ids
	}
	return append(ids, u.unk)
}
