package infer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/model"
	models "github.com/comlam/comlam/model/all"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
)

// Folder is a language model with what belongs to it, as Hugging Face keeps it:
// config.json, model.safetensors (or several files with an index), tokenizer.json,
// tokenizer_config.json, generation_config.json.
type Folder struct {
	Config     model.Portable
	Model      model.LM
	Weights    nn.Weights
	Tokenizer  *tokenizer.Tokenizer // nil for a folder without one
	Generation Generation
}

// Names of files in a folder; those of weights are package checkpoint's.
const (
	configName     = "config.json"
	tokenizerName  = "tokenizer.json"
	generationName = "generation_config.json"
)

// tokenizerKey is the metadata of the weights that says with which tokenizer and chat
// template they were trained.
const tokenizerKey = "comlam.tokenizer"

// maxConfig is how long a configuration may be.
const maxConfig = 1 << 20

// DataError says what is wrong with a folder or file of a model.
type DataError struct {
	Path string
	Err  error
}

func (e *DataError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *DataError) Unwrap() error { return e.Err }

// Open reads a model from a folder, or from a file of llama2.c. The family is that of
// config.json's model_type. Tensors that the model does not know or that are not there,
// and a tokenizer that is not the one that the weights were trained with, are errors.
func Open(path string) (*Folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f, err := openFile(path, info)
	if info.IsDir() {
		f, err = openFolder(path)
	}
	var pe *fs.PathError // names its file itself
	if err != nil && !errors.As(err, &pe) {
		err = &DataError{path, err}
	}
	return f, err
}

// openFile reads what llama2.c wrote.
func openFile(path string, info fs.FileInfo) (*Folder, error) {
	if info.IsDir() {
		return nil, nil
	}
	if !strings.HasSuffix(path, ".bin") {
		return nil, errors.New("neither a folder of Hugging Face nor a .bin file of llama2.c; give one of these")
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c, w, err := llama.ReadLlama2C(r, info.Size())
	if err != nil {
		return nil, err
	}
	m, err := c.Build()
	if err != nil {
		return nil, err
	}
	return &Folder{Config: c, Model: m.(model.LM), Weights: w, Generation: Generation{BOS: 1, EOS: []int32{2}}}, nil
}

func openFolder(dir string) (*Folder, error) {
	f := &Folder{}
	text, err := readSmall(filepath.Join(dir, configName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s, so this is no folder of a model: %w", configName, err)
	}
	if err != nil {
		return nil, err
	}
	if f.Config, err = family(text); err != nil {
		return nil, err
	}
	m, err := f.Config.Build()
	if err != nil {
		return nil, err
	}
	f.Model = m.(model.LM)
	if _, err := os.Stat(filepath.Join(dir, tokenizerName)); err == nil {
		if f.Tokenizer, err = tokenizer.Load(dir); err != nil {
			return nil, err
		}
		if n, size := f.Tokenizer.Size(), f.Model.VocabSize(); n > size {
			return nil, fmt.Errorf("the tokenizer has %d tokens, and the model knows %d; they do not belong together", n, size)
		}
	}
	if f.Generation, err = readGeneration(dir, text, f.Tokenizer); err != nil {
		return nil, err
	}
	f.Weights, err = f.readWeights(dir)
	return f, err
}

// readSmall reads a file within the limit of a configuration.
func readSmall(path string) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return bounded.NewReader(r, maxConfig).All()
}

// family finds the family of a config.json, and takes over what the file says.
func family(text []byte) (model.Portable, error) {
	var kind struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, fmt.Errorf("%s: %w", configName, err)
	}
	var names []string
	for _, e := range models.Entries {
		c, ok := e.New().(model.Portable)
		if !ok {
			continue
		}
		if e.Name == kind.ModelType {
			return c, c.ReadJSON(text)
		}
		names = append(names, e.Name)
	}
	return nil, fmt.Errorf("%s: model_type %q is not a family that is read here; there are: %s", configName, kind.ModelType, strings.Join(names, ", "))
}

// readWeights reads the tensors of a folder.
func (f *Folder) readWeights(dir string) (nn.Weights, error) {
	files, err := checkpoint.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	if want := files.Metadata()[tokenizerKey]; want != "" && (f.Tokenizer == nil || f.Tokenizer.Hash() != want) {
		return nil, fmt.Errorf("the weights were trained with the tokenizer and chat template %.12s, and the folder holds another; put its tokenizer.json and tokenizer_config.json back", want)
	}
	shapes, err := variables(f.Model)
	if err != nil {
		return nil, err
	}
	names := f.Model.Weights()
	if r, ok := f.Model.(model.Renamed); ok {
		names = r.WeightsIn(files.Heads())
	}
	var w nn.Weights
	err = names.Load(files, shapes, func(name string, values []float32) error {
		w = append(w, nn.Weight{Name: name, Shape: shapes[name], Values: values})
		return nil
	})
	return w.Sorted(), err
}

// variables are those of a model without an adapter, with their shapes.
func variables(m model.LM) (map[string][]int, error) {
	engine, err := backend.Open()
	if err != nil {
		return nil, err
	}
	defer engine.Finalize()
	return shapesOf(engine, m, nil)
}
