package run

import (
	"fmt"
	"path/filepath"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// modelsFolder is where a run publishes models.
const modelsFolder = "models"

// publish writes what was made as folders that comlam chat, and others, load: models as
// Hugging Face keeps them, adapters as PEFT does.
func (j *textJob) publish(m *languageModel, base nn.Weights, tuned []instructed, last *aligned) error {
	if err := j.publishModel("pretrained", m, base); err != nil {
		return err
	}
	if last != nil {
		if err := j.publishModel("aligned", m, last.weights); err != nil {
			return err
		}
	}
	hash, err := tune.BaseHash(base)
	if err != nil {
		return err
	}
	for _, t := range tuned {
		switch {
		case t.Way == tune.WayFull:
			if err := j.publishModel(string(t.Way), m, t.weights); err != nil {
				return err
			}
			continue
		case t.adapter == nil: // nothing that it learned was better than the base
			continue
		}
		k := tune.Keep(t.adapter, t.weights)
		k.Tokenizer, k.Base, k.BaseName = m.tok.Hash(), hash, "pretrained"
		if err := k.Write(j.fsys, filepath.Join(j.dir, "adapters", string(t.Way)), m.lm); err != nil {
			return err
		}
	}
	return nil
}

func (j *textJob) publishModel(name string, m *languageModel, w nn.Weights) error {
	c, ok := j.r.forVocabulary(m.tok.Size()).(model.Portable)
	if !ok {
		return fmt.Errorf("a model of family %q cannot be written for others to read", j.r.ModelName)
	}
	f := &infer.Folder{Config: c, Model: m.lm, Weights: w, Tokenizer: m.tok}
	begin, end, err := ends(m.tok)
	if err != nil {
		return err
	}
	f.Generation = infer.Generation{BOS: begin, EOS: []int32{end}}
	if turn, ok := m.tok.ID(tokenizer.EndOfTurn); ok {
		f.Generation.EOS = append(f.Generation.EOS, turn)
	}
	return f.Save(j.fsys, filepath.Join(j.dir, modelsFolder, name), checkpoint.F32)
}
