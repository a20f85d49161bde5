package cpu

import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// Attention that never holds the matrix of scores: a block of queries meets a block of
// keys after the other, with the greatest score and the sum of exponentials so far kept
// for each query (Dao and others, FlashAttention, arXiv:2205.14135). The gradient makes
// the scores again from the logarithm of that sum.
//
// Axes: S queries, T keys, D width of queries and keys, E width of values.

const (
	opAttention    = compute.OpTypeLast + 3 // query, key, value[, mask] -> output, logarithm of the sum
	opAttentionVJP = compute.OpTypeLast + 4 // query, key, value, output, logarithm, gradient[, mask] -> those of the first three
)

const (
	keyBlock  = 256
	rowsATask = 512
)

// rowBlock is a number of queries whose panels are full.
func rowBlock() int { return kernel.TileRows() * max(1, 56/kernel.TileRows()) }

// heads is an array of [batch, head, row] vectors: where it lies and the strides of
// these axes in elements. A vector's elements follow each other.
type heads struct {
	piece
	batch, head, row int
}

func (h *heads) at(r *run, b, head, row int) unsafe.Pointer {
	return at(r.mem[h.slot], h.piece.at+4*(b*h.batch+head*h.head+row*h.row))
}

// attentionStep is opAttention or opAttentionVJP.
type attentionStep struct {
	batch, heads, group   int // group: query heads that share a key head
	rows, keys            int // S, T
	width, values         int // D, E
	scale                 float32
	causal, back          bool
	mask                  *sight
	q, k, v, out, lse     heads
	grad, dq, dk, dv      heads // where back is set
	panelRows, panelWidth int   // of matrix products
}

// streams says whether opAttention serves these operands; it has float32 only, and no
// masks but the causal one and booleans that all heads share. One query or few are better
// off with plain products.
func (a *attended) streams() bool {
	q, k, v, s := a.q.shape, a.k.shape.Dimensions, a.v.shape.Dimensions, a.layout.SeqAxis()
	return a.bias == nil && a.queryLen == nil && a.keyLen == nil && (a.mask == nil || a.mask.shared(k[s])) &&
		q.DType != dtypes.Float64 && q.Dimensions[s] >= 16 && k[s] > 0 && k[3] > 0 && v[3] > 0
}

// emitAttention adds the step of a node and its outputs.
func (c *compiler) emitAttention(n *node, outs []*node) {
	a := n.attr.(attentionAttr)
	h, s := a.layout.HeadsAxis(), a.layout.SeqAxis()
	q, k, v := n.in[0].shape.Dimensions, n.in[1].shape.Dimensions, n.in[2].shape.Dimensions
	t := &attentionStep{
		batch: q[0], heads: q[h], group: q[h] / k[h], rows: q[s], keys: k[s], width: q[3], values: v[3], back: n.op == opAttentionVJP,
		scale: float32(a.scale), causal: a.causal, panelRows: kernel.TileRows(), panelWidth: kernel.TileCols(),
	}
	places := []*heads{&t.q, &t.k, &t.v}
	results := []*heads{&t.out, &t.lse}
	if t.back {
		places = append(places, &t.out, &t.lse, &t.grad)
		results = []*heads{&t.dq, &t.dk, &t.dv}
	}
	for i, p := range places {
		*p = c.heads(n.in[i], h, s)
	}
	for _, mask := range n.in[len(places):] {
		t.mask = c.sight(mask)
		c.touch(t.mask.slot)
	}
	for _, p := range places { // copies have moved on
		c.touch(p.slot)
	}
	for i, p := range results {
		*p = c.heads(outs[i], h, s)
	}
	c.add(t)
}

// heads finds where the vectors of a value lie; [B H S] has one element each.
func (c *compiler) heads(n *node, headAxis, rowAxis int) heads {
	v := c.views[n]
	if len(v.dims) == 3 {
		headAxis, rowAxis = 1, 2
	}
	if len(v.dims) == 4 && v.dims[3] > 1 && v.strides[3] != 1 {
		s := rowMajor(v.dims)
		return heads{c.whole(n), s[0], s[headAxis], s[rowAxis]}
	}
	p := piece{slot: c.slot(v.base), at: v.offset * 4}
	return heads{p, v.strides[0], v.strides[headAxis], v.strides[rowAxis]}
}

func (s *attentionStep) run(r *run) error {
	if s.back {
		r.do(s.batch*s.heads/s.group, func(i int) { s.backward(r, i/(s.heads/s.group), i%(s.heads/s.group)) })
		return nil
	}
	parts := ceilDiv(s.rows, rowsATask)
	r.do(s.batch*s.heads*parts, func(i int) {
		from := i % parts * rowsATask
		s.forward(r, i/parts/s.heads, i/parts%s.heads, from, min(from+rowsATask, s.rows))
	})
	return nil
}

// Loops of a row of scores.
var (
	greatest = kernel.Reduce(compute.OpTypeReduceMax, dtypes.Float32)
	least    = kernel.Reduce(compute.OpTypeReduceMin, dtypes.Float32)
	total    = kernel.Reduce(compute.OpTypeReduceSum, dtypes.Float32)
	dot      = kernel.Dot()
	timesOne = kernel.Binary(compute.OpTypeMul, dtypes.Float32, kernel.VS)
	times    = kernel.Binary(compute.OpTypeMul, dtypes.Float32, kernel.VV)
	minusOne = kernel.Binary(compute.OpTypeSub, dtypes.Float32, kernel.VS)
	overOne  = kernel.Binary(compute.OpTypeDiv, dtypes.Float32, kernel.VS)
	atLeast  = kernel.Binary(compute.OpTypeMax, dtypes.Float32, kernel.VS)
	expOf    = kernel.Unary(compute.OpTypeExp, dtypes.Float32)
)

// room is the memory of a task.
type room struct {
	*scratch
	next int
	tile kernel.Tile
	one  *[5]float32 // numbers that loops read and write
}

// newRoom has so many floats, in arrays of at most 12.
func newRoom(floats int) *room {
	r := &room{scratch: borrow(4*floats + 12*2*lineSize)}
	r.one = (*[5]float32)(r.array(5))
	return r
}

// array is the next n floats, on a line of their own and with a line after them.
func (r *room) array(n int) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(r.data)))
	skip := int(-(base + uintptr(r.next)) & (lineSize - 1))
	p := at(r.data, r.next+skip)
	r.next += skip + 4*n + lineSize
	return p
}

// panels packs lanes of ks elements: lane i, element k lies i*lane + k*step from src.
func (s *attentionStep) panels(dst, src unsafe.Pointer, lane, step, lanes, ks int) {
	for j := 0; j < lanes; j += s.panelWidth {
		kernel.Pack(unsafe.Add(dst, 4*j*ks), s.panelWidth, unsafe.Add(src, 4*j*lane), lane, step, min(s.panelWidth, lanes-j), ks)
	}
}

// product is C = A B, or C += A B: rows x n, over k. Strides count elements; B lies in
// panels of depth, from its row first on.
func (s *attentionStep) product(t *kernel.Tile, a unsafe.Pointer, aRow, aK int, b unsafe.Pointer, depth, first int, c unsafe.Pointer, cRow, rows, n, k, add int) {
	*t = kernel.Tile{K: k, ARow: 4 * aRow, AK: 4 * aK, B: unsafe.Add(b, 4*first*s.panelWidth), BK: 4 * s.panelWidth,
		BPanel: 4 * s.panelWidth * depth, CRow: 4 * cRow, N: n, Add: add}
	for i := 0; i < rows; i += s.panelRows {
		t.A, t.C = unsafe.Add(a, i*t.ARow), unsafe.Add(c, i*t.CRow)
		t.Sweep(min(s.panelRows, rows-i))
	}
}

// padded is n rounded up to whole panels.
func (s *attentionStep) padded(n int) int { return ceilDiv(n, s.panelWidth) * s.panelWidth }

// seen is how many of n keys from the first on the query of a row may see.
func (s *attentionStep) seen(row, first, n int) int {
	if !s.causal {
		return n
	}
	return max(0, min(n, row+1-first))
}

// forward computes queries from..to of a head.
func (s *attentionStep) forward(r *run, b, head, from, to int) {
	keys, block := s.keys, rowBlock()
	if s.causal {
		keys = min(keys, to)
	}
	w := newRoom(s.padded(keys)*s.width + keys*s.padded(s.values) + block*keyBlock + 2*block)
	defer w.free()
	k, v := w.array(s.padded(keys)*s.width), w.array(keys*s.padded(s.values))
	s.panels(k, s.k.at(r, b, head/s.group, 0), s.k.row, 1, keys, s.width)
	s.panels(v, s.v.at(r, b, head/s.group, 0), 1, s.v.row, s.values, keys)
	scores := w.array(block * keyBlock)
	top := unsafe.Slice((*float32)(w.array(block)), block)
	sum := unsafe.Slice((*float32)(w.array(block)), block)
	for row := from; row < to; row += block {
		rows := min(block, to-row)
		for i := range rows {
			top[i], sum[i] = float32(math.Inf(-1)), 0
			clear(unsafe.Slice((*float32)(s.out.at(r, b, head, row+i)), s.values))
		}
		last := s.seen(row+rows-1, 0, keys)
		for key := 0; key < last; key += keyBlock {
			n := min(keyBlock, last-key)
			if s.mask.hides(r, b, row, rows, key, n) {
				continue
			}
			s.product(&w.tile, s.q.at(r, b, head, row), s.q.row, 1, unsafe.Add(k, 4*key*s.width), s.width, 0, scores, keyBlock, rows, n, s.width, 0)
			for i := range rows {
				x := unsafe.Add(scores, 4*i*keyBlock)
				seen := s.seen(row+i, key, n)
				clear(unsafe.Slice((*float32)(x), n)[seen:])
				s.hide(r, b, row+i, key, unsafe.Slice((*float32)(x), seen))
				s.weigh(w, x, seen, &top[i], &sum[i], s.out.at(r, b, head, row+i))
			}
			s.product(&w.tile, scores, keyBlock, 1, v, keys, key, s.out.at(r, b, head, row), s.out.row, rows, s.values, n, 1)
		}
		for i := range rows {
			o := s.out.at(r, b, head, row+i)
			if s.mask != nil && sum[i] == 0 { // it sees nothing
				*(*float32)(s.lse.at(r, b, head, row+i)) = 0
				continue
			}
			overOne(o, o, unsafe.Pointer(&sum[i]), s.values)
			*(*float32)(s.lse.at(r, b, head, row+i)) = top[i] + float32(math.Log(float64(sum[i])))
		}
	}
}

// weigh turns n scores of a query into exponentials relative to the greatest so far;
// what is there already, sum and output, is made relative to it.
func (s *attentionStep) weigh(w *room, x unsafe.Pointer, n int, top, sum *float32, out unsafe.Pointer) {
	if n == 0 {
		return
	}
	extreme := greatest
	if s.scale < 0 {
		extreme = least
	}
	one := unsafe.Pointer(&w.one[0])
	extreme(one, x, n)
	m := w.one[0] * s.scale
	if m <= *top {
		m = *top
	}
	if math.IsInf(float64(m), -1) { // nothing to be seen so far
		clear(unsafe.Slice((*float32)(x), n))
		return
	}
	if m != *top && *sum != 0 {
		w.one[1] = float32(math.Exp(float64(*top - m)))
		timesOne(out, out, unsafe.Pointer(&w.one[1]), s.values)
		*sum *= w.one[1]
	}
	*top = m
	w.one[2] = m
	s.exponentials(w, x, n)
	total(one, x, n)
	*sum += w.one[0]
}

// faint is the score, relative to the greatest, that counts as none.
const faint = -40

// exponentials sets n scores x to exp(scale*x - w.one[2]), less exp(faint): what is
// fainter is exactly zero. Attention that has learnt to be sharp gives most keys next to
// nothing, products of that are subnormal numbers, and processors take a hundred cycles
// for each. exp(-40) is far below the rounding of a sum that has a one in it.
func (s *attentionStep) exponentials(w *room, x unsafe.Pointer, n int) {
	w.one[3], w.one[4] = s.scale, faint
	timesOne(x, x, unsafe.Pointer(&w.one[3]), n)
	minusOne(x, x, unsafe.Pointer(&w.one[2]), n)
	atLeast(x, x, unsafe.Pointer(&w.one[4]), n)
	expOf(x, x, n)
	expOf(unsafe.Pointer(&w.one[4]), unsafe.Pointer(&w.one[4]), 1)
	minusOne(x, x, unsafe.Pointer(&w.one[4]), n)
}

// backward computes the gradients of a key head and of the queries that use it, P
// being the attention that a query pays a key:
//
//	dV = P^T dO   dS = scale P*(dO V^T - sum(dO*O))   dQ = dS K   dK = dS^T Q
func (s *attentionStep) backward(r *run, b, keyHead int) {
	block, keys := rowBlock(), s.keys
	w := newRoom(s.padded(keys)*(s.width+s.values) + keys*s.padded(s.width) + block*(2*keyBlock+s.padded(s.width)+s.padded(s.values)))
	defer w.free()
	g := &attentionGrad{attentionStep: s, room: w, r: r, b: b, keyHead: keyHead}
	g.keysAcross, g.valuesAcross = w.array(s.padded(keys)*s.width), w.array(s.padded(keys)*s.values)
	g.keysDown = w.array(keys * s.padded(s.width))
	s.panels(g.keysAcross, s.k.at(r, b, keyHead, 0), s.k.row, 1, keys, s.width)
	s.panels(g.valuesAcross, s.v.at(r, b, keyHead, 0), s.v.row, 1, keys, s.values)
	s.panels(g.keysDown, s.k.at(r, b, keyHead, 0), 1, s.k.row, s.width, keys)
	g.p, g.ds = w.array(block*keyBlock), w.array(block*keyBlock)
	g.queries, g.grads = w.array(block*s.padded(s.width)), w.array(block*s.padded(s.values))
	for i := range keys {
		clear(unsafe.Slice((*float32)(s.dk.at(r, b, keyHead, i)), s.width))
		clear(unsafe.Slice((*float32)(s.dv.at(r, b, keyHead, i)), s.values))
	}
	for head := keyHead * s.group; head < (keyHead+1)*s.group; head++ {
		for row := 0; row < s.rows; row += block {
			g.block(head, row, min(block, s.rows-row))
		}
	}
}

// attentionGrad is a backward task. Across: the panels hold keys side by side; down:
// their elements.
type attentionGrad struct {
	*attentionStep
	*room
	r                                  *run
	b, keyHead                         int
	keysAcross, valuesAcross, keysDown unsafe.Pointer
	queries, grads                     unsafe.Pointer // of the block, down
	p, ds                              unsafe.Pointer
}

// block does the queries of some rows.
func (g *attentionGrad) block(head, row, rows int) {
	s, r := g.attentionStep, g.r
	q, do, dq := s.q.at(r, g.b, head, row), s.grad.at(r, g.b, head, row), s.dq.at(r, g.b, head, row)
	s.panels(g.queries, q, 1, s.q.row, s.width, rows)
	s.panels(g.grads, do, 1, s.grad.row, s.values, rows)
	last, add := s.seen(row+rows-1, 0, s.keys), 0
	for key := 0; key < last; key += keyBlock {
		n := min(keyBlock, last-key)
		if s.mask.hides(r, g.b, row, rows, key, n) {
			continue
		}
		s.product(&g.tile, q, s.q.row, 1, unsafe.Add(g.keysAcross, 4*key*s.width), s.width, 0, g.p, keyBlock, rows, n, s.width, 0)
		s.product(&g.tile, do, s.grad.row, 1, unsafe.Add(g.valuesAcross, 4*key*s.values), s.values, 0, g.ds, keyBlock, rows, n, s.values, 0)
		for i := range rows {
			seen := s.seen(row+i, key, n)
			s.hide(r, g.b, row+i, key, unsafe.Slice((*float32)(unsafe.Add(g.p, 4*i*keyBlock)), seen))
			g.row(head, row+i, seen, n, 4*i*keyBlock)
		}
		s.product(&g.tile, g.p, 1, keyBlock, g.grads, rows, 0, s.dv.at(r, g.b, g.keyHead, key), s.dv.row, n, s.values, rows, 1)
		s.product(&g.tile, g.ds, 1, keyBlock, g.queries, rows, 0, s.dk.at(r, g.b, g.keyHead, key), s.dk.row, n, s.width, rows, 1)
		s.product(&g.tile, g.ds, keyBlock, 1, g.keysDown, s.keys, key, dq, s.dq.row, rows, s.width, n, add)
		add = 1
	}
	if add == 0 { // nothing was seen
		for i := range rows {
			clear(unsafe.Slice((*float32)(s.dq.at(r, g.b, head, row+i)), s.width))
		}
	}
}

// row makes p and ds of a query's scores and products, of which it sees some.
func (g *attentionGrad) row(head, row, seen, n, offset int) {
	p, ds := unsafe.Add(g.p, offset), unsafe.Add(g.ds, offset)
	clear(unsafe.Slice((*float32)(p), n)[seen:])
	clear(unsafe.Slice((*float32)(ds), n)[seen:])
	if seen == 0 {
		return
	}
	one := unsafe.Pointer(&g.one[0])
	dot(one, g.grad.at(g.r, g.b, head, row), g.out.at(g.r, g.b, head, row), g.values)
	g.one[2] = *(*float32)(g.lse.at(g.r, g.b, head, row))
	g.exponentials(g.room, p, seen)
	minusOne(ds, ds, one, seen)
	times(ds, ds, p, seen)
	timesOne(ds, ds, unsafe.Pointer(&g.one[3]), seen)
}
