package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/kernel"
)

// A mover copies an array of elements between two strided layouts. Its scalar
// loop, over all index vectors below dims:
//
//	dst[i . dstStrides] = src[i . srcStrides]
//
// It is made once and runs from any two addresses.
type mover struct {
	axes      []axis // outer ones; x is in dst and y in src, in bytes
	count     int    // of their elements
	line      axis   // the innermost one
	turned    axis   // the transposed axis: it is dense in src, the innermost one in dst
	size      int    // bytes of an element
	inner     func(dst, src unsafe.Pointer, n int)
	transpose func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)
}

// newMover takes strides in elements of size bytes (1, 2, 4, 8 or 16). Different
// elements must have different places in dst.
func newMover(size int, dims, dstStrides, srcStrides []int) *mover {
	m := newMerged(size, dims, dstStrides, srcStrides)
	if k := len(m.axes) - 1; k > 0 && m.axes[k].x == size && m.axes[k].y == size {
		switch run := m.axes[k].n * size; run { // a short innermost run is one element
		case 2, 4, 8, 16:
			m.size, m.line.x, m.line.y = run, run, run
			m.axes = m.axes[:k]
		}
	}
	m.innermost()
	for k, a := range m.axes {
		if m.line.x == m.size && m.line.y != m.size && m.line.y != 0 && a.y == m.size && a.x%m.size == 0 && m.line.y%m.size == 0 {
			m.turned, m.transpose = a, kernel.Transpose(m.size)
			m.axes = slices.Delete(m.axes, k, k+1)
			m.count /= a.n
			break
		}
	}
	m.inner = lineLoop(m.size, m.line.x, m.line.y)
	return m
}

// newMerged is a mover whose axes are merged and all outer ones.
func newMerged(size int, dims, dstStrides, srcStrides []int) *mover {
	axes := make([]axis, len(dims))
	for i, n := range dims {
		axes[i] = axis{n, dstStrides[i] * size, srcStrides[i] * size}
	}
	return &mover{size: size, axes: merged(axes), line: axis{1, size, size}, turned: axis{n: 1}}
}

// innermost takes the last axis out of the outer ones.
func (m *mover) innermost() {
	if k := len(m.axes) - 1; k >= 0 {
		m.line, m.axes = m.axes[k], m.axes[:k]
	}
	m.count = elements(m.axes)
}

// lineLoop copies elements of size bytes that are d bytes apart in dst and s in src.
func lineLoop(size, d, s int) func(dst, src unsafe.Pointer, n int) {
	switch {
	case d == size && s == size:
		return func(dst, src unsafe.Pointer, n int) {
			copy(unsafe.Slice((*byte)(dst), n*size), unsafe.Slice((*byte)(src), n*size))
		}
	case d == size && s == 0:
		return kernel.Fill(size)
	case d == size && s%size == 0:
		f := kernel.CopyStrided(size)
		return func(dst, src unsafe.Pointer, n int) { f(dst, src, s/size, n) }
	}
	return kernel.BySize(size, stride[uint8], stride[uint16], stride[uint32], stride[uint64], stride[[2]uint64])(d, s)
}

// stride is the loop dst[i*d] = src[i*s], strides in bytes.
func stride[T any](d, s int) func(dst, src unsafe.Pointer, n int) {
	return func(dst, src unsafe.Pointer, n int) {
		for i := range n {
			*(*T)(unsafe.Add(dst, i*d)) = *(*T)(unsafe.Add(src, i*s))
		}
	}
}

// run copies from src to dst, in parallel where that pays.
func (m *mover) run(dst, src unsafe.Pointer, do func(n int, body func(i int))) {
	n := m.line.n
	block := n * m.turned.n * m.size // bytes of an innermost block
	if block*m.count == 0 {
		return
	}
	parts := max(1, min(n/64, block/grain))
	if do == nil || block*m.count <= grain {
		m.blocks(dst, src, 0, m.count, 0, n)
		return
	}
	if parts == 1 {
		ranges(do, m.count, perTask(block), func(lo, hi int) { m.blocks(dst, src, lo, hi, 0, n) })
		return
	}
	part := (ceilDiv(n, parts) + 63) &^ 63
	parts = ceilDiv(n, part)
	do(m.count*parts, func(i int) {
		p := i % parts * part
		m.blocks(dst, src, i/parts, i/parts+1, p, min(p+part, n))
	})
}

// blocks copies elements from..to of the innermost axis for the outer indices
// lo..hi, which count all outer axes through.
func (m *mover) blocks(dst, src unsafe.Pointer, lo, hi, from, to int) {
	w := walkFrom(m.axes, lo)
	for range hi - lo {
		m.block(unsafe.Add(dst, w.x+from*m.line.x), unsafe.Add(src, w.y+from*m.line.y), to-from)
		w.on(1)
	}
}

// block copies n elements of the innermost axis, and of the transposed one all.
func (m *mover) block(dst, src unsafe.Pointer, n int) {
	if m.transpose == nil {
		m.inner(dst, src, n)
		return
	}
	const tile = 64
	t, l := m.turned, m.line
	for i := 0; i < n; i += tile {
		for j := 0; j < t.n; j += tile {
			m.transpose(unsafe.Add(dst, j*t.x+i*l.x), unsafe.Add(src, i*l.y+j*m.size),
				min(tile, n-i), min(tile, t.n-j), t.x/m.size, l.y/m.size)
		}
	}
}

// runBitcast copies the bytes as they are.
func runBitcast(c *call) error {
	c.copyBytes(c.out[0].data, c.in[0].data)
	return nil
}

// copyBytes copies src to dst unless they are the same memory.
func (c *call) copyBytes(dst, src []byte) {
	if len(dst) == 0 || unsafe.SliceData(dst) == unsafe.SliceData(src) {
		return
	}
	ranges(c.do, len(src), 2*grain, func(lo, hi int) { copy(dst[lo:hi], src[lo:hi]) })
}

// fill sets all of dst to the element that fills src.
func (c *call) fill(dst, src []byte) {
	f, n := kernel.Fill(len(src)), len(dst)/len(src)
	ranges(c.do, n, perTask(len(src)), func(lo, hi int) { f(at(dst, lo*len(src)), at(src, 0), hi-lo) })
}

// runIota numbers the elements of a line.
func runIota(c *call) error {
	kernel.Iota(c.out[0].shape.DType)(at(c.out[0].data, 0), c.out[0].shape.Size())
	return nil
}

// runPad copies x into out: element i of an axis goes to start + i*(interior+1). (What is
// negative the builder has cut off.)
func runPad(c *call) error {
	x, out, axes := c.in[0], c.out[0], c.n.attr.(padAttr).axes
	first := make([]int, len(axes))
	for i, a := range axes {
		first[i] = a.Start
	}
	if !slices.ContainsFunc(axes, func(a compute.PadAxis) bool { return a.Interior > 0 }) {
		c.surround(x, out, first, c.in[1].data)
		return nil
	}
	c.fill(out.data, c.in[1].data)
	if x.shape.Size() > 0 {
		to, dst, size := rowMajor(out.shape.Dimensions), 0, x.shape.DType.Size()
		for i, a := range axes {
			dst += a.Start * to[i]
			to[i] *= a.Interior + 1
		}
		newMover(size, x.shape.Dimensions, to, rowMajor(x.shape.Dimensions)).run(at(out.data, dst*size), at(x.data, 0), c.do)
	}
	return nil
}

// surround copies x to where it begins in a larger array, line by line up to the last axis
// that grows, and puts an element everywhere around it.
func (c *call) surround(x, room value, first []int, fill []byte) {
	from, to := x.shape.Dimensions, room.shape.Dimensions
	last := len(to) - 1
	for last > 0 && from[last] == to[last] {
		last--
	}
	loop := kernel.Fill(len(fill))
	put := func(dst []byte) { loop(at(dst, 0), at(fill, 0), len(dst)/len(fill)) }
	size := product(to[last+1:]) * len(fill)
	line, run, skip := to[last]*size, from[last]*size, first[last]*size
	ranges(c.do, product(to[:last]), perTask(line), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dst := room.data[i*line : (i+1)*line]
			src, step, outside := 0, run, run == 0
			for k, rest := last-1, i; k >= 0; k-- {
				at := rest%to[k] - first[k]
				rest /= to[k]
				outside = outside || uint(at) >= uint(from[k])
				src, step = src+at*step, step*from[k]
			}
			if outside {
				put(dst)
				continue
			}
			put(dst[:skip])
			copy(dst[skip:], x.data[src:src+run])
			put(dst[skip+run:])
		}
	})
}

// floorDiv is a/b rounded down, for b > 0.
func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

func ceilDiv(a, b int) int { return -floorDiv(-a, b) }

// blockAt finds where a block of dims begins in an array whose first element's
// index is given by scalars: starts are moved so that the block fits.
func blockAt(array value, dims []int, starts []value) (offset int) {
	strides := rowMajor(array.shape.Dimensions)
	for i, s := range starts {
		offset += max(0, min(ints(s)[0], array.shape.Dimensions[i]-dims[i])) * strides[i]
	}
	return offset
}

// runDynamicSlice copies a block of the operand out of it.
func runDynamicSlice(c *call) error {
	x, dims := c.in[0], c.out[0].shape.Dimensions
	offset, size := blockAt(x, dims, c.in[1:]), x.shape.DType.Size()
	newMover(size, dims, rowMajor(dims), rowMajor(x.shape.Dimensions)).run(at(c.out[0].data, 0), at(x.data, offset*size), c.do)
	return nil
}

// runDynamicUpdateSlice copies the operand with a block of it replaced. It works
// in place if out is the operand's memory.
func runDynamicUpdateSlice(c *call) error {
	x, update, out := c.in[0], c.in[1], c.out[0]
	dims, size := update.shape.Dimensions, x.shape.DType.Size()
	offset := blockAt(x, dims, c.in[2:])
	c.copyBytes(out.data, x.data)
	if update.shape.Size() > 0 {
		newMover(size, dims, rowMajor(x.shape.Dimensions), rowMajor(dims)).run(at(out.data, offset*size), at(update.data, 0), c.do)
	}
	return nil
}
