package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// Source is where tensors come from: a [File], or the files of a [Folder].
type Source interface {
	Heads() []Head
	Tensor(name string) (Tensor, error)
}

// Folder is the weights of a model as Hugging Face keeps them: one file
// model.safetensors, or several that an index names.
type Folder struct {
	files  []*os.File
	heads  []Head
	holder map[string]*File // by tensor
}

// The names of these files, and how long an index may be.
const (
	SingleName = "model.safetensors"
	IndexName  = "model.safetensors.index.json"
	maxIndex   = 64 << 20
)

// OpenFolder opens the weights in a folder. The headers of all files are checked, and
// that each tensor lies in the file that the index says, and no other is there.
func OpenFolder(dir string) (*Folder, error) {
	f := &Folder{holder: map[string]*File{}}
	place, names, err := readIndex(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := f.add(dir, name, place); err != nil {
			f.Close()
			return nil, err
		}
	}
	for _, tensor := range slices.Sorted(maps.Keys(place)) {
		if f.holder[tensor] == nil {
			f.Close()
			return nil, fmt.Errorf("%s: the index says that tensor %q is in %s, and it is not; fetch the folder again", dir, tensor, place[tensor])
		}
	}
	return f, nil
}

// readIndex lists the files of a folder and says in which each tensor lies; without an
// index there is one file, and place is nil.
func readIndex(dir string) (place map[string]string, names []string, err error) {
	path := filepath.Join(dir, IndexName)
	r, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, []string{SingleName}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if place, err = parseIndex(r); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := os.Stat(filepath.Join(dir, SingleName)); err == nil {
		return nil, nil, fmt.Errorf("%s: there are both %s and %s; remove the one that is not meant", dir, SingleName, IndexName)
	}
	names = slices.Compact(slices.Sorted(maps.Values(place)))
	return place, names, nil
}

// parseIndex reads the index of a folder.
func parseIndex(r io.Reader) (map[string]string, error) {
	text, err := bounded.NewReader(r, maxIndex).All()
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	if len(index.WeightMap) == 0 {
		return nil, errors.New("it names no tensors under weight_map")
	}
	for tensor, name := range index.WeightMap {
		if name != filepath.Base(name) || !strings.HasSuffix(name, ".safetensors") || strings.ContainsAny(name, `/\`) {
			return nil, fmt.Errorf("tensor %.100q is said to be in %.100q, which is not a safetensors file of the same folder", tensor, name)
		}
	}
	return index.WeightMap, nil
}

// add opens one file. place is nil where there is no index.
func (f *Folder) add(dir, name string, place map[string]string) error {
	path := filepath.Join(dir, name)
	r, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && place == nil {
		return fmt.Errorf("%s holds neither %s nor %s: %w", dir, SingleName, IndexName, err)
	}
	if err != nil {
		return err
	}
	f.files = append(f.files, r)
	info, err := r.Stat()
	if err != nil {
		return err
	}
	file, err := Open(r, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, h := range file.Heads() {
		if place != nil && place[h.Name] != name {
			return fmt.Errorf("%s holds tensor %q, which the index does not say; fetch the folder again", path, h.Name)
		}
		f.heads, f.holder[h.Name] = append(f.heads, h), file
	}
	return nil
}

// Heads describes all tensors, file by file.
func (f *Folder) Heads() []Head { return slices.Clone(f.heads) }

// Tensor reads a tensor. The data is the caller's.
func (f *Folder) Tensor(name string) (Tensor, error) {
	file := f.holder[name]
	if file == nil {
		return Tensor{}, fmt.Errorf("no tensor %q in the folder%s", name, near(name, slices.Sorted(maps.Keys(f.holder))))
	}
	return file.Tensor(name)
}

// Close closes the files.
func (f *Folder) Close() error {
	var err error
	for _, r := range f.files {
		err = errors.Join(err, r.Close())
	}
	return err
}

// Metadata is the free-form text of all files together; nil if they have none.
func (f *Folder) Metadata() map[string]string {
	var all map[string]string
	for _, file := range f.holder {
		for k, v := range file.Metadata() {
			if all == nil {
				all = map[string]string{}
			}
			all[k] = v
		}
	}
	return all
}
