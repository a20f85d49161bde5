package cpu

import (
	"slices"
	"unsafe"

	"github.com/comlam/comlam/backend/kernel"
)

// A mover copies an array of elements between two strided layouts. Its scalar
// loop, over all index vectors below dims:
//
//	dst[i . dstStrides] = src[i . srcStrides]
//
// It is made once and runs from any two addresses.
type mover struct {
	dims, ds, ss []int // outer axes; strides in bytes
	count        int   // product of dims
	n            int   // elements of the innermost axis
	d, s         int   // its strides in bytes
	rows         int   // elements of the transposed axis: it is dense in src, the innermost in dst
	rd           int   // its stride in dst in bytes
	size         int   // bytes of an element
	inner        func(dst, src unsafe.Pointer, n int)
	transpose    func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)
}

// newMover takes strides in elements of size bytes (1, 2, 4, 8 or 16). Different
// elements must have different places in dst.
func newMover(size int, dims, dstStrides, srcStrides []int) *mover {
	m := mergeAxes(size, dims, dstStrides, srcStrides)
	m.promote()
	m.innermost()
	for k, n := range m.dims {
		if m.d == m.size && m.s != m.size && m.s != 0 && m.ss[k] == m.size && m.ds[k]%m.size == 0 && m.s%m.size == 0 {
			m.rows, m.rd = n, m.ds[k]
			m.transpose = kernel.Transpose(m.size)
			m.drop(k)
			break
		}
	}
	m.count = product(m.dims)
	m.inner = lineLoop(m.size, m.d, m.s)
	return m
}

// mergeAxes drops axes of one element and joins neighbours that are one run.
func mergeAxes(size int, dims, dstStrides, srcStrides []int) *mover {
	m := &mover{size: size, count: 1, n: 1, d: size, s: size, rows: 1}
	for i, n := range dims {
		d, s := dstStrides[i]*size, srcStrides[i]*size
		if k := len(m.dims) - 1; n == 1 {
			continue
		} else if k >= 0 && m.ds[k] == n*d && m.ss[k] == n*s {
			m.dims[k], m.ds[k], m.ss[k] = m.dims[k]*n, d, s
		} else {
			m.dims, m.ds, m.ss = append(m.dims, n), append(m.ds, d), append(m.ss, s)
		}
	}
	return m
}

// innermost takes the last axis out of dims.
func (m *mover) innermost() {
	if k := len(m.dims) - 1; k >= 0 {
		m.n, m.d, m.s = m.dims[k], m.ds[k], m.ss[k]
		m.drop(k)
	}
	m.count = product(m.dims)
}

func (m *mover) drop(k int) {
	m.dims, m.ds, m.ss = slices.Delete(m.dims, k, k+1), slices.Delete(m.ds, k, k+1), slices.Delete(m.ss, k, k+1)
}

// promote makes one element of a short innermost run.
func (m *mover) promote() {
	k := len(m.dims) - 1
	if k < 1 || m.ds[k] != m.size || m.ss[k] != m.size {
		return
	}
	switch run := m.dims[k] * m.size; run {
	case 2, 4, 8, 16:
		m.size, m.d, m.s = run, run, run
		m.drop(k)
	}
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
	if m.n == 0 || m.rows == 0 || m.count == 0 {
		return
	}
	block := m.n * m.rows * m.size // bytes of an innermost block
	parts := max(1, min(m.n/64, block/grain))
	if do == nil || block*m.count <= grain {
		m.blocks(dst, src, 0, m.count, 0, m.n)
		return
	}
	if parts == 1 {
		ranges(do, m.count, perTask(block), func(lo, hi int) { m.blocks(dst, src, lo, hi, 0, m.n) })
		return
	}
	part := ((m.n+parts-1)/parts + 63) &^ 63
	parts = (m.n + part - 1) / part
	do(m.count*parts, func(i int) {
		p := i % parts * part
		m.blocks(dst, src, i/parts, i/parts+1, p, min(p+part, m.n))
	})
}

// blocks copies elements from..to of the innermost axis for the outer indices
// lo..hi, which count all outer axes through.
func (m *mover) blocks(dst, src unsafe.Pointer, lo, hi, from, to int) {
	var room [8]int
	at := room[:0]
	d, s := from*m.d, from*m.s
	for range m.dims {
		at = append(at, 0)
	}
	for k, i := len(m.dims)-1, lo; k >= 0; k-- {
		at[k] = i % m.dims[k]
		i /= m.dims[k]
		d, s = d+at[k]*m.ds[k], s+at[k]*m.ss[k]
	}
	for range hi - lo {
		m.block(unsafe.Add(dst, d), unsafe.Add(src, s), to-from)
		for k := len(m.dims) - 1; k >= 0; k-- {
			d, s = d+m.ds[k], s+m.ss[k]
			if at[k]++; at[k] < m.dims[k] {
				break
			}
			d, s, at[k] = d-m.dims[k]*m.ds[k], s-m.dims[k]*m.ss[k], 0
		}
	}
}

// block copies n elements of the innermost axis, and of the transposed one all.
func (m *mover) block(dst, src unsafe.Pointer, n int) {
	if m.transpose == nil {
		m.inner(dst, src, n)
		return
	}
	const tile = 64
	for i := 0; i < n; i += tile {
		for j := 0; j < m.rows; j += tile {
			m.transpose(unsafe.Add(dst, j*m.rd+i*m.d), unsafe.Add(src, i*m.s+j*m.size),
				min(tile, n-i), min(tile, m.rows-j), m.rd/m.size, m.s/m.size)
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

// runPad copies x into out, which it fills before: element i of an axis goes to
// start + i*(interior+1), if out has that place.
func runPad(c *call) error {
	x, out := c.in[0], c.out[0]
	size := x.shape.DType.Size()
	dims := slices.Clone(x.shape.Dimensions)
	from, to := rowMajor(dims), rowMajor(out.shape.Dimensions)
	src, dst := 0, 0
	for i, a := range c.n.attr.(padAttr).axes {
		step := a.Interior + 1
		first := max(0, (-a.Start+step-1)/step)
		last := min(dims[i]-1, floorDiv(out.shape.Dimensions[i]-1-a.Start, step))
		src += first * from[i]
		dst += (a.Start + first*step) * to[i]
		dims[i] = max(0, last-first+1)
		to[i] *= step
	}
	if product(dims) < out.shape.Size() {
		c.fill(out.data, c.in[1].data)
	}
	if product(dims) > 0 {
		newMover(size, dims, to, from).run(at(out.data, dst*size), at(x.data, src*size), c.do)
	}
	return nil
}

// floorDiv is a/b rounded down, for b > 0.
func floorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

func ceilDiv(a, b int) int { return -floorDiv(-a, b) }

// runConcatenate puts the operands one after another along an axis.
func runConcatenate(c *call) error {
	out, axis := c.out[0], c.n.attr.(axisAttr).axis
	size, to := out.shape.DType.Size(), rowMajor(out.shape.Dimensions)
	place := 0
	for _, x := range c.in {
		dims := x.shape.Dimensions
		if x.shape.Size() > 0 {
			newMover(size, dims, to, rowMajor(dims)).run(at(out.data, place*to[axis]*size), at(x.data, 0), c.do)
		}
		place += dims[axis]
	}
	return nil
}

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
