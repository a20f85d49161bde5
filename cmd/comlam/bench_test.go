package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/comlam/comlam/run/bench"
)

// TestBenchPrintsOneObject measures our leg on small sizes, in a child of the test.
func TestBenchPrintsOneObject(t *testing.T) {
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
	t.Setenv(processVariable, "comlam")
	code, out, stderr := call("bench", "engine", "--short", "--only", "chain,gpt", "--legs", "ours", "--json", "-q")
	v := oneObject(t, out)
	if rows, _ := v["rows"].([]any); code != 0 || stderr != "" || len(rows) != 8 {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
}

// benchReport is an invented result with everything that can be said.
func benchReport() *bench.Report {
	f := func(v float64) *float64 { return &v }
	yes, no := true, false
	return &bench.Report{
		Platform: "linux/amd64", CPU: "Some Processor", Cores: 2, Seconds: 61.6, Rounds: 3, Load: 11.2, Busy: true,
		Legs: []bench.LegResult{
			{Name: bench.Ours, State: bench.Measured, Head: bench.Head{Engine: "cpu", Version: "the engine", Threads: 2, CPU: "cpu/avx2"}},
			{
				Name: bench.PyTorch, State: bench.Measured, Note: "not the tuned configuration, which is version 1.13",
				Head: bench.Head{Version: "1.12", Threads: 2, BLAS: "openblas-openmp/libblas.so.3 Zen"},
				Configs: []bench.Trial{
					{Name: "OPENBLAS_CORETYPE=Haswell", Speed: map[string]float64{"gpt": 0.91, "layers": 1}},
					{Name: "OPENBLAS_CORETYPE=Zen", Speed: map[string]float64{"gpt": 1}, Why: []string{"softmax: it had not finished after 20s"}},
				},
			},
			{Name: bench.Current, State: bench.Absent, Why: "ModuleNotFoundError: No module named 'torch'; install it"},
			{Name: bench.GoMLX, State: bench.Measured, Head: bench.Head{Engine: "go", Version: "Go backend", Threads: 2}, Values: []bench.Value{{Row: "sgemm2048", Value: 61.2, Unit: "GFLOP/s"}}},
		},
		Rows: []bench.Row{
			{What: "GPT training step", Unit: "tok/s", Ours: f(1500), Against: "PyTorch", Reference: f(1400), Ratio: f(1.0714), Target: f(1), Then: f(1.2), Met: &yes, ThenMet: &no, Current: f(1600), CurrentRatio: f(0.9375)},
			{What: "GPT step: memory", Unit: "MiB", Ours: f(512), Against: "limit", Reference: f(700), Ratio: f(0.7314), Target: f(1), AtMost: true, Met: &yes},
			{What: "SGEMM 512", Unit: "GFLOP/s", Ours: f(70), Against: "FMA peak", Reference: f(100), Ratio: f(0.7), Then: f(0.75), ThenMet: &no},
			{What: "SGEMM 384", Unit: "GFLOP/s", Ours: f(85), Against: "FMA peak", Reference: f(100), Ratio: f(0.85), Then: f(0.80), ThenMet: &yes},
			{What: "SGEMM 256", Unit: "GFLOP/s", Ours: f(137), Against: "FMA peak", Reference: f(100), Ratio: f(1.37), Then: f(0.6), Why: "not possible: the limit was measured while others ran"},
			{What: "chain", Unit: "s", Ours: f(0.05), Against: "one read + one write", Reference: f(0.025), Ratio: f(2), Target: f(1.3), Then: f(1.1), AtMost: true, Met: &no, ThenMet: &no},
			{What: "softmax", Unit: "s", Ours: f(0.012), Against: "PyTorch", Target: f(1), Then: f(1.5), Why: "PyTorch: it had not finished after 20s"},
			{What: "gelu", Unit: "s", Ours: f(0.012), Against: "PyTorch", Reference: f(0.03), Ratio: f(2.5), Target: f(1), Then: f(1.5), Met: &yes, ThenMet: &yes},
			{What: "demo: training stages", Unit: "s", Ours: f(12), Against: "GoMLX go+SIMD", Reference: f(60), Ratio: f(5), Target: f(3), Met: &yes},
		},
	}
}

func TestBenchTable(t *testing.T) {
	var out bytes.Buffer
	r := benchReport()
	if err := writeBench(&out, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "bench.txt", out.String())
	r.Rows = r.Rows[1:]
	out.Reset()
	if err := writeBench(&out, r); err != nil || strings.Contains(out.String(), "current  ratio") {
		t.Errorf("a column of nothing: %v\n%s", err, out.String())
	}
}

func TestBenchProgress(t *testing.T) {
	var out bytes.Buffer
	p := benchProgress{w: &out}
	for _, at := range []bench.Progress{{What: "gpt", Seconds: 1}, {What: "gpt", Seconds: 3, Left: 61}, {What: "gpt", Seconds: 4, Left: 60}, {What: "demo", Seconds: 5, Left: 9}} {
		p.show(at)
	}
	p.finish()
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"eta_s":61`) || !strings.Contains(got, `"message":"demo"`) {
		t.Errorf("got %q", got)
	}
	out.Reset()
	p = benchProgress{w: &out, live: true}
	p.show(bench.Progress{What: "gpt", Seconds: 3, Left: 61})
	if got := out.String(); got != "\rgpt  1m1s left" {
		t.Errorf("got %q", got)
	}
}
