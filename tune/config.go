// Package tune adapts a trained model to a new condition: full fine-tuning, or
// low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685) on any dense layer.
package tune

import (
	"github.com/comlam/comlam/internal/setting"
)

// Config is the `tune` section of a recipe: adaptation to a condition that
// pre-training has not seen.
type Config struct {
	Speed         setting.SpeedRange `yaml:"speed"`          // the new condition
	NumExamples   int                `yaml:"num_examples"`   // adaptation samples
	NumValidation int                `yaml:"num_validation"` // samples that choose when to stop
	Steps         int                `yaml:"steps"`
	BatchSize     int                `yaml:"batch_size"`
	ValidateEvery int                `yaml:"validate_every"` // steps between looks at the validation set
	Full          Full               `yaml:"full"`
	LoRA          LoRA               `yaml:"lora"`
}

// Full is fine-tuning of every weight; the best rate on validation wins.
type Full struct {
	LearningRates []float64 `yaml:"learning_rates"`
}

// LoRA adds B A, scaled by alpha/rank, to the dense layers whose name ends in one
// of Targets.
type LoRA struct {
	Rank          int       `yaml:"rank"`
	Alpha         float64   `yaml:"alpha"`
	Targets       []string  `yaml:"targets"` // last parts of layer names: query, key, value, output, up, down, ...
	LearningRates []float64 `yaml:"learning_rates"`
}

// Default adapts with rank 4 on every projection of every block.
func Default() Config {
	return Config{
		Speed:       setting.SpeedRange{Min: setting.KMH(120), Max: setting.KMH(120)},
		NumExamples: 512, NumValidation: 256, Steps: 400, BatchSize: 32, ValidateEvery: 50,
		Full: Full{LearningRates: []float64{1e-4, 3e-4, 1e-3}},
		LoRA: LoRA{Rank: 4, Alpha: 8, Targets: []string{"query", "value", "up", "down"}, LearningRates: []float64{1e-3, 3e-3, 1e-2}},
	}
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	if c.Speed.Min != c.Speed.Max {
		return setting.Bad("speed", "use one speed such as 120 km/h", "%q is a range", c.Speed.String())
	}
	for _, f := range []struct {
		key   string
		value int
	}{{"num_examples", c.NumExamples}, {"num_validation", c.NumValidation}, {"steps", c.Steps}, {"batch_size", c.BatchSize}, {"validate_every", c.ValidateEvery}} {
		if f.value < 1 {
			return setting.Bad(f.key, "use 1 or more", "%d is not positive", f.value)
		}
	}
	if c.BatchSize > c.NumExamples {
		return setting.Bad("batch_size", "use at most num_examples", "%d is more than the %d adaptation samples", c.BatchSize, c.NumExamples)
	}
	if err := rates("full.learning_rates", c.Full.LearningRates); err != nil {
		return err
	}
	if c.LoRA.Rank < 1 {
		return setting.Bad("lora.rank", "use 1 or more", "%d is not a rank", c.LoRA.Rank)
	}
	if !(c.LoRA.Alpha > 0) {
		return setting.Bad("lora.alpha", "use a positive number, often twice the rank", "%g is not positive", c.LoRA.Alpha)
	}
	if len(c.LoRA.Targets) == 0 {
		return setting.Bad("lora.targets", "name at least one layer, such as query", "the list is empty")
	}
	return rates("lora.learning_rates", c.LoRA.LearningRates)
}

func rates(key string, list []float64) error {
	if len(list) == 0 {
		return setting.Bad(key, "give at least one, such as [1e-3]", "the list is empty")
	}
	for _, lr := range list {
		if !(lr > 0 && lr < 1e3) {
			return setting.Bad(key, "use positive numbers such as 1e-3", "%g is not a learning rate", lr)
		}
	}
	return nil
}
