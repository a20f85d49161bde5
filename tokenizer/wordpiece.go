package tokenizer

import (
	"cmp"
	"fmt"
	"unicode/utf8"
)

// wordPiece takes the longest token that a word begins with, again and again (Devlin et
// al. 2019). A word that is not all tokens is unknown as a whole.
type wordPiece struct {
	starts, inside *tokenTrie // tokens at the start of a word, and those behind, without prefix
	unk            int32
	most           int // runes of a word
}

// wordPieceSpec is a model with the settings of BERT.
func wordPieceSpec(words []string, unk string) modelSpec {
	prefix := "##"
	return modelSpec{
		Type: "WordPiece", Vocab: vocabulary{tokens: words}, UnkToken: &unk, ContinuingSubwordPrefix: &prefix, MaxInputCharsPerWord: maxWord,
	}
}

// maxWord is the longest word in runes where a file does not say it.
const maxWord = 100

func newWordPiece(m *modelSpec) (*wordPiece, error) {
	ids := m.ids()
	w := &wordPiece{starts: newTokenTrie(), inside: newTokenTrie(), unk: -1, most: cmp.Or(m.MaxInputCharsPerWord, maxWord)}
	prefix := "##"
	if m.ContinuingSubwordPrefix != nil {
		prefix = *m.ContinuingSubwordPrefix
	}
	for token, id := range ids {
		w.starts.add(token, id)
		if len(token) >= len(prefix) && token[:len(prefix)] == prefix {
			w.inside.add(token[len(prefix):], id)
		}
	}
	unk := "[UNK]"
	if m.UnkToken != nil {
		unk = *m.UnkToken
	}
	id, ok := ids[unk]
	if !ok {
		return nil, fmt.Errorf("the vocabulary does not have unk_token %q", unk)
	}
	w.unk = id
	return w, nil
}

func (w *wordPiece) encode(dst []int32, piece string, _ *coder) []int32 {
	if len(piece) > w.most && utf8.RuneCountInString(piece) > w.most {
		return append(dst, w.unk)
	}
	n := len(dst)
	for i := 0; i < len(piece); {
		trie := w.inside
		if i == 0 {
			trie = w.starts
		}
		id, length := trie.longest(piece[i:])
		if length == 0 {
			return append(dst[:n], w.unk)
		}
		dst = append(dst, id)
		i += length
	}
	return dst
}

// wordLevel has one token a word.
type wordLevel struct {
	ids map[string]int32
	unk int32
}

func newWordLevel(m *modelSpec) (*wordLevel, error) {
	w := &wordLevel{ids: m.ids(), unk: -1}
	if u := orEmpty(m.UnkToken); u != "" {
		id, ok := w.ids[u]
		if !ok {
			return nil, fmt.Errorf("the vocabulary does not have unk_token %q", u)
		}
		w.unk = id
	}
	return w, nil
}

func (w *wordLevel) encode(dst []int32, piece string, _ *coder) []int32 {
	if id, ok := w.ids[piece]; ok {
		return append(dst, id)
	}
	if w.unk < 0 {
		return dst
	}
	return append(dst, w.unk)
}
