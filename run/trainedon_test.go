package run

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrainedOn: the texts of a published model are those of the run's own recipe.
func TestTrainedOn(t *testing.T) {
	dir := t.TempDir()
	text, err := textRecipe(t).Resolved()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"recipe.yaml": string(text), "run.json": `{"name": "text", "recipe": "test/text", "status": "done"}`, "models/pretrained/config.json": "{}",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	docs, err := TrainedOn(filepath.Join(dir, "models", "pretrained"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for d, err := range docs {
		if err != nil {
			t.Fatal(err)
		}
		if d.Text == "" {
			t.Errorf("%s is empty", d.Where)
		}
		count[strings.Fields(d.Where)[0]]++
	}
	if count["training"] < 10 || count["instruction"] < 10 {
		t.Errorf("texts: %v", count)
	}
	for _, folder := range []string{dir, filepath.Join(dir, "adapters", "lora"), filepath.Join(t.TempDir(), "models", "x")} {
		if _, err := TrainedOn(folder); !errors.Is(err, ErrNoRun) {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
