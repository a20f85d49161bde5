package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
)

// writeFiles makes files below dir, and their folders.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"old/run.json":     `{"name":"old","created":"2026-01-01T00:00:00Z","status":"done"}`,
		"new/run.json":     `{"name":"new","created":"2026-02-01T00:00:00Z","status":"running"}`,
		"new/lock":         "",
		"held/run.json":    `{"name":"held","created":"2026-03-01T00:00:00Z","status":"running"}`,
		"damaged/run.json": `{"name":`,
		"other/notes.txt":  "",
		"file":             "",
	})
	lock, err := durable.OS.Lock(filepath.Join(dir, "held", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	list, err := Runs(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, p.Name+" "+p.Status)
	}
	if want := "held running, new killed, old done, damaged damaged"; strings.Join(got, ", ") != want {
		t.Errorf("runs %q, want %q", got, want)
	}
	if list, err := Runs(filepath.Join(dir, "absent")); len(list) != 0 || err != nil {
		t.Errorf("an absent folder holds %v, %v", list, err)
	}
	for _, name := range []string{"other", "file", "absent", filepath.Join(dir, "other")} {
		if _, err := OpenRun(dir, name); !errors.Is(err, ErrNoRun) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenRun(dir, "damaged"); err == nil || errors.Is(err, ErrNoRun) {
		t.Errorf("a damaged run.json: %v", err)
	}
}

func TestCurvesAreThoseOfTheRunsStages(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"r/run.json":                     `{"name":"r","stages":["train-b","adapt-a"]}`,
		"r/stages/adapt-a/metrics.jsonl": `{"step":1,"loss":0.5}` + "\n" + `{"step":2,"lo`,
		"r/stages/train-b/metrics.jsonl": `{"step":1,"loss":0.5}` + "\n" + `{"step":2,"loss":0.25}` + "\n",
		"r/stages/train-x/metrics.jsonl": `{"step":1,"loss":9}` + "\n",
		"r/stages/train-c/done.json":     `{}`,
	})
	p, err := OpenRun(dir, "r")
	if err != nil {
		t.Fatal(err)
	}
	curves, err := p.Curves()
	if err != nil || len(curves) != 2 || curves[0].Name != "train-b" || curves[1].Name != "adapt-a" {
		t.Fatalf("curves %+v, %v", curves, err)
	}
	if n := len(curves[0].Points); n != 2 || curves[0].Points[1].Loss != 0.25 {
		t.Errorf("points %+v", curves[0].Points)
	}
	if n := len(curves[1].Points); n != 1 {
		t.Errorf("a cut line counts: %d points", n)
	}
}

func TestResumeReadsTheRunsOwnRecipe(t *testing.T) {
	dir := t.TempDir()
	r, err := Load("testdata/fixed/jakes.yaml", []string{"train.steps=7", "train.batch_size=5", "train.micro_batch_size=0", "train.schedule.warmup_steps=0"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{
		"channelpred-jakes/run.json":    `{"name":"channelpred-jakes","recipe":"channelpred/jakes","status":"interrupted"}`,
		"channelpred-jakes/recipe.yaml": string(text),
	})
	p, err := OpenRun(dir, "channelpred-jakes")
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Resume(context.Background(), Options{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if o.RunDir != p.Dir || !strings.Contains(o.Plan[0], "35 samples in 7 steps") {
		t.Errorf("it would do %q in %q", o.Plan, o.RunDir)
	}
}

func TestDataAlone(t *testing.T) {
	r, err := LoadData("channelpred/cdlc", []string{"data.num_slots=7", "seed=9"})
	if err != nil || r.Data.NumSlots != 7 || r.Seed != 9 || r.Data.Channel != "cdl-c" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = LoadData("", []string{"data.channel=tdl-a"}); err != nil || r.Data.Channel != "tdl-a" {
		t.Errorf("%+v, %v", r, err)
	}
	for arg, want := range map[string]string{
		"train.steps=5":      "only the channels are drawn",
		"data":               "there is no = in it",
		"data.channel=tdl-z": `did you mean "tdl-`,
		"data.num_slots=0":   "command line: data.num_slots=0: ",
	} {
		_, err := LoadData("", []string{arg})
		re, ok := err.(*Error)
		if !ok || !re.Usage() || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
}
