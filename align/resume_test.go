package align

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// The stages that learn from examples: seven of them, and updates of four, so that the
// second update takes the last of one pass and the first of the next.

// drawn is a sequence of the tiny model's tokens whose second half is trained.
func drawn(i, n int) data.Sequence {
	r := rng.New(12, uint64(i))
	s := data.Sequence{IDs: make([]int32, n), Trained: make([]bool, n)}
	for k := range n {
		s.IDs[k], s.Trained[k] = int32(2+r.Uint64()%38), k >= n/2
	}
	return s
}

const updates = 8

// stages are the jobs, without what they keep.
func stages(t *testing.T) map[string]func() *train.Job {
	t.Helper()
	m, w := tinyModel(t, "reference")
	var chats []data.Sequence
	var list []data.Pair
	for i := range 7 {
		chats = append(chats, drawn(i, 4+i%5))
		list = append(list, data.Pair{A: drawn(100+i, 5+i%3), B: drawn(200+i, 7-i%2), Good: i%2 == 0})
	}
	packed, err := data.NewChats(chats, data.Rows{Length: 12, Pack: true, Overlong: data.OverlongError}, data.Train, 5)
	if err != nil {
		t.Fatal(err)
	}
	padded, err := data.NewChats(chats, data.Rows{Overlong: data.OverlongError}, data.Train, 5)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := data.NewPairs(list, data.DefaultRows(), data.Train, 5)
	if err != nil {
		t.Fatal(err)
	}
	values, err := Reference(t.Context(), m, w, nil, pairs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pairs.SetReference(values); err != nil {
		t.Fatal(err)
	}
	job := func(loss train.Loss, source data.Source, a nn.Adapter) func() *train.Job {
		return func() *train.Job {
			c := train.Default()
			c.Steps, c.BatchSize, c.MicroBatchSize, c.CheckpointEvery, c.LogEvery = updates, 4, 2, 3, 1
			c.Optimizer.LR, c.Schedule.WarmupSteps = 5e-3, 2
			j := &train.Job{Config: c, Seed: 1, Start: w, Adapter: a, Loss: loss, Source: source, Workers: 1, Fingerprint: "tiny"}
			if a != nil {
				j.Trains = a.Trains
			}
			return j
		}
	}
	dpo, kto := Default(), Default()
	kto.Loss = KTO
	lora := tune.LoRA{Rank: 2, Alpha: 4, Targets: []string{"q_proj", "down_proj"}}
	return map[string]func() *train.Job{
		"tuning, packed":           job(train.TokenLoss(m), packed, nil),
		"tuning, padded":           job(train.TokenLoss(m), padded, nil),
		"tuning, LoRA":             job(train.TokenLoss(m), packed, lora),
		"tuning, adapters":         job(train.TokenLoss(m), padded, tune.Bottleneck{Size: 2}),
		"tuning, BitFit":           job(train.TokenLoss(m), packed, tune.BitFit{}),
		"tuning, prefix":           job(train.TokenLoss(m), packed, tune.Prefix{Length: 2}),
		"preferences":              job(dpo.Of(m), pairs, nil),
		"preferences, LoRA":        job(dpo.Of(m), pairs, lora),
		"labels":                   job(kto.Of(m), pairs, nil),
		"preferences, with prefix": job(dpo.Of(m), pairs, tune.Prefix{Length: 2}),
	}
}

// outcome is the weights to the bit and the line of every update.
func outcome(t *testing.T, fsys durable.FS, j *train.Job, ctx context.Context) (string, error) {
	t.Helper()
	if err := durable.MkdirAll(fsys, "run"); err != nil {
		t.Fatal(err)
	}
	store, err := durable.OpenStore(fsys, "run/checkpoints", durable.Options{Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	history, err := durable.OpenLog(fsys, "run/metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer history.Close()
	j.Checkpoints, j.History = store, history
	res, err := j.Run(ctx)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := train.WriteWeights(&b, res.Weights, nil); err != nil {
		t.Fatal(err)
	}
	records, err := durable.ReadLog(fsys, "run/metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		loss, _, _ := bytes.Cut(r, []byte(`"samples_per_s"`)) // no clock
		b.Write(loss)
	}
	return b.String(), nil
}

// breaking is a source that fails when it is asked for the n-th time, as a machine does
// in the middle of an update.
type breaking struct {
	data.Source
	left *int
}

var errBroken = errors.New("the machine went down")

func (b breaking) Batch(first uint64, n int) (data.Batch, error) {
	if *b.left--; *b.left == 0 {
		return data.Batch{}, errBroken
	}
	return b.Source.Batch(first, n)
}

// TestResume: a run that is stopped between any two updates, or that breaks in the
// middle of any of them, with one micro-batch added up and the other not, ends when it
// is started again with the bits of one in one piece.
func TestResume(t *testing.T) {
	for name, job := range stages(t) {
		t.Run(name, func(t *testing.T) {
			want, err := outcome(t, durable.NewMemFS(1), job(), t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for at := 1; at < updates; at++ {
				fsys := durable.NewMemFS(1)
				ctx, cancel := context.WithCancel(t.Context())
				j := job()
				j.Progress = func(p train.Point) {
					if p.Step == at {
						cancel()
					}
				}
				if _, err := outcome(t, fsys, j, ctx); !errors.Is(err, train.ErrStopped) {
					t.Fatalf("stopped after %d: %v", at, err)
				}
				check(t, fmt.Sprintf("stopped after %d updates", at), fsys, job(), want)

				fsys = durable.NewMemFS(1)
				j = job()
				left := 1 + 2*at // one batch makes the graph; the second half of this update is never seen
				j.Source = breaking{j.Source, &left}
				if _, err := outcome(t, fsys, j, t.Context()); !errors.Is(err, errBroken) {
					t.Fatalf("broken in update %d: %v", at, err)
				}
				check(t, fmt.Sprintf("broken in the middle of update %d", at), fsys, job(), want)
			}
		})
	}
}

func check(t *testing.T, what string, fsys durable.FS, j *train.Job, want string) {
	t.Helper()
	got, err := outcome(t, fsys, j, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s: other bits", what)
	}
}

// TestAlign: training on preferences makes the chosen answers the likelier ones, and the
// model leaves its reference.
func TestAlign(t *testing.T) {
	m, w := tinyModel(t, "reference")
	var list []data.Pair
	for i := range 12 {
		list = append(list, data.Pair{A: drawn(300+i, 6), B: drawn(400+i, 6), Good: true})
	}
	for _, loss := range []Loss{DPO, IPO, KTO} {
		for _, a := range []nn.Adapter{nil, tune.LoRA{Rank: 4, Alpha: 8, Targets: []string{"q_proj", "v_proj", "o_proj", "up_proj", "down_proj"}}} {
			c := Default()
			c.Loss, c.Steps, c.BatchSize, c.LearningRate, c.ValidateEvery = loss, 60, 6, 1e-2, 20
			if loss == KTO {
				c.Steps, c.Beta = 100, 0.5
			}
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			pairs := list
			if loss == KTO { // the chosen are good, the rejected are not
				pairs = nil
				for i, p := range list {
					q := list[(i+1)%len(list)]
					pairs = append(pairs, data.Pair{A: p.A, B: q.A, Good: true}, data.Pair{A: p.B, B: q.B})
				}
			}
			p, err := data.NewPairs(pairs, c.Rows, data.Train, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := CachedReference(t.Context(), durable.NewMemFS(1), "r", m, w, p, nil); err != nil {
				t.Fatal(err)
			}
			res, err := c.Job(m, w, a, p, 1).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held, err := data.NewPairs(list, c.Rows, data.Test, 1)
			if err != nil {
				t.Fatal(err)
			}
			before, err := c.Measure(t.Context(), m, w, nil, w, held, nil)
			if err != nil {
				t.Fatal(err)
			}
			after, err := c.Measure(t.Context(), m, res.Weights, a, w, held, nil)
			if err != nil {
				t.Fatal(err)
			}
			if after.RewardAccuracy.Value < 0.9 || after.Margin <= 0 || after.KL <= 0 || after.Preference.Value <= before.Preference.Value {
				t.Errorf("%s %T: preference %g, then %g; %+v", loss, a, before.Preference.Value, after.Preference.Value, after)
			}
		}
	}
}
