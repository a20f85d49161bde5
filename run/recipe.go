package run

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/model"
	models "github.com/comlam/comlam/model/all"
	"github.com/comlam/comlam/task"
	tasks "github.com/comlam/comlam/task/all"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// The keys of a recipe in the order of the data flow: of one for radio, and of one for
// text. Which it is, its task says.
var (
	radioSections = []string{"seed", "task", "model", "data", "train", "tune"}
	textSections  = []string{"seed", "task", "from", "tokenizer", "model", "data", "train", "tune", "align"}
)

func (r *Recipe) sections() []string {
	if r.Text != nil {
		return textSections
	}
	return radioSections
}

// Recipe is everything a run depends on. Each field but Name is a section of the
// file, read by the package of that name; what a file leaves out has the default of
// that package.
type Recipe struct {
	Name      string // "channelpred/jakes", or the name of the file
	Seed      uint64
	TaskName  string
	Task      task.Config
	ModelName string
	Model     model.Config
	Data      data.Config
	Train     train.Config
	Tune      *tune.Config // nil: no adaptation
	Text      *Text        // nil: a recipe for radio; else Data and Tune are not used

	doc *document // where each setting was written; nil for a recipe made in Go
}

// Load reads the recipe that comes with the program under a name such as
// "channelpred/jakes", or the file at a path, changes it by overrides such as
// "train.steps=100", and validates the result. An error is a *[Error].
func Load(nameOrPath string, overrides []string) (*Recipe, error) {
	s, err := Open(nameOrPath)
	if err != nil {
		return nil, err
	}
	return s.Parse(overrides)
}

// Parse reads the recipe in a source, changed by overrides, and validates it.
func (s *Source) Parse(overrides []string) (*Recipe, error) {
	d, err := newDocument(s.File, s.Text)
	if err != nil {
		return nil, err
	}
	r := &Recipe{Name: s.Name, doc: d}
	if err := r.read(overrides); err != nil {
		return nil, err
	}
	if err := r.needParts(); err != nil {
		return nil, err
	}
	if r.Text != nil && r.Text.base == nil {
		if err := r.setVocabulary(); err != nil {
			return nil, err
		}
	}
	return r, r.Validate()
}

// LoadData reads the data section of a recipe and its seed, changed by overrides
// of these two. The rest of the recipe need not fit what is asked for, so that any
// number of slots can be drawn. Without a recipe the defaults are changed.
func LoadData(nameOrPath string, overrides []string) (*Recipe, error) {
	r := &Recipe{doc: emptyDocument()}
	if nameOrPath != "" {
		s, err := Open(nameOrPath)
		if err != nil {
			return nil, err
		}
		r.Name = s.Name
		if r.doc, err = newDocument(s.File, s.Text); err != nil {
			return nil, err
		}
	}
	for _, arg := range overrides {
		key, _, _ := strings.Cut(arg, "=")
		section, _, _ := strings.Cut(key, ".")
		if section != "data" && section != "seed" {
			return nil, &Error{Override: arg, Why: "only the channels are drawn", Hint: `change data.* or seed, for example data.speed="30 km/h"`}
		}
	}
	if err := r.read(overrides); err != nil {
		return nil, err
	}
	if r.Text != nil {
		return nil, &Error{Why: fmt.Sprintf("the recipe %q is of text and has no channels", r.Name), Hint: "name one of channels, such as channelpred/cdlc"}
	}
	if err := r.Data.Validate(); err != nil {
		return nil, r.locate("data", err)
	}
	return r, nil
}

// read fills r with defaults, and those with its document and the overrides.
func (r *Recipe) read(overrides []string) error {
	r.Seed, r.Data, r.Train = 1, data.Default(), train.Default()
	for _, arg := range overrides {
		if err := r.doc.override(arg); err != nil {
			return err
		}
	}
	// The task comes first, wherever it stands: it says which sections there are.
	for _, read := range []func(name, path string, at place, value *yaml.Node) error{r.readFirst, r.readSection} {
		if err := r.doc.eachKey(r.doc.root, "", r.doc.nearestPlace(""), read); err != nil {
			return err
		}
	}
	return nil
}

func (r *Recipe) readFirst(name, path string, at place, value *yaml.Node) error {
	if name != "task" || r.doc.takesDefault(value) {
		return nil
	}
	return r.readTask(value, at)
}

// needParts refuses a recipe without the sections that have no default.
func (r *Recipe) needParts() error {
	d := r.doc
	if r.Task == nil {
		return d.fail(d.nearestPlace("task"), "task", choices("tasks", "", taskNames()), "the recipe does not say what for: there is no section task")
	}
	if r.Text != nil && r.Text.From != "" {
		return r.openBase()
	}
	if r.Model == nil {
		return d.fail(d.nearestPlace("model"), "model", choices("models", "", modelNames()), "the recipe names no architecture: there is no section model")
	}
	return nil
}

func (r *Recipe) readSection(name, path string, at place, value *yaml.Node) error {
	d := r.doc
	if !slices.Contains(r.sections(), name) {
		return d.fail(at, path, choices("the sections are", name, r.sections()), "there is no such section")
	}
	if d.takesDefault(value) || name == "task" {
		return nil
	}
	switch name {
	case "seed":
		return d.value(value, path, at, reflect.ValueOf(&r.Seed).Elem())
	case "model":
		return r.readModel(value, at)
	case "train":
		return d.value(value, path, at, reflect.ValueOf(&r.Train).Elem())
	}
	if r.Text != nil {
		return d.value(value, path, at, r.Text.section(name))
	}
	switch name {
	case "data":
		return d.value(value, path, at, reflect.ValueOf(&r.Data).Elem())
	}
	c := tune.Default()
	r.Tune = &c
	return d.value(value, path, at, reflect.ValueOf(r.Tune).Elem())
}

func (r *Recipe) readTask(n *yaml.Node, at place) error {
	i, err := r.doc.pick("task", n, at, taskNames())
	if err != nil {
		return err
	}
	r.TaskName, r.Task = tasks.Entries[i].Name, tasks.Entries[i].New()
	if tasks.Entries[i].Text {
		r.Text = defaultText()
	}
	return r.doc.fill(n, "task", at, reflect.ValueOf(r.Task).Elem(), "name")
}

func (r *Recipe) readModel(n *yaml.Node, at place) error {
	i, err := r.doc.pick("model", n, at, modelNames())
	if err != nil {
		return err
	}
	r.ModelName, r.Model = models.Entries[i].Name, models.Entries[i].New()
	return r.doc.fill(n, "model", at, reflect.ValueOf(r.Model).Elem(), "name")
}

// pick returns which of names the key "name" of a section says.
func (d *document) pick(section string, n *yaml.Node, at place, names []string) (int, error) {
	var name string
	found, where := false, at
	if err := d.eachKey(n, section, at, func(key, path string, at place, value *yaml.Node) error {
		if key != "name" || d.takesDefault(value) {
			return nil
		}
		found, where = true, at
		return d.value(value, path, at, reflect.ValueOf(&name).Elem())
	}); err != nil {
		return 0, err
	}
	if !found {
		return 0, d.fail(at, section, choices(fmt.Sprintf("add name: %s; %ss", names[0], section), "", names), "the section has no name")
	}
	i := slices.Index(names, name)
	if i < 0 {
		return 0, d.fail(where, section+".name", choices(section+"s", name, names), "there is no %s %q", section, name)
	}
	return i, nil
}

func taskNames() []string {
	var names []string
	for _, e := range tasks.Entries {
		names = append(names, e.Name)
	}
	return names
}

func modelNames() []string {
	var names []string
	for _, e := range models.Entries {
		names = append(names, e.Name)
	}
	return names
}
