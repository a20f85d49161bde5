package tokenizer

// A tokenTrie finds the tokens that a text begins with. Its edges are in one hash table:
// a large vocabulary has half a million nodes, and a map or an array in each would be
// more memory than the vocabulary.
type tokenTrie struct {
	edges map[uint64]int32 // node and byte to node
	ids   []int32          // by node, -1: no token ends here
	first [256]int32       // the children of the root, 0: none
}

func newTokenTrie() *tokenTrie {
	return &tokenTrie{edges: map[uint64]int32{}, ids: []int32{-1}}
}

func (t *tokenTrie) step(node int32, b byte) int32 {
	if node == 0 {
		return t.first[b]
	}
	return t.edges[uint64(node)<<8|uint64(b)]
}

func (t *tokenTrie) add(token string, id int32) {
	node := int32(0)
	for i := range len(token) {
		next := t.step(node, token[i])
		if next == 0 {
			next = int32(len(t.ids))
			t.ids = append(t.ids, -1)
			if node == 0 {
				t.first[token[i]] = next
			} else {
				t.edges[uint64(node)<<8|uint64(token[i])] = next
			}
		}
		node = next
	}
	if len(token) > 0 {
		t.ids[node] = id
	}
}

// longest returns the longest token that s begins with, and its length; 0: there is
// none.
func (t *tokenTrie) longest(s string) (id int32, n int) {
	node := int32(0)
	for i := range len(s) {
		if node = t.step(node, s[i]); node == 0 {
			break
		}
		if t.ids[node] >= 0 {
			id, n = t.ids[node], i+1
		}
	}
	return id, n
}
