package run

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/eval"
)

// pastOf writes a run as the engine leaves it: a recipe and rows, nothing trained.
func pastOf(t *testing.T, dir, name string, rows []eval.Row, overrides ...string) *Past {
	t.Helper()
	r, err := Load(filepath.Join("testdata", "run", "jakes.yaml"), overrides)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	info := Info{Name: name, Recipe: name, Seed: r.Seed, Status: "done", Kernel: "go/avx2", Versions: map[string]string{"go": "go1.26", "platform": "linux/amd64"}}
	if rows == nil {
		info.Status = "interrupted"
	}
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	write := func(file string, v any) {
		raw, ok := v.([]byte)
		if !ok {
			if raw, err = json.Marshal(v); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, file), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("run.json", info)
	write("recipe.yaml", text)
	write("result.json", Outcome{Rows: rows})
	p, err := OpenRun(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func row(condition, method, metric string, value float64, n int) eval.Row {
	return eval.Row{Task: "channelpred", Condition: condition, Method: method, Class: eval.Learned, Metric: metric, Value: value, CI95: [2]float64{value / 2, value * 2}, N: n}
}

func TestDiffOfSettings(t *testing.T) {
	dir := t.TempDir()
	rows := []eval.Row{row("30 km/h", "model", "nmse/ratio-of-sums", 0.1, 12)}
	a := pastOf(t, dir, "a", rows)
	b := pastOf(t, dir, "b", rows, "train.steps=8", "data.snr=10 dB", "seed=9", "tune={speed: 120 km/h}")
	b.Kernel, b.Versions["go"] = "go/avx512", "go1.27"
	d, err := DiffRuns(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Change{{"data.snr", "18 dB", "10 dB"}, {"seed", "4", "9"}}; !slices.Equal(d.Data, want) {
		t.Errorf("data %q, want %q", d.Data, want)
	}
	if want := []Change{{"go", "go1.26", "go1.27"}, {"kernel", "go/avx2", "go/avx512"}}; !slices.Equal(d.Versions, want) {
		t.Errorf("versions %q, want %q", d.Versions, want)
	}
	if !slices.Contains(d.Recipe, Change{"train.steps", "6", "8"}) || !slices.Contains(d.Recipe, Change{"tune.speed", "", "120 km/h"}) {
		t.Errorf("recipe %q", d.Recipe)
	}
	if len(d.Results) != 1 || d.Results[0].Difference != nil || !strings.Contains(d.NotComparable[0], `data.snr is "18 dB" in a and "10 dB" in b`) {
		t.Errorf("results %+v, not comparable %q", d.Results, d.NotComparable)
	}
	if d, err = DiffRuns(a, a); err != nil || len(d.Recipe)+len(d.Data)+len(d.Versions)+len(d.NotComparable) > 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestDiffOfResults(t *testing.T) {
	dir := t.TempDir()
	a := pastOf(t, dir, "a", []eval.Row{
		row("30 km/h", "model", "nmse/ratio-of-sums", 0.1, 12), row("30 km/h", "model", "se/mrt-10dB", 3, 12),
		row("30 km/h", "hold", "nmse/ratio-of-sums", 0.4, 12), row("30 km/h", "PAD", "nmse/ratio-of-sums", 0.4, 12),
		row("60 km/h", "model", "nmse/ratio-of-sums", 0.1, 12), row("30 km/h", "model", "nmse/sample-mean", 0.2, 12),
	})
	b := pastOf(t, dir, "b", []eval.Row{
		row("30 km/h", "model", "nmse/ratio-of-sums", 0.01, 12), row("30 km/h", "model", "se/mrt-10dB", 3.5, 12),
		row("30 km/h", "hold", "nmse/ratio-of-sums", 0.4, 24), row("30 km/h", "model", "nmse/median", 0.2, 12),
	}, "train.steps=8", "data.speed=3 to 30 km/h")
	d, err := DiffRuns(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Results) != 3 || !d.Results[0].Paired || math.Abs(*d.Results[0].Difference+10) > 1e-9 || *d.Results[1].Difference != 0.5 || d.Results[2].Difference != nil {
		t.Errorf("results %+v", d.Results)
	}
	want := []string{
		"30 km/h, hold, nmse/ratio-of-sums: 12 samples in a, 24 in b; measure both on as many",
		`method "PAD": only in a`, `condition "60 km/h": only in a`,
		"metric nmse/sample-mean: only in a; metrics of other names have other definitions",
		"metric nmse/median: only in b; metrics of other names have other definitions",
	}
	if !slices.Equal(d.NotComparable, want) {
		t.Errorf("not comparable %q, want %q", d.NotComparable, want)
	}
	other := pastOf(t, dir, "other", []eval.Row{row("30 km/h", "model", "nmse/ratio-of-sums", 0.01, 12)}, "seed=5")
	if d, err = DiffRuns(b, other); err != nil || d.Results[0].Paired || d.Results[0].Difference == nil || d.Results[0].Why != "other samples: seed differs" {
		t.Errorf("%+v, %v", d.Results, err)
	}
	stopped := pastOf(t, dir, "stopped", nil)
	if d, err = DiffRuns(a, stopped); err != nil || len(d.Results) > 0 || !strings.Contains(strings.Join(d.NotComparable, ""), `stopped" is interrupted and has none`) {
		t.Errorf("%+v, %v", d, err)
	}
}
