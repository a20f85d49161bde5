package cpu

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Axes: B batch, H query heads, K key heads, G = H/K query heads that share a key
// head, S queries, T keys, D head size.

// FusedScaledDotProductAttention is softmax(scale*query@key^T + bias + mask) @ value
// for each head. Queries that may see no key give zeros. A boolean mask and a bias or
// number mask have the axes [S T], or [B H S T] with any of them 1; a mask of four
// axes follows the layout of the scores (BSHD: [B S H T]), a bias never. The one state
// for the gradient is the logarithm of the sum of exponentials, [B H S].
func (f *function) FusedScaledDotProductAttention(query, key, value val, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (output val, states []val, err error) {
	defer caught(&err)
	a, in := f.attentionOperands(compute.OpTypeFusedScaledDotProductAttention, query, key, value, layout, options)
	forward := f.attention
	if a.streams(in) {
		forward = f.streamed
	}
	out, lse := forward(a, in)
	return out, []val{lse}, nil
}

// FusedScaledDotProductAttentionVJP is the gradient of query, key and value for the
// gradient of the output.
func (f *function) FusedScaledDotProductAttentionVJP(query, key, value val, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig, output val, states []val, gradient val) (dQuery, dKey, dValue val, err error) {
	defer caught(&err)
	const op = compute.OpTypeFusedScaledDotProductAttentionVJP
	a, in := f.attentionOperands(op, query, key, value, layout, options)
	refuseIf(len(states) != 1, "%s: %d states are given, the forward pass gave 1", op, len(states))
	back := f.use(op, output, states[0], gradient)
	refuseIf(!back[0].shape.Equal(back[2].shape), "%s: the gradient is %s, the output %s", op, back[2].shape, back[0].shape)
	if !a.streams(in) {
		dq, dk, dv := f.attentionVJP(a, in, back[0], back[1], back[2])
		return dq, dk, dv, nil
	}
	all := []*node{f.inFloat(in[0]), f.inFloat(in[1]), f.inFloat(in[2]), f.inFloat(back[0]), f.inFloat(back[1]), f.inFloat(back[2])}
	d := f.addMulti(opAttentionVJP, shapesOf(all[:3]), a, append(all, in[3:]...)...)
	t := in[0].shape.DType
	return f.convert(d[0], t), f.convert(d[1], t), f.convert(d[2], t), nil
}

// streamed is attention as one operation.
func (f *function) streamed(a attentionAttr, in []*node) (out, lse *node) {
	q, k, v := f.inFloat(in[0]), f.inFloat(in[1]), f.inFloat(in[2])
	s, d := q.shape.Clone(), q.shape.Dimensions
	s.Dimensions[3] = v.shape.Dimensions[3]
	sums := shapes.Make(dtypes.Float32, d[0], d[a.layout.HeadsAxis()], d[a.layout.SeqAxis()])
	outs := f.addMulti(opAttention, []shapes.Shape{s, sums}, a, append([]*node{q, k, v}, in[3:]...)...)
	return f.convert(outs[0], in[0].shape.DType), outs[1]
}

// differentiable says whether a number can depend smoothly on a parameter.
func (n *node) differentiable(seen map[*node]bool) bool {
	if t := n.shape.DType; seen[n] || n.op != opPick && !t.IsFloat() && !t.IsComplex() && n.multi == nil {
		return false
	}
	seen[n] = true
	if n.op == compute.OpTypeParameter || n.op == compute.OpTypeCapturedValue {
		return true
	}
	return slices.ContainsFunc(n.in, func(x *node) bool { return x.differentiable(seen) })
}

// attentionOperands checks the operands of attention.
func (f *function) attentionOperands(op compute.OpType, query, key, value val, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (a attentionAttr, in []*node) {
	a.layout = layout
	all := []val{query, key, value}
	if options != nil {
		a.scale, a.causal = options.Scale, options.Causal
		a.mask, a.bias = optional(&all, options.Mask), optional(&all, options.Bias)
		a.queryLen, a.keyLen = optional(&all, options.QuerySeqLen), optional(&all, options.KeyValueSeqLen)
	}
	in = f.use(op, all...)
	q, k, v := in[0].shape, in[1].shape, in[2].shape
	sameFloats(op, in[:3])
	h, s := layout.HeadsAxis(), layout.SeqAxis()
	fits := layout == compute.AttentionAxesLayoutBHSD || layout == compute.AttentionAxesLayoutBSHD
	fits = fits && q.Rank() == 4 && k.Rank() == 4 && v.Rank() == 4
	fits = fits && q.Dimensions[0] == k.Dimensions[0] && q.Dimensions[3] == k.Dimensions[3]
	fits = fits && slices.Equal(k.Dimensions[:3], v.Dimensions[:3]) && k.Dimensions[h] > 0 && q.Dimensions[h]%k.Dimensions[h] == 0
	refuseIf(!fits, "%s of query %s, key %s, value %s do not fit in layout %s", op, q, k, v, layout)
	if a.scale == 0 {
		a.scale = 1 / math.Sqrt(float64(q.Dimensions[3]))
	}
	scores := []int{q.Dimensions[0], q.Dimensions[h], q.Dimensions[s], k.Dimensions[s]}
	for i, n := range []*node{operandAt(in, a.mask), operandAt(in, a.bias)} {
		if n == nil {
			continue
		}
		name, mask := []string{"mask", "bias"}[i], i == 0
		lackIf(n.shape.Rank() == 3 && mask, "%s: a mask of three axes, %s, is ambiguous", op, n.shape)
		// The gradient has no place for it: GoMLX would train on with zeros.
		lackIf(n.differentiable(map[*node]bool{}), "%s: the %s %s depends on a parameter and would get no gradient", op, name, n.shape)
		fits := n.shape.Rank() <= 4 && (n.shape.DType.IsFloat() || n.shape.DType == dtypes.Bool && mask)
		if fits {
			dims, ok := commonDims(shapes.Make(dtypes.Bool, scores...), a.scoreShape(n, mask))
			fits = ok && slices.Equal(dims, scores)
		}
		refuseIf(!fits, "%s: a %s of %s does not fit scores %v", op, name, n.shape, scores)
	}
	for _, n := range []*node{operandAt(in, a.queryLen), operandAt(in, a.keyLen)} {
		if n != nil {
			refuseIf(n.shape.Rank() != 1 || n.shape.Dimensions[0] != scores[0] || !n.shape.DType.IsInt() || n.shape.DType.IsPacked(),
				"%s: lengths of %s do not fit a batch of %d", op, n.shape, scores[0])
		}
	}
	return a, in
}

// scoreShape is the shape of a mask or bias as [B H S T].
func (a attentionAttr) scoreShape(n *node, mask bool) shapes.Shape {
	dims := append(slices.Repeat([]int{1}, 4-n.shape.Rank()), n.shape.Dimensions...)
	if mask && n.shape.Rank() == 4 && a.layout == compute.AttentionAxesLayoutBSHD {
		dims[1], dims[2] = dims[2], dims[1]
	}
	return shapes.Make(n.shape.DType, dims...)
}

// grouped is a query, key, value or output as [B K G S D].
func (f *function) grouped(a attentionAttr, x *node, keyHeads int) *node {
	d := x.shape.Dimensions
	h := a.layout.HeadsAxis()
	split := slices.Concat(d[:h], []int{keyHeads, d[h] / keyHeads}, d[h+1:])
	x = f.reshape(x, split...)
	if a.layout == compute.AttentionAxesLayoutBSHD {
		x = f.transpose(x, 0, 2, 3, 1, 4)
	}
	return x
}

// ungrouped turns [B K G S D] into the layout and type of an operand.
func (f *function) ungrouped(a attentionAttr, x *node, like *node) *node {
	d := slices.Clone(like.shape.Dimensions)
	d[3] = x.shape.Dimensions[4]
	if a.layout == compute.AttentionAxesLayoutBSHD {
		x = f.transpose(x, 0, 3, 1, 2, 4)
	}
	return f.convert(f.reshape(x, d...), like.shape.DType)
}

// heads is a key or value as [B K T D].
func (f *function) heads(a attentionAttr, x *node) *node {
	if a.layout == compute.AttentionAxesLayoutBSHD {
		return f.transpose(x, 0, 2, 1, 3)
	}
	return x
}

// unheads turns [B K T D] into the layout and type of an operand.
func (f *function) unheads(a attentionAttr, x *node, like *node) *node {
	return f.convert(f.heads(a, x), like.shape.DType) // swapping two axes undoes itself
}

// scores are [B K G S T], -Inf where a query may not see a key; rows may be all of that
// where guarded is set.
func (f *function) scores(a attentionAttr, in []*node) (scores *node, guarded bool) {
	keyHeads := in[1].shape.Dimensions[a.layout.HeadsAxis()]
	q, k := f.grouped(a, in[0], keyHeads), f.heads(a, in[1])
	x := f.dot(q, k, f.inFloat(q).shape.DType, dotAttr{[]int{4}, []int{0, 1}, []int{3}, []int{0, 1}})
	x = f.with(compute.OpTypeMul, x, a.scale)
	d := x.shape.Dimensions
	// spread gives [B|1 H|1 S|1 T|1] the axes of the scores.
	spread := func(n *node) *node {
		s := n.shape.Dimensions
		groups := []int{1, 1}
		if s[1] > 1 {
			groups = d[1:3]
		}
		return f.broadcast(f.reshape(n, slices.Concat(s[:1], groups, s[2:])...), d)
	}
	if n := operandAt(in, a.bias); n != nil {
		x = f.op2(compute.OpTypeAdd, x, spread(f.convert(f.reshape(n, a.scoreShape(n, false).Dimensions...), x.shape.DType)))
		guarded = true
	}
	var seen *node // which keys a query may see
	and := func(n *node) {
		if seen == nil {
			seen = n
		} else {
			seen = f.op2(compute.OpTypeLogicalAnd, seen, n)
		}
	}
	if n := operandAt(in, a.mask); n != nil {
		guarded = true
		if n.shape.Rank() == 4 {
			n = f.heads(a, n)
		}
		n = f.reshape(n, a.scoreShape(operandAt(in, a.mask), true).Dimensions...)
		if n.shape.DType == dtypes.Bool {
			and(spread(n))
		} else {
			x = f.op2(compute.OpTypeAdd, x, spread(f.convert(n, x.shape.DType)))
		}
	}
	if a.causal {
		row, col := f.iota(dtypes.Int32, 0, d[3:]...), f.iota(dtypes.Int32, 1, d[3:]...)
		and(spread(f.reshape(f.op2(compute.OpTypeGreaterOrEqual, row, col), 1, 1, d[3], d[4])))
	}
	for i, n := range []*node{operandAt(in, a.queryLen), operandAt(in, a.keyLen)} {
		if n == nil {
			continue
		}
		guarded = true
		place := f.reshape(f.iota(dtypes.Int64, 0, d[3+i]), onlyAxis(4, 2+i, d[3+i])...)
		length := f.reshape(f.convert(n, dtypes.Int64), d[0], 1, 1, 1)
		and(spread(f.op2(compute.OpTypeLessThan, place, length)))
	}
	if seen != nil {
		x = f.where(seen, x, f.scalar(x.shape.DType, math.Inf(-1)))
	}
	return x, guarded
}

// attention composes the output, in the layout of the query, and the logarithm of the
// sum of exponentials, [B H S].
func (f *function) attention(a attentionAttr, in []*node) (out, lse *node) {
	x, guarded := f.scores(a, in)
	t := x.shape.DType
	top := f.reduceKeep(compute.OpTypeReduceMax, x, 4)
	if guarded { // a row of -Inf becomes zeros, and its logarithm 0
		top = f.where(f.with(compute.OpTypeEqual, top, math.Inf(-1)), f.scalar(t, 0), top)
	}
	e := f.op1(compute.OpTypeExp, f.op2(compute.OpTypeSub, x, top))
	sum := f.reduceKeep(compute.OpTypeReduceSum, e, 4)
	if guarded {
		sum = f.where(f.with(compute.OpTypeEqual, sum, 0), f.scalar(t, 1), sum)
	}
	v := f.heads(a, in[2])
	out = f.dot(e, f.inFloat(v), t, dotAttr{[]int{4}, []int{0, 1}, []int{2}, []int{0, 1}})
	out = f.ungrouped(a, f.op2(compute.OpTypeDiv, out, sum), in[0])
	lse = f.op2(compute.OpTypeAdd, top, f.op1(compute.OpTypeLog, sum))
	d := x.shape.Dimensions
	return out, f.reshape(lse, d[0], d[1]*d[2], d[3])
}

// attentionVJP composes the gradients, with p the attention that a query pays a key:
//
//	dV = p^T dO   dS = p*(dO V^T - sum(dO*O))   dQ = scale dS K   dK = scale dS^T Q
func (f *function) attentionVJP(a attentionAttr, in []*node, out, lse, dOut *node) (dq, dk, dv *node) {
	x, _ := f.scores(a, in)
	t, d := x.shape.DType, x.shape.Dimensions
	q, k, v := f.inFloat(f.grouped(a, in[0], d[1])), f.inFloat(f.heads(a, in[1])), f.inFloat(f.heads(a, in[2]))
	o, g := f.inFloat(f.grouped(a, out, d[1])), f.inFloat(f.grouped(a, dOut, d[1]))
	p := f.op1(compute.OpTypeExp, f.op2(compute.OpTypeSub, x, f.reshape(lse, d[0], d[1], d[2], d[3], 1)))
	toKeys := dotAttr{[]int{2, 3}, []int{0, 1}, []int{2, 3}, []int{0, 1}}
	dv = f.dot(p, g, t, toKeys)
	dp := f.dot(g, v, t, dotAttr{[]int{4}, []int{0, 1}, []int{3}, []int{0, 1}})
	rows := f.reduceKeep(compute.OpTypeReduceSum, f.op2(compute.OpTypeMul, g, o), 4)
	ds := f.with(compute.OpTypeMul, f.op2(compute.OpTypeMul, p, f.op2(compute.OpTypeSub, dp, rows)), a.scale)
	dq = f.dot(ds, k, t, dotAttr{[]int{4}, []int{0, 1}, []int{2}, []int{0, 1}})
	dk = f.dot(ds, q, t, toKeys)
	return f.ungrouped(a, dq, in[0]), f.unheads(a, dk, in[1]), f.unheads(a, dv, in[2])
}
