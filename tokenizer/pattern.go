package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// A wordPattern cuts text into pieces the way the published regular expressions of
// the GPT-2 line do, by a scanner that looks at each rune once or twice. The fields
// say in what the members of the family differ.
type wordPattern struct {
	contractions contraction
	prefix       bool   // a rune that is no letter, number or line end may lead a word; otherwise only a space
	cased        bool   // a word is upper case, then lower case; a contraction belongs to it (o200k)
	maxDigits    int    // numbers are cut after so many; 0: no limit, and a space may lead
	tail         string // what may follow punctuation and belongs to it: line ends, in o200k "/" too
	lines        bool   // white space up to the last line end is a piece
	ends         bool   // white space that ends the text is one piece (cl100k as published)
}

type contraction uint8

const (
	noContractions contraction = iota
	lowerContractions
	anyContractions
)

// next returns the end of the piece that starts at i < len(s). Every text is cut
// without a rest.
func (p *wordPattern) next(s string, i int) int {
	if p.contractions != noContractions && !p.cased && s[i] == '\'' {
		if n := p.contraction(s[i:]); n > 0 {
			return i + n
		}
	}
	c, n := classAt(s, i)
	if end := p.word(s, i, c, n); end > i {
		return end
	}
	if end := p.number(s, i, c, n); end > i {
		return end
	}
	if end := p.punctuation(s, i, c, n); end > i {
		return end
	}
	return p.space(s, i)
}

// contraction returns the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of s.
func (p *wordPattern) contraction(s string) int {
	if p.contractions == noContractions || len(s) < 2 || s[0] != '\'' {
		return 0
	}
	fold := func(b byte) byte {
		if p.contractions == anyContractions && b >= 'A' && b <= 'Z' {
			return b + 'a' - 'A'
		}
		return b
	}
	if p.contractions == anyContractions && strings.HasPrefix(s[1:], "ſ") { // folds to s
		return 1 + len("ſ")
	}
	switch fold(s[1]) {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) < 3 {
		return 0
	}
	switch string([]byte{fold(s[1]), fold(s[2])}) {
	case "re", "ve", "ll":
		return 3
	}
	return 0
}

// word matches letters, with what may lead them.
func (p *wordPattern) word(s string, i int, c uint8, n int) int {
	if p.cased {
		return p.casedWord(s, i, c, n)
	}
	switch {
	case c&isLetter != 0:
		return skip(s, i+n, isLetter)
	case p.leads(s[i], c) && i+n < len(s):
		if d, m := classAt(s, i+n); d&isLetter != 0 {
			return skip(s, i+n+m, isLetter)
		}
	}
	return i
}

// leads says whether the rune with first byte b and classes c may stand before a
// word and belong to it.
func (p *wordPattern) leads(b byte, c uint8) bool {
	if p.prefix {
		return c&(isLetter|isNumber) == 0 && b != '\r' && b != '\n'
	}
	return b == ' '
}

// casedWord matches [upper]*[lower]+ or else [upper]+[lower]*, with what may lead and
// a contraction behind. What may lead can be a mark, which may as well begin the
// word: the order of the four tries is that of the regular expression.
func (p *wordPattern) casedWord(s string, i int, c uint8, n int) int {
	lead := i
	if p.leads(s[i], c) {
		lead = i + n
	}
	for _, match := range []func(s string, i int) int{endsLower, startsUpper} {
		for _, from := range []int{lead, i} {
			if end := match(s, from); end > from {
				return end + p.contraction(s[end:])
			}
		}
	}
	return i
}

// endsLower matches [upper]*[lower]+. Where no lower-case rune follows the upper-case
// run, the match ends after its last rune that is of both classes.
func endsLower(s string, i int) int {
	up := skip(s, i, isUpper)
	if end := skip(s, up, isLower); end > up {
		return end
	}
	for j := up; j > i; {
		r, n := utf8.DecodeLastRuneInString(s[i:j])
		if classOf(r)&isLower != 0 {
			return j
		}
		j -= n
	}
	return i
}

// startsUpper matches [upper]+[lower]*.
func startsUpper(s string, i int) int {
	up := skip(s, i, isUpper)
	if up == i {
		return i
	}
	return skip(s, up, isLower)
}

func (p *wordPattern) number(s string, i int, c uint8, n int) int {
	if p.maxDigits > 0 {
		end := i
		for k := 0; k < p.maxDigits && end < len(s); k++ {
			d, m := classAt(s, end)
			if d&isNumber == 0 {
				break
			}
			end += m
		}
		return end
	}
	switch {
	case c&isNumber != 0:
		return skip(s, i+n, isNumber)
	case s[i] == ' ' && !p.prefix && i+1 < len(s):
		if d, m := classAt(s, i+1); d&isNumber != 0 {
			return skip(s, i+1+m, isNumber)
		}
	case p.prefix:
		return skip(s, i, isNumber)
	}
	return i
}

const wordOrSpace = isLetter | isNumber | isSpace

func (p *wordPattern) punctuation(s string, i int, c uint8, n int) int {
	start := i
	if s[i] == ' ' && i+1 < len(s) {
		i++
		c, n = classAt(s, i)
	}
	if c&wordOrSpace != 0 {
		return start
	}
	end := skipOther(s, i+n, wordOrSpace)
	for end < len(s) && strings.IndexByte(p.tail, s[end]) >= 0 {
		end++
	}
	return end
}

// space matches white space: up to the last line end, or all but the last rune where
// a word follows, or what is left.
func (p *wordPattern) space(s string, i int) int {
	end, last, lineEnd := i, i, -1
	for end < len(s) {
		c, n := classAt(s, end)
		if c&isSpace == 0 {
			break
		}
		last = end
		end += n
		if b := s[last]; b == '\r' || b == '\n' {
			lineEnd = end
		}
	}
	switch {
	case p.ends && end == len(s):
		return max(end, i+1)
	case p.lines && lineEnd > 0:
		return lineEnd
	case end == len(s) || last == i:
		return max(end, i+1)
	}
	return last
}
