package run

import (
	"fmt"
	"iter"
	"path/filepath"

	"github.com/comlam/comlam/corpus"
)

// TrainedOn is every text that a model was trained on that a run has published, as
// RUN/models/NAME: documents and instructions, read or made again by the run's recipe.
// The error is [ErrNoRun] for a folder that is of no run of text.
func TrainedOn(model string) (iter.Seq2[corpus.Document, error], error) {
	model, err := filepath.Abs(model)
	if err != nil {
		return nil, err
	}
	models := filepath.Dir(model)
	if filepath.Base(models) != modelsFolder {
		return nil, fmt.Errorf("%w: %q is in no folder %s of a run", ErrNoRun, model, modelsFolder)
	}
	p, err := OpenRun("", filepath.Dir(models))
	if err != nil {
		return nil, err
	}
	recipes, err := p.recipes()
	if err != nil {
		return nil, err
	}
	for _, r := range recipes {
		if r.Text == nil {
			continue
		}
		j, err := newTextJob(r, newSession(p.Name, recipes, Options{}))
		if err != nil {
			return nil, err
		}
		return j.(*textJob).trainedOn(), nil
	}
	return nil, fmt.Errorf("%w: %q trained no language model", ErrNoRun, p.Dir)
}
