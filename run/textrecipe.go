package run

import (
	"reflect"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// Text is what only a recipe for text has.
type Text struct {
	From      string           // folder of a model to go on with; "": tokenizer and model are made
	Tokenizer tokenizer.Config // what is made
	Data      data.Text
	Tune      *tune.Text // nil: no instruction tuning
}

func defaultText() *Text {
	return &Text{Tokenizer: tokenizer.Config{VocabSize: tokenizer.DefaultVocabSize}, Data: data.DefaultText()}
}

// section is where the settings of a section are read into.
func (t *Text) section(name string) reflect.Value {
	switch name {
	case "from":
		return reflect.ValueOf(&t.From).Elem()
	case "tokenizer":
		return reflect.ValueOf(&t.Tokenizer).Elem()
	case "data":
		return reflect.ValueOf(&t.Data).Elem()
	}
	c := tune.DefaultText()
	t.Tune = &c
	return reflect.ValueOf(t.Tune).Elem()
}

// part is what a section says, nil if it is absent.
func (t *Text) part(section string) any {
	switch {
	case section == "from" && t.From != "":
		return t.From
	case section == "tokenizer" && t.From == "":
		return t.Tokenizer
	case section == "data":
		return t.Data
	case section == "tune" && t.Tune != nil:
		return t.Tune
	}
	return nil
}

// validator is a section that can check itself, nil if it is absent.
func (t *Text) validator(section string) validator {
	v, _ := t.part(section).(validator)
	return v
}

// ofVocabulary is the configuration of a language model, for as many tokens as its
// tokenizer has.
type ofVocabulary interface {
	model.Config
	SetVocabSize(n int)
	NumParameters() int
}

// forVocabulary is a copy of the recipe's model for n tokens.
func (r *Recipe) forVocabulary(n int) ofVocabulary {
	was := reflect.ValueOf(r.Model).Elem()
	c := reflect.New(was.Type())
	c.Elem().Set(was)
	m := c.Interface().(ofVocabulary)
	m.SetVocabSize(n)
	return m
}

// setVocabulary gives the model the vocabulary of its tokenizer.
func (r *Recipe) setVocabulary() error {
	m, ok := r.Model.(ofVocabulary)
	if !ok {
		return r.locate("model", setting.Bad("name", "use llama or gpt2", "%q is no language model", r.ModelName))
	}
	want := r.Text.Tokenizer.VocabSize
	if _, given := r.doc.places["model.vocab_size"]; given && r.forVocabulary(want).NumParameters() != m.NumParameters() {
		return r.locate("model", setting.Bad("vocab_size", "set tokenizer.vocab_size instead", "the vocabulary of a model is that of its tokenizer"))
	}
	m.SetVocabSize(want)
	return nil
}

// checkText checks what no section of a recipe for text can know alone.
func (r *Recipe) checkText(m model.Model) error {
	if _, ok := m.(model.LM); !ok {
		return r.locate("model", setting.Bad("name", "use a language model such as llama", "%q does not continue texts", r.ModelName))
	}
	if r.doc == nil {
		return nil
	}
	if _, given := r.doc.places["tokenizer"]; given && r.Text.From != "" {
		return r.locate("tokenizer", setting.Bad("", "remove this section", "the tokenizer is that of the model in from"))
	}
	return nil
}
