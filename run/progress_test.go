package run

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/comlam/comlam/train"
)

var somePoint = train.Point{Step: 120, Steps: 1600, Loss: 0.12345, GradNorm: 1, Rate: 3e-3, SamplesPS: 4321.5, GFLOPS: 12.34, ETA: 61.4}

func TestLiveLine(t *testing.T) {
	full := "train            step 120/1600  loss 0.1235  4322 samples/s  12.3 GFLOP/s  456 MiB  1m1s left"
	for _, c := range []struct {
		width int
		want  string
	}{
		{200, full}, {len(full), full},
		{79, "train            step 120/1600  loss 0.1235  4322 samples/s  456 MiB  1m1s left"},
		{70, "train            step 120/1600  loss 0.1235  4322 samples/s  1m1s left"},
		{60, "train            step 120/1600  loss 0.1235  1m1s left"},
		{42, "train            step 120/1600  1m1s left"},
		{31, "train            step 120/1600"},
		{9, "train    "}, {0, ""}, {-1, ""},
	} {
		if got := liveLine("train", somePoint, 456, c.width); got != c.want {
			t.Errorf("%d columns: %q, want %q", c.width, got, c.want)
		}
	}
	calm := somePoint
	calm.GFLOPS = 0
	if got := liveLine("train", calm, 456, 200); strings.Contains(got, "GFLOP") {
		t.Errorf("a rate that is not known: %q", got)
	}
	if w := terminalWidth(os.Stdin); w < 1 {
		t.Errorf("a terminal of %d columns", w)
	}
}

// TestProgressOnATerminal: one line is rewritten, and gone at the end.
func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(Options{Progress: &out, Live: true})
	p.stage("train", "jakes: %d steps", 2)
	p.training("train", somePoint)
	p.training("train", somePoint)
	p.stage("evaluate", "jakes at 30 km/h")
	p.finish()
	text := out.String()
	if strings.Count(text, "\n") != 2 || !strings.HasPrefix(text, "train            jakes: 2 steps\n") || !strings.HasSuffix(text, "\revaluate         jakes at 30 km/h\n") {
		t.Errorf("%q", text)
	}
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if len(line) >= usualWidth {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}

func TestProgressInAPipe(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(Options{Progress: &out})
	p.stage("train", "a \"quoted\"\nname")
	p.training("train", somePoint)
	p.finish()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", out.String())
	}
	for i, keys := range [][]string{{"stage", "message", "seconds"}, {"stage", "step", "steps", "loss", "grad_norm", "lr", "samples_per_s", "gflop_per_s", "eta_s", "mib"}} {
		var v map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &v); err != nil || len(v) != len(keys) {
			t.Errorf("%v, %s", err, lines[i])
		}
		for _, key := range keys {
			if v[key] == nil {
				t.Errorf("no %s in %s", key, lines[i])
			}
		}
	}
	out.Reset()
	p = newProgress(Options{Progress: &out, Quiet: true})
	p.stage("train", "x")
	p.training("train", somePoint)
	p.finish()
	newProgress(Options{}).training("train", somePoint) // nowhere to write
	if out.Len() > 0 {
		t.Errorf("quiet, but %q", out.String())
	}
}

func TestMemoryIsMeasured(t *testing.T) {
	if peak, now := PeakMiB(), ResidentMiB(); peak < 1 || now < 1 || peak > 1<<20 {
		t.Errorf("peak %g MiB, now %g MiB", peak, now)
	}
	if got := residency("no such key:"); got < 1 {
		t.Errorf("what the runtime has asked for: %g MiB", got)
	}
}
