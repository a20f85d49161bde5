package tune

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Names of the two factors, below the layer they adapt.
const (
	loraA = "lora_a" // [in rank], uniform on +-1/sqrt(in) at the start
	loraB = "lora_b" // [rank out], zero at the start, so that nothing changes yet
)

// Dense implements nn.Adapter: y + (alpha/rank) x A B on the layers that Targets
// names, y elsewhere.
func (l LoRA) Dense(s *nn.Scope, x, y *nn.Node) *nn.Node {
	if !l.adapts(s.Scope()) {
		return y
	}
	g, in, out := x.Graph(), x.Shape().Dim(-1), y.Shape().Dim(-1)
	a := nn.Variable(s, g, loraA, nn.Uniform(1/math.Sqrt(float64(in))), in, l.Rank)
	b := nn.Variable(s, g, loraB, nn.Zeros, l.Rank, out)
	flat := graph.Reshape(x, x.Shape().Size()/in, in)
	low := graph.Dot(flat, a).Product() // [rows rank]
	delta := graph.MulScalar(graph.Dot(low, b).Product(), l.scale())
	return graph.Add(y, graph.Reshape(delta, y.Shape().Dimensions...))
}

func (l LoRA) scale() float64 { return l.Alpha / float64(l.Rank) }

// adapts says whether the layer at path is a target.
func (l LoRA) adapts(path string) bool {
	return slices.ContainsFunc(l.Targets, func(target string) bool { return ends(path, target) })
}

// Trains accepts the factors only: with LoRA everything else is frozen.
func (l LoRA) Trains(name string) bool {
	return strings.HasSuffix(name, "/"+loraA) || strings.HasSuffix(name, "/"+loraB)
}

// Factors returns the adapter's own weights out of a model's.
func (l LoRA) Factors(w nn.Weights) nn.Weights {
	var f nn.Weights
	for _, item := range w {
		if l.Trains(item.Name) {
			f = append(f, item)
		}
	}
	return f
}

// check reports a target that no layer of the model answers to: a misspelt name
// would otherwise adapt less than was asked for, in silence.
func (l LoRA) check(base nn.Weights) error {
	for _, target := range l.Targets {
		if !slices.ContainsFunc(base, func(w nn.Weight) bool {
			return len(w.Shape) == 2 && strings.HasSuffix("/"+w.Name, "/"+target+"/weight")
		}) {
			return setting.Bad("lora.targets", "use the last parts of layer names, such as "+strings.Join(layers(base), ", "), "the model has no dense layer %q", target)
		}
	}
	return nil
}

// layers lists the last parts of the names of dense layers, sorted.
func layers(base nn.Weights) []string {
	var names []string
	for _, w := range base {
		path, ok := strings.CutSuffix(w.Name, "/weight")
		if ok && len(w.Shape) == 2 {
			names = append(names, path[strings.LastIndex(path, "/")+1:])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Merge adds the factors into the weights they adapt and drops them: the result
// computes the same without an adapter, to rounding.
func (l LoRA) Merge(w nn.Weights) (nn.Weights, error) {
	var merged nn.Weights
	for _, item := range w.Clone() {
		if !l.Trains(item.Name) {
			merged = append(merged, item)
		}
	}
	for _, f := range l.Factors(w) {
		layer := f.Name[:strings.LastIndex(f.Name, "/")]
		a, b, base := w.Find(layer+"/"+loraA), w.Find(layer+"/"+loraB), merged.Find(layer+"/weight")
		switch {
		case a == nil || b == nil || base == nil:
			return nil, fmt.Errorf("merge LoRA: layer %q lacks %s, %s or its weight", layer, loraA, loraB)
		case !fits(base.Shape, a.Shape, b.Shape, l.Rank):
			return nil, fmt.Errorf("merge LoRA: layer %q: factors %v and %v do not fit rank %d and the weight %v", layer, a.Shape, b.Shape, l.Rank, base.Shape)
		case f.Name == a.Name: // each pair once
			addProduct(base.Values, a.Values, b.Values, a.Shape[0], l.Rank, b.Shape[1], l.scale())
		}
	}
	return merged, nil
}

// fits says whether base is [in out], a [in rank] and b [rank out].
func fits(base, a, b []int, rank int) bool {
	return len(base) == 2 && slices.Equal(a, []int{base[0], rank}) && slices.Equal(b, []int{rank, base[1]})
}

// addProduct adds scale a b to w, for a [in rank], b [rank out].
func addProduct(w, a, b []float32, in, rank, out int, scale float64) {
	for i := range in {
		for o := range out {
			sum := 0.0
			for r := range rank {
				sum += float64(a[i*rank+r]) * float64(b[r*out+o])
			}
			w[i*out+o] += float32(scale * sum)
		}
	}
}
