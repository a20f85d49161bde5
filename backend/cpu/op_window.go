package cpu

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/gotype"

	"github.com/comlam/comlam/backend/kernel"
)

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

// windowOps are the reductions of ReduceWindow.
var windowOps = map[compute.ReduceOpType]compute.OpType{
	compute.ReduceOpSum:     compute.OpTypeReduceSum,
	compute.ReduceOpProduct: compute.OpTypeReduceProduct,
	compute.ReduceOpMax:     compute.OpTypeReduceMax,
	compute.ReduceOpMin:     compute.OpTypeReduceMin,
}

// pooling is a ReduceWindow that is running. Its innermost axis is done a vector
// at a time.
type pooling struct {
	*sliding
	pair    kernel.Func2
	strided func(dst, src unsafe.Pointer, srcStride, n int)
	size    int
	last    tap
}

// runReduceWindow reduces windows:
//
//	out[o] = op over k of x[(o*strides + k*windowDilations - pad) / inputDilations]
//
// over those k for which there is such an element.
func runReduceWindow(c *call) error {
	a, x, out := c.n.attr.(windowAttr), c.in[0], c.out[0]
	_, pair, first := foldLoops(windowOps[a.reduce], x.shape.DType)
	p := &pooling{sliding: newSliding(a, x.shape.Dimensions, out.shape.Dimensions), pair: pair, size: len(first)}
	if out.shape.Size() == 0 {
		return nil
	}
	if len(p.taps) == 1 && p.taps[0].running() {
		ranges(c.do, p.rows, perTask(p.out*p.size), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				p.scan(at(out.data, i*p.out*p.size), at(x.data, i*p.in*p.size))
			}
		})
		return nil
	}
	p.strided = kernel.CopyStrided(p.size)
	p.last = tap{p.n, p.n, 1, 1, 1, 1, 0, 1, 1} // the run that stays, as an axis
	if p.n == 1 && len(p.taps) > 0 {
		p.last, p.taps = p.taps[len(p.taps)-1], p.taps[:len(p.taps)-1]
	}
	lines, work := 1, p.last.out*p.last.size*p.size
	for _, t := range p.taps {
		lines, work = lines*t.out, work*t.size
	}
	c.fill(out.data, first)
	ranges(c.do, p.rows*lines, perTask(work), func(lo, hi int) {
		s := borrow(p.last.out * p.size)
		defer s.free()
		at0 := make([]int, len(p.taps))
		for i := lo; i < hi; i++ {
			for k, rest := len(p.taps)-1, i%lines; k >= 0; k-- {
				at0[k] = rest % p.taps[k].out
				rest /= p.taps[k].out
			}
			p.window(at(out.data, i*p.last.out*p.size), at(x.data, i/lines*p.in*p.size), at(s.data, 0), at0, 0)
		}
	})
	return nil
}

// window adds to the line dst all elements of its windows, axis by axis.
func (p *pooling) window(dst, x, tmp unsafe.Pointer, at0 []int, axis int) {
	if axis < len(p.taps) {
		t := &p.taps[axis]
		for k := range t.size {
			if i, ok := t.meets(at0[axis], k); ok {
				p.window(dst, unsafe.Add(x, i*t.inStep*p.size), tmp, at0, axis+1)
			}
		}
		return
	}
	t, size := &p.last, p.size
	for k := range t.size {
		from := k*t.step - t.pad // of output 0
		if t.hole > 1 {
			for o := range t.out {
				if i, ok := t.meets(o, k); ok {
					d := unsafe.Add(dst, o*size)
					p.pair(d, d, unsafe.Add(x, i*size), 1)
				}
			}
			continue
		}
		lo := max(0, ceilDiv(-from, t.stride))
		n := min(t.out, floorDiv(t.in-1-from, t.stride)+1) - lo
		if n <= 0 {
			continue
		}
		src, d := unsafe.Add(x, (lo*t.stride+from)*size), unsafe.Add(dst, lo*size)
		if t.stride != 1 {
			p.strided(tmp, src, t.stride, n)
			src = tmp
		}
		p.pair(d, d, src, n)
	}
}

// running says whether each output reduces all inputs up to its own, as in a
// cumulative sum.
func (t *tap) running() bool {
	return t.size >= t.in && t.pad == t.size-1 && t.out == t.in && t.stride == 1 && t.step == 1 && t.hole == 1
}

// scan does a row of a running reduction.
func (p *pooling) scan(dst, x unsafe.Pointer) {
	line := p.n * p.size
	copy(unsafe.Slice((*byte)(dst), line), unsafe.Slice((*byte)(x), line))
	for i := 1; i < p.taps[0].in; i++ {
		p.pair(unsafe.Add(dst, i*line), unsafe.Add(dst, (i-1)*line), unsafe.Add(x, i*line), p.n)
	}
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
