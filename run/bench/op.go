package bench

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
)

// task is a compiled graph with its inputs on the engine.
type task struct {
	graph  *graph.Graph
	inputs []compute.Buffer
	donate []bool
}

// compile builds a graph of inputs of the given shapes, filled with normal numbers.
func (l leg) compile(name string, inputs []shapes.Shape, build func(in []*nn.Node) []*nn.Node) (t *task, err error) {
	defer func() { // graph code panics
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	t = &task{graph: graph.NewGraph(l.engine, name), donate: make([]bool, len(inputs))}
	var nodes []*nn.Node
	for i, shape := range inputs {
		nodes = append(nodes, graph.Parameter(t.graph, fmt.Sprintf("in%d", i), shape))
		b, err := l.engine.BufferFromFlatData(0, normal(uint64(i), shape), shape)
		if err != nil {
			return nil, err
		}
		t.inputs = append(t.inputs, b)
	}
	return t, t.graph.Compile(build(nodes)...)
}

// run computes the outputs and gives them back to the engine.
func (t *task) run() error {
	out, err := t.graph.Executable().Execute(t.inputs, t.donate, 0)
	if err != nil {
		return err
	}
	for _, b := range out {
		if err := b.Finalize(); err != nil {
			return err
		}
	}
	return nil
}

func (t *task) free() {
	t.graph.Finalize()
	for _, b := range t.inputs {
		b.Finalize()
	}
}

// time measures a graph.
func (l leg) time(name string, inputs []shapes.Shape, build func(in []*nn.Node) []*nn.Node) (Value, error) {
	t, err := l.compile(name, inputs, build)
	if err != nil {
		return Value{}, err
	}
	defer t.free()
	seconds, err := l.best(t.run)
	return Value{Value: seconds, Unit: "s"}, err
}

// normal draws the values of an input, float32 or bfloat16.
func normal(seed uint64, shape shapes.Shape) any {
	r := rng.New(seed)
	values := make([]float32, shape.Size())
	for i := range values {
		values[i] = float32(r.Normal())
	}
	if shape.DType != dtypes.BFloat16 {
		return values
	}
	half := make([]bfloat16.BFloat16, len(values))
	for i, v := range values {
		half[i] = bfloat16.FromFloat32(v)
	}
	return half
}

func f32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

// product is the rate of an n x n x n matrix product.
func (l leg) product(n int, half bool) (Value, error) {
	shape := f32(n, n)
	if half {
		shape.DType = dtypes.BFloat16
	}
	v, err := l.time("product", []shapes.Shape{shape, shape}, func(in []*nn.Node) []*nn.Node {
		return []*nn.Node{graph.Dot(in[0], in[1]).Product()}
	})
	cube := float64(n) * float64(n) * float64(n)
	return Value{Value: 2 * cube / v.Value / 1e9, Unit: "GFLOP/s"}, err
}

// conv is the time of a convolution and of its gradients. Images are [N H W C].
func (l leg) conv() (Value, error) {
	c := l.Conv
	image := f32(c.Images, c.Size, c.Size, c.Channels)
	return l.time("conv2d", []shapes.Shape{image, f32(3, 3, c.Channels, c.Channels), image}, func(in []*nn.Node) []*nn.Node {
		return both(graph.Convolve(in[0], in[1]).PadSame().Done(), in[2], in[:2])
	})
}

// both is a function's output y and its gradients by the inputs, y's own being v.
func both(y, v *nn.Node, by []*nn.Node) []*nn.Node {
	loss := graph.ReduceAllSum(graph.Mul(y, v))
	return append([]*nn.Node{y}, graph.Gradient(loss, by...)...)
}

// rowwise is the time of a layer and of its gradients.
func (l leg) rowwise(row string) (Value, error) {
	n, d := l.RowsShape[0], l.RowsShape[1]
	inputs := []shapes.Shape{f32(n, d), f32(n, d)}
	if row == "layernorm" {
		inputs = append(inputs, f32(d), f32(d))
	}
	return l.time(row, inputs, func(in []*nn.Node) []*nn.Node {
		switch row {
		case "softmax":
			return both(nn.Softmax(in[0]), in[1], in[:1])
		case "gelu":
			return both(nn.Gelu(in[0]), in[1], in[:1])
		}
		return both(nn.Normalize(in[0], in[2], in[3], 1e-5), in[1], []*nn.Node{in[0], in[2], in[3]})
	})
}

// chain is the time of eight element-wise operations, one array in and one out.
func (l leg) chain() (Value, error) {
	return l.time("chain", []shapes.Shape{f32(l.Chain)}, func(in []*nn.Node) []*nn.Node {
		x := in[0]
		y := graph.AddScalar(graph.MulScalar(x, 1.5), 0.25)
		y = graph.Sub(graph.Mul(y, x), x)
		y = graph.Sqrt(graph.AddScalar(graph.Abs(y), 1))
		return []*nn.Node{graph.Neg(y)}
	})
}
