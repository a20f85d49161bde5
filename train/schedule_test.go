package train

import (
	"math"
	"strings"
	"testing"
)

// TestScheduleGolden compares with numbers worked out by hand: 11 updates, two of
// them warm-up, a peak of 2 and a floor of a tenth of it.
func TestScheduleGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		want [11]float64 // over the peak
	}{
		{"constant", [11]float64{.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"linear", [11]float64{.5, 1, 1, .8875, .775, .6625, .55, .4375, .325, .2125, .1}},
		{"cosine", [11]float64{.5, 1, 1, .965745789630079, .868198051533946, .722207544564290, .55,
			.377792455435710, .231801948466054, .134254210369921, .1}},
		{"cyclic", [11]float64{.5, 1, 1, .55, .1, .55, 1, .55, .1, .55, 1}},
		{"wsd", [11]float64{.5, 1, 1, 1, 1, 1, 1, .775, .55, .325, .1}},
	} {
		s := Schedule{Name: c.name, WarmupSteps: 2, MinRatio: 0.1, DecaySteps: 4, CycleSteps: 4}
		if err := s.validate(11); err != nil {
			t.Fatal(err)
		}
		for step, want := range c.want {
			if got := s.Rate(step, 11, 2); math.Abs(got-2*want) > 1e-14 {
				t.Errorf("%s, update %d: %.15g, want %.15g", c.name, step, got, 2*want)
			}
		}
	}
}

// TestScheduleEdges: runs so short that a part has no room still get a rate.
func TestScheduleEdges(t *testing.T) {
	for _, name := range []string{"constant", "linear", "cosine", "cyclic", "wsd"} {
		for steps := 1; steps < 6; steps++ {
			for warmup := 0; warmup <= steps; warmup++ {
				s := Schedule{Name: name, WarmupSteps: warmup, MinRatio: 0.1, DecaySteps: 1, CycleSteps: 2}
				for step := range steps {
					if r := s.Rate(step, steps, 1); !(r >= 0.1-1e-15 && r <= 1) {
						t.Errorf("%s, update %d of %d, %d of warm-up: %g", name, step, steps, warmup, r)
					}
				}
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"steps: 0 is not positive":                              func(c *Config) { c.Steps = 0 },
		"batch_size: -1 is not positive":                        func(c *Config) { c.BatchSize = -1 },
		"micro_batch_size: 3 does not divide batch_size 64":     func(c *Config) { c.MicroBatchSize = 3 },
		"clip_norm: NaN is not usable":                          func(c *Config) { c.ClipNorm = math.NaN() },
		"clip_value: -1 is not usable":                          func(c *Config) { c.ClipValue = -1 },
		"checkpoint_every: 0 is not positive":                   func(c *Config) { c.CheckpointEvery = 0 },
		`optimizer.name: there is no optimizer "adam"`:          func(c *Config) { c.Optimizer.Name = "adam" },
		"optimizer.lr: 0 is not a learning rate":                func(c *Config) { c.Optimizer.LR = 0 },
		"optimizer.beta2: 1 is out of range":                    func(c *Config) { c.Optimizer.Beta2 = 1 },
		"optimizer.eps: 0 is not usable":                        func(c *Config) { c.Optimizer.Eps = 0 },
		"optimizer.weight_decay: -1 is negative":                func(c *Config) { c.Optimizer.WeightDecay = -1 },
		"optimizer.weight_decay: +Inf is not usable":            func(c *Config) { c.Optimizer.WeightDecay = math.Inf(1) },
		`schedule.name: there is no schedule "step"`:            func(c *Config) { c.Schedule.Name = "step" },
		"schedule.warmup_steps: 1001 does not fit":              func(c *Config) { c.Schedule.WarmupSteps = 1001 },
		"schedule.min_ratio: 2 is out of range":                 func(c *Config) { c.Schedule.MinRatio = 2 },
		"schedule.decay_steps: 0 does not fit into 1000 steps":  func(c *Config) { c.Schedule.Name = "wsd" },
		"schedule.cycle_steps: 1 makes no cycle; use 2 or more": func(c *Config) { c.Schedule.Name, c.Schedule.CycleSteps = "cyclic", 1 },
	} {
		c := Default()
		if err := c.Validate(); err != nil {
			t.Fatalf("the default: %v", err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
}
