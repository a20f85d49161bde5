package tokenizer

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A finder lists the matches of a pattern in a text, from left to right.
type finder func(s string) [][2]int

// trailers are what the patterns of the GPT line end with: white space, but for its
// last rune where something follows. Go's regexp has no look-ahead; matches of white
// space are corrected afterwards instead.
var trailers = []string{`|\s+(?!\S)|\s+`, `|\s+(?!\S)|\s`}

// compile makes a finder of a regular expression in the syntax of Oniguruma, as far as
// Go's linear-time engine goes. What it cannot say, such as look-around and possessive
// repetition, is an error that names it.
func compile(pattern string) (finder, error) {
	body, spaces := pattern, false
	for _, t := range trailers {
		if b, ok := strings.CutSuffix(pattern, t); ok {
			body, spaces = b, true
		}
	}
	translated, err := translate(body)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q is not supported: %w", pattern, err)
	}
	if spaces {
		translated = "(?:" + translated + ")|([" + spaceRanges + "]+)"
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q is not supported: %w", pattern, err)
	}
	if re.NumSubexp() > 0 && !spaces || re.NumSubexp() > 1 {
		return nil, fmt.Errorf("the pattern %q is not supported: it has groups; write (?: instead of (", pattern)
	}
	if spaces {
		return func(s string) [][2]int { return findSpaced(re, s) }, nil
	}
	return func(s string) [][2]int {
		var list [][2]int
		for _, m := range re.FindAllStringIndex(s, -1) {
			if m[1] > m[0] {
				list = append(list, [2]int{m[0], m[1]})
			}
		}
		return list
	}, nil
}

// findSpaced leaves the last rune of white space to what follows it.
func findSpaced(re *regexp.Regexp, s string) [][2]int {
	var list [][2]int
	for at := 0; at < len(s); {
		m := re.FindStringSubmatchIndex(s[at:])
		if m == nil {
			break
		}
		start, end := at+m[0], at+m[1]
		if len(m) >= 4 && m[2] >= 0 && end < len(s) {
			if _, n := utf8.DecodeLastRuneInString(s[start:end]); end-n > start {
				end -= n
			}
		}
		if end > start {
			list = append(list, [2]int{start, end})
		}
		at = max(end, at+1)
	}
	return list
}

// The white space of Unicode, all else, and what Oniguruma takes for parts of words, as
// ranges of a class. Outside brackets, it adds superscripts and fractions of Latin-1.
const (
	spaceRanges    = `\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
	notSpaceRanges = `\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}`
	wordRanges     = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}`
	latinNumbers   = `\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}`
)

// translate writes a pattern the way Go reads it: \s, \d and \w mean Unicode's, ^ and $
// lines.
func translate(p string) (string, error) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			text, err := translateEscape(p[i], inClass)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		case inClass:
			if c == '[' || c == '&' && strings.HasPrefix(p[i:], "&&") {
				return "", fmt.Errorf("classes inside classes")
			}
			inClass = c != ']' || p[i-1] == '[' || strings.HasSuffix(p[:i], "[^")
			b.WriteByte(c)
		case c == '[':
			inClass = true
			b.WriteByte(c)
		case c == '(' && strings.HasPrefix(p[i:], "(?") && !strings.HasPrefix(p[i:], "(?:") && !strings.HasPrefix(p[i:], "(?i:"):
			return "", fmt.Errorf("%.3q", p[i:])
		case c == '^' || c == '$':
			b.WriteString("(?m:" + string(c) + ")")
		case strings.IndexByte("+*?}", c) >= 0 && i+1 < len(p) && p[i+1] == '+':
			return "", fmt.Errorf("possessive repetition %q", p[i:i+2])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

func translateEscape(c byte, inClass bool) (string, error) {
	bracket := func(ranges string) string {
		if inClass {
			return ranges
		}
		return "[" + ranges + "]"
	}
	switch c {
	case 's':
		return bracket(spaceRanges), nil
	case 'S':
		return bracket(notSpaceRanges), nil
	case 'd':
		return `\p{Nd}`, nil
	case 'D':
		return `\P{Nd}`, nil
	case 'w':
		if !inClass {
			return "[" + wordRanges + latinNumbers + "]", nil
		}
		return wordRanges, nil
	case 'W':
		if inClass {
			return "", fmt.Errorf(`\W in a class`)
		}
		return "[^" + wordRanges + latinNumbers + "]", nil
	case 'p', 'P', 'n', 'r', 't', 'f', 'v', 'x':
		return `\` + string(c), nil
	}
	if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return "", fmt.Errorf(`\%c`, c)
	}
	return `\` + string(c), nil
}

// A patternSpec is a pattern of a tokenizer.json: a text, or a regular expression.
type patternSpec struct {
	Regex  *string
	String *string
}

func (p patternSpec) finder() (finder, error) {
	switch {
	case p.String != nil && p.Regex == nil:
		text := *p.String
		return func(s string) [][2]int { return findText(s, text) }, nil
	case p.Regex != nil && p.String == nil:
		if w := knownPatterns[*p.Regex]; w != nil {
			return w.all, nil
		}
		return compile(*p.Regex)
	}
	return nil, fmt.Errorf("a pattern is either a Regex or a String")
}

func findText(s, text string) [][2]int {
	var list [][2]int
	for at := 0; text != ""; {
		i := strings.Index(s[at:], text)
		if i < 0 {
			break
		}
		list = append(list, [2]int{at + i, at + i + len(text)})
		at += i + len(text)
	}
	return list
}

// all lists the pieces of a text as matches.
func (p *wordPattern) all(s string) [][2]int {
	var list [][2]int
	for i := 0; i < len(s); {
		end := p.next(s, i)
		list = append(list, [2]int{i, end})
		i = end
	}
	return list
}
