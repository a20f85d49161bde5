package train

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/nn"
)

// TestSameBits: the number of cores and of replicas does not reach the weights.
func TestSameBits(t *testing.T) {
	var first string
	for _, procs := range []int{1, 2} {
		before := runtime.GOMAXPROCS(procs)
		for _, workers := range []int{0, 1, 2, 3} {
			j := toyJob(20)
			j.Config.BatchSize, j.Config.MicroBatchSize, j.Workers = 12, 2, workers
			got := digest(t, mustRun(t, j).Weights)
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("GOMAXPROCS %d, %d workers: weights %.8s, before %.8s", procs, workers, got, first)
			}
		}
		runtime.GOMAXPROCS(before)
	}
}

// TestAccumulation: gradients of micro-batches add up to those of the batch, to
// rounding.
func TestAccumulation(t *testing.T) {
	gradients := func(micro int) nn.Weights {
		j := toyJob(1)
		j.Config.MicroBatchSize = micro
		l, err := j.prepare()
		if err != nil {
			t.Fatal(err)
		}
		g := l.trained.Clone()
		if _, err := l.gradients(0, g); err != nil {
			t.Fatal(err)
		}
		return g
	}
	whole := gradients(0)
	if globalNorm(whole) == 0 {
		t.Fatal("no gradient")
	}
	if digest(t, whole) != digest(t, gradients(8)) {
		t.Error("a micro-batch of the whole batch is not the batch to the bit")
	}
	for _, micro := range []int{4, 2, 1} {
		for i, g := range gradients(micro) {
			for k, v := range g.Values {
				if math.Abs(float64(v-whole[i].Values[k])) > 1e-6*max(1, math.Abs(float64(v))) {
					t.Errorf("micro-batches of %d: gradient of %s[%d] is %g, of the batch %g", micro, g.Name, k, v, whole[i].Values[k])
				}
			}
		}
	}
}

// TestLearns: the loop makes the loss fall, in every schedule and optimizer.
func TestLearns(t *testing.T) {
	for _, optimizer := range []string{"adamw", "sgd"} {
		for _, schedule := range []string{"constant", "linear", "cosine", "cyclic", "wsd"} {
			j := toyJob(300)
			j.Config.Optimizer.Name, j.Config.Optimizer.Momentum = optimizer, 0.9
			j.Config.Schedule = Schedule{Name: schedule, WarmupSteps: 5, MinRatio: 0.1, DecaySteps: 50, CycleSteps: 50}
			var first float64
			j.Progress = func(p Point) {
				if first == 0 {
					first = p.Loss
				}
			}
			if res := mustRun(t, j); !(res.Loss-1 < 0.7*(first-1)) { // 1 is the root's share
				t.Errorf("%s, %s: loss %g after 300 steps, %g at first", optimizer, schedule, res.Loss, first)
			}
		}
	}
}

// TestFrozen: only what Trains accepts changes, and Start is what it starts from.
func TestFrozen(t *testing.T) {
	start := mustRun(t, toyJob(1)).Weights
	before := start.Clone()
	j := toyJob(5)
	j.Start, j.Trains = start, func(name string) bool { return strings.HasPrefix(name, "out/") }
	res := mustRun(t, j)
	if digest(t, start) != digest(t, before) {
		t.Error("training changed the weights that it was given to start from")
	}
	for i, w := range res.Weights {
		changed := digest(t, res.Weights[i:i+1]) != digest(t, before[i:i+1])
		if want := strings.HasPrefix(w.Name, "out/"); changed != want {
			t.Errorf("%s changed: %v, want %v", w.Name, changed, want)
		}
	}
	j.Trains = func(string) bool { return false }
	if _, err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no variable learns") {
		t.Errorf("nothing learns: %v", err)
	}
}

// TestJudge: the best weights are those of the lowest score, points carry the
// score of their own step, and a score that is no number stops the run.
func TestJudge(t *testing.T) {
	scores := []float64{5, 3, 4, 2.5, 9}
	var seen []string
	j := toyJob(9)
	j.JudgeEvery = 2
	j.Judge = func(w nn.Weights) (float64, error) {
		seen = append(seen, digest(t, w))
		return scores[len(seen)-1], nil
	}
	j.Config.LogEvery = 2
	var points []Point
	j.Progress = func(p Point) { points = append(points, p) }
	res := mustRun(t, j)
	if res.BestStep != 8 || res.BestScore != 2.5 || digest(t, res.Best) != seen[3] {
		t.Errorf("best is step %d with %g", res.BestStep, res.BestScore)
	}
	if digest(t, res.Weights) != seen[4] || len(res.Scores) != 5 || res.Scores[4] != (Score{9, 9}) {
		t.Errorf("scores %v", res.Scores)
	}
	for i, p := range points {
		if p.Validation != scores[i] {
			t.Errorf("step %d: validation %g, want %g", p.Step, p.Validation, scores[i])
		}
	}
	j.Judge = func(nn.Weights) (float64, error) { return math.NaN(), nil }
	if _, err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "step 2: the score is NaN") {
		t.Errorf("a score of NaN: %v", err)
	}
	j.JudgeEvery, j.Judge = 0, toyJudge
	if res := mustRun(t, j); len(res.Scores) != 1 || res.BestStep != 9 {
		t.Errorf("never between: scores %v", res.Scores)
	}
}

// TestSourceFails: an error of the source names the samples.
func TestSourceFails(t *testing.T) {
	j := toyJob(3)
	j.Source = failing{toySource{}, 8}
	if _, err := j.Run(t.Context()); err == nil || err.Error() != "samples from 8: no such samples" {
		t.Errorf("got %v", err)
	}
}

type failing struct {
	toySource
	at uint64
}

func (f failing) Batch(first uint64, n int) (data.Batch, error) {
	if first >= f.at {
		return data.Batch{}, errNoSamples
	}
	return f.toySource.Batch(first, n)
}
