package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// FusedQuantizedDense implements compute.Function: activation(x @ w + bias) with the
// weights dequantized. Weights are [K N] with a scale (and a zero point) for each row
// and block of columns, or [N bytes] in one of ggml's block formats.
func (f *Function) FusedQuantizedDense(x, weights, bias compute.Value, q *compute.Quantization, activation compute.ActivationType) (compute.Value, error) {
	const op = compute.OpTypeFusedQuantizedDense
	operands := []compute.Value{x, weights}
	at := [3]int{} // of scale, zero point and bias among the operands
	for i, v := range []compute.Value{q.Scale, q.ZeroPoint, bias} {
		if v != nil {
			at[i] = len(operands)
			operands = append(operands, v)
		}
	}
	in, err := f.values(op, operands...)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, err
	}
	xs := in[0].Shape()
	if xs.DType != dtypes.Float32 || xs.Rank() < 1 {
		return nil, fmt.Errorf("oracle: %s of %s: want float32 of rank 1 at least", op, xs)
	}
	rows, columns, err := q8Shape(in[1].Shape(), q)
	if err != nil {
		return nil, err
	}
	last := xs.Rank() - 1
	if xs.Dimensions[last] != rows {
		return nil, fmt.Errorf("oracle: %s of %s: weights have %d rows", op, xs, rows)
	}
	if q.Scheme != compute.QuantGGML {
		blocks := (columns + q.BlockSize - 1) / q.BlockSize
		if at[0] == 0 || !slices.Equal(in[at[0]].Shape().Dimensions, []int{rows, blocks}) || q.BlockAxis != 1 {
			return nil, fmt.Errorf("oracle: %s: want scales of shape [%d %d] for blocks along axis 1", op, rows, blocks)
		}
	}
	shape := shapes.Make(xs.DType, append(slices.Clone(xs.Dimensions[:last]), columns)...)
	plain := *q
	plain.Scale, plain.ZeroPoint = nil, nil
	eval := func(r *run, out *Tensor, in []*Tensor) {
		var scale, zero, bias []Scalar
		for i, to := range []*[]Scalar{&scale, &zero, &bias} {
			if at[i] > 0 {
				*to = in[at[i]].Data
			}
		}
		w := dequantize(r.arith(xs.DType), in[1], &plain, scale, zero, rows, columns)
		left := sideOf(xs, []int{last}, nil)
		right := sideOf(shapes.Make(xs.DType, rows, columns), []int{0}, nil)
		r.dense(out.Data, in[0].Data, w, bias, left, right, xs.DType, activation)
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("%s %s block %d, activation %s", q.Scheme, q.GGMLType, q.BlockSize, activation), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			other := plain
			var bias compute.Value
			for i, to := range []*compute.Value{&other.Scale, &other.ZeroPoint, &bias} {
				if at[i] > 0 {
					*to = in[at[i]]
				}
			}
			return g.FusedQuantizedDense(in[0], in[1], bias, &other, activation)
		}), nil)
}

// q8Shape is the shape [rows columns] of the dequantized weights.
func q8Shape(w shapes.Shape, q *compute.Quantization) (rows, columns int, err error) {
	if w.Rank() != 2 {
		return 0, 0, fmt.Errorf("oracle: quantized weights of shape %s: want rank 2", w)
	}
	if q.Scheme != compute.QuantGGML {
		if !w.DType.IsInt() || q.BlockSize < 1 {
			return 0, 0, fmt.Errorf("oracle: quantized weights of shape %s in blocks of %d: want integers", w, q.BlockSize)
		}
		return w.Dimensions[0], w.Dimensions[1], nil
	}
	unpack, size := ggmlBlock(q.GGMLType), q.GGMLType.BytesPerBlock()
	if unpack == nil {
		return 0, 0, fmt.Errorf("oracle: ggml format %s: %w", q.GGMLType, compute.ErrNotImplemented)
	}
	if w.DType != dtypes.Uint8 || w.Dimensions[1]%size != 0 {
		return 0, 0, fmt.Errorf("oracle: ggml weights of shape %s: want uint8 rows of blocks of %d", w, size)
	}
	return w.Dimensions[1] / size * q.GGMLType.ValuesPerBlock(), w.Dimensions[0], nil
}

// dequantize gives the weights [rows columns] as numbers.
func dequantize(a *arith, w *Tensor, q *compute.Quantization, scale, zero []Scalar, rows, columns int) []Scalar {
	out := make([]Scalar, rows*columns)
	if q.Scheme == compute.QuantGGML {
		for n := range columns {
			for k, x := range ggmlRow(a, w, q.GGMLType, n) {
				out[k*columns+n] = x
			}
		}
		return out
	}
	blocks := (columns + q.BlockSize - 1) / q.BlockSize
	for i := range out {
		k, n := i/columns, i%columns
		block := k*blocks + n/q.BlockSize
		x := Scalar{Re: float64(w.Data[i].Int), Unsure: w.Data[i].Unsure}
		if q.Scheme == compute.QuantNF4 && !x.Unsure {
			x.Re = float64(compute.NF4LookupTable[w.Data[i].Int&15])
		}
		out[i] = a.mul(x, scale[block])
		if zero != nil {
			out[i] = a.add(out[i], zero[block])
		}
	}
	return out
}

// QuantizedEmbeddingLookup implements compute.Function.
func (f *Function) QuantizedEmbeddingLookup(data, indices compute.Value, q *compute.Quantization) (compute.Value, error) {
	const op = compute.OpTypeQuantizedEmbeddingLookup
	in, err := f.values(op, data, indices)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, err
	}
	if q.Scheme != compute.QuantGGML {
		return nil, fmt.Errorf("oracle: %s of scheme %s: %w", op, q.Scheme, compute.ErrNotImplemented)
	}
	width, rows, err := q8Shape(in[0].Shape(), q)
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(in[1].Shape().Dimensions)
	if !in[1].Shape().DType.IsInt() || len(dims) == 0 || dims[len(dims)-1] != 1 {
		return nil, fmt.Errorf("oracle: %s with indices %s: want integers with a last axis of 1", op, in[1].Shape())
	}
	dims[len(dims)-1] = width
	shape := shapes.Make(dtypes.Float32, dims...)
	plain := *q
	eval := func(r *run, out *Tensor, in []*Tensor) {
		a := r.arith(dtypes.Float32)
		for i, index := range in[1].Data {
			row := ggmlRow(a, in[0], q.GGMLType, clampIndex(in[1].dtype(), index.Int, rows-1))
			if index.Unsure {
				fill(row, unsure)
			}
			copy(out.Data[i*width:], row)
		}
	}
	return f.single(simple(op, in, shape, q.GGMLType.String(), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			return g.QuantizedEmbeddingLookup(in[0], in[1], &plain)
		}), nil)
}

// ggmlRow is row n of weights in blocks, as numbers.
func ggmlRow(a *arith, w *Tensor, kind compute.GGMLQuantType, n int) []Scalar {
	unpack, size := ggmlBlock(kind), kind.BytesPerBlock()
	width := w.dims()[1]
	var out []Scalar
	for start := n * width; start < (n+1)*width; start += size {
		raw := make([]byte, size)
		known := true
		for i, b := range w.Data[start : start+size] {
			raw[i] = byte(b.Int)
			known = known && !b.Unsure
		}
		block := unpack(a, raw)
		if !known {
			fill(block, unsure)
		}
		out = append(out, block...)
	}
	return out
}

// ggmlBlock is how one block of a format becomes numbers. The formats are defined by
// llama.cpp, ggml-common.h; K-quants have blocks of 256 in groups with 6-bit scales.
func ggmlBlock(kind compute.GGMLQuantType) func(a *arith, b []byte) []Scalar {
	switch kind {
	case compute.GGMLQ8_0: // scale, 32 signed bytes
		return func(a *arith, b []byte) []Scalar {
			out := make([]Scalar, 32)
			for i := range out {
				out[i] = scaled(a, half(b, 0), float64(int8(b[2+i])))
			}
			return out
		}
	case compute.GGMLQ4_0: // scale, 32 nibbles above -8: the first half low, the second high
		return func(a *arith, b []byte) []Scalar {
			out := make([]Scalar, 32)
			for i := range out {
				out[i] = scaled(a, half(b, 0), float64(nibble(b[2+i%16], i/16))-8)
			}
			return out
		}
	case compute.GGMLIQ4NL: // as Q4_0, the nibbles name entries of a table
		return func(a *arith, b []byte) []Scalar {
			out := make([]Scalar, 32)
			for i := range out {
				out[i] = scaled(a, half(b, 0), float64(compute.IQ4NLLookupTable[nibble(b[2+i%16], i/16)]))
			}
			return out
		}
	case compute.GGMLQ4_K:
		return ggmlQ4K
	case compute.GGMLQ6_K:
		return ggmlQ6K
	}
	return nil
}

// ggmlQ4K: scale, scale of the minima, 8 pairs of 6 bits in 12 bytes, 256 nibbles; the
// groups of 32 take turns in low and high nibbles. x = d·scale·q - dmin·minimum.
func ggmlQ4K(a *arith, b []byte) []Scalar {
	out := make([]Scalar, 256)
	packed := b[4:16]
	for i := range out {
		group := i / 32
		var scale, minimum byte
		if group < 4 {
			scale, minimum = packed[group]&63, packed[group+4]&63
		} else {
			scale = packed[group+4]&15 | packed[group-4]>>6<<4
			minimum = packed[group+4]>>4 | packed[group]>>6<<4
		}
		q := nibble(b[16+group/2*32+i%32], group%2)
		x := a.mul(scaled(a, half(b, 0), float64(scale)), Scalar{Re: float64(q)})
		out[i] = a.sub(x, scaled(a, half(b, 2), float64(minimum)))
	}
	return out
}

// ggmlQ6K: 128 bytes of low nibbles, 64 of two more bits, 16 signed scales of groups of
// 16, scale. Each half of 128 values has 32 low bytes twice, then their high nibbles.
func ggmlQ6K(a *arith, b []byte) []Scalar {
	out := make([]Scalar, 256)
	for i := range out {
		part, j := i/128, i%128
		quarter, l := j/32, j%32
		low := nibble(b[part*64+quarter%2*32+l], quarter/2)
		high := b[128+part*32+l] >> (2 * quarter) & 3
		q := float64(int(low)|int(high)<<4) - 32
		scale := float64(int8(b[192+part*8+quarter*2+l/16]))
		out[i] = a.mul(scaled(a, half(b, 208), scale), Scalar{Re: q})
	}
	return out
}

// half is the 16-bit float at an offset.
func half(b []byte, at int) float64 {
	return decode(dtypes.Float16, [2]uint64{uint64(b[at]) | uint64(b[at+1])<<8}).Re
}

func nibble(b byte, high int) byte { return b >> (4 * high) & 15 }

// scaled is the product of two exact numbers; infinite scales mean nothing.
func scaled(a *arith, scale, x float64) Scalar {
	if math.IsNaN(scale) || math.IsInf(scale, 0) {
		return unsure
	}
	return a.mul(Scalar{Re: scale}, Scalar{Re: x})
}
