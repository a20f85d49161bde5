package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallRecipe trains in a second.
const smallRecipe = `seed: 4
task: {name: channelpred, past: 8, future: 4, speeds: [30 km/h], num_examples: 12, num_fit: 40}
model: {name: wifo, size: custom, patch_size: [4, 1, 1], hidden_size: 8, num_hidden_layers: 1, num_decoder_layers: 1, num_attention_heads: 1}
data: {channel: jakes, num_slots: 12, num_subcarriers: 1, tx: {rows: 1, cols: 1}, rx: {rows: 1, cols: 1}, speed: 3 to 120 km/h, mask: {time: 1, freq: 0, random: 0, time_ratio: 0.34}}
train: {steps: 6, batch_size: 4, log_every: 2, checkpoint_every: 4, schedule: {warmup_steps: 1}}
`

// smallRun runs the small recipe in a new folder, under the name "my".
func smallRun(t *testing.T, more ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "my.yaml"), []byte(smallRecipe), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := call(append([]string{"-C", dir, "run", "my.yaml", "-q"}, more...)...); code != 0 {
		t.Fatalf("exit code %d: %s%s", code, out, stderr)
	}
	return dir
}

func TestRunsVerify(t *testing.T) {
	if raced {
		t.Skip("the race detector refuses the engine's kernels")
	}
	dir := smallRun(t)
	code, out, stderr := call("-C", dir, "runs", "verify", "my")
	if code != 0 || !strings.HasPrefix(out, "my, train: the same to the bit\n  replayed   steps 5 to 6 from the checkpoint of step 4, kernel ") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	if code, out, _ := call("-C", dir, "runs", "verify", "my", "--json"); code != 0 || oneObject(t, out)["replays"] == nil {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, _, _ := call("-C", dir, "runs", "verify", "my", "--steps", "0"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	trails, err := filepath.Glob(filepath.Join(dir, "runs/my/stages/train-*/trail.jsonl"))
	if err != nil || len(trails) != 1 {
		t.Fatal(trails, err)
	}
	replaceIn(t, trails[0], `{"step":6,"loss":`, `{"step":6,"loss":1`)
	code, out, stderr = call("-C", dir, "runs", "verify", "my")
	if code != exitGate || !strings.Contains(out, "DIFFERENT: step 6, against the trail: the loss is") || !strings.Contains(stderr, "the replay differs") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	replaceIn(t, filepath.Join(dir, "runs/my/run.json"), `"kernel": "`, `"kernel": "not-`)
	if code, _, stderr = call("-C", dir, "runs", "verify", "my"); code != exitData || !strings.Contains(stderr, "verify it on a machine with not-") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func replaceIn(t *testing.T, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%v: %s does not say %q", err, file, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, new, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}
