package comlam_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// This file is the import law of ComLAM. It is policy: a change here is a change
// of the architecture, with a note in docs/design, never a way to make a build
// pass.

const module = "github.com/comlam/comlam"

// floors lists every top folder, lowest floor first. A package imports lower
// floors and its own top folder, nothing else of this module. "." is the root
// package. A folder that is not listed does not belong to the tree.
var floors = []string{
	"internal recipes docs",
	"backend",
	"metric plot format",
	"wireless tokenizer sandbox catalog",
	"corpus spec checkpoint nn",
	"data model",
	"train infer",
	"tune",
	"align rag",
	"eval agent",
	"task serve",
	"run",
	".",
	"cmd",
}

// testReach is the floor up to which test files may import.
const testReach = "train"

// familyHomes are the top folders whose sub-folders are siblings that never
// import each other.
var familyHomes = []string{"model", "task"}

// exams are packages that only tests import. They reach as far as a test does,
// and they name no family.
var exams = []string{"model/modeltest", "task/tasktest", "backend/backendtest"}

// parsers read bytes that somebody else wrote. They get no way to leave Go's
// memory safety, to start a program or to talk to anybody.
var parsers = []string{"internal/bounded", "checkpoint", "format", "tokenizer"}

var parsersNever = []string{"C", "unsafe", "syscall", "golang.org/x/sys", "plugin", "os/exec", "net"}

// graphPackage may be dot-imported where every second word is a graph operation:
// in a model's family, in layers and in losses. Nothing else is dot-imported
// anywhere.
const graphPackage = "github.com/gomlx/gomlx/core/graph"

// graphFolders hold layers and losses.
var graphFolders = []string{"nn", "train"}

// An importing is one import as the law sees it.
type importing struct {
	from string // folder of the importing file, "." for the root
	test bool   // the importing file is a _test.go file
	path string // import path
	dot  bool
}

// breach says why the law forbids an import, or "".
func (im importing) breach() string {
	if im.dot && !(im.path == graphPackage && im.fromGraphCode()) {
		return "only model families, layers and losses dot-import, and only " + graphPackage
	}
	if !im.test && within(im.from, parsers) && outsideReach(im.path) {
		return "a parser of untrusted bytes must not import it"
	}
	to, ours := folder(im.path)
	if !ours {
		return ""
	}
	from, ok := floor(im.from)
	if !ok {
		return unknownFolder(im.from)
	}
	if _, ok := floor(to); !ok {
		return unknownFolder(to)
	}
	if why := im.familyBreach(to); why != "" {
		return why
	}
	lax := im.test || slices.Contains(exams, im.from)
	if slices.Contains(exams, to) && !lax {
		return "only tests import an exam"
	}
	if top(im.from) == top(to) {
		return ""
	}
	reach := from - 1
	if limit, _ := floor(testReach); lax {
		reach = max(reach, limit)
	}
	if f, _ := floor(to); f > reach {
		return fmt.Sprintf("%s is not on a floor below %s; move what both need further down", top(to), top(im.from))
	}
	return ""
}

func (im importing) fromGraphCode() bool {
	isModel := top(im.from) == "model" && family(im.from) != ""
	return isModel || slices.Contains(graphFolders, im.from)
}

// familyBreach holds the rules about families: the folders below model and task.
func (im importing) familyBreach(to string) string {
	here, there := family(im.from), family(to)
	home := top(to)
	switch {
	case there == "" && !(to == "model/all" && top(im.from) == "task"):
		return ""
	case top(im.from) == home && here != "" && here != there:
		return "siblings never import each other; move what both need further down"
	case im.test:
		return ""
	case top(im.from) == home && here == "" && im.from != home+"/all":
		return "inside " + home + " only " + home + "/all knows the families"
	case top(im.from) == "task" && home == "model":
		return "a task never names a model; run hands it over"
	}
	return ""
}

func unknownFolder(dir string) string {
	return fmt.Sprintf("the folder %q is on no floor; see the list in floors_test.go", top(dir))
}

// folder turns an import path of this module into its folder.
func folder(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// family is the name of the family that a folder belongs to, or "".
func family(dir string) string {
	parts := strings.Split(dir, "/")
	if len(parts) < 2 || !slices.Contains(familyHomes, parts[0]) || parts[1] == "all" {
		return ""
	}
	if slices.Contains(exams, path.Join(parts[:2]...)) {
		return ""
	}
	return parts[1]
}

func floor(dir string) (int, bool) {
	for i, line := range floors {
		if slices.Contains(strings.Fields(line), top(dir)) {
			return i, true
		}
	}
	return 0, false
}

func within(dir string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return dir == root || strings.HasPrefix(dir, root+"/")
	})
}

func outsideReach(importPath string) bool { return within(importPath, parsersNever) }

// goFiles lists the Go files of the tree, without those the go command ignores.
func goFiles(fsys fs.FS) ([]string, error) { return filesBelow(fsys, ".go") }

func filesBelow(fsys fs.FS, suffix string) ([]string, error) {
	var files []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, suffix):
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// breaches applies the law to every import of every Go file.
func breaches(fsys fs.FS) ([]string, error) {
	files, err := goFiles(fsys)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range files {
		list, err := imports(fsys, name)
		if err != nil {
			return nil, err
		}
		if _, ok := floor(path.Dir(name)); !ok {
			found = append(found, name+": "+unknownFolder(path.Dir(name)))
			continue
		}
		for _, im := range list {
			if why := im.breach(); why != "" {
				found = append(found, fmt.Sprintf("%s imports %q: %s", name, im.path, why))
			}
		}
	}
	return found, nil
}

func imports(fsys fs.FS, name string) ([]importing, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var list []importing
	for _, spec := range parsed.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		list = append(list, importing{
			from: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			path: p, dot: spec.Name != nil && spec.Name.Name == ".",
		})
	}
	return list, nil
}

func TestFloors(t *testing.T) {
	found, err := breaches(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range found {
		t.Error(b)
	}
}

// TestFloorsLaw tries the law itself: each rule with an import that it allows and
// one that it forbids.
func TestFloorsLaw(t *testing.T) {
	for _, c := range []struct {
		from, to string // folders; "file_test.go" after from makes it a test
		allowed  bool
	}{
		{"train", "model", true},
		{"train", "data", true},
		{"model", "train", false},
		{"model", "data", false},
		{"data", "model", false},
		{"nn", "checkpoint", false},
		{"wireless/csi", "wireless/channel", true},
		{"wireless/csi", "nn", false},
		{"run/report", "run", true},
		{"run", "model/all", true},
		{"run", ".", false},
		{".", "run", true},
		{"cmd/comlam", ".", true},
		{".", "cmd/comlam", false},
		{"internal/rng", "internal/setting", true},
		{"internal/rng", "metric", false},
		{"drawer", "metric", false},
		{"metric", "drawer", false},

		{"model/wifo", "model", true},
		{"model/wifo", "nn", true},
		{"model/llava", "model/vit", false},
		{"model/llava/file_test.go", "model/vit", false},
		{"model/llava/deep", "model/llava", true},
		{"model/all", "model/vit", true},
		{"model", "model/vit", false},
		{"model/modeltest", "model/vit", false},
		{"task/beam", "task/mac", false},
		{"task/all", "task/mac", true},
		{"task/beam", "task", true},
		{"task/beam", "model", true},
		{"task/beam", "model/vit", false},
		{"task/beam", "model/all", false},
		{"task", "model/all", false},
		{"task/all", "model/vit", false},
		{"task/beam/file_test.go", "model/vit", true},
		{"task/beam", "serve", false},

		{"nn/file_test.go", "train", true},
		{"nn/file_test.go", "model/wifo", true},
		{"nn/file_test.go", "tune", false},
		{"data/file_test.go", "model", true},
		{"model/modeltest", "train", true},
		{"model/modeltest", "tune", false},
		{"model/wifo/file_test.go", "model/modeltest", true},
		{"model/wifo", "model/modeltest", false},
		{"train", "model/modeltest", false},
	} {
		from, test := strings.CutSuffix(c.from, "/file_test.go")
		to := path.Join(module, c.to)
		why := importing{from: from, test: test, path: to}.breach()
		if c.allowed != (why == "") {
			t.Errorf("%s imports %s: allowed = %v, want %v (%s)", c.from, c.to, why == "", c.allowed, why)
		}
	}
}

// TestFloorsSeen tries the way from source text to breach.
func TestFloorsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		src     string
		allowed bool
	}{
		"model/wifo/model.go":         {`package wifo; import . "` + graphPackage + `"`, true},
		"nn/dense.go":                 {`package nn; import . "` + graphPackage + `"`, true},
		"eval/eval.go":                {`package eval; import . "` + graphPackage + `"`, false},
		"task/beam/task.go":           {`package beam; import . "` + graphPackage + `"`, false},
		"model/model.go":              {`package model; import . "` + graphPackage + `"`, false},
		"model/wifo/config.go":        {`package wifo; import . "fmt"`, false},
		"metric/metric_test.go":       {`package metric_test; import . "` + module + `/metric"`, false},
		"checkpoint/reader.go":        {`package checkpoint; import "unsafe"`, false},
		"checkpoint/reader_test.go":   {`package checkpoint; import "os/exec"`, true},
		"format/npy/read.go":          {`package npy; import "net/http"`, false},
		"format/npy/map.go":           {`package npy; import "golang.org/x/sys/unix"`, false},
		"internal/bounded/bounded.go": {`package bounded; import "C"`, false},
		"internal/durable/lock.go":    {`package durable; import "syscall"`, true},
		"format/npy/write.go":         {`package npy; import "io"`, true},
		"drawer/thing.go":             {`package drawer`, false},
		"nn/testdata/any.go":          {`package any; import . "fmt"`, true},
		".hidden/any.go":              {`package any; import . "fmt"`, true},
		"data/alias.go":               {`package data; import m "` + module + `/model"`, false},
		"train/blank.go":              {`package train; import _ "` + module + `/run"`, false},
	} {
		found, err := breaches(fstest.MapFS{name: {Data: []byte(c.src)}})
		if err != nil {
			t.Fatal(err)
		}
		if c.allowed != (len(found) == 0) {
			t.Errorf("%s: %s: allowed = %v, want %v (%v)", name, c.src, len(found) == 0, c.allowed, found)
		}
	}
}
