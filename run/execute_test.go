package run

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/train"
)

// tinyRecipe reads a recipe of testdata/run: a real model, a few steps.
func tinyRecipe(t *testing.T, name string, overrides ...string) *Recipe {
	t.Helper()
	needsEngine(t)
	r, err := Load(filepath.Join("testdata", "run", name+".yaml"), overrides)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// countTraining counts the points that training shows.
type countTraining struct{ points, other int }

func (c *countTraining) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"loss"`)) {
		c.points++
	} else {
		c.other++
	}
	return len(p), nil
}

// TestWholeJobs runs one recipe of each kind from end to end, and again.
func TestWholeJobs(t *testing.T) {
	for _, c := range []struct {
		name     string
		learned  []string
		bound    bool
		metrics  []string // of the model
		headings []string
	}{
		{"jakes", []string{nameTrained}, true, []string{metric.RatioOfSums, metric.SampleMean, metric.SEMRT},
			[]string{"One model for 3 to 120 km/h on Jakes channels", "Jakes 信道上覆盖 3 至 120 km/h 的单一模型"}},
		{"cdlc", []string{nameBase, nameFull, nameLoRA, nameControl}, false, []string{metric.RatioOfSums, metric.SampleMean, metric.SEMRT},
			[]string{"Adaptation of a CDL-C model to 120 km/h", "CDL-C 模型向 120 km/h 的适配"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := durable.NewMemFS(1)
			first, err := Execute(t.Context(), tinyRecipe(t, c.name), Options{FS: fsys})
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, first, c.learned, c.bound)
			for _, name := range c.learned {
				for _, m := range c.metrics {
					if len(rowsOf(first.Rows, first.Rows[0].Condition, m)) == 0 {
						t.Errorf("%s has no %s", name, m)
					}
				}
			}
			checkFiles(t, fsys, first, c.headings)
			var shown countTraining
			again, err := Execute(t.Context(), tinyRecipe(t, c.name), Options{FS: fsys, Progress: &shown})
			if err != nil {
				t.Fatal(err)
			}
			if rowsText(t, again) != rowsText(t, first) || shown.points+shown.other > 0 {
				t.Errorf("running again shows %+v, rows equal: %v", shown, rowsText(t, again) == rowsText(t, first))
			}
		})
	}
}

// checkRows checks what every row must have.
func checkRows(t *testing.T, o *Outcome, learned []string, bound bool) {
	t.Helper()
	methods := map[string]int{}
	for _, r := range o.Rows {
		methods[r.Method]++
		if r.N < 2 || r.Task != "channelpred" || r.Class == "" || !(r.CI95[0] <= r.Value && r.Value <= r.CI95[1]) {
			t.Errorf("row %+v", r)
		}
		if want := bound && r.Metric == metric.RatioOfSums; (r.Bound != nil) != want {
			t.Errorf("%s, %s at %s has bound %v, want one: %v", r.Method, r.Metric, r.Condition, r.Bound, want)
		}
	}
	for _, name := range append([]string{"hold", "least squares, this speed"}, learned...) {
		if methods[name] == 0 {
			t.Errorf("there is no row of %q in %v", name, methods)
		}
	}
	if len(o.Gates) > 0 != bound || len(o.Failed()) > 0 {
		t.Errorf("gates %+v", o.Gates)
	}
}

// checkFiles checks report.html, result.json, run.json and the resolved recipe.
func checkFiles(t *testing.T, fsys durable.FS, o *Outcome, want []string) {
	t.Helper()
	page, err := durable.ReadFile(fsys, o.Report)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(want, `lang="zh`, "<svg", "n = 12 test samples", "n = 12 个测试样本", "种子") {
		if !bytes.Contains(page, []byte(text)) {
			t.Errorf("the report does not say %q", text)
		}
	}
	for _, text := range []string{"NaN", "Inf", "1 subcarriers", "1 receive antennas", "<no value>", "%!"} {
		if bytes.Contains(page, []byte(text)) {
			t.Errorf("the report says %q", text)
		}
	}
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for err == nil {
		_, err = d.Token()
	}
	if err != io.EOF {
		t.Errorf("the report is not well-formed: %v", err)
	}
	raw, err := durable.ReadFile(fsys, path.Join(o.RunDir, "result.json"))
	var back Outcome
	if err == nil {
		err = json.Unmarshal(raw, &back)
	}
	if err != nil || rowsText(t, &back) != rowsText(t, o) || back.Report != o.Report || back.PeakMiB <= 0 {
		t.Errorf("result.json: %v, %+v", err, back)
	}
	info := infoOn(t, fsys, o.RunDir)
	if info.Status != "done" || info.Kernel == "" || info.Error != "" || len(info.Versions) < 3 {
		t.Errorf("run.json: %+v", info)
	}
	resolved, err := durable.ReadFile(fsys, path.Join(o.RunDir, "recipe.yaml"))
	if err != nil || !bytes.Contains(resolved, []byte("interval: 0.5 ms")) {
		t.Errorf("recipe.yaml: %v\n%s", err, resolved)
	}
}

// stopper cancels when progress mentions a word for the n-th time.
type stopper struct {
	word string
	n    int
	stop context.CancelCauseFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.word) {
		if s.n--; s.n == 0 {
			s.stop(ErrInterrupted)
		}
	}
	return len(p), nil
}

// TestInterruptedRunsContinue stops a run in training, in each way of adapting and
// in the evaluation, and runs it again: the rows are the same to the bit.
func TestInterruptedRunsContinue(t *testing.T) {
	for _, c := range []struct {
		recipe func() *Recipe
		word   string
		n      int
	}{
		{toyRecipe, `"stage":"train","step":2`, 1},
		{toyRecipe, `"stage":"evaluate"`, 1},
		{adaptedToy, `"stage":"full lr 0.001","step":2`, 1},
		{adaptedToy, `"stage":"full lr 0.003","step":2`, 1},
		{adaptedToy, `"stage":"lora lr 0.003","step":2`, 1},
		{adaptedToy, `"stage":"control","step":2`, 1},
		{adaptedToy, `"stage":"evaluate"`, 2},
		{func() *Recipe { return tinyRecipe(t, "cdlc") }, `"stage":"lora`, 1},
	} {
		want := rowsText(t, outcomeOn(t, durable.NewMemFS(1), c.recipe()))
		fsys := durable.NewMemFS(1)
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := Execute(ctx, c.recipe(), Options{FS: fsys, Workers: 1, Progress: &stopper{c.word, c.n, cancel}})
		if !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped at %s: %v", c.word, err)
		}
		dir := "runs/" + strings.ReplaceAll(c.recipe().Name, "/", "-")
		if info := infoOn(t, fsys, dir); info.Status != "interrupted" || info.Error != "" {
			t.Errorf("stopped at %s: %+v", c.word, info)
		}
		if got := rowsText(t, outcomeOn(t, fsys, c.recipe())); got != want {
			t.Errorf("stopped at %s:\n%s\nwant\n%s", c.word, got, want)
		}
	}
}

func TestRowsDoNotDependOnCoresOrWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	want := ""
	for _, c := range []struct{ procs, workers int }{{1, 1}, {2, 1}, {1, 2}, {2, 2}, {2, 0}} {
		runtime.GOMAXPROCS(c.procs)
		o, err := Execute(t.Context(), tinyRecipe(t, "cdlc"), Options{FS: durable.NewMemFS(1), Workers: c.workers})
		if err != nil {
			t.Fatal(err)
		}
		got := rowsText(t, o)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%d cores, %d workers:\n%s\nwant\n%s", c.procs, c.workers, got, want)
		}
		if testing.Short() {
			return
		}
	}
}

// TestAdaptersAreEvaluated: LoRA beats its base here, so that its weights run under
// the adapter, from the stage and from its file alike.
func TestAdaptersAreEvaluated(t *testing.T) {
	fsys := durable.NewMemFS(1)
	o := outcomeOn(t, fsys, adaptedToy())
	at := condition(adaptedToy(), setting.KMH(120)).Name
	rows := rowsOf(o.Rows, at, metricGain)
	if len(rows) != 3 || rows[0].Method != nameFull || rows[1].Method != nameLoRA || rows[2].Method != nameControl {
		t.Fatalf("gains %+v", rows)
	}
	for _, r := range rows[:2] {
		if r.Value == 0 {
			t.Errorf("%s: nothing was learned; choose other learning rates", r.Method)
		}
	}
	if again := outcomeOn(t, fsys, adaptedToy()); rowsText(t, again) != rowsText(t, o) {
		t.Error("other rows from the files")
	}
}

// TestOnlyWhatChangedIsRedone names the stages that settings belong to.
func TestOnlyWhatChangedIsRedone(t *testing.T) {
	fsys := durable.NewMemFS(1)
	outcomeOn(t, fsys, adaptedToy())
	before := infoOn(t, fsys, "runs/test-toy").Stages
	for _, c := range []struct {
		change func(r *Recipe)
		redone string
	}{
		{func(*Recipe) {}, ""},
		{func(r *Recipe) { r.Tune.LoRA.Alpha = 3 }, "adapt-lora evaluate"},
		{func(r *Recipe) { r.Tune.Full.LearningRates = []float64{2e-3} }, "adapt-full control evaluate"},
		{func(r *Recipe) { r.Tune.Steps = 3 }, "adapt-full adapt-lora control evaluate"},
		{func(r *Recipe) { r.Seed = 9 }, "train adapt-full adapt-lora control evaluate"},
		{func(r *Recipe) { r.Tune = nil }, "evaluate"},
	} {
		r := adaptedToy()
		c.change(r)
		outcomeOn(t, fsys, r)
		var redone []string
		for _, stage := range infoOn(t, fsys, "runs/test-toy").Stages {
			if !strings.Contains(strings.Join(before, " "), stage) {
				redone = append(redone, stage[:strings.LastIndex(stage, "-")])
			}
		}
		if got := strings.Join(redone, " "); got != c.redone {
			t.Errorf("redone: %q, want %q", got, c.redone)
		}
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	fsys := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
	o, err := Execute(t.Context(), tinyRecipe(t, "cdlc"), Options{FS: fsys, DryRun: true})
	if err != nil || len(fsys.Ops()) > 0 {
		t.Fatalf("%v; operations %v", err, fsys.Ops())
	}
	want := []string{
		"cdlc: train 16 samples in 4 steps (to do)", "cdlc: adapt to 120 km/h in 4 trials of 4 steps",
		"cdlc: evaluate 2 conditions of 12 samples, then report",
	}
	if got := strings.Join(o.Plan, "\n"); got != strings.Join(want, "\n") || o.RunDir != filepath.Join("runs", "cdlc") {
		t.Errorf("plan for %s:\n%s", o.RunDir, got)
	}
	outcomeOn(t, fsys, toyRecipe())
	if o, err = Execute(t.Context(), toyRecipe(), Options{FS: fsys, DryRun: true}); err != nil || !strings.Contains(o.Plan[0], "done before") {
		t.Errorf("%v, plan %q", err, o.Plan)
	}
}

func TestLockedDirectoryIsRefused(t *testing.T) {
	fsys := durable.NewMemFS(1)
	if err := durable.MkdirAll(fsys, "runs/test-toy"); err != nil {
		t.Fatal(err)
	}
	lock, err := fsys.Lock("runs/test-toy/lock")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Execute(t.Context(), toyRecipe(), Options{FS: fsys})
	if !errors.Is(err, durable.ErrLocked) || !strings.Contains(err.Error(), "-C") {
		t.Errorf("%v", err)
	}
	lock.Close()
	outcomeOn(t, fsys, toyRecipe())
	outcomeOn(t, fsys, toyRecipe()) // the first run has given it back
}

// TestAnotherKernelIsRefused: one run is one kernel variant.
func TestAnotherKernelIsRefused(t *testing.T) {
	fsys := durable.NewMemFS(1)
	o := outcomeOn(t, fsys, toyRecipe())
	info := infoOn(t, fsys, o.RunDir)
	info.Kernel = "go/abacus"
	raw, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(fsys, path.Join(o.RunDir, "run.json"), raw); err != nil {
		t.Fatal(err)
	}
	_, err = Execute(t.Context(), toyRecipe(), Options{FS: fsys})
	var other *train.MismatchError
	if !errors.As(err, &other) || other.Have != "kernel go/abacus" || !strings.Contains(err.Error(), "start in a new folder: use -C") {
		t.Errorf("%v", err)
	}
}

func TestStatusSaysHowARunEnded(t *testing.T) {
	needsEngine(t)
	fsys := durable.Faulty(durable.NewMemFS(1), durable.Plan{At: 40, Fault: durable.FailIO})
	_, err := Execute(t.Context(), toyRecipe(), Options{FS: fsys, Workers: 1})
	if err == nil {
		t.Fatal("the fault passed")
	}
	if info := infoOn(t, fsys, "runs/test-toy"); info.Status != "failed" || info.Error != err.Error() {
		t.Errorf("after %v: %+v", err, info)
	}
	seen := ""
	watch := writerFunc(func([]byte) { seen = infoOn(t, fsys, "runs/test-toy").Status })
	if _, err := Execute(t.Context(), toyRecipe(), Options{FS: fsys, Workers: 1, Progress: watch}); err != nil {
		t.Fatal(err)
	}
	if info := infoOn(t, fsys, "runs/test-toy"); seen != "running" || info.Status != "done" || info.Error != "" || info.Seconds <= 0 {
		t.Errorf("while it ran %q, then %+v", seen, info)
	}
	// A fault under the checkpoint of an interrupt is a failure, not an interrupt.
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	if wasStopped(ctx, &durable.SpaceError{}) || !wasStopped(ctx, fmt.Errorf("x: %w", ErrInterrupted)) || !wasStopped(ctx, context.Canceled) {
		t.Error("a full disk counts as an interrupt")
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// TestResumeTakesTheSettingsOfTheRun and not those of the program.
func TestResumeTakesTheSettingsOfTheRun(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles real models")
	}
	dir := t.TempDir()
	first, err := Execute(t.Context(), tinyRecipe(t, "jakes", "seed=8"), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenRun(dir, "jakes")
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Resume(t.Context(), Options{})
	if err != nil || rowsText(t, o) != rowsText(t, first) {
		t.Errorf("%v", err)
	}
	// A demo of another seed: only planned, since training it takes a minute.
	demo := filepath.Join(dir, "demo-short")
	if err := os.Mkdir(demo, 0o777); err != nil {
		t.Fatal(err)
	}
	for i, name := range demoRecipes {
		text, err := os.ReadFile(filepath.Join("testdata", "run", "jakes.yaml"))
		if err == nil {
			err = os.WriteFile(filepath.Join(demo, recipeFile(i, len(demoRecipes))), text, 0o666)
		}
		if err != nil {
			t.Fatal(name, err)
		}
	}
	past := &Past{Dir: demo, Info: Info{Name: "demo-short", Recipe: demoRecipes[0] + "-short"}}
	o, err = past.Resume(t.Context(), Options{DryRun: true})
	if err != nil || o.RunDir != demo || len(o.Plan) != 6 || !strings.HasPrefix(o.Plan[4], "channelpred/demo-cdlc-short: train 24 samples") {
		t.Errorf("%v, %+v", err, o)
	}
}

// TestDemoIsPlanned reads all recipes of both demos.
func TestDemoIsPlanned(t *testing.T) {
	for _, short := range []bool{false, true} {
		o, err := Demo(t.Context(), Options{DryRun: true, Short: short, Seed: "5"})
		if err != nil || len(o.Plan) != 10 || o.RunDir != filepath.Join("runs", "demo"+demoSuffix(short)) {
			t.Errorf("%v, %+v", err, o)
		}
	}
	if _, err := Demo(t.Context(), Options{DryRun: true, Seed: "five"}); err == nil {
		t.Error("a seed that is no number was taken")
	}
}
