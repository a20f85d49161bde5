package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// Classes of runes that pre-tokenizer patterns speak of, as bits. White space is
// Unicode's White_Space, as in the reference implementations.
const (
	isLetter = 1 << iota // \p{L}
	isNumber             // \p{N}
	isSpace              // \s
	isUpper              // Lu Lt Lm Lo M: may be in the first part of a word in o200k
	isLower              // Ll Lm Lo M: may be in its second
	isMark               // \p{M}
	isDigit              // \p{Nd}
	isPunct              // \p{P} or ASCII punctuation
)

// classTable holds the classes of the basic plane, one byte a rune: a look-up costs
// a fraction of a search in the tables of package unicode.
var classTable = sync.OnceValue(func() *[1 << 16]uint8 {
	t := new([1 << 16]uint8)
	for r := range rune(1 << 16) {
		t[r] = slowClass(r)
	}
	return t
})

var asciiClass = func() (t [128]uint8) {
	for r := range rune(128) {
		t[r] = slowClass(r)
	}
	return t
}()

func slowClass(r rune) (c uint8) {
	for _, x := range []struct {
		bit uint8
		in  bool
	}{
		{isLetter, unicode.IsLetter(r)},
		{isNumber, unicode.IsNumber(r)},
		{isSpace, unicode.Is(unicode.White_Space, r)},
		{isUpper, unicode.In(r, unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M)},
		{isLower, unicode.In(r, unicode.Ll, unicode.Lm, unicode.Lo, unicode.M)},
		{isMark, unicode.Is(unicode.M, r)},
		{isDigit, unicode.Is(unicode.Nd, r)},
		{isPunct, unicode.Is(unicode.P, r) || isASCIIPunct(r)},
	} {
		if x.in {
			c |= x.bit
		}
	}
	return c
}

// isASCIIPunct holds for what C calls ispunct: 33-47, 58-64, 91-96, 123-126.
func isASCIIPunct(r rune) bool {
	return r > ' ' && r < 127 && !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
}

// classOf returns the classes of a rune.
func classOf(r rune) uint8 {
	switch {
	case r < 128:
		return asciiClass[r]
	case r < 1<<16:
		return classTable()[r]
	}
	return slowClass(r)
}

// classAt returns the classes of the rune at s[i:] and its length in bytes. A byte
// that is no UTF-8 is in no class.
func classAt(s string, i int) (c uint8, size int) {
	if b := s[i]; b < utf8.RuneSelf {
		return asciiClass[b], 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && size == 1 {
		return 0, 1
	}
	return classOf(r), size
}

// skip returns the end of the run from i of runes that are in one of the classes.
func skip(s string, i int, classes uint8) int {
	for i < len(s) {
		c, n := classAt(s, i)
		if c&classes == 0 {
			break
		}
		i += n
	}
	return i
}

// skipOther returns the end of the run from i of runes that are in none of the
// classes.
func skipOther(s string, i int, classes uint8) int {
	for i < len(s) {
		c, n := classAt(s, i)
		if c&classes != 0 {
			break
		}
		i += n
	}
	return i
}
