package align

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tune"
	"github.com/gomlx/gomlx/core/graph"
)

// evaluate runs the loss on log-probabilities and gives losses and gradients.
func evaluate(t *testing.T, c Config, own, reference, count, good []float32) (losses, grads []float32) {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewProgram(engine, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
		loss := c.loss(in[0], in[1], in[2], in[3])
		return []*nn.Node{loss, graph.Gradient(graph.ReduceAllSum(loss), in[0])[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	n := len(good)
	two := []int{n, 2}
	out, err := p.Run(nn.Array{Shape: two, Float32: own}, nn.Array{Shape: two, Float32: reference}, nn.Array{Shape: two, Float32: count}, nn.Array{Shape: []int{n}, Float32: good})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Float32, out[1].Float32
}

func near(t *testing.T, what string, got []float32, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= 1e-6*(1+math.Abs(v))) {
			t.Errorf("%s: value %d is %.8g, want %.8g", what, i, got[i], v)
		}
	}
}

// TestByHand: two pairs worked out by hand. Of the first, log p - log p_reference is -10
// - -11 = 1 for the chosen and -12 - -11.5 = -0.5 for the rejected answer, of 4 and 5
// tokens; of the second both models agree.
func TestByHand(t *testing.T) {
	own, reference, count := []float32{-10, -12, -3, -4}, []float32{-11, -11.5, -3, -4}, []float32{4, 5, 2, 2}
	c := Default()
	c.Beta = 0.2

	// -log sigmoid(0.2 x 1.5) = log(1 + exp(-0.3)) = 0.55435524; its slope in d is
	// -0.2 sigmoid(-0.3) = -0.2 x 0.42555748. Where both agree: log 2 and -0.2 / 2.
	losses, grads := evaluate(t, c, own, reference, count, []float32{1, 1})
	near(t, "dpo", losses, 0.55435524, 0.69314718)
	near(t, "dpo gradient", grads, -0.085111497, 0.085111497, -0.1, 0.1)

	// (1/4 - -0.5/5 - 1/0.4)^2 = (0.35 - 2.5)^2 = 4.6225, slope 2 x -2.15 / tokens; where
	// both agree 2.5^2 and 2 x -2.5 / 2.
	c.Loss = IPO
	losses, grads = evaluate(t, c, own, reference, count, []float32{1, 1})
	near(t, "ipo", losses, 4.6225, 6.25)
	near(t, "ipo gradient", grads, -4.3/4, 4.3/5, -2.5, 2.5)

	// The answers of other prompts have log-ratios -0.5 and 0, mean -0.25, so z = 0.
	// Good: 1 - sigmoid(0.2) = 0.450166, slope -0.2 x 0.450166 x 0.549834 = -0.049503317.
	// Not good, weight 1.5: 1.5 (1 - sigmoid(0)) = 0.75, slope 1.5 x 0.2 / 4.
	c.Loss, c.UndesirableWeight = KTO, 1.5
	losses, grads = evaluate(t, c, own, reference, count, []float32{1, 0})
	near(t, "kto", losses, 0.450166, 0.75)
	near(t, "kto gradient", grads, -0.049503317, 0, 0.075, 0)

	// With log-ratios 3.5 and 0 z = 1.75: good at 1: sigmoid(-0.2 (1 - 1.75)) = 0.53742985;
	// not good at 0: 1.5 sigmoid(0.2 (0 - 1.75)) = 1.5 x 0.41338242. None goes through z.
	losses, grads = evaluate(t, c, []float32{-10, -8, -3, -4}, reference, count, []float32{1, 0})
	near(t, "kto, moved", losses, 0.53742985, 0.62007363)
	near(t, "kto gradient, moved", grads, -0.2*0.53742985*(1-0.53742985), 0, 1.5*0.2*0.41338242*(1-0.41338242), 0)
}

// TestFar: the loss stays a number where the exponential overflows.
func TestFar(t *testing.T) {
	c := Default()
	c.Beta = 1
	losses, grads := evaluate(t, c, []float32{-1000, 0, 0, -1000}, make([]float32, 4), []float32{1, 1, 1, 1}, []float32{1, 1})
	near(t, "far", losses, 1000, 0)
	near(t, "far gradient", grads, -1, 1, 0, 0)
}

// recordedLoss is one of testdata/trl.json.
type recordedLoss struct {
	Loss      float64
	Gradients map[string]float64
	Batch     struct {
		IDs        [][]int32 `json:"input_ids"`
		Completion [][]int   `json:"completion_mask"`
		Attention  [][]int   `json:"attention_mask"`
		OtherIDs   [][]int32 `json:"KL_input_ids"`
		OtherMask  [][]int   `json:"KL_completion_mask"`
		OtherSeen  [][]int   `json:"KL_attention_mask"`
		Label      []any
	}
	Metrics map[string][]float64
}

type recordedTRL struct {
	Beta              float64
	UndesirableWeight float64 `json:"undesirable_weight"`
	DPO, IPO, KTO     recordedLoss
}

func trl(t *testing.T) recordedTRL {
	t.Helper()
	text, err := os.ReadFile("testdata/trl.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recordedTRL
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// tinyModel is the recorded model with one of its two sets of weights.
func tinyModel(t *testing.T, name string) (model.LM, nn.Weights) {
	t.Helper()
	text, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var c llama.Config
	if err := c.ReadJSON(text); err != nil {
		t.Fatal(err)
	}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/" + name + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var w nn.Weights
	for _, l := range m.Weights() {
		if l.Variable == "" {
			continue
		}
		tensor, err := f.Tensor(l.Published)
		if err != nil {
			t.Fatal(err)
		}
		values, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		values, shape, err := checkpoint.Permute(values, tensor.Shape, l.Axes)
		if err != nil {
			t.Fatal(err)
		}
		w = append(w, nn.Weight{Name: l.Variable, Shape: shape, Values: values})
	}
	return m.(model.LM), w.Sorted()
}

// sequence is one row of a recorded batch, without its filler.
func sequence(ids []int32, mask, seen []int) data.Sequence {
	var s data.Sequence
	for i, id := range ids {
		if seen[i] == 1 {
			s.IDs, s.Trained = append(s.IDs, id), append(s.Trained, mask[i] == 1)
		}
	}
	return s
}

// pairs are those of a recorded batch.
func (r recordedLoss) pairs(t *testing.T) *data.Pairs {
	t.Helper()
	var list []data.Pair
	b := r.Batch
	if len(b.OtherIDs) > 0 {
		for i := range b.IDs {
			good := fmt.Sprint(b.Label[i])
			list = append(list, data.Pair{
				A: sequence(b.IDs[i], b.Completion[i], b.Attention[i]), B: sequence(b.OtherIDs[i], b.OtherMask[i], b.OtherSeen[i]),
				Good: good == "true" || good == "1",
			})
		}
	} else {
		n := len(b.IDs) / 2
		for i := range n {
			list = append(list, data.Pair{
				A: sequence(b.IDs[i], b.Completion[i], b.Attention[i]), B: sequence(b.IDs[n+i], b.Completion[n+i], b.Attention[n+i]), Good: true,
			})
		}
	}
	p, err := data.NewPairs(list, data.DefaultRows(), data.Train, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAsTRL: loss and the gradient of every weight are those that TRL's own trainers
// compute for the same models and batch.
func TestAsTRL(t *testing.T) {
	r := trl(t)
	m, policy := tinyModel(t, "policy")
	_, reference := tinyModel(t, "reference")
	for loss, want := range map[Loss]recordedLoss{DPO: r.DPO, IPO: r.IPO, KTO: r.KTO} {
		t.Run(string(loss), func(t *testing.T) {
			c := Default()
			c.Loss, c.Beta = loss, r.Beta
			if loss == KTO {
				c.UndesirableWeight = r.UndesirableWeight
			}
			p := want.pairs(t)
			values, err := Reference(t.Context(), m, reference, nil, p, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.SetReference(values); err != nil {
				t.Fatal(err)
			}
			b, err := p.InOrder(0, p.Len())
			if err != nil {
				t.Fatal(err)
			}
			got, norms := gradients(t, c, m, policy, b)
			if !(math.Abs(got-want.Loss) <= 1e-5*want.Loss) {
				t.Errorf("loss %.8g, want %.8g", got, want.Loss)
			}
			if len(norms) != len(want.Gradients) {
				t.Errorf("%d gradients, want %d", len(norms), len(want.Gradients))
			}
			for name, v := range want.Gradients {
				if !(math.Abs(norms[name]-v) <= 1e-4*v+1e-7) {
					t.Errorf("gradient of %s has norm %.8g, want %.8g", name, norms[name], v)
				}
			}
		})
	}
}

// gradients are the mean loss of a batch and the norms of its gradients, under published
// names.
func gradients(t *testing.T, c Config, m model.LM, w nn.Weights, b data.Batch) (loss float64, norms map[string]float64) {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	store := nn.NewStore(1)
	if err := nn.Push(store, w); err != nil {
		t.Fatal(err)
	}
	var names []string
	p, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		mean := graph.ReduceAllMean(c.Of(m)(s, in))
		var grads []*nn.Node
		names, grads = nn.Gradients(s, mean, nil)
		return append([]*nn.Node{mean}, grads...)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(b.Arrays...)
	if err != nil {
		t.Fatal(err)
	}
	norms = map[string]float64{}
	for i, name := range names {
		sum := 0.0
		for _, v := range out[1+i].Float32 {
			sum += float64(v) * float64(v)
		}
		norms[strings.ReplaceAll(name, "/", ".")] = math.Sqrt(sum)
	}
	return float64(out[0].Float32[0]), norms
}

// TestMeasure: implied rewards are those of TRL's metrics; a model beside itself has no
// reward and no divergence.
func TestMeasure(t *testing.T) {
	r := trl(t)
	m, policy := tinyModel(t, "policy")
	_, reference := tinyModel(t, "reference")
	c := Default()
	c.Beta = r.Beta
	p := r.DPO.pairs(t)
	got, err := c.Measure(t.Context(), m, policy, nil, reference, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]float64{
		"rewards/chosen": got.ChosenReward, "rewards/rejected": got.RejectedReward, "rewards/margins": got.Margin,
		"rewards/accuracies": got.RewardAccuracy.Value,
	} {
		if want := r.DPO.Metrics[name][0]; !(math.Abs(v-want) <= 1e-5) {
			t.Errorf("%s is %g, want %g", name, v, want)
		}
	}
	if !(math.Abs(got.Loss-r.DPO.Loss) <= 1e-5) || !(got.KL > 0.001) || got.Pairs != 4 || len(got.Preferred) != 4 {
		t.Errorf("got %+v", got)
	}
	itself, err := c.Measure(t.Context(), m, reference, nil, reference, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if itself.KL != 0 || itself.Margin != 0 || itself.RewardAccuracy.Value != 0 || !(math.Abs(itself.Loss-math.Log(2)) < 1e-12) {
		t.Errorf("beside itself: %+v", itself)
	}
	lora := tune.LoRA{Rank: 2, Alpha: 4, Targets: []string{"q_proj"}}
	fresh, err := c.Measure(t.Context(), m, reference, lora, reference, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.KL != 0 || fresh.Margin != 0 {
		t.Errorf("under a fresh adapter: %+v", fresh)
	}
}

// TestKLByHand: the divergence is the sum over the vocabulary, worked out on the host.
func TestKLByHand(t *testing.T) {
	own, base := []float64{1, 2, 3}, []float64{0.5, 0, -2}
	want := 0.0
	p, q := soft(own), soft(base)
	for i := range p {
		want += p[i] * math.Log(p[i]/q[i])
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	program, err := nn.NewProgram(engine, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
		a, b := logSoftmax(in[0]), logSoftmax(in[1])
		return []*nn.Node{graph.ReduceSum(graph.Mul(graph.Exp(a), graph.Sub(a, b)), -1)}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.Run(nn.Array{Shape: []int{1, 3}, Float32: []float32{1, 2, 3}}, nn.Array{Shape: []int{1, 3}, Float32: []float32{0.5, 0, -2}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "divergence", out[0].Float32, want)
}

func soft(x []float64) []float64 {
	sum := 0.0
	out := slices.Clone(x)
	for i, v := range x {
		out[i] = math.Exp(v)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// TestCachedReference: log-probabilities are worked out once for the same weights and
// pairs, and anew for others.
func TestCachedReference(t *testing.T) {
	m, w := tinyModel(t, "reference")
	_, other := tinyModel(t, "policy")
	fsys := durable.NewMemFS(1)
	get := func(w nn.Weights) (values []float32, worked bool) {
		p := trl(t).DPO.pairs(t)
		if err := CachedReference(t.Context(), fsys, "ref.safetensors", m, w, p, func(int, int) { worked = true }); err != nil {
			t.Fatal(err)
		}
		b, err := p.InOrder(0, p.Len())
		if err != nil {
			t.Fatal(err)
		}
		return b.Arrays[3].Float32, worked
	}
	first, worked := get(w)
	again, twice := get(w)
	if !worked || twice || !slices.Equal(first, again) {
		t.Errorf("worked out %v, then %v", worked, twice)
	}
	others, worked := get(other)
	if !worked || slices.Equal(first, others) {
		t.Error("other weights get the same")
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`loss: there is no loss "ppo"; use one of dpo, ipo, kto`: func(c *Config) { c.Loss = "ppo" },
		"beta: 0 cannot be used":                                 func(c *Config) { c.Beta = 0 },
		"desirable_weight: NaN cannot be used":                   func(c *Config) { c.DesirableWeight = math.NaN() },
		"learning_rate: -1 cannot be used":                       func(c *Config) { c.LearningRate = -1 },
		"steps: 0 is not positive":                               func(c *Config) { c.Steps = 0 },
		"validate_every: 0 is not positive":                      func(c *Config) { c.ValidateEvery = 0 },
		"micro_batch_size: 3 does not divide batch_size 16":      func(c *Config) { c.MicroBatchSize = 3 },
		"batch_size: kto tells from the other answers":           func(c *Config) { c.Loss, c.MicroBatchSize = KTO, 1 },
		"warmup_steps: 500 does not fit":                         func(c *Config) { c.WarmupSteps = 500 },
		`rows.overlong: there is no "x"`:                         func(c *Config) { c.Rows.Overlong = "x" },
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
