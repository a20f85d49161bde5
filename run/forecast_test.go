package run

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/durable"
)

func TestPlan(t *testing.T) {
	for name, stages := range map[string]string{"jakes": "train evaluate", "cdlc": "train adapt-full adapt-lora control evaluate"} {
		fsys := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
		f, err := Plan(t.Context(), tinyRecipe(t, name), Limits{}, Options{FS: fsys})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range f.Stages {
			names = append(names, s.Name)
			if s.Seconds < 0 {
				t.Errorf("%s: stage %s takes %g s", name, s.Name, s.Seconds)
			}
		}
		if strings.Join(names, " ") != stages || f.Seconds <= 0 || f.ProbeSeconds <= 0 || f.PeakMiB <= 0 || f.FLOP <= 0 || f.DiskMiB <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
		if want := tinyRecipe(t, name).Model.(interface{ NumParameters() int }).NumParameters(); f.Parameters != want {
			t.Errorf("%s: %d parameters, want %d", name, f.Parameters, want)
		}
		if len(fsys.Ops()) > 0 {
			t.Errorf("%s: planning wrote %v", name, fsys.Ops())
		}
	}
}

// TestDiskForecast: what a run leaves is no more than was said, and not far from it.
func TestDiskForecast(t *testing.T) {
	r := tinyRecipe(t, "cdlc", "model.hidden_size=32")
	f, err := Plan(t.Context(), r, Limits{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fsys := durable.NewMemFS(1)
	fsys.SetCapacity(int64(f.DiskMiB * (1 << 20)))
	if _, err := Execute(t.Context(), r, Options{FS: fsys}); err != nil {
		t.Errorf("%.1f MiB do not do: %v", f.DiskMiB, err)
	}
}

// TestProposalsFit: what a plan proposes is a recipe, and takes less.
func TestProposalsFit(t *testing.T) {
	load := func(overrides ...string) *Recipe {
		t.Helper()
		return tinyRecipe(t, "cdlc", append([]string{"train.steps=400", "train.batch_size=512", "train.micro_batch_size=256"}, overrides...)...)
	}
	j, err := newRadioJob(load(), newSession("x", []*Recipe{load()}, Options{FS: durable.NewMemFS(1)}))
	if err != nil {
		t.Fatal(err)
	}
	need := j.shapes().PeakMiB
	f := j.shapes()
	f.exceeds(j, Limits{MemoryMiB: need - 2})
	if len(f.Proposals) != 1 || !strings.HasPrefix(f.Proposals[0].String(), "train.micro_batch_size=") {
		t.Fatalf("%+v", f)
	}
	smaller, err := newRadioJob(load(f.Proposals[0].Overrides...), j.session)
	if err != nil {
		t.Fatal(err)
	}
	if got := smaller.shapes().PeakMiB; got > need-2 {
		t.Errorf("%.0f MiB with %v, %.0f without", got, f.Proposals, need)
	}
	f = j.shapes()
	f.Seconds = 100
	if f.exceeds(j, Limits{Time: 50 * time.Second}); len(f.Proposals) != 1 {
		t.Fatalf("%+v", f)
	}
	if r := load(f.Proposals[0].Overrides...); r.Train.Steps != 180 || r.Tune.Steps != 1 || r.Validate() != nil {
		t.Errorf("%v gives %+v", f.Proposals, r.Train)
	}
	f = j.shapes()
	f.FreeMiB = f.DiskMiB - 0.01
	if f.exceeds(j, Limits{}); len(f.Proposals) != 1 || f.Proposals[0].Overrides[0] != "train.keep_checkpoints=1" {
		t.Errorf("%+v", f)
	}
	f = j.shapes()
	f.FreeMiB = 0.1
	if f.exceeds(j, Limits{}); len(f.Proposals) != 1 || len(f.Proposals[0].Overrides) > 0 {
		t.Errorf("%+v", f)
	}
	f = j.shapes()
	if f.exceeds(j, Limits{MemoryMiB: 1}); len(f.Proposals) != 1 || len(f.Proposals[0].Overrides) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestPlanSaysWhatDoesNotFit(t *testing.T) {
	var fit *FitError
	f, err := Plan(t.Context(), tinyRecipe(t, "jakes"), Limits{Time: time.Nanosecond}, Options{FS: durable.NewMemFS(1)})
	if !errors.As(err, &fit) || f == nil || f.Seconds <= 0 || !strings.Contains(err.Error(), "the budget is 1ns; try train.steps=1 ") {
		t.Errorf("%+v, %v", f, err)
	}
	// What shapes tell is not probed.
	f, err = Plan(t.Context(), tinyRecipe(t, "jakes"), Limits{MemoryMiB: 1}, Options{FS: durable.NewMemFS(1)})
	if !errors.As(err, &fit) || f.ProbeSeconds > 0 || !strings.Contains(err.Error(), "MiB of memory, 1 are allowed") {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestRunRefusesWhatCannotFit: a model too large for any machine, and a full disk,
// unless it is forced or done already.
func TestRunRefusesWhatCannotFit(t *testing.T) {
	var fit *FitError
	huge, err := Load(filepath.Join("testdata", "run", "jakes.yaml"), []string{"model.hidden_size=32768"})
	if err != nil {
		t.Fatal(err)
	}
	fsys := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
	if _, total := Memory(); total > 0 {
		_, err = Execute(t.Context(), huge, Options{FS: fsys})
		if !errors.As(err, &fit) || !strings.Contains(err.Error(), "--force runs it all the same") || len(fsys.Ops()) > 0 {
			t.Errorf("%v, operations %v", err, fsys.Ops())
		}
	}
	if _, err := Execute(t.Context(), huge, Options{FS: fsys, DryRun: true}); err != nil {
		t.Error(err)
	}
	full := durable.NewMemFS(1)
	full.SetCapacity(1 << 20)
	_, err = Execute(t.Context(), toyRecipe(), Options{FS: full})
	if !errors.As(err, &fit) || !strings.Contains(err.Error(), "MiB of disk, 1 are free") {
		t.Errorf("%v", err)
	}
	needsEngine(t)
	full.SetCapacity(-1)
	if _, err := Execute(t.Context(), toyRecipe(), Options{FS: full}); err != nil {
		t.Fatal(err)
	}
	full.SetCapacity(1 << 20)
	if _, err := Execute(t.Context(), toyRecipe(), Options{FS: full}); errors.As(err, &fit) {
		t.Errorf("a run that is done is refused: %v", err)
	}
}

func TestUsual(t *testing.T) {
	if got := usual([]float64{1, 1.5, 9, 0.5, 1}); got != 1 {
		t.Errorf("got %g", got)
	}
	if got := usual(nil); got != 0 {
		t.Errorf("got %g", got)
	}
}
