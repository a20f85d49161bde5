package run

import (
	"fmt"
	"iter"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/spec/facts"
)

// contamination looks for the questions in everything that the models are trained on:
// documents, instructions and preferences. A set of which some are found is a gate that
// failed, unless the task allows it; then the finding is shown and does not fail. Facts
// that the recipe tells on purpose are asked in phrasings that share no four words in a
// row with what is told, but long names and values of facts may be the same: of those
// sets the finding is shown only.
func (j *textJob) contamination() ([]Gate, error) {
	sets, err := j.questionSets()
	if err != nil {
		return nil, err
	}
	var gates []Gate
	for _, set := range sets {
		found, err := eval.CheckContamination(set.Questions, j.trainedOn(), nil)
		if err != nil {
			return nil, err
		}
		n := len(found.Hits)
		told := len(j.c.Files) == 0 && set.Name != conditionUnseen
		g := Gate{
			Name: "questions are not in the training text", OK: n == 0 || told || j.c.AllowContaminated,
			Text:    fmt.Sprintf("%s: %d of %s of %q stand in the text that the model was trained on", j.r.Name, n, count(len(set.Questions), "question"), set.Name),
			Chinese: fmt.Sprintf("%s：“%s”的 %s 道题中有 %d 道出现在训练文本里", j.r.Name, textChinese(set.Name), thousands(len(set.Questions)), n),
		}
		if told { // a finding, which nothing depends on
			g.Name = "questions on facts that were told"
		}
		if n > 0 {
			g.Text += fmt.Sprintf(", such as %s in %s", found.Hits[0].ID, found.Hits[0].Where)
			switch {
			case told:
				g.Text, g.Chinese = g.Text+"; these facts are told on purpose, in other phrasings", g.Chinese+"（这些事实本就在训练文本中以其他问法讲述）"
			case j.c.AllowContaminated:
				g.Text, g.Chinese = g.Text+"; allowed by task.allow_contaminated", g.Chinese+"（由 task.allow_contaminated 允许）"
			}
		}
		gates = append(gates, g)
	}
	return gates, nil
}

// trainedOn is every text that some stage trains on.
func (j *textJob) trainedOn() iter.Seq2[corpus.Document, error] {
	return func(yield func(corpus.Document, error) bool) {
		for i, text := range numbered(j.text.training()) {
			if !yield(corpus.Document{Text: text, Where: fmt.Sprintf("training document %d", i)}, nil) {
				return
			}
		}
		t := j.r.Text.Tune
		if t == nil {
			return
		}
		if len(t.Files) > 0 && !eachExample(t.Files, yield) {
			return
		}
		if !j.r.Text.Data.TellsFacts() {
			return
		}
		g, err := j.r.facts()
		if err != nil {
			yield(corpus.Document{}, err)
			return
		}
		n := 0
		for x := range g.Instructions(facts.Train, facts.Tuned) {
			if len(t.Files) > 0 {
				break // the instructions are those of the files
			}
			text := ""
			for _, m := range x.Messages {
				text += " " + m.Content
			}
			if n++; !yield(corpus.Document{Text: text, Where: fmt.Sprintf("instruction %d", n)}, nil) {
				return
			}
		}
		if j.r.Text.Align == nil {
			return
		}
		n = 0
		for x := range g.Preferences(facts.Train, facts.Exposure(j.r.Text.Align.Facts)) {
			text := x.Prompt + " " + x.Chosen + " " + x.Prompt + " " + x.Rejected
			if n++; !yield(corpus.Document{Text: text, Where: fmt.Sprintf("preference %d", n)}, nil) {
				return
			}
		}
	}
}

func numbered(texts iter.Seq[string]) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		n := 0
		for text := range texts {
			if n++; !yield(n, text) {
				return
			}
		}
	}
}

// eachExample gives the texts of files of examples; more is false once nobody wants any.
func eachExample(files []string, yield func(corpus.Document, error) bool) (more bool) {
	for _, file := range files {
		e, err := data.OpenExamples(file, nil)
		if err != nil {
			yield(corpus.Document{}, err)
			return false
		}
		for _, x := range e.List {
			text := ""
			for _, p := range []data.Passage{x.Prompt, x.Completion} {
				text += p.Text
				for _, m := range p.Messages {
					text += " " + m.Content
				}
			}
			if !yield(corpus.Document{Text: text, Where: fmt.Sprintf("%s:%d", file, x.Line)}, nil) {
				return false
			}
		}
	}
	return true
}
