package oracle

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// A window slides over a tensor.
type window struct {
	size, stride, inputDilation, dilation []int
	padding                               [][2]int
}

// newWindow fills in what is not given.
func newWindow(rank int, size, stride, inputDilation, dilation []int, padding [][2]int) window {
	ones := make([]int, rank)
	for i := range ones {
		ones[i] = 1
	}
	or := func(given, otherwise []int) []int {
		if len(given) == 0 {
			return otherwise
		}
		return given
	}
	w := window{size: or(size, ones), inputDilation: or(inputDilation, ones), dilation: or(dilation, ones), padding: padding}
	w.stride = or(stride, w.size)
	if len(padding) == 0 {
		w.padding = make([][2]int, rank)
	}
	return w
}

// at is the position that step k of the window sees from output index o, and whether
// an element lies there, not padding nor a gap of a dilated input.
func (w window) at(dims, o, k []int, index []int) (at int, inside bool) {
	for axis := range dims {
		i := o[axis]*w.stride[axis] + k[axis]*w.dilation[axis] - w.padding[axis][0]
		if i%w.inputDilation[axis] != 0 {
			return 0, false
		}
		index[axis] = i / w.inputDilation[axis]
	}
	return position(dims, index)
}

var windowed = map[compute.ReduceOpType]compute.OpType{
	compute.ReduceOpSum:     compute.OpTypeReduceSum,
	compute.ReduceOpProduct: compute.OpTypeReduceProduct,
	compute.ReduceOpMax:     compute.OpTypeReduceMax,
	compute.ReduceOpMin:     compute.OpTypeReduceMin,
}

// ReduceWindow implements compute.Function.
func (f *Function) ReduceWindow(x compute.Value, kind compute.ReduceOpType, size, stride, inputDilation, dilation []int, padding [][2]int) (compute.Value, error) {
	const op = compute.OpTypeReduceWindow
	in, err := f.values(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ReduceWindow(in[0].Shape(), size, stride, inputDilation, dilation, padding)
	if err != nil {
		return nil, err
	}
	d := shape.DType
	fold, known := windowed[kind]
	if !known || !reduces(fold, d) || d.IsComplex() {
		return nil, fmt.Errorf("oracle: %s %s of %s: %w", op, kind, d, compute.ErrNotImplemented)
	}
	w := newWindow(shape.Rank(), size, stride, inputDilation, dilation, padding)
	eval := func(r *run, out *Tensor, in []*Tensor) {
		dims := in[0].dims()
		index := make([]int, len(dims))
		var seen []Scalar
		each(shape.Dimensions, func(at int, o []int) {
			seen = seen[:0]
			each(w.size, func(_ int, k []int) {
				if p, inside := w.at(dims, o, k, index); inside {
					seen = append(seen, in[0].Data[p])
				}
			})
			out.Data[at] = r.foldWindow(fold, d, seen)
		})
	}
	options := fmt.Sprintf("%s size %v stride %v input dilation %v dilation %v padding %v", kind, w.size, w.stride, w.inputDilation, w.dilation, w.padding)
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ReduceWindow(in[0], kind, size, stride, inputDilation, dilation, padding)
	}), nil)
}

// foldWindow is fold; sums of 16-bit floats may be rounded after every addition.
func (r *run) foldWindow(op compute.OpType, d dtypes.DType, xs []Scalar) Scalar {
	if op == compute.OpTypeReduceSum && d.IsHalfPrecision() {
		return r.arith(d).sum(xs)
	}
	return r.fold(op, d, xs)
}

// SelectAndScatterMax implements compute.Function: each element of source is added
// where the greatest operand of its window lies, the first of equals.
func (f *Function) SelectAndScatterMax(operand, source compute.Value, size, stride []int, padding [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMax, compute.Function.SelectAndScatterMax, operand, source, size, stride, padding)
}

// SelectAndScatterMin implements compute.Function.
func (f *Function) SelectAndScatterMin(operand, source compute.Value, size, stride []int, padding [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMin, compute.Function.SelectAndScatterMin, operand, source, size, stride, padding)
}

type scatterMethod = func(f compute.Function, operand, source compute.Value, size, stride []int, padding [][2]int) (compute.Value, error)

func (f *Function) selectAndScatter(op compute.OpType, build scatterMethod, operand, source compute.Value, size, stride []int, padding [][2]int) (compute.Value, error) {
	in, err := f.values(op, operand, source)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	if err := fitsWindows(shape, in[1].Shape(), size, stride, padding); err != nil {
		return nil, err
	}
	w := newWindow(shape.Rank(), size, stride, nil, nil, padding)
	isMin := op == compute.OpTypeSelectAndScatterMin
	eval := func(r *run, out *Tensor, in []*Tensor) {
		to := newScatter(r, out.dtype(), len(out.Data))
		index := make([]int, shape.Rank())
		each(in[1].dims(), func(at int, o []int) {
			best := -1
			var seen []int
			each(w.size, func(_ int, k []int) {
				p, inside := w.at(shape.Dimensions, o, k, index)
				if !inside {
					return
				}
				seen = append(seen, p)
				if best < 0 || better(shape.DType, in[0].Data[p], in[0].Data[best], isMin) {
					best = p
				}
			})
			known := true
			for _, p := range seen {
				known = known && in[0].Data[p].finite() && surely(shape.DType, in[0].Data[p], in[0].Data[best])
			}
			switch {
			case best >= 0 && known:
				to.add(best, in[1].Data[at])
			default:
				for _, p := range seen {
					to.add(p, unsure)
				}
			}
		})
		to.write(out)
	}
	options := fmt.Sprintf("size %v stride %v padding %v", w.size, w.stride, w.padding)
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return build(g, in[0], in[1], size, stride, padding)
	}), nil)
}

func fitsWindows(operand, source shapes.Shape, size, stride []int, padding [][2]int) error {
	want, err := shapeinference.ReduceWindow(operand, size, stride, nil, nil, padding)
	if err != nil {
		return err
	}
	if !source.Equal(want) || !operand.DType.IsFloat() && !operand.DType.IsInt() {
		return fmt.Errorf("oracle: windows of %s make %s, but the source is %s", operand, want, source)
	}
	return nil
}

// A scatter adds up what falls on each element.
type scatter struct {
	r    *run
	d    dtypes.DType
	sums []sum
	ints []Scalar
}

func newScatter(r *run, d dtypes.DType, n int) *scatter {
	s := &scatter{r: r, d: d}
	if d.IsFloat() {
		s.sums = make([]sum, n)
		for i := range s.sums {
			s.sums[i] = newSum()
		}
	} else {
		s.ints = make([]Scalar, n)
	}
	return s
}

func (s *scatter) add(at int, x Scalar) {
	if s.sums != nil {
		s.sums[at].add(x)
		return
	}
	s.ints[at] = intBinary(compute.OpTypeAdd, s.d, s.ints[at], x)
}

func (s *scatter) write(out *Tensor) {
	a := s.r.arith(s.d)
	for i := range out.Data {
		if s.sums != nil {
			out.Data[i] = s.sums[i].done(a, 0)
		} else {
			out.Data[i] = s.ints[i]
		}
	}
}
