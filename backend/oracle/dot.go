package oracle

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
)

// A product computes sums of products for matrix products and convolutions.
type product struct {
	r             *run
	in, acc, out  dtypes.DType
	wide, storage *arith
	operand       *arith
	floats        sum
	complexes     csum
	integer       Scalar
}

// newProduct accumulates in acc; 16-bit floats in float32 unless a dtype is asked for.
func (r *run) newProduct(in, acc, out dtypes.DType) *product {
	if acc == dtypes.InvalidDType {
		acc = in
		if in.IsHalfPrecision() {
			acc = dtypes.Float32
		} else if in.IsInt() && out.IsInt() {
			acc = out
		}
	}
	p := &product{r: r, in: in, acc: acc, out: out, wide: r.arith(acc), storage: r.arith(out), operand: r.arith(in)}
	if in.IsHalfPrecision() && acc == dtypes.Float32 {
		p.operand.max = p.wide.max
	}
	return p
}

func (p *product) start() { p.floats, p.complexes, p.integer = newSum(), csum{}, Scalar{} }

func (p *product) add(x, y Scalar) {
	switch {
	case p.in.IsFloat():
		p.floats.product(p.operand, x, y)
	case p.in.IsComplex():
		p.complexes.product(x, y)
	case x.Unsure || y.Unsure || p.integer.Unsure:
		p.integer = unsure
	default:
		p.integer.Int += x.Int * y.Int
	}
}

func (p *product) done() Scalar {
	switch {
	case p.in.IsFloat():
		return p.storage.store(p.floats.done(p.wide, 1))
	case p.in.IsComplex():
		return p.complexes.done(p.wide, 4)
	case p.integer.Unsure:
		return unsure
	}
	n := wrap(p.acc, p.integer.Int)
	return convert(p.storage, p.acc, p.out, Scalar{Int: n})
}

// DotGeneral implements compute.Function.
func (f *Function) DotGeneral(lhs compute.Value, lhsContracting, lhsBatch []int, rhs compute.Value, rhsContracting, rhsBatch []int, config compute.DotGeneralConfig) (compute.Value, error) {
	const op = compute.OpTypeDotGeneral
	in, err := f.values(op, lhs, rhs)
	if err != nil {
		return nil, err
	}
	l, r := in[0].Shape(), in[1].Shape()
	shape, err := shapeinference.DotGeneral(l, lhsContracting, lhsBatch, r, rhsContracting, rhsBatch, config)
	if err != nil {
		return nil, err
	}
	shape.AxisNames = nil
	lc, lb, rc, rb := slices.Clone(lhsContracting), slices.Clone(lhsBatch), slices.Clone(rhsContracting), slices.Clone(rhsBatch)
	left, right := sideOf(l, lc, lb), sideOf(r, rc, rb)
	eval := func(run *run, out *Tensor, in []*Tensor) {
		p := run.newProduct(l.DType, config.AccumulatorDType, shape.DType)
		at := 0
		for b := range left.batch {
			for _, i := range left.cross {
				for _, j := range right.cross {
					p.start()
					for k := range left.contracted {
						p.add(in[0].Data[left.batch[b]+i+left.contracted[k]], in[1].Data[right.batch[b]+j+right.contracted[k]])
					}
					out.Data[at] = p.done()
					at++
				}
			}
		}
	}
	options := fmt.Sprintf("contract %v %v batch %v %v", lc, rc, lb, rb)
	if config != (compute.DotGeneralConfig{}) {
		options += fmt.Sprintf(" accumulate %s output %s", config.AccumulatorDType, config.OutputDType)
	}
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.DotGeneral(in[0], lc, lb, in[1], rc, rb, config)
	}), nil)
}

// A side lists where an operand's elements lie: offsets to be added.
type side struct{ batch, cross, contracted []int }

func sideOf(s shapes.Shape, contracting, batch []int) side {
	var cross []int
	for axis := range s.Rank() {
		if !slices.Contains(contracting, axis) && !slices.Contains(batch, axis) {
			cross = append(cross, axis)
		}
	}
	return side{offsets(s.Dimensions, batch), offsets(s.Dimensions, cross), offsets(s.Dimensions, contracting)}
}

// offsets lists the positions along the axes, in their order.
func offsets(dims, axes []int) (list []int) {
	step := strides(dims)
	sizes := make([]int, len(axes))
	for i, axis := range axes {
		sizes[i] = dims[axis]
	}
	each(sizes, func(_ int, index []int) {
		o := 0
		for i, axis := range axes {
			o += index[i] * step[axis]
		}
		list = append(list, o)
	})
	return list
}

// ConvGeneral implements compute.Function.
func (f *Function) ConvGeneral(input, kernel compute.Value, axes compute.ConvolveAxesConfig, stride []int, padding [][2]int, inputDilation, dilation []int, channelGroups, batchGroups int) (compute.Value, error) {
	const op = compute.OpTypeConvGeneral
	in, err := f.values(op, input, kernel)
	if err != nil {
		return nil, err
	}
	channelGroups, batchGroups = max(channelGroups, 1), max(batchGroups, 1)
	x, k := in[0].Shape(), in[1].Shape()
	shape, err := shapeinference.ConvGeneral(x, k, axes, stride, padding, inputDilation, dilation, channelGroups, batchGroups)
	if err != nil {
		return nil, err
	}
	if x.DType != k.DType {
		return nil, fmt.Errorf("oracle: %s of %s with %s: dtypes differ", op, x, k)
	}
	axes = axes.Clone()
	size := make([]int, len(axes.KernelSpatial))
	for i, axis := range axes.KernelSpatial {
		size[i] = k.Dimensions[axis]
	}
	w := newWindow(len(size), size, stride, inputDilation, dilation, padding)
	if len(stride) == 0 {
		w.stride = slices.Repeat([]int{1}, len(size))
	}
	c := convolution{axes, w, x.Dimensions, k.Dimensions, channelGroups, batchGroups}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		p := r.newProduct(x.DType, dtypes.InvalidDType, shape.DType)
		wild := !finite(in[1]) // an engine may multiply padding, and 0 times infinity is not 0
		each(shape.Dimensions, func(at int, o []int) {
			p.start()
			skipped := c.terms(shape.Dimensions, o, func(i, j int) { p.add(in[0].Data[i], in[1].Data[j]) })
			if out.Data[at] = p.done(); skipped && wild {
				out.Data[at] = unsure
			}
		})
	}
	options := fmt.Sprintf("%+v stride %v padding %v input dilation %v dilation %v groups %d %d", axes, w.stride, w.padding, w.inputDilation, w.dilation, channelGroups, batchGroups)
	return f.single(simple(op, in, shape, options, eval, func(g compute.Function, in []compute.Value) (compute.Value, error) {
		return g.ConvGeneral(in[0], in[1], axes, stride, padding, inputDilation, dilation, channelGroups, batchGroups)
	}), nil)
}

type convolution struct {
	axes                       compute.ConvolveAxesConfig
	w                          window
	input, kernel              []int // dimensions
	channelGroups, batchGroups int
}

// terms calls add with the positions in input and kernel of every pair of factors of
// an output element, and reports whether some have padding or a gap for the input.
func (c *convolution) terms(output, o []int, add func(i, j int)) (skipped bool) {
	a := c.axes
	channel := o[a.OutputChannels]
	inputs := c.kernel[a.KernelInputChannels]
	firstChannel := channel / (output[a.OutputChannels] / c.channelGroups) * inputs
	batch := channel/(output[a.OutputChannels]/c.batchGroups)*output[a.OutputBatch] + o[a.OutputBatch]

	spatial, from := make([]int, len(a.OutputSpatial)), make([]int, len(a.OutputSpatial))
	dims := make([]int, len(a.InputSpatial))
	for i := range spatial {
		spatial[i], dims[i] = o[a.OutputSpatial[i]], c.input[a.InputSpatial[i]]
	}
	in, k := make([]int, len(c.input)), make([]int, len(c.kernel))
	in[a.InputBatch], k[a.KernelOutputChannels] = batch, channel
	each(c.w.size, func(_ int, step []int) {
		if _, inside := c.w.at(dims, spatial, step, from); !inside {
			skipped = true
			return
		}
		for i, n := range from {
			in[a.InputSpatial[i]], k[a.KernelSpatial[i]] = n, step[i]
		}
		for n := range inputs {
			in[a.InputChannels], k[a.KernelInputChannels] = firstChannel+n, n
			i, _ := position(c.input, in)
			j, _ := position(c.kernel, k)
			add(i, j)
		}
	})
	return skipped
}
