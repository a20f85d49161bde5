package channelpred

import (
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/task"
)

// Entry describes the application.
var Entry = task.Entry{
	Name:  "channelpred",
	Area:  "physical layer",
	Paper: "arXiv:2406.14440, arXiv:2412.08908",
	About: "predict the next slots of a channel from noisy past ones",
	New:   func() task.Config { c := Default(); return &c },
}

// Config is the `task` section of a recipe.
type Config struct {
	Past        int             `yaml:"past"`         // slots that are seen
	Future      int             `yaml:"future"`       // slots that are predicted
	Speeds      []setting.Speed `yaml:"speeds"`       // test conditions
	NumExamples int             `yaml:"num_examples"` // test samples of each condition
	NumFit      int             `yaml:"num_fit"`      // samples that the linear predictors are fitted on, per condition
}

// Default is the setting of the published comparison: 16 slots to 4.
func Default() Config {
	return Config{
		Past: 16, Future: 4,
		Speeds:      []setting.Speed{setting.KMH(30), setting.KMH(60), setting.KMH(100)},
		NumExamples: 1000, NumFit: 4000,
	}
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	for _, f := range []struct {
		key   string
		value int
	}{{"past", c.Past}, {"future", c.Future}, {"num_examples", c.NumExamples}, {"num_fit", c.NumFit}} {
		if f.value < 1 {
			return setting.Bad(f.key, "use 1 or more", "%d is not positive", f.value)
		}
	}
	if len(c.Speeds) == 0 {
		return setting.Bad("speeds", "give at least one, such as [30 km/h]", "the list is empty")
	}
	for _, v := range c.Speeds {
		if v < 0 {
			return setting.Bad("speeds", "use speeds of 0 km/h or more", "%v is negative", v)
		}
	}
	return nil
}
