package channelpred

import (
	"fmt"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// learnedBatch is how many examples a Learned predicts in one graph run; shorter
// lists are padded, so that one graph serves all.
const learnedBatch = 64

// Learned predicts with a masked model: the past slots are its visible patches,
// the future ones are hidden. It implements Predictor.
type Learned struct {
	program *nn.Program
	store   *nn.Store
	grid    model.Grid
	past    int // values [slot, subcarrier, antenna] that are seen
	visible []int32
	given   nn.Weights // those set last
	checked bool       // that they are all that the model has
}

// NewLearned prepares filler with weights w, under adapter a where it is not nil.
// grid is that of a whole sample, past and future.
func NewLearned(filler model.Filler, c Config, grid model.Grid, w nn.Weights, a nn.Adapter) (*Learned, error) {
	visible, err := VisiblePatches(filler, c, grid)
	if err != nil {
		return nil, err
	}
	engine, err := backend.Open()
	if err != nil {
		return nil, err
	}
	l := &Learned{store: nn.NewStore(0), grid: grid, visible: visible, past: c.Past * grid.NumSubcarriers * grid.NumAnt}
	if a != nil {
		nn.SetAdapter(l.store, a)
	}
	if err := l.SetWeights(w); err != nil {
		return nil, err
	}
	l.program, err = nn.NewProgram(engine, l.store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{filler.Reconstruct(s, in[0], in[1])}
	})
	return l, err
}

// VisiblePatches lists the patches that hold the past, or says why the past is
// not made of whole patches.
func VisiblePatches(filler model.Filler, c Config, grid model.Grid) ([]int32, error) {
	n, err := filler.Patches(grid)
	if err != nil {
		return nil, err
	}
	if c.Past+c.Future != grid.NumSlots {
		return nil, fmt.Errorf("%d past and %d future slots do not make the %d slots of a sample; change past, future or num_slots", c.Past, c.Future, grid.NumSlots)
	}
	slots := grid.NumSlots / n[0] // in a patch
	if c.Past%slots != 0 {
		return nil, fmt.Errorf("%d past slots are not whole patches of %d; change past or patch_size", c.Past, slots)
	}
	return data.LeadingPatches(n, 0, c.Past/slots), nil
}

// SetWeights replaces the weights. They must be all that the model has, or Predict
// fails: what is missing would be drawn at random.
func (l *Learned) SetWeights(w nn.Weights) error {
	l.given, l.checked = w, false
	return nn.Push(l.store, w)
}

// Predict implements Predictor.
func (l *Learned) Predict(examples []Example, out [][]complex64) error {
	if err := l.fits(examples, out); err != nil {
		return err
	}
	for len(examples) > 0 {
		n := min(len(examples), learnedBatch)
		if err := l.predict(examples[:n], out[:n]); err != nil {
			return err
		}
		examples, out = examples[n:], out[n:]
	}
	return nil
}

// fits checks the sizes of what is to be predicted and where to.
func (l *Learned) fits(examples []Example, out [][]complex64) error {
	if len(out) != len(examples) {
		return fmt.Errorf("%d places for the predictions of %d examples; give as many", len(out), len(examples))
	}
	future := l.grid.NumSlots*l.grid.NumSubcarriers*l.grid.NumAnt - l.past
	for i, e := range examples {
		if len(e.Past) != l.past || len(out[i]) != future {
			return fmt.Errorf("example %d has %d past values and room for %d future ones; this model was prepared for %d and %d",
				e.Index, len(e.Past), len(out[i]), l.past, future)
		}
	}
	return nil
}

// check fails if the model has variables that it was not given. They exist once the
// graph has been built.
func (l *Learned) check() error {
	if l.checked {
		return nil
	}
	all, err := nn.Pull(l.store)
	if err != nil {
		return err
	}
	for _, item := range all {
		if l.given.Find(item.Name) == nil {
			return fmt.Errorf("the model has a variable %q that its weights lack; use the weights of this very model and adapter", item.Name)
		}
	}
	l.checked = true
	return nil
}

func (l *Learned) predict(examples []Example, out [][]complex64) error {
	g := l.grid
	size := g.NumSlots * g.NumSubcarriers * g.NumAnt
	x := nn.Array{
		Shape:   []int{learnedBatch, g.NumSlots, g.NumSubcarriers, g.NumAnt, 2},
		Float32: make([]float32, learnedBatch*size*2),
	}
	visible := nn.Array{Shape: []int{learnedBatch, len(l.visible)}}
	for b := range learnedBatch {
		visible.Int32 = append(visible.Int32, l.visible...)
		if b < len(examples) {
			for i, v := range examples[b].Past {
				x.Float32[2*(b*size+i)], x.Float32[2*(b*size+i)+1] = real(v), imag(v)
			}
		}
	}
	result, err := l.program.Run(x, visible)
	if err == nil {
		err = l.check()
	}
	if err != nil {
		return err
	}
	for b := range examples {
		future := result[0].Float32[2*(b*size+l.past) : 2*(b+1)*size]
		for i := range out[b] {
			out[b][i] = complex(future[2*i], future[2*i+1])
		}
	}
	return nil
}
