package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/task/telecomqa"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// examinee is a language model that is measured.
type examinee struct {
	name  string // in tables
	model *infer.Model
	tok   *tokenizer.Tokenizer
	close func()
}

// openExaminee reads a model and, where one is named, an adapter for it.
func (a *app) openExaminee(name, adapter string) (*examinee, error) {
	l, err := a.loadModel(name, adapter)
	if err != nil {
		return nil, err
	}
	e := &examinee{name: nameOf(l.dir)}
	if adapter != "" {
		e.name += " with " + nameOf(adapter)
	}
	if e.tok, err = l.words(); err != nil {
		return nil, err
	}
	e.model, e.close, err = l.start()
	return e, err
}

// nameOf is the last part of a path, of the folder that it is.
func nameOf(dir string) string {
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	return filepath.Base(dir)
}

// form is how the model is asked: as it was told, or as its tokenizer allows.
func (e *examinee) form(name string) (eval.Form, error) {
	if name != "" {
		f, _ := eval.FindForm(name)
		return f, nil
	}
	_, err := e.tok.Chat([]tokenizer.Message{{Role: "user", Content: "?"}}, true)
	switch {
	case errors.Is(err, tokenizer.ErrNoTemplate):
		return eval.Cloze, nil
	case err != nil:
		return eval.Form{}, fmt.Errorf("the model's chat template: %w; ask without it by --form cloze", err)
	}
	return eval.Chat, nil
}

// ask lets the model, and the one that it is compared with, answer the exam.
func (a *app) ask(ctx context.Context, dir string, exam *eval.Exam, res *evaluated, o evalOptions) error {
	first, samples, err := a.answers(ctx, dir, o.adapter, exam, res, o)
	if err != nil {
		return err
	}
	res.Model, res.TooLong = dir, 0
	for _, s := range samples {
		if s.TooLong {
			res.TooLong++
		}
	}
	rivals := []string{telecomqa.NameLongest}
	if len(exam.Questions()) >= telecomqa.MinSurface {
		rivals = []string{telecomqa.NameSurface}
	}
	if o.against != "" {
		other, _, err := a.answers(ctx, o.against, "", exam, res, o)
		if err != nil {
			return err
		}
		rivals = append(rivals, other+", "+eval.ByWriting)
	}
	for _, rival := range rivals {
		p, err := exam.Compare(first+", "+eval.ByWriting, rival)
		if err != nil {
			return err
		}
		res.Paired = append(res.Paired, eval.Pair{First: first + ", " + eval.ByWriting, Second: rival, Paired: p})
	}
	if res.Rows, err = exam.Rows(); err != nil || o.out == "" {
		return err
	}
	report := &eval.Report{Set: res.Set, Model: dir, Form: res.Form, Rows: res.Rows, Paired: res.Paired, TooLong: res.TooLong, Contamination: res.Contamination}
	res.Files, err = report.Save(durable.OS, o.out, exam.Questions(), samples)
	return err
}

// answers asks one model and counts what it answered. It returns the name that it has in
// the exam.
func (a *app) answers(ctx context.Context, dir, adapter string, exam *eval.Exam, res *evaluated, o evalOptions) (string, []eval.Sample, error) {
	e, err := a.openExaminee(dir, adapter)
	if err != nil {
		return "", nil, err
	}
	defer e.close()
	form, err := e.form(o.form)
	if err != nil {
		return "", nil, err
	}
	if res.Form == "" {
		res.Form = form.Name
	}
	if exam.Has(e.name + ", " + eval.ByWriting) {
		e.name = dir // two folders of one name
	}
	questions := exam.Questions()
	m := newCounter(a, "eval "+e.name, "questions", len(questions))
	done := 0
	asker := &eval.Asker{LM: e.model, Tokenizer: e.tok, Form: form, See: func(n, _ int) { m.add(n - done); done = n }}
	samples, err := asker.Ask(ctx, questions)
	m.finish()
	if err != nil {
		return "", nil, err
	}
	return e.name, samples, exam.AddModel(e.name, samples)
}

// readBy says what documents cost a model.
func (a *app) readBy(ctx context.Context, dir string, r *eval.Reading, o evalOptions) (*tokenizer.Tokenizer, error) {
	e, err := a.openExaminee(dir, o.adapter)
	if err != nil {
		return nil, err
	}
	defer e.close()
	m := newCounter(a, "eval "+e.name, "documents", len(r.Texts()))
	done := 0
	bits, err := eval.DocumentBits(ctx, e.model, e.tok, r.Texts(), func(n, _ int) { m.add(n - done); done = n })
	m.finish()
	if err != nil {
		return nil, err
	}
	return e.tok, r.Add(e.name, eval.Learned, bits)
}

// isModelData reports whether an error is about the files of a model or an adapter, or
// about a text that a model cannot read.
func isModelData(err error) bool {
	var (
		folder  *infer.DataError
		input   *infer.InputError
		adapter *tune.FormatError
		hash    *tune.HashError
	)
	return errors.As(err, &folder) || errors.As(err, &input) || errors.As(err, &adapter) || errors.As(err, &hash)
}

// isContaminated reports whether a model was trained on what it is asked: a failed gate.
func isContaminated(err error) bool {
	var (
		c *eval.ContaminatedError
		d *eval.CopiedError
	)
	return errors.As(err, &c) || errors.As(err, &d)
}
