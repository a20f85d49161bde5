package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// block is a residual block with a norm, an activation and two products, the gradient
// of its sum by all weights, and their update: what training is made of.
func block(f *function, rows, width int) []compute.Value {
	t := dtypes.Float32
	param := func(name string, dims ...int) *node {
		return must(f.Parameter(name, shapes.Make(t, dims...), nil)).(*node)
	}
	x, w1, w2, gain := param("x", rows, width), param("w1", width, 2*width), param("w2", 2*width, width), param("gain", 1, width)
	row := dotAttr{lhsContract: []int{1}, rhsContract: []int{0}}
	across := dotAttr{lhsContract: []int{1}, rhsContract: []int{1}}
	down := dotAttr{lhsContract: []int{0}, rhsContract: []int{0}}
	_, centred, variance := f.moments(x, 1)
	r := f.op1(compute.OpTypeRsqrt, f.with(compute.OpTypeAdd, variance, 1e-5))
	unit := f.op2(compute.OpTypeMul, centred, r)
	norm := f.op2(compute.OpTypeMul, unit, gain)
	up := f.dot(norm, w1, t, row)
	gate := f.op1(compute.OpTypeLogistic, up)
	act := f.op2(compute.OpTypeMul, up, gate)
	y := f.op2(compute.OpTypeAdd, x, f.dot(act, w2, t, row))
	dy := f.with(compute.OpTypeMul, y, 2) // of the sum of squares
	dw2 := f.dot(act, dy, t, down)
	dact := f.dot(dy, w2, t, across)
	slope := f.op2(compute.OpTypeMul, gate, f.with(compute.OpTypeAdd, f.op2(compute.OpTypeMul, up, f.with(compute.OpTypeSub, gate, 1)), 1))
	dup := f.op2(compute.OpTypeMul, dact, slope)
	dw1 := f.dot(norm, dup, t, down)
	dnorm := f.dot(dup, w1, t, across)
	dgain := f.reduceKeep(compute.OpTypeReduceSum, f.op2(compute.OpTypeMul, dnorm, unit), 0)
	out := []compute.Value{f.reduce(compute.OpTypeReduceSum, f.op2(compute.OpTypeMul, y, y), 0, 1)}
	for _, p := range [][2]*node{{w1, dw1}, {w2, dw2}, {gain, dgain}} {
		out = append(out, f.op2(compute.OpTypeSub, p[0], f.with(compute.OpTypeMul, p[1], 1e-3)))
	}
	return out
}

// blockInputs are those of block.
func blockInputs(t testing.TB, b *Backend, rows, width int) []compute.Buffer {
	return []compute.Buffer{
		buffer(t, b, noise(rows*width, 1), rows, width), buffer(t, b, noise(width*2*width, 2), width, 2*width),
		buffer(t, b, noise(2*width*width, 3), 2*width, width), buffer(t, b, noise(width, 4), 1, width),
	}
}

// TestPlan: slots of the arena that are in use in the same step do not overlap, unless
// one takes the other's memory over in that step.
func TestPlan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		c := &compiler{p: &program{steps: make([]step, 50)}}
		for range 1 + r.IntN(60) {
			s := slot{bytes: 1 + r.IntN(500)}
			s.first = r.IntN(50)
			s.last = s.first + r.IntN(50-s.first)
			if k := len(c.slots); k > 0 && r.IntN(3) == 0 {
				from := r.IntN(k)
				s.over = []int{from}
				s.first = max(c.slots[from].last, c.slots[from].first+1)
				s.last = max(s.last, s.first)
				s.bytes = c.slots[from].bytes
			}
			c.slots = append(c.slots, s)
		}
		c.plan()
		for i, a := range c.slots {
			if a.at%lineSize != 0 || a.at+a.bytes > c.p.arena {
				t.Fatalf("slot %d lies at %d, the arena has %d", i, a.at, c.p.arena)
			}
			for j, b := range c.slots[:i] {
				meet := a.first <= b.last && b.first <= a.last
				handed := slices.Contains(a.over, j) && a.first == b.last
				if meet && !handed && a.at < b.at+b.bytes && b.at < a.at+a.bytes {
					t.Fatalf("slots %+v and %+v overlap", a, b)
				}
			}
		}
	}
}

// TestTrainingStep: with donated weights the update is in their memory, and bits do not
// depend on workers.
func TestTrainingStep(t *testing.T) {
	const rows, width = 512, 96
	var want [][]byte
	for _, config := range []string{"workers=0", "workers=1", "workers=5"} {
		b := open(t, config)
		x := compiled(t, b, func(f *function) []compute.Value { return block(f, rows, width) })
		in := blockInputs(t, b, rows, width)
		donate := []bool{false, true, true, true}
		before := make([]*byte, len(in))
		for i := range in {
			before[i] = &in[i].(*Buffer).data[0]
		}
		got := must(x.Execute(in, donate, 0))
		var bits [][]byte
		for i, o := range got {
			data := o.(*Buffer).data
			if i > 0 && &data[0] != before[i] {
				t.Errorf("%s: weight %d has moved", config, i)
			}
			bits = append(bits, slices.Clone(data))
		}
		if want == nil {
			want = bits
		}
		for i := range want {
			if !slices.Equal(want[i], bits[i]) {
				t.Errorf("%s: output %d has other bits", config, i)
			}
		}
	}
}

// TestTrainingStepAllocates no array, only what hands work over.
func TestTrainingStepAllocates(t *testing.T) {
	const rows, width = 512, 96
	b := open(t, "workers=1")
	x := compiled(t, b, func(f *function) []compute.Value { return block(f, rows, width) })
	in := blockInputs(t, b, rows, width)
	donate := []bool{false, true, true, true}
	step := func() {
		out := must(x.Execute(in, donate, 0))
		copy(in[1:], out[1:])
		must(0, out[0].Finalize())
	}
	step() // makes the arena and the scratch memory, which on a busy machine few steps would share
	got := testing.Benchmark(func(tb *testing.B) {
		tb.ReportAllocs()
		for tb.Loop() {
			step()
		}
	})
	if n := got.AllocedBytesPerOp(); n >= width*2*width*4 { // one of the arrays
		t.Errorf("a step allocates %d bytes", n)
	}
}

// TestRematerialised: what the gradient reads of the activation and the norm is not
// held from the forward pass on, and the program is no larger than what it must keep.
func TestRematerialised(t *testing.T) {
	b := open(t, "workers=0")
	const rows, width = 1024, 128
	x := compiled(t, b, func(f *function) []compute.Value { return block(f, rows, width) })
	// At most: up and act, the gradient of one of them, norm, centred and y.
	unit := rows * width * 4
	if limit := (2 + 2 + 2 + 3) * unit; x.program.arena > limit+limit/8 {
		t.Errorf("the arena has %d KiB, %d are enough", x.program.arena>>10, limit>>10)
	}
}

// TestEpilogue: what follows a product element by element is done to its blocks.
func TestEpilogue(t *testing.T) {
	b := open(t, "workers=0")
	for _, c := range []struct {
		name  string
		steps int
		build func(f *function, x, w, bias, y *node) *node
	}{
		{"bias, activation, residual", 1, func(f *function, x, w, bias, y *node) *node {
			z := f.op2(compute.OpTypeAdd, f.dot(x, w, dtypes.Float32, dotAttr{lhsContract: []int{1}, rhsContract: []int{0}}), bias)
			return f.op2(compute.OpTypeAdd, f.op1(compute.OpTypeTanh, z), y)
		}},
		{"a sum of rows stays outside", 2, func(f *function, x, w, bias, y *node) *node {
			z := f.dot(x, w, dtypes.Float32, dotAttr{lhsContract: []int{1}, rhsContract: []int{0}})
			return f.op2(compute.OpTypeSub, z, f.reduceKeep(compute.OpTypeReduceMax, z, 1))
		}},
		{"a transposed operand is read where it lies", 1, func(f *function, x, w, bias, y *node) *node {
			return f.dot(f.transpose(f.transpose(x, 1, 0), 1, 0), f.transpose(w, 1, 0), dtypes.Float32, dotAttr{lhsContract: []int{1}, rhsContract: []int{1}})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := compiled(t, b, func(f *function) []compute.Value {
				var in []*node
				for i, dims := range [][]int{{70, 40}, {40, 90}, {1, 90}, {70, 90}} {
					in = append(in, must(f.Parameter(fmt.Sprint(i), shapes.Make(dtypes.Float32, dims...), nil)).(*node))
				}
				return []compute.Value{c.build(f, in[0], in[1], in[2], in[3])}
			})
			if n := len(x.program.steps); n != c.steps {
				t.Errorf("%d steps, want %d", n, c.steps)
			}
		})
	}
}

// TestProductKeepsOperands: what is added to a product may be one of its operands, whose
// memory the sum must not take, be it donated or the program's own.
func TestProductKeepsOperands(t *testing.T) {
	const rows, width = 216, 600
	xs, ws := noise(rows*width, 1), noise(width*width, 2)
	row := dotAttr{lhsContract: []int{1}, rhsContract: []int{0}}
	for _, own := range []bool{false, true} {
		for _, config := range []string{"workers=0", "workers=3"} {
			t.Run(fmt.Sprintf("made by the program: %v, %s", own, config), func(t *testing.T) {
				b := open(t, config)
				x := compiled(t, b, func(f *function) []compute.Value {
					x := must(f.Parameter("x", shapes.Make(dtypes.Float32, rows, width), nil)).(*node)
					w := must(f.Parameter("w", shapes.Make(dtypes.Float32, width, width), nil)).(*node)
					if !own {
						return []compute.Value{f.op2(compute.OpTypeAdd, x, f.dot(x, w, dtypes.Float32, row))}
					}
					x = f.op1(compute.OpTypeNeg, x)
					sum := f.op2(compute.OpTypeAdd, x, f.dot(x, w, dtypes.Float32, row))
					return []compute.Value{must(f.Reverse(sum, 0))} // a copy, the sum is the program's own
				})
				got := floats(must(x.Execute([]compute.Buffer{buffer(t, b, xs, rows, width), buffer(t, b, ws, width, width)}, []bool{true, false}, 0))[0])
				for i, g := range got {
					r, col := i/width, i%width
					if own {
						r, g = rows-1-r, -g
					}
					want := float64(xs[r*width+col])
					for k, v := range xs[r*width:][:width] {
						want += float64(v) * float64(ws[k*width+col])
					}
					if math.Abs(float64(g)-want) > 1e-3 {
						t.Fatalf("element %d is %v, want %v", i, g, want)
					}
				}
			})
		}
	}
}

// TestEmptyViews: what has no elements begins where its base does. A pointer past the end
// of memory is one into that of others, at which the collector stops the program.
func TestEmptyViews(t *testing.T) {
	b := open(t, "workers=0")
	f := b.Builder(t.Name()).Main().(*function)
	x := must(f.Parameter("x", shapes.Make(dtypes.Float32, 4, 4), nil)).(*node)
	end := must(f.Slice(x, []int{4, 0}, []int{4, 4}, nil)).(*node)
	back := must(f.Reverse(must(f.Slice(x, []int{0, 2}, []int{4, 2}, nil)), 0, 1)).(*node)
	for _, n := range []*node{end, back} {
		v := whole(x)
		for _, op := range chainTo(x, n) {
			v, _ = v.through(op)
		}
		if v.offset != 0 || product(v.dims) != 0 {
			t.Errorf("%s: a view of %v at %d", n.op, v.dims, v.offset)
		}
	}
	out := must(compiled(t, b, func(f *function) []compute.Value {
		x := must(f.Parameter("x", shapes.Make(dtypes.Float32, 4, 4), nil))
		return []compute.Value{must(f.Slice(x, []int{4, 0}, []int{4, 4}, nil))}
	}).Execute([]compute.Buffer{buffer(t, b, noise(16, 1), 4, 4)}, nil, 0))
	if got := out[0].(*Buffer).data; len(got) != 0 {
		t.Errorf("%d bytes of nothing", len(got))
	}
}

// chainTo are the operations from x, without it, to n.
func chainTo(x, n *node) (ops []*node) {
	for ; n != x; n = n.in[0] {
		ops = append([]*node{n}, ops...)
	}
	return ops
}

// TestJoined: the gradient of cutting an array into parts joins them again.
func TestJoined(t *testing.T) {
	b := open(t, "workers=0")
	x := compiled(t, b, func(f *function) []compute.Value {
		var sum *node
		for i, d := range []int{2, 3, 1} {
			p := must(f.Parameter(fmt.Sprint(i), shapes.Make(dtypes.Float32, 2, d), nil))
			start := []int{0, 2, 5}[i]
			pad := must(f.Pad(p, f.scalar(dtypes.Float32, 0), compute.PadAxis{}, compute.PadAxis{Start: start, End: 6 - start - d})).(*node)
			if sum == nil {
				sum = pad
			} else {
				sum = f.op2(compute.OpTypeAdd, sum, pad)
			}
		}
		return []compute.Value{sum}
	})
	if n := len(x.program.steps); n != 3 { // a copy for each part
		t.Errorf("%d steps, want 3", n)
	}
	got := must(x.Execute([]compute.Buffer{
		buffer(t, b, []float32{1, 2, 7, 8}, 2, 2), buffer(t, b, []float32{3, 4, 5, 9, 10, 11}, 2, 3), buffer(t, b, []float32{6, 12}, 2, 1),
	}, nil, 0))
	if want := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(floats(got[0]), want) {
		t.Errorf("got %v", floats(got[0]))
	}
}
