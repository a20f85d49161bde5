package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3/ext/fts5"
)

// words is the tokenizer of the index. A word is a run of letters, digits and marks,
// in lower case. In a run of Han, kana or Hangul each letter is a word, and so, at
// the same place, is each pair; a query asks for pairs where it can, which are rarer.
type words struct{}

// Tokenize calls token for each word.
func (words) Tokenize(flags fts5.TokenizeFlag, text, _ string, token fts5.TokenCallback) error {
	query := flags&fts5.TOKENIZE_QUERY != 0
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		end := at + size
		var err error
		switch {
		case isPaired(r):
			end = runEnd(text, at, isPaired)
			err = pairs(text, at, end, query, token)
		case isWord(r):
			end = runEnd(text, at, isWord)
			err = token(0, strings.ToLower(text[at:end]), at, end)
		}
		if err != nil {
			return err
		}
		at = end
	}
	return nil
}

func isPaired(r rune) bool {
	return r > 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func isWord(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z'
	}
	return !isPaired(r) && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func runEnd(text string, at int, in func(rune) bool) int {
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !in(r) {
			break
		}
		at += size
	}
	return at
}

// pairs yields the letters and pairs of text[at:end].
func pairs(text string, at, end int, query bool, token fts5.TokenCallback) error {
	single := true // no pair of the run was asked for
	for at < end {
		_, size := utf8.DecodeRuneInString(text[at:])
		next := at + size
		if !query || next == end && single {
			if err := token(0, text[at:next], at, next); err != nil {
				return err
			}
		}
		if next < end {
			_, second := utf8.DecodeRuneInString(text[next:])
			flag := fts5.TOKEN_COLOCATED
			if query {
				flag, single = 0, false
			}
			if err := token(flag, text[at:next+second], at, next+second); err != nil {
				return err
			}
		}
		at = next
	}
	return nil
}
