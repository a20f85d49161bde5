package tune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/wifo"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// The toy: the smallest masked model, trained on slow channels, shifted to fast
// ones.

func filler(t *testing.T) model.Filler {
	t.Helper()
	c := wifo.Default()
	c.Size, c.HiddenSize, c.NumHiddenLayers, c.NumDecoderLayers, c.NumAttentionHeads = "custom", 8, 1, 1, 2
	c.PatchSize = [3]int{4, 1, 1}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return m.(model.Filler)
}

func source(t *testing.T, split data.Split, kmh float64, examples int) data.Source {
	t.Helper()
	c := data.Default()
	c.Channel, c.NumSubcarriers, c.NumSlots, c.Tx.Cols, c.NumExamples = "jakes", 1, 20, 1, examples
	c.Speed = setting.SpeedRange{Min: setting.KMH(kmh), Max: setting.KMH(kmh)}
	c.Mask = data.Mask{Time: 1, TimeRatio: 0.2, FreqRatio: 0.5, RandomRatio: 0.5}
	s, err := data.NewMasked(c, split, 1, [3]int{4, 1, 1}, [3]int{5, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// output runs the model on held-out samples of a speed.
func output(t *testing.T, w nn.Weights, a nn.Adapter, kmh float64, loss bool) []float32 {
	t.Helper()
	f := filler(t)
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	store := nn.NewStore(1)
	if a != nil {
		nn.SetAdapter(store, a)
	}
	if err := nn.Push(store, w); err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		if loss {
			return []*nn.Node{train.MaskedLoss(f)(s, in)}
		}
		return []*nn.Node{f.Reconstruct(s, in[0], in[1])}
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := source(t, data.Validate, kmh, 0).Batch(0, 64)
	if err != nil {
		t.Fatal(err)
	}
	if !loss {
		b.Arrays = b.Arrays[:2]
	}
	out, err := p.Run(b.Arrays...)
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32
}

func judge(t *testing.T, kmh float64) func(nn.Weights, nn.Adapter) (float64, error) {
	return func(w nn.Weights, a nn.Adapter) (float64, error) {
		sum := 0.0
		losses := output(t, w, a, kmh, true)
		for _, v := range losses {
			sum += float64(v) / float64(len(losses))
		}
		return sum, nil
	}
}

// pretrained is the base, trained at 10 km/h.
func pretrained(t *testing.T) nn.Weights {
	t.Helper()
	c := train.Default()
	c.Steps, c.BatchSize, c.Optimizer.LR = 300, 16, 5e-3
	j := train.Job{Config: c, Seed: 1, Loss: train.MaskedLoss(filler(t)), Source: source(t, data.Train, 10, 0)}
	res, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return res.Weights
}

func task(t *testing.T, base nn.Weights) *Task {
	c := Default()
	c.NumExamples, c.Steps, c.BatchSize, c.ValidateEvery = 64, 60, 16, 20
	c.Full.LearningRates = []float64{1e-3, 5e-3}
	c.LoRA.LearningRates = []float64{1e-2, 3e-2}
	c.LoRA.Rank, c.LoRA.Targets = 2, []string{"query", "up", "down"}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return &Task{
		Config: c, Seed: 2, Base: base, Loss: train.MaskedLoss(filler(t)),
		Source: source(t, data.Adapt, 100, 64), Judge: judge(t, 100), Fingerprint: "toy",
	}
}

func same(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// TestAdapt: both ways lower the validation score on a shift; LoRA leaves every
// base weight as it is, starts as the base to the bit and merges to the same
// outputs.
func TestAdapt(t *testing.T) {
	base := pretrained(t)
	start, _ := judge(t, 100)(base, nil)
	before := base.Clone()
	tk := task(t, base)

	full, err := tk.FullFineTune(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if full.Best.Score >= 0.95*start || full.Trained != base.NumParameters() || full.Adapter != nil || len(full.Trials) != 2 {
		t.Errorf("full: score %g from %g, %d trained, trials %+v", full.Best.Score, start, full.Trained, full.Trials)
	}
	checkTrials(t, full, start)

	lora, err := tk.LowRank(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Two blocks; query is 8 x 8, up 8 x 16, down 16 x 8; rank 2.
	if want := 2 * 2 * (16 + 24 + 24); lora.Trained != want || lora.Best.Score >= 0.98*start {
		t.Errorf("LoRA: score %g from %g, %d trained, want %d", lora.Best.Score, start, lora.Trained, want)
	}
	checkTrials(t, lora, start)
	if score, _ := tk.Judge(lora.Weights, lora.Adapter); score != lora.Best.Score {
		t.Errorf("LoRA: the weights score %g, the trial says %g", score, lora.Best.Score)
	}
	for _, w := range before {
		if !same(w.Values, base.Find(w.Name).Values) || !same(w.Values, lora.Weights.Find(w.Name).Values) {
			t.Errorf("%s changed", w.Name)
		}
	}

	merged, err := tk.Config.LoRA.Merge(lora.Weights)
	if err != nil || len(merged) != len(base) {
		t.Fatalf("merge: %d weights, %v", len(merged), err)
	}
	apart, together := output(t, lora.Weights, lora.Adapter, 100, false), output(t, merged, nil, 100, false)
	for i := range apart {
		if d := math.Abs(float64(apart[i] - together[i])); d > 1e-5 {
			t.Fatalf("value %d: merged %g, apart %g", i, together[i], apart[i])
		}
	}

	control, err := tk.Continue(t.Context())
	if err != nil || control.Best.Step != tk.Config.Steps || same(control.Weights[0].Values, base[0].Values) {
		t.Errorf("control: %+v, %v", control.Best, err)
	}
}

// checkTrials: each curve begins with the base, and the best of all is the best.
func checkTrials(t *testing.T, a *Adapted, start float64) {
	t.Helper()
	for _, trial := range a.Trials {
		lowest := slices.MinFunc(trial.Curve, func(x, y train.Score) int {
			if x.Value < y.Value {
				return -1
			}
			return 1
		})
		if len(trial.Curve) != 4 || trial.Curve[0] != (train.Score{Value: start}) || lowest.Value != trial.Score || lowest.Step != trial.Step {
			t.Errorf("trial %+v", trial)
		}
		if trial.Score < a.Best.Score {
			t.Errorf("rate %g scored %g, the best is said to be %g", trial.LearningRate, trial.Score, a.Best.Score)
		}
	}
}

// TestLoRAStartsEqual: with the second factor at zero the output is the base's, to
// the bit.
func TestLoRAStartsEqual(t *testing.T) {
	base := weightsOf(t, nil)
	l := LoRA{Rank: 3, Alpha: 6, Targets: []string{"query", "key", "value", "output", "up", "down", "patch_embed", "embed", "head"}}
	if err := l.check(base); err != nil {
		t.Fatal(err)
	}
	if !same(output(t, base, l, 50, false), output(t, base, nil, 50, false)) {
		t.Error("other outputs")
	}
	adapted := weightsOf(t, l)
	for _, w := range adapted {
		if strings.HasSuffix(w.Name, "/"+loraB) && slices.ContainsFunc(w.Values, func(v float32) bool { return math.Abs(float64(v)) > 1e-29 }) { // one step of 1e-30
			t.Errorf("%s did not start at zero", w.Name)
		}
	}
	if got := len(l.Factors(adapted)); got != 2*(2*6+3) {
		t.Errorf("%d factors, want two for each of 15 layers", got)
	}
}

// weightsOf are the first weights of the model under an adapter.
func weightsOf(t *testing.T, a nn.Adapter) nn.Weights {
	t.Helper()
	c := train.Default()
	c.Steps, c.BatchSize, c.Optimizer.LR, c.Schedule.WarmupSteps = 1, 2, 1e-30, 0
	j := train.Job{Config: c, Seed: 1, Adapter: a, Loss: train.MaskedLoss(filler(t)), Source: source(t, data.Train, 10, 0)}
	res, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return res.Weights
}

// TestKeepsBase: where nothing learned beats the base, the base is the answer.
func TestKeepsBase(t *testing.T) {
	base := pretrained(t)
	tk := task(t, base)
	tk.Judge = judge(t, 10) // where the base is at home
	tk.Config.Full.LearningRates = []float64{1}
	tk.Config.LoRA.LearningRates = []float64{1}
	for _, adapt := range []func(context.Context) (*Adapted, error){tk.FullFineTune, tk.LowRank} {
		a, err := adapt(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a.Best.Step != 0 || a.Adapter != nil || !same(a.Weights[0].Values, base[0].Values) || a.Best.Score != a.Best.Curve[0].Value {
			t.Errorf("got %+v", a.Best)
		}
	}
}

// TestTrialsResume: a trial that was stopped goes on, those that are done are not
// done again, and the outcome is that of a run in one piece.
func TestTrialsResume(t *testing.T) {
	base := pretrained(t)
	want, err := task(t, base).LowRank(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fsys := durable.NewMemFS(1)
	resumable := func(points *int, stop int) (*Adapted, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tk := task(t, base)
		tk.Checkpoints = func(trial string) (*durable.Store, error) {
			return durable.OpenStore(fsys, "runs/"+strings.ReplaceAll(trial, " ", "-"), durable.Options{Keep: 1})
		}
		tk.Progress = func(string, train.Point) {
			if *points++; *points == stop {
				cancel()
			}
		}
		return tk.LowRank(ctx)
	}
	points := 0
	if _, err := resumable(&points, 4); !errors.Is(err, train.ErrStopped) || !strings.HasPrefix(err.Error(), "lora lr 0.03: ") {
		t.Fatalf("stopped in the second trial: %v", err)
	}
	points = 0
	got, err := resumable(&points, -1)
	if err != nil {
		t.Fatal(err)
	}
	if points != 2 {
		t.Errorf("%d points after the resume, want the last 2 of the second trial", points)
	}
	if fmt.Sprint(got.Trials) != fmt.Sprint(want.Trials) {
		t.Errorf("trials %+v, want %+v", got.Trials, want.Trials)
	}
	for i, w := range want.Weights {
		if !same(w.Values, got.Weights[i].Values) {
			t.Errorf("%s has other bits", w.Name)
		}
	}
}

func TestMergeErrors(t *testing.T) {
	l := LoRA{Rank: 2, Alpha: 4}
	weight := func(name string, shape ...int) nn.Weight {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return nn.Weight{Name: name, Shape: shape, Values: make([]float32, n)}
	}
	w, a, b := weight("x/weight", 3, 5), weight("x/lora_a", 3, 2), weight("x/lora_b", 2, 5)
	for i := range a.Values {
		a.Values[i] = float32(i + 1)
	}
	for i := range b.Values {
		b.Values[i] = 1
	}
	merged, err := l.Merge(nn.Weights{w, a, b}.Sorted())
	if err != nil || len(merged) != 1 || merged[0].Values[0] != 2*(1+2) || merged[0].Values[14] != 2*(5+6) || w.Values[0] != 0 {
		t.Errorf("merged %v, %v", merged, err)
	}
	for name, c := range map[string]nn.Weights{
		"no weight":    {a, b},
		"no second":    {w, a},
		"no first":     {w, b},
		"other rank":   {w, weight("x/lora_a", 3, 1), weight("x/lora_b", 1, 5)},
		"other input":  {w, weight("x/lora_a", 4, 2), b},
		"other output": {w, a, weight("x/lora_b", 2, 4)},
		"one axis":     {w, weight("x/lora_a", 6), b},
	} {
		if _, err := l.Merge(c.Sorted()); err == nil || !strings.HasPrefix(err.Error(), `merge LoRA: layer "x"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTargets: a target that no layer answers to is an error with the choices.
func TestTargets(t *testing.T) {
	tk := task(t, weightsOf(t, nil))
	tk.Config.LoRA.Targets = []string{"query", "vlaue"}
	_, err := tk.LowRank(t.Context())
	want := `tune: lora.targets: the model has no dense layer "vlaue"; use the last parts of layer names, such as down, embed, head, key, output, patch_embed, query, up, value`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`speed: "3 to 120 km/h" is a range`:                         func(c *Config) { c.Speed.Min = setting.KMH(3) },
		"num_examples: 0 is not positive":                           func(c *Config) { c.NumExamples = 0 },
		"batch_size: 1000 is more than the 512 adaptation samples":  func(c *Config) { c.BatchSize = 1000 },
		"validate_every: 0 is not positive":                         func(c *Config) { c.ValidateEvery = 0 },
		"full.learning_rates: the list is empty":                    func(c *Config) { c.Full.LearningRates = nil },
		"lora.learning_rates: -1 is not a learning rate":            func(c *Config) { c.LoRA.LearningRates = []float64{-1} },
		"lora.rank: 0 is not a rank":                                func(c *Config) { c.LoRA.Rank = 0 },
		"lora.alpha: NaN is not positive":                           func(c *Config) { c.LoRA.Alpha = math.NaN() },
		"lora.targets: the list is empty; name at least one layer,": func(c *Config) { c.LoRA.Targets = nil },
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
