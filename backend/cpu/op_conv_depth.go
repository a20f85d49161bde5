package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/kernel"
)

// depthwise is a convolution in which each channel is its own group: a product would
// have one column. It goes through lines of the output, along channels or along rows
// of an image, whichever is dense, and adds to a line all elements of the kernel.
type depthwise struct {
	*convolution
	run   convAxis   // of lines; x in the input, y in the output
	runW  int        // from one to the next in the kernel
	outer []convAxis // count the lines
	lines int
	same  int // lines that have the same element of the kernel
	ks    []depthPlace
	add   func(dst, x, w, tmp unsafe.Pointer, n int) // dst += x*w
	copy  func(dst, src unsafe.Pointer, srcStride, n int)
}

// depthPlace is an element of the kernel.
type depthPlace struct {
	x, w  int   // elements from the first one
	moves []int // for each tap, in places
}

// depthLimit is the largest kernel that is not left to products.
const depthLimit = 1 << 10

// runDepthwise computes the convolution if it is of that kind.
func (v *convolution) runDepthwise(c *call) bool {
	if v.channels != 1 || v.cols != 1 || v.groups == 1 || v.sums > depthLimit {
		return false
	}
	d := &depthwise{convolution: v, lines: 1}
	axes := append([]convAxis{{v.groups, v.groupX, v.groupO, -1, 0}}, v.lanes...)
	best := -1
	for i, a := range axes {
		if a.y == 1 && (best < 0 || a.n > axes[best].n) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	d.run = axes[best]
	d.outer = slices.Delete(axes, best, best+1)
	for _, a := range d.outer {
		d.lines *= a.n
	}
	if d.same = d.lines; best == 0 {
		d.runW = v.groupW
	} else {
		d.same /= v.groups // the first axis
	}
	for i := range d.sums {
		p := depthPlace{moves: make([]int, len(d.taps))}
		p.x, p.w = placeOf(v.ks, i, p.moves)
		d.ks = append(d.ks, p)
	}
	d.copy = kernel.CopyStrided(v.size)
	d.loop()
	ranges(c.do, d.lines, perTask(d.run.n*v.sums*v.size), d.part)
	return true
}

// loop chooses the loop that multiplies and adds.
func (d *depthwise) loop() {
	mode, fused := kernel.VV, kernel.VV
	if d.runW == 0 {
		mode, fused = kernel.VS, kernel.SV // fused is about the second factor and what is added
	}
	if f := kernel.MulAdd(d.dtype, fused); f != nil {
		d.add = func(dst, x, w, _ unsafe.Pointer, n int) { f(dst, x, w, dst, n) }
		return
	}
	mul, add := kernel.Binary(compute.OpTypeMul, d.dtype, mode), kernel.Binary(compute.OpTypeAdd, d.dtype, kernel.VV)
	d.add = func(dst, x, w, tmp unsafe.Pointer, n int) {
		mul(tmp, x, w, n)
		add(dst, dst, tmp, n)
	}
}

// part computes lines lo..hi.
func (d *depthwise) part(lo, hi int) {
	s := borrow(2 * d.run.n * d.size)
	defer s.free()
	pos := make([]int, len(d.taps))
	for i := lo; i < hi; i++ {
		for t := range pos {
			pos[t] = d.taps[t].from
		}
		x, o := placeOf(d.outer, i, pos)
		d.line(at(d.out, (d.fromO+o)*d.size), d.fromX+x, d.fromW+i/d.same*d.groupW, pos, s.data)
	}
}

// line computes a line of the output; pos are the places that it begins with.
func (d *depthwise) line(dst unsafe.Pointer, x, w int, pos []int, tmp []byte) {
	r, size := &d.run, d.size
	wipe(dst, r.n*size)
places:
	for i := range d.ks {
		k := &d.ks[i]
		lo, hi := 0, r.n
		for t, move := range k.moves {
			at, in := pos[t]+move, d.taps[t].in
			if t == r.tap {
				lo, hi = max(0, ceilDiv(-at, r.move)), min(r.n, floorDiv(in-1-at, r.move)+1)
			} else if uint(at) >= uint(in) {
				continue places
			}
		}
		if lo >= hi {
			continue
		}
		src := at(d.xData, (x+k.x+lo*r.x)*size)
		if r.x != 1 {
			d.copy(at(tmp, 0), src, r.x, hi-lo)
			src = at(tmp, 0)
		}
		by := at(d.wData, (w+k.w+lo*d.runW)*size)
		if d.runW > 1 {
			d.copy(at(tmp, r.n*size), by, d.runW, hi-lo)
			by = at(tmp, r.n*size)
		}
		d.add(unsafe.Add(dst, lo*size), src, by, at(tmp, r.n*size), hi-lo)
	}
}
