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
	if inner := product(d[axis+1:]); (stride == size || out == 1) && step == 1 && max(size, inner) >= 32 { // they are neighbours
		x = f.along(x, axis, 0, out*size)
		x = f.foldRun(op, f.reshape(x, product(d[:axis])*out, size, inner))
		return f.reshape(x, d...)
	}
	if size <= 4 || size <= min(4*stride, 64) {
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
	x, source, out, a := c.in[0], c.in[1], c.out[0], c.n.attr.(windowAttr)
	clear(out.data)
	if source.shape.Size() == 0 || x.shape.Size() == 0 {
		return
	}
	// The axes on which windows move are between those on which they stay: rows, each
	// done in strips of columns.
	stays := func(i int) bool { return a.dims[i] == 1 && a.strides[i] == 1 && a.paddings[i] == [2]int{} }
	dims, first, last := x.shape.Dimensions, 0, x.shape.Rank()
	for first < last && stays(first) {
		first++
	}
	for last > first && stays(last-1) {
		last--
	}
	to, from := source.shape.Dimensions, rowMajor(source.shape.Dimensions)
	var taps []tap
	var windows []axis // y is in the source
	for i, step := range rowMajor(dims)[:last] {
		if i >= first {
			taps = append(taps, tap{a.dims[i], a.strides[i], a.paddings[i][0], dims[i], step})
			windows = append(windows, axis{n: to[i], y: from[i]})
		}
	}
	cols := product(dims[last:])
	strips, rowIn, rowOut := ceilDiv(cols, stripWidth), product(dims[first:]), elements(windows)*cols
	ranges(c.do, product(dims[:first])*strips, perTask(rowIn/strips*x.shape.DType.Size()), func(lo, hi int) {
		p := &picker[T]{taps: taps, windows: windows, least: c.n.op == compute.OpTypeSelectAndScatterMin}
		p.box.axes = make([]axis, len(taps))
		for i := lo; i < hi; i++ {
			row, col := i/strips, i%strips*stripWidth
			p.x, p.out, p.source = of[T](x)[row*rowIn:][:rowIn], of[T](out)[row*rowIn:][:rowIn], of[T](source)[row*rowOut:][:rowOut]
			p.strip(col, min(stripWidth, cols-col))
		}
	})
}

const stripWidth = 64

// tap is an axis on which windows of a size move: they are stride apart, over n elements
// that are step apart in memory and have padding before them.
type tap struct{ size, stride, padding, n, step int }

// picker does one row after the other.
type picker[T gotype.NumericNotComplex] struct {
	taps           []tap
	windows        []axis
	x, source, out []T
	least          bool
	box            walk // of a window: what of it is not padding
	best           [stripWidth]T
	place          [stripWidth]int
}

// strip does n columns of a row.
func (p *picker[T]) strip(col, n int) {
	w := walkFrom(p.windows, 0)
	for range elements(p.windows) {
		begin := col
		for i, t := range p.taps {
			at := w.at[i]*t.stride - t.padding
			from := max(at, 0)
			p.box.axes[i] = axis{n: max(min(at+t.size, t.n)-from, 0), x: t.step}
			begin += from * t.step
		}
		if size := elements(p.box.axes); size > 0 {
			p.pick(begin, n, size)
			for i, v := range p.source[w.y+col:][:n] {
				p.out[p.place[i]] += v
			}
		}
		w.on(1)
	}
}

// pick finds the places of the best elements of a box of so many.
func (p *picker[T]) pick(begin, n, size int) {
	copy(p.best[:n], p.x[begin:])
	for i := range n {
		p.place[i] = begin + i
	}
	for range size - 1 {
		p.box.on(1)
		at := begin + p.box.x
		for i, v := range p.x[at:][:n] {
			if b := p.best[i]; !p.least && v > b || p.least && v < b || v != v && b == b {
				p.best[i], p.place[i] = v, at+i
			}
		}
	}
	p.box.on(1) // back to the first
}
