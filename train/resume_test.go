package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
)

// An outcome is what must not depend on interruptions.
type outcome struct {
	weights, best string
	bestStep      int
	bestScore     float64
	scores        string
	history       string // loss, norm, rate, validation of each point: no clock
}

func (o outcome) String() string {
	return fmt.Sprintf("weights %.8s best %.8s at %d (%g) scores %s history %s", o.weights, o.best, o.bestStep, o.bestScore, o.scores, o.history)
}

func outcomeOf(t testing.TB, fsys durable.FS, res *Result) outcome {
	t.Helper()
	o := outcome{
		weights: digest(t, res.Weights), best: digest(t, res.Best),
		bestStep: res.BestStep, bestScore: res.BestScore, scores: fmt.Sprint(res.Scores, res.Loss),
	}
	records, err := durable.ReadLog(fsys, "run/metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		var p Point
		if err := json.Unmarshal(r, &p); err != nil {
			t.Fatal(err)
		}
		o.history += fmt.Sprintln(p.Step, p.Loss, p.GradNorm, p.Rate, p.Validation)
	}
	return o
}

// judged is a job with everything that a checkpoint has to carry.
func judged(steps int) *Job {
	j := toyJob(steps)
	j.Judge, j.JudgeEvery = toyJudge, 5
	return j
}

// runOn runs a job on fsys to the end.
func runOn(t testing.TB, fsys durable.FS, j *Job) outcome {
	t.Helper()
	done, err := openToy(fsys, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	return outcomeOf(t, fsys, mustRun(t, j))
}

// stopAfter cancels a run after so many of its steps.
func stopAfter(j *Job, steps int) (*Result, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	source := j.Source
	j.Source = counted{source, func(n int) {
		// Each step asks for two micro-batches, after one for the graph.
		if n == 1+2*steps {
			cancel(errors.New("the test said so"))
		}
	}, new(int)}
	defer func() { j.Source = source }()
	return j.Run(ctx)
}

// TestResume stops a run at every step, once and twice, and always ends with the
// bits of a run that was never stopped: weights, best weights, scores, history.
func TestResume(t *testing.T) {
	const steps = 13
	for _, optimizer := range []string{"adamw", "sgd"} {
		for _, judge := range []bool{true, false} {
			job := func() *Job {
				j := judged(steps)
				j.Config.Optimizer.Name, j.Config.Optimizer.Momentum = optimizer, 0.9
				if !judge {
					j.Judge, j.JudgeEvery = nil, 0
				}
				return j
			}
			want := runOn(t, durable.NewMemFS(1), job())
			for first := 1; first < steps; first++ {
				for second := 0; second < 4; second++ {
					fsys := durable.NewMemFS(1)
					stopAt(t, fsys, job(), first)
					if second > 0 && first+second < steps {
						stopAt(t, fsys, job(), second)
					}
					if got := runOn(t, fsys, job()); got != want {
						t.Fatalf("%s, stopped after %d and %d steps:\n%v\nwant\n%v", optimizer, first, second, got, want)
					}
				}
			}
		}
	}
}

func stopAt(t *testing.T, fsys durable.FS, j *Job, steps int) {
	t.Helper()
	done, err := openToy(fsys, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	before := 0
	if s := j.Checkpoints.Steps(); len(s) > 0 {
		before = int(s[len(s)-1])
	}
	_, err = stopAfter(j, steps)
	if !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "the test said so") {
		t.Fatalf("stop after %d steps: %v", steps, err)
	}
	if s := j.Checkpoints.Steps(); int(s[len(s)-1]) != before+steps {
		t.Fatalf("stopped %d steps after %d, checkpoints of steps %d", steps, before, s)
	}
}

// counted is a source that tells how often it was asked.
type counted struct {
	data.Source
	tell  func(n int)
	asked *int
}

func (c counted) Batch(first uint64, n int) (data.Batch, error) {
	*c.asked++
	c.tell(*c.asked)
	return c.Source.Batch(first, n)
}

// TestStopEdges: a run that is stopped before it began, or keeps nothing, says so;
// one that is done has nothing left to do.
func TestStopEdges(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := toyJob(5).Run(ctx); !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "step 0 of 5, nothing kept") {
		t.Errorf("keeps nothing: %v", err)
	}
	fsys := durable.NewMemFS(1)
	j := judged(5)
	done, err := openToy(fsys, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, err := j.Run(ctx); !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "nothing kept") {
		t.Errorf("at once: %v", err)
	}
	first := mustRun(t, j)
	again, err := j.Run(ctx)
	if err != nil || again.Resumed != 5 || digest(t, again.Weights) != digest(t, first.Weights) || digest(t, again.Best) != digest(t, first.Best) {
		t.Errorf("a finished run, again: %+v, %v", again, err)
	}
}

// TestMismatch: a checkpoint is not continued under other settings, and the error
// names both sides of what differs, and nothing else.
func TestMismatch(t *testing.T) {
	fsys := durable.NewMemFS(1)
	want := runOn(t, fsys, judged(5))
	for text, change := range map[string]func(*Job){
		"other": func(j *Job) { j.Fingerprint = "other" },
		"the checkpoint was trained with seed 1, this run is seed 2;":                             func(j *Job) { j.Seed = 2 },
		"trained with steps 5, this run is steps 6;":                                              func(j *Job) { j.Config.Steps = 6 },
		"trained with batch_size 8, this run is batch_size 12;":                                   func(j *Job) { j.Config.BatchSize = 12 },
		"trained with micro_batch_size 4, this run is micro_batch_size 2;":                        func(j *Job) { j.Config.MicroBatchSize = 2 },
		"this run is clip_norm 2;":                                                                func(j *Job) { j.Config.ClipNorm = 2 },
		"this run is optimizer {Name:adamw LR:0.02 ":                                              func(j *Job) { j.Config.Optimizer.LR = 0.02 },
		"trained with schedule {Name:cosine WarmupSteps:3 ":                                       func(j *Job) { j.Config.Schedule.WarmupSteps = 0 },
		"trained with steps 5, clip_value 0, this run is steps 7, clip_value 1; continue it with": func(j *Job) { j.Config.Steps, j.Config.ClipValue = 7, 1 },
	} {
		j := judged(5)
		change(j)
		done, err := openToy(fsys, j)
		if err != nil {
			t.Fatal(err)
		}
		_, err = j.Run(t.Context())
		done()
		var m *MismatchError
		if !errors.As(err, &m) || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want ...%s...", err, text)
		}
	}
	j := judged(5)
	j.Config.LogEvery, j.Config.CheckpointEvery, j.Config.KeepCheckpoints, j.Workers = 1, 1, 9, 2 // do not reach the weights
	if got := runOn(t, fsys, j); got.weights != want.weights {
		t.Error("settings that change nothing changed the weights")
	}
}

// TestOtherModel: a checkpoint of another model with the same settings is refused.
func TestOtherModel(t *testing.T) {
	fsys := durable.NewMemFS(1)
	runOn(t, fsys, toyJob(5))
	j := toyJob(5)
	loss := j.Loss
	j.Loss = func(s *nn.Scope, in []*nn.Node) *nn.Node { return loss(s.In("inner"), in) }
	done, err := openToy(fsys, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "it is of another model") {
		t.Errorf("got %v", err)
	}
}

// TestRotten: a damaged newest checkpoint costs one interval, not the run.
func TestRotten(t *testing.T) {
	want := runOn(t, durable.NewMemFS(1), judged(13))
	for _, name := range []string{weightsFile, bestFile, optimizerFile, stateFile} {
		fsys := durable.NewMemFS(1)
		stopAt(t, fsys, judged(13), 10)
		if err := durable.WriteFile(fsys, "run/checkpoints/step-000010/"+name, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		j := judged(13)
		done, err := openToy(fsys, j)
		if err != nil {
			t.Fatal(err)
		}
		res := mustRun(t, j)
		if got := outcomeOf(t, fsys, res); got != want || res.Resumed != 8 {
			t.Errorf("%s rotten: resumed from %d\n%v\nwant\n%v", name, res.Resumed, got, want)
		}
		done()
	}
}

// TestLostHistory: a history that is gone does not stop a run, and what is written
// from then on is truncated rightly at the next resume.
func TestLostHistory(t *testing.T) {
	fsys := durable.NewMemFS(1)
	want := runOn(t, durable.NewMemFS(1), judged(13))
	stopAt(t, fsys, judged(13), 6)
	if err := durable.WriteFile(fsys, "run/metrics.jsonl", nil); err != nil {
		t.Fatal(err)
	}
	stopAt(t, fsys, judged(13), 4)
	got := runOn(t, fsys, judged(13))
	if got.weights != want.weights {
		t.Error("other weights")
	}
	lines := func(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
	if tail := lines(want.history)[2:]; !slices.Equal(lines(got.history), tail) {
		t.Errorf("history\n%swant the last %d of\n%s", got.history, len(tail), want.history)
	}
}

// TestRetentionKeepsBest: the best scored checkpoint stays, and one that was not
// judged is never taken for it.
func TestRetentionKeepsBest(t *testing.T) {
	fsys := durable.NewMemFS(1)
	j := toyJob(24)
	j.Config.CheckpointEvery, j.Config.KeepCheckpoints = 2, 1
	scores := map[int]float64{4: 5, 8: 2, 12: 3, 16: 4, 20: 2.5, 24: 6}
	step := 0
	j.JudgeEvery = 4
	j.Judge = func(nn.Weights) (float64, error) { step += 4; return scores[step], nil }
	done, err := openToy(fsys, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	mustRun(t, j)
	if got := j.Checkpoints.Steps(); !slices.Equal(got, []uint64{8, 24}) {
		t.Errorf("kept steps %d, want the best, 8, and the last, 24", got)
	}
	if best, err := j.Checkpoints.Best(); err != nil || best.Step != 8 {
		t.Errorf("best: %+v, %v", best, err)
	}
}

// TestDottedName: a name that would not come back is not written.
func TestDottedName(t *testing.T) {
	w := nn.Weights{{Name: "a.b/weight", Shape: []int{1}, Values: []float32{1}}}
	var sink strings.Builder
	if err := WriteWeights(&sink, w, nil); err == nil || !strings.Contains(err.Error(), `"a.b/weight"`) {
		t.Errorf("got %v", err)
	}
}
