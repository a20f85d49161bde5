//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/comlam/comlam/run"
)

func TestMain(m *testing.M) {
	switch os.Getenv(processVariable) {
	case "comlam":
		main()
	case "stubborn":
		a := &app{out: os.Stdout, err: os.Stderr}
		os.Exit(exitCode(a.execute("it", func(context.Context) (*run.Outcome, error) {
			fmt.Fprintln(os.Stderr, "working")
			time.Sleep(time.Minute)
			return nil, nil
		}, demoResult)))
	}
	os.Exit(m.Run())
}

// process is a running program.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner // of standard error
	out   bytes.Buffer
}

func start(t *testing.T, what, dir string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	p := &process{Cmd: exec.CommandContext(ctx, exe, args...)}
	p.Env, p.Dir, p.Stdout = append(os.Environ(), processVariable+"="+what), dir, &p.out
	stderr, err := p.StderrPipe()
	if err == nil {
		p.lines = bufio.NewScanner(stderr)
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); p.Wait() })
	return p
}

// await reads standard error up to a line with the text.
func (p *process) await(t *testing.T, text string) {
	t.Helper()
	for p.lines.Scan() {
		if strings.Contains(p.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the program ended without saying %q", text)
}

// end reads the rest of standard error and returns it with the exit code.
func (p *process) end() (rest string, code int) {
	for p.lines.Scan() {
		rest += p.lines.Text() + "\n"
	}
	p.Wait()
	return rest, p.ProcessState.ExitCode()
}

// tiny is a recipe whose job takes as many milliseconds as it has steps.
const tiny = `seed: 2
task: {name: channelpred, past: 8, future: 4, speeds: [30 km/h], num_examples: 12, num_fit: 40}
model: {name: wifo, size: custom, patch_size: [4, 1, 1], hidden_size: 8, num_hidden_layers: 1, num_decoder_layers: 1, num_attention_heads: 1}
data:
  channel: jakes
  num_slots: 12
  num_subcarriers: 1
  tx: {rows: 1, cols: 1}
  rx: {rows: 1, cols: 1}
  mask: {time: 1, freq: 0, random: 0, time_ratio: 0.34}
train: {steps: %d, batch_size: 4, log_every: 2, checkpoint_every: 1000000, schedule: {warmup_steps: 1}}
`

func writeTiny(t *testing.T, steps int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tiny.yaml"), fmt.Appendf(nil, tiny, steps), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestInterruptLeavesACheckpoint for an interrupt and for the signal that systems
// send before they end a process.
func TestInterruptLeavesACheckpoint(t *testing.T) {
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		dir := writeTiny(t, 1_000_000)
		p := start(t, "comlam", dir, "run", "tiny.yaml", "--json")
		p.await(t, `"loss"`)
		if err := p.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		rest, code := p.end()
		v := oneObject(t, p.out.String())
		if code != exitInterrupted || v["exit_code"] != float64(exitInterrupted) || !strings.Contains(rest, "what was done is kept; the same command continues") {
			t.Errorf("%v: exit code %d, %v\n%s", signal, code, v, rest)
		}
		past, err := run.OpenRun(filepath.Join(dir, "runs"), "tiny")
		if err != nil || past.Status != "interrupted" || past.Error != "" {
			t.Errorf("%v: %+v, %v", signal, past, err)
		}
		kept, err := filepath.Glob(filepath.Join(dir, "runs", "tiny", "stages", "train-*", "checkpoints", "step-*", "manifest.json"))
		if err != nil || len(kept) != 1 {
			t.Errorf("%v: checkpoints %v, %v", signal, kept, err)
		}
	}
}

func TestSecondInterruptEndsAtOnce(t *testing.T) {
	p := start(t, "stubborn", t.TempDir())
	p.await(t, "working")
	began := time.Now()
	for _, answer := range []string{"once more stops at once", ""} {
		if err := p.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if answer != "" {
			p.await(t, answer)
		}
	}
	if _, code := p.end(); code != exitInterrupted || time.Since(began) > 20*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
}

// TestRunPrintsOneObject: nothing but the result comes out of standard output, not
// of the engine either, and standard error is JSON lines.
func TestRunPrintsOneObject(t *testing.T) {
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
	p := start(t, "comlam", writeTiny(t, 4), "run", "tiny.yaml", "--json")
	rest, code := p.end()
	v := oneObject(t, p.out.String())
	if code != 0 || len(v) != 6 {
		t.Fatalf("exit code %d, %v\n%s", code, v, rest)
	}
	for _, key := range []string{"rows", "seconds", "peak_mib", "report", "recipe", "run_dir"} {
		if v[key] == nil {
			t.Errorf("there is no %q in %v", key, v)
		}
	}
	for _, row := range v["rows"].([]any) {
		row := row.(map[string]any)
		_, has := row["bound"]
		if ci, ok := row["ci95"].([]any); !has || !ok || len(ci) != 2 || row["n"] != 12.0 {
			t.Errorf("row %v", row)
		}
	}
	if rest == "" {
		t.Error("no progress")
	}
	for line := range strings.Lines(rest) {
		if !json.Valid([]byte(line)) {
			t.Errorf("standard error says %q", line)
		}
	}
}

// TestAnotherKernelIsAnErrorOfData that says what to do.
func TestAnotherKernelIsAnErrorOfData(t *testing.T) {
	dir := writeTiny(t, 4)
	if err := os.MkdirAll(filepath.Join(dir, "runs", "tiny"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "runs", "tiny", "run.json"), []byte(`{"name":"tiny","kernel":"go/abacus"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := call("-C", dir, "run", "tiny.yaml", "-q")
	if code != exitData || out != "" || !strings.Contains(stderr, "kernel go/abacus") || !strings.Contains(stderr, "use -C, or remove this one") {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
}
