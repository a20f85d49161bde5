package cpu

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/kernel"
)

// lookup is a Gather or Scatter: for every index vector where its window begins (element
// offsets) in the operand, -1 for one to be left out, and in the other array, the output
// or the updates.
type lookup struct {
	operand, other           []int
	memory                   *scratch
	sizes                    []int // of a window, on all axes of the operand
	dims, inOperand, inOther []int // its axes and their strides
}

// newLookup reads the operands of a call and its other array. A window that does not fit
// is moved so that it does, or left out.
func newLookup(c *call, other value, move bool) *lookup {
	a, operand, indices := c.n.attr.(lookupAttr), c.in[0].shape.Dimensions, c.in[1]
	all, strides := other.shape.Dimensions, rowMajor(other.shape.Dimensions)
	l := &lookup{
		sizes: slices.Repeat([]int{1}, len(operand)), dims: pick(all, a.window),
		inOperand: without(rowMajor(operand), a.dropped), inOther: pick(strides, a.window),
	}
	k := 0
	for axis := range operand {
		if !slices.Contains(a.dropped, axis) {
			l.sizes[axis] = l.dims[k]
			k++
		}
	}
	windows := walkFrom(merged(view{dims: without(all, a.window), strides: without(strides, a.window)}.steps()), 0)
	n, suffix := elements(windows.axes), product(indices.shape.Dimensions[a.vector+1:])
	l.memory = borrow(16 * n)
	both := unsafe.Slice((*int)(unsafe.Pointer(unsafe.SliceData(l.memory.data))), 2*n)
	l.operand, l.other = both[:n], both[n:]
	at, steps := ints(indices), rowMajor(operand)
	for i := range n {
		place := i/suffix*len(a.indexed)*suffix + i%suffix
		offset := 0
		for k, axis := range a.indexed {
			x := at[place+k*suffix]
			fit := max(0, min(x, operand[axis]-l.sizes[axis]))
			if x != fit && !move {
				offset = -1
				break
			}
			offset += fit * steps[axis]
		}
		l.operand[i], l.other[i] = offset, windows.x
		windows.on(1)
	}
	return l
}

// runGather copies windows of the operand:
//
//	out[batch, offset] = operand[start(indices[batch]) + offset]
//
// with starts moved so that windows fit.
func runGather(c *call) error {
	x, out := c.in[0], c.out[0]
	if out.shape.Size() == 0 {
		return nil
	}
	l := newLookup(c, out, true)
	defer l.memory.free()
	size := x.shape.DType.Size()
	m := newMover(size, l.dims, l.inOther, l.inOperand)
	if len(l.other) == 1 {
		m.run(at(out.data, 0), at(x.data, l.operand[0]*size), c.do)
		return nil
	}
	ranges(c.do, len(l.other), perTask(product(l.dims)*size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m.blocks(at(out.data, l.other[i]*size), at(x.data, l.operand[i]*size), 0, m.count, 0, m.line.n)
		}
	})
	return nil
}

// scatterOps are the combinations of Scatter.
var scatterOps = map[compute.OpType]compute.OpType{
	compute.OpTypeScatterSum: compute.OpTypeAdd,
	compute.OpTypeScatterMax: compute.OpTypeMax,
	compute.OpTypeScatterMin: compute.OpTypeMin,
}

// runScatter combines windows of the updates into a copy of the operand, in the
// order of the indices; windows that do not fit are left out. It works in place if
// out is the operand's memory.
//
//	out[start(indices[batch]) + offset] op= updates[batch, offset]
//
// Tasks share the columns of the windows, so that the order in which the terms of
// an element are added is always the same.
func runScatter(c *call) error {
	x, updates, out := c.in[0], c.in[2], c.out[0]
	c.copyBytes(out.data, x.data)
	if updates.shape.Size() == 0 {
		return nil
	}
	l := newLookup(c, updates, false)
	defer l.memory.free()
	size := x.shape.DType.Size()
	m := newCombiner(kernel.Binary(scatterOps[c.n.op], x.shape.DType, kernel.VV), size, l.dims, l.inOperand, l.inOther)
	step := m.line.n
	if updates.shape.Size()*size > grain && step <= ownColumns(l.sizes, c.n.attr.(lookupAttr).indexed) {
		step = max(64, ceilDiv(step, 16))
	}
	ranges(c.do, m.line.n, step, func(lo, hi int) {
		for i, to := range l.operand {
			if to >= 0 {
				m.blocks(at(out.data, to*size), at(updates.data, l.other[i]*size), 0, m.count, lo, hi)
			}
		}
	})
	return nil
}

// ownColumns is the number of elements at the end of a window of which each has
// its own elements of the operand: their axes are not indexed.
func ownColumns(sizes, indexed []int) int {
	n := 1
	for axis := len(sizes) - 1; axis >= 0; axis-- {
		if sizes[axis] > 1 && slices.Contains(indexed, axis) {
			break
		}
		n *= sizes[axis]
	}
	return n
}

// newCombiner is a mover that combines: dst = f(dst, src).
func newCombiner(f kernel.Func2, size int, dims, dstStrides, srcStrides []int) *mover {
	m := newMerged(size, dims, dstStrides, srcStrides)
	m.innermost()
	m.inner = func(dst, src unsafe.Pointer, n int) {
		if m.line.x == size && m.line.y == size {
			f(dst, dst, src, n)
			return
		}
		for i := range n {
			d := unsafe.Add(dst, i*m.line.x)
			f(d, d, unsafe.Add(src, i*m.line.y), 1)
		}
	}
	return m
}

// runArgMinMax finds the index of the least or greatest element along an axis: the
// first of equals, and the first NaN before all.
func runArgMinMax(c *call) error {
	a, x, out := c.n.attr.(argAttr), c.in[0], c.out[0]
	find := kernel.ArgMinMax(x.shape.DType, a.isMin)
	n, cols := x.shape.Dimensions[a.axis], product(x.shape.Dimensions[a.axis+1:])
	rows, size, width := product(x.shape.Dimensions[:a.axis]), x.shape.DType.Size(), out.shape.DType.Size()
	if cols == 1 {
		ranges(c.do, rows, perTask(n*size), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				putInt(out.data[i*width:(i+1)*width], find(at(x.data, i*n*size), n))
			}
		})
		return nil
	}
	// A block of columns at a time, as rows.
	const block = 16
	blocks, turn := ceilDiv(cols, block), kernel.Transpose(size)
	ranges(c.do, rows*blocks, perTask(n*size*block), func(lo, hi int) {
		s := borrow(n * size * block)
		defer s.free()
		for i := lo; i < hi; i++ {
			row, col := i/blocks, i%blocks*block
			m := min(block, cols-col)
			turn(at(s.data, 0), at(x.data, (row*n*cols+col)*size), n, m, n, cols)
			for j := range m {
				place := (row*cols + col + j) * width
				putInt(out.data[place:place+width], find(at(s.data, j*n*size), n))
			}
		}
	})
	return nil
}

// putInt writes an integer of len(dst) bytes.
func putInt(dst []byte, v int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(v))
	copy(dst, b[:])
}
