package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const channelDocument = `---
title: A channel model
spec: TR 99.901
version: v1.2.0
---

# 5 Channel

Powers are RSRP in dBm. The subcarrier spacing is 30 kHz.

## 5.1 Path loss

<!-- Eq. 5.1-1 -->
$$PL = 32.4 + 20\log_{10}(f_c)$$

| Scenario | Spread [dB] |
|---|---|
| UMi | 4 |

## 5.2 信道状态信息

基站根据信道状态信息选择预编码矩阵。
`

// specDocuments writes the documents of the examples and their library.
func specDocuments(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "channel.md"), []byte(channelDocument), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := call("spec", "build", dir); code != 0 {
		t.Fatalf("exit code %d, %s%s", code, out, stderr)
	}
}

func TestSpecCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "docs")
	specDocuments(t, dir)
	for _, c := range []struct {
		args []string
		code int
		want string // in the output, or in the error
	}{
		{[]string{"build", dir}, exitOK, "unchanged  1"},
		{[]string{"ls", dir}, exitOK, "TR 99.901  v1.2.0"},
		{[]string{"toc", dir, "channel"}, exitOK, "5  Channel\n  5.1  Path loss\n"},
		{[]string{"toc", dir, "tr 99.901", "--json"}, exitOK, `{"clause":"5.1","number":"5.1","title":"Path loss","level":2,"blocks":2}`},
		{[]string{"get", dir, "channel", "5.1"}, exitOK, "<!-- Eq. 5.1-1 -->\n$$\nPL = 32.4"},
		{[]string{"get", dir, "channel", "path loss", "--format", "text"}, exitOK, "Scenario | Spread [dB]\nUMi | 4"},
		{[]string{"get", dir, "channel", "5", "--alone", "--json"}, exitOK, `"blocks":[{"block":"paragraph","text":[{"text":"Powers are RSRP`},
		{[]string{"search", dir, "rsrp"}, exitOK, "Powers are [RSRP] in dBm"},
		{[]string{"search", dir, "状态信息选择"}, exitOK, "channel.md  5.2"},
		{[]string{"search", dir, "path", "loss", "-q"}, exitOK, "channel.md\t5.1"},
		{[]string{"stats", dir}, exitOK, "tables      1"},

		{[]string{"search", dir, "nowhere"}, exitOK, "nothing is found"},
		{[]string{"search", dir, "..."}, exitUsage, "give letters or digits"},
		{[]string{"get", dir, "channel", "5.9"}, exitUsage, `clause of channel.md "5.9" could be: 5`},
		{[]string{"get", dir, "other", "5.1"}, exitUsage, `there is no document "other"`},
		{[]string{"get", dir, "channel", "--format", "pdf"}, exitUsage, "--format"},
		{[]string{"ls", t.TempDir()}, exitData, "build it first"},
		{[]string{"build", filepath.Join(dir, "nowhere")}, exitData, "nowhere"},
	} {
		code, out, stderr := call(append([]string{"spec"}, c.args...)...)
		if code != c.code || !strings.Contains(out+stderr, c.want) {
			t.Errorf("spec %q: exit code %d, %s%s", c.args, code, out, stderr)
		}
	}
}

func TestSpecBuildRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "docs")
	specDocuments(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "bad.md"), []byte("---\ntitle: [\n---\ntext\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it has not changed, and is still refused
		code, out, stderr := call("spec", "build", dir)
		if code != exitData || !strings.Contains(stderr, "refused: bad.md, line 1: front matter") || !strings.Contains(out, "unchanged  1") {
			t.Errorf("exit code %d, %s%s", code, out, stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "library.db"), []byte("this is no SQLite file, by far"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call("spec", "build", dir, "--db", filepath.Join(dir, "library.db")); code != exitData || !strings.Contains(stderr, "not a library") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

func TestSpecHelp(t *testing.T) {
	golden(t, "spec-help.txt", transcript(
		"comlam spec", "comlam spec build --help", "comlam spec ls --help", "comlam spec toc --help",
		"comlam spec get --help", "comlam spec search --help", "comlam spec stats --help",
	))
}
