package cpu

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// A convolution is a matrix product, for each group of channels or images:
//
//	out[position, o] = sum over k of patch[position, k] * kernel[k, o]
//
// A position is an image and a place in the output; k is a place in the kernel and
// an input channel. The patches overlap and are never in memory. Who makes them:
//
//	op_conv_tile.go   float32, long runs of channels: the innermost loops read them in the input
//	op_conv_sum.go    float32, gradients of kernels: they read both operands in place
//	op_conv_depth.go  a group for each channel: no product at all
//	op_conv_patch.go  all others: the product asks for pieces when it packs its panels
//
// The gradients with respect to the input and the kernel are convolutions as well,
// with their axes in other roles; nothing here knows which is which. Which way is
// taken depends on shapes only, and so do the bits of the result.

// convAxis is an axis of the positions or of k.
type convAxis struct {
	n    int
	x    int // from one index to the next in the input, in elements
	y    int // the same in the output (positions) or in the kernel (k)
	tap  int // the tap that it moves, or -1
	move int // how far, in places of the input
}

// placeOf is where element i of axes lies, in the input and the output (or the kernel);
// what it adds to the taps is added to pos.
func placeOf(axes []convAxis, i int, pos []int) (x, y int) {
	for k := len(axes) - 1; k >= 0; k-- {
		a := &axes[k]
		j := i % a.n
		i /= a.n
		x, y = x+j*a.x, y+j*a.y
		if a.tap >= 0 {
			pos[a.tap] += j * a.move
		}
	}
	return x, y
}

// convTap is a spatial axis of the input that patches may leave: an axis of the
// positions and one of k add up to a place on it, and outside there are zeros.
type convTap struct {
	in   int // places
	from int // where the first position's patch begins
}

// convolution is the product of one class of positions.
type convolution struct {
	lanes, ks         []convAxis
	taps              []convTap
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

// runConv is the convolution; see convClasses for its definition.
func runConv(c *call) error {
	if c.out[0].shape.Size() == 0 {
		return nil
	}
	classes := c.convolutions()
	if slices.ContainsFunc(classes, func(v *convolution) bool { return v.sums == 0 }) {
		clear(c.out[0].data)
	}
	for _, v := range classes {
		if v.sums > 0 && !v.runDepthwise(c) {
			v.run(c)
		}
	}
	return nil
}

// convolutions divides the positions into classes.
func (c *call) convolutions() []*convolution {
	a, x, w, out := c.n.attr.(convAttr), c.in[0].shape.Dimensions, c.in[1].shape.Dimensions, c.out[0].shape.Dimensions
	xs, ws, os := rowMajor(x), rowMajor(w), rowMajor(out)
	spatial, count := make([][]convClass, len(a.strides)), 1
	for i := range spatial {
		xa, wa, oa := a.axes.InputSpatial[i], a.axes.KernelSpatial[i], a.axes.OutputSpatial[i]
		s := &convSpatial{x[xa], w[wa], out[oa], xs[xa], ws[wa], os[oa],
			a.strides[i], a.kernelDilations[i], a.inputDilations[i], a.paddings[i][0]}
		spatial[i] = s.classes()
		count *= len(spatial[i])
	}
	groups := a.channelGroups * a.batchGroups
	channels, images := w[a.axes.KernelInputChannels], out[a.axes.OutputBatch]
	base := convolution{
		groups: groups, channels: channels, cols: out[a.axes.OutputChannels] / groups,
		colW: ws[a.axes.KernelOutputChannels], colO: os[a.axes.OutputChannels],
		size: c.out[0].shape.DType.Size(), dtype: c.out[0].shape.DType,
		xData: c.in[0].data, wData: c.in[1].data, out: c.out[0].data,
	}
	base.groupW, base.groupO = base.cols*base.colW, base.cols*base.colO
	base.groupX = channels * xs[a.axes.InputChannels]
	if a.batchGroups > 1 {
		base.groupX = images * xs[a.axes.InputBatch]
	}
	base.lanes = []convAxis{{images, xs[a.axes.InputBatch], os[a.axes.OutputBatch], -1, 0}}
	base.ks = []convAxis{{channels, xs[a.axes.InputChannels], ws[a.axes.KernelInputChannels], -1, 0}}
	all := make([]*convolution, count)
	for i := range all {
		v := base
		v.lanes, v.ks = slices.Clone(base.lanes), slices.Clone(base.ks)
		for k, rest := 0, i; k < len(spatial); k++ {
			v.add(&spatial[k][rest%len(spatial[k])])
			rest /= len(spatial[k])
		}
		v.arrange()
		all[i] = &v
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
	x, w, o                 int // from one to the next
	stride, step, hole, pad int
}

// convClass is a part of a spatial axis in which nothing is divided.
type convClass struct {
	lane, k    convAxis
	tap        convTap
	inside     bool // no patch leaves the input
	x, w, outO int  // first element
}

// classes divides an axis by which elements of the kernel meet elements of the
// input between which there are holes: positions that are q apart meet the same
// ones, those that are d apart. So no product ever multiplies the zeros in holes.
func (s *convSpatial) classes() []convClass {
	q, d := s.hole/gcd(s.hole, s.stride), s.hole/gcd(s.hole, s.step)
	var all []convClass
	for r := range min(q, s.out) {
		places := ceilDiv(s.out-r, q)
		c := convClass{outO: r * s.o, lane: convAxis{places, 0, q * s.o, 0, q * s.stride / s.hole}}
		first := 0
		for first < d && (r*s.stride+first*s.step-s.pad)%s.hole != 0 {
			first++
		}
		c.k = convAxis{max(0, ceilDiv(s.size-first, d)), 0, d * s.w, 0, d * s.step / s.hole}
		if first == d {
			c.k.n = 0
		}
		c.w = first * s.w
		c.tap = convTap{s.in, floorDiv(r*s.stride+first*s.step-s.pad, s.hole)}
		c.trim()
		c.lane.x, c.k.x, c.x = c.lane.move*s.x, c.k.move*s.x, c.tap.from*s.x
		last := c.tap.from + (c.lane.n-1)*c.lane.move + (c.k.n-1)*c.k.move
		c.inside = c.tap.from >= 0 && last < s.in
		all = append(all, c)
	}
	return all
}

// trim drops elements of the kernel that meet the padding at all positions.
func (c *convClass) trim() {
	lo := max(0, ceilDiv(-c.tap.from-(c.lane.n-1)*c.lane.move, c.k.move))
	hi := min(c.k.n, floorDiv(c.tap.in-1-c.tap.from, c.k.move)+1)
	c.k.n = max(0, hi-lo)
	c.w += lo * c.k.y
	c.tap.from += lo * c.k.move
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// add adds a spatial axis.
func (v *convolution) add(c *convClass) {
	lane, k := c.lane, c.k
	if lane.tap, k.tap = -1, -1; !c.inside {
		lane.tap, k.tap = len(v.taps), len(v.taps)
		v.taps = append(slices.Clone(v.taps), c.tap)
	}
	v.lanes, v.ks = append(v.lanes, lane), append(v.ks, k)
	v.fromX, v.fromW, v.fromO = v.fromX+c.x, v.fromW+c.w, v.fromO+c.outO
}

// arrange puts k in the order in which it lies in the input, for long runs of
// memory, and positions as they lie in the output, where the product needs one
// stride: the longest part that has one stays, the others become batches.
func (v *convolution) arrange() {
	v.sums, v.batches = 1, v.groups
	for _, k := range v.ks {
		v.sums *= k.n
	}
	one := func(a convAxis) bool { return a.n == 1 }
	v.lanes, v.ks = slices.DeleteFunc(v.lanes, one), slices.DeleteFunc(v.ks, one)
	slices.SortStableFunc(v.ks, func(a, b convAxis) int { return cmp.Compare(b.x, a.x) })
	slices.SortStableFunc(v.lanes, func(a, b convAxis) int { return cmp.Compare(b.y, a.y) })
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
	for _, a := range v.lanes[:v.outer] {
		v.batches *= a.n
	}
}

// lengthen makes the innermost axis of k one that stays while positions move along
// the rows of an image that lies in memory channel by channel: blocks of patches are
// then as high as there are channels, and none is cut where an image ends.
func (v *convolution) lengthen() {
	n, m := len(v.ks), len(v.lanes)
	if n == 0 || m == 0 || v.lanes[m-1].x != 1 || v.lanes[m-1].tap < 0 || v.lanes[m-1].tap != v.ks[n-1].tap || v.lanes[m-1].n < v.ks[n-1].n {
		return
	}
	best := -1
	for i, k := range v.ks {
		if k.tap < 0 && (best < 0 || k.n > v.ks[best].n) {
			best = i
		}
	}
	if best >= 0 {
		longest := v.ks[best]
		v.ks = append(slices.Delete(v.ks, best, best+1), longest)
	}
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
	v.offsets(p.COff, v.groupO, v.rows*v.cols, func(a convAxis) int { return a.y })
	x, w := v.patches(r), v.weights(r)
	if lane, k, ok := x.plain(); ok {
		p.A = kernel.Matrix{Data: at(v.xData, (v.fromX+r.from*k)*v.size), RowStride: lane, ColStride: k}
		v.offsets(p.AOff, v.groupX, r.sums*k, func(a convAxis) int { return a.x })
	} else {
		p.FillA = x.source()
	}
	if lane, k, ok := w.plain(); ok {
		p.B = kernel.Matrix{Data: at(v.wData, (v.fromW+r.from*k)*v.size), RowStride: k, ColStride: lane}
		v.offsets(p.BOff, v.groupW, r.sums*k, func(convAxis) int { return 0 })
	} else {
		p.FillB = w.source()
	}
	p.Run(c.do)
}

// offsets sets where each batch begins: parts, in them groups, in these the outer
// positions.
func (v *convolution) offsets(dst []int, group, part int, pitch func(convAxis) int) {
	n := v.batches / v.groups
	for i := range dst {
		dst[i] = i/v.batches*part + i/n%v.groups*group
		for k, rest := v.outer-1, i%n; k >= 0; k-- {
			a := v.lanes[k]
			dst[i] += rest % a.n * pitch(a)
			rest /= a.n
		}
	}
}
