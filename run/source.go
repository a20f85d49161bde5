package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/recipes"
)

// Source is the text of a recipe and where it came from.
type Source struct {
	Name string // "channelpred/jakes"; of a file, its name without folder and suffix
	File string // what errors cite
	Text []byte
}

// Summary is what the comments at the head of an embedded recipe say.
type Summary struct {
	Name     string `json:"name"`
	About    string `json:"about"`          // what it does, after which paper
	Command  string `json:"command"`        // what runs it
	Measured string `json:"measured"`       // what came out
	From     string `json:"from,omitempty"` // the model that it goes on with, of another recipe
}

// Open finds a recipe by the name it has in the program, or by its path.
func Open(nameOrPath string) (*Source, error) {
	if slices.Contains(Names(), nameOrPath) {
		return embedded(nameOrPath), nil
	}
	text, err := readFile(nameOrPath)
	if err == nil {
		name := strings.TrimSuffix(filepath.Base(nameOrPath), filepath.Ext(nameOrPath))
		return &Source{Name: name, File: nameOrPath, Text: text}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(nameOrPath, err)
	}
	hint := "give a readable file of YAML, at most 64 KiB"
	return nil, &Error{File: nameOrPath, Why: "cannot read the recipe: " + reason(err), Hint: hint, Err: err}
}

func notFound(nameOrPath string, err error) error {
	if isPath(nameOrPath) {
		return &Error{Err: err, Why: fmt.Sprintf("there is no file %q", nameOrPath),
			Hint: "check the path, or use a recipe that comes with the program: " + strings.Join(Names(), ", ")}
	}
	return &Error{Err: err, Why: fmt.Sprintf("there is no recipe %q", nameOrPath), Hint: choices("recipes", nameOrPath, Names())}
}

// isPath tells a path from a misspelt name.
func isPath(s string) bool {
	ext := filepath.Ext(s)
	return ext == ".yaml" || ext == ".yml" || filepath.IsAbs(s) || strings.HasPrefix(s, ".")
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	return bounded.NewReader(f, maxBytes).All()
}

// reason is what failed without the path, which the caller has said.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func embedded(name string) *Source {
	file := name + ".yaml"
	text, err := recipes.Files.ReadFile(file)
	if err != nil {
		panic("run: an embedded recipe that was listed is not there: " + err.Error())
	}
	return &Source{Name: name, File: path.Join("recipes", file), Text: text}
}

// Names lists the embedded recipes in order.
func Names() []string {
	files, _ := fs.Glob(recipes.Files, "*/*.yaml") // fails on a bad pattern only
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".yaml")
	}
	return files
}

// List summarizes the embedded recipes in order.
func List() []Summary {
	var list []Summary
	for _, name := range Names() {
		list = append(list, summarize(name, string(embedded(name).Text)))
	}
	return list
}

var fromKey = regexp.MustCompile(`(?m)^from: *(\S+)`)

// summarize reads the head of a recipe: what it is, then "Run:", then "Measured:"; and
// what model it starts from.
func summarize(name, text string) Summary {
	s := Summary{Name: name}
	if m := fromKey.FindStringSubmatch(text); m != nil {
		s.From = m[1]
	}
	into := &s.About
	for line := range strings.Lines(text) {
		line, comment := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !comment {
			break
		}
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "Run:"); ok {
			into, line = &s.Command, strings.TrimSpace(rest)
		} else if rest, ok := strings.CutPrefix(line, "Measured:"); ok {
			into, line = &s.Measured, strings.TrimSpace(rest)
		}
		*into = strings.TrimSpace(*into + " " + line)
	}
	return s
}
