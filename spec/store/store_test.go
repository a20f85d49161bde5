package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/spec"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, dir string) *Report {
	t.Helper()
	r, err := Build(context.Background(), dir, filepath.Join(dir, FileName), Options{Limits: spec.DefaultLimits})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func library(t *testing.T, dir string) *Library {
	t.Helper()
	l, err := Open(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func record(id, text string) string {
	return fmt.Sprintf("{\"id\": %q, \"license\": \"MIT\", \"text\": %q}\n", id, text)
}

// TestIncremental follows a folder through changes: what is stored is each time what
// a library built from nothing would hold.
func TestIncremental(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.md", "# 1 One\n\nalpha\n")
	write(t, dir, "sub/b.md", "# 2 Two\n\nbeta\n")
	write(t, dir, "c.jsonl", record("x.md", "# X\n\ngamma\n")+record("y.md", "# Y\n\ndelta\n"))
	write(t, dir, "d.csv", "1,2\n")
	write(t, dir, ".hidden.md", "# Hidden\n")
	steps := []struct {
		change                             func()
		added, changed, unchanged, removed int
		refused                            int
	}{
		{func() {}, 4, 0, 0, 0, 0},
		{func() {}, 0, 0, 4, 0, 0},
		{func() { write(t, dir, "a.md", "# 1 One\n\nalpha two\n") }, 0, 1, 3, 0, 0},
		{func() { os.Remove(filepath.Join(dir, "sub/b.md")) }, 0, 0, 3, 1, 0},
		{func() { write(t, dir, "c.jsonl", record("x.md", "# X\n\ngamma\n")+record("z.md", "# Z\n")) }, 1, 0, 2, 1, 0},
		{func() { write(t, dir, "a.md", "---\nx: [\n---\n") }, 0, 0, 2, 1, 1},
		{func() {}, 0, 0, 2, 0, 1},
		{func() { write(t, dir, "a.md", "# 1 One\n\nback\n") }, 1, 0, 2, 0, 0},
		{func() { write(t, dir, "e.jsonl", record("x.md", "# twice\n")+"{\n"+record("", "none")) }, 0, 0, 3, 0, 3},
	}
	for i, s := range steps {
		s.change()
		r := build(t, dir)
		got := []int{r.Added, r.Changed, r.Unchanged, r.Removed, len(r.Refused)}
		if want := []int{s.added, s.changed, s.unchanged, s.removed, s.refused}; fmt.Sprint(got) != fmt.Sprint(want) || r.Other[".csv"] != 1 {
			t.Errorf("step %d: %v, want %v: %+v", i, got, want, r)
		}
		other := filepath.Join(t.TempDir(), "fresh.db")
		if _, err := Build(context.Background(), dir, other, Options{Limits: spec.DefaultLimits}); err != nil {
			t.Fatal(err)
		}
		if a, b := dump(t, filepath.Join(dir, FileName)), dump(t, other); a != b {
			t.Errorf("step %d: the renewed library holds\n%s\na fresh one\n%s", i, a, b)
		}
	}
}

// dump is everything in a library, and the index must agree with it.
func dump(t *testing.T, file string) string {
	t.Helper()
	l, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var w strings.Builder
	for d, err := range l.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&w, "== %s %s\n%s", d.ID, d.License, d.Markdown())
	}
	for _, word := range []string{"alpha", "beta", "gamma", "delta", "two", "back", "One"} {
		found, err := l.Search(word, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range found.Hits {
			fmt.Fprintf(&w, "%s: %s %s %s\n", word, h.Document, h.Clause, h.Snippet)
		}
	}
	w2, err := create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w2.Close()
	if err := w2.exec("INSERT INTO search(search, rank) VALUES ('integrity-check', 1)"); err != nil {
		t.Errorf("the index does not fit the clauses: %v", err)
	}
	return w.String()
}

// TestInterrupted: what was done before is kept, and the next build finishes.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		write(t, dir, fmt.Sprintf("%02d.md", i), fmt.Sprintf("# %d One\n\nalpha\n", i))
	}
	ctx, cancel := context.WithCancel(context.Background())
	file := filepath.Join(dir, FileName)
	_, err := Build(ctx, dir, file, Options{Limits: spec.DefaultLimits, Progress: func(p Progress) {
		if p.Documents == 7 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	r := build(t, dir)
	if r.Unchanged != 7 || r.Added != 13 {
		t.Errorf("after 7 of 20: %+v", r)
	}
}

func TestSearch(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.md", `# 5.1 Path loss

The SI of PDSCH-ConfigCommon is in TS 38.211 and in RRCReconfiguration. Überlast.

# 5.2 Other

Is path or loss in 38.212? 信道状态信息参考信号。
`)
	build(t, dir)
	l := library(t, dir)
	for query, want := range map[string]string{
		"si": "5.1", "SI": "5.1", "is": "5.1 5.2", "38.211": "5.1", "38.212": "5.2", "38": "5.1 5.2",
		"pdsch-configcommon": "5.1", "configcommon": "5.1", "rrc": "", "path loss": "5.1 5.2", `"path loss"`: "5.1",
		"überlast": "5.1", "状态信息": "5.2", "信": "5.2", "信号": "5.2", "号信": "", "态信": "5.2", "path nowhere": "5.1 5.2",
		`NEAR( AND OR * ^ : path`: "5.1 5.2", `"`: "-", "": "-", "(*)": "-",
	} {
		found, err := l.Search(query, "", 10)
		got := "-"
		if err == nil {
			var keys []string
			for _, h := range found.Hits {
				keys = append(keys, h.Clause)
			}
			got = strings.Join(keys, " ")
		} else if !errors.Is(err, ErrNoWord) {
			t.Errorf("%q: %v", query, err)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	if found, err := l.Search("path", "nowhere", 10); err == nil {
		t.Errorf("a search in no document found %v", found)
	}
}

// TestDocumentByName: with and without its ending, or by a part that no other has.
func TestDocumentByName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ts/channel.md", "ts/channel-models.md", "other.md"} {
		write(t, dir, name, "# 1 Scope\n\ntext\n")
	}
	build(t, dir)
	l := library(t, dir)
	for name, want := range map[string]string{"ts/channel.md": "ts/channel.md", "ts/channel": "ts/channel.md", "models": "ts/channel-models.md", "OTHER": "other.md"} {
		if d, err := l.Document(name); err != nil || d.ID != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{"channel": "could be: ts/channel-models.md, ts/channel.md", "nowhere": "comlam spec ls"} {
		if _, err := l.Document(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestDamaged: a library with any part overwritten is an error, not a panic.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	for i := range 30 {
		write(t, dir, fmt.Sprintf("%d.md", i), "# 1 One\n\n"+strings.Repeat("alpha beta gamma ", 100))
	}
	build(t, dir)
	file := filepath.Join(dir, FileName)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := 0; at < len(whole); at += 4096 {
		broken := append([]byte{}, whole...)
		copy(broken[at:], strings.Repeat("\xff\x00\x7fA", 256))
		if err := os.WriteFile(file, broken, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := readAll(file); err != nil {
			noticed++
		}
	}
	if noticed == 0 {
		t.Error("no damage was noticed")
	}
	if err := os.WriteFile(file, whole[:len(whole)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if err := readAll(file); err == nil {
		t.Error("half a library reads as a whole")
	}
}

func readAll(file string) error {
	l, err := Open(file)
	if err != nil {
		return err
	}
	defer l.Close()
	for _, err := range l.Passages(context.Background()) {
		if err != nil {
			return err
		}
	}
	_, err = l.Search("alpha", "", 10)
	return err
}

// TestRemarks: what a document says of its reading stays in the library while the
// document does.
func TestRemarks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.md", "# A\n\n"+strings.Repeat("*x* ", 2000))
	write(t, dir, "b.md", "# B\n\n*x*\n")
	want := []Remark{{"a.md", "line 3: a paragraph has more than 1000 runs of * and _; those that follow in it are plain text"}}
	for range 2 { // read, then known
		if r := build(t, dir); !slices.Equal(r.Remarks, want) {
			t.Errorf("%q", r.Remarks)
		}
	}
	st, err := library(t, dir).Stats()
	if err != nil || !slices.Equal(st.Remarks, want) {
		t.Errorf("%q, %v", st.Remarks, err)
	}
	write(t, dir, "a.md", "# A\n")
	if r := build(t, dir); len(r.Remarks) != 0 {
		t.Errorf("%q", r.Remarks)
	}
}
