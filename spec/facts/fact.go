package facts

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Fact is one statement of a standard.
type Fact struct {
	ID       string `json:"id"` // relation/subject
	Table    string `json:"table"`
	Relation string `json:"relation"`
	Subject  string `json:"subject"`
	Value    string `json:"value"`
	Unit     string `json:"unit,omitempty"`
	Clause   string `json:"clause"`
	Release  string `json:"release"`
	From     string `json:"from,omitempty"` // the fact that this one was derived from

	rel *Relation
}

// Entity names what the fact is about, across relations: facts of one entity share
// their exposure.
func (f *Fact) Entity() string {
	subject := f.Subject
	if _, of, ok := strings.Cut(subject, letterOf); ok && f.From != "" {
		subject = of
	}
	return f.Table + "/" + subject
}

// Text is the value with its unit.
func (f *Fact) Text() string {
	switch f.Unit {
	case "", "hexadecimal":
		return f.Value
	}
	return f.Value + " " + f.Unit
}

// Name is the subject as a sentence has it, such as "band n1".
func (f *Fact) Name() string { return strings.Replace(f.rel.Subject, "{}", f.Subject, 1) }

// Noun says what the value is, in few words: "uplink range".
func (f *Fact) Noun() string { return f.rel.Noun }

// Number reads the value of a numeric relation.
func (f *Fact) Number() (float64, bool) {
	if f.rel.Kind != Number {
		return 0, false
	}
	x, err := strconv.ParseFloat(f.Value, 64)
	return x, err == nil
}

// Kind says what the values of a relation are.
type Kind string

// The kinds.
const (
	Number Kind = "number" // one number, perhaps with a unit
	Range  Kind = "range"  // two numbers
	Name   Kind = "name"   // a name, often one of few
	Phrase Kind = "phrase" // some words
	Code   Kind = "code"   // a notation, such as a hexadecimal number
	Word   Kind = "word"   // one word of an abbreviation
)

var kinds = []Kind{Number, Range, Name, Phrase, Code, Word}

// A Relation says how the facts of one kind are spoken of. In its phrases {s} stands for
// the subject and {v} for the value.
type Relation struct {
	Name     string   `yaml:"-"`
	Table    string   `yaml:"-"`
	Subject  string   `yaml:"subject"` // {} stands for a fact's subject
	Noun     string   `yaml:"noun"`    // what the value is, in few words
	Kind     Kind     `yaml:"kind"`
	Category string   `yaml:"category"` // of TeleQnA
	Unseen   bool     `yaml:"unseen"`   // its facts may be kept back
	Train    []string `yaml:"train"`    // noun phrases, "the ... of {s}", by phrasing
	Valid    []string `yaml:"valid"`
	Test     []string `yaml:"test"`
	Say      []string `yaml:"say"` // statements

	templates map[string][]Template
}

// A Collection is a set of facts and how to speak of them.
type Collection struct {
	Facts     []*Fact
	Relations []*Relation

	byID map[string]*Fact
}

// Find returns the fact about a subject in a relation.
func (c *Collection) Find(relation, subject string) (*Fact, bool) {
	return c.ByID(relation + "/" + subject)
}

// ByID returns a fact by its identifier.
func (c *Collection) ByID(id string) (*Fact, bool) {
	f, ok := c.byID[id]
	return f, ok
}

// Of returns the facts of a relation in their order.
func (c *Collection) Of(relation string) []*Fact {
	var list []*Fact
	for _, f := range c.Facts {
		if f.Relation == relation {
			list = append(list, f)
		}
	}
	return list
}

// Tables lists the names of the tables in order.
func (c *Collection) Tables() []string {
	var names []string
	for _, r := range c.Relations {
		if len(names) == 0 || names[len(names)-1] != r.Table {
			names = append(names, r.Table)
		}
	}
	return names
}

// Right reports whether an answer gives the fact's value and no other value of its
// relation. It is how a winner is verified: from the table, by nobody's opinion.
func (c *Collection) Right(f *Fact, answer string) bool {
	if !mentions(answer, f.Text()) {
		return false
	}
	rest := strings.ReplaceAll(answer, f.Text(), " ")
	for _, other := range c.Facts {
		if other.Relation != f.Relation || other.Text() == f.Text() || strings.Contains(f.Text(), other.Text()) {
			continue
		}
		if strings.Contains(other.Text(), f.Text()) {
			if mentions(answer, other.Text()) {
				return false
			}
			continue
		}
		// A number may stand in the subject or the clause too; what counts is the answer.
		if mentions(strip(rest, f), other.Text()) {
			return false
		}
	}
	return true
}

// strip removes the fact's own subject and clause from a text.
func strip(text string, f *Fact) string {
	return strings.NewReplacer(f.Name(), " ", sentence(f.Name()), " ", f.Clause, " ").Replace(text)
}

// mentions reports whether text has the words of part, not only as a part of longer
// words or numbers. Case counts not at the beginning.
func mentions(text, part string) bool {
	for at := 0; at <= len(text)-len(part); {
		i := strings.Index(text[at:], part)
		if i < 0 {
			break
		}
		i += at
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(part):])
		next := text[i+len(part):]
		if !inWord(before) && !inWord(after) && !(len(next) > 1 && next[0] == '.' && isDigit(next[1])) {
			return true
		}
		at = i + 1
	}
	first := sentence(part)
	return first != part && strings.HasPrefix(text, first)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_')
}

// sentence begins a text with a capital letter, unless its first word is a name that is
// written as it is, such as gNB.
func sentence(text string) string {
	word, _, _ := strings.Cut(text, " ")
	for _, r := range strings.TrimRight(word, ",:;.") {
		if !(r >= 'a' && r <= 'z' || r == '-') {
			return text
		}
	}
	if word == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
