package tokenizer

import (
	"cmp"
	"unicode/utf8"
)

// A merge says what a pair of symbols becomes, and how early: lower ranks first, the
// leftmost pair among equal ones.
type merge struct{ rank, id int32 }

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// bpe is byte-pair encoding (Sennrich, Haddow, Birch 2016) over bytes or runes.
type bpe struct {
	merges map[uint64]merge
	whole  map[string]int32 // pieces that are one token without any merge; nil: none
	bytes  *[256]int32      // symbol of each byte, -1: none; nil: symbols are runes
	runes  map[string]int32 // symbol of each rune, if symbols are runes
	unk    unknown
	// prefix stands before every rune but the first of a piece, suffix behind the last.
	prefix, suffix string
	size           int32    // ids from here on are symbols that are no tokens
	texts          []string // of those symbols
}

// unknown says what becomes of runes that are no symbol.
type unknown struct {
	id       int32       // -1: they give nothing, as in the reference
	fuse     bool        // a run of them is one
	fallback *[256]int32 // tokens <0x00> to <0xFF>; nil: none
}

// A bpeState is the working memory of one encoder.
type bpeState struct {
	symbols []symbol
	queue   []candidate
}

// A symbol of a piece in a doubly linked list; id -1 was merged away.
type symbol struct {
	id         int32
	prev, next int32
}

// A candidate is a pair that may be merged: at is its left symbol.
type candidate struct {
	rank, at, id int32
	left, right  int32 // the ids when it was found
}

func (c candidate) compare(d candidate) int {
	if c.rank != d.rank {
		return cmp.Compare(c.rank, d.rank)
	}
	return cmp.Compare(c.at, d.at)
}

// shortPiece is the number of symbols up to which looking for the best pair again and
// again costs less than a heap.
const shortPiece = 24

// encode appends the tokens of a piece.
func (m *bpe) encode(dst []int32, piece string, st *coder) []int32 {
	if id, ok := m.whole[piece]; ok {
		return append(dst, id)
	}
	st.symbols = m.split(st.symbols[:0], piece)
	if len(st.symbols) <= shortPiece {
		return m.mergeShort(dst, st.symbols)
	}
	m.mergeLong(&st.bpeState)
	for i := int32(0); i >= 0 && len(st.symbols) > 0; i = st.symbols[i].next {
		dst = m.emit(dst, st.symbols[i].id)
	}
	return dst
}

// emit appends a symbol that is a token, and nothing for a symbol that is none.
func (m *bpe) emit(dst []int32, id int32) []int32 {
	if id < m.size {
		return append(dst, id)
	}
	return m.emitUnknown(dst, id)
}

// mergeShort merges the best pair until there is none.
func (m *bpe) mergeShort(dst []int32, s []symbol) []int32 {
	var ranks [shortPiece]merge
	for i := range s {
		ranks[i] = m.pair(s, i)
	}
	for len(s) > 1 {
		best := -1
		for i := range len(s) - 1 {
			if ranks[i].id >= 0 && (best < 0 || ranks[i].rank < ranks[best].rank) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		s[best].id = ranks[best].id
		copy(s[best+1:], s[best+2:])
		copy(ranks[best+1:], ranks[best+2:len(s)])
		s = s[:len(s)-1]
		ranks[best] = m.pair(s, best)
		if best > 0 {
			ranks[best-1] = m.pair(s, best-1)
		}
	}
	for _, x := range s {
		dst = m.emit(dst, x.id)
	}
	return dst
}

// pair is the merge of symbols i and i+1, id -1 if there is none.
func (m *bpe) pair(s []symbol, i int) merge {
	if i+1 < len(s) {
		if r, ok := m.merges[pairKey(s[i].id, s[i+1].id)]; ok {
			return r
		}
	}
	return merge{id: -1}
}

// mergeLong merges with a heap of candidates: n log n for n symbols, where the plain
// way is quadratic.
func (m *bpe) mergeLong(st *bpeState) {
	s := st.symbols
	for i := range s {
		s[i].prev, s[i].next = int32(i-1), int32(i+1)
	}
	s[len(s)-1].next = -1
	q := st.queue[:0]
	for i := range len(s) - 1 {
		if c, ok := m.candidate(s, int32(i)); ok {
			q = append(q, c)
		}
	}
	heapify(q)
	for len(q) > 0 {
		var c candidate
		c, q = pop(q)
		next := s[c.at].next
		if s[c.at].id != c.left || next < 0 || s[next].id != c.right {
			continue // one of the two was merged with somebody else
		}
		s[c.at].id = c.id
		s[next].id = -1
		s[c.at].next = s[next].next
		if n := s[next].next; n >= 0 {
			s[n].prev = c.at
		}
		if p := s[c.at].prev; p >= 0 {
			if d, ok := m.candidate(s, p); ok {
				q = push(q, d)
			}
		}
		if d, ok := m.candidate(s, c.at); ok {
			q = push(q, d)
		}
	}
	st.queue = q
}

func (m *bpe) candidate(s []symbol, at int32) (candidate, bool) {
	next := s[at].next
	if next < 0 {
		return candidate{}, false
	}
	r, ok := m.merges[pairKey(s[at].id, s[next].id)]
	return candidate{rank: r.rank, at: at, id: r.id, left: s[at].id, right: s[next].id}, ok
}

// split cuts a piece into its first symbols.
func (m *bpe) split(s []symbol, piece string) []symbol {
	if m.bytes != nil {
		for i := range len(piece) {
			if id := m.bytes[piece[i]]; id >= 0 {
				s = append(s, symbol{id: id})
			} else {
				s = m.splitUnknown(s, piece[i:i+1])
			}
		}
		return s
	}
	for i := 0; i < len(piece); {
		_, n := utf8.DecodeRuneInString(piece[i:])
		r := piece[i : i+n]
		name := r
		if m.prefix != "" && i > 0 {
			name = m.prefix + name
		}
		if m.suffix != "" && i+n == len(piece) {
			name += m.suffix
		}
		if id, ok := m.runes[name]; ok {
			s = append(s, symbol{id: id})
		} else {
			s = m.splitUnknown(s, r)
		}
		i += n
	}
	return s
}

// splitUnknown appends what stands for a rune that is no symbol.
func (m *bpe) splitUnknown(s []symbol, r string) []symbol {
	if m.unk.fallback != nil {
		n := len(s)
		for i := 0; i < len(r) && m.unk.fallback[r[i]] >= 0; i++ {
			s = append(s, symbol{id: m.unk.fallback[r[i]]})
		}
		if len(s) == n+len(r) {
			return s
		}
		s = s[:n]
	}
	if m.unk.id < 0 || m.unk.fuse && len(s) > 0 && s[len(s)-1].id == m.unk.id {
		return s
	}
	return append(s, symbol{id: m.unk.id})
}

// emitUnknown appends what stands for a symbol that is no token: a rune that would only
// have been part of one.
func (m *bpe) emitUnknown(dst []int32, id int32) []int32 {
	if f := m.unk.fallback; f != nil {
		text := m.texts[id-m.size]
		n := len(dst)
		for i := 0; i < len(text) && f[text[i]] >= 0; i++ {
			dst = append(dst, f[text[i]])
		}
		if len(dst) == n+len(text) {
			return dst
		}
		dst = dst[:n]
	}
	if m.unk.id < 0 || m.unk.fuse && len(dst) > 0 && dst[len(dst)-1] == m.unk.id {
		return dst
	}
	return append(dst, m.unk.id)
}
