package cpu_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/backend/cpu"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
)

// rowLayer is a layer over the rows of x [n d] with scale [d] and shift [d], and what
// its row y and the gradient dx for v are in float64.
type rowLayer struct {
	name   string
	build  func(x, scale, shift *nn.Node) *nn.Node
	scaled bool // it uses scale and shift
	row    func(x, v, scale, shift, y, dx, dscale, dshift []float64)
}

var rowLayers = []rowLayer{
	{"softmax", func(x, _, _ *nn.Node) *nn.Node { return nn.Softmax(x) }, false, softmaxRow},
	{"layernorm", func(x, scale, shift *nn.Node) *nn.Node { return nn.Normalize(x, scale, shift, 1e-5) }, true, normalizeRow},
	{"gelu", func(x, _, _ *nn.Node) *nn.Node { return nn.Gelu(x) }, false, nil},
}

func softmaxRow(x, v, _, _, y, dx, _, _ []float64) {
	sum, dot := 0.0, 0.0
	for i := range x {
		y[i] = math.Exp(x[i])
		sum += y[i]
	}
	for i := range x {
		y[i] /= sum
		dot += y[i] * v[i]
	}
	for i := range x {
		dx[i] = y[i] * (v[i] - dot)
	}
}

func normalizeRow(x, v, scale, shift, y, dx, dscale, dshift []float64) {
	n, mean, variance, first, second := float64(len(x)), 0.0, 0.0, 0.0, 0.0
	for i := range x {
		mean += x[i] / n
	}
	for i := range x {
		variance += (x[i] - mean) * (x[i] - mean) / n
	}
	r := 1 / math.Sqrt(variance+1e-5)
	for i := range x {
		u := (x[i] - mean) * r
		y[i] = u*scale[i] + shift[i]
		dscale[i] += u * v[i]
		dshift[i] += v[i]
		first += v[i] * scale[i] / n
		second += v[i] * scale[i] * u / n
	}
	for i := range x {
		u := (x[i] - mean) * r
		dx[i] = r * (v[i]*scale[i] - first - u*second)
	}
}

// rowRun is a compiled layer with its gradients and inputs.
type rowRun struct {
	engine compute.Backend
	graph  *graph.Graph
	values [][]float32 // x, v, then scale and shift
	inputs []compute.Buffer
	shapes []shapes.Shape // of the outputs
}

func newRowRun(t testing.TB, l rowLayer, config string, n, d int) *rowRun {
	engine, err := cpu.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Finalize)
	r := &rowRun{engine: engine, graph: graph.NewGraph(engine, t.Name())}
	wide, row := shapes.Make(dtypes.Float32, n, d), shapes.Make(dtypes.Float32, d)
	in := []shapes.Shape{wide, wide, row, row}
	if !l.scaled {
		in = in[:2]
	}
	nodes := make([]*nn.Node, 4)
	for i, s := range in {
		nodes[i] = graph.Parameter(r.graph, fmt.Sprint("in", i), s)
		values, draw := make([]float32, s.Size()), rng.New(uint64(i))
		for j := range values {
			values[j] = float32(draw.Normal())
		}
		b, err := engine.BufferFromFlatData(0, values, s)
		if err != nil {
			t.Fatal(err)
		}
		r.values, r.inputs = append(r.values, values), append(r.inputs, b)
	}
	y := l.build(nodes[0], nodes[2], nodes[3])
	by := slices.Concat(nodes[:1], nodes[2:len(in)])
	outputs := append([]*nn.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, nodes[1])), by...)...)
	for _, o := range outputs {
		r.shapes = append(r.shapes, o.Shape())
	}
	if err := r.graph.Compile(outputs...); err != nil {
		t.Fatal(err)
	}
	return r
}

// run gives y and the gradients of x, scale and shift, or nil without values.
func (r *rowRun) run(t testing.TB, values bool) (out [][]float32) {
	results, err := r.graph.Executable().Execute(r.inputs, make([]bool, len(r.inputs)), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range results {
		if values {
			out = append(out, make([]float32, r.shapes[i].Size()))
			if err := b.ToFlatData(out[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Finalize(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestRows holds layers over rows to float64, with rows that are whole blocks of
// registers and others, and with arrays that pass the caches. Bits do not depend on the
// number of workers.
func TestRows(t *testing.T) {
	for _, l := range rowLayers {
		for _, size := range [][2]int{{2048, 1024}, {5, 64}, {67, 128}, {33, 384}, {9, 4096}, {7, 4160}, {40, 100}, {1, 192}} {
			if l.row == nil {
				continue
			}
			t.Run(fmt.Sprint(l.name, size), func(t *testing.T) { testRows(t, l, size[0], size[1]) })
		}
	}
}

func testRows(t *testing.T, l rowLayer, n, d int) {
	r := newRowRun(t, l, "workers=2", n, d)
	got := r.run(t, true)
	for i, again := range newRowRun(t, l, "workers=0", n, d).run(t, true) {
		if !slices.Equal(got[i], again) {
			t.Errorf("output %d differs with the number of workers", i)
		}
	}
	wide := make([][]float64, 4)
	for i, v := range r.values {
		for _, x := range v {
			wide[i] = append(wide[i], float64(x))
		}
	}
	want := [][]float64{make([]float64, n*d), make([]float64, n*d), make([]float64, d), make([]float64, d)}
	for i := range n {
		part := func(s []float64) []float64 { return s[i*d : (i+1)*d] }
		l.row(part(wide[0]), part(wide[1]), wide[2], wide[3], part(want[0]), part(want[1]), want[2], want[3])
	}
	for i, values := range got {
		tolerance := 4e-6 * math.Sqrt(float64(len(want[0])/len(want[i]))) // sums of columns have n parts
		for j, v := range values {
			if diff := math.Abs(float64(v) - want[i][j]); !(diff <= tolerance*(1+math.Abs(want[i][j]))) {
				t.Fatalf("output %d, element %d: %g, want %g", i, j, v, want[i][j])
			}
		}
	}
}

// BenchmarkRows is a layer over rows with its gradients, as `comlam bench engine` has
// them: one pass that reads two arrays of 8 MiB and writes two.
func BenchmarkRows(b *testing.B) {
	for _, l := range rowLayers {
		b.Run(l.name, func(b *testing.B) {
			r := newRowRun(b, l, "", 2048, 1024)
			least := time.Hour // others run on the machine as well
			for b.Loop() {
				began := time.Now()
				r.run(b, false)
				least = min(least, time.Since(began))
			}
			b.ReportMetric(float64(least.Nanoseconds())/1e3, "least-µs")
		})
	}
}
