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
	a := f.attentionOperands(compute.OpTypeFusedScaledDotProductAttention, query, key, value, layout, options)
	forward := f.attention
	if a.streams() {
		forward = f.streamed
	}
	out, lse := forward(a)
	return out, []val{lse}, nil
}

// FusedScaledDotProductAttentionVJP is the gradient of query, key and value for the
// gradient of the output.
func (f *function) FusedScaledDotProductAttentionVJP(query, key, value val, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig, output val, states []val, gradient val) (dQuery, dKey, dValue val, err error) {
	defer caught(&err)
	const op = compute.OpTypeFusedScaledDotProductAttentionVJP
	a := f.attentionOperands(op, query, key, value, layout, options)
	refuseIf(len(states) != 1, "%s: %d states are given, the forward pass gave 1", op, len(states))
	back := f.use(op, output, states[0], gradient)
	refuseIf(!back[0].shape.Equal(back[2].shape), "%s: the gradient is %s, the output %s", op, back[2].shape, back[0].shape)
	backward := f.attentionVJP
	if a.streams() {
		backward = f.streamedVJP
	}
	dq, dk, dv := backward(a, back[0], back[1], back[2])
	return dq, dk, dv, nil
}

// attended is an attention with its operands. The optional ones are nil where they are not
// given; mask and bias are [B|1 H|1 S|1 T|1].
type attended struct {
	attentionAttr
	q, k, v, mask, bias, queryLen, keyLen *node
	guarded                               bool // there are optional ones: a query may see nothing
}

// streamed is attention as one operation.
func (f *function) streamed(a *attended) (out, lse *node) {
	in := f.streamOperands(a)
	s, d := in[0].shape.Clone(), in[0].shape.Dimensions
	s.Dimensions[3] = a.v.shape.Dimensions[3]
	sums := shapes.Make(dtypes.Float32, d[0], d[a.layout.HeadsAxis()], d[a.layout.SeqAxis()])
	outs := f.addMulti(opAttention, []shapes.Shape{s, sums}, a.attentionAttr, in...)
	return f.convert(outs[0], a.q.shape.DType), outs[1]
}

// streamedVJP is the gradient of that.
func (f *function) streamedVJP(a *attended, out, lse, dOut *node) (dq, dk, dv *node) {
	in, t := f.streamOperands(a, out, lse, dOut), a.q.shape.DType
	d := f.addMulti(opAttentionVJP, shapesOf(in[:3]), a.attentionAttr, in...)
	return f.convert(d[0], t), f.convert(d[1], t), f.convert(d[2], t)
}

// streamOperands are query, key, value and what else there is, in float32, then the mask,
// if there is one.
func (f *function) streamOperands(a *attended, others ...*node) []*node {
	in := append([]*node{a.q, a.k, a.v}, others...)
	for i, x := range in {
		in[i] = f.inFloat(x)
	}
	if a.mask != nil {
		in = append(in, a.mask)
	}
	return in
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
	options *compute.ScaledDotProductAttentionConfig) *attended {
	o := compute.ScaledDotProductAttentionConfig{}
	if options != nil {
		o = *options
	}
	in, more := f.useSome(op, []val{query, key, value}, o.Mask, o.Bias, o.QuerySeqLen, o.KeyValueSeqLen)
	sameFloats(op, in[:3])
	a := &attended{attentionAttr{layout, o.Scale, o.Causal}, in[0], in[1], in[2], more[0], more[1], more[2], more[3], len(in) > 3}
	q, k, v := a.q.shape, a.k.shape, a.v.shape
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
	a.mask, a.bias = f.onScores(op, a, "mask", a.mask, scores), f.onScores(op, a, "bias", a.bias, scores)
	for _, n := range []*node{a.queryLen, a.keyLen} {
		if n != nil {
			refuseIf(n.shape.Rank() != 1 || n.shape.Dimensions[0] != scores[0] || !n.shape.DType.IsInt() || n.shape.DType.IsPacked(),
				"%s: lengths of %s do not fit a batch of %d", op, n.shape, scores[0])
		}
	}
	return a
}

// onScores checks a mask or bias and gives it the axes of the scores.
func (f *function) onScores(op compute.OpType, a *attended, name string, n *node, scores []int) *node {
	if n == nil {
		return nil
	}
	s, mask := n.shape, name == "mask"
	lackIf(s.Rank() == 3 && mask, "%s: a mask of three axes, %s, is ambiguous", op, s)
	// The gradient has no place for it: GoMLX would train on with zeros.
	lackIf(n.differentiable(map[*node]bool{}), "%s: the %s %s depends on a parameter and would get no gradient", op, name, s)
	n = f.expandLeft(n, 4)
	if mask && s.Rank() == 4 {
		n = f.headsFirst(a, n)
	}
	dims, ok := commonDims(shapes.Make(dtypes.Bool, scores...), n.shape)
	ok = ok && slices.Equal(dims, scores) && (s.DType.IsFloat() || s.DType == dtypes.Bool && mask)
	refuseIf(!ok, "%s: a %s of %s does not fit scores %v", op, name, s, scores)
	return n
}

// headsFirst turns the layout into [B H S D], in which attention is composed, and back:
// swapping two axes undoes itself.
func (f *function) headsFirst(a *attended, x *node) *node {
	if a.layout == compute.AttentionAxesLayoutBSHD {
		return f.transpose(x, 0, 2, 1, 3)
	}
	return x
}

// groups makes [B K G S T] of [B H S T]. One head for all stays one.
func (f *function) groups(x *node, keyHeads int) *node {
	d := x.shape.Dimensions
	if d[1] == 1 {
		keyHeads = 1
	}
	return f.reshape(x, d[0], keyHeads, d[1]/keyHeads, d[2], d[3])
}

// grouped is a query or an output as [B K G S D].
func (f *function) grouped(a *attended, x *node) *node {
	return f.groups(f.headsFirst(a, x), a.k.shape.Dimensions[a.layout.HeadsAxis()])
}

// restored turns [B K G S D] or [B K T D] into the layout and type of the operands.
func (f *function) restored(a *attended, x *node) *node {
	if d := x.shape.Dimensions; len(d) == 5 {
		x = f.reshape(x, d[0], d[1]*d[2], d[3], d[4])
	}
	return f.convert(f.headsFirst(a, x), a.q.shape.DType)
}

// scores are [B K G S T], -Inf where a query may not see a key.
func (f *function) scores(a *attended) *node {
	q, k := f.grouped(a, a.q), f.headsFirst(a, a.k)
	t := f.inFloat(q).shape.DType
	x := f.dot(q, k, t, dotAttr{[]int{4}, []int{0, 1}, []int{3}, []int{0, 1}})
	x = f.with(compute.OpTypeMul, x, a.scale)
	d := x.shape.Dimensions
	add := func(n *node) { x = f.op2(compute.OpTypeAdd, x, f.groups(f.convert(n, t), d[1])) }
	hide := func(seen *node) { x = f.where(seen, x, f.scalar(t, math.Inf(-1))) }
	if a.bias != nil {
		add(a.bias)
	}
	if a.mask != nil && a.mask.shape.DType == dtypes.Bool {
		hide(f.groups(a.mask, d[1]))
	} else if a.mask != nil {
		add(a.mask)
	}
	if a.causal {
		row, col := f.iota(dtypes.Int32, 3, 1, 1, 1, d[3], d[4]), f.iota(dtypes.Int32, 4, 1, 1, 1, d[3], d[4])
		hide(f.op2(compute.OpTypeGreaterOrEqual, row, col))
	}
	for i, n := range []*node{a.queryLen, a.keyLen} {
		if n != nil {
			place := f.iota(dtypes.Int64, 3+i, onlyAxis(5, 3+i, d[3+i])...)
			length := f.reshape(f.convert(n, dtypes.Int64), d[0], 1, 1, 1, 1)
			hide(f.op2(compute.OpTypeLessThan, place, length))
		}
	}
	return x
}

// attention composes the output, in the layout of the query, and the logarithm of the
// sum of exponentials, [B H S].
func (f *function) attention(a *attended) (out, lse *node) {
	x := f.scores(a)
	t, d := x.shape.DType, x.shape.Dimensions
	top := f.reduceKeep(compute.OpTypeReduceMax, x, 4)
	if a.guarded { // a row of -Inf becomes zeros, and its logarithm 0
		top = f.where(f.with(compute.OpTypeEqual, top, math.Inf(-1)), f.scalar(t, 0), top)
	}
	e := f.op1(compute.OpTypeExp, f.op2(compute.OpTypeSub, x, top))
	sum := f.reduceKeep(compute.OpTypeReduceSum, e, 4)
	if a.guarded {
		sum = f.where(f.with(compute.OpTypeEqual, sum, 0), f.scalar(t, 1), sum)
	}
	out = f.dot(e, f.inFloat(f.headsFirst(a, a.v)), t, dotAttr{[]int{4}, []int{0, 1}, []int{2}, []int{0, 1}})
	lse = f.op2(compute.OpTypeAdd, top, f.op1(compute.OpTypeLog, sum))
	return f.restored(a, f.op2(compute.OpTypeDiv, out, sum)), f.reshape(lse, d[0], d[1]*d[2], d[3])
}

// attentionVJP composes the gradients, with p the attention that a query pays a key:
//
//	dV = p^T dO   dS = p*(dO V^T - sum(dO*O))   dQ = scale dS K   dK = scale dS^T Q
func (f *function) attentionVJP(a *attended, out, lse, dOut *node) (dq, dk, dv *node) {
	x := f.scores(a)
	t, d := x.shape.DType, x.shape.Dimensions
	q, k, v := f.inFloat(f.grouped(a, a.q)), f.inFloat(f.headsFirst(a, a.k)), f.inFloat(f.headsFirst(a, a.v))
	o, g := f.inFloat(f.grouped(a, out)), f.inFloat(f.grouped(a, dOut))
	p := f.op1(compute.OpTypeExp, f.op2(compute.OpTypeSub, x, f.reshape(lse, d[0], d[1], d[2], d[3], 1)))
	toKeys := dotAttr{[]int{2, 3}, []int{0, 1}, []int{2, 3}, []int{0, 1}}
	dv = f.dot(p, g, t, toKeys)
	dp := f.dot(g, v, t, dotAttr{[]int{4}, []int{0, 1}, []int{3}, []int{0, 1}})
	rows := f.reduceKeep(compute.OpTypeReduceSum, f.op2(compute.OpTypeMul, g, o), 4)
	ds := f.with(compute.OpTypeMul, f.op2(compute.OpTypeMul, p, f.op2(compute.OpTypeSub, dp, rows)), a.scale)
	dq = f.dot(ds, k, t, dotAttr{[]int{4}, []int{0, 1}, []int{2}, []int{0, 1}})
	dk = f.dot(ds, q, t, toKeys)
	return f.restored(a, dq), f.restored(a, dk), f.restored(a, dv)
}
