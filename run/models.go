package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// furthest are the models that a run of text publishes, those with the most training
// behind them first.
var furthest = []string{"aligned", "full", "pretrained"}

// Models lists the folders of language models that a run published, the one with the
// most training behind it first.
func (p *Past) Models() ([]string, error) {
	dir := filepath.Join(p.Dir, modelsFolder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the models of a run: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "config.json")); err == nil {
			names = append(names, e.Name())
		}
	}
	place := func(name string) int {
		if i := slices.Index(furthest, name); i >= 0 {
			return i
		}
		return len(furthest)
	}
	slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, nil
}
