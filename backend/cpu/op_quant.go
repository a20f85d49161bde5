package cpu

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/pkg/errors"

	"github.com/comlam/comlam/backend/kernel"
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
	t             dtypes.DType
	cols, blocks  int // of a row
	scales, zeros []float32
}

func newQuantised(a quantAttr, in []value) *quantised {
	w := in[0].shape
	q := &quantised{quantAttr: a, weights: in[0].data, t: w.DType, cols: w.Dimensions[1]}
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

// level is integer i of the weights.
func (q *quantised) level(i int) int {
	switch q.t {
	case dtypes.Int8:
		return int(int8(q.weights[i]))
	case dtypes.Int4:
		return int(int8(q.weights[i/2]<<(4-i%2*4)) >> 4)
	case dtypes.Uint4:
		return int(q.weights[i/2] >> (i % 2 * 4) & 15)
	case dtypes.Int2:
		return int(int8(q.weights[i/4]<<(6-i%4*2)) >> 6)
	case dtypes.Uint2:
		return int(q.weights[i/4] >> (i % 4 * 2) & 3)
	}
	return int(q.weights[i])
}

// readBlocks is read for GGML's formats, whose blocks are decoded whole.
func (q *quantised) readBlocks(dst []float32, row, col int) {
	values, size := q.ggml.ValuesPerBlock(), q.ggml.BytesPerBlock()
	for len(dst) > 0 {
		b := q.weights[(row*q.blocks+col/values)*size:][:size]
		first := col % values
		n := min(values-first, len(dst))
		if n == values {
			decode(q.ggml, dst[:n], b)
		} else {
			var whole [256]float32
			decode(q.ggml, whole[:values], b)
			copy(dst, whole[first:first+n])
		}
		dst, col = dst[n:], col+n
	}
}

func half(b []byte) float32 { return float16.FromBits(uint16(b[0]) | uint16(b[1])<<8).Float32() }

// decode writes the values of one block in a format of GGML
// (github.com/ggml-org/ggml, ggml-quants.c).
func decode(t compute.GGMLQuantType, dst []float32, b []byte) {
	switch t {
	case compute.GGMLQ8_0: // d 2, q 32
		d := half(b)
		for i := range dst {
			dst[i] = d * float32(int8(b[2+i]))
		}
	case compute.GGMLQ4_0, compute.GGMLIQ4NL: // d 2, q 16: lower halves first
		d := half(b)
		for i := range 16 {
			lo, hi := b[2+i]&15, b[2+i]>>4
			if t == compute.GGMLQ4_0 {
				dst[i], dst[i+16] = d*float32(int(lo)-8), d*float32(int(hi)-8)
			} else {
				dst[i], dst[i+16] = d*compute.IQ4NLLookupTable[lo], d*compute.IQ4NLLookupTable[hi]
			}
		}
	default:
		decodeK(t, dst, b)
	}
}

// decodeK does the formats of 256 values in 16 groups, each with a scale and, in
// some, a value that is taken away.
func decodeK(t compute.GGMLQuantType, dst []float32, b []byte) {
	for g := range 16 {
		y := dst[16*g : 16*g+16]
		half128, pair, odd := g/8, g%8/2, g%2*16 // of 128 values, of 32, of 16
		var mul, sub float32
		switch t {
		case compute.GGMLQ2_K: // scales 16, q 64, d 2, dmin 2
			mul, sub = half(b[80:])*float32(b[g]&15), half(b[82:])*float32(b[g]>>4)
			for l, q := range b[16+half128*32+odd:][:16] {
				y[l] = float32(q >> (2 * pair) & 3)
			}
		case compute.GGMLQ3_K: // high bits 32, q 64, scales 12, d 2
			s := b[96:108]
			scale := int(s[g%8]>>(g/8*4)&15) | int(s[8+g%4]>>(g/4*2)&3)<<4
			mul = half(b[108:]) * float32(scale-32)
			for l, q := range b[32+half128*32+odd:][:16] {
				y[l] = float32(int(q>>(2*pair)&3) + int(b[odd+l]>>(half128*4+pair)&1)*4 - 4)
			}
		case compute.GGMLQ4_K, compute.GGMLQ5_K: // d 2, dmin 2, scales 12, (high bits 32,) q 128
			scale, low := scaleMin(b[4:16], g/2)
			mul, sub = half(b)*scale, half(b[2:])*low
			five := (len(b) - 144) / 32 // 0 or 1
			for l, q := range b[16+32*five+g/4*32+odd:][:16] {
				y[l] = float32(int(q>>(g/2%2*4)&15) + five*int(b[16+odd+l]>>(g/2)&1)*16)
			}
		case compute.GGMLQ6_K: // low bits 128, high bits 64, scales 16, d 2
			mul = half(b[208:]) * float32(int8(b[192+g]))
			for l, q := range b[half128*64+pair%2*32+odd:][:16] {
				high := b[128+half128*32+odd+l] >> (2 * pair) & 3
				y[l] = float32(int(q>>(pair/2*4)&15) + int(high)*16 - 32)
			}
		}
		for l, q := range y {
			y[l] = float32(mul*q) - sub
		}
	}
}

// scaleMin unpacks the 6 bits of scale and minimum j of Q4_K and Q5_K.
func scaleMin(s []byte, j int) (scale, low float32) {
	if j < 4 {
		return float32(s[j] & 63), float32(s[j+4] & 63)
	}
	return float32(s[j+4]&15 | s[j-4]>>6<<4), float32(s[j+4]>>4 | s[j]>>6<<4)
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
