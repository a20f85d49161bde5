package channelpred

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// oneLayer is a masked model of one dense layer, from the visible patches of four
// slots to the whole sample, so that its predictions can be computed by hand.
type oneLayer struct{}

func (oneLayer) Weights() checkpoint.Map { return nil }

func (oneLayer) Patches(g model.Grid) ([3]int, error) {
	if g.NumSlots%4 != 0 {
		return [3]int{}, fmt.Errorf("one layer: %d slots do not divide into patches of 4", g.NumSlots)
	}
	return [3]int{g.NumSlots / 4, 1, 1}, nil
}

func (oneLayer) Reconstruct(s *nn.Scope, x, visible *nn.Node) *nn.Node {
	dims := x.Shape().Dimensions
	seen := nn.Pick(graph.Reshape(x, dims[0], dims[1]/4, -1), visible)
	y := nn.Dense(s.In("layer"), graph.Reshape(seen, dims[0], -1), x.Shape().Size()/dims[0])
	return graph.Reshape(y, dims...)
}

// learnedGrid is 20 slots, 2 subcarriers, 3 antennas.
var learnedGrid = model.Grid{NumSlots: 20, NumSubcarriers: 2, NumAnt: 3}

// newOneLayer is a Learned with random weights, and the weights.
func newOneLayer(t *testing.T) (*Learned, nn.Weights) {
	t.Helper()
	const in, out = 16 * 6 * 2, 20 * 6 * 2
	r := rng.New(7)
	w := nn.Weights{
		{Name: "layer/bias", Shape: []int{out}, Values: make([]float32, out)},
		{Name: "layer/weight", Shape: []int{in, out}, Values: make([]float32, in*out)},
	}
	for _, item := range w {
		for i := range item.Values {
			item.Values[i] = float32(real(r.ComplexNormal()))
		}
	}
	l, err := NewLearned(oneLayer{}, Default(), learnedGrid, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l, w
}

// someExamples are of a channel with the size of learnedGrid.
func someExamples(t *testing.T, num int) []Example {
	t.Helper()
	set, err := testBench(t, Default(), jakesData(2, 3)).Set(data.Test, setting.KMH(60), num)
	if err != nil {
		t.Fatal(err)
	}
	list, err := set.Examples(0, num)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The graph runs on real and imaginary parts, slot by slot: what comes out must be
// the future of the same example.
func TestLearnedComputesWhatTheModelSays(t *testing.T) {
	l, w := newOneLayer(t)
	examples := someExamples(t, 3)
	bias, weight := w.Find("layer/bias").Values, w.Find("layer/weight").Values
	for i, got := range predict(t, l, examples) {
		for k, v := range got {
			var want [2]float64
			for part := range want {
				column := 2*(16*6+k) + part
				want[part] = float64(bias[column])
				for j, p := range examples[i].Past {
					want[part] += float64(real(p))*float64(weight[2*j*len(bias)+column]) + float64(imag(p))*float64(weight[(2*j+1)*len(bias)+column])
				}
			}
			if math.Abs(float64(real(v))-want[0]) > 1e-3 || math.Abs(float64(imag(v))-want[1]) > 1e-3 {
				t.Fatalf("example %d, value %d: %v, want %v", i, k, v, want)
			}
		}
	}
}

// Neither the answer nor the generator's secrets reach a prediction, and it changes
// nothing that other methods see.
func TestLearnedSeesThePastOnly(t *testing.T) {
	l, _ := newOneLayer(t)
	examples := someExamples(t, 5)
	before := slices.Clone(examples[0].Past)
	want := predict(t, l, examples)
	blind := slices.Clone(examples)
	for i := range blind {
		nan := complex(float32(math.NaN()), 0)
		blind[i].Future = slices.Repeat([]complex64{nan}, len(blind[i].Future))
		blind[i].Drop.SpeedMPS, blind[i].Index = 1e9, 77
	}
	if got := predict(t, l, blind); !reflect.DeepEqual(got, want) {
		t.Error("the prediction depends on the future")
	}
	if !slices.Equal(examples[0].Past, before) {
		t.Error("the example was changed")
	}
	for slot := range 16 { // and on every slot of the past
		seen := slices.Clone(examples[:1])
		seen[0].Past = slices.Clone(seen[0].Past)
		seen[0].Past[slot*6+slot%6] += 1
		if got := predict(t, l, seen); reflect.DeepEqual(got[0], want[0]) {
			t.Errorf("slot %d has no influence", slot)
		}
	}
}

// A batch is padded and long lists are cut: neither may show, to the bit.
func TestLearnedPredictsEachExampleByItself(t *testing.T) {
	l, _ := newOneLayer(t)
	examples := someExamples(t, 2*learnedBatch+3)
	want := predict(t, l, examples)
	for i := range examples {
		if i > 8 && i < 2*learnedBatch-4 {
			continue
		}
		got := predict(t, l, examples[i:i+1])[0]
		if !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("example %d alone is predicted otherwise", i)
		}
	}
	wild := slices.Clone(examples[:learnedBatch])
	for i := range wild[1:] { // a neighbour that is no number
		wild[1+i].Past = slices.Repeat([]complex64{complex(float32(math.Inf(1)), float32(math.NaN()))}, len(wild[1+i].Past))
	}
	if got := predict(t, l, wild); !reflect.DeepEqual(got[0], want[0]) {
		t.Error("an example depends on its neighbours")
	}
	if err := l.Predict(nil, nil); err != nil {
		t.Error(err)
	}
}

func TestLearnedTakesOtherWeights(t *testing.T) {
	l, w := newOneLayer(t)
	examples := someExamples(t, 2)
	want := predict(t, l, examples)
	zero := w.Clone()
	for i := range zero {
		clear(zero[i].Values)
	}
	if err := l.SetWeights(zero); err != nil {
		t.Fatal(err)
	}
	for _, v := range predict(t, l, examples)[0] {
		if v != 0 {
			t.Fatalf("a model of zeros predicts %v", v)
		}
	}
	if err := l.SetWeights(w); err != nil {
		t.Fatal(err)
	}
	if got := predict(t, l, examples); !reflect.DeepEqual(got, want) {
		t.Error("the weights did not come back")
	}
}

func TestLearnedRefusesWhatDoesNotFit(t *testing.T) {
	l, _ := newOneLayer(t)
	examples := someExamples(t, 2)
	out := [][]complex64{make([]complex64, 24), make([]complex64, 24)}
	other := nn.Weights{{Name: "layer/bias", Shape: []int{240}, Values: make([]float32, 240)}}
	half, err := NewLearned(oneLayer{}, Default(), learnedGrid, other, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := half.Predict(examples, out); err == nil || !strings.Contains(err.Error(), `variable "layer/weight" that its weights lack`) {
		t.Errorf("weights that are drawn at random: %v", err)
	}
	if l.Predict(examples, out[:1]) == nil {
		t.Error("two examples were predicted into one place")
	}
	short := slices.Clone(examples)
	short[1].Past = short[1].Past[:90]
	if err := l.Predict(short, out); err == nil || !strings.Contains(err.Error(), "90") {
		t.Errorf("a short past: %v", err)
	}
	if err := l.Predict(examples, [][]complex64{out[0], make([]complex64, 25)}); err == nil || !strings.Contains(err.Error(), "25") {
		t.Errorf("a long future: %v", err)
	}
}

func TestVisiblePatches(t *testing.T) {
	list, err := VisiblePatches(oneLayer{}, Default(), learnedGrid)
	if err != nil || !slices.Equal(list, []int32{0, 1, 2, 3}) {
		t.Errorf("%v, %v", list, err)
	}
	for _, c := range []struct {
		past, future, slots int
		want                string
	}{
		{16, 4, 24, "16 past and 4 future slots do not make the 24 slots of a sample; change past, future or num_slots"},
		{15, 5, 20, "15 past slots are not whole patches of 4; change past or patch_size"},
		{16, 5, 21, "21 slots do not divide into patches of 4"},
	} {
		g := learnedGrid
		g.NumSlots = c.slots
		cfg := Default()
		cfg.Past, cfg.Future = c.past, c.future
		if _, err := VisiblePatches(oneLayer{}, cfg, g); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := NewLearned(oneLayer{}, cfg, g, nil, nil); err == nil {
			t.Errorf("%+v: a predictor was made", c)
		}
	}
}
