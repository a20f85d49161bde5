package comlam_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The walls: a function or file that reaches one is to be cut, not excused.
const (
	maxFunctionLines = 80
	maxFileLines     = 600
	maxTestFileLines = 800 // tables of cases make long files that still read easily
)

// excused names what may stand beyond a wall, with the reason: "file.go" or
// "file.go:Function". An excuse that is no longer needed fails the test.
var excused = map[string]string{}

// drawers are package names that say nothing about what is inside.
var drawers = []string{"util", "utils", "common", "misc", "helper", "helpers", "base", "core", "manager", "types", "pkg", "extras"}

var (
	oneWord   = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	leftover  = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
)

// A wall is one thing found beyond a wall.
type wall struct{ name, why string }

// A tree is what the walls need to know of all Go files.
type tree struct {
	beyond   []wall
	packages map[string]*pack // by folder
}

type pack struct {
	names      map[string]bool // of the files outside tests
	documented bool
}

func readTree(fsys fs.FS) (*tree, error) {
	files, err := goFiles(fsys)
	if err != nil {
		return nil, err
	}
	t := &tree{packages: map[string]*pack{}}
	for _, name := range files {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		if err := t.add(name, src); err != nil {
			return nil, err
		}
	}
	t.judgePackages()
	return t, nil
}

func (t *tree) found(name, format string, args ...any) {
	t.beyond = append(t.beyond, wall{name, fmt.Sprintf(format, args...)})
}

func (t *tree) add(name string, src []byte) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(name, "_test.go") {
		dir := path.Dir(name)
		if t.packages[dir] == nil {
			t.packages[dir] = &pack{names: map[string]bool{}}
		}
		t.packages[dir].names[file.Name.Name] = true
		if file.Doc != nil && documents(file) {
			t.packages[dir].documented = true
		}
	}
	if generated.Match(src) {
		return nil
	}
	t.addLines(name, set, file)
	for _, group := range file.Comments {
		for _, c := range group.List {
			if word := leftover.FindString(c.Text); word != "" {
				t.found(name, "line %d says %s; do it, or open an issue and name it", set.Position(c.Pos()).Line, word)
			}
		}
	}
	return nil
}

func (t *tree) addLines(name string, set *token.FileSet, file *ast.File) {
	limit := maxFileLines
	if strings.HasSuffix(name, "_test.go") {
		limit = maxTestFileLines
	}
	if n := set.File(file.Pos()).LineCount(); n > limit {
		t.found(name, "%d lines, the wall is %d", n, limit)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
		if lines > maxFunctionLines {
			t.found(name+":"+f.Name.Name, "%d lines, the wall is %d", lines, maxFunctionLines)
		}
	}
}

// documents reports whether the comment above the package clause is the package
// comment, "Package x ..." or "Command x ...".
func documents(file *ast.File) bool {
	text := file.Doc.Text()
	if file.Name.Name == "main" {
		return strings.HasPrefix(text, "Command ")
	}
	return strings.HasPrefix(text, "Package "+file.Name.Name+" ")
}

func (t *tree) judgePackages() {
	for _, dir := range slices.Sorted(maps.Keys(t.packages)) {
		p := t.packages[dir]
		if !p.documented {
			t.found(dir, `has no package comment ("// Package x ...", or "// Command x ..." for a main package)`)
		}
		for name := range p.names {
			switch {
			case slices.Contains(drawers, name):
				t.found(dir, "%q says nothing about what is inside", name)
			case !oneWord.MatchString(name):
				t.found(dir, "%q is not one lower-case word", name)
			case name != "main" && dir != "." && name != path.Base(dir):
				t.found(dir, "package %q and its folder have two names", name)
			}
		}
	}
}

func TestWalls(t *testing.T) {
	tree, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, w := range tree.beyond {
		if excused[w.name] != "" {
			used[w.name] = true
			continue
		}
		t.Errorf("%s: %s", w.name, w.why)
	}
	for name := range excused {
		if !used[name] {
			t.Errorf("%s is excused and stands behind the wall again; remove the excuse", name)
		}
	}
}

// TestWallsLaw tries each wall on a tree that breaks it.
func TestWallsLaw(t *testing.T) {
	long := func(n int) string { return strings.Repeat("\n", n) }
	const doc = "// Package nn does something.\npackage nn\n"
	for _, c := range []struct{ file, src, want string }{
		{"nn/a.go", doc, ""},
		{"nn/a.go", doc + "func f() {" + long(79) + "}", ""},
		{"nn/a.go", doc + "func f() {" + long(80) + "}", "nn/a.go:f: 81 lines"},
		{"nn/a_test.go", "package nn\nfunc f() {" + long(80) + "}", "nn/a_test.go:f: 81 lines"},
		{"nn/a.go", doc + long(700), "nn/a.go: 702 lines"},
		{"nn/a_test.go", "package nn" + long(700), ""},
		{"nn/a_test.go", "package nn" + long(900), "nn/a_test.go: 900 lines"},
		{"nn/a.go", "// Code generated by x. DO NOT EDIT.\n\n" + doc + long(700), ""},
		{"nn/a.go", "package nn", "nn: has no package comment"},
		{"nn/a.go", "// Copyright somebody.\npackage nn", "nn: has no package comment"},
		{"nn/a.go", "// Package mm does something.\npackage nn", "nn: has no package comment"},
		{"cmd/x/main.go", "// Command x does something.\npackage main", ""},
		{"cmd/x/main.go", "package main", "cmd/x: has no package comment"},
		{"nn/util/a.go", "// Package util does it all.\npackage util", `nn/util: "util" says nothing`},
		{"nn/rope_v2/a.go", "// Package rope_v2 turns.\npackage rope_v2", `nn/rope_v2: "rope_v2" is not one lower-case word`},
		{"nn/rope/a.go", "// Package turn turns.\npackage turn", `nn/rope: package "turn" and its folder have two names`},
		{"nn/a.go", doc + "// TO" + "DO: later", "nn/a.go: line 3 says TO" + "DO"},
		{"nn/a.go", doc + "var mastodon = `TO" + "DO`", ""},
	} {
		tree, err := readTree(fstest.MapFS{c.file: {Data: []byte(c.src)}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range tree.beyond {
			got = append(got, w.name+": "+w.why)
		}
		if c.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || c.want == "" || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s of %.40q...: got %q, want one that starts with %q", c.file, c.src, got, c.want)
		}
	}
}

// TestSpecIsAParser: spec reads bytes that somebody else wrote, and keeps what the
// law of floors_test.go asks of parsers.
func TestSpecIsAParser(t *testing.T) {
	files, err := goFiles(os.DirFS("spec"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		list, err := imports(os.DirFS("."), path.Join("spec", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, im := range list {
			if !im.test && outsideReach(im.path) {
				t.Errorf("spec/%s imports %s", name, im.path)
			}
		}
	}
}
