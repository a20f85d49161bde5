package comlam_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/comlam/comlam/catalog"
	"github.com/comlam/comlam/internal/testdata"
	"github.com/comlam/comlam/model"
	models "github.com/comlam/comlam/model/all"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/task"
	tasks "github.com/comlam/comlam/task/all"
)

// This file keeps the catalog's statuses true: what it says to run is there and can
// be run, and what is there it says.

func loadCatalog(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// as lists the entries that a folder runs.
func as(c *catalog.Catalog, folder string) []*catalog.Item {
	var list []*catalog.Item
	for _, it := range c.Items {
		if it.Status.As == folder {
			list = append(list, it)
		}
	}
	return list
}

// TestCatalogKnowsWhatRuns wants an entry for every architecture and application.
func TestCatalogKnowsWhatRuns(t *testing.T) {
	c := loadCatalog(t)
	for _, e := range models.Entries {
		list := as(c, "model/"+e.Name)
		if len(list) != 1 || list[0].Kind != "model" || !cites(e.Paper, list[0]) {
			t.Errorf("model %s (%s) is run by %d entries of the catalog; want one model with the same paper", e.Name, e.Paper, len(list))
		}
	}
	for _, e := range tasks.Entries {
		list := as(c, "task/"+e.Name)
		if !slices.ContainsFunc(list, func(it *catalog.Item) bool { return it.Kind == "application" && string(it.Area) == e.Area }) {
			t.Errorf("the catalog has no application of the area %q that task %s runs", e.Area, e.Name)
		}
	}
	// What has the name of a family, a task or a recipe's key cannot be "not yet".
	plain := func(s string) string { return strings.ReplaceAll(s, "-", "") }
	for _, it := range c.Items {
		for _, folder := range []string{".", "model", "task", "tune", "align", "nn"} {
			if _, err := os.Stat(path.Join(folder, plain(it.ID))); err == nil && it.Status.State == catalog.NotYet {
				t.Errorf("%s does not run yet, the catalog says, but there is a folder %s", it.ID, path.Join(folder, plain(it.ID)))
			}
		}
	}
	keys := recipeKeys(t)
	for _, it := range c.Items {
		if keys[plain(it.ID)] && it.Status.State == catalog.NotYet {
			t.Errorf("%s does not run yet, the catalog says, but recipes have the key %s", it.ID, plain(it.ID))
		}
	}
}

// standOnModels moves the test to where the models are that recipes go on with.
func standOnModels(t *testing.T) {
	t.Helper()
	var bases []string
	for _, s := range run.List() {
		bases = append(bases, s.From)
	}
	testdata.Models(t, bases...)
}

// recipeKeys lists every key that the recipes have, defaults included, as one word.
func recipeKeys(t *testing.T) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	standOnModels(t)
	for _, name := range run.Names() {
		source, err := run.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := source.Parse(nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := r.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range recipeKey.FindAllStringSubmatch(string(text), -1) {
			keys[strings.ReplaceAll(m[1], "_", "")] = true
		}
	}
	if !keys["lora"] || !keys["clipnorm"] {
		t.Errorf("the recipes have only the keys %v", keys)
	}
	return keys
}

var recipeKey = regexp.MustCompile(`(?m)^ *([a-z_0-9]+):`)

var arxivNumber = regexp.MustCompile(`arXiv:(\d{4}\.\d{4,5})`)

// cites reports whether what a registry says about papers names that of an entry: by
// its arXiv number, or by its title.
func cites(paper string, it *catalog.Item) bool {
	if it.Title != "" && strings.Contains(paper, it.Title) {
		return true
	}
	for _, m := range arxivNumber.FindAllStringSubmatch(paper, -1) {
		if string(it.Paper) == "arxiv:"+m[1] {
			return true
		}
	}
	return false
}

// TestCatalogTasksCite wants the papers of every task among the catalog's.
func TestCatalogTasksCite(t *testing.T) {
	c := loadCatalog(t)
	for _, e := range tasks.Entries {
		for _, m := range arxivNumber.FindAllStringSubmatch(e.Paper, -1) {
			if !slices.ContainsFunc(c.Items, func(it *catalog.Item) bool { return cites(m[0], it) }) {
				t.Errorf("task %s cites %s, which the catalog lacks", e.Name, m[0])
			}
		}
	}
}

// TestCatalogStatus tries every command of the catalog as far as it goes without
// running it: the command is there, the recipe can be read with its settings, it is of
// the model or task that the entry names, and it has the key that the entry is about.
func TestCatalogStatus(t *testing.T) {
	c, known := loadCatalog(t), knownWords(t)
	for _, it := range c.Items {
		s := it.Status
		if s.As == "" {
			continue
		}
		if info, err := os.Stat(s.As); err != nil || !info.IsDir() {
			t.Errorf("%s: there is no folder %q", it.ID, s.As)
		}
		switch top(s.As) {
		case "model":
			if !slices.ContainsFunc(models.Entries, func(e model.Entry) bool { return "model/"+e.Name == s.As }) {
				t.Errorf("%s: %s is not in the registry", it.ID, s.As)
			}
		case "task":
			if !slices.ContainsFunc(tasks.Entries, func(e task.Entry) bool { return "task/"+e.Name == s.As }) {
				t.Errorf("%s: %s is not in the registry", it.ID, s.As)
			}
		}
		for _, command := range s.Run {
			if why := known.missing(command); why != "" {
				t.Errorf("%s: %q: %s", it.ID, command, why)
			}
			if why := recipeLies(s, command); why != "" {
				t.Errorf("%s: %q: %s", it.ID, command, why)
			}
		}
	}
}

// recipeLies says what of a command with a recipe does not hold, or "".
func recipeLies(s catalog.Status, command string) string {
	name, overrides, ok := recipeOf(command)
	if !ok {
		return ""
	}
	source, err := run.Open(name)
	if err != nil {
		return err.Error()
	}
	r, err := source.Parse(overrides)
	if err != nil {
		return err.Error()
	}
	switch {
	case top(s.As) == "model" && s.As != "model/"+r.ModelName:
		return "the recipe's model is " + r.ModelName
	case top(s.As) == "task" && s.As != "task/"+r.TaskName:
		return "the recipe's task is " + r.TaskName
	case s.Key == "":
		return ""
	}
	text, err := r.Resolved()
	if err != nil {
		return err.Error()
	}
	var at any
	if err := yaml.Unmarshal(text, &at); err != nil {
		return err.Error()
	}
	for _, word := range strings.Split(s.Key, ".") {
		section, _ := at.(map[string]any)
		if at = section[word]; at == nil {
			return "the recipe has no " + s.Key
		}
	}
	return ""
}

// recipeOf finds the recipe of a command and what changes it.
func recipeOf(command string) (name string, overrides []string, ok bool) {
	words := strings.Fields(command)
	for i, w := range words {
		switch {
		case strings.Contains(w, "=") && words[1] == "run":
			overrides = append(overrides, w)
		case i == 2 && words[1] == "run", i > 0 && words[i-1] == "--recipe":
			name = w
		}
	}
	return name, overrides, name != ""
}

// TestCatalogRecipes wants the task, the model and the tuning of every recipe among
// what the catalog says to run.
func TestCatalogRecipes(t *testing.T) {
	c := loadCatalog(t)
	standOnModels(t)
	for _, name := range run.Names() {
		source, err := run.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := source.Parse(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(as(c, "task/"+r.TaskName)) == 0 || len(as(c, "model/"+r.ModelName)) == 0 {
			t.Errorf("recipe %s: the catalog does not say that %s or %s runs", name, r.TaskName, r.ModelName)
		}
		if r.Tune != nil && len(as(c, "tune")) == 0 {
			t.Errorf("recipe %s adapts; the catalog does not say so", name)
		}
	}
}

// TestCatalogLies tries the tests above on statuses that are not true.
func TestCatalogLies(t *testing.T) {
	for _, s := range []struct {
		status  catalog.Status
		command string
		want    string
	}{
		{catalog.Status{As: "model/wifo"}, "comlam run channelpred/jakes", ""},
		{catalog.Status{As: "model/gpt2"}, "comlam run channelpred/jakes", "model is wifo"},
		{catalog.Status{As: "task/beam"}, "comlam run channelpred/jakes", "task is channelpred"},
		{catalog.Status{As: "tune", Key: "tune.lora"}, "comlam run channelpred/cdlc", ""},
		{catalog.Status{As: "tune", Key: "tune.lora"}, "comlam run channelpred/jakes", "no tune.lora"},
		{catalog.Status{As: "tune", Key: "tune.bitfit"}, "comlam run channelpred/cdlc", "no tune.bitfit"},
		{catalog.Status{As: "train"}, "comlam run channelpred/jakes train.schedule.name=wave", "wave"},
		{catalog.Status{As: "wireless/csi"}, "comlam csi gen --recipe no/such -n 1", "no/such"},
		{catalog.Status{As: "wireless/csi"}, "comlam csi gen -n 1 -o h.npy", ""},
	} {
		if got := recipeLies(s.status, s.command); (s.want == "") != (got == "") || !strings.Contains(got, s.want) {
			t.Errorf("%+v %q: got %q, want %q", s.status, s.command, got, s.want)
		}
	}
}
