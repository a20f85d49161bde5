package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// loaded is a language model from disk, with an adapter or without.
type loaded struct {
	*infer.Folder
	dir     string
	adapter *tune.Kept // nil for none
}

// loadModel reads what a name stands for: a folder or file of a model, or a run that
// trained one, which is found by its name or folder. adapter may be empty.
func (a *app) loadModel(name, adapter string) (*loaded, error) {
	dir, err := modelDir(name)
	if err != nil {
		return nil, err
	}
	f, err := infer.Open(dir)
	if err != nil {
		return nil, err
	}
	l := &loaded{Folder: f, dir: dir}
	if adapter == "" {
		return l, nil
	}
	if l.adapter, err = tune.Read(durable.OS, adapter, f.Model); err != nil {
		return nil, err
	}
	var hash string
	if f.Tokenizer != nil {
		hash = f.Tokenizer.Hash()
	}
	base, err := tune.BaseHash(f.Weights)
	if err != nil {
		return nil, err
	}
	return l, l.adapter.Check(hash, base)
}

// modelDir finds the model. Of a run it is the one with the most training behind it.
func modelDir(name string) (string, error) {
	if info, err := os.Stat(name); err == nil && (!info.IsDir() || isModel(name)) {
		return name, nil
	}
	p, err := run.OpenRun(runsDir, name)
	if errors.Is(err, run.ErrNoRun) {
		return "", usagef("there is no model %q: neither a folder with a config.json, nor a run; list those with: comlam runs ls", name)
	}
	if err != nil {
		return "", err
	}
	list, err := p.Models()
	if err == nil && len(list) == 0 {
		err = usagef("the run %q has left no language model", name)
	}
	if err != nil {
		return "", err
	}
	return list[0], nil
}

func isModel(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "config.json"))
	return err == nil
}

// words is the tokenizer, without which no text can be put to the model.
func (l *loaded) words() (*tokenizer.Tokenizer, error) {
	if l.Tokenizer == nil {
		return nil, &infer.DataError{Path: l.dir, Err: errors.New("there is no tokenizer.json, and without one no text can be read; put that of the model there")}
	}
	return l.Tokenizer, nil
}

// start puts the model on an engine of all processors; stop gives that back.
func (l *loaded) start() (m *infer.Model, stop func(), err error) {
	engine, err := backend.OpenAll()
	if err != nil {
		return nil, nil, err
	}
	var adapter nn.Adapter
	w := l.Weights
	if l.adapter != nil {
		adapter, w = l.adapter.Adapter, l.adapter.On(w)
	}
	if m, err = infer.New(engine, l.Model, w, adapter, infer.Options{}); err != nil {
		engine.Finalize()
		return nil, nil, err
	}
	return m, engine.Finalize, nil
}
