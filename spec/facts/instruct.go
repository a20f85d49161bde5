package facts

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/rng"
)

// A Message is one turn of a chat. Roles are user and assistant.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// An Instruction is a request and its answer.
type Instruction struct {
	Kind     string    `json:"kind"` // one of Kinds
	Messages []Message `json:"messages"`
	Exposure Exposure  `json:"exposure"`
	Phrasing Phrasing  `json:"phrasing"`
	Provenance
}

// Kinds lists the kinds of instructions.
var Kinds = []string{"question", "definition", "calculation", "lookup", "comparison", "classification", "choice"}

// instructionFrames are what is asked besides plain questions: {n} is the noun phrase
// about {s}, {na} and {nb} those about {a} and {b}.
var instructionFrames = map[string]map[Phrasing][]frame{
	"lookup": {
		Train:      {{"look", "Look into {c} and find {n}."}, {"read", "{c}: read off {n}."}, {"open", "Open {c}; what is {n}?"}},
		Validation: {{"search", "Search {c} for {n}."}},
		Test:       {{"take", "Take {n} from {c}."}, {"consult", "Consult {c} about {n}."}},
	},
	"comparison": {
		Train:      {{"which", "Which is larger, {na} or {nb}?"}, {"compare", "Compare {na} with {nb}."}, {"order", "Larger first: {na}, {nb}."}},
		Validation: {{"say", "Of {na} and {nb}, say the greater."}},
		Test:       {{"beside", "Put {na} beside {nb}; where is more?"}, {"exceeds", "Does {na} exceed {nb}, or the reverse?"}},
	},
	"classification": {
		Train:      {{"classify", "Classify {s} as {list}: {n}."}, {"choose", "Choose {n} from {list}."}, {"among", "{list}: which one is {n}?"}},
		Validation: {{"sort", "Sort by {n}: {list}."}},
		Test:       {{"pick", "Out of {list}, pick {n}."}, {"decide", "Decide on {n}; candidates are {list}."}},
	},
	"definition": {
		Train:      {{"define", "Define {s}."}, {"explain", "Explain {s}."}, {"mean", "What does {s} mean?"}},
		Validation: {{"describe", "Describe {s}."}},
		Test:       {{"short", "Say in short what {s} is."}, {"note", "Add a note on {s}."}},
	},
}

// fewValues is how many values a relation has at most whose facts are classified.
const fewValues = 8

// applies reports whether facts of the relation are asked about in a kind's way.
func (r *Relation) applies(kind string) bool {
	switch kind {
	case "comparison":
		return r.Kind == Number
	case "classification":
		return r.Kind == Name
	case "definition":
		return r.Kind == Phrase
	}
	return true
}

func (r *Relation) makeInstructions(kind string, p Phrasing) []Template {
	if !r.applies(kind) {
		return nil
	}
	frames := instructionFrames[kind][p]
	var list []Template
	switch kind {
	case "definition":
		for _, f := range frames {
			list = append(list, Template{r.Name + "/" + string(p) + "/definition/" + f.id, p, f.text})
		}
	case "comparison":
		for i, n := range r.phrases(p) {
			both := strings.NewReplacer("{na}", strings.ReplaceAll(n, "{s}", "{a}"), "{nb}", strings.ReplaceAll(n, "{s}", "{b}"))
			for _, f := range frames {
				list = append(list, Template{fmt.Sprintf("%s/%s/comparison/%s-%d", r.Name, p, f.id, i+1), p, both.Replace(f.text)})
			}
		}
	default:
		list = r.expand(kind, p, frames)
	}
	return list
}

// Instructions yields requests about the facts of an exposure: of each kind that suits
// the fact, [Config.Questions] in all; multiple-choice questions with their options; and
// calculations. Answers to questions are the value alone more often than in a sentence,
// and always so outside the training phrasing.
func (g *Generator) Instructions(p Phrasing, e Exposure) iter.Seq[Instruction] {
	return func(yield func(Instruction) bool) {
		rounds := max(g.config.Questions, 1)
		choices := slices.Collect(g.Choices(p, e))
		for round := range rounds {
			s := g.stream("instructions", p, e, round)
			var list []Instruction
			if g.config.Questions > 0 {
				for _, f := range g.Facts(e) {
					list = append(list, g.instruct(s, f, p, e))
				}
				list = append(list, g.calculate(s, p, e)...)
			}
			for i := round; i < len(choices); i += rounds {
				list = append(list, asInstruction(s, choices[i]))
			}
			shuffle(s, list)
			for _, x := range list {
				if !yield(x) {
					return
				}
			}
		}
	}
}

func chat(kind, request, answer string, p Phrasing, e Exposure) Instruction {
	return Instruction{Kind: kind, Messages: []Message{{"user", request}, {"assistant", answer}}, Exposure: e, Phrasing: p}
}

func asInstruction(s *rng.Stream, q Choice) Instruction {
	x := chat("choice", q.Prompt(pick(s, []Style{Letters, Numbers, Dashes})), q.Options[q.Answer], q.Phrasing, q.Exposure)
	x.Provenance = q.Provenance
	return x
}

// instruct asks about a fact in one of the ways that suit it; half of all are plain
// questions.
func (g *Generator) instruct(s *rng.Stream, f *Fact, p Phrasing, e Exposure) Instruction {
	if s.IntN(2) == 0 {
		return question(s, f, p, e)
	}
	switch pick(s, []string{"lookup", "comparison", "classification", "definition"}) {
	case "lookup":
		t := pick(s, f.rel.instructions("lookup", p))
		x := chat("lookup", t.fill(f), f.Text(), p, e)
		x.from(f, t.ID)
		return x
	case "comparison":
		if x, ok := g.compare(s, f, p, e); ok {
			return x
		}
	case "classification":
		if x, ok := g.classify(s, f, p, e); ok {
			return x
		}
	case "definition":
		if f.rel.applies("definition") {
			return define(s, f, p, e)
		}
	}
	return question(s, f, p, e)
}

func question(s *rng.Stream, f *Fact, p Phrasing, e Exposure) Instruction {
	t := pick(s, f.rel.questions(p))
	answer := f.Text()
	x := chat("question", t.fill(f), answer, p, e)
	x.from(f, t.ID)
	if p == Train && s.IntN(4) == 0 {
		own := pick(s, f.rel.own())
		x.Messages[1].Content = own.fill(f)
		x.from(f, own.ID)
	}
	return x
}

func define(s *rng.Stream, f *Fact, p Phrasing, e Exposure) Instruction {
	t := pick(s, f.rel.instructions("definition", p))
	x := chat("definition", t.fill(f), f.Text(), p, e)
	x.from(f, t.ID)
	if p == Train {
		own := f.rel.own()[0]
		x.Messages[1].Content = own.fill(f)
		x.from(f, own.ID)
	}
	return x
}

// compare asks which of two numbers is larger. The answer begins with the subject.
func (g *Generator) compare(s *rng.Stream, f *Fact, p Phrasing, e Exposure) (Instruction, bool) {
	x, ok := f.Number()
	if !ok {
		return Instruction{}, false
	}
	var others []*Fact
	for _, o := range g.listed[e] {
		if y, _ := o.Number(); o.rel == f.rel && o.Unit == f.Unit && y != x {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return Instruction{}, false
	}
	o := pick(s, others)
	t := pick(s, f.rel.instructions("comparison", p))
	larger, smaller := f, o
	if y, _ := o.Number(); y > x {
		larger, smaller = o, f
	}
	answer := fmt.Sprintf("%s: %s > %s", larger.Name(), larger.Text(), smaller.Text())
	in := chat("comparison", t.fill(f, "{a}", f.Name(), "{b}", o.Name()), sentence(answer), p, e)
	in.from(f, t.ID)
	in.from(o, t.ID)
	return in, true
}

// classify asks for one of the few values that a relation has.
func (g *Generator) classify(s *rng.Stream, f *Fact, p Phrasing, e Exposure) (Instruction, bool) {
	if !f.rel.applies("classification") {
		return Instruction{}, false
	}
	var values []string
	for _, o := range g.listed[e] {
		if o.rel == f.rel && !slices.Contains(values, o.Text()) {
			values = append(values, o.Text())
		}
	}
	if len(values) < 2 || len(values) > fewValues {
		return Instruction{}, false
	}
	shuffle(s, values)
	list := strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
	t := pick(s, f.rel.instructions("classification", p))
	x := chat("classification", t.fill(f, "{list}", list), f.Text(), p, e)
	x.from(f, t.ID)
	return x, true
}
