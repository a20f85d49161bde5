package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/gotype"
	"github.com/gomlx/compute/shapes"
)

// windowOps are the reductions of ReduceWindow.
var windowOps = map[compute.ReduceOpType]compute.OpType{
	compute.ReduceOpSum:     compute.OpTypeReduceSum,
	compute.ReduceOpProduct: compute.OpTypeReduceProduct,
	compute.ReduceOpMax:     compute.OpTypeReduceMax,
	compute.ReduceOpMin:     compute.OpTypeReduceMin,
}

// windows folds windows, axis by axis, of an array that is padded before with what
// changes nothing.
func (f *function) windows(x *node, a windowAttr) *node {
	op, t := windowOps[a.reduce], x.shape.DType
	_, _, first := foldLoops(op, t)
	pads := make([]compute.PadAxis, len(a.dims))
	for i, p := range a.paddings {
		pads[i] = compute.PadAxis{Start: p[0], End: p[1], Interior: a.inputDilations[i] - 1}
	}
	x = f.pad(x, f.constant(first, shapes.Make(t)), pads)
	for i, n := range a.dims {
		x = f.slide(op, x, i, n, a.windowDilations[i], a.strides[i])
	}
	return x
}

// slide folds windows that move along one axis: size elements that are step apart, every
// stride-th window.
func (f *function) slide(op compute.OpType, x *node, axis, size, step, stride int) *node {
	d := slices.Clone(x.shape.Dimensions)
	out := (d[axis]-(size-1)*step-1)/stride + 1
	if d[axis] = out; product(d) == 0 || size == 1 {
		return f.every(x, axis, 0, out, stride)
	}
	if inner := product(d[axis+1:]); stride == size && step == 1 && max(size, inner) >= 32 { // they are neighbours
		x = f.along(x, axis, 0, out*size)
		x = f.foldRun(op, f.reshape(x, product(d[:axis])*out, size, inner))
		return f.reshape(x, d...)
	}
	if size <= 4*stride || size <= 4 {
		y := f.every(x, axis, 0, out, stride)
		for k := 1; k < size; k++ {
			y = f.op2(foldOps[op], y, f.every(x, axis, k*step, out, stride))
		}
		return y
	}
	// Windows of 1, 2, 4 ... elements, each made of two of the ones before; those that
	// add up to size follow each other.
	var y *node
	n, done := (out-1)*stride+1, 0
	for width := 1; ; width *= 2 {
		if size&width != 0 {
			part := f.every(x, axis, done*step, out, stride)
			if done += width; y == nil {
				y = part
			} else {
				y = f.op2(foldOps[op], y, part)
			}
		}
		if done == size {
			return y
		}
		m := n + (size-2*width)*step // positions of the wider ones
		x = f.op2(foldOps[op], f.along(x, axis, 0, m), f.along(x, axis, width*step, width*step+m))
	}
}

// every is n elements of an axis, stride apart.
func (f *function) every(x *node, axis, from, n, stride int) *node {
	starts, limits := make([]int, x.shape.Rank()), slices.Clone(x.shape.Dimensions)
	strides := slices.Repeat([]int{1}, len(starts))
	starts[axis], limits[axis], strides[axis] = from, from+(n-1)*stride+1, stride
	return f.slice(x, starts, limits, strides)
}

// tap is an axis along which a window moves: for output o, element k of the window
// is element (o*stride + k*step - pad) / hole of the input, if there is one.
type tap struct {
	in, out, size           int
	stride, step, hole, pad int
	inStep, outStep         int // strides of the axis in elements
}

func (t *tap) meets(o, k int) (i int, ok bool) {
	i = o*t.stride + k*t.step - t.pad
	if i < 0 || i%t.hole != 0 {
		return 0, false
	}
	i /= t.hole
	return i, i < t.in
}

// sliding is the geometry of a windowed operation: rows on which windows have one
// element and stay, axes on which they move, and an innermost run like the rows.
type sliding struct {
	rows, n int
	taps    []tap
	in, out int // elements of a row
}

func newSliding(a windowAttr, in, out []int) *sliding {
	stays := func(i int) bool {
		return a.dims[i] == 1 && a.strides[i] == 1 && a.inputDilations[i] == 1 && a.paddings[i] == [2]int{}
	}
	s := &sliding{rows: 1, n: 1}
	first, last := 0, len(in)
	for ; first < last && stays(first); first++ {
		s.rows *= in[first]
	}
	for ; last > first && stays(last-1); last-- {
		s.n *= in[last-1]
	}
	s.in, s.out = s.n, s.n
	for i := last - 1; i >= first; i-- {
		t := tap{in[i], out[i], a.dims[i], a.strides[i], a.windowDilations[i], a.inputDilations[i], a.paddings[i][0], s.in, s.out}
		s.taps = append([]tap{t}, s.taps...)
		s.in, s.out = s.in*in[i], s.out*out[i]
	}
	return s
}

// runSelectAndScatter adds, for every window, its element of the source to the
// place of the window's greatest (least) element: the first of equals, the first
// NaN before all.
func runSelectAndScatter(c *call) error {
	selectAndScatters[c.in[0].shape.DType](c)
	return nil
}

var selectAndScatters = map[dtypes.DType]func(c *call){
	dtypes.Float32: selectAndScatter[float32], dtypes.Float64: selectAndScatter[float64],
	dtypes.Int8: selectAndScatter[int8], dtypes.Int16: selectAndScatter[int16],
	dtypes.Int32: selectAndScatter[int32], dtypes.Int64: selectAndScatter[int64],
	dtypes.Uint8: selectAndScatter[uint8], dtypes.Uint16: selectAndScatter[uint16],
	dtypes.Uint32: selectAndScatter[uint32], dtypes.Uint64: selectAndScatter[uint64],
}

func selectAndScatter[T gotype.NumericNotComplex](c *call) {
	x, source, out := c.in[0], c.in[1], c.out[0]
	s := newSliding(c.n.attr.(windowAttr), x.shape.Dimensions, source.shape.Dimensions)
	clear(out.data)
	if source.shape.Size() == 0 || x.shape.Size() == 0 {
		return
	}
	const width = 64
	strips := ceilDiv(s.n, width)
	ranges(c.do, s.rows*strips, perTask(s.in/strips*x.shape.DType.Size()), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, col := i/strips, i%strips*width
			p := &picker[T]{sliding: s, from: col, n: min(width, s.n-col), least: c.n.op == compute.OpTypeSelectAndScatterMin}
			p.x, p.out = of[T](x)[row*s.in:(row+1)*s.in], of[T](out)[row*s.in:(row+1)*s.in]
			p.source = of[T](source)[row*s.out : (row+1)*s.out]
			p.windows(make([]int, len(s.taps)), 0, 0)
		}
	})
}

// picker does a strip of columns of one row.
type picker[T gotype.NumericNotComplex] struct {
	*sliding
	x, source, out []T
	from, n        int
	least, found   bool
	best           [64]T
	place          [64]int
}

// windows goes through all windows, axis by axis.
func (p *picker[T]) windows(at0 []int, axis, source int) {
	if axis < len(p.taps) {
		for o := range p.taps[axis].out {
			at0[axis] = o
			p.windows(at0, axis+1, source+o*p.taps[axis].outStep)
		}
		return
	}
	p.found = false
	p.pick(at0, 0, p.from)
	if p.found {
		for i, v := range p.source[source+p.from:][:p.n] {
			p.out[p.place[i]] += v
		}
	}
}

// pick goes through the elements of a window, axis by axis.
func (p *picker[T]) pick(at0 []int, axis, place int) {
	if axis < len(p.taps) {
		t := &p.taps[axis]
		for k := range t.size {
			if i, ok := t.meets(at0[axis], k); ok {
				p.pick(at0, axis+1, place+i*t.inStep)
			}
		}
		return
	}
	x := p.x[place:][:p.n]
	switch {
	case !p.found:
		p.found = true
		copy(p.best[:], x)
		for i := range x {
			p.place[i] = place + i
		}
	case p.least:
		for i, v := range x {
			if b := p.best[i]; v < b || v != v && b == b {
				p.best[i], p.place[i] = v, place+i
			}
		}
	default:
		for i, v := range x {
			if b := p.best[i]; v > b || v != v && b == b {
				p.best[i], p.place[i] = v, place+i
			}
		}
	}
}
