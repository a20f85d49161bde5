package catalog_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func load(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDataAreRight(t *testing.T) {
	for _, p := range load(t).Check() {
		t.Error(p)
	}
}

// TestEveryLeafIsThere counts the leaves of the outline, chapter by chapter.
func TestEveryLeafIsThere(t *testing.T) {
	want := map[string]int{
		"foundations": 1, "data": 10, "training": 16, "evaluation": 6, "architectures": 4, "models": 28, "optimisation": 5,
		"phy-and-mac": 5, "resources-and-network": 5, "edge-intelligence": 5, "semantic-communication": 6, "security-and-emerging": 8,
	}
	c, got := load(t), map[string]int{}
	for _, it := range c.Items {
		if it.Leaf {
			got[it.Path[0]]++
		}
		if it.Use == "" {
			t.Errorf("%s does not say what it is used for", it.ID)
		}
	}
	total := 0
	for chapter, n := range want {
		total += n
		if got[chapter] != n {
			t.Errorf("%s has %d leaves, want %d", chapter, got[chapter], n)
		}
	}
	if len(got) != len(want) || c.Leaves() != total || total != 99 {
		t.Errorf("%d leaves in %d chapters, want 99 in %d", c.Leaves(), len(got), len(want))
	}
	for _, k := range catalog.Kinds {
		if len(c.List(catalog.Filter{Kind: k})) == 0 {
			t.Errorf("there is no %s", k)
		}
	}
	for _, a := range catalog.Areas {
		if len(c.List(catalog.Filter{Area: a})) == 0 {
			t.Errorf("there is nothing in the area %s", a)
		}
	}
}

func TestFilter(t *testing.T) {
	c := load(t)
	for _, it := range c.List(catalog.Filter{Kind: "model", From: 2023, To: 2024, State: catalog.NotYet, Area: "semantic"}) {
		if it.Kind != "model" || it.Year < 2023 || it.Year > 2024 || it.Status.State != catalog.NotYet || it.Area != "semantic" {
			t.Errorf("%s passed the filter: %+v", it.ID, it)
		}
	}
	if n := len(c.List(catalog.Filter{})); n != len(c.Items) {
		t.Errorf("no filter lets %d of %d through", n, len(c.Items))
	}
	sum := 0
	for _, s := range catalog.States {
		sum += c.Count(s)
	}
	if sum != len(c.Items) {
		t.Errorf("%d of %d entries have a state", sum, len(c.Items))
	}
}

func TestSearch(t *testing.T) {
	c := load(t)
	for query, want := range map[string]string{ // best first; the list may go on
		"lora":                       "lora",
		"LoRA":                       "lora",
		"channel prediction":         "channel-prediction",
		"信道预测":                       "channel-prediction",
		"信道 估计":                      "channel-estimation",
		"扩散模型":                       "diffusion",
		"语义通信":                       "semantic-sensing semantic-diffusion",
		"多智能体":                       "multi-agent-systems",
		"检索增强":                       "rag",
		"mamba":                      "mamba",
		"2412.08908":                 "wifo",
		"gpt":                        "gpt-3 gpt-4 gpt-2",
		"smart healthcare":           "healthcare",
		"world simulators":           "sora",
		"漏洞检测":                       "vulnerability-detection",
		"video generation simulator": "sora",
		"信道预测模型的大":                   "", // most of its pairs occur nowhere together
		"no such thing at all":       "",
		"   ":                        "",
	} {
		var got []string
		for _, h := range c.Search(query) {
			got = append(got, h.Item.ID)
		}
		if w := strings.Fields(want); len(got) < len(w) || !slices.Equal(got[:len(w)], w) || (want == "") != (got == nil) {
			t.Errorf("%q finds %q, want %q first", query, got, w)
		}
	}
}

func TestNearest(t *testing.T) {
	c := load(t)
	for wrote, want := range map[string]string{
		"lorra": "lora", "wi-fo": "wifo", "llamma-2": "llama-2", "信道预侧": "channel-prediction", "tele qna": "teleqna", "zzzzzz": "",
		strings.Repeat("x", 100): "",
	} {
		if got := c.Nearest(wrote); got != want {
			t.Errorf("nearest to %q is %q, want %q", wrote, got, want)
		}
	}
}

// TestExports compares the exports of a small catalog with files.
func TestExports(t *testing.T) {
	c, err := catalog.Read(os.DirFS("testdata/small"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Check() {
		t.Error(p)
	}
	for format, name := range map[string]string{"markdown": "small.md", "bibtex": "small.bib", "json": "small.json", "csl": "small.csl.json", "html": "small.html"} {
		got := export(t, c, format)
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; run go test -update and look at the change:\n%s", file, got)
		}
	}
	if err := c.Write(new(bytes.Buffer), "docx"); err == nil || !strings.Contains(err.Error(), "bibtex") {
		t.Errorf("an unknown format: %v", err)
	}
}

func export(t *testing.T, c *catalog.Catalog, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCoverage counts what the entries say about papers, licences and weights, and
// refuses less than there was.
func TestCoverage(t *testing.T) {
	var papers, licences, weights, data int
	for _, it := range load(t).Items {
		list := it.Further
		if it.Paper != "" {
			list = append([]*catalog.Paper{{Link: it.Paper, Title: it.Title, Authors: it.Authors, Year: it.Year}}, list...)
		}
		for _, p := range list {
			papers++
			if p.Title == "" || p.Year == 0 || len(p.Authors) == 0 {
				t.Errorf("%s: %s lacks title, year or authors", it.ID, p.Link)
			}
		}
		if it.Code != "" && it.Licence == "" {
			t.Errorf("%s: %s has no licence; write %q where its repository has no licence file", it.ID, it.Code, catalog.NoLicence)
		}
		if it.Weights != "" && it.WeightsLicence == "" {
			t.Errorf("%s: its weights have no licence; write %q where the terms are not known", it.ID, catalog.UnknownLicence)
		}
		licences, weights, data = licences+one(it.Licence), weights+one(it.Weights), data+one(it.Data)
	}
	for what, n := range map[string][2]int{"papers": {papers, 193}, "licences": {licences, 100}, "weights": {weights, 44}, "data": {data, 18}} {
		if n[0] < n[1] {
			t.Errorf("%d %s, there were %d", n[0], what, n[1])
		}
	}
	t.Logf("%d papers, %d licences, %d weights, %d data sets", papers, licences, weights, data)
}

// TestAbsences wants a value or a reason for every field of every entry, and the right
// reason where it was looked up.
func TestAbsences(t *testing.T) {
	c := load(t)
	for _, it := range c.Items {
		facts := it.Facts()
		if len(facts) != len(catalog.AbsentFields)-2 {
			t.Errorf("%s has %d facts", it.ID, len(facts))
		}
		for _, f := range facts {
			if f.Label.EN == "" || f.Label.ZH == "" || f.Value.EN == "" || f.Value.ZH == "" || (f.URL != "") != strings.HasPrefix(f.URL, "https://") {
				t.Errorf("%s: %+v", it.ID, f)
			}
		}
	}
	for _, x := range []struct {
		item, field string
		want        catalog.Absence
	}{
		{"gpt-4", "weights", catalog.Withheld}, {"opentelecom", "data", catalog.Withheld}, {"wirelessmathlm", "code", catalog.None},
		{"llm4mac", "code", catalog.Unknown}, {"bp-llm", "weights", catalog.None}, {"tele-eval", "paper", catalog.Elsewhere},
		{"tele-eval", "authors", catalog.Elsewhere}, {"oran-bench", "data", catalog.WithCode}, {"lora", "weights", catalog.NotApplicable},
		{"channel-prediction", "year", catalog.NotApplicable}, {"stage-mature", "licence", catalog.NotApplicable}, {"wifo", "weights", ""},
	} {
		if got := c.Item(x.item).Absent[x.field]; got != x.want {
			t.Errorf("%s of %s: %q, want %q", x.field, x.item, got, x.want)
		}
	}
}

func one[T ~string](s T) int {
	if s == "" {
		return 0
	}
	return 1
}

var (
	bibEntry = regexp.MustCompile(`(?s)^@misc\{([A-Za-z0-9-]+),\n(.*)\n\}\n*$`)
	bibField = regexp.MustCompile(`^  ([a-zA-Z]+) = \{(.+)\},$`)
)

// TestBibTeXIsWellFormed reads the export as BibTeX does: entries with keys, fields
// with balanced braces, names joined by and.
func TestBibTeXIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for i, text := range strings.Split("\n"+export(t, load(t), "bibtex"), "\n@")[1:] {
		m := bibEntry.FindStringSubmatch("@" + text)
		if m == nil || seen[m[1]] {
			t.Fatalf("entry %d is none, or there twice: %s", i, text)
		}
		seen[m[1]] = true
		fields := map[string]string{}
		for line := range strings.Lines(m[2] + "\n") {
			f := bibField.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if f == nil || fields[f[1]] != "" || !balanced(f[2]) {
				t.Fatalf("%s: the line %q is no field", m[1], line)
			}
			fields[f[1]] = f[2]
		}
		for _, need := range []string{"title", "author", "year", "url"} {
			if fields[need] == "" {
				t.Errorf("%s has no %s", m[1], need)
			}
		}
		for _, name := range strings.Split(fields["author"], " and ") {
			if name = strings.TrimSpace(name); name == "" || strings.Contains(name, ",") || strings.Contains(name, "et al") {
				t.Errorf("%s: %q is no author", m[1], name)
			}
		}
	}
}

func balanced(s string) bool {
	depth := 0
	for _, r := range s {
		switch r {
		case '{':
			depth++
		case '}':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}

func TestExportsOfAll(t *testing.T) {
	c := load(t)
	var whole struct {
		Items []struct{ ID, Use string } `json:"items"`
	}
	if err := json.Unmarshal([]byte(export(t, c, "json")), &whole); err != nil || len(whole.Items) != len(c.Items) {
		t.Errorf("JSON has %d entries of %d: %v", len(whole.Items), len(c.Items), err)
	}
	var csl []struct{ ID, Title, URL string }
	if err := json.Unmarshal([]byte(export(t, c, "csl")), &csl); err != nil || len(csl) < 100 {
		t.Fatalf("CSL-JSON has %d works: %v", len(csl), err)
	}
	bib, seen := export(t, c, "bibtex"), map[string]bool{}
	if strings.Count(bib, "{") != strings.Count(bib, "}") || strings.Count(bib, "\n@misc{")+1 != len(csl) {
		t.Error("BibTeX is not balanced, or has other works than CSL-JSON")
	}
	for _, x := range csl {
		if seen[x.ID] || x.Title == "" || !strings.HasPrefix(x.URL, "https://") || !strings.Contains(bib, "@misc{"+x.ID+",\n") {
			t.Errorf("work %+v is incomplete, twice, or not in BibTeX", x)
		}
		seen[x.ID] = true
	}
}
