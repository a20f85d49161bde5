package run

import (
	"context"
	"iter"
	"path/filepath"
	"slices"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/spec/facts"
	"github.com/comlam/comlam/task/telecomqa"
)

// questionSets are the questions that a recipe asks.
func (j *textJob) questionSets() ([]*telecomqa.Set, error) {
	if len(j.c.Files) > 0 {
		s, err := telecomqa.Load(j.c.Files, telecomqa.Options{})
		return []*telecomqa.Set{s}, err
	}
	if !j.r.Text.Data.TellsFacts() {
		return nil, nil
	}
	g, err := j.r.facts()
	if err != nil {
		return nil, err
	}
	read := conditionRead
	if a := j.r.Text.Align; a != nil && a.Facts == string(facts.Read) {
		read = conditionReadAligned
	}
	var list []*telecomqa.Set
	for _, c := range []struct {
		name string
		seq  iter.Seq[facts.Choice]
	}{
		{conditionKnown, g.Choices(facts.Test, facts.Tuned)},
		{read, g.Choices(facts.Test, facts.Read)},
		{conditionUnseen, g.Choices(facts.Test, facts.Unseen)},
	} {
		s := &telecomqa.Set{Name: c.name}
		for q := range c.seq {
			s.Questions = append(s.Questions, eval.Question{ID: q.ID, Category: q.Category, Text: q.Question, Options: q.Options, Answer: q.Answer})
		}
		if len(s.Questions) > 1 {
			list = append(list, s)
		}
	}
	return list, nil
}

// The questions that are made of facts.
const (
	conditionKnown       = "known facts"
	conditionRead        = "facts only read"
	conditionReadAligned = "facts only read, then aligned on"
	conditionUnseen      = "facts never seen"
)

// asked is a model that is asked, with the form that it is used to.
type asked struct {
	name    string
	form    eval.Form
	weights nn.Weights
	adapter nn.Adapter
}

// ask is the stage that puts the questions to every model.
func (j *textJob) ask(ctx context.Context, m *languageModel, base nn.Weights, tuned []instructed, last *aligned) ([]eval.Row, error) {
	files, err := j.filesKey(j.c.Files...)
	if err != nil {
		return nil, err
	}
	inputs := []string{"task", files, "seed", j.trainKey()}
	models := []asked{{namePretrained, eval.Cloze, base, nil}}
	for _, t := range tuned {
		inputs = append(inputs, t.key)
		models = append(models, asked{t.method(), eval.Chat, t.weights, t.adapter})
	}
	if last != nil {
		inputs = append(inputs, last.key)
		models = append(models, asked{nameAligned, eval.Chat, last.weights, nil})
	}
	key, err := j.key("ask", inputs...)
	if err != nil {
		return nil, err
	}
	sets, err := j.questionSets()
	if err != nil || len(sets) == 0 {
		return nil, err
	}
	dir, err := j.stages.run(ctx, "ask", key, func(dir string) ([]string, error) {
		var rows []eval.Row
		for _, set := range sets {
			more, err := j.askSet(ctx, m, set, models)
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
		return []string{rowsFile}, j.stages.writeJSON(filepath.Join(dir, rowsFile), rows)
	})
	if err != nil {
		return nil, err
	}
	var rows []eval.Row
	return rows, j.stages.readJSON(filepath.Join(dir, rowsFile), &rows)
}

// askSet asks one set of questions, the bars first.
func (j *textJob) askSet(ctx context.Context, m *languageModel, set *telecomqa.Set, models []asked) ([]eval.Row, error) {
	exam, err := telecomqa.NewExam(set, j.c)
	if err != nil {
		return nil, err
	}
	for _, a := range models {
		j.show.stage("ask", "%s: %s, %s", a.name, set.Name, count(len(set.Questions), "question"))
		samples, err := j.answers(ctx, m, a, set.Questions)
		if err != nil {
			return nil, err
		}
		if err := exam.AddModel(a.name, samples); err != nil {
			return nil, err
		}
	}
	rows, err := exam.Rows()
	if err != nil {
		return nil, err
	}
	// The report shows the set as a whole; its categories are in the exam of comlam eval.
	return slices.DeleteFunc(rows, func(r eval.Row) bool { return r.Condition != set.Name }), nil
}

// answers is what a model answers.
func (j *textJob) answers(ctx context.Context, m *languageModel, a asked, questions []eval.Question) ([]eval.Sample, error) {
	engine, err := backend.OpenAll()
	if err != nil {
		return nil, err
	}
	lm, err := infer.New(engine, m.lm, a.weights, a.adapter, infer.Options{})
	if err != nil {
		return nil, err
	}
	asker := &eval.Asker{LM: lm, Tokenizer: m.tok, Form: a.form}
	return asker.Ask(ctx, questions)
}
