package run

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestModels: the model with the most training behind it comes first, and what is no
// whole model is left out.
func TestModels(t *testing.T) {
	p := &Past{Dir: t.TempDir()}
	if list, err := p.Models(); err != nil || len(list) != 0 {
		t.Errorf("a run without models: %q, %v", list, err)
	}
	for _, name := range []string{"pretrained", "other", "full", "aligned", "begun"} {
		dir := filepath.Join(p.Dir, modelsFolder, name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if name == "begun" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "config.json"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	list, err := p.Models()
	var names []string
	for _, dir := range list {
		names = append(names, filepath.Base(dir))
	}
	if err != nil || !slices.Equal(names, []string{"aligned", "full", "pretrained", "other"}) {
		t.Errorf("got %q, %v", names, err)
	}
}
