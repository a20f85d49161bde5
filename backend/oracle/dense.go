package oracle

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// activate applies an activation function.
func (a *arith) activate(kind compute.ActivationType, x Scalar) Scalar {
	switch kind {
	case compute.ActivationGelu:
		return a.gelu(x, true)
	case compute.ActivationRelu:
		return a.extreme(x, Scalar{}, 1)
	case compute.ActivationSilu:
		return a.mul(x, a.logistic(x))
	case compute.ActivationHardSwish: // x·min(max(x/6 + 1/2, 0), 1)
		y := a.add(a.mul(x, a.constant(1.0/6)), Scalar{Re: 0.5})
		y = a.extreme(a.extreme(y, Scalar{}, 1), Scalar{Re: 1}, -1)
		return a.mul(x, y)
	case compute.ActivationTanh:
		return a.tanh(x)
	}
	return x
}

// gelu is x·(1 + erf(x/√2))/2, or its approximation by tanh(√(2/π)·(x + 0.044715·x³)).
// Hendrycks and Gimpel, arXiv:1606.08415.
func (a *arith) gelu(x Scalar, exact bool) Scalar {
	var y Scalar
	if exact {
		y = a.erf(a.mul(x, a.constant(math.Sqrt2/2)))
	} else {
		cube := a.mul(a.mul(x, x), x)
		inner := a.add(x, a.mul(cube, a.constant(0.044715)))
		y = a.tanh(a.mul(inner, a.constant(math.Sqrt(2/math.Pi))))
	}
	return a.mul(a.mul(x, Scalar{Re: 0.5}), a.add(Scalar{Re: 1}, y))
}

// FusedGelu implements compute.Function.
func (f *Function) FusedGelu(x compute.Value, exact bool) (compute.Value, error) {
	const op = compute.OpTypeFusedGelu
	in, err := f.values(op, x)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape()
	if !shape.DType.IsFloat() {
		return nil, fmt.Errorf("oracle: %s of %s: want floats", op, shape)
	}
	eval := func(r *run, out *Tensor, in []*Tensor) {
		a, w := r.arith(shape.DType), r.wide(shape.DType)
		for i, x := range in[0].Data {
			out.Data[i] = a.store(w.gelu(x, exact))
		}
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("exact %t", exact), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) { return g.FusedGelu(in[0], exact) }), nil)
}

// FusedDense implements compute.Function: activation(x @ w + bias).
func (f *Function) FusedDense(x, weight, bias compute.Value, config compute.DenseConfig) (compute.Value, error) {
	const op = compute.OpTypeFusedDense
	operands := []compute.Value{x, weight}
	if bias != nil {
		operands = append(operands, bias)
	}
	in, err := f.values(op, operands...)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, err
	}
	xs, ws := in[0].Shape(), in[1].Shape()
	if xs.Rank() < 1 || ws.Rank() < 2 || !xs.DType.IsFloat() || ws.DType != xs.DType {
		return nil, fmt.Errorf("oracle: %s of %s with %s: want floats of rank 1 and 2 at least", op, xs, ws)
	}
	contracted := 0
	if config.WeightLayout == compute.DenseLayoutOutputsInput {
		contracted = ws.Rank() - 1
	}
	features := slices.Delete(slices.Clone(ws.Dimensions), contracted, contracted+1)
	last := xs.Rank() - 1
	if xs.Dimensions[last] != ws.Dimensions[contracted] {
		return nil, fmt.Errorf("oracle: %s of %s with %s: %d features, want %d", op, xs, ws, xs.Dimensions[last], ws.Dimensions[contracted])
	}
	if bias != nil && !slices.Equal(in[2].Shape().Dimensions, features) {
		return nil, fmt.Errorf("oracle: %s: bias is %s, want dimensions %v", op, in[2].Shape(), features)
	}
	shape := shapes.Make(xs.DType, append(slices.Clone(xs.Dimensions[:last]), features...)...)
	left, right := sideOf(xs, []int{last}, nil), sideOf(ws, []int{contracted}, nil)
	eval := func(r *run, out *Tensor, in []*Tensor) {
		var bias []Scalar
		if len(in) > 2 {
			bias = in[2].Data
		}
		r.dense(out.Data, in[0].Data, in[1].Data, bias, left, right, shape.DType, config.Activation)
	}
	return f.single(simple(op, in, shape, fmt.Sprintf("activation %s, weights %s", config.Activation, config.WeightLayout), eval,
		func(g compute.Function, in []compute.Value) (compute.Value, error) {
			var bias compute.Value
			if len(in) > 2 {
				bias = in[2]
			}
			return g.FusedDense(in[0], in[1], bias, config)
		}), nil)
}

// dense computes activation(x @ w + bias) in the wide format of the dtype.
func (r *run) dense(out, x, w, bias []Scalar, left, right side, d dtypes.DType, activation compute.ActivationType) {
	a, wide := r.arith(d), r.wide(d)
	p := r.newProduct(d, dtypes.InvalidDType, wideDType(d))
	// In 16 bits all may be rounded that an engine does one after the other.
	for i, row := range left.cross {
		for j, column := range right.cross {
			p.start()
			for k := range left.contracted {
				p.add(x[row+left.contracted[k]], w[column+right.contracted[k]])
			}
			y := a.store(p.done())
			if bias != nil {
				y = a.store(wide.add(y, bias[j]))
			}
			out[i*len(right.cross)+j] = a.activate(activation, y)
		}
	}
}

func wideDType(d dtypes.DType) dtypes.DType {
	if d.IsHalfPrecision() {
		return dtypes.Float32
	}
	return d
}

// FusedAttentionQKVProjection implements compute.Function: one product, cut into the
// queries, keys and values, each with its bias.
func (f *Function) FusedAttentionQKVProjection(x, weight, biasQ, biasK, biasV compute.Value, queryDim, keyValueDim int) (query, key, value compute.Value, err error) {
	const op = compute.OpTypeFusedAttentionQKVProjection
	operands := []compute.Value{x, weight}
	biases := []int{-1, -1, -1} // where each lies among the operands
	for i, b := range []compute.Value{biasQ, biasK, biasV} {
		if b != nil {
			biases[i] = len(operands)
			operands = append(operands, b)
		}
	}
	in, err := f.values(op, operands...)
	if err == nil {
		err = f.offered(op)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	xs, ws := in[0].Shape(), in[1].Shape()
	columns := queryDim + 2*keyValueDim
	if xs.Rank() != 2 || !ws.Equal(shapes.Make(xs.DType, xs.Dimensions[1], columns)) || !xs.DType.IsFloat() {
		return nil, nil, nil, fmt.Errorf("oracle: %s of %s with %s: want [batch in] and [in %d] floats", op, xs, ws, columns)
	}
	widths := []int{queryDim, keyValueDim, keyValueDim}
	list := make([]shapes.Shape, 3)
	for i, n := range widths {
		list[i] = shapes.Make(xs.DType, xs.Dimensions[0], n)
		if b := biases[i]; b >= 0 && !in[b].Shape().Equal(shapes.Make(xs.DType, n)) {
			return nil, nil, nil, fmt.Errorf("oracle: %s: a bias is %s, want %d elements", op, in[b].Shape(), n)
		}
	}
	left, right := sideOf(xs, []int{1}, nil), sideOf(ws, []int{0}, nil)
	n := &Node{
		Op: op, Inputs: in, Shapes: list, Options: fmt.Sprintf("%v, biases %v", widths, biases),
		eval: func(r *run, in []*Tensor) ([]*Tensor, error) {
			var out []*Tensor
			first := 0
			for i, n := range widths {
				t := newTensor(list[i])
				var bias []Scalar
				if biases[i] >= 0 {
					bias = in[biases[i]].Data
				}
				part := side{cross: right.cross[first : first+n], contracted: right.contracted}
				r.dense(t.Data, in[0].Data, in[1].Data, bias, left, part, xs.DType, compute.ActivationNone)
				out, first = append(out, t), first+n
			}
			return out, nil
		},
		build: func(_ *writer, g compute.Function, in []compute.Value) ([]compute.Value, error) {
			b := make([]compute.Value, 3)
			for i, at := range biases {
				if at >= 0 {
					b[i] = in[at]
				}
			}
			q, k, v, err := g.FusedAttentionQKVProjection(in[0], in[1], b[0], b[1], b[2], queryDim, keyValueDim)
			return []compute.Value{q, k, v}, err
		},
	}
	out := f.add(n)
	return out[0], out[1], out[2], nil
}
