package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTok trains a tokenizer, encodes with it and measures it.
func TestTok(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"docs/one.md": strings.Repeat("the cell tells the base station that the cell is loaded\n", 20),
		"docs/two.md": strings.Repeat("the base station tells the cell about the other cells\n", 20),
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	do := func(want int, args ...string) string {
		t.Helper()
		code, out, err := call(append([]string{"-C", dir}, args...)...)
		if code != want {
			t.Fatalf("%q: exit code %d, want %d: %s%s", args, code, want, out, err)
		}
		return out + err
	}
	var trained struct {
		Tokens, Documents int
		Hash              string
	}
	if err := json.Unmarshal([]byte(do(0, "tok", "train", "docs", "-o", "tok", "--size", "290", "--json")), &trained); err != nil {
		t.Fatal(err)
	}
	if trained.Tokens != 290 || trained.Documents != 2 || len(trained.Hash) != 64 {
		t.Errorf("trained %+v", trained)
	}
	do(2, "tok", "train", "docs", "-o", "tok")
	do(0, "tok", "train", "docs", "-o", "tok", "--size", "290", "--force", "-q")
	do(2, "tok", "train", "docs", "-o", "other", "--size", "100")
	do(2, "tok", "train", "docs")
	do(3, "tok", "train", "missing", "-o", "other")
	var encoded struct {
		IDs    []int32
		Tokens []string
		Count  int
	}
	if err := json.Unmarshal([]byte(do(0, "tok", "encode", "tok", "the cell<|im_end|>", "--special", "--json")), &encoded); err != nil {
		t.Fatal(err)
	}
	if encoded.Count != 3 || encoded.Tokens[0] != "the" || encoded.Tokens[1] != "Ġcell" || encoded.IDs[2] != 3 {
		t.Errorf("encoded %+v", encoded)
	}
	if out := do(0, "tok", "encode", "tok", "the cell<|im_end|>"); strings.Count(out, "\n") < 6 {
		t.Errorf("a special token from outside was taken for one: %s", out)
	}
	do(3, "tok", "encode", "docs", "the cell")
	do(3, "tok", "encode", "docs/one.md", "the cell")
	var report struct{ Rows []fertilityRow }
	if err := json.Unmarshal([]byte(do(0, "tok", "fertility", "docs", "--tok", "tok", "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) != 2 || report.Rows[0].BytesPer.Value != 1 || report.Rows[1].BytesPer.Value < 3 || report.Rows[1].Unknown != 0 || report.Rows[1].PerWord.N == 0 {
		t.Errorf("fertility %+v", report.Rows)
	}
	do(2, "tok", "fertility", "docs")
	if out := do(0, "tok", "fertility", "docs", "--tok", "tok"); !strings.Contains(out, "95 % intervals") {
		t.Error(out)
	}
}
