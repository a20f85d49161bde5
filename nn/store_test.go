package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// TestInit: first values depend on seed and name only, not on the order in which
// the graph is built nor on what else is in it.
func TestInit(t *testing.T) {
	values := func(seed uint64, layers ...string) nn.Weights {
		store := nn.NewStore(seed)
		p := program(t, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
			var out []*nn.Node
			for _, l := range layers {
				out = append(out, nn.Dense(s.In("%s", l), in[0], 3))
			}
			return out
		})
		run(t, p, normal(1, 2, 4))
		return pull(t, store)
	}
	ab, ba, b, other := values(1, "a", "b"), values(1, "b", "a"), values(1, "b"), values(2, "b")
	for _, w := range ab {
		if !slices.Equal(w.Values, ba.Find(w.Name).Values) {
			t.Errorf("%s depends on the order", w.Name)
		}
	}
	get := func(w nn.Weights, name string) []float32 { return w.Find(name).Values }
	if !slices.Equal(get(ab, "b/weight"), get(b, "b/weight")) {
		t.Error("b depends on a")
	}
	if slices.Equal(get(ab, "a/weight"), get(ab, "b/weight")) || slices.Equal(get(b, "b/weight"), get(other, "b/weight")) {
		t.Error("neither name nor seed may give the same values")
	}
	limit := float32(math.Sqrt(6.0 / 7))
	for _, v := range get(ab, "a/weight") {
		if v < -limit || v > limit {
			t.Errorf("%g is outside of +-%g", v, limit)
		}
	}
	if !slices.Equal(get(ab, "a/bias"), []float32{0, 0, 0}) {
		t.Error("biases start at zero")
	}
}

func TestInits(t *testing.T) {
	var n, mean, square float64
	for _, v := range nn.Normal(0.5)(rng.New(1), []int{100, 100}) {
		n, mean, square = n+1, mean+float64(v), square+float64(v)*float64(v)
	}
	if n != 1e4 || math.Abs(mean/n) > 0.02 || math.Abs(square/n-0.25) > 0.01 {
		t.Errorf("normal: %g values of mean %g, power %g", n, mean/n, square/n)
	}
	if got := nn.Ones(nil, []int{2}); !slices.Equal(got, []float32{1, 1}) {
		t.Errorf("ones: %v", got)
	}
	table := nn.Table([]float32{1, 2, 3})
	if got := table(nil, []int{3}); !slices.Equal(got, []float32{1, 2, 3}) {
		t.Errorf("table: %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a table of three values filled four")
		}
	}()
	table(nil, []int{4})
}

// TestPushPull: weights come back to the bit, into a store that has them, one that
// does not and one whose graph is built; a graph sees them at once; another shape
// is refused.
func TestPushPull(t *testing.T) {
	layer := func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{nn.Dense(s.In("deep").In("a"), in[0], 3)}
	}
	x := normal(1, 2, 4)
	first := nn.NewStore(1)
	p := program(t, first, layer)
	want := run(t, p, x)[0].Float32
	w := pull(t, first)
	if len(w) != 2 || w[0].Name != "deep/a/bias" || w[1].Name != "deep/a/weight" || w.NumParameters() != 15 || w.Find("deep") != nil {
		t.Fatalf("pulled %v", w)
	}

	second := nn.NewStore(2)
	if err := nn.Push(second, w); err != nil {
		t.Fatal(err)
	}
	if got := run(t, program(t, second, layer), x)[0].Float32; !slices.Equal(got, want) {
		t.Error("an empty store: other outputs")
	}
	third := nn.NewStore(3)
	q := program(t, third, layer)
	run(t, q, x)
	if err := nn.Push(third, w); err != nil {
		t.Fatal(err)
	}
	if got := run(t, q, x)[0].Float32; !slices.Equal(got, want) {
		t.Error("a built graph: other outputs")
	}

	copied := w.Clone()
	copied[1].Values[0]++
	if w[1].Values[0] == copied[1].Values[0] {
		t.Error("a clone shares its values")
	}
	if !slices.Equal(run(t, q, x)[0].Float32, want) {
		t.Error("the store shares its values with what was pushed")
	}
	err := nn.Push(third, nn.Weights{{Name: "deep/a/bias", Shape: []int{4}, Values: make([]float32, 4)}})
	if err == nil || !strings.Contains(err.Error(), `variable "deep/a/bias": its shape is [3], not [4]`) {
		t.Errorf("another shape: %v", err)
	}
	for _, store := range []*nn.Store{third, nn.NewStore(4)} {
		err := nn.Push(store, nn.Weights{{Name: "deep/a/bias", Shape: []int{3}, Values: make([]float32, 2)}})
		if err == nil || !strings.Contains(err.Error(), "2 values, shape [3] takes 3") {
			t.Errorf("too few values: %v", err)
		}
	}
}

// doubling is an adapter that knows where it is.
type doubling struct{ only string }

func (doubling) Trains(name string) bool { return strings.HasSuffix(name, "/factor") }

func (d doubling) Dense(s *nn.Scope, x, y *nn.Node) *nn.Node {
	if !strings.HasSuffix(s.Scope(), "/"+d.only) {
		return y
	}
	extra := nn.Variable(s, x.Graph(), "factor", nn.Ones, 1)
	return graph.Mul(y, graph.AddScalar(graph.ExpandLeftToRank(extra, y.Rank()), 1))
}

// TestAdapter: an adapter reaches every dense layer through the store, adds its
// variables below the layer, and goes when it is taken away.
func TestAdapter(t *testing.T) {
	layer := func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{nn.Dense(s.In("a"), in[0], 3), nn.Dense(s.In("b"), in[0], 3)}
	}
	x := normal(1, 2, 4)
	plain := run(t, program(t, nn.NewStore(1), layer), x)
	store := nn.NewStore(1)
	nn.SetAdapter(store, doubling{"b"})
	out := run(t, program(t, store, layer), x)
	if !slices.Equal(out[0].Float32, plain[0].Float32) {
		t.Error("the layer that is not adapted changed")
	}
	for i, v := range out[1].Float32 {
		if v != 2*plain[1].Float32[i] {
			t.Fatalf("value %d is %g, want twice %g", i, v, plain[1].Float32[i])
		}
	}
	if w := pull(t, store); w.Find("b/factor") == nil || w.Find("a/factor") != nil {
		t.Error("the adapter's variable is not below its layer")
	}
	store = nn.NewStore(1)
	nn.SetAdapter(store, doubling{"b"})
	nn.SetAdapter(store, nil)
	if out := run(t, program(t, store, layer), x); !slices.Equal(out[1].Float32, plain[1].Float32) {
		t.Error("the adapter is still there")
	}
}

// TestGradientsOfSome: only the variables that are accepted get a gradient, sorted
// by name.
func TestGradientsOfSome(t *testing.T) {
	var names []string
	p := program(t, nn.NewStore(1), func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		loss := graph.ReduceAllSum(nn.Dense(s.In("b"), nn.Dense(s.In("a"), in[0], 3), 2))
		var grads []*nn.Node
		names, grads = nn.Gradients(s, loss, func(name string) bool { return strings.HasSuffix(name, "/bias") })
		return grads
	})
	out := run(t, p, normal(1, 5, 4))
	if !slices.Equal(names, []string{"a/bias", "b/bias"}) || len(out) != 2 || !slices.Equal(out[1].Float32, []float32{5, 5}) {
		t.Errorf("gradients of %q: %v", names, out)
	}
}

// TestHeld: a program reads what is held where it lies, after it was written too.
func TestHeld(t *testing.T) {
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.NewProgram(engine, nn.NewStore(1), func(_ *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{graph.Add(in[0], in[1])}
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := nn.Hold(engine, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		out, err := p.RunHeld([]nn.Array{{Shape: []int{2, 2}, Float32: []float32{1, 2, 3, 4}}}, []*nn.Held{h})
		if err != nil {
			t.Fatal(err)
		}
		if want := []float32{1, 2, 3, 4 + 5*float32(step)}; !slices.Equal(out[0].Float32, want) {
			t.Errorf("step %d: %v, want %v", step, out[0].Float32, want)
		}
		if err := h.Access(func(v []float32) { v[3] += 5 }); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Free(); err != nil {
		t.Error(err)
	}
}

// TestShapes: the variables of a graph without their values, and a mistake in the graph
// is an error.
func TestShapes(t *testing.T) {
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	layer := func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		x := nn.Embed(nn.Variable(s, in[0].Graph(), "table", nn.Zeros, 1<<20, 1<<20), in[0])
		return []*nn.Node{nn.Linear(s.In("deep"), x, 3)}
	}
	got, err := nn.Shapes(engine, layer, []int{2, 5})
	if err != nil || len(got) != 2 || !slices.Equal(got["table"], []int{1 << 20, 1 << 20}) || !slices.Equal(got["deep/weight"], []int{1 << 20, 3}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := nn.Shapes(engine, layer); err == nil {
		t.Error("a graph without its input was built")
	}
}
