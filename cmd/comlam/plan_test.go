package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlanCommand(t *testing.T) {
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "my.yaml"), []byte(smallRecipe), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := call("-C", dir, "plan", "my.yaml")
	if code != 0 || !strings.Contains(out, "parameters  ") || !strings.Contains(out, "  evaluate  ") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	code, out, _ = call("-C", dir, "plan", "my.yaml", "--json", "--budget", "1us")
	if v := oneObject(t, out); code != exitResources || v["proposals"] == nil {
		t.Errorf("exit code %d: %s", code, out)
	}
	code, out, stderr = call("-C", dir, "plan", "my.yaml", "--memory", "1MiB")
	if code != exitResources || !strings.Contains(out, "PROBLEM") || !strings.Contains(out, "not probed") || !strings.Contains(stderr, "my does not fit") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	for _, args := range [][]string{{"--budget", "soon"}, {"--memory", "much"}, {"--memory", "-1GiB"}, {"--budget", "-1m"}} {
		if code, _, stderr := call(append([]string{"-C", dir, "plan", "my.yaml"}, args...)...); code != exitUsage || !strings.Contains(stderr, "write it like") {
			t.Errorf("%v: exit code %d, %s", args, code, stderr)
		}
	}
	if v, err := readMiB("1.5GiB"); err != nil || v != 1536 {
		t.Errorf("%g, %v", v, err)
	}
}
