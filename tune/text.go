package tune

import (
	"fmt"
	"slices"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/nn"
)

// The ways of adapting a language model beside [WayFull] and [WayLoRA].
const (
	WayBottleneck Way = "bottleneck" // adapters behind sublayers learn
	WayBitFit     Way = "bitfit"     // biases learn
	WayPrefix     Way = "prefix"     // keys and values of a prefix learn
)

// TextWays are the ways of adapting a language model.
var TextWays = []Way{WayFull, WayLoRA, WayBottleneck, WayBitFit, WayPrefix}

// Text is the `tune` section of a recipe for text: instruction tuning, the loss on what
// the assistant says only.
type Text struct {
	Methods        []string   `yaml:"methods"` // ways to compare; the first one's model is what goes on
	Files          []string   `yaml:"files"`   // examples; none: instructions made of the facts
	Validation     []string   `yaml:"validation"`
	Length         int        `yaml:"length"` // tokens of a row; 0 = data.sequence_length
	Noise          float64    `yaml:"noise"`  // share of the prompts' tokens that are replaced
	Steps          int        `yaml:"steps"`
	BatchSize      int        `yaml:"batch_size"`
	MicroBatchSize int        `yaml:"micro_batch_size"`
	ValidateEvery  int        `yaml:"validate_every"`
	Full           Full       `yaml:"full"`
	LoRA           LoRA       `yaml:"lora"`
	Bottleneck     Bottleneck `yaml:"bottleneck"`
	BitFit         BitFit     `yaml:"bitfit"`
	Prefix         Prefix     `yaml:"prefix"`
}

// DefaultText tunes every weight.
func DefaultText() Text {
	return Text{
		Methods: []string{string(WayFull)}, Steps: 400, BatchSize: 16, ValidateEvery: 50,
		Full:       Full{LearningRates: []float64{1e-3}},
		LoRA:       LoRA{Rank: 4, Alpha: 8, Targets: []string{"q_proj", "v_proj"}, LearningRates: []float64{3e-3}},
		Bottleneck: Bottleneck{Size: 8, LearningRates: []float64{3e-3}},
		BitFit:     BitFit{LearningRates: []float64{1e-2}},
		Prefix:     Prefix{Length: 8, LearningRates: []float64{1e-2}},
	}
}

// Validate reports the first setting that cannot be used.
func (c Text) Validate() error {
	if len(c.Methods) == 0 {
		return setting.Bad("methods", "use [full], or more of full, lora, bottleneck, bitfit, prefix", "the list is empty")
	}
	for i, m := range c.Methods {
		if !slices.Contains(TextWays, Way(m)) {
			return setting.Bad("methods", "use full, lora, bottleneck, bitfit or prefix", "there is no method %q", m)
		}
		if slices.Contains(c.Methods[:i], m) {
			return setting.Bad("methods", "keep one of them", "%q stands there twice", m)
		}
		if err := rates(m+".learning_rates", c.Rates(Way(m))); err != nil {
			return err
		}
	}
	if len(c.Files) > 0 && len(c.Validation) == 0 {
		return setting.Bad("validation", "name a file of examples that choose when to stop", "there is none beside files")
	}
	for _, f := range []struct {
		key   string
		value int
	}{{"steps", c.Steps}, {"batch_size", c.BatchSize}, {"validate_every", c.ValidateEvery}, {"lora.rank", c.LoRA.Rank}, {"bottleneck.size", c.Bottleneck.Size}, {"prefix.length", c.Prefix.Length}} {
		if f.value < 1 {
			return setting.Bad(f.key, "use 1 or more", "%d is not positive", f.value)
		}
	}
	if c.MicroBatchSize < 0 || (c.MicroBatchSize > 0 && c.BatchSize%c.MicroBatchSize != 0) {
		return setting.Bad("micro_batch_size", "use a divisor of batch_size", "%d does not divide batch_size %d", c.MicroBatchSize, c.BatchSize)
	}
	if !(c.LoRA.Alpha > 0) {
		return setting.Bad("lora.alpha", "use a positive number, often twice the rank", "%g is not positive", c.LoRA.Alpha)
	}
	if len(c.LoRA.Targets) == 0 {
		return setting.Bad("lora.targets", "name at least one layer, such as q_proj", "the list is empty")
	}
	if !(c.Noise >= 0 && c.Noise < 1) {
		return setting.Bad("noise", "use a share such as 0.1", "%g is out of range", c.Noise)
	}
	if c.Length != 0 && c.Length < 8 {
		return setting.Bad("length", "use 0 for data.sequence_length, or 8 and more", "%d is too short", c.Length)
	}
	return nil
}

// Rates are the learning rates of a method.
func (c Text) Rates(way Way) []float64 {
	switch way {
	case WayLoRA:
		return c.LoRA.LearningRates
	case WayBottleneck:
		return c.Bottleneck.LearningRates
	case WayBitFit:
		return c.BitFit.LearningRates
	case WayPrefix:
		return c.Prefix.LearningRates
	}
	return c.Full.LearningRates
}

// Adapter is what a method puts under the model; nil for full fine-tuning.
func (c Text) Adapter(way Way) nn.Adapter {
	switch way {
	case WayLoRA:
		return c.LoRA
	case WayBottleneck:
		return c.Bottleneck
	case WayBitFit:
		return c.BitFit
	case WayPrefix:
		return c.Prefix
	}
	return nil
}

// Loop is what all trials have in common, as a Task takes it.
func (c Text) Loop() Config {
	return Config{Steps: c.Steps, BatchSize: c.BatchSize, ValidateEvery: c.ValidateEvery}
}

// Only is the settings that one method depends on, so that others leave it as it was.
func (c Text) Only(way Way) Text {
	all := c
	c.Methods = []string{string(way)}
	c.Full, c.LoRA, c.Bottleneck, c.BitFit, c.Prefix = Full{}, LoRA{}, Bottleneck{}, BitFit{}, Prefix{}
	switch way {
	case WayFull:
		c.Full = all.Full
	case WayLoRA:
		c.LoRA = all.LoRA
	case WayBottleneck:
		c.Bottleneck = all.Bottleneck
	case WayBitFit:
		c.BitFit = all.BitFit
	case WayPrefix:
		c.Prefix = all.Prefix
	}
	return c
}

// check reports a target of LoRA that no layer answers to.
func (c Text) check(way Way, base nn.Weights) error {
	if way != WayLoRA {
		return nil
	}
	if err := c.LoRA.check(base); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	return nil
}
