package infer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// numberNames are what config.json calls the number formats that weights are written in.
var numberNames = map[checkpoint.DType]string{checkpoint.F32: "float32", checkpoint.F16: "float16", checkpoint.BF16: "bfloat16"}

// Save writes the folder, the weights as F32, F16 or BF16. config.json comes last: a
// folder that has it is whole. What transformers needs to load the model is in it.
func (f *Folder) Save(fsys durable.FS, dir string, dtype checkpoint.DType) error {
	number, ok := numberNames[dtype]
	if !ok {
		return fmt.Errorf("weights are written as F32, F16 or BF16, not as %q", dtype)
	}
	if err := durable.MkdirAll(fsys, dir); err != nil {
		return err
	}
	if err := f.saveWeights(fsys, filepath.Join(dir, checkpoint.SingleName), dtype); err != nil {
		return err
	}
	files := map[string][]byte{}
	var err error
	if f.Tokenizer != nil {
		if files, err = f.Tokenizer.Files(); err != nil {
			return fmt.Errorf("the tokenizer: %w", err)
		}
	}
	if files[generationName], err = f.Generation.json(f.Tokenizer); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := durable.WriteFile(fsys, filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	text, err := f.configJSON(number)
	if err != nil {
		return err
	}
	return durable.WriteFile(fsys, filepath.Join(dir, configName), text)
}

// configJSON is the config.json of the folder.
func (f *Folder) configJSON(number string) ([]byte, error) {
	c := f.Config.Published()
	c["dtype"], c["torch_dtype"] = number, number // since transformers 5, and before
	c["bos_token_id"], c["eos_token_id"], c["pad_token_id"] = nil, nil, nil
	if f.Generation.BOS >= 0 {
		c["bos_token_id"] = f.Generation.BOS
	}
	switch e := f.Generation.EOS; len(e) {
	case 0:
	case 1:
		c["eos_token_id"] = e[0]
	default:
		c["eos_token_id"] = e
	}
	if f.Tokenizer != nil {
		if id, ok := f.Tokenizer.PAD(); ok {
			c["pad_token_id"] = id
		}
	}
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

func (f *Folder) saveWeights(fsys durable.FS, path string, dtype checkpoint.DType) error {
	shapes, byName := map[string][]int{}, map[string]*nn.Weight{}
	for i, w := range f.Weights {
		shapes[w.Name], byName[w.Name] = w.Shape, &f.Weights[i]
	}
	names := f.Model.Weights()
	if r, ok := f.Model.(model.Wrapped); ok {
		names = r.Modules()
	}
	metadata := map[string]string{"format": "pt"} // what transformers asks for
	if f.Tokenizer != nil {
		metadata[tokenizerKey] = f.Tokenizer.Hash()
	}
	file, err := durable.Create(fsys, path)
	if err != nil {
		return err
	}
	err = names.Save(file, dtype, shapes, metadata, func(name string) ([]float32, error) { return byName[name].Values, nil })
	if err != nil {
		return errors.Join(err, file.Abort())
	}
	return file.Commit()
}
