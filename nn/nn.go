// Package nn holds the layers that models are made of, as functions over GoMLX
// graphs, and the one seam through which parameter-efficient tuning enters.
//
// # Conventions
//
// A layer is a function of a scope and its input; the scope names the layer's
// variables ("encoder/block0/mlp/up/weight"). Shapes stand at the line's end with
// the letters B batch, T tokens, D width, H heads, E head width.
//
// Weights of dense layers are stored [in out]. Initial values come from a counter
// RNG keyed by the store's seed and the variable's full name, so a model's first
// weights depend neither on the order in which its graph is built nor on the
// engine that runs it.
//
// # Errors
//
// Graph code panics on a shape mismatch, as GoMLX does; whoever runs the graph
// turns that into an error. Nothing else in this package panics.
package nn

import (
	"hash/fnv"
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Scope names the variables of a layer and reaches the store that holds them.
type Scope = model.Scope

// Node is a value in a computation graph.
type Node = graph.Node

// Store holds a model's variables.
type Store = model.Store

// seedParam is the store parameter under which NewStore keeps the seed.
const seedParam = "comlam_init_seed"

// NewStore makes an empty store whose variables are initialised from seed.
func NewStore(seed uint64) *Store {
	s := model.NewStore()
	s.SetParam(seedParam, seed)
	return s
}

// Init draws the initial values of a variable with the given dimensions.
type Init func(r *rng.Stream, dims []int) []float32

// Zeros starts a variable at zero.
func Zeros(_ *rng.Stream, dims []int) []float32 { return make([]float32, size(dims)) }

// Ones starts a variable at one.
func Ones(_ *rng.Stream, dims []int) []float32 {
	v := make([]float32, size(dims))
	for i := range v {
		v[i] = 1
	}
	return v
}

// Xavier is uniform on +-sqrt(6/(in+out)) for a matrix [in out] (Glorot and
// Bengio 2010, eq. 16).
func Xavier(r *rng.Stream, dims []int) []float32 {
	limit := math.Sqrt(6 / float64(dims[0]+dims[len(dims)-1]))
	v := make([]float32, size(dims))
	for i := range v {
		v[i] = float32(r.Uniform(-limit, limit))
	}
	return v
}

// Uniform is uniform on +-limit.
func Uniform(limit float64) Init {
	return func(r *rng.Stream, dims []int) []float32 {
		v := make([]float32, size(dims))
		for i := range v {
			v[i] = float32(r.Uniform(-limit, limit))
		}
		return v
	}
}

// Normal is Gaussian with the given standard deviation.
func Normal(stddev float64) Init {
	return func(r *rng.Stream, dims []int) []float32 {
		v := make([]float32, size(dims))
		for i := range v {
			v[i] = float32(stddev * r.Normal())
		}
		return v
	}
}

// Table starts a variable at given values; their number must fit its shape.
func Table(values []float32) Init {
	return func(_ *rng.Stream, dims []int) []float32 {
		if len(values) != size(dims) {
			panic("nn: table of initial values does not fit the variable")
		}
		return values
	}
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// Variable returns the value of the trainable float32 variable called name in
// scope s, creating it with init the first time it is asked for.
func Variable(s *Scope, g *graph.Graph, name string, init Init, dims ...int) *Node {
	path := model.JoinPath(s.Scope(), name)
	seed, _ := s.Store().GetParam("/" + seedParam)
	seed64, _ := seed.(uint64)
	s = s.WithInitializer(func(g *graph.Graph, shape shapes.Shape) *Node {
		h := fnv.New64a()
		h.Write([]byte(path))
		values := init(rng.New(seed64, h.Sum64()), shape.Dimensions)
		return graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(values, shape.Dimensions...))
	})
	return s.VariableWithShape(name, shapes.Make(dtypes.Float32, dims...)).NodeValue(g)
}
