// Package train is the loop: batches to losses to gradients to weights, with
// checkpoints it can resume from to the bit.
//
// # Determinism
//
// A batch is cut into micro-batches of fixed size. Each is computed on one
// goroutine; their gradients are added in order. So the result does not depend on
// GOMAXPROCS, and accumulating gradients is the same sum as a larger batch.
//
// # Non-finite values
//
// Losses and gradients are checked on the host before the optimizer runs. A step
// with a NaN or an infinity leaves the weights as they were and stops with the
// name of the tensor and of the sample.
package train

import (
	"math"

	"github.com/comlam/comlam/internal/setting"
)

// Config is the `train` section of a recipe.
type Config struct {
	Steps           int       `yaml:"steps"`            // optimizer updates
	BatchSize       int       `yaml:"batch_size"`       // samples of one update
	MicroBatchSize  int       `yaml:"micro_batch_size"` // samples of one graph run; divides batch_size; 0 = batch_size
	Optimizer       Optimizer `yaml:"optimizer"`
	Schedule        Schedule  `yaml:"schedule"`
	ClipNorm        float64   `yaml:"clip_norm"`  // largest global gradient norm; 0 = no limit
	ClipValue       float64   `yaml:"clip_value"` // largest absolute gradient entry; 0 = no limit
	CheckpointEvery int       `yaml:"checkpoint_every"`
	KeepCheckpoints int       `yaml:"keep_checkpoints"` // besides the best one
	LogEvery        int       `yaml:"log_every"`
}

// Optimizer names the update rule.
type Optimizer struct {
	Name        string  `yaml:"name"` // adamw, muon or sgd
	LR          float64 `yaml:"lr"`   // peak learning rate
	Beta1       float64 `yaml:"beta1"`
	Beta2       float64 `yaml:"beta2"`
	Eps         float64 `yaml:"eps"`
	WeightDecay float64 `yaml:"weight_decay"`
	Momentum    float64 `yaml:"momentum"` // sgd and muon
}

// Schedule shapes the learning rate over the steps.
type Schedule struct {
	Name        string  `yaml:"name"`         // constant, linear, cosine, cyclic, wsd
	WarmupSteps int     `yaml:"warmup_steps"` // linear from 0 to the peak
	MinRatio    float64 `yaml:"min_ratio"`    // smallest rate over the peak
	DecaySteps  int     `yaml:"decay_steps"`  // wsd: length of the final decay
	CycleSteps  int     `yaml:"cycle_steps"`  // cyclic: length of one cycle
}

// Default is AdamW with a cosine schedule.
func Default() Config {
	return Config{
		Steps: 1000, BatchSize: 64,
		Optimizer: Optimizer{Name: "adamw", LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8},
		Schedule:  Schedule{Name: "cosine", WarmupSteps: 100, MinRatio: 0.01, CycleSteps: 1000},
		ClipNorm:  1, CheckpointEvery: 500, KeepCheckpoints: 2, LogEvery: 50,
	}
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	for _, f := range []struct {
		key   string
		value int
	}{{"steps", c.Steps}, {"batch_size", c.BatchSize}, {"checkpoint_every", c.CheckpointEvery}, {"keep_checkpoints", c.KeepCheckpoints}, {"log_every", c.LogEvery}} {
		if f.value < 1 {
			return setting.Bad(f.key, "use 1 or more", "%d is not positive", f.value)
		}
	}
	if c.MicroBatchSize < 0 || (c.MicroBatchSize > 0 && c.BatchSize%c.MicroBatchSize != 0) {
		return setting.Bad("micro_batch_size", "use a divisor of batch_size", "%d does not divide batch_size %d", c.MicroBatchSize, c.BatchSize)
	}
	if c.ClipNorm < 0 || math.IsNaN(c.ClipNorm) {
		return setting.Bad("clip_norm", "use 0 for no limit, or a positive number", "%g is not usable", c.ClipNorm)
	}
	if c.ClipValue < 0 || math.IsNaN(c.ClipValue) {
		return setting.Bad("clip_value", "use 0 for no limit, or a positive number", "%g is not usable", c.ClipValue)
	}
	if err := c.Optimizer.validate(); err != nil {
		return setting.Under("optimizer", err)
	}
	return setting.Under("schedule", c.Schedule.validate(c.Steps))
}

func (o Optimizer) validate() error {
	if o.Name != "adamw" && o.Name != "muon" && o.Name != "sgd" {
		return setting.Bad("name", "use adamw, muon or sgd", "there is no optimizer %q", o.Name)
	}
	if !(o.LR > 0) || math.IsInf(o.LR, 0) {
		return setting.Bad("lr", "use a positive number such as 1e-3", "%g is not a learning rate", o.LR)
	}
	for _, f := range []struct {
		key   string
		value float64
	}{{"beta1", o.Beta1}, {"beta2", o.Beta2}, {"momentum", o.Momentum}} {
		if !(f.value >= 0 && f.value < 1) {
			return setting.Bad(f.key, "use a number from 0 to below 1", "%g is out of range", f.value)
		}
	}
	if o.Name == "muon" && o.Momentum == 0 {
		return setting.Bad("momentum", "use 0.95", "muon turns a momentum, and there is none")
	}
	if !(o.Eps > 0) || math.IsInf(o.Eps, 0) {
		return setting.Bad("eps", "use a small positive number such as 1e-8", "%g is not usable", o.Eps)
	}
	if !(o.WeightDecay >= 0) {
		return setting.Bad("weight_decay", "use 0 or more", "%g is negative", o.WeightDecay)
	}
	if math.IsInf(o.WeightDecay, 0) {
		return setting.Bad("weight_decay", "use a number such as 0.01", "%g is not usable", o.WeightDecay)
	}
	return nil
}

func (s Schedule) validate(steps int) error {
	switch s.Name {
	case "constant", "linear", "cosine", "cyclic", "wsd":
	default:
		return setting.Bad("name", "use one of constant, linear, cosine, cyclic, wsd", "there is no schedule %q", s.Name)
	}
	if s.WarmupSteps < 0 || s.WarmupSteps > steps {
		return setting.Bad("warmup_steps", "use 0 to steps", "%d does not fit into %d steps", s.WarmupSteps, steps)
	}
	if !(s.MinRatio >= 0 && s.MinRatio <= 1) {
		return setting.Bad("min_ratio", "use a number from 0 to 1", "%g is out of range", s.MinRatio)
	}
	if s.Name == "wsd" && (s.DecaySteps < 1 || s.WarmupSteps+s.DecaySteps > steps) {
		return setting.Bad("decay_steps", "use 1 to steps minus warmup_steps", "%d does not fit into %d steps", s.DecaySteps, steps)
	}
	if s.Name == "cyclic" && s.CycleSteps < 2 {
		return setting.Bad("cycle_steps", "use 2 or more", "%d makes no cycle", s.CycleSteps)
	}
	return nil
}
