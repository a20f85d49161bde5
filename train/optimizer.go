package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/comlam/comlam/nn"
)

// updater changes weights along their gradients and keeps its state as weights,
// so that a checkpoint stores both alike.
type updater interface {
	update(w, g nn.Weights, rate float64)
	state() nn.Weights // shares its values
	restore(state nn.Weights) error
}

func newUpdater(o Optimizer, like nn.Weights) updater {
	switch o.Name {
	case "sgd":
		return &sgd{o: o, velocity: zeros("velocity/", like)}
	case "muon":
		return newMuon(o, like)
	}
	return newAdamW(o, like)
}

// zeros are weights of the same shapes.
func zeros(prefix string, like nn.Weights) nn.Weights {
	z := make(nn.Weights, len(like))
	for i, w := range like {
		z[i] = zero(prefix, w)
	}
	return z
}

func zero(prefix string, w nn.Weight) nn.Weight {
	return nn.Weight{Name: prefix + w.Name, Shape: w.Shape, Values: make([]float32, len(w.Values))}
}

// adamW is Adam with decoupled weight decay (Loshchilov and Hutter 2017). Decay
// applies to matrices only, not to biases, norms or tables of one axis.
type adamW struct {
	o            Optimizer
	mean, square nn.Weights
	steps        int
}

func newAdamW(o Optimizer, like nn.Weights) *adamW {
	return &adamW{o: o, mean: zeros("mean/", like), square: zeros("square/", like)}
}

func (a *adamW) update(w, g nn.Weights, rate float64) {
	a.steps++
	c1 := 1 - math.Pow(a.o.Beta1, float64(a.steps))
	c2 := 1 - math.Pow(a.o.Beta2, float64(a.steps))
	b1, b2 := float32(a.o.Beta1), float32(a.o.Beta2)
	scale, eps := float32(rate/c1), float32(a.o.Eps)
	root := float32(1 / math.Sqrt(c2))
	each(len(w), func(i int) {
		decay := float32(0)
		if len(w[i].Shape) > 1 {
			decay = float32(rate * a.o.WeightDecay)
		}
		values, m, v := w[i].Values, a.mean[i].Values, a.square[i].Values
		for j, d := range g[i].Values {
			m[j] = b1*m[j] + (1-b1)*d
			v[j] = b2*v[j] + (1-b2)*d*d
			values[j] -= scale*m[j]/(float32(math.Sqrt(float64(v[j])))*root+eps) + decay*values[j]
		}
	})
}

func (a *adamW) state() nn.Weights {
	return slices.Concat(a.mean, a.square, nn.Weights{{Name: "steps", Shape: []int{1}, Values: []float32{float32(a.steps)}}})
}

func (a *adamW) restore(state nn.Weights) error {
	own := a.state()
	if err := copyByName(own, state); err != nil {
		return err
	}
	a.steps = int(own[len(own)-1].Values[0])
	return nil
}

// sgd is stochastic gradient descent with momentum; decay is coupled.
type sgd struct {
	o        Optimizer
	velocity nn.Weights
}

func (s *sgd) update(w, g nn.Weights, rate float64) {
	momentum, lr := float32(s.o.Momentum), float32(rate)
	for i := range w {
		decay := float32(0)
		if len(w[i].Shape) > 1 {
			decay = float32(s.o.WeightDecay)
		}
		values, v := w[i].Values, s.velocity[i].Values
		for j, d := range g[i].Values {
			v[j] = momentum*v[j] + d + decay*values[j]
			values[j] -= lr * v[j]
		}
	}
}

func (s *sgd) state() nn.Weights              { return s.velocity }
func (s *sgd) restore(state nn.Weights) error { return copyByName(s.velocity, state) }

// copyByName sets the values of dst, all of them, from src, all of it.
func copyByName(dst, src nn.Weights) error {
	values := map[string][]float32{}
	for _, s := range src {
		values[s.Name] = s.Values
	}
	for i, d := range dst {
		v, ok := values[d.Name]
		if !ok || len(v) != len(d.Values) {
			return fmt.Errorf("variable %q has %d values, the file %d; it is of another model", d.Name, len(d.Values), len(v))
		}
		copy(dst[i].Values, v)
	}
	if len(src) != len(dst) {
		return fmt.Errorf("the file has %d variables, the model %d; it is of another model", len(src), len(dst))
	}
	return nil
}

// clip limits entries to +-value and then the global norm to norm; 0 is no limit.
// It returns the global norm before either.
func clip(g nn.Weights, norm, value float64) float64 {
	before := globalNorm(g)
	after := before
	if value > 0 {
		v := float32(value)
		for i := range g {
			for j, x := range g[i].Values {
				g[i].Values[j] = min(max(x, -v), v)
			}
		}
		after = globalNorm(g)
	}
	if norm > 0 && after > norm {
		scale := float32(norm / after)
		each(len(g), func(i int) {
			for j := range g[i].Values {
				g[i].Values[j] *= scale
			}
		})
	}
	return before
}

func globalNorm(g nn.Weights) float64 {
	sums := make([]float64, len(g))
	each(len(g), func(i int) {
		sum := 0.0
		for _, x := range g[i].Values {
			sum += float64(x) * float64(x)
		}
		sums[i] = sum
	})
	total := 0.0
	for _, sum := range sums {
		total += sum
	}
	return math.Sqrt(total)
}
