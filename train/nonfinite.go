package train

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/nn"
)

// NonFiniteError says where a NaN or an infinity came up. The weights are those
// from before the step.
type NonFiniteError struct {
	Step    int
	Tensor  string   // "the loss", the gradient of a variable, or its update
	Samples []uint64 // at fault; all of the micro-batch if none fails alone, none for an update
	Value   float32
}

func (e *NonFiniteError) Error() string {
	where, hint := "", "lower the learning rate, or clip the gradients"
	if len(e.Samples) > 0 {
		where, hint = fmt.Sprintf(" at sample %d", e.Samples), "lower the learning rate, or look at that sample"
	}
	return fmt.Sprintf("step %d: %s became %v%s; the weights are as before the step; %s", e.Step, e.Tensor, e.Value, where, hint)
}

func finite(v float32) bool { return math.Float32bits(v)&0x7f800000 != 0x7f800000 }

// firstNonFinite returns the first NaN or infinity, if there is one.
func firstNonFinite(values []float32) (v float32, found bool) {
	for _, v := range values {
		if !finite(v) {
			return v, true
		}
	}
	return 0, false
}

// inspect returns a *NonFiniteError if a micro-batch produced a NaN or infinity.
func (r *replica) inspect(step int, b data.Batch, losses []float32, grads [][]float32) error {
	var bad *NonFiniteError
	for i, l := range losses {
		if finite(l) {
			continue
		}
		if bad == nil {
			bad = &NonFiniteError{Step: step, Tensor: "the loss", Value: l}
		}
		bad.Samples = append(bad.Samples, b.Samples[i])
	}
	if bad != nil {
		return bad
	}
	for i, g := range grads {
		if v, found := firstNonFinite(g); found {
			return &NonFiniteError{step, fmt.Sprintf("the gradient of %q", r.names[i]), r.culprits(b, i), v}
		}
	}
	return nil
}

// inspectUpdate returns a *NonFiniteError if the optimizer left the range of
// float32, which finite gradients and a large learning rate can do, and takes the
// update back.
func (l *loop) inspectUpdate() error {
	bad := l.firstNonFinite("the update of %q", l.trained)
	if bad == nil {
		bad = l.firstNonFinite("the optimizer's %q", l.updater.state())
	}
	if bad == nil {
		return nil
	}
	before, err := nn.Pull(l.replicas[0].store) // not pushed yet
	if err != nil {
		return err
	}
	if err := copyByName(l.weights, before); err != nil {
		return err
	}
	return bad
}

// inspectState is the last look before a checkpoint: none holds a NaN, not even
// one that came in with the weights to start from.
func (l *loop) inspectState(best nn.Weights) error {
	if bad := l.firstNonFinite("the variable %q", l.weights); bad != nil {
		return bad
	}
	if bad := l.firstNonFinite("the best %q", best); bad != nil {
		return bad
	}
	return nil
}

func (l *loop) firstNonFinite(format string, w nn.Weights) error {
	bad := make([]*NonFiniteError, len(w))
	each(len(w), func(i int) {
		if v, found := firstNonFinite(w[i].Values); found {
			bad[i] = &NonFiniteError{Step: l.state.Step, Tensor: fmt.Sprintf(format, w[i].Name), Value: v}
		}
	})
	for _, err := range bad {
		if err != nil {
			return err
		}
	}
	return nil
}

// culprits finds which samples give a non-finite gradient i when they are alone.
func (r *replica) culprits(b data.Batch, i int) []uint64 {
	var list []uint64
	for k := range b.Samples {
		_, grads, err := r.run(row(b, k))
		if err != nil {
			return b.Samples
		}
		if _, found := firstNonFinite(grads[i]); found {
			list = append(list, b.Samples[k])
		}
	}
	if list == nil {
		return b.Samples
	}
	return list
}

// row is sample k of a batch as a batch of one.
func row(b data.Batch, k int) data.Batch {
	one := data.Batch{Samples: b.Samples[k : k+1]}
	for _, a := range b.Arrays {
		n := 1
		for _, d := range a.Shape[1:] {
			n *= d
		}
		c := nn.Array{Shape: append([]int{1}, a.Shape[1:]...)}
		if a.Int32 != nil {
			c.Int32 = a.Int32[k*n : (k+1)*n]
		} else {
			c.Float32 = a.Float32[k*n : (k+1)*n]
		}
		one.Arrays = append(one.Arrays, c)
	}
	return one
}
