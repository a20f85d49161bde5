package align

import (
	"context"
	"fmt"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Report is what a model does on held-out preferences, beside its reference.
type Report struct {
	Pairs int `json:"pairs"`
	// RewardAccuracy is the share of pairs whose chosen answer gets the higher implied
	// reward. A tie counts as a miss, so that the reference itself has 0.
	RewardAccuracy metric.Value `json:"reward_accuracy"`
	// Preference is the share of pairs whose chosen answer is the likelier one, and
	// PreferencePerToken the same with log-probabilities taken per token. They need no
	// reference: the model before alignment has them too.
	Preference         metric.Value `json:"preference"`
	PreferencePerToken metric.Value `json:"preference_per_token"`
	Margin             float64      `json:"margin"`        // mean implied reward of chosen minus rejected
	ChosenReward       float64      `json:"chosen_reward"` // means of the implied rewards
	RejectedReward     float64      `json:"rejected_reward"`
	// KL is the mean over the tokens of all answers of the divergence KL(model ||
	// reference) of the next token's distribution, in nats: exact over the vocabulary,
	// on the held-out answers and not on ones that the model writes.
	KL   float64 `json:"kl"`
	Loss float64 `json:"loss"` // mean; not for KTO
	// Preferred says of each pair, in order, whether the chosen answer is the likelier.
	Preferred []bool `json:"-"`
}

// Where the two models of Measure keep their variables.
const (
	policyScope    = "policy"
	referenceScope = "reference"
)

// Measure runs a model and its reference on preferences.
func (c Config) Measure(ctx context.Context, m model.LM, w nn.Weights, a nn.Adapter, reference nn.Weights, p *data.Pairs, see func(done, all int)) (*Report, error) {
	engine, err := backend.OpenAll()
	if err != nil {
		return nil, err
	}
	store := nn.NewStore(0)
	if err := nn.Push(store, below(policyScope, w)); err != nil {
		return nil, err
	}
	if err := nn.Push(store, below(referenceScope, reference)); err != nil {
		return nil, err
	}
	program, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		policy := s.In(policyScope)
		nn.Adapt(policy, a)
		return compare(m, policy, s.In(referenceScope), in[0], in[1], in[2])
	})
	if err != nil {
		return nil, err
	}
	sum := tally{c: c}
	err = inBatches(ctx, p, see, func(b data.Batch) error {
		out, err := program.Run(b.Arrays[:3]...)
		if err == nil {
			sum.add(out)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return sum.report()
}

func below(scope string, w nn.Weights) nn.Weights {
	out := make(nn.Weights, len(w))
	for i, item := range w {
		item.Name = scope + "/" + item.Name
		out[i] = item
	}
	return out
}

// compare gives, each [B 2], the log-probabilities of what has weight under both models,
// the sum of the divergences there, and how many places that are.
func compare(m model.LM, policy, reference *nn.Scope, tokens, next, weight *nn.Node) []*nn.Node {
	b, t := tokens.Shape().Dim(0), tokens.Shape().Dim(2)
	prompt := model.Prompt{Tokens: graph.Reshape(tokens, 2*b, t)}
	own, base := m.Logits(policy, prompt, nil), m.Logits(reference, prompt, nil) // [2B T V]
	next, weight = graph.Reshape(next, 2*b, t), graph.Reshape(weight, 2*b, t)
	summed := func(x *nn.Node) *nn.Node { return graph.Reshape(graph.ReduceSum(graph.Mul(x, weight), -1), b, 2) }
	ownLog, baseLog := logSoftmax(own), logSoftmax(base)
	divergence := graph.ReduceSum(graph.Mul(graph.Exp(ownLog), graph.Sub(ownLog, baseLog)), -1) // [2B T]
	return []*nn.Node{
		summed(graph.Neg(nn.CrossEntropy(own, next))), summed(graph.Neg(nn.CrossEntropy(base, next))),
		summed(divergence), summed(graph.OnesLike(weight)),
	}
}

// logSoftmax is that of the last axis.
func logSoftmax(x *nn.Node) *nn.Node {
	x = graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMax, -1))
	return graph.Sub(x, graph.Log(graph.ReduceAndKeep(graph.Exp(x), graph.ReduceSum, -1)))
}

// tally adds up pairs.
type tally struct {
	c                           Config
	r                           Report
	rewarded, preferred, mean   int // pairs
	divergence, tokens, lossSum float64
}

// add takes the outputs of compare.
func (t *tally) add(out []nn.Array) {
	at := func(k, i int) float64 { return float64(out[k].Float32[i]) }
	for i := 0; i < len(out[0].Float32); i += 2 {
		own, base, n := [2]float64{at(0, i), at(0, i+1)}, [2]float64{at(1, i), at(1, i+1)}, [2]float64{at(3, i), at(3, i+1)}
		chosen, rejected := own[0]-base[0], own[1]-base[1]
		t.r.Pairs++
		t.r.ChosenReward += t.c.Beta * chosen
		t.r.RejectedReward += t.c.Beta * rejected
		if chosen > rejected {
			t.rewarded++
		}
		likelier := own[0] > own[1]
		if likelier {
			t.preferred++
		}
		t.r.Preferred = append(t.r.Preferred, likelier)
		if own[0]/n[0] > own[1]/n[1] {
			t.mean++
		}
		t.lossSum += t.c.LossOf(chosen, rejected, int(n[0]), int(n[1]))
		t.divergence += at(2, i) + at(2, i+1)
		t.tokens += n[0] + n[1]
	}
}

func (t *tally) report() (*Report, error) {
	r, n := t.r, float64(t.r.Pairs)
	for _, s := range []struct {
		name string
		hits int
		to   *metric.Value
	}{
		{"accuracy/implied-reward", t.rewarded, &r.RewardAccuracy}, {"accuracy/log-probability", t.preferred, &r.Preference},
		{"accuracy/log-probability-per-token", t.mean, &r.PreferencePerToken},
	} {
		var err error
		if *s.to, err = metric.Proportion(s.name, s.hits, r.Pairs); err != nil {
			return nil, fmt.Errorf("measure preferences: %w", err)
		}
	}
	r.ChosenReward, r.RejectedReward = r.ChosenReward/n, r.RejectedReward/n
	r.Margin, r.KL = r.ChosenReward-r.RejectedReward, t.divergence/t.tokens
	if t.c.Loss != KTO {
		r.Loss = t.lossSum / n
	}
	return &r, nil
}
