package run

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
)

// points are the operations at which a fault strikes: every one of them with
// COMLAM_LONG=1, else every step-th, fewer still in a short test. shift moves them,
// so that two tests do not visit the same ones.
func points(n, step, shift int) []int {
	switch {
	case os.Getenv("COMLAM_LONG") != "":
		step = 1
	case testing.Short():
		step *= 12
	}
	var list []int
	for at := 1 + shift%step; at <= n; at += step {
		list = append(list, at)
	}
	return list
}

// killed are the runs that the tests kill, and how many operations they leave out.
var killed = []struct {
	recipe func() *Recipe
	step   int
}{{toyRecipe, 1}, {adaptedToy, 9}}

// TestKillAtEveryOperation kills a whole run before a file operation, and runs it
// again: the figures are those of a run that was never killed.
func TestKillAtEveryOperation(t *testing.T) {
	for _, k := range killed {
		clean := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
		want := rowsText(t, outcomeOn(t, clean, k.recipe()))
		ops := clean.Ops()
		t.Logf("%d operations", len(ops))
		for _, at := range points(len(ops), k.step, 0) {
			mem := durable.NewMemFS(uint64(at))
			faulty := durable.Faulty(mem, durable.Plan{At: at, Fault: durable.Kill, Kill: durable.PanicKilled})
			if !durable.Survive(func() { outcomeOn(t, faulty, k.recipe()) }) {
				t.Fatalf("operation %d did not happen", at)
			}
			after := mem.Crash(float64(at%3) / 2) // nothing, half and all of the unflushed kept
			if got := rowsText(t, outcomeOn(t, after, k.recipe())); got != want {
				t.Fatalf("killed before operation %d (%v):\n%s\nwant\n%s", at, ops[at-1], got, want)
			}
			checkWhole(t, after)
		}
	}
}

// TestDiskFull fills the disk before a file operation, for good: the run says so
// and, once there is space, goes on to the same figures.
func TestDiskFull(t *testing.T) {
	for _, k := range killed {
		clean := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
		want := rowsText(t, outcomeOn(t, clean, k.recipe()))
		ops := clean.Ops()
		for _, at := range points(len(ops), k.step, 1) {
			faulty := durable.Faulty(durable.NewMemFS(1), durable.Plan{At: at, Fault: durable.FailSpace, Stay: true})
			_, err := Execute(context.Background(), k.recipe(), Options{FS: faulty, Workers: 1})
			var space *durable.SpaceError
			if err == nil && needsSpace(ops[at-1:]) || err != nil && (!errors.As(err, &space) || space.Path == "") {
				t.Fatalf("full before operation %d (%v): %v", at, ops[at-1], err)
			}
			faulty.Heal()
			if got := rowsText(t, outcomeOn(t, faulty, k.recipe())); got != want {
				t.Fatalf("full before operation %d (%v):\n%s\nwant\n%s", at, ops[at-1], got, want)
			}
			checkWhole(t, faulty)
		}
	}
}

// needsSpace says whether any operation takes some.
func needsSpace(ops []durable.Op) bool {
	return slices.ContainsFunc(ops, func(o durable.Op) bool { return o.Verb != "syncdir" && o.Verb != "remove" && o.Verb != "truncate" })
}

// checkWhole checks what a finished run leaves: every file, and no temporary one.
func checkWhole(t *testing.T, fsys durable.FS) {
	t.Helper()
	names := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			names[strings.TrimPrefix(name, "runs/test-toy/")] = true
			if strings.Contains(name, ".tmp") {
				t.Fatalf("%s was left behind", name)
			}
			if e.IsDir() {
				walk(name)
			}
		}
	}
	walk("runs")
	for _, name := range []string{"recipe.yaml", "run.json", "result.json", "report.html", "figures/test-toy-1.svg"} {
		if !names[name] {
			t.Fatalf("there is no %s in %v", name, names)
		}
	}
	if info := infoOn(t, fsys, "runs/test-toy"); info.Status != "done" || len(info.Stages) < 2 {
		t.Fatalf("the run says %+v", info)
	}
}

// TestRotBetweenRuns damages the files of a finished run: what depends on them is
// made again, to the same figures.
func TestRotBetweenRuns(t *testing.T) {
	for _, damage := range []struct {
		file string
		do   func(fsys durable.FS, name string) error
	}{
		{"model.safetensors", func(fsys durable.FS, name string) error { return durable.WriteFile(fsys, name, []byte("rot")) }},
		{"model.safetensors", func(fsys durable.FS, name string) error { return fsys.Remove(name) }},
		{"metrics.jsonl", func(fsys durable.FS, name string) error { return fsys.Remove(name) }},
		{"done.json", func(fsys durable.FS, name string) error { return durable.WriteFile(fsys, name, []byte("{")) }},
		{"rows.json", func(fsys durable.FS, name string) error { return durable.WriteFile(fsys, name, []byte("[]")) }},
	} {
		fsys := durable.NewMemFS(1)
		first := outcomeOn(t, fsys, toyRecipe())
		want := rowsText(t, first)
		for _, stage := range infoOn(t, fsys, first.RunDir).Stages {
			name := path.Join(first.RunDir, "stages", stage, damage.file)
			if _, err := fsys.Stat(name); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := damage.do(fsys, name); err != nil {
				t.Fatal(err)
			}
		}
		if got := rowsText(t, outcomeOn(t, fsys, toyRecipe())); got != want {
			t.Errorf("with %s damaged:\n%s\nwant\n%s", damage.file, got, want)
		}
	}
}
