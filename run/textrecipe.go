package run

import (
	"reflect"

	"github.com/comlam/comlam/align"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	models "github.com/comlam/comlam/model/all"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// Text is what only a recipe for text has.
type Text struct {
	From      string           // folder of a model to go on with; "": tokenizer and model are made
	Tokenizer tokenizer.Config // what is made
	Data      data.Text
	Tune      *tune.Text    // nil: no instruction tuning
	Align     *align.Config // nil: no alignment

	base *infer.Folder // what From names; nil without
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
	case "tune":
		c := tune.DefaultText()
		t.Tune = &c
		return reflect.ValueOf(t.Tune).Elem()
	}
	c := align.Default()
	t.Align = &c
	return reflect.ValueOf(t.Align).Elem()
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
	case section == "align" && t.Align != nil:
		return t.Align
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
	if r.Text.Align != nil {
		return r.checkAlign()
	}
	return nil
}

// openBase opens the model that a recipe goes on with, which says itself what it is.
func (r *Recipe) openBase() error {
	for _, name := range []string{"model", "tokenizer"} {
		if _, given := r.doc.places[name]; given {
			return r.locate(name, setting.Bad("", "remove this section, or from", "the %s is that of the model in from", name))
		}
	}
	base, err := infer.Open(r.Text.From)
	if err != nil {
		return r.locate("from", setting.Bad("", "first run the recipe that makes this model, or name the folder of another", "%v", err))
	}
	if base.Tokenizer == nil {
		return r.locate("from", setting.Bad("", "put its tokenizer.json beside config.json", "%s has no tokenizer", r.Text.From))
	}
	r.Text.base, r.Model = base, base.Config
	r.Text.Tokenizer.VocabSize = base.Tokenizer.Size()
	for _, e := range models.Entries {
		if reflect.TypeOf(e.New()) == reflect.TypeOf(base.Config) {
			r.ModelName = e.Name
		}
	}
	return nil
}

// goesOn says whether a section is that of the model in from.
func (r *Recipe) goesOn(section string) bool {
	return r.Text != nil && r.Text.From != "" && (section == "model" || section == "tokenizer")
}

// checkAlign checks that there is a model to align, and something to align it by.
func (r *Recipe) checkAlign() error {
	t := r.Text
	switch {
	case t.Tune == nil:
		return r.locate("align", setting.Bad("", "add a section tune", "there is no tuned model to align"))
	case t.Tune.Methods[0] != string(tune.WayFull) && t.Tune.Methods[0] != string(tune.WayLoRA):
		return r.locate("tune", setting.Bad("methods", "put full or lora first", "alignment goes on with the first model, and %s cannot be merged into it", t.Tune.Methods[0]))
	case !t.Data.TellsFacts():
		return r.locate("align", setting.Bad("", "add {facts: 10, weight: 1} to data.sources", "preferences are made of facts, and no source tells any"))
	}
	return nil
}
