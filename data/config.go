// Package data turns simulated channels and texts into batches, with a cursor that is
// nothing but the number of the step. Of channels: noise on the inputs, masks over the
// patches. Of texts: documents packed into rows, chats with what of them is trained,
// pairs of answers.
//
// A batch depends on (configuration, seed, step) only. Whoever has trained to
// step 1000 and starts again asks for batch 1001 and gets the bits it would have
// got without the interruption.
package data

import (
	"math"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/csi"
)

// Config is the `data` section of a recipe: the channels (see csi.Config), the
// noise on the inputs and the masks.
type Config struct {
	csi.Config  `yaml:",inline"`
	SNR         setting.Decibel `yaml:"snr"`          // of every input entry; targets are noiseless
	NumExamples int             `yaml:"num_examples"` // size of the training set; 0 = an endless stream
	Mask        Mask            `yaml:"mask"`
}

// Mask says how often each way of hiding patches is drawn, and how much it hides.
type Mask struct {
	Time   float64 `yaml:"time"`   // weight of hiding the last patches in time
	Freq   float64 `yaml:"freq"`   // weight of hiding the last patches in frequency
	Random float64 `yaml:"random"` // weight of hiding patches anywhere
	// Fractions of the patches that each way hides.
	TimeRatio   float64 `yaml:"time_ratio"`
	FreqRatio   float64 `yaml:"freq_ratio"`
	RandomRatio float64 `yaml:"random_ratio"`
}

// Default is an endless stream with the masks of WiFo in equal parts.
func Default() Config {
	return Config{
		Config: csi.Default(),
		SNR:    18,
		Mask:   Mask{Time: 1, Freq: 1, Random: 1, TimeRatio: 0.5, FreqRatio: 0.5, RandomRatio: 0.85},
	}
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	if err := c.Config.Validate(); err != nil {
		return err
	}
	if c.SNR < -30 || c.SNR > 100 {
		return setting.Bad("snr", "use a value from -30 dB to 100 dB", "%v is out of range", c.SNR)
	}
	if c.NumExamples < 0 {
		return setting.Bad("num_examples", "use 0 for an endless stream, or a positive number", "%d is negative", c.NumExamples)
	}
	return setting.Under("mask", c.Mask.validate())
}

func (m Mask) validate() error {
	if m.Time < 0 || m.Freq < 0 || m.Random < 0 {
		return setting.Bad("", "use weights of 0 or more", "a weight is negative")
	}
	if sum := m.Time + m.Freq + m.Random; math.IsNaN(sum) || math.IsInf(sum, 0) {
		return setting.Bad("", "use weights such as 1", "a weight is not a number")
	}
	if m.Time+m.Freq+m.Random == 0 {
		return setting.Bad("", "give at least one of time, freq, random a positive weight", "every weight is 0")
	}
	for _, r := range []struct {
		key   string
		value float64
	}{{"time_ratio", m.TimeRatio}, {"freq_ratio", m.FreqRatio}, {"random_ratio", m.RandomRatio}} {
		if !(r.value > 0 && r.value < 1) {
			return setting.Bad(r.key, "use a fraction between 0 and 1", "%g hides nothing or everything", r.value)
		}
	}
	return nil
}

// fits reports a way of hiding that a sample of so many patches cannot serve.
func (m Mask) fits(patches [3]int) error {
	total := patches[0] * patches[1] * patches[2]
	for _, w := range []struct {
		key    string
		weight float64
		n      int
	}{{"time", m.Time, patches[0]}, {"freq", m.Freq, patches[1]}, {"random", m.Random, total}} {
		if w.weight > 0 && w.n < 2 {
			return setting.Bad(w.key, "set it to 0, or use smaller patches", "%d patch along it cannot be split into seen and hidden", w.n)
		}
	}
	return nil
}
