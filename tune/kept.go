package tune

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// Kept is an adapter with what it learned, as a folder holds it.
type Kept struct {
	Adapter nn.Adapter // LoRA, Prefix, Bottleneck or BitFit
	Weights nn.Weights // what it learned, and nothing of the base that it did not
	// Tokenizer and Base are the hashes of what it was trained with; "" where the
	// folder does not say.
	Tokenizer, Base string
	BaseName        string // where the base came from, for who reads the file
}

// The files of a folder, as PEFT calls them.
const (
	configFile  = "adapter_config.json"
	weightsFile = "adapter_model.safetensors"
)

// Keys of the metadata of the weights.
const (
	metaTokenizer = "comlam.tokenizer"
	metaBase      = "comlam.base"
)

// HashError says that an adapter was trained with something else.
type HashError struct {
	What       string // "tokenizer" or "base"
	Have, Want string // what there is, and what the adapter was trained with
}

func (e *HashError) Error() string {
	return fmt.Sprintf("the adapter was trained with another %s (%.12s, this is %.12s); its answers would be wrong without a sign of it", e.What, e.Want, e.Have)
}

// Check compares the hashes of what the adapter is to be used with. An adapter from
// elsewhere says nothing of them, and then there is nothing to compare.
func (k *Kept) Check(tokenizer, base string) error {
	switch {
	case k.Tokenizer != "" && tokenizer != "" && k.Tokenizer != tokenizer:
		return &HashError{"tokenizer and chat template", tokenizer, k.Tokenizer}
	case k.Base != "" && base != "" && k.Base != base:
		return &HashError{"base model", base, k.Base}
	}
	return nil
}

// BaseHash is the digest of weights in float32, whatever file they came from.
func BaseHash(w nn.Weights) (string, error) {
	tensors := make([]checkpoint.Tensor, len(w))
	for i, item := range w {
		var err error
		if tensors[i], err = checkpoint.FromFloat32s(item.Name, checkpoint.F32, item.Shape, item.Values); err != nil {
			return "", err
		}
	}
	return checkpoint.Digest(tensors), nil
}

// Keep takes out of weights what the adapter learned.
func Keep(a nn.Adapter, w nn.Weights) *Kept {
	k := &Kept{Adapter: a}
	for _, item := range w {
		if a.Trains(item.Name) {
			k.Weights = append(k.Weights, item)
		}
	}
	return k
}

// On is the base with what the adapter learned, to be run with it. The values are
// shared.
func (k *Kept) On(base nn.Weights) nn.Weights {
	all := slices.Clone(base)
	for _, item := range k.Weights {
		if have := all.Find(item.Name); have != nil {
			*have = item
		}
	}
	for _, item := range k.Weights {
		if base.Find(item.Name) == nil {
			all = append(all, item)
		}
	}
	return all.Sorted()
}

// Swap puts an adapter under a loaded model: whatever another one left in the store
// goes, the base's own weights become what they were, and those of the adapter come.
// Nil leaves the base alone. Programs made before are not to be run again.
func Swap(store *nn.Store, base nn.Weights, k *Kept) error {
	now, err := nn.Pull(store)
	if err != nil {
		return err
	}
	var back nn.Weights
	for _, item := range now {
		switch original := base.Find(item.Name); {
		case original == nil:
			if err := store.DeleteVariable("/" + item.Name); err != nil {
				return fmt.Errorf("take away %q: %w", item.Name, err)
			}
		case !slices.Equal(original.Values, item.Values):
			back = append(back, *original)
		}
	}
	if err := nn.Push(store, back); err != nil {
		return err
	}
	if k == nil {
		nn.SetAdapter(store, nil)
		return nil
	}
	nn.SetAdapter(store, k.Adapter)
	return nn.Push(store, k.Weights)
}

// Merged is the base with the adapter worked into its weights, to be run without one.
// Only LoRA, and biases that the base has itself, can be merged.
func (k *Kept) Merged(base nn.Weights) (nn.Weights, error) {
	switch a := k.Adapter.(type) {
	case LoRA:
		return a.Merge(k.On(base))
	case BitFit:
		if slices.ContainsFunc(k.Weights, func(w nn.Weight) bool { return strings.HasSuffix(w.Name, "/"+addedBias) }) {
			return nil, fmt.Errorf("merge BitFit: the base has no biases, so that the adapter's have no place in it; keep the adapter beside it")
		}
		return k.On(base).Clone(), nil
	}
	return nil, fmt.Errorf("merge: a %s is no change of weights; keep the adapter beside the base", methodOf(k.Adapter))
}

// Write writes the adapter as a folder that PEFT loads, if it is LoRA or a prefix; the
// other methods are written in the same manner.
func (k *Kept) Write(fsys durable.FS, dir string, m model.LM) error {
	l, err := LayoutOf(m)
	if err != nil {
		return err
	}
	config, tensors, err := encode(k, l, namesOf(m))
	if err != nil {
		return fmt.Errorf("write adapter: %w", err)
	}
	meta := map[string]string{"format": "pt"}
	for key, value := range map[string]string{metaTokenizer: k.Tokenizer, metaBase: k.Base} {
		if value != "" {
			meta[key] = value
		}
	}
	var file bytes.Buffer
	if err := checkpoint.Write(&file, tensors, meta); err != nil {
		return err
	}
	if err := durable.MkdirAll(fsys, dir); err != nil {
		return err
	}
	if err := durable.WriteFile(fsys, filepath.Join(dir, weightsFile), file.Bytes()); err != nil {
		return err
	}
	return durable.WriteFile(fsys, filepath.Join(dir, configFile), config)
}

// Read reads an adapter for a model from a folder that PEFT, or Write, wrote. What it
// would compute otherwise than the folder says is an error.
func Read(fsys durable.FS, dir string, m model.LM) (*Kept, error) {
	l, err := LayoutOf(m)
	if err != nil {
		return nil, err
	}
	text, err := durable.ReadFile(fsys, filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	raw, err := durable.ReadFile(fsys, filepath.Join(dir, weightsFile))
	if err != nil {
		return nil, err
	}
	f, err := checkpoint.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, weightsFile), err)
	}
	k, err := decode(text, f, l, namesOf(m))
	if err != nil {
		return nil, &FormatError{Dir: dir, Err: err}
	}
	meta := f.Metadata()
	k.Tokenizer, k.Base = meta[metaTokenizer], meta[metaBase]
	return k, nil
}

// FormatError says why the folder of an adapter cannot be used.
type FormatError struct {
	Dir string
	Err error
}

func (e *FormatError) Error() string { return fmt.Sprintf("adapter %q: %v", e.Dir, e.Err) }

func (e *FormatError) Unwrap() error { return e.Err }
