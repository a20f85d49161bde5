package oracle

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Axes: B batch, H query heads, G key heads, S queries, K keys, D head size.

// An attention reads query [B H S D], key and value [B G K D] (or with the second and
// third axis exchanged) and what may come with them.
type attention struct {
	op              compute.OpType
	layout          compute.AttentionAxesLayout
	config          compute.ScaledDotProductAttentionConfig // its values are replaced by the indices below
	b, h, g         int
	s, k, d, dv     int
	dtype           dtypes.DType
	mask, bias      int // among the operands, 0 for none
	querySeq, kvSeq int
	output          shapes.Shape
}

// newAttention checks the operands and lists them: query, key, value, then what the
// configuration adds.
func (f *Function) newAttention(op compute.OpType, query, key, value compute.Value, layout compute.AttentionAxesLayout, options *compute.ScaledDotProductAttentionConfig) (*attention, []compute.Value, error) {
	t := &attention{op: op, layout: layout}
	if options != nil {
		t.config = *options
	}
	operands := []compute.Value{query, key, value}
	for _, extra := range []struct {
		v  compute.Value
		at *int
	}{{t.config.Mask, &t.mask}, {t.config.Bias, &t.bias}, {t.config.QuerySeqLen, &t.querySeq}, {t.config.KeyValueSeqLen, &t.kvSeq}} {
		if extra.v != nil {
			*extra.at = len(operands)
			operands = append(operands, extra.v)
		}
	}
	in, err := f.values(op, operands...)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, nil, err
	}
	q, kv, v := in[0].Shape(), in[1].Shape(), in[2].Shape()
	if q.Rank() != 4 || kv.Rank() != 4 || v.Rank() != 4 || !q.DType.IsFloat() || kv.DType != q.DType || v.DType != q.DType {
		return nil, nil, fmt.Errorf("oracle: %s of %s, %s, %s: want floats of rank 4", op, q, kv, v)
	}
	heads, seq := layout.HeadsAxis(), layout.SeqAxis()
	t.dtype, t.output = q.DType, q
	t.b, t.h, t.s, t.d = q.Dimensions[0], q.Dimensions[heads], q.Dimensions[seq], q.Dimensions[3]
	t.g, t.k, t.dv = kv.Dimensions[heads], kv.Dimensions[seq], v.Dimensions[3]
	fits := kv.Dimensions[0] == t.b && kv.Dimensions[3] == t.d && t.dv == t.d &&
		v.EqualDimensions(kv) && t.g > 0 && t.h%t.g == 0
	if !fits {
		return nil, nil, fmt.Errorf("oracle: %s of %s, %s, %s: batches, heads, keys or head sizes do not match", op, q, kv, v)
	}
	if t.config.Scale == 0 {
		t.config.Scale = 1 / math.Sqrt(float64(t.d))
	}
	return t, operands, nil
}

// options is the configuration for another engine, with that engine's values.
func (t *attention) options(in []compute.Value) *compute.ScaledDotProductAttentionConfig {
	c := t.config
	c.Mask, c.Bias, c.QuerySeqLen, c.KeyValueSeqLen = nil, nil, nil, nil
	for at, v := range map[int]*compute.Value{t.mask: &c.Mask, t.bias: &c.Bias, t.querySeq: &c.QuerySeqLen, t.kvSeq: &c.KeyValueSeqLen} {
		if at > 0 {
			*v = in[at]
		}
	}
	return &c
}

func (t *attention) text() string {
	return fmt.Sprintf("%s, scale %.6g, causal %t, mask %d, bias %d, lengths %d %d", t.layout, t.config.Scale, t.config.Causal, t.mask, t.bias, t.querySeq, t.kvSeq)
}

// row lists the positions of a vector of D elements.
func (t *attention) row(x *Tensor, b, head, seq int) []int {
	index := []int{b, head, seq, 0}
	if t.layout == compute.AttentionAxesLayoutBSHD {
		index[1], index[2] = seq, head
	}
	p, _ := position(x.dims(), index)
	at := make([]int, x.dims()[3])
	for i := range at {
		at[i] = p + i
	}
	return at
}

// score reads an element of a mask or bias of rank 2 ([S K]), 3 ([B S K]) or 4; axes of
// size 1 repeat. Of rank 4, a bias is always [B H S K]; a mask has its heads where
// the layout has them, as in GoMLX's decomposed attention.
func (t *attention) score(x *Tensor, isMask bool, b, h, s, k int) Scalar {
	index := []int{b, h, s, k}
	if isMask && t.layout == compute.AttentionAxesLayoutBSHD {
		index = []int{b, s, h, k}
	}
	switch len(x.dims()) {
	case 2:
		index = []int{s, k}
	case 3:
		index = []int{b, s, k}
	}
	for axis, d := range x.dims() {
		if d == 1 {
			index[axis] = 0
		}
	}
	p, _ := position(x.dims(), index)
	return x.Data[p]
}

// weights are the softmax of one query's scores over the keys that it may see, and
// which those are, with their scores.
func (t *attention) weights(a *arith, in []*Tensor, b, h, s int) (weights []Scalar, keys []int, known bool, scores []Scalar) {
	known = true
	limit := func(at int, otherwise int) int {
		if at == 0 {
			return otherwise
		}
		known = known && !in[at].Data[b].Unsure
		return int(in[at].Data[b].Int)
	}
	if s >= limit(t.querySeq, t.s) {
		return nil, nil, known && t.hidden(in, b, h, 0, t.k), nil
	}
	seen := min(t.k, limit(t.kvSeq, t.k))
	if t.config.Causal {
		seen = min(seen, s+1)
	}
	q := pick(in[0].Data, t.row(in[0], b, h, s))
	none := true
	// Engines that hide keys by their weight 0 multiply what is hidden.
	known = known && t.hidden(in, b, h, seen, t.k)
	for k := range seen {
		isBool := t.mask > 0 && in[t.mask].dtype() == dtypes.Bool
		if isBool {
			m := t.score(in[t.mask], true, b, h, s, k)
			known = known && !m.Unsure
			if m.Int == 0 {
				known = known && t.hidden(in, b, h, k, k+1)
				continue
			}
		}
		x := a.dot(q, pick(in[1].Data, t.row(in[1], b, h*t.g/t.h, k)))
		x = a.mul(x, a.constant(t.config.Scale))
		if t.bias > 0 {
			x = a.add(x, t.score(in[t.bias], false, b, h, s, k))
		}
		if t.mask > 0 && !isBool {
			x = a.add(x, t.score(in[t.mask], true, b, h, s, k))
		}
		scores, keys = append(scores, x), append(keys, k)
		none = none && math.IsInf(x.Re, -1)
	}
	if none && len(keys) > 0 {
		known = false // a row of -Inf is taken for one without keys, or becomes NaN
	}
	p := a.softmax(scores)
	if t.dtype != dtypes.Float64 {
		known = t.faint(in, b, h, p, keys) && known
	}
	return p, keys, known, scores
}

// faint allows an engine to take weights below exp(-40) of the greatest for none, and
// reports whether what is behind those is finite.
func (t *attention) faint(in []*Tensor, b, h int, p []Scalar, keys []int) bool {
	least, known := math.Exp(-40), true
	for i := range p {
		p[i].Err += least
		known = known && (p[i].Re > 2*least || t.hidden(in, b, h, keys[i], keys[i]+1))
	}
	return known
}

// hidden reports whether keys and values that a query may not see are finite.
func (t *attention) hidden(in []*Tensor, b, h, from, to int) bool {
	for k := from; k < to; k++ {
		for _, x := range in[1:3] {
			for _, at := range t.row(x, b, h*t.g/t.h, k) {
				if s := x.Data[at]; s.Unsure || !s.finite() {
					return false
				}
			}
		}
	}
	return true
}

// FusedScaledDotProductAttention implements compute.Function. Its one state is the
// output's placeholder; another engine's states replace it when a program is built there.
func (f *Function) FusedScaledDotProductAttention(query, key, value compute.Value, layout compute.AttentionAxesLayout, options *compute.ScaledDotProductAttentionConfig) (compute.Value, []compute.Value, error) {
	const op = compute.OpTypeFusedScaledDotProductAttention
	t, operands, err := f.newAttention(op, query, key, value, layout, options)
	if err != nil {
		return nil, nil, err
	}
	in, err := f.values(op, operands...)
	if err != nil {
		return nil, nil, err
	}
	n := &Node{Op: op, Inputs: in, Shapes: []shapes.Shape{t.output, shapes.Make(dtypes.Float32)}, Options: t.text()}
	n.eval = func(r *run, in []*Tensor) ([]*Tensor, error) {
		out := newTensor(t.output)
		t.forward(r, out, in)
		return []*Tensor{out, newTensor(n.Shapes[1])}, nil
	}
	n.build = func(w *writer, g compute.Function, in []compute.Value) ([]compute.Value, error) {
		y, states, err := g.FusedScaledDotProductAttention(in[0], in[1], in[2], layout, t.options(in))
		w.states[n] = states
		return []compute.Value{y}, err
	}
	out := f.add(n)
	return out[0], out[1:], nil
}

func (t *attention) forward(r *run, out *Tensor, in []*Tensor) {
	a, w := r.arith(t.dtype), r.wide(t.dtype)
	each([]int{t.b, t.h, t.s}, func(_ int, i []int) {
		p, keys, known, _ := t.weights(w, in, i[0], i[1], i[2])
		for d, at := range t.row(out, i[0], i[1], i[2]) {
			v := make([]Scalar, len(keys))
			for n, k := range keys {
				v[n] = in[2].Data[t.row(in[2], i[0], i[1]*t.g/t.h, k)[d]]
			}
			if out.Data[at] = a.store(w.dot(t.rounded(r, p), v)); !known {
				out.Data[at] = unsure
			}
		}
	})
}

// rounded allows an engine to store the weights of 16-bit attention in 16 bits.
func (t *attention) rounded(r *run, p []Scalar) []Scalar {
	if !t.dtype.IsHalfPrecision() {
		return p
	}
	a := r.arith(t.dtype)
	out := make([]Scalar, len(p))
	for i, x := range p {
		out[i] = a.store(x)
	}
	return out
}

// FusedScaledDotProductAttentionVJP implements compute.Function. With P the weights
// and dP = dO·Vᵀ: dV = Pᵀ·dO, dS = P∘(dP - rowsum(P∘dP)), dQ = scale·dS·K,
// dK = scale·dSᵀ·Q (Dao et al., arXiv:2205.14135, appendix B).
func (f *Function) FusedScaledDotProductAttentionVJP(query, key, value compute.Value, layout compute.AttentionAxesLayout, options *compute.ScaledDotProductAttentionConfig, output compute.Value, states []compute.Value, dOutput compute.Value) (dQuery, dKey, dValue compute.Value, err error) {
	const op = compute.OpTypeFusedScaledDotProductAttentionVJP
	t, operands, err := f.newAttention(op, query, key, value, layout, options)
	if err != nil {
		return nil, nil, nil, err
	}
	last := len(operands)
	in, err := f.values(op, append(append(operands, output, dOutput), states...)...)
	if err != nil {
		return nil, nil, nil, err
	}
	if !in[last+1].Shape().Equal(t.output) || len(states) != 1 || in[last+2].Node != in[last].Node {
		return nil, nil, nil, fmt.Errorf("oracle: %s: output, states or gradient are not those of the forward operation", op)
	}
	forward := in[last].Node
	n := &Node{
		Op: op, Inputs: in, Shapes: []shapes.Shape{in[0].Shape(), in[1].Shape(), in[2].Shape()}, Options: t.text(),
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) { return t.backward(r, in, in[last+1]), nil },
		build: func(w *writer, g compute.Function, in []compute.Value) ([]compute.Value, error) {
			dq, dk, dv, err := g.FusedScaledDotProductAttentionVJP(in[0], in[1], in[2], layout, t.options(in), in[last], w.states[forward], in[last+1])
			return []compute.Value{dq, dk, dv}, err
		},
	}
	out := f.add(n)
	return out[0], out[1], out[2], nil
}

// again allows an engine to make the weights again as exp(x - lse), where the forward
// operation has kept lse, the logarithm of the sum of exponentials, in the format.
func (a *arith) again(p, scores []Scalar) []Scalar {
	top, sum := math.Inf(-1), 0.0
	for _, x := range scores {
		top = math.Max(top, x.Re)
	}
	for _, x := range scores {
		sum += math.Exp(x.Re - top)
	}
	off := math.Expm1(a.u * (2*math.Abs(top) + (2+roundings(compute.OpTypeLog))*math.Abs(math.Log(sum))))
	out := make([]Scalar, len(p))
	for i, x := range p {
		out[i] = x
		out[i].Err += math.Abs(x.Re) * off
	}
	return out
}

func (t *attention) backward(r *run, in []*Tensor, dOutput *Tensor) []*Tensor {
	a, w := r.arith(t.dtype), r.wide(t.dtype)
	grads := []*Tensor{newTensor(in[0].Shape), newTensor(in[1].Shape), newTensor(in[2].Shape)}
	sums := make([][]sum, 3)
	for i, g := range grads {
		sums[i] = make([]sum, len(g.Data))
		for j := range sums[i] {
			sums[i][j] = newSum()
		}
	}
	scale := w.constant(t.config.Scale)
	if !finite(in[0], in[1], in[2], dOutput) { // hidden pairs of queries and keys are multiplied, too
		return unknown([]shapes.Shape{in[0].Shape, in[1].Shape, in[2].Shape})
	}
	each([]int{t.b, t.h, t.s}, func(_ int, i []int) {
		b, h, g := i[0], i[1], i[1]*t.g/t.h
		p, keys, known, scores := t.weights(w, in, b, h, i[2])
		p = t.rounded(r, w.again(p, scores))
		do := pick(dOutput.Data, t.row(dOutput, b, h, i[2]))
		dp := make([]Scalar, len(keys))
		for n, k := range keys {
			dp[n] = w.dot(do, pick(in[2].Data, t.row(in[2], b, g, k)))
		}
		// The sum of p·dp is that of dO·O, where O may have been rounded.
		o := make([]Scalar, len(do))
		for d := range o {
			column := make([]Scalar, len(keys))
			for n, k := range keys {
				column[n] = in[2].Data[t.row(in[2], b, g, k)[d]]
			}
			o[d] = a.store(w.dot(p, column))
		}
		total := w.dot(do, o)
		atQ := t.row(in[0], b, h, i[2])
		for n, k := range keys {
			ds := w.mul(w.mul(p[n], w.sub(dp[n], total)), scale)
			if !known {
				ds, p[n] = unsure, unsure
			}
			ds = t.rounded(r, []Scalar{ds})[0]
			atK, atV := t.row(in[1], b, g, k), t.row(in[2], b, g, k)
			for d := range t.d {
				sums[0][atQ[d]].product(w, ds, in[1].Data[atK[d]])
				sums[1][atK[d]].product(w, ds, in[0].Data[atQ[d]])
				sums[2][atV[d]].product(w, p[n], do[d])
			}
		}
	})
	for i, g := range grads {
		for j := range g.Data {
			g.Data[j] = a.store(sums[i][j].done(w, 1))
		}
	}
	return grads
}
