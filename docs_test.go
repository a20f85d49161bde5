package comlam_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// This file keeps the documents true: links lead somewhere, commands exist, the
// two READMEs say the same, and every dependency has its reason.

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)(?: "[^"]*")?\)`)
	mdFence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	mdCode    = regexp.MustCompile("`[^`\n]+`")
	mdHeading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	status    = regexp.MustCompile(`(?m)^Status: [a-z]`)
	command   = regexp.MustCompile(`(?m)(?:^|[\x60$|(]) *(?:bin/)?(comlam|make)((?: +[^\s\x60|#)]+)*) *(?:$|[\x60|#)])`)
)

// deadLinks lists relative links of Markdown files that lead nowhere.
func deadLinks(fsys fs.FS) ([]string, error) {
	files, err := filesBelow(fsys, ".md")
	if err != nil {
		return nil, err
	}
	var dead []string
	for _, name := range files {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		prose := mdCode.ReplaceAll(mdFence.ReplaceAll(text, nil), nil)
		for _, m := range mdLink.FindAllSubmatch(prose, -1) {
			if why := deadLink(fsys, name, string(m[1])); why != "" {
				dead = append(dead, fmt.Sprintf("%s: link %q: %s", name, m[1], why))
			}
		}
	}
	return dead, nil
}

func deadLink(fsys fs.FS, from, link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return err.Error()
	}
	if u.Scheme != "" || u.Host != "" {
		return "" // somebody else's page
	}
	target := from
	if u.Path != "" {
		target = path.Join(path.Dir(from), u.Path)
	}
	if _, err := fs.Stat(fsys, target); err != nil {
		return "no such file"
	}
	if u.Fragment == "" || !strings.HasSuffix(target, ".md") {
		return ""
	}
	text, err := fs.ReadFile(fsys, target)
	if err != nil {
		return err.Error()
	}
	for _, h := range mdHeading.FindAllSubmatch(mdFence.ReplaceAll(text, nil), -1) {
		if anchor(string(h[1])) == u.Fragment {
			return ""
		}
	}
	return "no such heading"
}

// anchor is the name that a heading gets on a rendered page.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(heading))
}

func TestDocLinks(t *testing.T) {
	dead, err := deadLinks(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dead {
		t.Error(d)
	}
	bad := fstest.MapFS{
		"a.md":      {Data: []byte("[x](docs/b.md) [y](docs/c.md) [z](docs/b.md#two-words) [w](docs/b.md#three) ![p](p.png)\n```\n[q](q.md)\n```\n")},
		"docs/b.md": {Data: []byte("# Two words\n[up](../a.md) [self](#two-words) [out](https://example.com/x)\n")},
	}
	if dead, err = deadLinks(bad); err != nil || len(dead) != 3 {
		t.Errorf("of a tree with 3 dead links: got %q, %v", dead, err)
	}
}

func TestDesignNotesHaveStatus(t *testing.T) {
	notes, err := fs.Glob(os.DirFS("."), "docs/design/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range notes {
		if text := readText(t, name); !status.MatchString(text) {
			t.Errorf("%s has no line such as %q", name, "Status: accepted.")
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// commands lists the calls of comlam and make in a document's code, such as
// "comlam run channelpred/wifo".
func commands(text string) []string {
	var list []string
	code := append(mdFence.FindAllString(text, -1), mdCode.FindAllString(mdFence.ReplaceAllString(text, ""), -1)...)
	for _, c := range code {
		for _, m := range command.FindAllStringSubmatch(c, -1) {
			list = append(list, strings.Join(strings.Fields(m[1]+" "+m[2]), " "))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestCommandsAreFound(t *testing.T) {
	text := "Say `comlam demo --short` or `bin/comlam run a/b seed=2`.\n```sh\n$ make            # builds\n" +
		"make test\ncomlam csi gen --out x.npy | wc\n```\ncomlam in prose, the `comlam/nn` folder, `go` and `comlam`"
	want := []string{"comlam", "comlam csi gen --out x.npy", "comlam demo --short", "comlam run a/b seed=2", "make", "make test"}
	if got := commands(text); !slices.Equal(got, want) {
		t.Errorf("commands = %q, want %q", got, want)
	}
}

func TestReadmesAgree(t *testing.T) {
	en, zh := commands(readText(t, "README.md")), commands(readText(t, "README.zh.md"))
	if !slices.Equal(en, zh) {
		t.Errorf("commands differ:\nREADME.md    %q\nREADME.zh.md %q", en, zh)
	}
	for _, c := range []string{"make", "make test"} {
		if !slices.Contains(en, c) {
			t.Errorf("README.md does not give the command %q", c)
		}
	}
}

// TestDocCommandsExist compares every command in the documents with the command
// tree in cmd/comlam, the recipes and the Makefile, all read as text: a build of
// the program would take longer than all other tests of this package.
func TestDocCommandsExist(t *testing.T) {
	known := knownWords(t)
	files, err := filesBelow(os.DirFS("."), ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		for _, c := range commands(readText(t, name)) {
			if why := known.missing(c); why != "" {
				t.Errorf("%s: %q: %s", name, c, why)
			}
		}
	}
	for c, ok := range map[string]bool{
		"comlam demo --short": true, "comlam demmo": false, "comlam demo --shot": false,
		"comlam recipe cat": true, "comlam recipe dog": false, "make": true, "make test": true, "make tea": false,
		"make fuzz N=10s": true, "comlam run no/such": false, "comlam run": true, "comlam run RECIPE key=value": true,
	} {
		if why := known.missing(c); ok != (why == "") {
			t.Errorf("%q: found = %v, want %v", c, why == "", ok)
		}
	}
}

// words is what can follow "comlam" or "make".
type words struct {
	uses    []string // first words of cobra's Use
	text    []string // every string in cmd/comlam: flags and their shorthands are among them
	parents []string // commands that only hold other commands
	targets []string // of the Makefile
}

func knownWords(t *testing.T) words {
	t.Helper()
	known := words{
		uses:    []string{"help", "completion", "bash", "zsh", "fish", "powershell"}, // cobra brings these
		text:    []string{"help", "version"},
		parents: []string{"recipe", "runs", "csi", "bench", "tok"},
	}
	files, err := fs.Glob(os.DirFS("."), "cmd/comlam/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, known.see)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(readText(t, "Makefile"), -1) {
		known.targets = append(known.targets, m[1])
	}
	return known
}

func (w *words) see(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
			w.text = append(w.text, s)
		}
	case *ast.KeyValueExpr:
		key, _ := n.Key.(*ast.Ident)
		value, _ := n.Value.(*ast.BasicLit)
		if key != nil && key.Name == "Use" && value != nil {
			use, _ := strconv.Unquote(value.Value)
			name, _, _ := strings.Cut(use, " ")
			w.uses = append(w.uses, name)
		}
	}
	return true
}

// missing says what of a command does not exist, or "".
func (w *words) missing(call string) string {
	parts := strings.Fields(call)
	program, args := parts[0], parts[1:]
	if program == "make" {
		for _, a := range args {
			if !strings.Contains(a, "=") && !slices.Contains(w.targets, a) {
				return fmt.Sprintf("the Makefile has no target %q", a)
			}
		}
		return ""
	}
	place := 0 // of the next word that is no flag
	for i, a := range args {
		switch {
		case strings.HasPrefix(a, "-"):
			if !slices.Contains(w.text, strings.TrimLeft(a, "-")) {
				return fmt.Sprintf("cmd/comlam defines no flag %q", a)
			}
			continue
		case place == 0 || place == 1 && slices.Contains(w.parents, args[i-1]):
			if !slices.Contains(w.uses, a) && strings.ToLower(a) == a {
				return fmt.Sprintf("cmd/comlam has no command %q", a)
			}
		case args[0] == "run" && place == 1 && strings.Contains(a, "/") && !strings.HasSuffix(a, ".yaml"):
			if _, err := os.Stat("recipes/" + a + ".yaml"); err != nil {
				return fmt.Sprintf("there is no recipe %q", a)
			}
		}
		place++
	}
	return ""
}

// TestDependencies compares docs/dependencies.md with the direct requirements of
// go.mod: a dependency without a reason is one too many.
func TestDependencies(t *testing.T) {
	var want, got []string
	requirement := regexp.MustCompile(`(?m)^(?:require)?\s+([\w.-]+\.[\w.-]+/\S+) v\S+( // indirect)?$`)
	for _, m := range requirement.FindAllStringSubmatch(readText(t, "go.mod"), -1) {
		if m[2] == "" {
			want = append(want, m[1])
		}
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\|")
	for _, m := range row.FindAllStringSubmatch(readText(t, "docs/dependencies.md"), -1) {
		got = append(got, m[1])
		if len(strings.Fields(m[2])) < 3 {
			t.Errorf("docs/dependencies.md gives no reason for %s", m[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/dependencies.md lists %q, go.mod requires %q", got, want)
	}
}
