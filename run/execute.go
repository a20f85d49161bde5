package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run/report"
	"github.com/comlam/comlam/train"
)

// Execute runs a recipe in a run directory named after it, or as o says. What earlier runs left
// there is used where nothing it depends on has changed; a run that was stopped
// goes on where it was.
func Execute(ctx context.Context, r *Recipe, o Options) (*Outcome, error) {
	name := r.Name
	if o.Name != "" {
		name = o.Name
	}
	return execute(ctx, name, report.Same(r.Name), []*Recipe{r}, o)
}

// demoRecipes are both halves of the demo, text and radio.
var demoRecipes = []string{"text/demo", "channelpred/demo-jakes", "channelpred/demo-cdlc"}

// Demo runs the demonstration recipes into one report: a language model of telecom
// facts, one model for every speed against the exact bounds on Gaussian fading, and a
// model of CDL-C channels adapted to a speed that it has not seen. o.Short takes smaller
// settings.
func Demo(ctx context.Context, o Options) (*Outcome, error) {
	var overrides []string
	if o.Seed != "" {
		overrides = []string{"seed=" + o.Seed}
	}
	var recipes []*Recipe
	for _, name := range demoRecipes {
		r, err := Load(name+demoSuffix(o.Short), overrides)
		if err != nil {
			return nil, err
		}
		recipes = append(recipes, r)
	}
	return executeDemo(ctx, recipes, o)
}

func executeDemo(ctx context.Context, recipes []*Recipe, o Options) (*Outcome, error) {
	title := report.Text{
		EN: "ComLAM demo: from 3GPP text and channels to trained, adapted and measured models",
		ZH: "ComLAM 演示：从 3GPP 文本与信道到训练、适配并评测的模型",
	}
	return execute(ctx, "demo"+demoSuffix(o.Short), title, recipes, o)
}

func demoSuffix(short bool) string {
	if short {
		return "-short"
	}
	return ""
}

// session is one execution in its run directory.
type session struct {
	o       Options
	dir     string
	fsys    durable.FS
	info    Info
	began   time.Time
	show    *progress
	stages  *stages
	outcome Outcome
}

func execute(ctx context.Context, name string, title report.Text, recipes []*Recipe, o Options) (*Outcome, error) {
	s := newSession(name, recipes, o)
	var jobs []job
	for _, r := range recipes {
		j, err := newJob(r, s)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	if o.DryRun {
		for _, j := range jobs {
			s.outcome.Plan = append(s.outcome.Plan, j.plan()...)
		}
		s.outcome.RunDir = s.dir
		return &s.outcome, nil
	}
	if !o.Force {
		for _, j := range jobs {
			if err := fits(j); err != nil {
				return nil, err
			}
		}
	}
	unlock, err := s.open(recipes)
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = s.work(ctx, title, jobs)
	return &s.outcome, s.close(ctx, err)
}

func newSession(name string, recipes []*Recipe, o Options) *session {
	if o.Dir == "" {
		o.Dir = "runs"
	}
	if o.FS == nil {
		o.FS = durable.OS
	}
	folder := strings.Trim(strings.NewReplacer("/", "-", "\\", "-").Replace(name), ".-")
	if folder == "" {
		folder = "run" // of a file that is called ".yaml"
	}
	dir := filepath.Join(o.Dir, folder)
	s := &session{o: o, dir: dir, fsys: o.FS, began: time.Now(), show: newProgress(o)}
	s.stages = &stages{fsys: o.FS, dir: filepath.Join(dir, "stages"), notice: func(format string, args ...any) {
		s.show.stage("notice", format, args...)
	}}
	s.info = Info{
		Name: folder, Recipe: recipes[0].Name, Seed: recipes[0].Seed, Created: s.began.UTC().Format(time.RFC3339),
		Status: "running", Kernel: backend.Variant(), Versions: versions(),
	}
	return s
}

// open makes the run directory and locks it, and records what is about to run.
func (s *session) open(recipes []*Recipe) (unlock func(), err error) {
	if err := durable.MkdirAll(s.fsys, s.dir); err != nil {
		return nil, err
	}
	lock, err := s.lock()
	if err != nil {
		return nil, err
	}
	if err := s.record(recipes); err != nil {
		lock.Close()
		return nil, err
	}
	return func() { lock.Close() }, nil
}

func (s *session) lock() (io.Closer, error) {
	path := filepath.Join(s.dir, "lock")
	lock, err := s.fsys.Lock(path)
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("run %q: %w; wait for it, or run elsewhere with -C", s.dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", path, err)
	}
	return lock, nil
}

// record checks that the directory may be continued, removes what a killed process
// left half-written and writes down what is about to run.
func (s *session) record(recipes []*Recipe) error {
	var before Info
	err := s.stages.readJSON(filepath.Join(s.dir, "run.json"), &before)
	if err == nil && before.Kernel != "" && before.Kernel != s.info.Kernel {
		e := &train.MismatchError{Have: "kernel " + before.Kernel, Want: "kernel " + s.info.Kernel}
		return fmt.Errorf("run %q: %w: use -C, or remove this one", s.dir, e)
	}
	if _, err := durable.Sweep(s.fsys, s.dir); err != nil {
		return err
	}
	s.tellReplaced(recipes)
	for i, r := range recipes {
		text, err := r.Resolved()
		if err == nil {
			err = durable.WriteFile(s.fsys, filepath.Join(s.dir, recipeFile(i, len(recipes))), text)
		}
		if err != nil {
			return err
		}
	}
	return s.stages.writeJSON(filepath.Join(s.dir, "run.json"), s.info)
}

// tellReplaced says that results of other settings are there, before they are replaced.
func (s *session) tellReplaced(recipes []*Recipe) {
	if _, err := s.fsys.Stat(filepath.Join(s.dir, "result.json")); err != nil {
		return
	}
	for i, r := range recipes {
		name := filepath.Join(s.dir, recipeFile(i, len(recipes)))
		before, err := durable.ReadFile(s.fsys, name)
		now, err2 := r.Resolved()
		if err == nil && err2 == nil && bytes.Equal(before, now) {
			continue
		}
		s.show.stage("notice", "%s has results of other settings, which these will replace; comlam run --as NAME keeps both", s.dir)
		return
	}
}

// recipeFile is where a run keeps its i-th recipe of n, resolved.
func recipeFile(i, n int) string {
	if n == 1 {
		return "recipe.yaml"
	}
	return fmt.Sprintf("recipe-%d.yaml", i+1)
}

// work runs every job and writes result and report.
func (s *session) work(ctx context.Context, title report.Text, jobs []job) error {
	defer s.show.finish()
	var results []result
	for _, j := range jobs {
		r, err := j.run(ctx)
		if err != nil {
			return err
		}
		results = append(results, r)
		rows, gates := r.measured()
		s.outcome.Rows = append(s.outcome.Rows, rows...)
		s.outcome.Gates = append(s.outcome.Gates, gates...)
	}
	s.outcome.RunDir = s.dir
	s.outcome.Report = filepath.Join(s.dir, "report.html")
	s.outcome.Seconds, s.outcome.PeakMiB = time.Since(s.began).Seconds(), PeakMiB()
	if err := s.write(title, results); err != nil {
		return err
	}
	return s.stages.writeJSON(filepath.Join(s.dir, "result.json"), s.outcome)
}

// close records how the session ended.
func (s *session) close(ctx context.Context, err error) error {
	s.info.Seconds, s.info.PeakMiB = time.Since(s.began).Seconds(), PeakMiB()
	s.info.Stages = s.stages.used
	switch {
	case err == nil:
		s.info.Status = "done"
	case wasStopped(ctx, err):
		s.info.Status = "interrupted"
	default:
		s.info.Status, s.info.Error = "failed", err.Error()
	}
	if werr := s.stages.writeJSON(filepath.Join(s.dir, "run.json"), s.info); err == nil {
		err = werr
	}
	return err
}

// wasStopped tells an error that says no more than that the context ended from one
// that came up besides, such as a full disk under the last checkpoint.
func wasStopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
}

// versions names what the numbers of a run depend on beside its recipe.
func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "stage version": stageVersion}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			v["comlam"] = info.Main.Version
		}
		for _, d := range info.Deps {
			if d.Path == "github.com/gomlx/gomlx" || d.Path == "github.com/gomlx/compute" {
				v[d.Path] = d.Version
			}
		}
	}
	return v
}

// rowsOf returns the rows of one metric at one condition.
func rowsOf(rows []eval.Row, condition, metric string) []eval.Row {
	var list []eval.Row
	for _, r := range rows {
		if r.Condition == condition && r.Metric == metric {
			list = append(list, r)
		}
	}
	return list
}
