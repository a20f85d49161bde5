//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/run"
)

// planVariable names the recipes whose plans are held against runs: "all", "short" for
// those that end in -short, or names with commas between them.
const planVariable = "COMLAM_PLAN"

// What a plan may be off by.
const (
	memoryTolerance = 0.15
	timeTolerance   = 0.30
)

// TestPlanAgainstRun plans each recipe and runs it right after, each in a process of its
// own, and wants memory and time to be what the plan said. All recipes take half an hour
// on two quiet cores: "make plan-check" does it.
func TestPlanAgainstRun(t *testing.T) {
	which := os.Getenv(planVariable)
	if which == "" {
		t.Skipf("%s names no recipes; make plan-check runs them all", planVariable)
	}
	lines := []string{"| recipe | memory (MiB) | off | time (s) | off | load before, after |", "|---|---|---|---|---|---|"}
	dir := filepath.Join(t.ArtifactDir(), "work") // one for all: some go on with the models of others
	shared, err := filepath.Abs("../../../shared")
	if err == nil {
		err = errors.Join(os.MkdirAll(dir, 0o777), os.Symlink(shared, filepath.Join(dir, "../shared")))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range planned(t, which) {
		before := load()
		var f run.Forecast
		if err := json.Unmarshal(program(t, dir, "plan", name, "--json"), &f); err != nil {
			t.Fatal(err)
		}
		program(t, dir, "run", name, "-q")
		var got run.Info
		text, err := os.ReadFile(filepath.Join(dir, "runs", strings.ReplaceAll(name, "/", "-"), "run.json"))
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		memory, seconds := f.PeakMiB/got.PeakMiB-1, f.Seconds/got.Seconds-1
		lines = append(lines, fmt.Sprintf("| %s | %.0f / %.0f | %+.0f %% | %.1f / %.1f | %+.0f %% | %s, %s |",
			name, f.PeakMiB, got.PeakMiB, 100*memory, f.Seconds, got.Seconds, 100*seconds, before, load()))
		t.Log(lines[len(lines)-1])
		if math.Abs(memory) > memoryTolerance || math.Abs(seconds) > timeTolerance {
			t.Errorf("%s: memory is off by %+.0f %%, time by %+.0f %%; at most 15 and 30 are right", name, 100*memory, 100*seconds)
		}
	}
	t.Log("forecast / what then happened\n\n" + strings.Join(lines, "\n"))
}

func planned(t *testing.T, which string) []string {
	switch which {
	case "all":
		return run.Names()
	case "short":
		return slices.DeleteFunc(run.Names(), func(name string) bool { return !strings.HasSuffix(name, "-short") })
	}
	names := strings.Split(which, ",")
	for _, name := range names {
		if !slices.Contains(run.Names(), name) {
			t.Fatalf("%s=%s: there is no recipe %q; recipes: %s", planVariable, which, name, strings.Join(run.Names(), ", "))
		}
	}
	return names
}

// program runs comlam in a folder, for as long as it takes.
func program(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), exe, args...)
	c.Dir, c.Env, c.Stderr = dir, append(os.Environ(), processVariable+"=comlam"), os.Stderr
	out, err := c.Output()
	if err != nil && c.ProcessState.ExitCode() != exitGate { // a gate is not the matter here
		t.Fatalf("comlam %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// load is the load average of the last minute, or "?".
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	first, _, ok := strings.Cut(string(text), " ")
	if err != nil || !ok {
		return "?"
	}
	return first
}
