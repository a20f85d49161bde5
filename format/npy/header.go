package npy

import (
	"fmt"
	"strconv"
	"strings"
)

// parseHeader reads the Python dictionary of a header: the three keys, each
// once, in any order, with the values that a plain array has.
func parseHeader(text string) (Header, error) {
	s := scanner{rest: text}
	var h Header
	seen := map[string]bool{}
	s.expect("{")
	for !s.accept("}") && s.err == nil {
		key := s.quoted()
		s.expect(":")
		if seen[key] {
			s.fail("key %q twice", key)
		}
		seen[key] = true
		s.value(key, &h)
		if !s.accept(",") {
			s.expect("}")
			break
		}
	}
	if s.skipSpace(); s.err == nil && s.rest != "" {
		s.fail("%q after the dictionary", clip(s.rest))
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if s.err == nil && !seen[key] {
			s.fail("no key %q", key)
		}
	}
	if s.err != nil {
		return Header{}, s.err
	}
	return h, h.check()
}

// value reads what belongs to key into h.
func (s *scanner) value(key string, h *Header) {
	switch key {
	case "descr":
		h.Descr = s.quoted()
		switch {
		case s.err != nil || size(h.Descr) > 0:
		case h.Descr == "|O":
			s.fail(`values of type "|O": Python objects are code, and are not read; save numbers instead`)
		default:
			s.fail(`values of type %q; use little-endian "<c8", "<c16", "<f4" or "<f8", or integers`, clip(h.Descr))
		}
	case "fortran_order":
		if s.accept("True") {
			s.fail("columns come first; save it with numpy.ascontiguousarray")
		}
		s.expect("False")
	case "shape":
		h.Shape = s.tuple()
	default:
		s.fail("unknown key %q", clip(key))
	}
}

// scanner reads a header from the left. After the first failure it does nothing.
type scanner struct {
	rest string
	err  error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("header: "+format, args...)
	}
}

func (s *scanner) skipSpace() { s.rest = strings.TrimLeft(s.rest, " \n") }

func (s *scanner) accept(token string) bool {
	s.skipSpace()
	if s.err != nil || !strings.HasPrefix(s.rest, token) {
		return false
	}
	s.rest = s.rest[len(token):]
	return true
}

func (s *scanner) expect(token string) {
	if !s.accept(token) {
		s.fail("%q where %q belongs", clip(s.rest), token)
	}
}

// quoted reads a string without escapes, in either kind of quotes.
func (s *scanner) quoted() string {
	for _, quote := range []string{"'", `"`} {
		if !s.accept(quote) {
			continue
		}
		text, rest, closed := strings.Cut(s.rest, quote)
		if !closed || strings.ContainsAny(text, "\\\n") {
			s.fail("string %q does not end", clip(s.rest))
			return ""
		}
		s.rest = rest
		return text
	}
	s.fail("%q where a string belongs", clip(s.rest))
	return ""
}

// tuple reads the lengths of the axes: "()", "(3,)", "(3, 4)". A single number
// needs its comma, as in Python.
func (s *scanner) tuple() []int {
	shape := []int{}
	s.expect("(")
	for s.err == nil && !s.accept(")") {
		if len(shape) == maxAxes {
			s.fail("more than %d axes", maxAxes)
			return nil
		}
		shape = append(shape, s.number())
		comma := s.accept(",")
		if !comma && len(shape) == 1 {
			s.expect(",")
		}
		if !comma {
			s.expect(")")
			break
		}
	}
	return shape
}

func (s *scanner) number() int {
	s.skipSpace()
	end := 0
	for end < len(s.rest) && s.rest[end] >= '0' && s.rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s.rest[:end])
	if err != nil {
		s.fail("%q where the length of an axis belongs", clip(s.rest))
		return 0
	}
	s.rest = s.rest[end:]
	return n
}

// clip keeps what an error quotes short.
func clip(text string) string { return text[:min(len(text), 24)] }
