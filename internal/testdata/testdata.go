// Package testdata finds the public data sets that tests compare against. They
// are not part of the module: their licences differ, and a build must pass
// without them. The environment variable COMLAM_DATA names their folder; without
// it, ../shared/data beside the module is tried.
package testdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder of the data set sub, for example "sionna_vectors". It
// skips the test, saying what was looked for, where that folder is absent.
func Dir(t testing.TB, sub string) string {
	t.Helper()
	dir := filepath.Join(root(t), filepath.FromSlash(sub))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Skipf("no data set %q; set COMLAM_DATA to the folder that holds it", dir)
	}
	return dir
}

func root(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("COMLAM_DATA"); dir != "" {
		return dir
	}
	module, err := moduleRoot()
	if err != nil {
		t.Skipf("cannot find the data sets beside the module (%v); set COMLAM_DATA to their folder", err)
	}
	return filepath.Join(filepath.Dir(module), "shared", "data")
}

// Models moves the test to a folder of its own and puts the same tiny model into each of
// folders there, for recipes that go on with a model. An empty name is none.
func Models(t testing.TB, folders ...string) {
	t.Helper()
	module, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(module, "eval", "testdata", "harness", "model"))); err != nil {
			t.Fatal(err)
		}
	}
}

// moduleRoot walks up from the working directory, which go test sets to the
// folder of the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", err
		}
		dir = parent
	}
}
