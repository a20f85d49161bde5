package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func testRoot() *cobra.Command { return (&app{}).root() }

// TestManPages: every command has a page, the same bytes each time, that man can
// set without a complaint where man is there.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if code, out, stderr := call("man", dir); code != 0 || strings.Count(out, "\n") < 20 {
		t.Fatalf("exit code %d: %s%s", code, out, stderr)
	}
	first, err := shareFiles(testRoot())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range first {
		text, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil || !bytes.Equal(text, f.text) {
			t.Errorf("%s: other bytes the second time, %v", f.name, err)
		}
		if strings.HasSuffix(f.name, ".1") {
			checkPage(t, f.name, string(text), filepath.Join(dir, f.name))
		}
	}
	golden(t, "comlam-runs-verify.1", read(t, filepath.Join(dir, "man/man1/comlam-runs-verify.1")))
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkPage checks what every page has, and has it set.
func checkPage(t *testing.T, name, page, file string) {
	t.Helper()
	for _, part := range []string{".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH EXAMPLES\n", `\-\-help`} {
		if !strings.Contains(page, part) {
			t.Errorf("%s has no %q", name, part)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		return
	}
	out, err := exec.Command(groff, "-ww", "-z", "-man", "-Tutf8", file).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff says of %s: %s %v", name, out, err)
	}
}

// TestCompletionsAreScripts: bash reads what is written for it, where it is there.
func TestCompletionsAreScripts(t *testing.T) {
	files, err := shareFiles(testRoot())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if len(f.text) == 0 {
			t.Errorf("%s is empty", f.name)
		}
		if bash, err := exec.LookPath("bash"); err == nil && strings.HasPrefix(f.name, "bash-") {
			c := exec.Command(bash, "-n")
			c.Stdin = bytes.NewReader(f.text)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %s %v", f.name, out, err)
			}
		}
	}
}

// TestEveryExampleRuns runs the examples of all commands as they are printed, in a
// folder with a small run under the names that they use. What takes long is only
// planned.
func TestEveryExampleRuns(t *testing.T) {
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
	dir := exampleFolder(t)
	t.Setenv(processVariable, "comlam") // bench engine starts itself
	eachCommand(testRoot(), func(c *cobra.Command) { runExamples(t, dir, c) })
	man, _, err := testRoot().Find([]string{"man"})
	if err != nil {
		t.Fatal(err)
	}
	runExamples(t, dir, man)
}

func runExamples(t *testing.T, dir string, c *cobra.Command) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(c.Example), "\n")
	if len(lines) < 3 {
		t.Errorf("%s has %d examples, want 3: %q", c.CommandPath(), len(lines), c.Example)
	}
	for _, line := range lines {
		args := shellWords(line)
		if len(args) == 0 || args[0] != "comlam" {
			t.Errorf("%s: %q is not a call of comlam", c.CommandPath(), line)
			continue
		}
		prepare(t, dir, line)
		code, out, stderr := call(append([]string{"-C", dir}, shortened(args[1:])...)...)
		if code != 0 || out == "" && args[len(args)-1] != "-q" {
			t.Errorf("%q: exit code %d, %s%s", line, code, out, stderr)
		}
	}
}

// prepare puts my.yaml there, unless the example is to make it, and takes the channels away
// that the example is to draw.
func prepare(t *testing.T, dir, line string) {
	t.Helper()
	if strings.Contains(line, " csi gen ") {
		_, target, _ := strings.Cut(line, " -o ")
		target, _, _ = strings.Cut(target, " ")
		for _, name := range []string{target, strings.TrimSuffix(target, ".npy") + ".json"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"my.yaml", "jakes.yaml"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(line, " recipe cp ") && !strings.Contains(line, "--force") {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "my.yaml"), []byte(smallRecipe), 0o666); err != nil {
		t.Fatal(err)
	}
}

// shortened plans what would take long, probes the small recipe, draws few channels
// and blocks, and measures small sizes on our leg alone.
func shortened(args []string) []string {
	for i := range args {
		if args[i] == "-n" {
			args[i+1] = "10"
		}
	}
	switch args[0] {
	case "link":
		if len(args) > 1 && args[1] == "run" {
			return append(args, "max_blocks=3")
		}
	case "plan":
		args[1] = "my.yaml" // the probe of a large recipe takes ten seconds
	case "bench":
		args = slices.DeleteFunc(args, func(s string) bool { return s == "--legs" || s == "ours,pytorch" })
		return append(args, "--short", "--legs", "ours")
	}
	long := args[0] == "demo" || args[0] == "run" || strings.Join(args[:min(2, len(args))], " ") == "runs resume"
	if long && args[len(args)-1] != "--dry-run" {
		args = append(args, "--dry-run")
	}
	return args
}

// shellWords splits a line as a shell does: quotes, a comment, no redirection.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, open := false, false
	end := func() {
		if open {
			words = append(words, word.String())
		}
		word.Reset()
		open = false
	}
	for _, r := range line {
		switch {
		case r == '"':
			quoted, open = !quoted, true
		case quoted:
			word.WriteRune(r)
		case r == ' ':
			end()
		case r == '#' && !open, r == '>':
			return words
		default:
			word.WriteRune(r)
			open = true
		}
	}
	end()
	return words
}

// exampleFolder holds what the examples name.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := smallRun(t)
	writeEvalFiles(t, dir)
	if err := os.CopyFS(filepath.Join(dir, "elsewhere/runs/demo"), os.DirFS(filepath.Join(dir, "runs/my"))); err != nil {
		t.Fatal(err)
	}
	specDocuments(t, filepath.Join(dir, "docs"))
	tokenExamples(t, dir)
	channelFiles(t, dir)
	smallModel(t, dir)
	for _, name := range []string{"demo", "demo-short", "channelpred-jakes"} {
		if err := os.CopyFS(filepath.Join(dir, "runs", name), os.DirFS(filepath.Join(dir, "runs/my"))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// channelFiles are those that the examples of csi name.
func channelFiles(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"csi", "gen", "-n", "4", "-o", "h.npy"}, {"csi", "gen", "-n", "4", "-o", "big.npy", "--shards", "2"},
		{"csi", "convert", "h.npy", "h.npz"}, {"csi", "convert", "h.npy", "h.sigmf-meta"},
	} {
		if code, _, stderr := call(append([]string{"-C", dir}, args...)...); code != 0 {
			t.Fatalf("%q: %s", args, stderr)
		}
	}
}

func TestShellWords(t *testing.T) {
	got := strings.Join(shellWords(`  comlam run a data.speed="3 to 30 km/h" -q   # a "comment"`), "|")
	if got != "comlam|run|a|data.speed=3 to 30 km/h|-q" {
		t.Errorf("got %q", got)
	}
}
