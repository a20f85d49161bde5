package checkpoint

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// mnistMap links the published model of three convolutions and two dense
// layers to variables in another layout: dense weights are transposed, and
// kernels have their channels last.
func mnistMap() Map {
	m := Map{
		{Published: "norm1.num_batches_tracked"}, {Published: "norm2.num_batches_tracked"},
	}
	add := func(published, variable string, axes []int) {
		m = append(m, Link{published + ".weight", variable + "/weights", axes}, Link{published + ".bias", variable + "/biases", nil})
	}
	toChannelsLast := []int{2, 3, 1, 0}
	add("conv1", "/conv_1", toChannelsLast)
	add("conv2", "/conv_2", toChannelsLast)
	add("conv3", "/conv_3", toChannelsLast)
	add("fc1", "/dense_1", Transposed)
	add("fc2", "/dense_2", Transposed)
	for _, n := range []string{"1", "2"} {
		add("norm"+n, "/norm_"+n, nil)
		m = append(m, Link{"norm" + n + ".running_mean", "/norm_" + n + "/mean", nil},
			Link{"norm" + n + ".running_var", "/norm_" + n + "/variance", nil})
	}
	return m
}

// shapesOf are the shapes of the variables that a map makes of a file.
func shapesOf(t *testing.T, m Map, f *File) map[string][]int {
	t.Helper()
	shapes := map[string][]int{}
	for _, l := range m {
		if l.Variable == "" {
			continue
		}
		h, ok := f.Head(l.Published)
		if !ok {
			t.Fatalf("no tensor %q", l.Published)
		}
		shape, err := permuteShape(h.Shape, l.Axes)
		if err != nil {
			t.Fatal(err)
		}
		shapes[l.Variable] = shape
	}
	return shapes
}

func mnist(t *testing.T) *File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata.Dir(t, "mnist_ckpt"), "mnist.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return open(t, data)
}

func TestPublishedModelLoadsAndSaves(t *testing.T) {
	f, m := mnist(t), mnistMap()
	shapes := shapesOf(t, m, f)
	vars := map[string][]float32{}
	err := m.Load(f, shapes, func(v string, values []float32) error { vars[v] = values; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := shapes["/conv_2/weights"]; !slices.Equal(got, []int{3, 3, 8, 16}) {
		t.Errorf("kernel of shape %d", got)
	}
	// One element followed by hand: out 5, in 3, row 2, column 1.
	published, err := f.Tensor("conv2.weight")
	if err != nil {
		t.Fatal(err)
	}
	values, err := published.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := vars["/conv_2/weights"][((2*3+1)*8+3)*16+5], values[((5*8+3)*3+2)*3+1]; got != want {
		t.Errorf("kernel element is %g, want %g", got, want)
	}

	var b bytes.Buffer
	err = m.Save(&b, F32, shapes, nil, func(v string) ([]float32, error) { return vars[v], nil })
	if err != nil {
		t.Fatal(err)
	}
	g := open(t, b.Bytes())
	for _, name := range g.Names() {
		want, err1 := f.Tensor(name)
		got, err2 := g.Tensor(name)
		if err1 != nil || err2 != nil || !slices.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("tensor %q does not come back: %v, %v", name, err1, err2)
		}
	}
	if len(g.Names()) != len(f.Names())-2 {
		t.Errorf("%d tensors come back", len(g.Names()))
	}
	if err := m.Load(g, shapes, func(string, []float32) error { return nil }); err != nil {
		t.Errorf("what was saved does not load: %v", err)
	}
}

func TestMapErrorListsAll(t *testing.T) {
	m := Map{
		{"a", "/a", nil}, {"b", "/b", Transposed}, {"gone", "/gone", nil}, {"c", "/c", nil}, {Published: "ignored"},
		{"d", "/not in the model", nil},
	}
	heads := []Head{{"a", F32, []int{2, 3}}, {"b", F32, []int{2, 3}}, {"c", F32, []int{4}}, {"d", F32, nil}, {"extra", F32, nil}}
	vars := map[string][]int{"/a": {2, 3}, "/b": {3, 2}, "/c": {5}, "/gone": {1}, "/forgotten": {1}}
	err := m.Check(heads, vars)
	var me *MapError
	if !errors.As(err, &me) {
		t.Fatalf("error %v", err)
	}
	if want := `weights do not match the model: the file lacks "gone"; the model does not know "extra"; ` +
		`nothing fills the variables "/forgotten"; the model has no variables "/not in the model"; ` +
		`shapes differ: "c" is [4], variable "/c" needs [5]`; err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	loaded := 0
	f := open(t, file("{}", 0))
	if err := m.Load(f, vars, func(string, []float32) error { loaded++; return nil }); err == nil || loaded > 0 {
		t.Errorf("%d variables set before the error %v", loaded, err)
	}
	many := Map{}
	for _, c := range "abcdefghijklmnop" {
		many = append(many, Link{string(c), "/" + string(c), nil})
	}
	if err := many.Check(nil, nil); err == nil || !strings.Contains(err.Error(), "and 8 more") {
		t.Errorf("error %v", err)
	}
}

func TestMapValidate(t *testing.T) {
	for _, c := range []struct {
		m    Map
		want string
	}{
		{Map{{"a", "/x", nil}, {"a", "/y", nil}}, `"a" is linked twice`},
		{Map{{"a", "/x", nil}, {"b", "/x", nil}}, `"/x" is linked twice`},
		{Map{{"", "/x", nil}}, "no published name"},
		{Map{{"a", "/x", []int{0, 2}}}, "not a permutation"},
		{Map{{"a", "/x", []int{0, 0}}}, "not a permutation"},
		{Map{{"a", "/x", []int{-1, 0}}}, "not a permutation"},
	} {
		if err := c.m.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v does not say %q", err, c.want)
		}
	}
	if err := (Map{{Published: "a"}, {Published: "b"}}).Validate(); err != nil {
		t.Errorf("two unused tensors: %v", err)
	}
	wrong := Map{{"a", "/x", []int{0, 1, 2}}}
	if err := wrong.Check([]Head{{"a", F32, []int{2}}}, map[string][]int{"/x": {2}}); err == nil {
		t.Error("three axes of a vector: no error")
	}
	get := func(string) ([]float32, error) { return nil, nil }
	if err := wrong.Save(&bytes.Buffer{}, F32, map[string][]int{"/x": {2}}, nil, get); err == nil {
		t.Error("save with three axes of a vector: no error")
	}
}

func TestPermuteAndBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		shape := make([]int, r.IntN(5))
		n := 1
		for i := range shape {
			shape[i] = r.IntN(4)
			n *= shape[i]
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = r.Float32()
		}
		axes := r.Perm(len(shape))
		there, to, err := Permute(values, shape, axes)
		if err != nil {
			t.Fatal(err)
		}
		back, from, err := Permute(there, to, inverse(axes))
		if err != nil || !slices.Equal(back, values) || !slices.Equal(from, shape) {
			t.Fatalf("shape %d axes %d: %v", shape, axes, err)
		}
	}
	got, shape, err := Permute([]float32{1, 2, 3, 4, 5, 6}, []int{2, 3}, Transposed)
	if err != nil || !slices.Equal(got, []float32{1, 4, 2, 5, 3, 6}) || !slices.Equal(shape, []int{3, 2}) {
		t.Errorf("%g of shape %d, %v", got, shape, err)
	}
	if _, _, err := Permute([]float32{1}, []int{2}, nil); err == nil {
		t.Error("one value of shape [2]: no error")
	}
}
