package cpu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// sub makes a closure from a function of its parameters.
func sub(f compute.Function, params []shapes.Shape, build func(g *function, in []compute.Value) []compute.Value) compute.Function {
	g := must(f.Closure()).(*function)
	return ended(g, params, build)
}

func ended(g *function, params []shapes.Shape, build func(g *function, in []compute.Value) []compute.Value) compute.Function {
	var in []compute.Value
	for i, s := range params {
		in = append(in, must(g.Parameter(fmt.Sprint("p", i), s, nil)))
	}
	must(0, g.Return(build(g, in), nil))
	return g
}

// TestWhile sums i*x for i < 10, where x and the bound are captured, and a second
// closure inside captures through the first.
func TestWhile(t *testing.T) {
	b := open(t, "workers=1")
	got := graph(t, b, []any{[]float32{1, 2, 3}, int32(10)}, func(f *function, in []compute.Value) []compute.Value {
		state := []shapes.Shape{shapes.Make(dtypes.Int32), shapes.Make(f32, 3)}
		cond := sub(f, state, func(g *function, p []compute.Value) []compute.Value {
			return []compute.Value{must(g.LessThan(p[0], in[1]))}
		})
		body := sub(f, state, func(g *function, p []compute.Value) []compute.Value {
			step := must(g.Mul(in[0], must(g.ConvertDType(p[0], f32))))
			odd := must(g.Equal(must(g.Rem(p[0], must(g.Constant([]int32{2})))), must(g.Constant([]int32{1}))))
			sum := must(g.If(odd,
				sub(g, nil, func(h *function, _ []compute.Value) []compute.Value { return []compute.Value{must(h.Add(p[1], step))} }),
				sub(g, nil, func(h *function, _ []compute.Value) []compute.Value {
					return []compute.Value{must(h.Sub(p[1], must(h.Mul(in[0], must(h.Constant([]float32{0.5}))))))}
				})))[0]
			return []compute.Value{must(g.Add(p[0], must(g.Constant([]int32{1})))), sum}
		})
		zeros := must(f.BroadcastInDim(must(f.Constant([]float32{0})), shapes.Make(f32, 3), nil))
		return must(f.While(cond, body, must(f.Constant([]int32{0})), zeros))
	})
	want := 1 + 3 + 5 + 7 + 9 - 5*0.5
	if got[0] != int32(10) || !reflect.DeepEqual(got[1], []float32{float32(want), float32(2 * want), float32(3 * want)}) {
		t.Errorf("got %v", got)
	}
	// A loop whose condition is false at once gives its first state.
	got = graph(t, b, []any{[]float32{1, 2, 3}}, func(f *function, in []compute.Value) []compute.Value {
		state := []shapes.Shape{shapes.Make(f32, 3)}
		return must(f.While(
			sub(f, state, func(g *function, p []compute.Value) []compute.Value {
				return []compute.Value{must(g.LessThan(must(g.ReduceSum(p[0])), must(g.Constant([]float32{0}))))}
			}),
			sub(f, state, func(g *function, p []compute.Value) []compute.Value { return p }), in[0]))
	})
	if !reflect.DeepEqual(got[0], []float32{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}

// TestSwap is a loop whose body exchanges its state, which it may not do in place.
func TestSwap(t *testing.T) {
	b := open(t, "workers=1")
	got := graph(t, b, []any{[]float32{1, 2}, []float32{3, 4}}, func(f *function, in []compute.Value) []compute.Value {
		state := []shapes.Shape{shapes.Make(dtypes.Int32), shapes.Make(f32, 2), shapes.Make(f32, 2)}
		return must(f.While(
			sub(f, state, func(g *function, p []compute.Value) []compute.Value {
				return []compute.Value{must(g.LessThan(p[0], must(g.Constant([]int32{7}))))}
			}),
			sub(f, state, func(g *function, p []compute.Value) []compute.Value {
				return []compute.Value{must(g.Add(p[0], must(g.Constant([]int32{1})))), p[2], p[1]}
			}), must(f.Constant([]int32{0})), in[0], in[1]))
	})
	if !reflect.DeepEqual(got[1:], []any{[]float32{3, 4}, []float32{1, 2}}) {
		t.Errorf("got %v", got)
	}
}

// TestCall calls a function that calls another: both are copied into the caller.
func TestCall(t *testing.T) {
	b := open(t, "workers=1")
	got := graph(t, b, []any{[]float32{1, 2, 3}}, func(f *function, in []compute.Value) []compute.Value {
		state := []shapes.Shape{shapes.Make(f32, 3)}
		inner := ended(must(f.builder.NewFunction("inner")).(*function), state, func(g *function, p []compute.Value) []compute.Value {
			sorted := must(g.Sort(sub(g, []shapes.Shape{shapes.Make(f32), shapes.Make(f32)}, func(h *function, q []compute.Value) []compute.Value {
				return []compute.Value{must(h.GreaterThan(q[0], q[1]))}
			}), 0, true, p[0]))
			return []compute.Value{must(g.Mul(sorted[0], must(g.Constant([]float32{2})))), p[0]}
		})
		outer := ended(must(f.builder.NewFunction("outer")).(*function), state, func(g *function, p []compute.Value) []compute.Value {
			return must(g.Call(inner, must(g.Call(inner, p[0]))[0]))
		})
		return must(f.Call(outer, in[0]))
	})
	if !reflect.DeepEqual(got, []any{[]float32{12, 8, 4}, []float32{6, 4, 2}}) {
		t.Errorf("got %v", got)
	}
}

// TestCallsOfCalls: functions that call each other twice double with each of them; that
// ends in an error.
func TestCallsOfCalls(t *testing.T) {
	nb := open(t, "").Builder("calls")
	var last compute.Function
	for i := range 30 {
		g := must(nb.NewFunction(fmt.Sprint("f", i)))
		x := must(g.Parameter("x", shapes.Make(f32, 2), nil))
		y, err := g.Sin(x)
		for range 2 {
			if last != nil && err == nil {
				var out []compute.Value
				if out, err = g.Call(last, y); err == nil {
					y = out[0]
				}
			}
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "Call: with function \"f") || !strings.HasSuffix(err.Error(), "the caller has more than 262144 operations") {
				t.Error(err)
			}
			return
		}
		if err := g.Return([]compute.Value{y}, nil); err != nil {
			t.Fatal(err)
		}
		last = g
	}
	t.Error("no error")
}

// order compares as Sort does: numbers, then NaN.
func order(a, b float32) int {
	switch {
	case a < b || a == a && b != b:
		return -1
	case b < a || b == b && a != a:
		return 1
	}
	return 0
}

// TestSort sorts keys with equal and special values and takes their places along, by
// a comparator that is recognised and by one that has to run.
func TestSort(t *testing.T) {
	b := open(t, "workers=3")
	nan := float32(math.NaN())
	keys := []float32{3, nan, -1, 0, float32(math.Copysign(0, -1)), 3, float32(math.Inf(1)), -1, float32(math.Inf(-1)), 0.5, nan, 3, 1e-40, -1e-40}
	n := len(keys)
	places := make([]int32, n)
	for i := range places {
		places[i] = int32(i)
	}
	for _, descending := range []bool{false, true} {
		want := slices.Clone(places)
		slices.SortStableFunc(want, func(i, j int32) int {
			a, b := keys[i], keys[j]
			if descending && a == a && b == b {
				return order(b, a)
			}
			return order(a, b)
		})
		for _, opaque := range []bool{false, true} {
			got := graph(t, b, []any{keys, places}, func(f *function, in []compute.Value) []compute.Value {
				params := []shapes.Shape{shapes.Make(dtypes.Int32), shapes.Make(dtypes.Int32), shapes.Make(f32), shapes.Make(f32)}
				less := sub(f, params, func(g *function, p []compute.Value) []compute.Value {
					l, r := p[2], p[3]
					if !opaque {
						if descending {
							l, r = r, l // as good as GreaterThan
						}
						return []compute.Value{must(g.LessThan(l, r))}
					}
					ln, rn := must(g.IsNaN(l)), must(g.IsNaN(r))
					first := must(g.LessThan(l, r))
					if descending {
						first = must(g.GreaterThan(l, r))
					}
					return []compute.Value{must(g.LogicalOr(first, must(g.LogicalAnd(must(g.LogicalNot(ln)), rn))))}
				})
				column := func(v compute.Value) compute.Value { // [n 2] with two equal columns
					return must(f.BroadcastInDim(v, shapes.Make(v.(*node).shape.DType, n, 2), []int{0}))
				}
				out := must(f.Sort(less, 0, false, column(in[1]), column(in[0])))
				return []compute.Value{flat(f, must(f.Slice(out[0], []int{0, 1}, []int{n, 2}, nil)))}
			})
			if !slices.Equal(got[0].([]int32), want) {
				t.Errorf("descending %v, opaque %v: %v, want %v", descending, opaque, got[0], want)
			}
		}
	}
}

// TestSortTypes sorts all types, by total order where they have one.
func TestSortTypes(t *testing.T) {
	b := open(t, "workers=1")
	sorted := func(in any, total bool) any {
		return graph(t, b, []any{in}, func(f *function, in []compute.Value) []compute.Value {
			s := shapes.Make(in[0].(*node).shape.DType)
			return must(f.Sort(sub(f, []shapes.Shape{s, s}, func(g *function, p []compute.Value) []compute.Value {
				if total {
					return []compute.Value{must(g.LessThanTotalOrder(p[0], p[1]))}
				}
				return []compute.Value{must(g.LessThan(p[0], p[1]))}
			}), -1, true, in[0]))
		})[0]
	}
	check := func(got, want any) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	check(sorted([]bool{true, false, true, false}, false), []bool{false, false, true, true})
	check(sorted([]uint8{3, 255, 0, 7}, false), []uint8{0, 3, 7, 255})
	check(sorted([]int16{3, -32768, 0, 7}, false), []int16{-32768, 0, 3, 7})
	check(sorted([]int64{3, math.MinInt64, math.MaxInt64, -7}, false), []int64{math.MinInt64, -7, 3, math.MaxInt64})
	check(sorted([]uint64{3, math.MaxUint64, 1 << 63}, false), []uint64{3, 1 << 63, math.MaxUint64})
	check(sorted([]float64{3, -0.5, math.Inf(-1), 1e300}, false), []float64{math.Inf(-1), -0.5, 3, 1e300})
	zero := math.Copysign(0, -1)
	got := sorted([]float64{0, zero, math.NaN(), -math.NaN(), math.Inf(1)}, true).([]float64)
	if !math.IsNaN(got[0]) || !math.Signbit(got[1]) || math.Signbit(got[2]) || !math.IsInf(got[3], 1) || !math.IsNaN(got[4]) {
		t.Errorf("total order: %v", got)
	}
	halves := graph(t, b, []any{[]float32{2, -3, 0.5, -0.25}}, func(f *function, in []compute.Value) []compute.Value {
		var out []compute.Value
		for _, half := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16} {
			s := shapes.Make(half)
			v := must(f.Sort(sub(f, []shapes.Shape{s, s}, func(g *function, p []compute.Value) []compute.Value {
				return []compute.Value{must(g.GreaterThanTotalOrder(p[0], p[1]))}
			}), 0, true, must(f.ConvertDType(in[0], half))))
			out = append(out, must(f.ConvertDType(v[0], f32)))
		}
		return out
	})
	check(halves, []any{[]float32{2, 0.5, -0.25, -3}, []float32{2, 0.5, -0.25, -3}})
}

// TestSortLines sorts many lines along each axis of an array.
func TestSortLines(t *testing.T) {
	b := open(t, "workers=3")
	const d0, d1, d2 = 7, 33, 5
	x := noise(d0*d1*d2, 9)
	for axis, step := range []int{d1 * d2, d2, 1} {
		n := []int{d0, d1, d2}[axis]
		want := slices.Clone(x)
		for first := range want {
			if first/step%n != 0 {
				continue
			}
			line := make([]float32, n)
			for k := range line {
				line[k] = x[first+k*step]
			}
			slices.SortFunc(line, cmp.Compare)
			for k := range line {
				want[first+k*step] = line[k]
			}
		}
		got := graph(t, b, []any{x}, func(f *function, in []compute.Value) []compute.Value {
			s := shapes.Make(f32)
			out := must(f.Sort(sub(f, []shapes.Shape{s, s}, func(g *function, p []compute.Value) []compute.Value {
				return []compute.Value{must(g.LessThan(p[0], p[1]))}
			}), axis, false, shaped(f, in[0], d0, d1, d2)))
			return []compute.Value{flat(f, out[0])}
		})
		if !slices.Equal(got[0].([]float32), want) {
			t.Errorf("axis %d differs", axis)
		}
	}
}

// lastingFor is a context that is cancelled once it has been asked that many times.
type lastingFor struct {
	context.Context
	asked atomic.Int32
	times int32
}

func (l *lastingFor) Err() error {
	if l.asked.Add(1) > l.times {
		return context.Canceled
	}
	return nil
}

// TestSortIsCancelled where a comparator runs: the caller is told so, and not that the
// engine has made a mistake.
func TestSortIsCancelled(t *testing.T) {
	b := open(t, "workers=1")
	x := compiled(t, b, func(f *function) []compute.Value {
		s := shapes.Make(f32)
		less := sub(f, []shapes.Shape{s, s}, func(g *function, p []compute.Value) []compute.Value {
			return []compute.Value{must(g.LessThan(must(g.Abs(p[0])), must(g.Abs(p[1]))))}
		})
		return must(f.Sort(less, 0, false, must(f.Parameter("x", shapes.Make(f32, 100), nil))))
	})
	ctx := &lastingFor{Context: context.Background(), times: 20}
	_, err := x.ExecuteContext(ctx, []compute.Buffer{buffer(t, b, noise(100, 1), 100)}, nil, 0)
	var internal *internalError
	if !errors.Is(err, context.Canceled) || errors.As(err, &internal) {
		t.Errorf("got %v", err)
	}
}
