package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	textToken   kind = iota // text between tags
	openExpr                // {{
	closeExpr               // }}
	openStmt                // {%
	closeStmt               // %}
	nameToken               //
	stringToken             // text holds the value
	intToken                //
	floatToken              //
	opToken                 //
	endToken                //
)

type token struct {
	kind kind
	text string
	line int
}

func (t token) String() string {
	switch t.kind {
	case endToken:
		return "the end of the template"
	case stringToken:
		return fmt.Sprintf("the string %.40q", t.text)
	}
	return fmt.Sprintf("%.40q", t.text)
}

// A lexer cuts a template into tokens.
type lexer struct {
	src     string
	at      int
	line    int
	tokens  []token
	trim    bool // the text that follows loses its leading white space
	newline bool // ... its first line end
}

// lex cuts a template, and applies what its tags say about white space. One line end
// at its end is dropped, as Jinja does.
func lex(src string) ([]token, error) {
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	src = strings.TrimSuffix(src, "\n")
	l := &lexer{src: src, line: 1}
	for l.at < len(src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return append(l.tokens, token{endToken, "", l.line}), nil
}

func (l *lexer) fail(format string, args ...any) error {
	return &Error{l.line, fmt.Sprintf(format, args...)}
}

// next reads text up to a tag, and the tag.
func (l *lexer) next() error {
	open := indexTag(l.src[l.at:])
	if open < 0 {
		l.text(l.src[l.at:], 0, 0)
		l.at = len(l.src)
		return nil
	}
	text := l.src[l.at : l.at+open]
	mark := l.src[l.at+open+1]
	sign := byte(0)
	if i := l.at + open + 2; i < len(l.src) && (l.src[i] == '-' || l.src[i] == '+') {
		sign = l.src[i]
	}
	l.text(text, mark, sign)
	l.at += open + 2
	if sign != 0 {
		l.at++
	}
	switch mark {
	case '#':
		return l.comment()
	case '{':
		return l.tag(openExpr, closeExpr, "}}")
	}
	if raw, ok := l.rawTag(); ok {
		return l.raw(raw)
	}
	return l.tag(openStmt, closeStmt, "%}")
}

func indexTag(s string) int {
	for i := 0; ; {
		j := strings.IndexByte(s[i:], '{')
		if j < 0 || i+j+1 >= len(s) {
			return -1
		}
		if c := s[i+j+1]; c == '{' || c == '%' || c == '#' {
			return i + j
		}
		i += j + 1
	}
}

// text adds the text before a tag; mark and sign are the tag's, 0 at the end.
func (l *lexer) text(s string, mark, sign byte) {
	lines := strings.Count(s, "\n")
	start := l.at == 0 || l.at > 0 && l.src[l.at-1] == '\n'
	if l.trim {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	} else if l.newline {
		if rest, ok := strings.CutPrefix(s, "\n"); ok {
			s, start = rest, true
		}
	}
	switch {
	case sign == '-':
		s = strings.TrimRightFunc(s, unicode.IsSpace)
	case sign != '+' && (mark == '%' || mark == '#'):
		s = trimIndent(s, start)
	}
	l.trim, l.newline = false, false
	if s != "" {
		l.tokens = append(l.tokens, token{textToken, s, l.line})
	}
	l.line += lines
}

// trimIndent drops blanks between the start of a line and a tag.
func trimIndent(s string, start bool) string {
	at := strings.LastIndexByte(s, '\n')
	if at < 0 && !start {
		return s
	}
	if strings.TrimFunc(s[at+1:], unicode.IsSpace) == "" {
		return s[:at+1]
	}
	return s
}

// closed handles the white space behind a tag whose end is at l.at.
func (l *lexer) closed(minus, statement bool, plus bool) {
	l.trim = minus
	l.newline = statement && !minus && !plus
}

func (l *lexer) comment() error {
	end := strings.Index(l.src[l.at:], "#}")
	if end < 0 {
		return l.fail("a comment is not closed")
	}
	body := l.src[l.at : l.at+end]
	l.line += strings.Count(body, "\n")
	l.at += end + 2
	l.closed(strings.HasSuffix(body, "-"), true, strings.HasSuffix(body, "+"))
	return nil
}

// rawTag finds that a statement is "raw" and returns where its tag ends.
func (l *lexer) rawTag() (end int, ok bool) {
	rest := l.src[l.at:]
	s := strings.TrimLeft(rest, " \t\n")
	if s, ok = strings.CutPrefix(s, "raw"); !ok {
		return 0, false
	}
	s = strings.TrimLeft(s, " \t\n")
	for _, close := range []string{"-%}", "+%}", "%}"} {
		if after, ok := strings.CutPrefix(s, close); ok {
			return len(l.src) - len(after), true
		}
	}
	return 0, false
}

// raw reads text up to endraw as it is.
func (l *lexer) raw(start int) error {
	minus := l.src[start-3] == '-'
	for at := start; ; {
		i := strings.Index(l.src[at:], "{%")
		if i < 0 {
			return l.fail("raw is not closed with endraw")
		}
		body := l.src[start : at+i]
		s := l.src[at+i+2:]
		sign := byte(0)
		if s != "" && (s[0] == '-' || s[0] == '+') {
			sign, s = s[0], s[1:]
		}
		s = strings.TrimLeft(s, " \t\n")
		after, ok := strings.CutPrefix(s, "endraw")
		after = strings.TrimLeft(after, " \t\n")
		end := strings.Index(after, "%}")
		if !ok || end < 0 || end > 1 {
			at += i + 2
			continue
		}
		l.at, l.trim, l.newline = start, minus, !minus
		l.text(body, '%', sign)
		l.at = len(l.src) - len(after) + end + 2
		l.closed(strings.HasPrefix(after, "-"), true, strings.HasPrefix(after, "+"))
		return nil
	}
}

// tag reads the inside of a tag.
func (l *lexer) tag(open, close kind, end string) error {
	l.tokens = append(l.tokens, token{open, end, l.line})
	depth := 0
	for {
		l.blanks()
		rest := l.src[l.at:]
		if rest == "" {
			return l.fail("a tag is not closed with %s", end)
		}
		if depth == 0 {
			sign := rest[0]
			body := rest
			if sign == '-' || sign == '+' {
				body = rest[1:]
			}
			if strings.HasPrefix(body, end) {
				l.at = len(l.src) - len(body) + 2
				l.tokens = append(l.tokens, token{close, end, l.line})
				l.closed(sign == '-', close == closeStmt, sign == '+')
				return nil
			}
		}
		if err := l.one(rest, &depth); err != nil {
			return err
		}
	}
}

func (l *lexer) blanks() {
	for l.at < len(l.src) && strings.IndexByte(" \t\n\f\v", l.src[l.at]) >= 0 {
		if l.src[l.at] == '\n' {
			l.line++
		}
		l.at++
	}
}

// operators, the longer ones first.
var operators = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}", "|", ",", ".", ":", "=", "<", ">", ";"}

// one reads one token inside a tag.
func (l *lexer) one(rest string, depth *int) error {
	c := rest[0]
	switch {
	case c == '"' || c == '\'':
		return l.str(rest, c)
	case c >= '0' && c <= '9':
		return l.number(rest)
	}
	if n := nameLength(rest); n > 0 {
		l.add(nameToken, rest[:n], n)
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			switch op {
			case "(", "[", "{":
				*depth++
			case ")", "]", "}":
				*depth--
			}
			l.add(opToken, op, len(op))
			return nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return l.fail("%q has no meaning in a tag", r)
}

func (l *lexer) add(k kind, text string, n int) {
	l.tokens = append(l.tokens, token{k, text, l.line})
	l.line += strings.Count(l.src[l.at:l.at+n], "\n")
	l.at += n
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}

// str reads a string with Python's escapes.
func (l *lexer) str(rest string, quote byte) error {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; c {
		case quote:
			l.add(stringToken, b.String(), i+1)
			return nil
		case '\\':
			n, err := unescape(&b, rest[i:])
			if err != nil {
				return l.fail("%v", err)
			}
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return l.fail("a string is not closed")
}

// unescape reads one escape sequence and returns its length.
func unescape(b *strings.Builder, s string) (int, error) {
	if len(s) < 2 {
		return 1, nil // the string is not closed; str says so
	}
	if i := strings.IndexByte(`\'"abfnrtv`, s[1]); i >= 0 {
		b.WriteByte("\\'\"\a\b\f\n\r\t\v"[i])
		return 2, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	switch {
	case s[1] == '\n':
		return 2, nil
	case digits == 0 && s[1] != 'N' && (s[1] < '0' || s[1] > '7'):
		b.WriteString(s[:2]) // Python leaves it as it is
		return 2, nil
	case digits == 0 || len(s) < 2+digits:
		return 0, fmt.Errorf("the escape %.4q in a string is not supported", s)
	}
	var r rune
	for _, c := range s[2 : 2+digits] {
		i := strings.IndexRune("0123456789abcdef", unicode.ToLower(c))
		if i < 0 {
			return 0, fmt.Errorf("the escape %q in a string is no number", s[:2+digits])
		}
		r = r<<4 | rune(i)
	}
	if !utf8.ValidRune(r) {
		return 0, fmt.Errorf("the escape %q in a string is no character", s[:2+digits])
	}
	b.WriteRune(r)
	return 2 + digits, nil
}

func (l *lexer) number(rest string) error {
	i := 0
	digits := func() {
		for i < len(rest) && (rest[i] >= '0' && rest[i] <= '9' || rest[i] == '_') {
			i++
		}
	}
	digits()
	k := intToken
	if i+1 < len(rest) && rest[i] == '.' && rest[i+1] >= '0' && rest[i+1] <= '9' {
		k = floatToken
		i++
		digits()
	}
	if i < len(rest) && (rest[i] == 'e' || rest[i] == 'E') {
		j := i
		i++
		if i < len(rest) && (rest[i] == '+' || rest[i] == '-') {
			i++
		}
		if start := i; i < len(rest) {
			if digits(); i > start {
				k, j = floatToken, i
			}
		}
		i = j
	}
	l.add(k, rest[:i], i)
	return nil
}
