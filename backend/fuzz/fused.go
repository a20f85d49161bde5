package fuzz

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/nn"

	"github.com/comlam/comlam/backend/oracle"
)

// These are operations of one name each; where the oracle hides them, GoMLX records what
// they consist of.
var fusedParts = []part{
	{"fused softmax", 3, (*generator).fusedSoftmax},
	{"layernorm", 3, (*generator).layerNorm},
	{"gelu", 2, (*generator).gelu},
	{"dense", 4, (*generator).dense},
	{"sdpa", 3, (*generator).sdpa},
	{"quantized", 2, (*generator).quantized},
	{"ggml", 2, (*generator).ggml},
	{"qkv", 1, (*generator).qkv},
}

func (g *generator) fusedSoftmax() {
	x := g.floats(1)
	g.add(graph.Softmax(x, g.axis(x)))
}

func (g *generator) layerNorm() {
	x := g.floats(1)
	var gamma, beta *graph.Node
	last := dimsOf(x)[x.Rank()-1]
	if g.chance(0.7) {
		gamma = g.newFloats(x.DType(), last)
	}
	if g.chance(0.7) {
		beta = g.newFloats(x.DType(), last)
	}
	g.add(nn.LayerNorm(x, []int{x.Rank() - 1}, 1e-5, gamma, beta, nil))
}

func (g *generator) gelu() {
	x := g.float()
	g.add(activation.Apply(oneOf(g, activation.TypeGelu, activation.TypeGeluApprox, activation.TypeSwish, activation.TypeHardSwish), x))
}

func (g *generator) dense() {
	x := g.factor(2)
	k := dimsOf(x)[x.Rank()-1]
	n := max(1, min(g.size(), g.work()/max(1, x.Shape().Size())))
	w, layout := g.newFloats(x.DType(), k, n), compute.DenseLayoutInputOutputs
	if g.chance(0.3) {
		w, layout = g.newFloats(x.DType(), n, k), compute.DenseLayoutOutputsInput
	}
	var bias *graph.Node
	if g.chance(0.7) {
		bias = g.newFloats(x.DType(), n)
	}
	kind := oneOf(g, activation.TypeNone, activation.TypeGelu, activation.TypeRelu, activation.TypeSwish, activation.TypeTanh, activation.TypeHardSwish)
	y := nn.Dense(x, w, bias, layout, kind)
	if g.chance(0.3) {
		y = graph.Add(y, g.like(y))
	}
	g.add(y)
}

// sdpa is attention as one operation, with masks, fewer heads of keys, or both layouts.
func (g *generator) sdpa() {
	b, kv, s, k, d := 1+g.r.IntN(2), 1+g.r.IntN(2), 1+g.r.IntN(12), 1+g.r.IntN(12), oneOf(g, 1, 4, 8, 13)
	if g.chance(0.1) { // more than one block of queries and keys
		b, kv, s, k = 1, 1, 1+g.r.IntN(100), 1+g.r.IntN(150)
	}
	h := kv * (1 + g.r.IntN(2))
	dt := oneOf(g, dtypes.Float32, dtypes.Float32, dtypes.Float64, dtypes.BFloat16, dtypes.Float16)
	config := &compute.ScaledDotProductAttentionConfig{Scale: oneOf(g, 0, 0.3), Causal: g.chance(0.4)}
	if config.Causal {
		k = s
	}
	layout := compute.AttentionAxesLayoutBHSD
	q, kd := []int{b, h, s, d}, []int{b, kv, k, d}
	if g.chance(0.5) {
		layout = compute.AttentionAxesLayoutBSHD
		q, kd = []int{b, s, h, d}, []int{b, k, kv, d}
	}
	query, key, value := g.newFloats(dt, q...), g.newFloats(dt, kd...), g.newFloats(dt, kd...)
	if !config.Causal && g.chance(0.5) {
		mask := g.newBool(s, k)
		if g.chance(0.3) {
			mask = g.floatMask(dt, s, k) // a parameter could be trained: engines may refuse it
		}
		config.Mask = graph.InternalBackendOutputs(mask)[0]
	}
	if config.Mask == nil && g.chance(0.3) {
		config.KeyValueSeqLen = graph.InternalBackendOutputs(g.newIndex(dtypes.Int32, k+1, false, b))[0]
		if g.chance(0.5) {
			config.QuerySeqLen = graph.InternalBackendOutputs(g.newIndex(dtypes.Int32, s+1, false, b))[0]
		}
	}
	y, _ := graph.BackendFusedScaledDotProductAttention(query, key, value, layout, config)
	g.add(y)
	if config.Mask == nil && g.chance(0.5) {
		loss := graph.ReduceAllSum(graph.Mul(y, g.newFloats(dt, q...)))
		g.add(graph.Gradient(loss, query, key, value)...)
	}
}

func (g *generator) floatMask(d dtypes.DType, s, k int) *graph.Node {
	bias := make([][]float32, s)
	for i := range bias {
		bias[i] = make([]float32, k)
		for j := range bias[i] {
			bias[i][j] = float32(g.r.IntN(9)-8) / 2
		}
	}
	return graph.ConvertDType(graph.Const(g.g, bias), d)
}

func (g *generator) quantized() {
	k, n := g.size(), g.size()
	x := g.newFloats(dtypes.Float32, max(1, min(g.size(), g.work()/(k*n))), k)
	w := g.newInt(oneOf(g, dtypes.Int8, dtypes.Uint8), k, n)
	block := 1 + g.r.IntN(n)
	q := &graph.Quantization{Scheme: compute.QuantLinear, BlockAxis: 1, BlockSize: block}
	scales := []int{k, (n + block - 1) / block}
	q.Scale = g.newFloats(dtypes.Float32, scales...)
	if g.chance(0.4) {
		q.ZeroPoint = g.newFloats(dtypes.Float32, scales...)
	}
	var bias *graph.Node
	if g.chance(0.5) {
		bias = g.newFloats(dtypes.Float32, n)
	}
	g.add(nn.QuantizedDense(x, w, q, bias, oneOf(g, activation.TypeNone, activation.TypeRelu, activation.TypeGelu)))
}

// ggml are weights, or a table, in blocks of bytes. Their 16-bit scales are made small
// and finite.
func (g *generator) ggml() {
	kind := oneOf(g, compute.GGMLQ4_0, compute.GGMLQ8_0, compute.GGMLIQ4NL, compute.GGMLQ4_K, compute.GGMLQ6_K)
	size, values := kind.BytesPerBlock(), kind.ValuesPerBlock()
	rows, blocks := 1+g.r.IntN(5), 1+g.r.IntN(2)
	halves := map[compute.GGMLQuantType][]int{compute.GGMLQ4_K: {1, 3}, compute.GGMLQ6_K: {209}}[kind]
	if halves == nil {
		halves = []int{1}
	}
	w := g.input(dtypes.Uint8, []int{rows, blocks * size}, func(i int) oracle.Scalar {
		b := int64(g.r.Uint64() & 255)
		if slices.Contains(halves, i%size) { // the high byte: sign, exponent
			b = b&0x80 | 0x20 + b&0x0f
		}
		return oracle.Scalar{Int: b}
	})
	q := &graph.Quantization{Scheme: compute.QuantGGML, GGMLType: kind}
	if g.chance(0.4) {
		index := g.newIndex(dtypes.Int32, rows, false, 1+g.r.IntN(4), 1)
		g.add(nn.QuantizedGather(w, index, q))
		return
	}
	x := g.newFloats(dtypes.Float32, 1+g.r.IntN(4), blocks*values)
	g.add(nn.QuantizedDense(x, w, q, nil, oneOf(g, activation.TypeNone, activation.TypeSwish)))
}

func (g *generator) qkv() {
	in, q, kv := g.size(), 1+g.r.IntN(9), 1+g.r.IntN(9)
	dt := g.floatDType()
	x, w := g.newFloats(dt, 1+g.r.IntN(6), in), g.newFloats(dt, in, q+2*kv)
	var bq, bk, bv *graph.Node
	if g.chance(0.5) {
		bq, bk, bv = g.newFloats(dt, q), g.newFloats(dt, kv), g.newFloats(dt, kv)
	}
	a, b, c := graph.BackendFusedAttentionQKVProjection(x, w, bq, bk, bv, q, kv)
	g.add(a, b, c)
}
