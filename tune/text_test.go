package tune

import (
	"strings"
	"testing"
)

func TestTextValidates(t *testing.T) {
	if err := DefaultText().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(c *Text){
		"methods":            func(c *Text) { c.Methods = nil },
		`no method "qlora"`:  func(c *Text) { c.Methods = []string{"qlora"} },
		"twice":              func(c *Text) { c.Methods = []string{"lora", "lora"} },
		"bitfit.learning":    func(c *Text) { c.Methods, c.BitFit.LearningRates = []string{"bitfit"}, nil },
		"validation":         func(c *Text) { c.Files = []string{"x.jsonl"} },
		"steps":              func(c *Text) { c.Steps = 0 },
		"micro_batch_size":   func(c *Text) { c.MicroBatchSize = 7 },
		"lora.alpha":         func(c *Text) { c.LoRA.Alpha = 0 },
		"lora.targets":       func(c *Text) { c.LoRA.Targets = nil },
		"prefix.length":      func(c *Text) { c.Prefix.Length = 0 },
		"length: 3 is too s": func(c *Text) { c.Length = 3 },
	} {
		c := DefaultText()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error of %s, got %v", want, err)
		}
	}
	for _, way := range TextWays {
		if one := DefaultText().Only(way); len(one.Rates(way)) == 0 || (one.Adapter(way) == nil) != (way == WayFull) {
			t.Errorf("%s: %+v", way, one)
		}
	}
}
