package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// quantisedWeights checks a quantisation and finds how many rows and columns of
// Float32 its weights stand for: [K N] for Linear and NF4, [N K] for GGML.
func quantisedWeights(op compute.OpType, w shapes.Shape, q *compute.Quantization) (a quantAttr, rows, cols int) {
	refuseIf(q == nil, "%s: no quantization is given", op)
	a = quantAttr{scheme: q.Scheme, ggml: q.GGMLType, block: q.BlockSize}
	failIf := func(when bool, why string) {
		refuseIf(when, "%s of weights %s, %s %s: %s", op, w, q.Scheme, q.GGMLType, why)
	}
	failIf(w.Rank() != 2, "they need two axes")
	rows, cols = w.Dimensions[0], w.Dimensions[1]
	switch q.Scheme {
	case compute.QuantGGML:
		size := q.GGMLType.BytesPerBlock()
		failIf(w.DType != dtypes.Uint8 || size == 0 || cols%size != 0, "they have to be rows of Uint8 with whole blocks")
		return a, rows, cols / size * q.GGMLType.ValuesPerBlock()
	case compute.QuantNF4:
		failIf(w.DType != dtypes.Int4 && w.DType != dtypes.Uint4 || q.ZeroPoint != nil, "they have to be of 4 bits, without zero points")
	case compute.QuantLinear:
		failIf(!w.DType.IsPacked() && w.DType != dtypes.Int8 && w.DType != dtypes.Uint8, "they have to be integers of at most 8 bits")
	default:
		failIf(true, "unknown scheme")
	}
	failIf(q.BlockAxis != 1 || q.BlockSize < 1, "blocks have to lie along axis 1 and have a size")
	return a, rows, cols
}

// FusedQuantizedDense is activation(x @ weights + bias) for weights that become
// Float32 on the way.
func (f *function) FusedQuantizedDense(x, weights, bias val, q *compute.Quantization,
	activation compute.ActivationType) (_ val, err error) {
	defer caught(&err)
	const op = compute.OpTypeFusedQuantizedDense
	var scale, zero val
	if q != nil && q.Scheme != compute.QuantGGML {
		scale, zero = q.Scale, q.ZeroPoint
	}
	in, more := f.useSome(op, []val{x, weights}, scale, zero, bias)
	a, k, n := quantisedWeights(op, in[1].shape, q)
	s := in[0].shape
	refuseIf(q.Scheme != compute.QuantGGML && q.Scale == nil, "%s: no scales are given", op)
	if q.Scheme == compute.QuantGGML {
		k, n = n, k
	}
	refuseIf(s.DType != dtypes.Float32 || s.Rank() == 0 || s.Dimensions[s.Rank()-1] != k,
		"%s of %s and weights %s: want Float32 with %d features", op, s, in[1].shape, k)
	if more[2] != nil {
		in = in[:len(in)-1] // the product is without the bias
	}
	for _, p := range in[2:] {
		want := shapes.Make(dtypes.Float32, k, (n+a.block-1)/a.block)
		refuseIf(!p.shape.Equal(want), "%s: scales or zero points are %s, want %s", op, p.shape, want)
	}
	dims := append(slices.Clone(s.Dimensions[:s.Rank()-1]), n)
	y := f.add(op, shapes.Make(dtypes.Float32, dims...), a, in...)
	return f.finishDense(op, y, more[2], []int{n}, activation), nil
}

// QuantizedEmbeddingLookup takes rows of weights in a format of GGML, as Float32.
func (f *function) QuantizedEmbeddingLookup(data, indices val, q *compute.Quantization) (_ val, err error) {
	defer caught(&err)
	const op = compute.OpTypeQuantizedEmbeddingLookup
	in := f.use(op, data, indices)
	a, _, cols := quantisedWeights(op, in[0].shape, q)
	lackIf(q.Scheme != compute.QuantGGML, "%s of scheme %s", op, q.Scheme)
	s := in[1].shape
	refuseIf(!s.DType.IsInt() || s.DType.IsPacked() || s.Rank() == 0 || s.Dimensions[s.Rank()-1] != 1,
		"%s: indices are %s, want integers whose last axis has size 1", op, s)
	dims := append(slices.Clone(s.Dimensions[:s.Rank()-1]), cols)
	return f.add(op, shapes.Make(dtypes.Float32, dims...), a, in...), nil
}
