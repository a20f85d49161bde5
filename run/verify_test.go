package run

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// doneOn runs a recipe of the tests below a folder and opens its run.
func doneOn(t *testing.T, name string, overrides ...string) *Past {
	t.Helper()
	dir := t.TempDir()
	if _, err := Execute(t.Context(), tinyRecipe(t, name, overrides...), Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	p, err := OpenRun(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	p.Recipe = name
	return p
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		overrides []string
		steps     int
		want      Replay
	}{
		// The checkpoint at 6 has nothing after it.
		{[]string{"train.steps=6", "train.checkpoint_every=2", "train.keep_checkpoints=2"}, 5, Replay{From: 4, To: 6, Marks: 2, Points: 1, Stored: []string{"checkpoints/step-000006", weightsFile}}},
		// Only the last one is left: the start is always there.
		{[]string{"train.steps=6", "train.checkpoint_every=3", "train.keep_checkpoints=1"}, 5, Replay{From: 0, To: 5, Marks: 5, Points: 2}},
		{[]string{"train.steps=6", "train.checkpoint_every=3", "train.keep_checkpoints=1"}, 9, Replay{From: 0, To: 6, Marks: 6, Points: 3, Stored: []string{"checkpoints/step-000006", weightsFile}}},
	} {
		p := doneOn(t, "jakes", c.overrides...)
		list, err := p.Verify(t.Context(), c.steps, Options{})
		if err != nil || len(list) != 1 {
			t.Fatalf("%v: %+v, %v", c.overrides, list, err)
		}
		got := list[0]
		if got.From != c.want.From || got.To != c.want.To || got.Marks != c.want.Marks || got.Points != c.want.Points ||
			strings.Join(got.Stored, " ") != strings.Join(c.want.Stored, " ") {
			t.Errorf("%v, %d steps: %+v, want %+v", c.overrides, c.steps, got, c.want)
		}
	}
}

// spoil changes one value of the weights that a stage left.
func spoil(t *testing.T, file string) {
	t.Helper()
	raw, err := durable.ReadFile(durable.OS, file)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-4] ^= 1
	if err := durable.WriteFile(durable.OS, file, raw); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Open(strings.NewReader(string(raw)), int64(len(raw))); err != nil {
		t.Fatal(err)
	}
}

// rewrite replaces text in a file of a run.
func rewrite(t *testing.T, file, old, new string) {
	t.Helper()
	raw, err := durable.ReadFile(durable.OS, file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		t.Fatalf("%s does not say %q: %s", file, old, raw)
	}
	if err := durable.WriteFile(durable.OS, file, []byte(strings.Replace(string(raw), old, new, 1))); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyFindsDifferences: a changed bit is found, and said where.
func TestVerifyFindsDifferences(t *testing.T) {
	short := []string{"train.steps=6", "train.checkpoint_every=2", "train.keep_checkpoints=2"}
	for _, c := range []struct {
		change func(t *testing.T, stage string)
		want   string
	}{
		{func(t *testing.T, stage string) { spoil(t, filepath.Join(stage, weightsFile)) }, "step 6, against model.safetensors: tensor "},
		{func(t *testing.T, stage string) {
			rewrite(t, filepath.Join(stage, trailFile), `{"step":5,"loss":`, `{"step":5,"loss":1`)
		}, "step 5, against the trail: the loss is "},
		{func(t *testing.T, stage string) {
			rewrite(t, filepath.Join(stage, "metrics.jsonl"), `{"step":6,"steps":6,"loss":`, `{"step":6,"steps":6,"loss":1`)
		}, "step 6, against metrics.jsonl: the mean loss is "},
	} {
		p := doneOn(t, "jakes", short...)
		list, err := p.Verify(t.Context(), VerifySteps, Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.change(t, filepath.Join(p.Dir, "stages", list[0].Stage))
		_, err = p.Verify(t.Context(), VerifySteps, Options{})
		var differs *DifferenceError
		if !errors.As(err, &differs) || !strings.HasPrefix(differs.What, c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	p := doneOn(t, "jakes")
	var other *train.MismatchError
	elsewhere := *p
	elsewhere.Kernel = "go/abacus"
	if _, err := elsewhere.Verify(t.Context(), 1, Options{}); !errors.As(err, &other) || !strings.Contains(err.Error(), "verify it on a machine with go/abacus") {
		t.Errorf("%v", err)
	}
	running := *p
	running.Status = "running"
	if _, err := running.Verify(t.Context(), 1, Options{}); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("%v", err)
	}
	// A run of an earlier version has no trail; its history and files serve.
	list, err := p.Verify(t.Context(), 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	stage := filepath.Join(p.Dir, "stages", list[0].Stage)
	if err := durable.RemoveAll(durable.OS, path.Join(stage, trailFile)); err != nil {
		t.Fatal(err)
	}
	if list, err = p.Verify(t.Context(), 50, Options{}); err != nil || list[0].Marks != 0 || len(list[0].Stored) == 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err = p.Verify(t.Context(), 1, Options{}); err == nil || !strings.Contains(err.Error(), "give more --steps") {
		t.Errorf("%v", err)
	}
	if err := durable.RemoveAll(durable.OS, stage); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(t.Context(), 1, Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "comlam runs resume jakes") {
		t.Errorf("%v", err)
	}
}

// TestVerifyAdaptation: every trial of both ways of adapting, and the control, are
// replayed, each from its own checkpoint, scores and weights included.
func TestVerifyAdaptation(t *testing.T) {
	p := doneOn(t, "cdlc", "tune.full.learning_rates=[1e-3, 3e-3]")
	list, err := p.Verify(t.Context(), 1000, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	chosen := map[string]int{}
	for i, r := range list {
		names = append(names, r.Training())
		if r.Difference != "" || r.Marks == 0 || r.To != 4 || len(r.Stored) == 0 {
			t.Errorf("%+v", r)
		}
		if tuned := i > 0 && r.Trial != string(tune.WayControl); tuned != (r.Scores > 0) {
			t.Errorf("%s: %d scores", r.Training(), r.Scores)
		}
		if slices.Contains(r.Stored, weightsFile) {
			chosen[r.Stage]++
		}
	}
	want := []string{"train", "adapt-full, full lr 0.001", "adapt-full, full lr 0.003", "adapt-lora, lora lr 0.003", "adapt-lora, lora lr 0.01", "control"}
	if !slices.Equal(names, want) {
		t.Errorf("replayed %q, want %q", names, want)
	}
	for _, stage := range []string{list[0].Stage, list[len(list)-1].Stage} {
		if chosen[stage] != 1 {
			t.Errorf("the weights that %s left were not compared", stage)
		}
	}
}

// TestVerifyFindsAdaptation: what was changed in a stage that adapts is found there,
// and a run that was stopped is verified as far as it came.
func TestVerifyFindsAdaptation(t *testing.T) {
	for _, c := range []struct {
		stage  string
		change func(t *testing.T, stage string)
		want   string
	}{
		{"adapt-full", func(t *testing.T, stage string) {
			rewrite(t, filepath.Join(stage, "full-lr-0.001.trail.jsonl"), `{"step":3,"loss":`, `{"step":3,"loss":1`)
		}, "step 3, against the trail: the loss is "},
		{"adapt-lora", func(t *testing.T, stage string) {
			rewrite(t, filepath.Join(stage, adaptedFile), "\"step\": 4,\n          \"value\": ", "\"step\": 4,\n          \"value\": 1")
		}, "step 4, against adapted.json: the validation score is "},
		{"control", func(t *testing.T, stage string) { spoil(t, filepath.Join(stage, weightsFile)) }, "step 4, against model.safetensors: tensor "},
	} {
		p := doneOn(t, "cdlc")
		found, err := filepath.Glob(filepath.Join(p.Dir, "stages", c.stage+"-*"))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		c.change(t, found[0])
		_, err = p.Verify(t.Context(), VerifySteps, Options{})
		var differs *DifferenceError
		if !errors.As(err, &differs) || !strings.HasPrefix(differs.Training, c.stage) || !strings.HasPrefix(differs.What, c.want) {
			t.Errorf("%v, want %s: %s", err, c.stage, c.want)
		}
		if err := durable.RemoveAll(durable.OS, found[0]); err != nil { // as if it had been stopped before
			t.Fatal(err)
		}
		list, err := p.Verify(t.Context(), VerifySteps, Options{})
		if err != nil || slices.ContainsFunc(list, func(r Replay) bool { return strings.HasPrefix(r.Stage, c.stage) }) {
			t.Errorf("without %s: %+v, %v", c.stage, list, err)
		}
	}
}
