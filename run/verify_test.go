package run

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/train"
)

// doneOn runs the recipe "jakes" of the tests below a folder and opens its run.
func doneOn(t *testing.T, overrides ...string) *Past {
	t.Helper()
	dir := t.TempDir()
	if _, err := Execute(t.Context(), tinyRecipe(t, "jakes", overrides...), Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	p, err := OpenRun(dir, "jakes")
	if err != nil {
		t.Fatal(err)
	}
	p.Recipe = "jakes"
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
		p := doneOn(t, c.overrides...)
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
		p := doneOn(t, short...)
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
	p := doneOn(t)
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
