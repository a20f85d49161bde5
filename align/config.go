// Package align teaches a language model which of two answers people, or a check, prefer:
// direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290) with its own
// loss, that of IPO (Azar et al. 2023, arXiv:2310.12036) or that of KTO (Ethayarajh et
// al. 2024, arXiv:2402.01306), as a [train.Loss] over pairs of package data.
//
// What the reference, the model before alignment, thinks of the pairs is worked out once
// by [Reference] and kept; training then runs one model. [Measure] tells on held-out
// pairs how often the better answer gets the higher implied reward, and how far the
// model has gone from the reference.
//
// Implied reward is beta (log p(answer) - log p_reference(answer)), the sums over the
// answer's tokens.
package align

import (
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
)

// Loss names what is minimised.
type Loss string

// The losses, with d the difference of the log-ratios of chosen and rejected.
const (
	DPO Loss = "dpo" // -log sigmoid(beta d)
	IPO Loss = "ipo" // (d - 1/(2 beta))^2, the log-ratios taken per token
	KTO Loss = "kto" // of single answers with a label
)

var losses = []string{string(DPO), string(IPO), string(KTO)}

// Config is the `align` section of a recipe.
type Config struct {
	Loss              Loss      `yaml:"loss"`
	Facts             string    `yaml:"facts"`              // which facts of a recipe pairs are made of: tuned on before, or only read
	Beta              float64   `yaml:"beta"`               // how dear it is to leave the reference
	DesirableWeight   float64   `yaml:"desirable_weight"`   // kto: of answers labelled good
	UndesirableWeight float64   `yaml:"undesirable_weight"` // kto: of the others
	Steps             int       `yaml:"steps"`              // updates
	BatchSize         int       `yaml:"batch_size"`         // pairs of an update
	MicroBatchSize    int       `yaml:"micro_batch_size"`   // pairs of one graph run; divides batch_size; 0 = batch_size
	LearningRate      float64   `yaml:"learning_rate"`      // peak
	WarmupSteps       int       `yaml:"warmup_steps"`
	ValidateEvery     int       `yaml:"validate_every"` // steps between looks at held-out pairs
	Rows              data.Rows `yaml:"rows"`           // how answers become rows; pack is not used
}

// Default is DPO as it was published.
func Default() Config {
	return Config{
		Loss: DPO, Facts: "tuned", Beta: 0.1, DesirableWeight: 1, UndesirableWeight: 1,
		Steps: 200, BatchSize: 16, LearningRate: 1e-4, WarmupSteps: 10, ValidateEvery: 50, Rows: data.Rows{Overlong: data.OverlongError},
	}
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	if !slices.Contains(losses, string(c.Loss)) {
		return setting.Bad("loss", "use one of "+strings.Join(losses, ", "), "there is no loss %q", c.Loss)
	}
	if c.Facts != "tuned" && c.Facts != "read" {
		return setting.Bad("facts", "use tuned or read", "pairs cannot be made of facts %q", c.Facts)
	}
	for _, f := range []struct {
		key   string
		value float64
	}{{"beta", c.Beta}, {"desirable_weight", c.DesirableWeight}, {"undesirable_weight", c.UndesirableWeight}, {"learning_rate", c.LearningRate}} {
		if !(f.value > 0) || math.IsInf(f.value, 0) {
			return setting.Bad(f.key, "use a positive number such as 0.1", "%g cannot be used", f.value)
		}
	}
	for _, f := range []struct {
		key   string
		value int
	}{{"steps", c.Steps}, {"batch_size", c.BatchSize}, {"validate_every", c.ValidateEvery}} {
		if f.value < 1 {
			return setting.Bad(f.key, "use 1 or more", "%d is not positive", f.value)
		}
	}
	if c.WarmupSteps < 0 || c.WarmupSteps > c.Steps {
		return setting.Bad("warmup_steps", "use 0 to steps", "%d does not fit into %d steps", c.WarmupSteps, c.Steps)
	}
	if err := c.training().Validate(); err != nil {
		return err
	}
	if c.Loss == KTO && c.micro() < 2 {
		return setting.Bad("batch_size", "use micro-batches of 2 or more", "kto tells from the other answers of a micro-batch how far the model has moved in general, and there is one")
	}
	return setting.Under("rows", c.Rows.Validate())
}

func (c Config) micro() int {
	if c.MicroBatchSize > 0 {
		return c.MicroBatchSize
	}
	return c.BatchSize
}

// training is the loop: a cosine behind a short warm-up.
func (c Config) training() train.Config {
	t := train.Default()
	t.Steps, t.BatchSize, t.MicroBatchSize = c.Steps, c.BatchSize, c.MicroBatchSize
	t.LogEvery, t.CheckpointEvery = c.ValidateEvery, max(c.Steps/4, 1)
	t.Optimizer.LR, t.Schedule.WarmupSteps = c.LearningRate, c.WarmupSteps
	return t
}

// Job is the training of a model, from weights start, on pairs whose reference is known.
// Under an adapter only what that learns is trained. Keeping, judging and showing are
// the caller's to add.
func (c Config) Job(m model.LM, start nn.Weights, a nn.Adapter, pairs *data.Pairs, seed uint64) *train.Job {
	j := &train.Job{Config: c.training(), Seed: seed, Start: start, Adapter: a, Loss: c.Of(m), Source: pairs, JudgeEvery: c.ValidateEvery}
	if a != nil {
		j.Trains = a.Trains
	}
	return j
}

// Pairs renders a file of examples as the loss wants them: preferences, or for KTO
// labels.
func (c Config) Pairs(e *data.Examples, t *tokenizer.Tokenizer, split data.Split, seed uint64) (*data.Pairs, error) {
	render := data.Preferences
	if c.Loss == KTO {
		render = data.Labels
	}
	list, err := render(t, e)
	if err != nil {
		return nil, err
	}
	return data.NewPairs(list, c.Rows, split, seed)
}
