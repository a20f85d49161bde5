package spec

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestDocx reads documents of other writers (testdata/docx/make.py). Beside each is
// the Markdown that was looked through by hand.
func TestDocx(t *testing.T) {
	files, err := filepath.Glob("testdata/docx/*.docx")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Read(filepath.Base(file), data, DefaultLimits)
		if err != nil {
			t.Error(err)
			continue
		}
		golden := strings.TrimSuffix(file, ".docx") + ".md"
		got := d.Markdown()
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: run go test -update and look at the change:\n%s", file, got)
		}
		sameAgain(t, d)
	}
}
