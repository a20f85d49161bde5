package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// sub checks a function that an operation runs, and gives what it captures.
func (f *Function) sub(op compute.OpType, g compute.Function) (*Function, []compute.Value, error) {
	s, ok := g.(*Function)
	if !ok || s == nil || s.builder != f.builder || !s.returned {
		return nil, nil, fmt.Errorf("oracle: %s: a %T is no finished function of this computation", op, g)
	}
	captured := make([]compute.Value, len(s.captures))
	for i, v := range s.captures {
		captured[i] = v
	}
	return s, captured, nil
}

func shapesOf(values []*Value) []shapes.Shape {
	list := make([]shapes.Shape, len(values))
	for i, v := range values {
		list[i] = v.Shape()
	}
	return list
}

// takes and gives are errors where parameters or outputs have other shapes.
func (f *Function) takes(op compute.OpType, want []shapes.Shape) error {
	have := make([]shapes.Shape, len(f.params))
	for i, n := range f.params {
		have[i] = n.Shapes[0]
	}
	return sameShapes(op, "parameters", have, want)
}

func (f *Function) gives(op compute.OpType, want []shapes.Shape) error {
	return sameShapes(op, "outputs", shapesOf(f.outputs), want)
}

func sameShapes(op compute.OpType, what string, have, want []shapes.Shape) error {
	if !slices.EqualFunc(have, want, shapes.Shape.Equal) {
		return fmt.Errorf("oracle: %s: a function's %s are %s, want %s", op, what, have, want)
	}
	return nil
}

// unknown are outputs of which nothing is known.
func unknown(list []shapes.Shape) []*Tensor {
	out := make([]*Tensor, len(list))
	for i, s := range list {
		out[i] = newTensor(s)
		fill(out[i].Data, unsure)
	}
	return out
}

// Call implements compute.Function.
func (f *Function) Call(g compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeCall
	s, captured, err := f.sub(op, g)
	if err != nil {
		return nil, err
	}
	in, err := f.values(op, append(slices.Clone(inputs), captured...)...)
	if err != nil {
		return nil, err
	}
	n := len(inputs)
	if err := s.takes(op, shapesOf(in[:n])); err != nil {
		return nil, err
	}
	return f.add(&Node{
		Op: op, Inputs: in, Shapes: shapesOf(s.outputs), functions: []*Function{s},
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) { return r.call(s, in[:n]) },
		build: func(w *writer, h compute.Function, in []compute.Value) ([]compute.Value, error) {
			t, err := w.closure(h, s)
			if err != nil {
				return nil, err
			}
			return h.Call(t, in[:n]...)
		},
	}), nil
}

// While implements compute.Function. A condition that is unsure makes all results so.
func (f *Function) While(cond, body compute.Function, state ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeWhile
	c, ofCond, err := f.sub(op, cond)
	if err != nil {
		return nil, err
	}
	b, ofBody, err := f.sub(op, body)
	if err != nil {
		return nil, err
	}
	in, err := f.values(op, slices.Concat(state, ofCond, ofBody)...)
	if err != nil {
		return nil, err
	}
	n := len(state)
	s := shapesOf(in[:n])
	for _, err := range []error{
		c.takes(op, s), c.gives(op, []shapes.Shape{shapes.Make(dtypes.Bool)}), b.takes(op, s), b.gives(op, s),
	} {
		if err != nil {
			return nil, err
		}
	}
	return f.add(&Node{
		Op: op, Inputs: in, Shapes: s, functions: []*Function{c, b},
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) { return r.loop(c, b, in[:n]) },
		build: func(w *writer, h compute.Function, in []compute.Value) ([]compute.Value, error) {
			cond, body, err := w.closures(h, c, b)
			if err != nil {
				return nil, err
			}
			return h.While(cond, body, in[:n]...)
		},
	}), nil
}

func (r *run) loop(cond, body *Function, state []*Tensor) ([]*Tensor, error) {
	for {
		more, err := r.call(cond, state)
		if err != nil {
			return nil, err
		}
		switch again := more[0].Data[0]; {
		case again.Unsure:
			return unknown(shapesOf(body.outputs)), nil
		case again.Int == 0:
			return state, nil
		}
		if state, err = r.call(body, state); err != nil {
			return nil, err
		}
	}
}

// If implements compute.Function. A predicate that is unsure makes all results so.
func (f *Function) If(pred compute.Value, yes, no compute.Function) ([]compute.Value, error) {
	const op = compute.OpTypeIf
	y, ofYes, err := f.sub(op, yes)
	if err != nil {
		return nil, err
	}
	n, ofNo, err := f.sub(op, no)
	if err != nil {
		return nil, err
	}
	in, err := f.values(op, slices.Concat([]compute.Value{pred}, ofYes, ofNo)...)
	if err != nil {
		return nil, err
	}
	list := shapesOf(y.outputs)
	for _, err := range []error{
		y.takes(op, nil), n.takes(op, nil), n.gives(op, list),
		sameShapes(op, "predicate", []shapes.Shape{in[0].Shape()}, []shapes.Shape{shapes.Make(dtypes.Bool)}),
	} {
		if err != nil {
			return nil, err
		}
	}
	return f.add(&Node{
		Op: op, Inputs: in, Shapes: list, functions: []*Function{y, n},
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) {
			switch p := in[0].Data[0]; {
			case p.Unsure:
				return unknown(list), nil
			case p.Int != 0:
				return r.call(y, nil)
			}
			return r.call(n, nil)
		},
		build: func(w *writer, h compute.Function, in []compute.Value) ([]compute.Value, error) {
			yes, no, err := w.closures(h, y, n)
			if err != nil {
				return nil, err
			}
			return h.If(in[0], yes, no)
		},
	}), nil
}

// Sort implements compute.Function. The comparator takes a left and a right element of
// the first operand, then of the second and so on, as GoMLX builds it. A line is
// unsure where one comparison is, and where NaN leaves it without an order; so are
// equal elements that are to keep no order but can be told apart.
func (f *Function) Sort(comparator compute.Function, axis int, stable bool, inputs ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeSort
	less, captured, err := f.sub(op, comparator)
	if err != nil {
		return nil, err
	}
	in, err := f.values(op, append(slices.Clone(inputs), captured...)...)
	if err != nil {
		return nil, err
	}
	n := len(inputs)
	list := shapesOf(in[:n])
	var pairs []shapes.Shape
	for _, s := range list {
		if !s.EqualDimensions(list[0]) || axis < 0 || axis >= s.Rank() {
			return nil, fmt.Errorf("oracle: %s of %s along axis %d: want equal dimensions and an axis of theirs", op, list, axis)
		}
		pairs = append(pairs, shapes.Make(s.DType), shapes.Make(s.DType))
	}
	for _, err := range []error{less.takes(op, pairs), less.gives(op, []shapes.Shape{shapes.Make(dtypes.Bool)})} {
		if err != nil {
			return nil, err
		}
	}
	return f.add(&Node{
		Op: op, Inputs: in, Shapes: list, Options: fmt.Sprintf("axis %d, stable %t", axis, stable), functions: []*Function{less},
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) { return r.sort(less, in[:n], axis, stable) },
		build: func(w *writer, h compute.Function, in []compute.Value) ([]compute.Value, error) {
			less, err := w.closure(h, less)
			if err != nil {
				return nil, err
			}
			return h.Sort(less, axis, stable, in[:n]...)
		},
	}), nil
}

func (r *run) sort(less *Function, in []*Tensor, axis int, stable bool) ([]*Tensor, error) {
	out := make([]*Tensor, len(in))
	for i, x := range in {
		out[i] = newTensor(x.Shape)
	}
	var failed error
	lines(in[0].dims(), []int{axis}, func(_ int, at []int) {
		s := sorting{r: r, less: less, in: in, stable: stable}
		order := slices.Clone(at)
		s.order(order)
		if s.err != nil {
			failed = s.err
		}
		for i, x := range in {
			for k, p := range order {
				if out[i].Data[at[k]] = x.Data[p]; s.open {
					out[i].Data[at[k]] = unsure
				}
			}
		}
	})
	return out, failed
}

// A sorting orders one line.
type sorting struct {
	r      *run
	less   *Function
	in     []*Tensor
	stable bool
	open   bool // the order is not known
	err    error
}

// order sorts positions by insertion: it compares little where lines are short.
func (s *sorting) order(at []int) {
	for _, p := range at {
		for _, x := range s.in {
			v := x.Data[p]
			s.open = s.open || v.Unsure || x.dtype().IsFloat() && math.IsNaN(v.Re)
		}
	}
	for i := 1; i < len(at) && !s.open; i++ {
		for k := i; k > 0 && s.before(at[k], at[k-1]); k-- {
			at[k], at[k-1] = at[k-1], at[k]
		}
	}
	for i := 1; i < len(at) && !s.open; i++ {
		if !s.stable && !s.before(at[i-1], at[i]) && !s.same(at[i-1], at[i]) {
			s.open = true
		}
	}
}

// before runs the comparator.
func (s *sorting) before(p, q int) bool {
	var args []*Tensor
	for _, x := range s.in {
		for _, at := range []int{p, q} {
			args = append(args, &Tensor{Shape: shapes.Make(x.dtype()), Data: x.Data[at : at+1]})
		}
	}
	out, err := s.r.call(s.less, args)
	if err != nil {
		s.open, s.err = true, err
		return false
	}
	v := out[0].Data[0]
	s.open = s.open || v.Unsure
	return v.Int != 0 && !v.Unsure
}

// same reports whether nobody can tell two positions apart.
func (s *sorting) same(p, q int) bool {
	for _, x := range s.in {
		a, b := x.Data[p], x.Data[q]
		equal := a == b || a.tag != 0 && a.tag == b.tag
		if !equal || a.Re == 0 && math.Signbit(a.Re) != math.Signbit(b.Re) {
			return false
		}
	}
	return true
}
