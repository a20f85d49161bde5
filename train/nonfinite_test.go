package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
)

var errNoSamples = errors.New("no such samples")

// TestNonFinite injects 100 values that break a sample, at random: the loop stops
// in that step with the weights from before it, to the bit, names the tensor and
// the sample, and no checkpoint holds anything but numbers.
func TestNonFinite(t *testing.T) {
	const steps = 12
	clean := weightsByStep(t, steps)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	kinds := []struct {
		poison
		tensor string
	}{
		{poison{0, nan}, "the loss"}, {poison{0, inf}, "the loss"}, {poison{0, -inf}, "the loss"},
		{poison{1, nan}, "the loss"}, {poison{1, inf}, "the loss"}, {poison{1, 1e30}, "the loss"}, // its square is too large
		{poison{2, -1}, "the loss"}, {poison{2, 0}, `the gradient of "root/weight"`},
	}
	r := rng.New(11)
	for i := range 100 {
		kind := kinds[i%len(kinds)]
		sample := uint64(r.IntN(steps * 8))
		fsys := durable.NewMemFS(1)
		j := toyJob(steps)
		j.Config.CheckpointEvery, j.Workers = 1, 1+i%2
		j.Source = toySource{poison: map[uint64]poison{sample: kind.poison}}
		done, err := openToy(fsys, j)
		if err != nil {
			t.Fatal(err)
		}
		_, err = j.Run(t.Context())
		var bad *NonFiniteError
		step := int(sample / 8)
		if !errors.As(err, &bad) || bad.Step != step || bad.Tensor != kind.tensor || !slices.Equal(bad.Samples, []uint64{sample}) || finite(bad.Value) {
			t.Fatalf("%v at sample %d: %v", kind.poison, sample, err)
		}
		checkKept(t, j.Checkpoints, step, clean)
		done()
	}
}

// weightsByStep runs without poison and returns the digest after every step.
func weightsByStep(t *testing.T, steps int) []string {
	t.Helper()
	j := toyJob(steps)
	j.JudgeEvery = 1
	list := []string{""}
	j.Judge = func(w nn.Weights) (float64, error) {
		list = append(list, digest(t, w))
		return 1, nil
	}
	mustRun(t, j)
	return list
}

func checkKept(t *testing.T, store *durable.Store, step int, clean []string) {
	t.Helper()
	snap, err := store.Latest()
	if step == 0 {
		if !errors.Is(err, durable.ErrNoCheckpoint) {
			t.Fatalf("a checkpoint before the first step: %v", err)
		}
		return
	}
	if err != nil || int(snap.Step) != step {
		t.Fatalf("the newest checkpoint is %+v, %v; want step %d", snap, err, step)
	}
	w, err := loadWeights(snap, weightsFile)
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, w) != clean[step] {
		t.Fatalf("the weights of step %d are not those of a clean run", step)
	}
	state, err := loadWeights(snap, optimizerFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range append(w, state...) {
		if v, found := firstNonFinite(item.Values); found {
			t.Fatalf("the checkpoint of step %d holds %v in %q", step, v, item.Name)
		}
	}
}

// TestNonFiniteUpdate: gradients may be finite and the update not. It is taken
// back.
func TestNonFiniteUpdate(t *testing.T) {
	for _, c := range []struct {
		optimizer string
		lr        float64
		target    float32
		tensor    string
	}{
		{"sgd", 1e38, 1e4, "the update of"},
		{"adamw", 1e-3, 1.5e19, `the optimizer's "square/`}, // the square of a gradient is too large
	} {
		j := toyJob(3)
		j.Config.Optimizer.Name, j.Config.Optimizer.LR = c.optimizer, c.lr
		j.Config.BatchSize, j.Config.MicroBatchSize, j.Config.Optimizer.Beta2 = 1, 1, 0
		j.Config.ClipNorm, j.Config.Schedule = 0, Schedule{Name: "constant"}
		j.Source = toySource{poison: map[uint64]poison{0: {1, c.target}}}
		l, err := j.prepare()
		if err != nil {
			t.Fatal(err)
		}
		before := digest(t, l.weights)
		g := l.trained.Clone()
		var best nn.Weights
		for range 3 {
			if err = l.advance(g, &best); err != nil {
				break
			}
			before = digest(t, l.weights)
		}
		var bad *NonFiniteError
		if !errors.As(err, &bad) || !strings.HasPrefix(bad.Tensor, c.tensor) {
			t.Fatalf("%s: %v, want %s...", c.optimizer, err, c.tensor)
		}
		if digest(t, l.weights) != before {
			t.Errorf("%s: the weights are not those from before the step", c.optimizer)
		}
		pulled, err := nn.Pull(l.replicas[0].store)
		if err != nil || digest(t, pulled) != before {
			t.Errorf("%s: the replica's weights are not those from before the step (%v)", c.optimizer, err)
		}
	}
}

// TestNonFiniteMessages: the texts that a person reads.
func TestNonFiniteMessages(t *testing.T) {
	for want, e := range map[string]NonFiniteError{
		"step 3: the loss became NaN at sample [17]; the weights are as before the step; lower the learning rate, or look at that sample": {3, "the loss", []uint64{17}, float32(math.NaN())},
		"step 0: the update of \"a\" became +Inf; the weights are as before the step; lower the learning rate, or clip the gradients":     {0, `the update of "a"`, nil, float32(math.Inf(1))},
	} {
		if e.Error() != want {
			t.Errorf("got %q", e.Error())
		}
	}
}
