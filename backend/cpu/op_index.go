package cpu

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/kernel"
)

// lookup has, for every index vector of a Gather or Scatter, where its window
// begins (element offsets): in the operand, -1 for one to be left out, and in the
// other array, the output or the updates.
type lookup struct {
	operand, other []int
	memory         *scratch
}

// newLookup reads indices, whose axis vector holds one coordinate for each of the
// operand's axes. sizes are those of a window on all of the operand's axes;
// otherDims and otherStrides are the other array's axes that count the windows. A
// window that does not fit is moved so that it does, or left out.
func newLookup(indices value, vector int, axes []int, operand value, sizes, otherDims, otherStrides []int, move bool) *lookup {
	at := ints(indices)
	n, suffix := product(otherDims), product(indices.shape.Dimensions[vector+1:])
	l := &lookup{memory: borrow(16 * n)}
	all := unsafe.Slice((*int)(unsafe.Pointer(unsafe.SliceData(l.memory.data))), 2*n)
	l.operand, l.other = all[:n], all[n:]
	strides := rowMajor(operand.shape.Dimensions)
	other := walkFrom(view{dims: otherDims, strides: otherStrides}.simplify().steps(), 0)
	for i := range n {
		place := i/suffix*len(axes)*suffix + i%suffix
		offset := 0
		for k, axis := range axes {
			x := at[place+k*suffix]
			fit := max(0, min(x, operand.shape.Dimensions[axis]-sizes[axis]))
			if x != fit && !move {
				offset = -1
				break
			}
			offset += fit * strides[axis]
		}
		l.operand[i], l.other[i] = offset, other.x
		other.on(1)
	}
	return l
}

// runGather copies windows of the operand:
//
//	out[batch, offset] = operand[start(indices[batch]) + offset]
//
// with starts moved so that windows fit.
func runGather(c *call) error {
	a, x, out := c.n.attr.(gatherAttr), c.in[0], c.out[0]
	if out.shape.Size() == 0 {
		return nil
	}
	to, window := rowMajor(out.shape.Dimensions), make([]int, x.shape.Rank())
	offset := 0
	for axis := range window {
		if !slices.Contains(a.collapsedSliceAxes, axis) {
			window[axis] = to[a.offsetOutputAxes[offset]]
			offset++
		}
	}
	dims, strides := without(out.shape.Dimensions, to, a.offsetOutputAxes)
	l := newLookup(c.in[1], a.indexVectorAxis, a.startIndexMap, x, a.sliceSizes, dims, strides, true)
	defer l.memory.free()
	size := x.shape.DType.Size()
	m := newMover(size, a.sliceSizes, window, rowMajor(x.shape.Dimensions))
	if len(l.other) == 1 {
		m.run(at(out.data, 0), at(x.data, l.operand[0]*size), c.do)
		return nil
	}
	ranges(c.do, len(l.other), perTask(product(a.sliceSizes)*size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m.blocks(at(out.data, l.other[i]*size), at(x.data, l.operand[i]*size), 0, m.count, 0, m.line.n)
		}
	})
	return nil
}

// without are the dimensions and strides of the axes that are not listed.
func without(dims, strides, axes []int) (d, s []int) {
	for i := range dims {
		if !slices.Contains(axes, i) {
			d, s = append(d, dims[i]), append(s, strides[i])
		}
	}
	return d, s
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
	a, x, updates, out := c.n.attr.(scatterAttr), c.in[0], c.in[2], c.out[0]
	c.copyBytes(out.data, x.data)
	if updates.shape.Size() == 0 {
		return nil
	}
	f := kernel.Binary(scatterOps[c.n.op], x.shape.DType, kernel.VV)
	from, to := rowMajor(updates.shape.Dimensions), rowMajor(x.shape.Dimensions)
	sizes := slices.Repeat([]int{1}, x.shape.Rank())
	var wd, ws, wt []int // the window: dimensions, strides in updates and in out
	for axis := range sizes {
		if !slices.Contains(a.insertedWindowAxes, axis) {
			u := a.updateWindowAxes[len(wd)]
			sizes[axis] = updates.shape.Dimensions[u]
			wd, ws, wt = append(wd, sizes[axis]), append(ws, from[u]), append(wt, to[axis])
		}
	}
	dims, strides := without(updates.shape.Dimensions, from, a.updateWindowAxes)
	l := newLookup(c.in[1], a.indexVectorAxis, a.scatterAxesToOperandAxes, x, sizes, dims, strides, false)
	defer l.memory.free()
	size := x.shape.DType.Size()
	m := newCombiner(f, size, wd, wt, ws)
	step := m.line.n
	if updates.shape.Size()*size > grain && step <= ownColumns(sizes, a.scatterAxesToOperandAxes) {
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
