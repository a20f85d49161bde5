package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shard writes a file of tensors that each hold one number.
func shard(t testing.TB, path string, names ...string) {
	t.Helper()
	var list []Tensor
	for i, n := range names {
		x, err := FromFloat32s(n, F32, []int{1}, []float32{float32(len(n) + i)})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	var b bytes.Buffer
	if err := Write(&b, list, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestFolder: one file and several are read alike.
func TestFolder(t *testing.T) {
	one, several := t.TempDir(), t.TempDir()
	shard(t, filepath.Join(one, SingleName), "a", "bb", "ccc")
	shard(t, filepath.Join(several, "model-00001-of-00002.safetensors"), "a", "bb")
	shard(t, filepath.Join(several, "model-00002-of-00002.safetensors"), "ccc")
	index := `{"metadata":{"total_size":12},"weight_map":{"a":"model-00001-of-00002.safetensors",
		"bb":"model-00001-of-00002.safetensors","ccc":"model-00002-of-00002.safetensors"}}`
	if err := os.WriteFile(filepath.Join(several, IndexName), []byte(index), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{one, several} {
		f, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, h := range f.Heads() {
			names = append(names, h.Name)
			x, err := f.Tensor(h.Name)
			if err != nil || len(x.Data) != 4 {
				t.Errorf("%s: %v, %v", h.Name, x, err)
			}
		}
		if slices.Sort(names); !slices.Equal(names, []string{"a", "bb", "ccc"}) {
			t.Errorf("tensors %q", names)
		}
		if _, err := f.Tensor("d"); err == nil {
			t.Error("a tensor that there is not was read")
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFolderErrors: what an index says and files hold must agree.
func TestFolderErrors(t *testing.T) {
	for want, index := range map[string]string{
		"holds neither model.safetensors nor":              "",
		"it names no tensors":                              `{}`,
		"unexpected end of JSON input":                     `{"weight_map":`,
		"which is not a safetensors file of the same":      `{"weight_map":{"a":"../x.safetensors"}}`,
		`tensor "a" is said to be in "x.bin"`:              `{"weight_map":{"a":"x.bin"}}`,
		`tensor "b" is in x.safetensors, and it is not`:    `{"weight_map":{"a":"x.safetensors","b":"x.safetensors"}}`,
		`holds tensor "a", which the index does not say`:   `{"weight_map":{"b":"x.safetensors"}}`,
		"y.safetensors: no such file":                      `{"weight_map":{"a":"y.safetensors"}}`,
		"cannot unmarshal number into Go struct field":     `{"weight_map":{"a":1}}`,
		"both model.safetensors and model.safetensors.ind": `{"weight_map":{"a":"x.safetensors"}}`,
	} {
		dir := t.TempDir()
		shard(t, filepath.Join(dir, "x.safetensors"), "a")
		if strings.HasPrefix(want, "both") {
			shard(t, filepath.Join(dir, SingleName), "a")
		}
		if index != "" {
			if err := os.WriteFile(filepath.Join(dir, IndexName), []byte(index), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzIndex: an index never leads out of its folder.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"..\\x.safetensors"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		place, err := parseIndex(bytes.NewReader(text))
		if err != nil {
			return
		}
		for tensor, name := range place {
			if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
				t.Errorf("tensor %q in %q", tensor, name)
			}
		}
	})
}
