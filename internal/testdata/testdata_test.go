package testdata

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDirFollowsTheEnvironment(t *testing.T) {
	root := t.TempDir()
	t.Setenv("COMLAM_DATA", root)
	want := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(want, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Dir(t, "a/b"); got != want {
		t.Errorf("Dir = %q, want %q", got, want)
	}
}

func TestDirSkipsWhatIsAbsent(t *testing.T) {
	t.Setenv("COMLAM_DATA", t.TempDir())
	skipped := false
	t.Run("absent", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		Dir(t, "no such set")
		t.Error("Dir returned")
	})
	if !skipped {
		t.Error("an absent data set did not skip the test")
	}
}

func TestModuleRootHoldsGoMod(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Error(err)
	}
}
