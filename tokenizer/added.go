package tokenizer

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A matcher finds added tokens in text, the leftmost first and of those that start at
// one place the longest. It is a trie; a text is looked at once for every byte at
// which a token may begin, so that the time is at most the text's length times that
// of the longest token.
type matcher struct {
	starts [256]bool
	nodes  []trieNode
	tokens []addedToken
}

type trieNode struct {
	next  map[byte]int32
	token int32 // index in tokens, -1: none ends here
}

// newMatcher builds the trie of tokens; nil where there are none.
func newMatcher(tokens []addedToken) *matcher {
	if len(tokens) == 0 {
		return nil
	}
	m := &matcher{tokens: tokens, nodes: []trieNode{{token: -1}}}
	for i, t := range tokens {
		at := int32(0)
		for j := range len(t.Content) {
			b := t.Content[j]
			next, ok := m.nodes[at].next[b]
			if !ok {
				next = int32(len(m.nodes))
				m.nodes = append(m.nodes, trieNode{token: -1})
				if m.nodes[at].next == nil {
					m.nodes[at].next = map[byte]int32{}
				}
				m.nodes[at].next[b] = next
			}
			at = next
		}
		m.nodes[at].token = int32(i)
		m.starts[t.Content[0]] = true
	}
	return m
}

// A match is an added token in a text, with the white space that it takes along.
type match struct {
	start, end int
	token      *addedToken
}

// next finds the first token at or after i. Special ones are passed over unless
// special is set; then the text between is searched again behind them, as in the
// reference.
func (m *matcher) next(s string, i int, special bool) (match, bool) {
	floor := i
	for i < len(s) {
		if !m.starts[s[i]] {
			i++
			continue
		}
		t, end := m.longest(s, i)
		if t == nil {
			i++
			continue
		}
		if t.Special && !special || t.SingleWord && !alone(s, i, end) {
			i = end
			continue
		}
		start := i
		if t.LStrip {
			start = max(floor, len(strings.TrimRightFunc(s[:i], isWhite)))
		}
		if t.RStrip {
			end = len(s) - len(strings.TrimLeftFunc(s[end:], isWhite))
		}
		return match{start, end, t}, true
	}
	return match{}, false
}

func (m *matcher) longest(s string, i int) (t *addedToken, end int) {
	at := int32(0)
	for j := i; j < len(s); j++ {
		next, ok := m.nodes[at].next[s[j]]
		if !ok {
			break
		}
		at = next
		if k := m.nodes[at].token; k >= 0 {
			t, end = &m.tokens[k], j+1
		}
	}
	return t, end
}

func isWhite(r rune) bool { return classOf(r)&isSpace != 0 }

// alone says that s[i:end] has no letter, number or underscore beside it.
func alone(s string, i, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return !(i > 0 && isRustWord(before)) && !(end < len(s) && isRustWord(after))
}

// sortTokens orders added tokens by id.
func sortTokens(tokens []addedToken) []addedToken {
	tokens = slices.Clone(tokens)
	slices.SortStableFunc(tokens, func(a, b addedToken) int { return cmp.Compare(a.ID, b.ID) })
	return tokens
}
