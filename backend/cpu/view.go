package cpu

import (
	"slices"

	"github.com/gomlx/compute"
)

// view is a value that lies in the memory of another, its base: transposes,
// broadcasts, slices and reshapes cost nothing until somebody needs them dense.
// Element (i0, i1, ...) is base element offset + i0*strides[0] + i1*strides[1]...
type view struct {
	base          *node
	dims, strides []int // in elements; 0 repeats, negative runs backwards
	offset        int
}

// whole is the view of a base by itself.
func whole(n *node) view {
	dims := n.shape.Dimensions
	return view{base: n, dims: dims, strides: rowMajor(dims)}
}

func rowMajor(dims []int) []int {
	s, step := make([]int, len(dims)), 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = step
		step *= dims[i]
	}
	return s
}

func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}

// through is what operation n, which only moves elements, makes of the view of its
// operand; ok is false if n is no such operation or has to copy.
func (v view) through(n *node) (out view, ok bool) {
	out = view{base: v.base, offset: v.offset}
	switch n.op {
	case compute.OpTypeReshape:
		return v.reshape(n.shape.Dimensions)
	case compute.OpTypeTranspose:
		return v.axes(n.attr.(transposeAttr).perm), true
	case compute.OpTypeBroadcastInDim:
		out.dims, out.strides = n.shape.Dimensions, make([]int, n.shape.Rank())
		for i, axis := range n.attr.(broadcastAttr).axes {
			if v.dims[i] > 1 {
				out.strides[axis] = v.strides[i]
			}
		}
	case compute.OpTypeSlice:
		a := n.attr.(sliceAttr)
		out.dims, out.strides = n.shape.Dimensions, slices.Clone(v.strides)
		for i := range v.dims {
			out.offset += a.starts[i] * v.strides[i]
			if len(a.strides) > 0 {
				out.strides[i] *= a.strides[i]
			}
		}
	case compute.OpTypeReverse:
		out.dims, out.strides = v.dims, slices.Clone(v.strides)
		for _, axis := range n.attr.(reverseAttr).axes {
			out.offset += (v.dims[axis] - 1) * v.strides[axis]
			out.strides[axis] = -out.strides[axis]
		}
	default:
		if trivialReduce(n) {
			return v.reshape(n.shape.Dimensions)
		}
		return view{}, false
	}
	if product(out.dims) == 0 { // behind the end begins the memory of others, to which no pointer may lead
		out.offset = 0
	}
	return out, true
}

// trivialReduce says whether n reduces axes of one element only.
func trivialReduce(n *node) bool {
	return isReduce(n) && product(n.in[0].shape.Dimensions) == n.size() && n.size() > 0
}

// reshape splits and joins axes where that needs no copy.
func (v view) reshape(dims []int) (view, bool) {
	out := view{base: v.base, offset: v.offset, dims: dims, strides: make([]int, len(dims))}
	if product(dims) == 0 {
		return out, true
	}
	s := v.simplify()
	j, left, step := len(s.dims), 1, 0 // left: what remains of the source axis j
	for i := len(dims) - 1; i >= 0; i-- {
		if dims[i] == 1 {
			continue
		}
		for left == 1 {
			j--
			left, step = s.dims[j], s.strides[j]
		}
		if left%dims[i] != 0 {
			return view{}, false
		}
		out.strides[i] = step
		left /= dims[i]
		step *= dims[i]
	}
	return out, true
}

// simplify drops axes of one element and joins neighbours that are one run.
func (v view) simplify() view {
	out := view{base: v.base, offset: v.offset}
	for _, a := range merged(v.steps()) {
		out.dims, out.strides = append(out.dims, a.n), append(out.strides, a.x)
	}
	return out
}

// steps are the axes of the view, for walks; places count from its first element.
func (v view) steps() []axis {
	all := make([]axis, len(v.dims))
	for i, n := range v.dims {
		all[i] = axis{n: n, x: v.strides[i]}
	}
	return all
}

// contiguous says whether the elements follow each other in memory.
func (v view) contiguous() bool {
	s := v.simplify()
	return len(s.dims) == 0 || len(s.dims) == 1 && s.strides[0] == 1
}

// dense says whether the view is its base, element by element.
func (v view) dense() bool {
	return v.offset == 0 && product(v.dims) == v.base.size() && v.contiguous()
}

// repeated says whether the view is its base, each element cols times in a row.
func (v view) repeated(cols int) bool {
	rows, rest, ok := v.split(cols)
	return ok && v.offset == 0 && rest.constant() && rows.contiguous() && product(rows.dims) == v.base.size()
}

// constant says whether all elements are the same one.
func (v view) constant() bool {
	return len(v.simplify().dims) == 0 || !slices.ContainsFunc(v.simplify().strides, func(s int) bool { return s != 0 })
}

// split cuts the view before its last axes, those that make up cols elements.
func (v view) split(cols int) (rows, rest view, ok bool) {
	if cols == 0 || product(v.dims)%cols != 0 {
		return view{}, view{}, false
	}
	w, ok := v.reshape([]int{product(v.dims) / cols, cols})
	if ok {
		return view{v.base, w.dims[:1], w.strides[:1], v.offset}, view{v.base, w.dims[1:], w.strides[1:], v.offset}, true
	}
	s := v.simplify()
	inner := 1
	for i := len(s.dims); i >= 0; i-- {
		if inner == cols {
			return view{v.base, s.dims[:i], s.strides[:i], v.offset}, view{v.base, s.dims[i:], s.strides[i:], v.offset}, true
		}
		if i > 0 {
			inner *= s.dims[i-1]
		}
	}
	return view{}, view{}, false
}

// isView says whether an operation only moves elements.
func isView(op compute.OpType) bool {
	switch op {
	case compute.OpTypeReshape, compute.OpTypeTranspose, compute.OpTypeBroadcastInDim, compute.OpTypeSlice,
		compute.OpTypeReverse:
		return true
	}
	return false
}
