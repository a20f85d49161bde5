package data

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comlam/comlam/tokenizer"
)

// Code is one thing that can be wrong with an example. Codes are part of the interface:
// they are added to, and never change their meaning.
type Code string

// The codes. E is an error: training on the example would go wrong without a sign of it.
// W is a warning: it may well be meant.
const (
	EmptyTurn      Code = "E01" // a turn or a text says nothing
	NothingTrained Code = "E02" // the loss would count no token
	MissingEnd     Code = "E03" // the model would learn to say something, and not to end
	Truncated      Code = "E04" // it does not fit into a row
	NotRendered    Code = "E05" // the template refuses it
	Indifferent    Code = "E06" // chosen and rejected are the same
	RoleTwice      Code = "W01" // two turns of one role follow each other
	EndsUntrained  Code = "W02" // the last turn is not the assistant's: nobody learns from it
	Repeated       Code = "W03" // the same example came before
	SpecialSpelt   Code = "W04" // a special token is spelt out; it is encoded as plain text
	MergedBorder   Code = "W05" // a token reaches from the prompt into the completion
	UnknownToken   Code = "W06" // characters that the vocabulary does not have
	BrokenText     Code = "W07" // U+FFFD: the text was decoded wrongly before
	EdgeSpace      Code = "W08" // what the assistant says begins or ends with white space
)

// Codes lists them with what each means, in order.
var Codes = []struct {
	Code  Code
	Name  string
	About string
}{
	{EmptyTurn, "empty-turn", "a turn or a text says nothing"},
	{NothingTrained, "nothing-trained", "the loss would count no token"},
	{MissingEnd, "missing-end", "the model would learn to say something, and not to end"},
	{Truncated, "truncated", "it does not fit into a row"},
	{NotRendered, "not-rendered", "the chat template refuses it"},
	{Indifferent, "indifferent", "chosen and rejected are the same"},
	{RoleTwice, "role-twice", "two turns of one role follow each other"},
	{EndsUntrained, "ends-untrained", "the last turn is not the assistant's: nobody learns from it"},
	{Repeated, "repeated", "the same example came before"},
	{SpecialSpelt, "special-spelt", "a special token is spelt out; it is encoded as plain text"},
	{MergedBorder, "merged-border", "a token reaches from the prompt into the completion"},
	{UnknownToken, "unknown-token", "characters that the vocabulary does not have"},
	{BrokenText, "broken-text", "U+FFFD: the text was decoded wrongly before"},
	{EdgeSpace, "edge-space", "what the assistant says begins or ends with white space"},
}

// Error says whether a code is an error.
func (c Code) Error() bool { return strings.HasPrefix(string(c), "E") }

// Name is the code in words, such as "empty-turn".
func (c Code) Name() string {
	for _, k := range Codes {
		if k.Code == c {
			return k.Name
		}
	}
	return string(c)
}

// Finding is one thing that is wrong with one example.
type Finding struct {
	Line int    `json:"line"`
	Code Code   `json:"code"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// Linter looks at the examples of a file, one after the other.
type Linter struct {
	Tokenizer *tokenizer.Tokenizer
	Length    int // tokens of a row; 0 = whatever an example takes

	seen map[string]int // line of an example, by what it says
}

// Rendered is an example as it is trained on, with what is wrong with it.
type Rendered struct {
	Example   Example
	Sequences []Sequence // one, or of a preference chosen and rejected; none if it cannot be rendered
	Findings  []Finding
}

// Look renders an example and says what is wrong with it.
func (l *Linter) Look(x Example) Rendered {
	r := Rendered{Example: x}
	add := func(c Code, format string, args ...any) {
		r.Findings = append(r.Findings, Finding{x.Line, c, c.Name(), fmt.Sprintf(format, args...)})
	}
	l.passages(x, add)
	if x.Kind == KindPreference && fmt.Sprint(x.Completion) == fmt.Sprint(x.Rejected) {
		add(Indifferent, "chosen and rejected are the same")
	}
	key := fmt.Sprintf("%q", []any{x.Prompt, x.Completion, x.Rejected})
	if before, ok := l.seen[key]; ok {
		add(Repeated, "it is that of line %d", before)
	} else {
		if l.seen == nil {
			l.seen = map[string]int{}
		}
		l.seen[key] = x.Line
	}
	sides := []struct {
		name string
		p    Passage
	}{{"", x.Completion}}
	if x.Kind == KindPreference {
		sides = append(sides, sides[0])
		sides[0].name, sides[1].name, sides[1].p = "chosen: ", "rejected: ", x.Rejected
	}
	for _, side := range sides {
		s, err := render(l.Tokenizer, x.Prompt, side.p)
		if err != nil {
			add(NotRendered, "%s%v", side.name, err)
			continue
		}
		r.Sequences = append(r.Sequences, s)
		l.sequence(s, func(c Code, format string, args ...any) { add(c, side.name+format, args...) })
	}
	return r
}

// passages looks at what an example says.
func (l *Linter) passages(x Example, add func(c Code, format string, args ...any)) {
	learned := "completion"
	if x.Kind == KindChat || x.Kind == KindText {
		learned = string(x.Kind)
	}
	for _, part := range []struct {
		name string
		p    Passage
		used bool
	}{{"prompt", x.Prompt, false}, {learned, x.Completion, true}, {"rejected", x.Rejected, x.Kind == KindPreference}} {
		for i, m := range part.p.Messages {
			name := fmt.Sprintf("turn %d of the %s (%s)", i+1, part.name, m.Role)
			if strings.TrimSpace(m.Content) == "" {
				add(EmptyTurn, "%s says nothing", name)
			} else if m.Role == "assistant" && strings.TrimSpace(m.Content) != m.Content {
				add(EdgeSpace, "%s begins or ends with white space", name)
			}
			l.text(name, m.Content, add)
		}
		if len(part.p.Messages) == 0 {
			if part.used && strings.TrimSpace(part.p.Text) == "" {
				add(EmptyTurn, "the %s says nothing", part.name)
			}
			l.text("the "+part.name, part.p.Text, add)
		}
	}
	turns := slices.Concat(x.Prompt.Messages, x.Completion.Messages)
	for i := 1; i < len(turns); i++ {
		if turns[i].Role == turns[i-1].Role && turns[i].Role != "tool" {
			add(RoleTwice, "turns %d and %d are both of %q", i, i+1, turns[i].Role)
		}
	}
	if n := len(turns); n > 0 && turns[n-1].Role != "assistant" {
		add(EndsUntrained, "the last turn is of %q", turns[n-1].Role)
	}
}

// text looks at one text.
func (l *Linter) text(name, s string, add func(c Code, format string, args ...any)) {
	if strings.ContainsRune(s, utf8.RuneError) {
		add(BrokenText, "%s holds U+FFFD", name)
	}
	if token := l.special(s); token != "" {
		add(SpecialSpelt, "%s holds %q as text", name, token)
	}
}

// special is a special token that a text spells out, or "".
func (l *Linter) special(s string) string {
	if s == "" {
		return ""
	}
	plain := l.Tokenizer.Encode(s)
	for _, id := range l.Tokenizer.EncodeSpecial(s) {
		if l.Tokenizer.Special(id) && !slices.Contains(plain, id) {
			return l.Tokenizer.Token(id)
		}
	}
	return ""
}

// sequence looks at tokens.
func (l *Linter) sequence(s Sequence, add func(c Code, format string, args ...any)) {
	if s.NumTrained() == 0 {
		add(NothingTrained, "none of its %d tokens is trained", len(s.IDs))
	}
	if n := l.unended(s); n > 0 {
		add(MissingEnd, "%d of what is trained ends without a special token", n)
	}
	if l.Length > 0 && s.places() > l.Length {
		add(Truncated, "it takes %d tokens and a row has %d", s.places(), l.Length)
	}
	if s.Merged > 0 {
		add(MergedBorder, "the last %d tokens of the prompt alone are others before the completion", s.Merged)
	}
	if unk, ok := l.Tokenizer.UNK(); ok && slices.Contains(s.IDs, unk) {
		if eos, _ := l.Tokenizer.EOS(); eos != unk {
			add(UnknownToken, "it holds the token for unknown characters")
		}
	}
}

// unended counts the runs of trained tokens that do not end with a special token.
func (l *Linter) unended(s Sequence) int {
	n := 0
	for i, trained := range s.Trained {
		if trained && (i+1 == len(s.Trained) || !s.Trained[i+1]) && !l.Tokenizer.Special(s.IDs[i]) {
			n++
		}
	}
	return n
}
