package train

import (
	"math"

	"github.com/comlam/comlam/nn"
)

// updater changes weights along their gradients and keeps its state as weights,
// so that a checkpoint stores both alike.
type updater interface {
	update(w, g nn.Weights, rate float64)
	state() nn.Weights
	restore(state nn.Weights)
}

func newUpdater(o Optimizer, like nn.Weights) updater {
	zeros := func(prefix string) nn.Weights {
		z := make(nn.Weights, len(like))
		for i, w := range like {
			z[i] = nn.Weight{Name: prefix + w.Name, Shape: w.Shape, Values: make([]float32, len(w.Values))}
		}
		return z
	}
	if o.Name == "sgd" {
		return &sgd{o: o, velocity: zeros("velocity/")}
	}
	return &adamW{o: o, mean: zeros("mean/"), square: zeros("square/")}
}

// adamW is Adam with decoupled weight decay (Loshchilov and Hutter 2017). Decay
// applies to matrices only, not to biases, norms or tables of one axis.
type adamW struct {
	o            Optimizer
	mean, square nn.Weights
	steps        int
}

func (a *adamW) update(w, g nn.Weights, rate float64) {
	a.steps++
	c1 := 1 - math.Pow(a.o.Beta1, float64(a.steps))
	c2 := 1 - math.Pow(a.o.Beta2, float64(a.steps))
	b1, b2 := float32(a.o.Beta1), float32(a.o.Beta2)
	scale, eps := float32(rate/c1), float32(a.o.Eps)
	root := float32(1 / math.Sqrt(c2))
	for i := range w {
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
	}
}

func (a *adamW) state() nn.Weights {
	steps := nn.Weight{Name: "steps", Shape: []int{1}, Values: []float32{float32(a.steps)}}
	return append(append(a.mean.Clone(), a.square.Clone()...), steps)
}

func (a *adamW) restore(state nn.Weights) {
	copyByName(a.mean, state)
	copyByName(a.square, state)
	for _, s := range state {
		if s.Name == "steps" {
			a.steps = int(s.Values[0])
		}
	}
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

func (s *sgd) state() nn.Weights        { return s.velocity.Clone() }
func (s *sgd) restore(state nn.Weights) { copyByName(s.velocity, state) }

func copyByName(dst, src nn.Weights) {
	values := map[string][]float32{}
	for _, s := range src {
		values[s.Name] = s.Values
	}
	for i := range dst {
		copy(dst[i].Values, values[dst[i].Name])
	}
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
		for i := range g {
			for j := range g[i].Values {
				g[i].Values[j] *= scale
			}
		}
	}
	return before
}

func globalNorm(g nn.Weights) float64 {
	sum := 0.0
	for i := range g {
		for _, x := range g[i].Values {
			sum += float64(x) * float64(x)
		}
	}
	return math.Sqrt(sum)
}
