package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/train"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), exitBug},
		{usagef("x"), exitUsage},
		{&run.Error{Override: "a=b"}, exitUsage},
		{&run.Error{File: "a.yaml", Line: 3}, exitData},
		{fmt.Errorf("x: %w", run.ErrNoRun), exitUsage},
		{fmt.Errorf("x: %w", run.ErrInterrupted), exitInterrupted},
		{context.Canceled, exitInterrupted},
		{gateError{}, exitGate},
		{&train.NonFiniteError{}, exitGate},
		{&run.DifferenceError{}, exitGate},
		{&durable.SpaceError{}, exitResources},
		{&run.FitError{}, exitResources},
		{&fs.PathError{Err: syscall.ENOSPC}, exitResources},
		{fmt.Errorf("x: %w", durable.ErrLocked), exitResources},
		{&fs.PathError{Err: syscall.EISDIR}, exitData},
		{&bounded.LimitError{}, exitData},
		{&train.MismatchError{}, exitData},
		{durable.ErrDamaged, exitData},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%T %v: exit code %d, want %d", c.err, c.err, got, c.want)
		}
	}
}

// outcome is an invented result of a run.
func outcome(ok bool) *run.Outcome {
	bound := 0.0328
	row := func(method, class, metric string, value float64) eval.Row {
		return eval.Row{Task: "channelpred", Condition: "30 km/h", Method: method, Class: class, Metric: metric,
			Value: value, CI95: [2]float64{value * 0.98, value * 1.02}, N: 1000}
	}
	rows := []eval.Row{
		row("hold", eval.Classical, "nmse/ratio-of-sums", 0.17), row("hold", eval.Classical, "se/mrt-10dB", 3.1),
		row("Wiener", eval.Genie, "nmse/ratio-of-sums", bound), row("model, LoRA", eval.Learned, "nmse/ratio-of-sums", 0.05),
		row("model, LoRA", eval.Learned, "gain-dB/nmse/ratio-of-sums", 1.5),
	}
	rows[0].Bound = &bound
	return &run.Outcome{Rows: rows, Seconds: 12.34, PeakMiB: 567.8, Report: "runs/demo/report.html", RunDir: "runs/demo",
		Gates: []run.Gate{{Name: "nothing below its bound", OK: ok, Text: "5 rows looked at"}}}
}

// present runs execute on an outcome that is there already.
func present(asJSON bool, o *run.Outcome) (out, err string, code int) {
	var stdout, stderr bytes.Buffer
	a := &app{out: &stdout, err: &stderr, json: asJSON}
	failed := a.execute("it", func(context.Context) (*run.Outcome, error) { return o, nil }, demoResult)
	if failed != nil {
		code = a.failed(failed)
	}
	return stdout.String(), stderr.String(), code
}

func TestOutcomes(t *testing.T) {
	out, _, code := present(false, outcome(true))
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	golden(t, "outcome.txt", out)
	out, stderr, code := present(false, outcome(false))
	if code != exitGate || !strings.Contains(out, "FAILED") || !strings.Contains(stderr, "a gate failed: nothing below its bound") {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
	out, _, code = present(true, outcome(false))
	v := oneObject(t, out)
	if code != exitGate || v["rows"] == nil || v["error"] != nil || len(v) != 4 {
		t.Errorf("exit code %d, %s", code, out)
	}
	golden(t, "outcome.json", out)
	if out, _, _ = present(true, &run.Outcome{}); !strings.Contains(out, `"rows":[]`) {
		t.Errorf("no rows print as %s", out)
	}
	out, _, _ = present(false, &run.Outcome{Plan: []string{"train"}, RunDir: "runs/x"})
	if out != "train\nwould write to runs/x\n" {
		t.Errorf("a plan prints as %q", out)
	}
}

func TestFirstInterruptCancels(t *testing.T) {
	var stdout, stderr bytes.Buffer
	a := &app{out: &stdout, err: &stderr}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	failed := a.execute("comlam demo", func(ctx context.Context) (*run.Outcome, error) {
		if err := self.Signal(os.Interrupt); err != nil {
			t.Skip("no signals here: ", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("train: %w", context.Cause(ctx))
		case <-time.After(10 * time.Second):
			return nil, errors.New("the interrupt did not arrive")
		}
	}, demoResult)
	if exitCode(failed) != exitInterrupted || !strings.HasSuffix(failed.Error(), "what was done is kept; comlam demo continues") {
		t.Error(failed)
	}
	if !strings.Contains(stderr.String(), "once more stops at once") {
		t.Errorf("stderr %q", stderr.String())
	}
}

// makeRun writes a run directory as the engine leaves it.
func makeRun(t *testing.T, dir string) {
	t.Helper()
	stage := filepath.Join(dir, "runs", "mine", "stages", "train-0123456789ab")
	if err := os.MkdirAll(stage, 0o777); err != nil {
		t.Fatal(err)
	}
	var points strings.Builder
	for step := 0; step <= 1000; step += 50 {
		fmt.Fprintf(&points, `{"step":%d,"steps":1000,"loss":%g}`+"\n", step, 1/(1+float64(step)/100))
	}
	for file, text := range map[string]string{
		"runs/mine/run.json": `{"name":"mine","recipe":"mine","seed":4,"created":"2026-01-02T03:04:05Z","status":"done","kernel":"go/avx2","versions":{}}`,
		"runs/mine/result.json": `{"rows":[{"task":"channelpred","condition":"30 km/h","method":"hold","class":"classical","metric":"nmse/ratio-of-sums",` +
			`"value":0.1,"ci95":[0.09,0.11],"n":100,"bound":null}],"seconds":1.5,"peak_mib":100,"report":"runs/mine/report.html"}`,
		"runs/mine/stages/train-0123456789ab/metrics.jsonl": points.String(),
		"runs/mine/recipe.yaml":                             "task: {name: channelpred}\nmodel: {name: wifo}\n",
		"runs/notes.txt":                                    "not a run",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRuns(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	makeRun(t, work)
	t.Chdir(work)
	got := transcript("comlam runs ls", "comlam runs ls -q", "comlam runs ls --json", "comlam runs show mine", "comlam runs show runs/mine --json",
		"comlam runs diff mine runs/mine", "comlam runs diff mine mine --json", "comlam runs diff mine none", "comlam runs diff mine",
		"comlam runs plot mine", "comlam runs plot mine -o loss.svg", "comlam runs plot mine -o loss.svg --json", "comlam runs show notes.txt")
	t.Chdir(wd)
	golden(t, "runs.txt", got)
	svg, err := os.ReadFile(filepath.Join(work, "loss.svg"))
	if err != nil || !bytes.HasPrefix(svg, []byte("<svg")) {
		t.Errorf("%v, %.40s", err, svg)
	}
	if _, out, _ := call("__complete", "-C", work, "runs", "show", ""); !strings.HasPrefix(out, "mine\n") {
		t.Errorf("runs complete to %q", out)
	}
}

func TestMeter(t *testing.T) {
	now := time.Unix(0, 0)
	for _, live := range []bool{false, true} {
		var out bytes.Buffer
		m := &meter{w: &out, stage: "csi gen", unit: "samples", live: live, now: func() time.Time { return now }, began: now, shown: now, samples: 1000, bytes: 8000}
		for range 30 {
			now = now.Add(time.Second)
			m.add(200)
		}
		m.finish()
		name := "meter.jsonl"
		if live {
			name = "meter.txt"
		}
		golden(t, name, out.String())
	}
}
