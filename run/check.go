package run

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/task/channelpred"
	"github.com/comlam/comlam/wireless/csi"
)

// Validate checks every section by itself, then whether they fit together. The
// error is a *[Error] at the line of the setting, or of its section where the
// setting has its default.
func (r *Recipe) Validate() error {
	for _, name := range r.sections() {
		c, err := r.section(name)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		if err := c.Validate(); err != nil {
			return r.locate(name, err)
		}
	}
	return r.checkFit()
}

type validator interface{ Validate() error }

// section returns the configuration that can check itself, nil if there is none.
func (r *Recipe) section(name string) (validator, error) {
	switch {
	case name == "task" && r.Task != nil:
		return r.Task, nil
	case name == "model" && r.Model != nil:
		return r.Model, nil
	case name == "task" || name == "model":
		return nil, &Error{Key: name, Why: "the section is missing", Hint: "a recipe needs a task and a model"}
	case name == "train":
		return r.Train, nil
	case r.Text != nil:
		return r.Text.validator(name), nil
	case name == "data":
		return r.Data, nil
	case name == "tune" && r.Tune != nil:
		return r.Tune, nil
	}
	return nil, nil
}

// locate turns the error of a section into one with a place.
func (r *Recipe) locate(section string, err error) *Error {
	se := asSetting(err)
	path := section
	if se.Key != "" {
		path = under(section, se.Key)
	}
	return r.doc.locate(path, se, err)
}

// locate puts the error of a setting where it was written; d may be nil.
func (d *document) locate(path string, se *setting.Error, err error) *Error {
	e := &Error{Key: path, Why: se.Why, Hint: se.Hint, Err: err}
	if name := meant(se.Why, se.Hint); name != "" {
		e.Hint = "did you mean " + strconv.Quote(name) + "? " + e.Hint
	}
	if d != nil {
		at := d.nearestPlace(path)
		if e.Override = at.override; at.override == "" {
			e.File, e.Line = d.file, at.line
		}
	}
	return e
}

var (
	quoted = regexp.MustCompile(`"([^" ]+)"`)
	word   = regexp.MustCompile(`[\w-]{2,}`)
)

// meant guesses which of the names in a hint was meant by the one quoted in the
// reason, since both come from a package that knows its choices.
func meant(why, hint string) string {
	m := quoted.FindStringSubmatch(why)
	if m == nil {
		return ""
	}
	return nearest(m[1], word.FindAllString(hint, -1))
}

// checkFit checks what no section can know alone.
func (r *Recipe) checkFit() error {
	m, err := r.Model.Build()
	if err != nil {
		return r.locate("model", err)
	}
	if r.Text != nil {
		return r.checkText(m)
	}
	filler, ok := m.(model.Filler)
	if !ok {
		return r.locate("model", setting.Bad("name", "use a masked model such as wifo",
			"%q cannot reconstruct hidden parts of CSI", r.ModelName))
	}
	grid := gridOf(r.Data.Config)
	if _, err := filler.Patches(grid); err != nil {
		return r.locate("model", setting.Bad("patch_size", "", "%v", trimModel(err, r.ModelName)))
	}
	if c, ok := r.Task.(*channelpred.Config); ok {
		return r.checkPrediction(c, filler, grid)
	}
	return nil
}

// checkPrediction checks that past and future fill the sample and meet between
// two patches: the model hides whole patches.
func (r *Recipe) checkPrediction(c *channelpred.Config, filler model.Filler, grid model.Grid) error {
	if c.Past+c.Future != r.Data.NumSlots {
		return r.locate("data", setting.Bad("num_slots", "make data.num_slots the sum of task.past and task.future",
			"a sample has %d slots, the task needs %d + %d", r.Data.NumSlots, c.Past, c.Future))
	}
	for i, v := range c.Speeds { // a condition is known by its name
		if slices.ContainsFunc(c.Speeds[:i], func(u setting.Speed) bool { return u.String() == v.String() }) {
			return r.locate("task", setting.Bad("speeds", "keep one of them", "%v stands there twice", v))
		}
	}
	grid.NumSlots = c.Past
	if _, err := filler.Patches(grid); err != nil {
		return r.locate("task", setting.Bad("past", "", "the seen slots: %v", trimModel(err, r.ModelName)))
	}
	return nil
}

// trimModel drops the name of the model, which the error's key says.
func trimModel(err error, name string) string {
	return strings.TrimPrefix(err.Error(), name+": ")
}

// gridOf is the size of the samples that c describes.
func gridOf(c csi.Config) model.Grid {
	return model.Grid{NumSlots: c.NumSlots, NumSubcarriers: c.NumSubcarriers, NumAnt: numPorts(c.Tx) * numPorts(c.Rx)}
}

func numPorts(p csi.Panel) int {
	if p.DualPolarized {
		return 2 * p.Rows * p.Cols
	}
	return p.Rows * p.Cols
}
