package facts

import (
	"fmt"
	"slices"
	"strings"
)

// A Phrasing is a set of templates. Those of two sets have no four words in a row in
// common, outside what stands for subject, value and clause, where one of the sets is
// Train.
type Phrasing string

// The phrasings.
const (
	Train      Phrasing = "train"
	Validation Phrasing = "validation"
	Test       Phrasing = "test"
)

// Phrasings lists them.
var Phrasings = []Phrasing{Train, Validation, Test}

// A Template is a sentence with slots: {s} the subject, {v} the value, {c} the clause,
// {a} and {b} two subjects, {list} choices, {x} numbers that were computed or drawn.
type Template struct {
	ID       string   `json:"id"`
	Phrasing Phrasing `json:"phrasing"`
	Text     string   `json:"text"`
}

// fill replaces the slots by the words of a fact.
func (t Template) fill(f *Fact, more ...string) string {
	slots := append([]string{"{s}", f.Name(), "{v}", f.Text(), "{c}", f.Clause}, more...)
	return sentence(strings.NewReplacer(slots...).Replace(t.Text))
}

// valueOnly is the form of an answer that is nothing but the value.
var valueOnly = Template{ID: "value", Text: "{v}"}

// answer fills a form of answer; a value alone is written as it is.
func (t Template) answer(f *Fact) string {
	if t == valueOnly {
		return f.Text()
	}
	return t.fill(f)
}

// A frame makes a sentence of a noun phrase, {n}.
type frame struct{ id, text string }

// questionFrames ask for {n}.
var questionFrames = map[Phrasing][]frame{
	Train: {
		{"what", "What is {n}?"}, {"give", "Give {n}."}, {"state", "State {n}."}, {"name", "Name {n}."},
		{"tell", "Tell me {n}."}, {"write", "Please write down {n}."}, {"quote", "Quote {n}."}, {"need", "I need {n}."},
		{"only", "{n}, nothing else."}, {"quick", "Quick: {n}?"},
	},
	Validation: {{"recall", "Recall {n}."}, {"say", "Can you say {n}?"}, {"repeat", "Repeat {n}."}},
	Test:       {{"look", "Look up {n}."}, {"asking", "I am asking about {n}."}, {"know", "Would you know {n}?"}},
}

// shortFrames ask with the short noun of the relation, for training.
var shortFrames = []frame{
	{"short", "{s}: {noun}?"}, {"short-of", "{noun} of {s}?"}, {"short-about", "About {s}: which {noun}?"}, {"short-which", "Which {noun} has {s}?"},
}

// statementFrames say that {n} is {v}. Subject and value come first in turn, so that a
// fact is met from both ends.
var statementFrames = []frame{
	{"is", "{n} is {v}."}, {"reverse", "{v} is {n}."}, {"colon", "{n}: {v}."}, {"according", "According to {c}, {n} is {v}."},
	{"find", "In {c} one finds {v} as {n}."}, {"as", "As {n}, {c} gives {v}."}, {"that", "{v}: that is {n}."},
}

// nounFrames do so with the short noun of the relation.
var nounFrames = []frame{
	{"noun", "{s}: {noun} {v}."}, {"equals", "{s}, {noun}: {v}."}, {"noun-first", "{noun} of {s}: {v}."}, {"value-first", "{v}: {noun} of {s}."},
}

// phrases returns the relation's noun phrases.
func (r *Relation) phrases(p Phrasing) []string {
	switch p {
	case Train:
		return r.Train
	case Validation:
		return r.Valid
	}
	return r.Test
}

// expand puts the noun phrases into frames.
func (r *Relation) expand(kind string, p Phrasing, frames []frame) []Template {
	var list []Template
	for i, n := range r.phrases(p) {
		for _, f := range frames {
			list = append(list, Template{fmt.Sprintf("%s/%s/%s/%s-%d", r.Name, p, kind, f.id, i+1), p, strings.ReplaceAll(f.text, "{n}", n)})
		}
	}
	return list
}

// compile makes the relation's templates.
func (r *Relation) compile() {
	r.templates = map[string][]Template{}
	for _, p := range Phrasings {
		r.templates["question"+string(p)] = r.makeQuestions(p)
		for kind := range instructionFrames {
			r.templates[kind+string(p)] = r.makeInstructions(kind, p)
		}
	}
	r.templates["statement"] = r.makeStatements()
	r.templates["own"] = r.makeOwn()
}

// questions lists the templates that ask for a value.
func (r *Relation) questions(p Phrasing) []Template { return r.templates["question"+string(p)] }

// instructions lists the templates of another kind of request.
func (r *Relation) instructions(kind string, p Phrasing) []Template {
	return r.templates[kind+string(p)]
}

// statements lists the templates that state a fact. They are for training.
func (r *Relation) statements() []Template { return r.templates["statement"] }

// own lists the statements that only this relation has.
func (r *Relation) own() []Template { return r.templates["own"] }

func (r *Relation) makeQuestions(p Phrasing) []Template {
	list := r.expand("question", p, questionFrames[p])
	if p == Train {
		for _, f := range shortFrames {
			list = append(list, Template{r.Name + "/train/question/" + f.id, p, strings.ReplaceAll(f.text, "{noun}", r.Noun)})
		}
	}
	return list
}

func (r *Relation) makeStatements() []Template {
	list := r.expand("statement", Train, statementFrames)
	for _, f := range nounFrames {
		list = append(list, Template{fmt.Sprintf("%s/train/statement/%s", r.Name, f.id), Train, strings.ReplaceAll(f.text, "{noun}", r.Noun)})
	}
	return append(list, r.makeOwn()...)
}

func (r *Relation) makeOwn() []Template {
	var list []Template
	for i, s := range r.Say {
		list = append(list, Template{fmt.Sprintf("%s/train/statement/own-%d", r.Name, i+1), Train, s})
	}
	return list
}

// Templates lists every template of a phrasing, with the phrases of the relation in it.
func (c *Collection) Templates(p Phrasing) []Template {
	var list []Template
	for _, r := range c.Relations {
		list = append(list, r.questions(p)...)
		for _, kind := range []string{"lookup", "comparison", "classification", "definition"} {
			list = append(list, r.instructions(kind, p)...)
		}
		if p == Train {
			list = append(list, r.statements()...)
			list = append(list, r.headings()...)
		}
	}
	for _, calc := range calculations {
		list = append(list, calc.templates(p)...)
	}
	return slices.Clip(list)
}
