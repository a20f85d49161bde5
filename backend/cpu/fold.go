package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

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

// reduce folds axes, which are sorted, and drops them. Sums and products of halves are
// formed in float32.
func (f *function) reduce(op compute.OpType, x *node, axes ...int) *node {
	var dims []int
	gone := 1
	for i, d := range x.shape.Dimensions {
		if slices.Contains(axes, i) {
			gone *= d
		} else {
			dims = append(dims, d)
		}
	}
	t := x.shape.DType
	switch {
	case gone == 1:
		return f.reshape(x, dims...)
	case x.size() == 0:
		_, _, first := foldLoops(op, t)
		return f.broadcastInDim(f.constant(first, shapes.Make(t)), dims, nil)
	}
	if op == compute.OpTypeReduceSum || op == compute.OpTypeReduceProduct {
		x = f.inFloat(x)
	}
	if _, ok := foldOf(&node{in: []*node{x}, attr: reduceAttr{axes}}); ok {
		return f.convert(f.add(op, shapes.Make(x.shape.DType, dims...), reduceAttr{axes}, x), t)
	}
	// One run of axes after the other, the innermost first.
	all := x.shape.Dimensions
	for end := len(all); end > 0; end-- {
		from := end
		for from > 0 && slices.Contains(axes, from-1) {
			from--
		}
		if from < end {
			before, n := product(all[:from]), product(all[from:end])
			x = f.foldRun(op, f.reshape(x, before, n, x.size()/before/n))
			end = from
		}
	}
	return f.convert(f.reshape(x, dims...), t)
}

// foldRun folds the middle one of three axes. What no tile program holds in cache is cut
// into parts before, which are folded element by element: rows that are too long, and
// lines, of which a cluster takes some at a time.
func (f *function) foldRun(op compute.OpType, x *node) *node {
	const lines = 16
	d := x.shape.Dimensions
	parts := 1
	switch {
	case d[1] == 1:
		return x
	case d[2] > maxCols:
		parts = min(d[1], lines)
	case d[0] > 1 && d[2] == 1 && d[1] > maxCols:
		parts = ceilDiv(d[1], maxCols)
		for piece := maxCols; piece > 256; piece-- { // more rows that are shorter need no copy
			if d[1]%piece == 0 {
				x = f.foldRun(op, f.reshape(x, d[0]*(d[1]/piece), piece, 1))
				return f.foldRun(op, f.reshape(x, d[0], d[1]/piece, 1))
			}
		}
	}
	if parts == 1 {
		return f.add(op, shapes.Make(x.shape.DType, d[0], 1, d[2]), reduceAttr{[]int{1}}, x)
	}
	n := d[1] / parts
	y := f.along(x, 1, 0, n)
	for k := 1; k < parts; k++ {
		y = f.op2(foldOps[op], y, f.along(x, 1, k*n, (k+1)*n))
	}
	if y = f.foldRun(op, y); parts*n < d[1] {
		y = f.op2(foldOps[op], y, f.foldRun(op, f.along(x, 1, parts*n, d[1])))
	}
	return y
}
