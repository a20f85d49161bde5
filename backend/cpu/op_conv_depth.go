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
	run   axis                                       // of lines; x in the input, y in the output
	runW  int                                        // from one to the next in the kernel
	outer []axis                                     // count the lines
	same  int                                        // lines that have the same element of the kernel
	taps  []axis                                     // elements of the kernel: where they are, from the first one
	add   func(dst, x, w, tmp unsafe.Pointer, n int) // dst += x*w
	copy  func(dst, src unsafe.Pointer, srcStride, n int)
}

// depthLimit is the largest kernel that is not left to products.
const depthLimit = 1 << 10

// runDepthwise computes the convolution if it is of that kind.
func (v *convolution) runDepthwise(c *call) bool {
	if v.channels != 1 || v.cols != 1 || v.groups == 1 || v.sums > depthLimit {
		return false
	}
	d := &depthwise{convolution: v, copy: kernel.CopyStrided(v.size)}
	axes := append([]axis{{v.groups, v.groupX, v.groupO}}, v.lanes...)
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
	lines := elements(d.outer)
	if d.same = lines; best == 0 {
		d.runW = v.groupW
	} else {
		d.same /= v.groups // the first axis
	}
	for k, w := 0, walkFrom(v.ks, 0); k < v.sums; k++ {
		d.taps = append(d.taps, axis{x: w.x, y: w.y})
		w.on(1)
	}
	d.loop()
	ranges(c.do, lines, perTask(d.run.n*v.sums*v.size), d.part)
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
	n, size := d.run.n, d.size
	s := borrow(2 * n * size)
	defer s.free()
	for i := lo; i < hi; i++ {
		line := walkFrom(d.outer, i)
		dst := at(d.out, (d.fromO+line.y)*size)
		wipe(dst, n*size)
		for _, place := range d.taps {
			src, by := at(d.xData, (d.fromX+line.x+place.x)*size), at(d.wData, (d.fromW+i/d.same*d.groupW+place.y)*size)
			if d.run.x != 1 {
				d.copy(at(s.data, 0), src, d.run.x, n)
				src = at(s.data, 0)
			}
			if d.runW > 1 {
				d.copy(at(s.data, n*size), by, d.runW, n)
				by = at(s.data, n*size)
			}
			d.add(dst, src, by, at(s.data, n*size), n)
		}
	}
}
