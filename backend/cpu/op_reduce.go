package cpu

import (
	"slices"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// foldOps are the two-operand operations behind the reductions.
var foldOps = map[compute.OpType]compute.OpType{
	compute.OpTypeReduceSum:        compute.OpTypeAdd,
	compute.OpTypeReduceProduct:    compute.OpTypeMul,
	compute.OpTypeReduceMax:        compute.OpTypeMax,
	compute.OpTypeReduceMin:        compute.OpTypeMin,
	compute.OpTypeReduceLogicalAnd: compute.OpTypeLogicalAnd,
	compute.OpTypeReduceLogicalOr:  compute.OpTypeLogicalOr,
	compute.OpTypeReduceLogicalXor: compute.OpTypeLogicalXor,
	compute.OpTypeReduceBitwiseAnd: compute.OpTypeBitwiseAnd,
	compute.OpTypeReduceBitwiseOr:  compute.OpTypeBitwiseOr,
	compute.OpTypeReduceBitwiseXor: compute.OpTypeBitwiseXor,
}

// foldLoops are the loops of a reduction: of one run, and of two element by
// element. first is one element, what the reduction of none gives.
func foldLoops(op compute.OpType, t dtypes.DType) (line kernel.Func1, pair kernel.Func2, first []byte) {
	first = make([]byte, t.Size())
	kernel.ReduceInit(op, t, at(first, 0))
	return kernel.Reduce(op, t), kernel.Binary(foldOps[op], t, kernel.VV), first
}

// reducer walks an array whose axes are reduced or kept by turns.
type reducer struct {
	line       kernel.Func1
	pair       kernel.Func2
	size       int
	x, out     []byte
	kept, gone view // all but the innermost run; offsets in elements
	n          int  // elements of the innermost run
	do         func(n int, body func(i int))
}

// runReduce reduces any axes:
//
//	out[kept axes] = op over all reduced axes of x[...]
//
// Rows and columns are cut into blocks by shape; the results of the blocks are
// reduced in turn. So the order of the terms is always the same.
func runReduce(c *call) error {
	x, out, axes := c.in[0], c.out[0], c.n.attr.(reduceAttr).axes
	line, pair, first := foldLoops(c.n.op, x.shape.DType)
	if out.shape.Size() == 0 {
		return nil
	}
	if x.shape.Size() == 0 {
		c.fill(out.data, first)
		return nil
	}
	r := &reducer{line: line, pair: pair, size: len(first), x: x.data, out: out.data, n: 1, do: c.do}
	strides, innermost, innerGone := rowMajor(x.shape.Dimensions), true, false
	for axis := x.shape.Rank() - 1; axis >= 0; axis-- {
		n, reduced := x.shape.Dimensions[axis], slices.Contains(axes, axis)
		if n == 1 {
			continue
		}
		if r.n == 1 {
			innerGone = reduced
		}
		if innermost = innermost && reduced == innerGone; innermost {
			r.n *= n
			continue
		}
		v := &r.kept
		if reduced {
			v = &r.gone
		}
		v.dims, v.strides = slices.Insert(v.dims, 0, n), slices.Insert(v.strides, 0, strides[axis])
	}
	r.kept, r.gone = r.kept.simplify(), r.gone.simplify()
	if innerGone {
		r.rows()
	} else {
		r.columns()
	}
	return nil
}

// offset is where element i of the view, in row-major order, lies.
func (v view) at(i int) int {
	offset := v.offset
	for k := len(v.dims) - 1; k >= 0; k-- {
		offset += i % v.dims[k] * v.strides[k]
		i /= v.dims[k]
	}
	return offset
}

// rows reduces where the innermost run goes: piece by piece, then the pieces of
// each result.
func (r *reducer) rows() {
	const piece = 8192
	outs, gone := product(r.kept.dims), product(r.gone.dims)
	pieces := ceilDiv(r.n, piece)
	parts, to := gone*pieces, r.out
	if parts > 1 {
		s := borrow(outs * parts * r.size)
		defer s.free()
		to = s.data
	}
	ranges(r.do, outs*parts, perTask(min(r.n, piece)*r.size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			p, g, o := i%pieces*piece, i/pieces%gone, i/parts
			r.line(at(to, i*r.size), at(r.x, (r.kept.at(o)+r.gone.at(g)+p)*r.size), min(piece, r.n-p))
		}
	})
	if parts > 1 {
		ranges(r.do, outs, perTask(parts*r.size), func(lo, hi int) {
			for o := lo; o < hi; o++ {
				r.line(at(r.out, o*r.size), at(to, o*parts*r.size), parts)
			}
		})
	}
}

// columns reduces where the innermost run stays: a block of rows into one, then
// the blocks.
func (r *reducer) columns() {
	const width = 4096
	outs, gone := product(r.kept.dims), product(r.gone.dims)
	strips, rows := ceilDiv(r.n, width), max(8, grain/r.size/min(r.n, width))
	blocks, to := ceilDiv(gone, rows), r.out
	if blocks > 1 {
		s := borrow(outs * blocks * r.n * r.size)
		defer s.free()
		to = s.data
	}
	each := perTask(min(rows, gone) * min(r.n, width) * r.size)
	ranges(r.do, outs*blocks*strips, each, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			strip, block, o := i%strips*width, i/strips%blocks*rows, i/strips/blocks
			from := r.kept.at(o) + strip
			r.fold(at(to, (i/strips*r.n+strip)*r.size), min(rows, gone-block), min(width, r.n-strip), func(k int) unsafe.Pointer {
				return at(r.x, (from+r.gone.at(block+k))*r.size)
			})
		}
	})
	if blocks > 1 {
		ranges(r.do, outs*strips, perTask(blocks*min(r.n, width)*r.size), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				strip, o := i%strips*width, i/strips
				r.fold(at(r.out, (o*r.n+strip)*r.size), blocks, min(width, r.n-strip), func(k int) unsafe.Pointer {
					return at(to, ((o*blocks+k)*r.n+strip)*r.size)
				})
			}
		})
	}
}

// fold combines rows of n elements, one after another, into dst.
func (r *reducer) fold(dst unsafe.Pointer, rows, n int, row func(k int) unsafe.Pointer) {
	copy(unsafe.Slice((*byte)(dst), n*r.size), unsafe.Slice((*byte)(row(0)), n*r.size))
	for k := 1; k < rows; k++ {
		r.pair(dst, dst, row(k), n)
	}
}
