package telecomqa

import (
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/task"
)

// Entry describes the application.
var Entry = task.Entry{
	Name:  "telecomqa",
	Area:  "evaluation",
	Paper: "arXiv:2310.15051, arXiv:2407.06245",
	About: "answer multiple-choice questions about telecommunications",
	New:   func() task.Config { c := Default(); return &c },
	Text:  true,
}

// Config is the `task` section of a recipe.
type Config struct {
	Files []string `yaml:"files"` // questions, in any of the formats; none: those that the recipe makes
	Folds int      `yaml:"folds"` // of the surface classifier's cross-validation
	// AllowContaminated lets a run pass whose questions stand in its training text. The
	// finding is shown all the same.
	AllowContaminated bool `yaml:"allow_contaminated"`
}

// Default asks what the recipe makes and cross-validates in five parts.
func Default() Config { return Config{Folds: 5} }

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	if c.Folds < 2 {
		return setting.Bad("folds", "use 2 or more, best 5", "%d fold(s) leave nothing to train on", c.Folds)
	}
	return nil
}

// Names of the bars in tables.
const (
	NameChance  = "chance"
	NameLongest = "longest option"
	NameAll     = `"all of the above", else longest`
	NameSurface = "surface features, softmax"
)

// NewExam starts an exam on the questions of a set, with the bars in it.
func NewExam(s *Set, c Config) (*eval.Exam, error) {
	e, err := eval.NewExam(eval.Condition{Task: Entry.Name, Name: s.Name}, s.Questions)
	if err != nil {
		return nil, err
	}
	if err := e.AddChance(NameChance); err != nil {
		return nil, err
	}
	if err := e.Add(NameLongest, eval.Classical, Longest(s.Questions)); err != nil {
		return nil, err
	}
	if err := e.Add(NameAll, eval.Classical, AllElseLongest(s.Questions)); err != nil {
		return nil, err
	}
	if len(s.Questions) < MinSurface {
		return e, nil
	}
	picked, err := Surface(s.Questions, c.Folds)
	if err != nil {
		return nil, err
	}
	return e, e.Add(NameSurface, eval.Classical, picked)
}
