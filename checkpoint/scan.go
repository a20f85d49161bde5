package checkpoint

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads the JSON of a header from left to right. It knows only what a
// header is made of - strings, whole numbers, and objects and arrays of them at
// a fixed depth - so that nesting cannot exhaust the stack, duplicate keys can
// be seen, and memory follows the limits of its caller. encoding/json lets the
// last duplicate win and would build a tree of the whole header.
type scanner struct {
	src []byte
	pos int
	err error // the first error; every method does nothing after it
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return s.src[s.pos]
		}
	}
	return 0
}

func (s *scanner) expect(c byte) {
	if s.err != nil {
		return
	}
	got := s.peek()
	if s.pos >= len(s.src) {
		s.fail("header ends where %q is expected", c)
		return
	}
	if got != c {
		s.fail("%q where %q is expected", got, c)
		return
	}
	s.pos++
}

// list calls item for each item of an object or array between open and shut.
func (s *scanner) list(open, shut byte, item func()) {
	s.expect(open)
	if s.err == nil && s.peek() == shut {
		s.pos++
		return
	}
	for s.err == nil {
		item()
		if s.err == nil && s.peek() == shut {
			s.pos++
			return
		}
		s.expect(',')
	}
}

// object calls value for each key, which must be new to seen.
func (s *scanner) object(seen func(key string) bool, value func(key string)) {
	s.list('{', '}', func() {
		s.peek()
		at := s.pos
		key := s.text()
		if s.err == nil && seen(key) {
			s.pos = at
			s.fail("duplicate key %.100q", key)
		}
		s.expect(':')
		if s.err == nil {
			value(key)
		}
	})
}

// number reads a whole number from 0 to 2^63-1, as JSON writes it.
func (s *scanner) number() int64 {
	if s.err != nil {
		return 0
	}
	s.peek()
	start := s.pos
	var n int64
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		d := int64(s.src[s.pos] - '0')
		if n > (math.MaxInt64-d)/10 {
			s.fail("number too large: at most %d", int64(math.MaxInt64))
			return 0
		}
		n = n*10 + d
		s.pos++
	}
	switch {
	case s.pos == start:
		s.fail("a whole number from 0 is expected")
	case s.src[start] == '0' && s.pos-start > 1:
		s.fail("number with a leading zero")
	case s.pos < len(s.src) && isNumberTail(s.src[s.pos]):
		s.fail("a whole number is expected, not a fraction or exponent")
	}
	return n
}

func isNumberTail(c byte) bool { return c == '.' || c == 'e' || c == 'E' }

// text reads a string. The result is a copy and does not keep the header alive.
func (s *scanner) text() string {
	s.expect('"')
	if s.err != nil {
		return ""
	}
	start := s.pos
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return string(s.src[start : s.pos-1])
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			s.fail("control character %q in a string", c)
			return ""
		}
		s.pos++
	}
	s.fail("header ends inside a string")
	return ""
}

// escaped goes on with a string at its first backslash.
func (s *scanner) escaped(start int) string {
	out := append([]byte(nil), s.src[start:s.pos]...)
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '"':
			s.pos++
			return string(out)
		case c < ' ':
			s.fail("control character %q in a string", c)
			return ""
		case c != '\\':
			out = append(out, c)
			s.pos++
			continue
		}
		r, err := s.escape()
		if err != nil {
			s.fail("%w", err)
			return ""
		}
		out = utf8.AppendRune(out, r)
	}
	s.fail("header ends inside a string")
	return ""
}

var errEscape = errors.New("bad escape in a string")

// escape reads one escape sequence, or two that are a surrogate pair.
func (s *scanner) escape() (rune, error) {
	if s.pos+1 >= len(s.src) {
		return 0, errEscape
	}
	c := s.src[s.pos+1]
	if c == 'u' {
		return s.unicode()
	}
	s.pos += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	}
	return 0, errEscape
}

func (s *scanner) unicode() (rune, error) {
	r, err := s.unit()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	low, err := s.unit()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, errEscape // half a pair names no character
	}
	return r, nil
}

// unit reads \uXXXX.
func (s *scanner) unit() (rune, error) {
	if s.pos+6 > len(s.src) || s.src[s.pos] != '\\' || s.src[s.pos+1] != 'u' {
		return 0, errEscape
	}
	v, err := strconv.ParseUint(string(s.src[s.pos+2:s.pos+6]), 16, 16)
	if err != nil {
		return 0, errEscape
	}
	s.pos += 6
	return rune(v), nil
}
