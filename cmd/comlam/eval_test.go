package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/tokenizer"
)

// tinyModel writes the folder of a Llama that was never trained, over bytes.
func tinyModel(t *testing.T, dir string, seed uint64) {
	t.Helper()
	tok, err := tokenizer.Train(context.Background(), slices.Values([]string{"a"}), tokenizer.Config{VocabSize: 260})
	if err != nil {
		t.Fatal(err)
	}
	c := &llama.Config{
		Size: "custom", VocabSize: tok.Size(), MaxPositionEmbeddings: 160, HiddenSize: 16, NumHiddenLayers: 1,
		NumAttentionHeads: 2, NumKeyValueHeads: 1, IntermediateSize: 24, RMSNormEps: 1e-5, RoPETheta: 1e4,
	}
	built, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Finalize()
	lm := built.(model.LM)
	shapes, err := nn.Shapes(engine, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{lm.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	}, []int{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	var w nn.Weights
	for name, shape := range shapes {
		item := nn.Weight{Name: name, Shape: shape, Values: make([]float32, product(shape))}
		r := rng.New(seed, uint64(len(name)), uint64(len(item.Values)))
		for i := range item.Values {
			item.Values[i] = float32(0.3 * r.Normal())
		}
		w = append(w, item)
	}
	f := &infer.Folder{Config: c, Model: lm, Weights: w.Sorted(), Tokenizer: tok, Generation: infer.Generation{BOS: -1}}
	if err := f.Save(durable.OS, dir, checkpoint.F32); err != nil {
		t.Fatal(err)
	}
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// evalFolder holds what the tests of eval name.
func evalFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeEvalFiles(t, dir)
	tinyModel(t, filepath.Join(dir, "model"), 1)
	tinyModel(t, filepath.Join(dir, "other"), 2)
	return dir
}

const copiedQuestion = "Which timer does a user equipment start when it sends a request for a connection to the network?"

func writeEvalFiles(t *testing.T, dir string) {
	t.Helper()
	var held, many strings.Builder
	for i := range 12 {
		fmt.Fprintf(&held, "{\"text\": \"slot %d of frame %d starts a burst\"}\n", i, i*37)
	}
	for i := range 120 {
		fmt.Fprintf(&many, "{\"id\": \"q%d\", \"question\": \"How many slots has subframe %d?\", \"options\": [\"%d\", \"%d slots\", \"none\"], \"answer\": %d, \"category\": \"%s\"}\n",
			i, i, i%7, i%5, i%3, []string{"even", "odd"}[i%2])
	}
	for name, text := range map[string]string{
		"questions.jsonl": fewQuestions, "heldout.jsonl": held.String(), "many.jsonl": many.String(),
		"notes.md":     strings.Repeat("Slot 3 of frame 17 starts a burst of a few symbols, and slot 4 of frame 18 does not. ", 30),
		"copied.jsonl": `{"id": "c", "question": "` + copiedQuestion + `", "options": ["T300", "T301"], "answer": 0}` + "\n",
		"copy.md":      "It was asked: " + strings.ToLower(copiedQuestion) + " Nobody knew.",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// result runs a command that prints one object, and reads it.
func result(t *testing.T, want int, args ...string) map[string]any {
	t.Helper()
	code, out, stderr := call(append(args, "--json")...)
	if code != want {
		t.Fatalf("%q: exit code %d, %s%s", args, code, out, stderr)
	}
	return oneObject(t, out)
}

func TestEvalModelOnQuestions(t *testing.T) {
	dir := evalFolder(t)
	v := result(t, 0, "eval", "model", "many.jsonl", "-C", dir, "--against", "other", "-o", "out", "--training", "notes.md")
	var methods []string
	for _, r := range v["rows"].([]any) {
		if row := r.(map[string]any); row["condition"] == "many" {
			methods = append(methods, row["method"].(string))
		}
	}
	want := []string{
		"chance", "longest option", `"all of the above", else longest`, "surface features, softmax",
		"model, likeliest answer", "model, likeliest a character", "model, constrained writing",
		"other, likeliest answer", "other, likeliest a character", "other, constrained writing",
	}
	if !slices.Equal(methods, want) || v["form"] != "chat" || len(v["paired"].([]any)) != 2 {
		t.Errorf("methods %q, form %v, pairs %v", methods, v["form"], v["paired"])
	}
	if c := v["contamination"].(map[string]any); c["checked"] != true || len(c["hits"].([]any)) != 0 {
		t.Errorf("contamination %v", c)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out", "samples_many.jsonl"))
	if err != nil || strings.Count(string(text), "\n") != 120 {
		t.Errorf("%d samples, %v", strings.Count(string(text), "\n"), err)
	}
	var results map[string]any
	text, err = os.ReadFile(filepath.Join(dir, "out", "results.json"))
	if err != nil || json.Unmarshal(text, &results) != nil || results["results"].(map[string]any)["many"] == nil {
		t.Errorf("results.json: %s, %v", text, err)
	}
	code, out, stderr := call("eval", "model", "questions.jsonl", "-C", dir, "--form", "letters")
	if code != 0 || !strings.Contains(out, "NOT CHECKED") || !strings.Contains(out, "model, constrained writing against longest option") {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
}

// TestContaminationOfARun: what a run trained on is known whether the run is named or the
// folder of its model.
func TestContaminationOfARun(t *testing.T) {
	dir := evalFolder(t)
	r, err := run.Load("text/demo-short", []string{"tune=null", "align=null", fmt.Sprintf("data.sources=[{path: %q, weight: 1, held: train}]", filepath.Join(dir, "copy.md"))})
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := r.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	told := filepath.Join(dir, "runs", "told")
	if err := os.CopyFS(filepath.Join(told, "models", "pretrained"), os.DirFS(filepath.Join(dir, "model"))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"recipe.yaml": string(recipe), "run.json": `{"name": "told", "recipe": "text/demo-short", "status": "done"}`} {
		if err := os.WriteFile(filepath.Join(told, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, model := range []string{"told", "runs/told", "runs/told/models/pretrained"} {
		if v := result(t, exitGate, "eval", model, "copied.jsonl", "-C", dir); !strings.Contains(fmt.Sprint(v["error"]), "training document") {
			t.Errorf("%s: %v", model, v)
		}
	}
}

func TestContaminationIsAGate(t *testing.T) {
	dir := evalFolder(t)
	for _, who := range []string{"bars", "model"} {
		v := result(t, exitGate, "eval", who, "copied.jsonl", "-C", dir, "--training", "notes.md", "--training", "copy.md")
		if !strings.Contains(fmt.Sprint(v["error"]), "copy.md") {
			t.Errorf("%v", v)
		}
		v = result(t, 0, "eval", who, "copied.jsonl", "-C", dir, "--training", "copy.md", "--allow-contaminated")
		if c := v["contamination"].(map[string]any); c["allowed"] != true || len(c["hits"].([]any)) != 1 {
			t.Errorf("%s: contamination %v", who, c)
		}
	}
	if code, out, _ := call("eval", "bars", "copied.jsonl", "-C", dir, "--training", "copy.md", "--allow-contaminated"); code != 0 || !strings.Contains(out, "CONTAMINATED") {
		t.Errorf("exit code %d, %s", code, out)
	}
}

// TestContaminationOfARunIsKnown: nobody has to say what a run trained on.
func TestContaminationOfARunIsKnown(t *testing.T) {
	dir := evalFolder(t)
	files := map[string]string{
		"runs/text/run.json":    `{"name": "text", "recipe": "text", "status": "done"}`,
		"runs/text/recipe.yaml": "task: {name: telecomqa}\nmodel: {name: llama}\ndata: {held_out: 0, sources: [{path: copy.md, weight: 1}, {path: notes.md, weight: 1}]}\n",
	}
	if err := os.MkdirAll(filepath.Join(dir, "runs/text/models"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "model"), filepath.Join(dir, "runs/text/models/pretrained")); err != nil {
		t.Fatal(err)
	}
	const model = "runs/text/models/pretrained"
	result(t, exitGate, "eval", model, "copied.jsonl", "-C", dir)
	v := result(t, 0, "eval", model, "questions.jsonl", "-C", dir)
	if c := v["contamination"].(map[string]any); c["checked"] != true || c["documents"] != 2.0 {
		t.Errorf("contamination %v", c)
	}
	if err := os.Remove(filepath.Join(dir, "notes.md")); err != nil {
		t.Fatal(err)
	}
	if v := result(t, exitData, "eval", model, "questions.jsonl", "-C", dir); !strings.Contains(fmt.Sprint(v["error"]), "--training") {
		t.Errorf("%v", v)
	}
}

func TestEvalHeldOutText(t *testing.T) {
	dir := evalFolder(t)
	value := map[string]float64{}
	v := result(t, 0, "eval", "model", "heldout.jsonl", "-C", dir, "--training", "notes.md")
	for _, r := range v["rows"].([]any) {
		row := r.(map[string]any)
		value[row["method"].(string)] = row["value"].(float64)
	}
	if v["documents"] != 12.0 || value["Kneser-Ney 8-gram of bytes"] > 3 || value["Kneser-Ney 5-gram of tokens"] > 3 || value["model"] < 5 {
		t.Errorf("%v documents, %v", v["documents"], value)
	}
	code, out, stderr := call("eval", "model", "heldout.jsonl", "-C", dir)
	if code != 0 || !strings.Contains(out, "bits-per-byte") || !strings.Contains(out, "NOT CHECKED") {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
	for _, who := range []string{"model", "bars"} {
		if v := result(t, exitGate, "eval", who, "heldout.jsonl", "-C", dir, "--training", "notes.md", "--training", "heldout.jsonl"); !strings.Contains(fmt.Sprint(v["error"]), "12 of 12 documents") {
			t.Errorf("%s: %v", who, v)
		}
	}
	if code, out, _ := call("eval", "model", "heldout.jsonl", "-C", dir, "--training", "heldout.jsonl", "--allow-contaminated"); code != 0 || !strings.Contains(out, "CONTAMINATED: 12 of 12") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if code, _, stderr := call("eval", "bars", "heldout.jsonl", "-C", dir); code != exitUsage || !strings.Contains(stderr, "--training") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

func TestEvalMistakes(t *testing.T) {
	dir := evalFolder(t)
	for line, want := range map[string]int{
		"eval nothing questions.jsonl":                     exitUsage, // as comlam chat says it
		"eval notes.md questions.jsonl":                    exitData,
		"eval model questions.jsonl --adapter other":       exitData,
		"eval model questions.jsonl --form nicely":         exitUsage,
		"eval bars questions.jsonl -o out":                 exitUsage,
		"eval bars questions.jsonl --training missing":     exitData,
		"eval model heldout.jsonl --training copied.jsonl": exitData,
	} {
		code, out, stderr := call(append(strings.Fields(line), "-C", dir)...)
		if code != want || out != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, want %d: %s%s", line, code, want, out, stderr)
		}
	}
}

func TestPasswordOfAnArchive(t *testing.T) {
	archive, err := filepath.Abs("../../task/telecomqa/testdata/teleqna.zip")
	if err != nil {
		t.Fatal(err)
	}
	const right, wrong = "a password for tests", "not the password"
	if v := result(t, 0, "eval", "bars", archive, "--password", right); v["questions"] != 4.0 || v["set"] != "TeleQnA" {
		t.Errorf("%v", v)
	}
	t.Setenv(passwordVariable, right)
	result(t, 0, "eval", "bars", archive)
	t.Setenv(passwordVariable, wrong)
	code, out, stderr := call("eval", "bars", archive)
	if code != exitUsage || strings.Contains(out+stderr, wrong) || !strings.Contains(stderr, "--password") {
		t.Errorf("exit code %d, %s%s", code, out, stderr)
	}
	t.Setenv(passwordVariable, "")
	if code, _, _ := call("eval", "bars", archive); code != exitUsage {
		t.Errorf("without a password: exit code %d", code)
	}
}
