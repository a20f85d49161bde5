package cpu

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/comlam/comlam/backend/kernel"
)

// TestPastCaches: a program without rows on arrays that no cache holds, which stores past
// the caches and fetches ahead.
func TestPastCaches(t *testing.T) {
	b := open(t, "workers=1")
	n := streamFrom/8 + 5
	x := compiled(t, b, func(f *function) []compute.Value {
		p := must(f.Parameter("x", shapes.Make(dtypes.Float32, n), nil)).(*node)
		return []compute.Value{f.op2(compute.OpTypeSub, f.with(compute.OpTypeAdd, f.with(compute.OpTypeMul, p, 2), 1), p)}
	})
	fetches := false
	for _, in := range x.program.steps[0].(*tile).code {
		if in.chain == nil { // a variant without chains
			continue
		}
		for _, links := range in.chain.passes {
			for _, l := range links {
				fetches = fetches || l.Arg == kernel.Fetch
			}
		}
	}
	if kernel.Variant() != "portable" && !fetches {
		t.Error("nothing is fetched ahead")
	}
	in := make([]float32, n)
	for i := range in {
		in[i] = float32(i)
	}
	got := floats(must(x.Execute([]compute.Buffer{buffer(t, b, in, n)}, nil, 0))[0])
	for i, v := range got {
		if want := float32(float32(i)*2+1) - float32(i); v != want {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
}
