package tune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/nn"
)

// variables are those that an adapter has on a model, with their shapes.
func variables(a nn.Adapter, l *Layout, n names) map[string][]int {
	v := map[string][]int{}
	switch a := a.(type) {
	case LoRA:
		for _, d := range l.Dense {
			if a.adapts(d.Scope) {
				v[d.Scope+"/"+loraA], v[d.Scope+"/"+loraB] = []int{d.In, a.Rank}, []int{a.Rank, d.Out}
			}
		}
	case Bottleneck:
		for _, s := range l.Sublayers {
			v[s.Scope+"/"+adapterDown+"/weight"], v[s.Scope+"/"+adapterDown+"/bias"] = []int{s.Width, a.Size}, []int{a.Size}
			v[s.Scope+"/"+adapterUp+"/weight"], v[s.Scope+"/"+adapterUp+"/bias"] = []int{a.Size, s.Width}, []int{s.Width}
		}
	case Prefix:
		for _, at := range l.Attentions {
			v[at.Scope+"/"+prefixKey] = []int{a.Length, at.KeyHeads, at.Size}
			v[at.Scope+"/"+prefixValue] = []int{a.Length, at.KeyHeads, at.Size}
		}
	case BitFit:
		for _, d := range l.Dense {
			if !d.Bias {
				v[d.Scope+"/"+addedBias] = []int{d.Out}
			}
		}
		for name := range n.vars {
			if a.Trains(name) {
				v[name] = nil // of the base, which knows its shape
			}
		}
	}
	return v
}

// fits compares what the adapter holds with what it has on the model.
func (k *Kept) fits(l *Layout, n names) error {
	want := variables(k.Adapter, l, n)
	if len(want) == 0 {
		return fmt.Errorf("it adapts no layer of this model")
	}
	for _, item := range k.Weights {
		shape, ok := want[item.Name]
		switch {
		case !ok:
			return fmt.Errorf("%q is not a part of it on this model", item.Name)
		case shape != nil && !slices.Equal(shape, item.Shape):
			return fmt.Errorf("%q is %d, and on this model it is %d", item.Name, item.Shape, shape)
		}
		delete(want, item.Name)
	}
	if len(want) > 0 {
		var missing []string
		for name := range want {
			missing = append(missing, name)
		}
		slices.Sort(missing)
		return fmt.Errorf("%d of its parts are missing, such as %s", len(missing), strings.Join(missing[:min(3, len(missing))], ", "))
	}
	return nil
}
