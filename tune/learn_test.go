package tune

import (
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// tasks are the same few chats for ever: three tokens are asked, and what is to be said
// follows from them.
func tasks(t *testing.T) *data.Chats {
	t.Helper()
	var list []data.Sequence
	for i := range 12 {
		r := rng.New(3, uint64(i))
		s := data.Sequence{IDs: []int32{2, int32(10 + i), int32(30 + i), 3}, Trained: make([]bool, 8)}
		for k := range 4 {
			s.IDs, s.Trained[4+k] = append(s.IDs, int32(5+r.Uint64()%50)), true
		}
		list = append(list, s)
	}
	c, err := data.NewChats(list, data.Rows{Pack: true, Length: 15, Overlong: data.OverlongError}, data.Train, 1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestMethodsLearn: every way of tuning lowers the loss on packed chats, on both
// families, and leaves all weights of the base that it does not train as they were.
func TestMethodsLearn(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		prefix, err := Prefix{Length: 4}.From(m, w, []int32{2, 9, 9, 3})
		if err != nil {
			t.Fatal(err)
		}
		targets := map[string][]string{"gpt2": {"c_attn", "c_fc", "c_proj"}, "llama": {"q_proj", "v_proj", "up_proj", "down_proj"}}[name]
		for _, c := range []struct {
			a    nn.Adapter
			lr   float64
			most float64 // share of the first loss that may be left
		}{
			{nil, 5e-3, 0.3}, {LoRA{Rank: 4, Alpha: 8, Targets: targets}, 2e-2, 0.75}, {Bottleneck{Size: 8}, 2e-2, 0.85},
			{BitFit{}, 5e-2, 0.93}, {Prefix{Length: 4}, 5e-2, 0.95}, {prefix, 5e-2, 0.93},
		} {
			var first, last float64
			cfg := train.Default()
			cfg.Steps, cfg.BatchSize, cfg.LogEvery, cfg.Optimizer.LR, cfg.Schedule.WarmupSteps = 60, 6, 1, c.lr, 5
			j := train.Job{Config: cfg, Seed: 1, Start: w, Adapter: c.a, Loss: train.TokenLoss(m), Source: tasks(t), Workers: 1, Progress: func(p train.Point) {
				if p.Step == 1 {
					first = p.Loss
				}
				last = p.Loss
			}}
			if c.a != nil {
				j.Trains = c.a.Trains
			}
			res, err := j.Run(t.Context())
			if err != nil {
				t.Fatalf("%s %T: %v", name, c.a, err)
			}
			t.Logf("%s %T: %.3f to %.3f", name, c.a, first, last)
			if !(last < c.most*first) {
				t.Errorf("%s %T: the loss goes from %.3f to %.3f", name, c.a, first, last)
			}
			for _, item := range w {
				if c.a != nil && !c.a.Trains(item.Name) && !slices.Equal(item.Values, res.Weights.Find(item.Name).Values) {
					t.Errorf("%s %T: %s changed", name, c.a, item.Name)
				}
			}
		}
	}
}

// TestPrefixFrom: a prefix that begins as tokens gives the logits that the model has
// behind these tokens.
func TestPrefixFrom(t *testing.T) {
	for _, name := range models {
		m, w := base(t, name)
		tokens := []int32{7, 3, 11, 20, 5, 1, 2}
		p, err := Prefix{Length: 3}.From(m, w, tokens[:3])
		if err != nil {
			t.Fatal(err)
		}
		whole := logits(t, m, w, nil, nn.Array{Shape: []int{1, 7}, Int32: tokens})
		rest := logits(t, m, w, p, nn.Array{Shape: []int{1, 4}, Int32: tokens[3:]})
		if d := farthest(rest, whole[3*m.VocabSize():]); d > 1e-5 {
			t.Errorf("%s: logits differ by %g", name, d)
		}
		if _, err := p.From(m, w, tokens); err == nil {
			t.Errorf("%s: 7 tokens for 3 places", name)
		}
	}
}

// FuzzSettings: whatever adapter_config.json holds, it is read or refused.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{
		`{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}`, `{"r": 1e300}`, `[]`, `{"bias": "all"}`,
		`{"peft_type": "PREFIX_TUNING", "num_virtual_tokens": -1}`, `{"target_modules": "all-linear", "init_lora_weights": {"a": [null]}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSettings(text)
		if err == nil && s.Type == peftLoRA && (s.Rank < 1 || !(s.Alpha > 0)) {
			t.Errorf("%q is accepted", text)
		}
	})
}

// TestBegin: the prefix of a recipe begins as the first tokens of the first row.
func TestBegin(t *testing.T) {
	m, w := base(t, "llama")
	source := tasks(t)
	b, err := source.Batch(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultText()
	c.Methods, c.Prefix.Length = []string{"prefix"}, 3
	if c, err = c.Begin(m, w, source); err != nil {
		t.Fatal(err)
	}
	want, err := Prefix{Length: 3}.From(m, w, b.Arrays[0].Int32[:3])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Prefix.start["model/layers/1/self_attn/prefix_key"], want.start["model/layers/1/self_attn/prefix_key"]) {
		t.Error("another beginning")
	}
	c.Prefix.Length = 99
	if _, err := c.Begin(m, w, source); err == nil || !strings.HasPrefix(err.Error(), "prefix.length: 99 places cannot begin as the 15 tokens") {
		t.Errorf("got %v", err)
	}
}
