package train

import (
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/wifo"
)

// BenchmarkStep is one update of a small model on two kinds of grid: few tokens,
// and many.
func BenchmarkStep(b *testing.B) {
	for _, g := range []struct {
		name    string
		patch   [3]int
		patches [3]int
		change  func(*data.Config)
	}{
		{"jakes", [3]int{4, 1, 1}, [3]int{5, 1, 1}, func(c *data.Config) {
			c.Channel, c.NumSubcarriers, c.Tx.Cols = "jakes", 1, 1
			c.Mask = data.Mask{Time: 1, TimeRatio: 0.2, FreqRatio: 0.5, RandomRatio: 0.5}
		}},
		{"cdl-c", [3]int{4, 4, 4}, [3]int{5, 8, 1}, func(c *data.Config) {
			c.Mask = data.Mask{Time: 1, TimeRatio: 0.2, FreqRatio: 0.5, RandomRatio: 0.5}
		}},
	} {
		b.Run(g.name, func(b *testing.B) {
			c := wifo.Default()
			c.Size, c.HiddenSize, c.NumHiddenLayers, c.NumDecoderLayers, c.NumAttentionHeads, c.PatchSize = "custom", 64, 3, 2, 8, g.patch
			m, err := c.Build()
			if err != nil {
				b.Fatal(err)
			}
			d := data.Default()
			g.change(&d)
			source, err := data.NewMasked(d, data.Train, 1, g.patch, g.patches)
			if err != nil {
				b.Fatal(err)
			}
			cfg := toyConfig(1 << 30)
			cfg.BatchSize, cfg.MicroBatchSize = 64, 32
			j := &Job{Config: cfg, Seed: 1, Loss: MaskedLoss(m.(model.Filler)), Source: source, Workers: 1}
			l, err := j.prepare()
			if err != nil {
				b.Fatal(err)
			}
			grads := l.trained.Clone()
			for b.Loop() {
				if _, _, err := l.step(grads); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
