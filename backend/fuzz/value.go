package fuzz

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/backend/oracle"
)

// input is a parameter with its elements.
func (g *generator) input(d dtypes.DType, dims []int, element func(i int) oracle.Scalar) *graph.Node {
	shape := shapeOf(d, dims)
	t := &oracle.Tensor{Shape: shape, Data: make([]oracle.Scalar, shape.Size())}
	for i := range t.Data {
		t.Data[i] = element(i)
	}
	exact, err := oracle.FromFlat(t.Flat(), shape)
	if err != nil {
		panic(err)
	}
	if !g.g.IsMainFunc() {
		panic("parameters belong to the main function")
	}
	n := graph.Parameter(g.g, fmt.Sprintf("x%d", len(g.params)), shape)
	g.params, g.inputs = append(g.params, n), append(g.inputs, exact)
	return n
}

func (g *generator) newOf(d dtypes.DType, dims ...int) *graph.Node {
	switch {
	case d == dtypes.Bool:
		return g.newBool(dims...)
	case d.IsFloat():
		return g.newFloats(d, dims...)
	case d.IsComplex():
		return g.newComplex(d, dims...)
	}
	return g.newInt(d, dims...)
}

func (g *generator) newFloat(dims ...int) *graph.Node {
	d := g.dtype
	if g.chance(0.1) {
		d = g.floatDType()
	}
	return g.newFloats(d, dims...)
}

// newFloats are normal numbers, some of them multiples of 1/4 so that equal ones occur.
func (g *generator) newFloats(d dtypes.DType, dims ...int) *graph.Node {
	scale := oneOf(g, 1.0, 1, 1, 1, 0.25, 4)
	coarse := g.chance(0.15)
	return g.input(d, dims, func(int) oracle.Scalar {
		x := g.r.Normal() * scale
		if coarse {
			x = math.Round(x*4) / 4
		}
		if g.special > 0 && g.chance(g.special) {
			x = oneOf(g, math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, tiny(d), -tiny(d), 3*tiny(d), 200, -1000)
		}
		return oracle.Scalar{Re: x}
	})
}

// tiny is a denormal number.
func tiny(d dtypes.DType) float64 {
	switch d {
	case dtypes.Float16:
		return 0x1p-23
	case dtypes.BFloat16:
		return 0x1p-130
	case dtypes.Float64:
		return 0x1p-1070
	}
	return 0x1p-140
}

func (g *generator) newInt(d dtypes.DType, dims ...int) *graph.Node {
	if d == dtypes.Bool {
		return g.newBool(dims...)
	}
	wide := g.chance(0.2)
	return g.input(d, dims, func(int) oracle.Scalar {
		n := int64(g.r.IntN(21) - 10)
		if d.IsUnsigned() {
			n += 10
		}
		if wide {
			n = int64(g.r.Uint64())
		}
		return oracle.Scalar{Int: n}
	})
}

func (g *generator) newBool(dims ...int) *graph.Node {
	p := oneOf(g, 0.5, 0.5, 0.9, 0.1)
	return g.input(dtypes.Bool, dims, func(int) oracle.Scalar {
		if g.chance(p) {
			return oracle.Scalar{Int: 1}
		}
		return oracle.Scalar{}
	})
}

func (g *generator) newComplex(d dtypes.DType, dims ...int) *graph.Node {
	return g.input(d, dims, func(int) oracle.Scalar {
		return oracle.Scalar{Re: g.r.Normal(), Im: g.r.Normal()}
	})
}

// newIndex are integers below n, a few beyond it, or outside if they may be.
func (g *generator) newIndex(d dtypes.DType, n int, outside bool, dims ...int) *graph.Node {
	if d.Bits() == 8 {
		n = min(n, 100)
	}
	return g.input(d, dims, func(int) oracle.Scalar {
		i := g.r.IntN(max(1, n))
		if outside && g.chance(0.05) {
			i = n + g.r.IntN(3)
			if !d.IsUnsigned() && g.chance(0.5) {
				i = -1 - g.r.IntN(3)
			}
		}
		return oracle.Scalar{Int: int64(i)}
	})
}

// newOrder is a permutation of 0..n-1 cut to a length.
func (g *generator) newOrder(d dtypes.DType, n, length int) *graph.Node {
	order := g.r.Perm(n)
	return g.input(d, []int{length, 1}, func(i int) oracle.Scalar { return oracle.Scalar{Int: int64(order[i])} })
}

func (g *generator) indexDType() dtypes.DType {
	return oneOf(g, dtypes.Int32, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint32, dtypes.Int8)
}
