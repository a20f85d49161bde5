package cpu

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/comlam/comlam/backend/kernel"
)

// A convolution is a matrix product, for each group of channels or images:
//
//	out[position, o] = sum over k of patch[position, k] * kernel[k, o]
//
// A position is an image and a place in the output; k is a place in the kernel and
// an input channel. Where patches leave the input, they are read from a copy of it with
// the zeros around it. They overlap and are never in memory themselves. Who reads them:
//
//	op_conv_tile.go   float32, long runs of channels: the innermost loops read them in place
//	op_conv_sum.go    float32, gradients of kernels: they read both operands in place
//	op_conv_depth.go  a group for each channel: no product at all
//	op_conv_patch.go  all others: the product asks for pieces when it packs its panels
//
// The gradients with respect to the input and the kernel are convolutions as well,
// with their axes in other roles; nothing here knows which is which. Which way is
// taken depends on shapes only, and so do the bits of the result.

// convolution is the product of one class of positions.
type convolution struct {
	// Axes of the positions and of k; x is in the input, y in the output (positions) or in
	// the kernel (k), in elements.
	lanes, ks         []axis
	outer             int // that many axes of lanes, the first, are batches
	cols, colW, colO  int // output channels of a group; from one to the next
	groups, channels  int // channels of a group's input
	groupX            int // from one group to the next in the input
	groupW, groupO    int // in the kernel, in the output
	fromX, fromW      int // first element
	fromO             int
	rows, rowO, sums  int // positions of a batch, from one to the next; elements of k
	batches           int // groups times outer positions
	size              int
	dtype             dtypes.DType
	xData, wData, out []byte
}

// runConv is the convolution; see convSpatial for its definition.
func runConv(c *call) error {
	if c.out[0].shape.Size() == 0 {
		return nil
	}
	classes := c.convolutions()
	if slices.ContainsFunc(classes, func(v *convolution) bool { return v.sums == 0 }) {
		clear(c.out[0].data)
	}
	for _, v := range classes {
		if v.sums > 0 {
			v.run(c)
		}
	}
	return nil
}

// convolutions divides the positions into classes.
func (c *call) convolutions() []*convolution {
	a, x, w, out := c.n.attr.(convAttr), c.in[0], c.in[1].shape.Dimensions, c.out[0].shape.Dimensions
	spatial := a.classes(x.shape.Dimensions, w, out)
	_, first := a.room(x.shape.Dimensions, spatial)
	if len(c.out) > 1 {
		c.surround(x, c.out[1], first, make([]byte, x.shape.DType.Size()))
		x = c.out[1]
	}
	xs, ws, os := rowMajor(x.shape.Dimensions), rowMajor(w), rowMajor(out)
	groups := a.channelGroups * a.batchGroups
	channels, images := w[a.axes.KernelInputChannels], out[a.axes.OutputBatch]
	base := convolution{
		groups: groups, channels: channels, cols: out[a.axes.OutputChannels] / groups,
		colW: ws[a.axes.KernelOutputChannels], colO: os[a.axes.OutputChannels],
		size: x.shape.DType.Size(), dtype: x.shape.DType,
		xData: x.data, wData: c.in[1].data, out: c.out[0].data,
	}
	base.groupW, base.groupO = base.cols*base.colW, base.cols*base.colO
	base.groupX = channels * xs[a.axes.InputChannels]
	if a.batchGroups > 1 {
		base.groupX = images * xs[a.axes.InputBatch]
	}
	base.lanes = []axis{{images, xs[a.axes.InputBatch], os[a.axes.OutputBatch]}}
	base.ks = []axis{{channels, xs[a.axes.InputChannels], ws[a.axes.KernelInputChannels]}}
	all := []*convolution{&base}
	for i, classes := range spatial {
		xa := a.axes.InputSpatial[i]
		xStep, wStep, oStep := xs[xa], ws[a.axes.KernelSpatial[i]], os[a.axes.OutputSpatial[i]]
		var next []*convolution
		for _, p := range classes {
			for _, v := range all {
				v := *v
				v.lanes = append(slices.Clone(v.lanes), axis{p.positions, p.move * xStep, p.outStep * oStep})
				v.ks = append(slices.Clone(v.ks), axis{p.taps, p.step * xStep, p.tapStep * wStep})
				v.fromX, v.fromW, v.fromO = v.fromX+(p.from+first[xa])*xStep, v.fromW+p.tap*wStep, v.fromO+p.out*oStep
				next = append(next, &v)
			}
		}
		all = next
	}
	for _, v := range all {
		v.arrange()
	}
	return all
}

// convSpatial is a spatial axis:
//
//	out[p] = sum over t of x[(p*stride + t*step - pad) / hole] * kernel[t]
//
// over those t for which there is such an element of x.
type convSpatial struct {
	in, size, out           int // elements of the input, the kernel and the output
	stride, step, hole, pad int
}

// convClass is a part of a spatial axis in which nothing is divided: its position i and
// its element j of the kernel meet at place from + i*move + j*step of the input.
type convClass struct {
	positions, taps  int
	from, move, step int
	out, outStep     int // of positions: the first, from one to the next
	tap, tapStep     int // of the kernel
}

func (a convAttr) classes(x, w, out []int) [][]convClass {
	all := make([][]convClass, len(a.strides))
	for i := range all {
		s := convSpatial{x[a.axes.InputSpatial[i]], w[a.axes.KernelSpatial[i]], out[a.axes.OutputSpatial[i]],
			a.strides[i], a.kernelDilations[i], a.inputDilations[i], a.paddings[i][0]}
		all[i] = s.classes()
	}
	return all
}

// classes divides an axis by which elements of the kernel meet elements of the
// input between which there are holes: positions that are q apart meet the same
// ones, those that are d apart. So no product ever multiplies the zeros in holes.
func (s *convSpatial) classes() (all []convClass) {
	q, d := s.hole/gcd(s.hole, s.stride), s.hole/gcd(s.hole, s.step)
	for r := range min(q, s.out) {
		c := convClass{positions: ceilDiv(s.out-r, q), move: q * s.stride / s.hole, step: d * s.step / s.hole, out: r, outStep: q, tapStep: d}
		for c.tap < d && (r*s.stride+c.tap*s.step-s.pad)%s.hole != 0 {
			c.tap++
		}
		if c.tap < d {
			c.taps = max(0, ceilDiv(s.size-c.tap, d))
		}
		c.from = floorDiv(r*s.stride+c.tap*s.step-s.pad, s.hole)
		// Elements of the kernel that meet zeros at all positions are left out.
		lo := max(0, ceilDiv(-c.from-(c.positions-1)*c.move, c.step))
		hi := min(c.taps, floorDiv(s.in-1-c.from, c.step)+1)
		c.taps, c.tap, c.from = max(0, hi-lo), c.tap+lo*d, c.from+lo*c.step
		all = append(all, c)
	}
	return all
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// room is the dimensions of the input with the zeros that patches meet, and the place
// of its first element among them.
func (a convAttr) room(x []int, spatial [][]convClass) (dims, first []int) {
	dims, first = slices.Clone(x), make([]int, len(x))
	for i, axis := range a.axes.InputSpatial {
		lo, hi := 0, x[axis]
		for _, c := range spatial[i] {
			if c.taps > 0 {
				lo, hi = min(lo, c.from), max(hi, c.from+(c.positions-1)*c.move+(c.taps-1)*c.step+1)
			}
		}
		dims[axis], first[axis] = hi-lo, -lo
	}
	return dims, first
}

// convRoom is the array that a convolution needs beside its output: its input with
// zeros around it; ok is false where no patch leaves the input.
func convRoom(a convAttr, x, w, out shapes.Shape) (room shapes.Shape, ok bool) {
	dims, _ := a.room(x.Dimensions, a.classes(x.Dimensions, w.Dimensions, out.Dimensions))
	return shapes.Make(x.DType, dims...), !slices.Equal(dims, x.Dimensions)
}

// arrange puts k in the order in which it lies in the input, for long runs of
// memory, and positions as they lie in the output, where the product needs one
// stride: the longest part that has one stays, the others become batches.
func (v *convolution) arrange() {
	v.sums = elements(v.ks)
	one := func(a axis) bool { return a.n == 1 }
	v.lanes, v.ks = slices.DeleteFunc(v.lanes, one), slices.DeleteFunc(v.ks, one)
	slices.SortStableFunc(v.ks, func(a, b axis) int { return cmp.Compare(b.x, a.x) })
	slices.SortStableFunc(v.lanes, func(a, b axis) int { return cmp.Compare(b.y, a.y) })
	v.lengthen()
	var first, last int // of the longest part
	v.rows = 1
	for i := 0; i < len(v.lanes); {
		j, n := i+1, v.lanes[i].n
		for ; j < len(v.lanes) && v.lanes[j-1].y == v.lanes[j].n*v.lanes[j].y; j++ {
			n *= v.lanes[j].n
		}
		if n > v.rows {
			first, last, v.rows, v.rowO = i, j, n, v.lanes[j-1].y
		}
		i = j
	}
	part := slices.Clone(v.lanes[first:last])
	v.lanes = append(slices.Delete(v.lanes, first, last), part...)
	v.outer = len(v.lanes) - len(part)
	v.batches = v.groups * elements(v.lanes[:v.outer])
}

// lengthen makes the longest axis of k the innermost one where positions move along the
// rows of an image that lies in memory channel by channel: these are the longer runs, and
// blocks of patches are then as high as there are channels.
func (v *convolution) lengthen() {
	n, m := len(v.ks), len(v.lanes)
	if n == 0 || m == 0 || v.lanes[m-1].x != 1 || v.ks[n-1].x != 1 || v.lanes[m-1].n < v.ks[n-1].n {
		return
	}
	best := 0
	for i, k := range v.ks {
		if k.n > v.ks[best].n {
			best = i
		}
	}
	longest := v.ks[best]
	v.ks = append(slices.Delete(v.ks, best, best+1), longest)
}

// straighten copies a small kernel into the order of k, unless it is a matrix as it
// lies; nil if it does not.
func (v *convolution) straighten(c *call) *scratch {
	positions, size := v.rows*v.batches/v.groups, v.groups*v.sums*v.cols
	if _, _, ok := v.weights(convRange{}).plain(); ok || positions < convReuse || size > convCopy {
		return nil
	}
	dims, from := []int{v.groups}, []int{v.groupW}
	for _, k := range v.ks {
		dims, from = append(dims, k.n), append(from, k.y)
	}
	dims, from = append(dims, v.cols), append(from, v.colW)
	to := rowMajor(dims)
	s := borrow(size * v.size)
	newMover(v.size, dims, to, from).run(at(s.data, 0), at(v.wData, v.fromW*v.size), c.do)
	for i := range v.ks {
		v.ks[i].y = to[i+1]
	}
	v.wData, v.fromW, v.groupW, v.colW = s.data, 0, to[0], 1
	return s
}

const (
	convReuse = 64      // positions for which copying the kernel is worthwhile
	convCopy  = 1 << 21 // elements of a kernel that is small
)

// run computes the class.
func (v *convolution) run(c *call) {
	if v.runDepthwise(c) {
		return
	}
	if s := v.straighten(c); s != nil {
		defer s.free()
	}
	if v.runTiled(c) || v.runParts(c) {
		return
	}
	v.multiply(c, kernel.Matrix{Data: at(v.out, v.fromO*v.size), RowStride: v.rowO, ColStride: v.colO}, convRange{0, v.sums, 1})
}

// runParts computes the class if much is summed for a small result, as in the
// gradient of a kernel: it sums parts of k apart and adds them up in their order.
// Each task then reads its own part of the operands, where rows of the whole result
// would each read them all.
func (v *convolution) runParts(c *call) bool {
	n := v.rows * v.cols
	if v.batches > 1 || n > convSmall || v.sums < convDepth {
		return false
	}
	parts, tiles := min(convParts, v.sums/(convDepth/2)), v.newTiledSum()
	if tiles != nil {
		parts = min(parts, tiles.lines)
	}
	s := borrow((parts + 1) * n * v.size)
	defer s.free()
	sum := func(part int) kernel.Matrix {
		return kernel.Matrix{Data: at(s.data, part*n*v.size), RowStride: v.cols, ColStride: 1}
	}
	count := parts
	if tiles != nil {
		ranges(c.do, parts, 1, func(i, _ int) {
			tiles.sum(sum(i), i*tiles.lines/parts, (i+1)*tiles.lines/parts)
		})
	} else {
		each := v.sums / parts
		v.multiply(c, sum(0), convRange{0, each, parts})
		if rest := v.sums - parts*each; rest > 0 {
			v.multiply(c, sum(parts), convRange{parts * each, rest, 1})
			count++
		}
	}
	add := kernel.Binary(compute.OpTypeAdd, v.dtype, kernel.VV)
	ranges(c.do, n, perTask(count*v.size), func(lo, hi int) {
		first := at(s.data, lo*v.size)
		for i := 1; i < count; i++ {
			add(first, first, at(s.data, (i*n+lo)*v.size), hi-lo)
		}
	})
	newMover(v.size, []int{v.rows, v.cols}, []int{v.rowO, v.colO}, []int{v.cols, 1}).run(at(v.out, v.fromO*v.size), at(s.data, 0), c.do)
	return true
}

const (
	convParts = 16      // tasks that share the sums of a small result
	convDepth = 1024    // elements of k that make parts worthwhile
	convSmall = 1 << 17 // elements of a small result
)

// convRange is one or more parts of k, each with so many sums.
type convRange struct{ from, sums, parts int }

// multiply computes parts of the product; the results of parts follow each other.
func (v *convolution) multiply(c *call, out kernel.Matrix, r convRange) {
	n := v.batches * r.parts
	s := borrow(3 * n * int(unsafe.Sizeof(int(0))))
	defer s.free()
	offsets := unsafe.Slice((*int)(at(s.data, 0)), 3*n)
	p := kernel.Product{M: v.rows, N: v.cols, K: r.sums, Batch: n, Type: v.dtype, C: out,
		AOff: offsets[:n], BOff: offsets[n : 2*n], COff: offsets[2*n:]}
	v.offsets(p.COff, v.groupO, v.rows*v.cols, func(w walk) int { return w.y })
	x, w := v.patches(r), v.weights(r)
	if lane, k, ok := x.plain(); ok {
		p.A = kernel.Matrix{Data: at(v.xData, (v.fromX+r.from*k)*v.size), RowStride: lane, ColStride: k}
		v.offsets(p.AOff, v.groupX, r.sums*k, func(w walk) int { return w.x })
	} else {
		p.FillA = x.source()
	}
	if lane, k, ok := w.plain(); ok {
		p.B = kernel.Matrix{Data: at(v.wData, (v.fromW+r.from*k)*v.size), RowStride: k, ColStride: lane}
		v.offsets(p.BOff, v.groupW, r.sums*k, func(walk) int { return 0 })
	} else {
		p.FillB = w.source()
	}
	p.Run(c.do)
}

// offsets sets where each batch begins: parts, in them groups, in these the outer
// positions.
func (v *convolution) offsets(dst []int, group, part int, place func(walk) int) {
	n := v.batches / v.groups
	for i := range dst {
		dst[i] = i/v.batches*part + i/n%v.groups*group + place(walkFrom(v.lanes[:v.outer], i%n))
	}
}
