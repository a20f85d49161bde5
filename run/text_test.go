package run

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/tune"
)

// textText is the life cycle of a tiny language model, with micro-batches smaller than
// what a worker takes of a step, so that gradients are accumulated.
const textText = `
seed: 5
task: {name: telecomqa}
tokenizer: {vocab_size: 300}
model: {name: llama, size: custom, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, max_position_embeddings: 256, tie_word_embeddings: true}
data:
  sequence_length: 64
  held_out: 0.2
  sources: [{facts: 2, tables: [numerology, ssb], weight: 1}, {path: "docs:", weight: 1}]
train: {steps: 5, batch_size: 8, micro_batch_size: 2, log_every: 1, checkpoint_every: 2, schedule: {warmup_steps: 1}}
tune: {methods: [full, lora, prefix], length: 256, steps: 4, batch_size: 4, micro_batch_size: 1, validate_every: 2}
align: {steps: 4, batch_size: 4, micro_batch_size: 1, warmup_steps: 1, validate_every: 2}
`

func textRecipe(t *testing.T, changes ...string) *Recipe {
	t.Helper()
	r, err := (&Source{File: "text.yaml", Name: "test/text", Text: []byte(textText)}).Parse(changes)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// everything is what a text run computes: rows and weights of every stage.
func everything(t *testing.T, fsys durable.FS, o *Outcome) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(rowsText(t, o))
	for _, stage := range infoOn(t, fsys, o.RunDir).Stages {
		raw, err := durable.ReadFile(fsys, path.Join(o.RunDir, "stages", stage, weightsFile))
		if err == nil {
			fmt.Fprintf(&b, "\n%s %s", stage, stageKey("weights", raw))
		}
	}
	return b.String()
}

// TestTextResumesToTheBit stops a run in every stage that trains, and at the first look
// at its checkpoint, and goes on; then replays it.
func TestTextResumesToTheBit(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles real models")
	}
	needsEngine(t)
	fsys := durable.NewMemFS(1)
	o, err := Execute(t.Context(), textRecipe(t), Options{FS: fsys, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := everything(t, fsys, o)
	if strings.Count(want, "weights") != 0 || strings.Count(want, "\n") != 5 {
		t.Fatalf("pre-training, three ways of tuning and alignment leave weights: %s", want)
	}
	for _, stop := range []string{`"stage":"pretrain","step":1,`, `"stage":"pretrain","step":4,`, `"stage":"full lr 0.001","step":2,`, `"stage":"lora lr 0.003","step":2,`, `"stage":"align","step":2,`} {
		fsys := durable.NewMemFS(1)
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := false
		watch := writerFunc(func(p []byte) {
			if strings.Contains(string(p), stop) {
				stopped = true
				cancel(ErrInterrupted)
			}
		})
		if _, err := Execute(ctx, textRecipe(t), Options{FS: fsys, Workers: 2, Progress: watch}); err == nil || !stopped {
			t.Fatalf("%s: it was not stopped: %v", stop, err)
		}
		o, err := Execute(t.Context(), textRecipe(t), Options{FS: fsys, Workers: 1})
		if err != nil {
			t.Fatal(stop, err)
		}
		if got := everything(t, fsys, o); got != want {
			t.Errorf("stopped at %s and resumed:\n%s\nwant\n%s", stop, got, want)
		}
	}
}

// TestTextRecipesAreChecked: what no section can know alone.
func TestTextRecipesAreChecked(t *testing.T) {
	for override, want := range map[string]string{
		"model.vocab_size=500":                "tokenizer.vocab_size",
		"tune.methods=[prefix]":               "full or lora first",
		"tune=null":                           "no tuned model to align",
		"from=nowhere":                        "remove this section",
		`data.sources=[{path: "docs:"}]`:      "weight",
		"data.sources=[{path: x, weight: 1}]": "no source tells any",
		"model={name: wifo}":                  "is no language model",
		"tune.lora.rank=0":                    "not positive",
		"align.loss=ppo":                      "there is no loss",
	} {
		_, err := (&Source{File: "text.yaml", Text: []byte(textText)}).Parse([]string{override})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an error of %q, got %v", override, want, err)
		}
	}
	r := textRecipe(t, "align=null", "data.sources=[{path: no/such/folder, weight: 1}]", "tune=null")
	if _, err := Execute(t.Context(), r, Options{FS: durable.NewMemFS(1)}); err == nil || !strings.Contains(err.Error(), "no/such/folder") {
		t.Errorf("%v", err)
	}
}

// TestNearCopiesAreLeftOut of the documents, and counted.
func TestNearCopiesAreLeftOut(t *testing.T) {
	one, err := readTexts(textRecipe(t, "align=null", "tune=null", `data.sources=[{path: "docs:", weight: 1}]`))
	if err != nil {
		t.Fatal(err)
	}
	two, err := readTexts(textRecipe(t, "align=null", "tune=null", `data.sources=[{path: "docs:", weight: 1}, {path: "../docs", name: again, weight: 1, held: test}]`))
	if err != nil {
		t.Fatal(err)
	}
	docs, _ := one.count()
	if again, _ := two.count(); again != docs || two.copies() == 0 || len(one.sources[0].held) == 0 {
		t.Errorf("%d documents, then %d and %d copies", docs, again, two.copies())
	}
}

// TestDocumentsAreParsed: Word, HTML and Markdown become plain text before they are trained
// on; what cannot be read is named.
func TestDocumentsAreParsed(t *testing.T) {
	dir := t.TempDir()
	word, err := os.ReadFile("../spec/testdata/docx/pandoc.docx")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"a.md": []byte("# 4 Scope\n\nThe **UE** reports [RSRP](x.md).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"), "b.docx": word,
		"c.html": []byte("<h1>5 Symbols</h1><p>The cell is <b>barred</b>.</p>"), "d.jsonl": []byte(`{"id": "r.rst", "text": "Title\n=====\n\nIt is *sent*.\n"}`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) (*texts, error) {
		return readTexts(textRecipe(t, "align=null", "tune=null", "data.held_out=0", fmt.Sprintf("data.sources=[{path: %q, parse: true, weight: 1, held: train}]", path)))
	}
	all, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r := all.remarks(); len(r) != 0 {
		t.Errorf("remarks %v", r)
	}
	got := all.sources[0].train
	if len(got) != 4 || got[0] != "4 Scope\n\nThe UE reports RSRP.\n\na | b\n1 | 2\n\n" || got[2] != "5 Symbols\n\nThe cell is barred.\n\n" || got[3] != "Title\n\nIt is sent.\n\n" || len(got[1]) < 200 {
		t.Errorf("%q", got)
	}
	if one, err := read(filepath.Join(dir, "b.docx")); err != nil || len(one.sources[0].train) != 1 || one.sources[0].train[0] != got[1] {
		t.Errorf("a file alone: %v", err)
	}
	plain, err := readTexts(textRecipe(t, "align=null", "tune=null", "data.held_out=0.001", fmt.Sprintf("data.sources=[{path: %q, name: mine, weight: 1}]", dir)))
	if err != nil {
		t.Fatal(err)
	}
	if r := plain.remarks(); len(r) != 2 || r[0].EN != "Source mine: files that are not read: 1 .docx, 1 .html (Word and HTML are read with parse: true)." || !strings.Contains(r[1].EN, "0 of 2 are held out") {
		t.Errorf("remarks %v", r)
	}
	if err := os.WriteFile(filepath.Join(dir, "e.docx"), word[:len(word)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(dir); err == nil || !strings.Contains(err.Error(), dir+": e.docx") {
		t.Errorf("got %v", err)
	}
	records := filepath.Join(t.TempDir(), "r.jsonl")
	for _, c := range []struct{ more, err string }{{`{"id": "a.md", "text": "# 1 Scope\n\nOne."}` + "\n", ""}, {"", "no record can be read"}} {
		if err := os.WriteFile(records, []byte(c.more+`{"id": "unknown", "text": "Two."}`+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := read(records)
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("want an error of %q, got %v", c.err, err)
		} else if c.err == "" && (err != nil || len(all.sources[0].train) != 1 || len(all.remarks()) != 1 || !strings.Contains(all.remarks()[0].EN, "1 record is left out")) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no document") {
		t.Errorf("got %v", err)
	}
}

// TestContaminatedQuestionsFailTheRun unless they are allowed.
func TestContaminatedQuestionsFailTheRun(t *testing.T) {
	texts, err := readTexts(textRecipe(t))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(texts.sources[1].train[0])
	known := strings.Join(words[:min(30, len(words))], " ")
	file := filepath.Join(t.TempDir(), "q.jsonl")
	lines := ""
	for i, q := range []string{known, "Which of these fruits is sold by the metre in shops near the river?"} {
		text, err := json.Marshal(map[string]any{"id": fmt.Sprint("q", i), "question": q, "options": []string{"one", "two"}, "answer": 0, "category": "c"})
		if err != nil {
			t.Fatal(err)
		}
		lines += string(text) + "\n"
	}
	if err := os.WriteFile(file, []byte(lines), 0o666); err != nil {
		t.Fatal(err)
	}
	for allowed, ok := range map[string]bool{"false": false, "true": true} {
		r := textRecipe(t, "task.files=["+file+"]", "task.allow_contaminated="+allowed)
		j, err := newTextJob(r, newSession("x", []*Recipe{r}, Options{FS: durable.NewMemFS(1)}))
		if err != nil {
			t.Fatal(err)
		}
		gates, err := j.(*textJob).contamination()
		if err != nil || len(gates) != 1 || gates[0].OK != ok || !strings.Contains(gates[0].Text, "1 of 2 questions") || !strings.Contains(gates[0].Text, "q0 in training document") {
			t.Errorf("%v %+v", err, gates)
		}
	}
}

// TestTextKeysFollowFiles: the same name with other contents is another stage.
func TestTextKeysFollowFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chats.jsonl")
	key := func(text string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		r := textRecipe(t, "align=null", "tune.files=["+file+"]", "tune.validation=["+file+"]")
		j, err := newTextJob(r, newSession("x", []*Recipe{r}, Options{FS: durable.NewMemFS(1)}))
		if err != nil {
			t.Fatal(err)
		}
		k, err := j.(*textJob).instructKey(tune.WayFull)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if a, b := key("one\n"), key("two\n"); a == b || a != key("one\n") {
		t.Error("the key of tuning does not follow what its files say")
	}
}

// TestTrainedOnHasEveryStage: documents, instructions and preferences.
func TestTrainedOnHasEveryStage(t *testing.T) {
	r := textRecipe(t)
	j, err := newTextJob(r, newSession("x", []*Recipe{r}, Options{FS: durable.NewMemFS(1)}))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for d, err := range j.(*textJob).trainedOn() {
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(d.Where, " ")
		seen[kind]++
	}
	if seen["training"] == 0 || seen["instruction"] == 0 || seen["preference"] == 0 {
		t.Errorf("%v", seen)
	}
}

// TestGoesOn: a recipe that names a model starts from its weights and reads with its
// tokenizer, and measures them before and after.
func TestGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles real models")
	}
	needsEngine(t)
	const text = `
seed: 5
task: {name: telecomqa}
from: ../eval/testdata/harness/model
data:
  sequence_length: 64
  held_out: 0.2
  sources: [{facts: 2, tables: [numerology, ssb], weight: 1}, {path: "docs:", weight: 1}]
train: {steps: 4, batch_size: 4, log_every: 1, optimizer: {lr: 1e-9}, schedule: {warmup_steps: 1}}
`
	r, err := (&Source{File: "on.yaml", Name: "test/on", Text: []byte(text)}).Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Execute(t.Context(), r, Options{FS: durable.NewMemFS(1), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	for _, row := range o.Rows {
		if row.Condition == "docs" {
			value[row.Method] = row.Value
		}
	}
	before, after := value["model, before"], value["model, pre-trained"]
	if before == 0 || math.Abs(before-after) > 1e-3 {
		t.Errorf("at a rate of nothing %g bits a byte became %g", before, after)
	}
	if _, err := (&Source{File: "on.yaml", Name: "test/on", Text: []byte(text)}).Parse([]string{"from=runs/nothing"}); err == nil || !strings.Contains(err.Error(), "first run the recipe") {
		t.Error(err)
	}
}
