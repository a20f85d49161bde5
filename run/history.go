package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/train"
)

// Past is a run directory as an earlier run left it.
type Past struct {
	Dir string `json:"dir"`
	Info
}

// maxInfoBytes is the largest run.json or result.json that is read.
const maxInfoBytes = 16 << 20

// ErrNoRun says that a folder holds no run.
var ErrNoRun = errors.New("there is no such run")

// Runs lists the run directories in a folder, newest first. A folder that is not
// there holds none. A run whose run.json cannot be read is listed as damaged.
func Runs(dir string) ([]Past, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var list []Past
	for _, e := range entries {
		p, err := OpenRun(dir, e.Name())
		if errors.Is(err, ErrNoRun) {
			continue
		}
		if err != nil {
			p = &Past{filepath.Join(dir, e.Name()), Info{Name: e.Name(), Status: "damaged", Error: err.Error()}}
		}
		list = append(list, *p)
	}
	slices.SortStableFunc(list, func(a, b Past) int { return strings.Compare(b.Created, a.Created) })
	return list, nil
}

// OpenRun reads what is known of the run that has a name in a folder of runs, or
// whose directory is given. A run that says it is running, but that no process
// holds, was killed.
func OpenRun(dir, nameOrPath string) (*Past, error) {
	p := &Past{Dir: filepath.Join(dir, nameOrPath)}
	if strings.ContainsRune(nameOrPath, filepath.Separator) {
		p.Dir = filepath.Clean(nameOrPath)
	}
	err := readJSON(filepath.Join(p.Dir, "run.json"), &p.Info)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
		return nil, fmt.Errorf("%w: %q", ErrNoRun, p.Dir)
	}
	if err != nil {
		return nil, err
	}
	if p.Status == "running" && !locked(filepath.Join(p.Dir, "lock")) {
		p.Status = "killed"
	}
	return p, nil
}

// errNotFolder is what the system says of a path below a file.
var errNotFolder = errors.New("not a directory")

// locked tells whether a process holds the lock at path.
func locked(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock, err := durable.OS.Lock(path)
	if err != nil {
		return errors.Is(err, durable.ErrLocked)
	}
	lock.Close()
	return false
}

// readJSON reads a small file of one JSON value.
func readJSON(path string, v any) error {
	if info, err := os.Stat(filepath.Dir(path)); err == nil && !info.IsDir() {
		return errNotFolder
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := bounded.NewReader(f, maxInfoBytes).All()
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("read %q: %w; the file is damaged: run its recipe again", path, err)
	}
	return nil
}

// Outcome reads the result of a run that is done; its error is fs.ErrNotExist
// while there is none.
func (p *Past) Outcome() (*Outcome, error) {
	var o Outcome
	if p.Status != "done" { // a result that is there is one of earlier settings
		return nil, fmt.Errorf("run %q is %s: %w", p.Dir, p.Status, fs.ErrNotExist)
	}
	if err := readJSON(filepath.Join(p.Dir, "result.json"), &o); err != nil {
		return nil, err
	}
	o.RunDir = p.Dir
	return &o, nil
}

// Curve is the history of one training stage.
type Curve struct {
	Name   string        `json:"name"`
	Points []train.Point `json:"points"`
}

// Curves reads the histories of the stages that trained, in order. While a run goes
// on, they are as long as training has come.
func (p *Past) Curves() ([]Curve, error) {
	files, err := filepath.Glob(filepath.Join(p.Dir, "stages", "*", "metrics.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("list stages of %q: %w", p.Dir, err)
	}
	var list []Curve
	for _, file := range files {
		stage := filepath.Base(filepath.Dir(file))
		if len(p.Stages) > 0 && !slices.Contains(p.Stages, stage) {
			continue // of settings that the run had earlier
		}
		c := Curve{Name: stage}
		records, err := durable.ReadLog(durable.OS, file)
		if err != nil {
			return nil, err
		}
		c.Points = make([]train.Point, len(records))
		for i, r := range records {
			if err := json.Unmarshal(r, &c.Points[i]); err != nil {
				return nil, fmt.Errorf("read %q, line %d: %w", file, i+1, err)
			}
		}
		if len(c.Points) > 0 {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b Curve) int { return slices.Index(p.Stages, a.Name) - slices.Index(p.Stages, b.Name) })
	return list, nil
}

// Resume goes on with the run where it was, with the settings it has. o.Dir is that
// of the run.
func (p *Past) Resume(ctx context.Context, o Options) (*Outcome, error) {
	o.Dir = filepath.Dir(p.Dir)
	recipes, err := p.recipes()
	if err != nil {
		return nil, err
	}
	if len(recipes) > 1 {
		_, o.Short = p.demo()
		return executeDemo(ctx, recipes, o)
	}
	o.Name = p.Name
	return Execute(ctx, recipes[0], o)
}

// demo says whether the run is the demo, and whether in its short form.
func (p *Past) demo() (is, short bool) {
	for _, short := range []bool{false, true} {
		if p.Recipe == demoRecipes[0]+demoSuffix(short) && p.Name == "demo"+demoSuffix(short) {
			return true, short
		}
	}
	return false, false
}

// recipes reads the recipes as the run has them: those of the program, and the
// seed, may be others by now.
func (p *Past) recipes() ([]*Recipe, error) {
	names := []string{p.Recipe}
	if is, short := p.demo(); is {
		names = nil
		for _, name := range demoRecipes {
			names = append(names, name+demoSuffix(short))
		}
	}
	var list []*Recipe
	for i, name := range names {
		r, err := p.recipe(i, len(names), name)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// recipe reads the i-th recipe of n that the run was made by.
func (p *Past) recipe(i, n int, name string) (*Recipe, error) {
	s, err := Open(filepath.Join(p.Dir, recipeFile(i, n)))
	if err != nil {
		return nil, err
	}
	s.Name = name
	return s.Parse(nil)
}
