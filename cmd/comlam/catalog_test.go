package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/catalog"
)

func TestCatalogHelp(t *testing.T) {
	golden(t, "catalog-help.txt", transcript("comlam catalog", "comlam catalog ls --help", "comlam catalog tree --help", "comlam catalog show --help",
		"comlam catalog search --help", "comlam catalog export --help", "comlam catalog check --help"))
}

// TestCatalogCommands shows calls and mistakes that do not change with every new
// entry.
func TestCatalogCommands(t *testing.T) {
	golden(t, "catalog.txt", transcript(
		"comlam catalog tree phy-and-mac", "comlam catalog tree alignment --zh --works", "comlam catalog tree edge-aigc -q",
		"comlam catalog show lora", "comlam catalog show SORA", "comlam catalog show pad -q", "comlam catalog show lora --json",
		"comlam catalog ls --kind stage --area foundations --zh", "comlam catalog ls --year 2017 --json", "comlam catalog ls --kind paper --year 1990",
		"comlam catalog search lora", "comlam catalog search 信道预测 --zh -n 2", "comlam catalog search lora --status not-yet --json",
		"comlam catalog search nothing at all --json",
		// mistakes
		"comlam catalog tre", "comlam catalog tree nowhere", "comlam catalog tree phy-desing", "comlam catalog show", "comlam catalog show lorra", "comlam catalog show xyzxyzxyz",
		"comlam catalog search", "comlam catalog search transfromer", "comlam catalog search xyzxyz", "comlam catalog search lora -n -1",
		"comlam catalog ls --kind modle", "comlam catalog ls --area radio --json", "comlam catalog ls --status ready", "comlam catalog ls --status not",
		"comlam catalog ls --year then", "comlam catalog ls --year 2024-2020", "comlam catalog export --format docx", "comlam catalog export --format bibtx",
		"comlam catalog export -o no/such/folder/x.md", "comlam catalog check --pause 1ms", "comlam catalog check now",
	))
}

// examples lists the command lines that the help of a command gives, without
// comments; what follows > is the file that the shell would write.
func examples(c *cobra.Command) [][]string {
	var list [][]string
	for line := range strings.Lines(c.Example) {
		line, _, _ = strings.Cut(line, "  #")
		line, _, _ = strings.Cut(line, " >")
		var words []string
		for i, piece := range strings.Split(strings.TrimSpace(line), `"`) {
			if i%2 == 1 {
				words = append(words, piece)
			} else {
				words = append(words, strings.Fields(piece)...)
			}
		}
		list = append(list, words[1:])
	}
	return list
}

// TestCatalogExamples runs every example of the help: three a command.
func TestCatalogExamples(t *testing.T) {
	dir := t.TempDir()
	top := new(app).catalogCommand()
	for _, c := range append([]*cobra.Command{top}, top.Commands()...) {
		list := examples(c)
		if len(list) != 3 {
			t.Errorf("the help of %s has %d examples, want 3", c.Name(), len(list))
		}
		for _, args := range list {
			code, out, err := call(append(args, "-C", dir)...)
			if code != 0 || err != "" || out == "" && !strings.Contains(strings.Join(args, " "), "check -q") {
				t.Errorf("%q: exit code %d, %d bytes, %s", args, code, len(out), err)
			}
		}
	}
	for name, begins := range map[string]string{"catalog.html": "<!DOCTYPE html>", "comlam.bib": "@misc{"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(text), begins) {
			t.Errorf("%s: %.40q, %v", name, text, err)
		}
	}
}

func TestCatalogPrintsOneObject(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{
		"catalog", "catalog ls", "catalog ls --kind stage --year 1900", "catalog tree", "catalog show wifo", "catalog show nobody", "catalog search lora",
		"catalog search nothing at all", "catalog export", "catalog export --format csl -o x.json", "catalog check", "catalog check --pause 0s",
	} {
		code, out, _ := call(append(strings.Fields(line), "--json", "-C", dir)...)
		if _, failed := oneObject(t, out)["error"]; failed != (code != 0) {
			t.Errorf("%q: exit code %d, %s", line, code, out)
		}
	}
	if _, out, _ := call("__complete", "catalog", "show", "lo"); !strings.Contains(out, "lora\n") {
		t.Errorf("completion: %q", out)
	}
	if _, out, _ := call("__complete", "catalog", "ls", "--kind", ""); !strings.Contains(out, "dataset\n") {
		t.Errorf("completion: %q", out)
	}
}

// toLoopback sends every request to a server on this machine.
type toLoopback struct{ host string }

func (l toLoopback) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", l.host
	return http.DefaultTransport.RoundTrip(r)
}

// TestCatalogOnline checks links against a server that knows one of two papers.
func TestCatalogOnline(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "0002") {
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	p := &catalog.Prober{Client: &http.Client{Transport: toLoopback{strings.TrimPrefix(server.URL, "http://")}}, Pause: time.Millisecond}
	for _, c := range []struct {
		paper, want string
		code        int
	}{
		{"arxiv:2401.00001", "1 entries, 1 leaves, 0 problems\n1 links: 1 alive, 0 dead, 0 unclear, 0 skipped\n", exitOK},
		{"arxiv:2401.00002", "1 entries, 1 leaves, 0 problems\n1 links: 0 alive, 1 dead, 0 unclear, 0 skipped\n", exitGate},
		{"nonsense", "a: paper: link \"nonsense\" is neither", exitGate},
	} {
		m, err := catalog.Read(fstest.MapFS{"01.yaml": {Data: []byte("id: p\nen: P\nzh: 部分\narea: model\nuse: U\nuse_zh: 用\n" +
			"leaves: [{id: a, kind: paper, en: A, zh: 某, title: T, authors: [A], cited: page, code: none, paper: '" + c.paper + "'}]\n")}})
		if err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		err = (&app{out: &out, err: &errs}).checkCatalog(m, checkOptions{online: true}, p)
		if exitCode(err) != c.code || !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%s: %v, exit code %d, %q, %q", c.paper, err, exitCode(err), out.String(), errs.String())
		}
		if dead := strings.Contains(errs.String(), "dead  a"); dead != strings.HasSuffix(c.paper, "2") {
			t.Errorf("%s: told %q", c.paper, errs.String())
		}
	}
}

// TestCatalogOffline: without a network the data are checked all the same, and the
// command says that it learnt nothing about the links.
func TestCatalogOffline(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p := &catalog.Prober{Client: &http.Client{Transport: toLoopback{strings.TrimPrefix(server.URL, "http://")}}, Pause: time.Millisecond}
	m, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	err = (&app{out: &out, err: &errs, quiet: true}).checkCatalog(m, checkOptions{online: true}, p)
	if exitCode(err) != exitResources || !strings.Contains(err.Error(), "no host answered") || out.String() != "" || errs.String() != "" {
		t.Errorf("%v, exit code %d, %q, %q", err, exitCode(err), out.String(), errs.String())
	}
}
