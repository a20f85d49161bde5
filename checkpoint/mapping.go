package checkpoint

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// Link ties a tensor of a published model to a variable of ours.
type Link struct {
	// Published is the tensor's name in the file.
	Published string
	// Variable is the full name of our variable. Empty: the tensor is known and
	// not used, such as a counter of training batches.
	Variable string
	// Axes reorders: axis i of our variable is axis Axes[i] of the published
	// tensor. nil keeps the order; [Transposed] swaps the axes of a matrix.
	Axes []int
}

// Transposed is the Axes of a matrix published as its transpose, as PyTorch
// stores the weight of a dense layer: [out in].
var Transposed = []int{1, 0}

// Map lists the tensors of a published model, one link each.
type Map []Link

// Validate checks that names are there, that no published tensor and no
// variable occurs twice, and that Axes are permutations.
func (m Map) Validate() error {
	published, variables := map[string]bool{}, map[string]bool{}
	for i, l := range m {
		switch {
		case l.Published == "":
			return fmt.Errorf("link %d to variable %q has no published name", i, l.Variable)
		case published[l.Published]:
			return fmt.Errorf("published tensor %q is linked twice", l.Published)
		case l.Variable != "" && variables[l.Variable]:
			return fmt.Errorf("variable %q is linked twice", l.Variable)
		case !isPermutation(l.Axes):
			return fmt.Errorf("published tensor %q: axes %d are not a permutation", l.Published, l.Axes)
		}
		published[l.Published] = true
		variables[l.Variable] = true
	}
	return nil
}

func isPermutation(axes []int) bool {
	for i, a := range slices.Sorted(slices.Values(axes)) {
		if i != a {
			return false
		}
	}
	return true
}

// MapError lists everything that keeps a published file and a model's
// variables from matching.
type MapError struct {
	Missing    []string // the map's tensors that the file lacks
	Unexpected []string // the file's tensors that the map does not know
	Unlinked   []string // variables that no link fills
	Unknown    []string // variables of the map that the model lacks
	WrongShape []string // one sentence each
}

func (e *MapError) Error() string {
	var parts []string
	add := func(what string, items []string) {
		if len(items) > 0 {
			parts = append(parts, what+" "+few(items))
		}
	}
	add("the file lacks", e.Missing)
	add("the model does not know", e.Unexpected)
	add("nothing fills the variables", e.Unlinked)
	add("the model has no variables", e.Unknown)
	add("shapes differ:", e.WrongShape)
	return "weights do not match the model: " + strings.Join(parts, "; ")
}

// few lists enough names to see a pattern.
func few(items []string) string {
	const most = 8
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}

// Check compares the map with the tensors of a file and with the shapes of the
// model's variables, both ways. It returns a *[MapError] that lists all that
// does not match.
func (m Map) Check(heads []Head, variables map[string][]int) error {
	if err := m.Validate(); err != nil {
		return err
	}
	inFile := map[string]Head{}
	for _, h := range heads {
		inFile[h.Name] = h
	}
	var e MapError
	known, linked := map[string]bool{}, map[string]bool{}
	for _, l := range m {
		known[l.Published], linked[l.Variable] = true, true
		head, there := inFile[l.Published]
		shape, wanted := variables[l.Variable]
		switch {
		case l.Variable == "": // may be there or not
		case !wanted:
			e.Unknown = append(e.Unknown, fmt.Sprintf("%q", l.Variable))
		case !there:
			e.Missing = append(e.Missing, fmt.Sprintf("%q", l.Published))
		default:
			e.addShape(l, head.Shape, shape)
		}
	}
	e.Unexpected = notIn(known, slices.Collect(maps.Keys(inFile)))
	e.Unlinked = notIn(linked, slices.Collect(maps.Keys(variables)))
	if len(e.Missing)+len(e.Unexpected)+len(e.Unlinked)+len(e.Unknown)+len(e.WrongShape) > 0 {
		return &e
	}
	return nil
}

func (e *MapError) addShape(l Link, published, want []int) {
	got, err := permuteShape(published, l.Axes)
	if err == nil && slices.Equal(got, want) {
		return
	}
	s := fmt.Sprintf("%q is %d, variable %q needs %d", l.Published, published, l.Variable, want)
	if l.Axes != nil {
		s += fmt.Sprintf(" with axes %d", l.Axes)
	}
	e.WrongShape = append(e.WrongShape, s)
}

func notIn(set map[string]bool, names []string) []string {
	var out []string
	for _, n := range slices.Sorted(slices.Values(names)) {
		if !set[n] {
			out = append(out, fmt.Sprintf("%q", n))
		}
	}
	return out
}

// Load checks the whole map first and then gives set the values of one variable
// after the other, in the order of the map. variables holds the shapes.
func (m Map) Load(f Source, variables map[string][]int, set func(variable string, values []float32) error) error {
	if err := m.Check(f.Heads(), variables); err != nil {
		return err
	}
	for _, l := range m {
		if l.Variable == "" {
			continue
		}
		t, err := f.Tensor(l.Published)
		if err != nil {
			return err
		}
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		if l.Axes != nil {
			if values, _, err = Permute(values, t.Shape, l.Axes); err != nil {
				return fmt.Errorf("tensor %q: %w", l.Published, err)
			}
		}
		if err := set(l.Variable, values); err != nil {
			return fmt.Errorf("variable %q: %w", l.Variable, err)
		}
	}
	return nil
}

// Save writes the variables under their published names, as type dtype (F32,
// F64, F16 or BF16), so that Load and other programs read them back. get is
// asked for one variable at a time.
func (m Map) Save(w io.Writer, dtype DType, variables map[string][]int, metadata map[string]string, get func(variable string) ([]float32, error)) error {
	heads, links, err := m.heads(dtype, variables)
	if err != nil {
		return err
	}
	return WriteEach(w, heads, metadata, func(h Head) ([]byte, error) {
		l := links[h.Name]
		values, err := get(l.Variable)
		if err != nil {
			return nil, err
		}
		if l.Axes != nil {
			if values, _, err = Permute(values, variables[l.Variable], inverse(l.Axes)); err != nil {
				return nil, err
			}
		}
		t, err := FromFloat32s(h.Name, h.DType, h.Shape, values)
		return t.Data, err
	})
}

// heads describes the file that Save writes.
func (m Map) heads(dtype DType, variables map[string][]int) ([]Head, map[string]Link, error) {
	var heads []Head
	links := map[string]Link{}
	for _, l := range m {
		if l.Variable == "" {
			continue
		}
		shape, err := permuteShape(variables[l.Variable], inverse(l.Axes))
		if err != nil {
			return nil, nil, fmt.Errorf("variable %q: %w", l.Variable, err)
		}
		heads = append(heads, Head{Name: l.Published, DType: dtype, Shape: shape})
		links[l.Published] = l
	}
	return heads, links, m.Check(heads, variables)
}

// inverse undoes a permutation that Validate accepts.
func inverse(axes []int) []int {
	if axes == nil || !isPermutation(axes) {
		return axes
	}
	out := make([]int, len(axes))
	for i, a := range axes {
		out[a] = i
	}
	return out
}

func permuteShape(shape, axes []int) ([]int, error) {
	if axes == nil {
		return shape, nil
	}
	if len(axes) != len(shape) || !isPermutation(axes) {
		return nil, fmt.Errorf("axes %d do not permute shape %d", axes, shape)
	}
	out := make([]int, len(shape))
	for i, a := range axes {
		out[i] = shape[a]
	}
	return out, nil
}

// Permute reorders the axes of row-major values: axis i of the result is axis
// axes[i] of values. It returns the new values and their shape.
func Permute(values []float32, shape, axes []int) ([]float32, []int, error) {
	to, err := permuteShape(shape, axes)
	if err != nil {
		return nil, nil, err
	}
	n, err := bounded.Product(shape)
	if err != nil {
		return nil, nil, err
	}
	if n != int64(len(values)) {
		return nil, nil, fmt.Errorf("%d values, shape %d takes %d", len(values), shape, n)
	}
	if axes == nil {
		return slices.Clone(values), slices.Clone(to), nil
	}
	strides := make([]int, len(shape)) // in values, for a step along each axis of the result
	for i, a := range axes {
		strides[i] = 1
		for _, d := range shape[a+1:] {
			strides[i] *= d
		}
	}
	out := make([]float32, 0, len(values))
	return appendAxis(out, values, to, strides, 0), to, nil
}

// appendAxis appends the values at offset from and all that the axes reach.
func appendAxis(out, values []float32, shape, strides []int, from int) []float32 {
	if len(shape) == 0 {
		return append(out, values[from])
	}
	for i := range shape[0] {
		out = appendAxis(out, values, shape[1:], strides[1:], from+i*strides[0])
	}
	return out
}

// near suggests the name that somebody may have meant.
func near(name string, names []string) string {
	for _, n := range names {
		if strings.EqualFold(n, name) || strings.HasSuffix(n, "."+name) || strings.HasSuffix(name, "."+n) {
			return fmt.Sprintf("; there is %q", n)
		}
	}
	return fmt.Sprintf("; it has %d others", len(names))
}
