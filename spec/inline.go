package spec

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SpanKind says what a span of text is.
type SpanKind string

// The kinds of spans. Plain is the zero value.
const (
	Plain SpanKind = ""
	Math  SpanKind = "math"  // LaTeX
	Mono  SpanKind = "code"  // code inside text
	Link  SpanKind = "link"  // text with a target
	Sub   SpanKind = "sub"   // a subscript outside mathematics
	Sup   SpanKind = "sup"   // a superscript outside mathematics
	Break SpanKind = "break" // a new line inside a paragraph or cell
)

// Span is a piece of text of one kind.
type Span struct {
	Kind   SpanKind `json:"kind,omitempty"`
	Text   string   `json:"text,omitempty"`
	Target string   `json:"target,omitempty"` // of a link: an address or #anchor
}

// Text is text inside a block. Readers make it clean: no two plain spans in a row, no
// blank at either end, single blanks within.
type Text []Span

// Str makes text of plain characters.
func Str(s string) Text { return Text{{Text: s}}.clean() }

// String is the text as a reader sees it: mathematics between dollar signs,
// subscripts after _ and superscripts after ^.
func (t Text) String() string {
	if len(t) == 1 && t[0].Kind == Plain {
		return t[0].Text
	}
	var w strings.Builder
	for _, s := range t {
		switch s.Kind {
		case Math:
			w.WriteString("$" + s.Text + "$")
		case Sub:
			w.WriteString("_" + s.Text)
		case Sup:
			w.WriteString("^" + s.Text)
		case Break:
			w.WriteByte('\n')
		default:
			w.WriteString(s.Text)
		}
	}
	return w.String()
}

// clean puts text into the one form that equal text has.
func (t Text) clean() Text {
	if len(t) == 1 && t[0].Kind == Plain { // most paragraphs
		if n, blank := tidy(t[0].Text, true); n == len(t[0].Text) && !blank {
			return Text{t[0]}
		}
	}
	c := cleaner{out: make(Text, 0, len(t)), blank: true}
	for _, s := range t {
		c.add(s)
	}
	c.join()
	return trimEnd(c.out)
}

// A cleaner collects clean text.
type cleaner struct {
	out   Text
	blank bool     // what came last was a blank, or nothing did
	more  []string // what goes on from the last of out: joined once, or each piece would copy all before it
}

// join puts the pieces that are left behind the last of out.
func (c *cleaner) join() {
	if len(c.more) == 0 {
		return
	}
	c.out[len(c.out)-1].Text += strings.Join(c.more, "")
	c.more = c.more[:0]
}

func (c *cleaner) add(s Span) {
	switch s.Kind {
	case Break:
		c.join()
		if c.out = trimEnd(c.out); len(c.out) > 0 {
			c.out = append(c.out, Span{Kind: Break})
		}
		c.blank = true
		return
	case Math, Mono:
		s.Text = strings.Join(strings.Fields(visible(s.Text)), " ")
		c.put(s, false)
		return
	}
	text, blank := squeeze(s.Text, c.blank)
	if s.Kind == Plain {
		s.Text = text
		c.put(s, blank)
		return
	}
	// Blanks at the ends of a link or a subscript belong to the text around it.
	s.Text = strings.Trim(text, " ")
	if strings.HasPrefix(text, " ") {
		c.put(Span{Text: " "}, true)
	}
	if s.Text != "" {
		c.put(s, false)
		if blank {
			c.put(Span{Text: " "}, true)
		}
	}
}

func (c *cleaner) put(s Span, blank bool) {
	if s.Text == "" {
		return
	}
	c.blank = blank
	last := len(c.out) - 1
	if last >= 0 && c.out[last].Kind == s.Kind && s.Kind != Math && s.Kind != Mono && c.out[last].Target == s.Target {
		c.more = append(c.more, s.Text)
		return
	}
	c.join()
	c.out = append(c.out, s)
}

// squeeze makes white space single blanks, drops a leading one after another blank,
// and reports whether a blank is at the end.
func squeeze(s string, blank bool) (string, bool) {
	n, blank := tidy(s, blank)
	if n == len(s) {
		return s, blank
	}
	var w strings.Builder
	w.Grow(len(s))
	for w.WriteString(s[:n]); n < len(s); {
		r, size := utf8.DecodeRuneInString(s[n:])
		switch {
		case unicode.IsSpace(r):
			if !blank {
				w.WriteByte(' ')
			}
			blank = true
		case !unwanted(r):
			w.WriteRune(r)
			blank = false
		}
		var more int
		n += size
		more, blank = tidy(s[n:], blank)
		w.WriteString(s[n : n+more])
		n += more
	}
	return w.String(), blank
}

// visible drops what no reader sees.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unwanted(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// unwanted are characters that no reader sees: controls, marks of byte order, soft
// hyphens and blanks of no width.
func unwanted(r rune) bool {
	return r < ' ' || r == 0x7f || r == 0xfeff || r == 0xad || r == 0x200b || r == 0xfffe || r == 0xffff
}

// tidy is how much at the beginning of s needs no squeezing, most often all, and
// whether that ends with a blank.
func tidy(s string, blank bool) (int, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c > 0x7e || c < ' ' || c == ' ' && blank {
			return i, blank
		}
		blank = c == ' '
	}
	return len(s), blank
}

// trimEnd drops blanks and breaks at the end.
func trimEnd(t Text) Text {
	for len(t) > 0 {
		last := &t[len(t)-1]
		if last.Kind != Break {
			if last.Kind != Plain {
				return t
			}
			if last.Text = strings.TrimRight(last.Text, " "); last.Text != "" {
				return t
			}
		}
		t = t[:len(t)-1]
	}
	return nil
}
