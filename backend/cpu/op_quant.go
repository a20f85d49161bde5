package cpu

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/pkg/errors"

	"github.com/comlam/comlam/backend/kernel"
	"github.com/comlam/comlam/internal/ggml"
)

// quantAttr says how weights are quantised: QuantizedEmbeddingLookup (weights, indices)
// and FusedQuantizedDense (x, weights, scales, zero points), which here is the product
// alone. Scales and zero points, of Linear and NF4, are [rows, blocks of a row].
type quantAttr struct {
	scheme compute.QuantizationScheme
	ggml   compute.GGMLQuantType
	block  int // columns that share a scale, for Linear and NF4
}

// quantised reads rows of quantised weights.
type quantised struct {
	quantAttr
	weights       []byte
	bits          int // of an integer, for Linear and NF4
	signed        bool
	cols, blocks  int // of a row
	scales, zeros []float32
}

func newQuantised(a quantAttr, in []value) *quantised {
	w := in[0].shape
	q := &quantised{quantAttr: a, weights: in[0].data, bits: w.DType.Bits(), signed: !w.DType.IsUnsigned(), cols: w.Dimensions[1]}
	if a.scheme == compute.QuantGGML {
		q.blocks = w.Dimensions[1] / a.ggml.BytesPerBlock()
		q.cols = q.blocks * a.ggml.ValuesPerBlock()
		return q
	}
	q.blocks = ceilDiv(q.cols, a.block)
	q.scales = of[float32](in[1])
	if len(in) > 2 {
		q.zeros = of[float32](in[2])
	}
	return q
}

// read writes the elements of a row from column col on.
func (q *quantised) read(dst []float32, row, col int) {
	if q.scheme == compute.QuantGGML {
		q.readBlocks(dst, row, col)
		return
	}
	for i := range dst {
		level, b := q.level(row*q.cols+col+i), row*q.blocks+(col+i)/q.block
		if q.scheme == compute.QuantNF4 {
			dst[i] = compute.NF4LookupTable[level&15] * q.scales[b]
		} else if dst[i] = float32(level) * q.scales[b]; q.zeros != nil {
			dst[i] += q.zeros[b]
		}
	}
}

// level is integer i of the weights: the first of a byte is in its low bits.
func (q *quantised) level(i int) int {
	bit, unused := i*q.bits, 8-q.bits
	v := q.weights[bit/8] >> (bit % 8) << unused
	if q.signed {
		return int(int8(v) >> unused)
	}
	return int(v >> unused)
}

// readBlocks is read for GGML's formats, whose blocks are decoded whole.
func (q *quantised) readBlocks(dst []float32, row, col int) {
	values, size := q.ggml.ValuesPerBlock(), q.ggml.BytesPerBlock()
	for len(dst) > 0 {
		b := q.weights[(row*q.blocks+col/values)*size:][:size]
		first := col % values
		n := min(values-first, len(dst))
		if n == values {
			ggml.Decode(q.ggml, dst[:n], b)
		} else {
			var whole [256]float32
			ggml.Decode(q.ggml, whole[:values], b)
			copy(dst, whole[first:first+n])
		}
		dst, col = dst[n:], col+n
	}
}

// runQuantizedLookup: out[i, :] = row indices[i] of the weights.
func runQuantizedLookup(c *call) error {
	q, out := newQuantised(c.n.attr.(quantAttr), c.in[:1]), of[float32](c.out[0])
	rows := ints(c.in[1])
	for _, r := range rows {
		if n := c.in[0].shape.Dimensions[0]; r < 0 || r >= n {
			return errors.Errorf("%s: index %d is not a row of the weights, which have %d", c.n.op, r, n)
		}
	}
	ranges(c.do, len(rows), perTask(q.cols*4), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			q.read(out[i*q.cols:(i+1)*q.cols], rows[i], 0)
		}
	})
	return nil
}

// runQuantizedDot is the product of x [..., K] with weights, [K, N] for Linear and
// NF4 and [N, K] for GGML: they become float32 panel by panel and never as a whole.
func runQuantizedDot(c *call) error {
	x, out := c.in[0], c.out[0]
	q := newQuantised(c.n.attr.(quantAttr), c.in[1:])
	k, n := x.shape.Dim(-1), out.shape.Dim(-1)
	p := kernel.Product{
		M: out.shape.Size() / max(n, 1), N: n, K: k, Type: dtypes.Float32,
		A: kernel.Matrix{Data: at(x.data, 0), RowStride: k, ColStride: 1},
		C: kernel.Matrix{Data: at(out.data, 0), RowStride: n, ColStride: 1},
	}
	if k == 0 {
		clear(out.data)
		return nil
	}
	p.FillB = &kernel.Source{ByK: q.scheme != compute.QuantGGML, Piece: func(dst unsafe.Pointer, ld, _, lane, lanes, k, ks int) {
		row, rows, col, cols := lane, lanes, k, ks
		if q.scheme != compute.QuantGGML {
			row, rows, col, cols = k, ks, lane, lanes
		}
		for i := range rows {
			q.read(unsafe.Slice((*float32)(unsafe.Add(dst, 4*i*ld)), cols), row+i, col)
		}
	}}
	p.Run(c.do)
	return nil
}

// runUnpack: out[i] = x[i], one byte each.
func runUnpack(c *call) error {
	x, out := c.in[0], c.out[0]
	kernel.Convert(x.shape.DType, out.shape.DType)(at(out.data, 0), at(x.data, 0), out.shape.Size())
	return nil
}
