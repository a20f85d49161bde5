package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// TestChain holds random chains against the loops of their operations, bit by bit.
func TestChain(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		if NewChain(nil) == nil {
			if active != portable {
				t.Fatal("no chain")
			}
			return
		}
		var keys []chainKey
		for op := compute.OpTypeInvalid; op < compute.OpTypeLast; op++ {
			for a := Alone; a <= Stream; a++ {
				if _, ok := chainHandlers[chainKey{op, a}]; ok {
					keys = append(keys, chainKey{op, a})
				}
			}
		}
		r := rand.New(rand.NewPCG(5, 6))
		for round := range 600 {
			links := []Link{{compute.OpTypeIdentity, Vector, 0}}
			for i := range 1 + r.IntN(8) {
				k := keys[r.IntN(len(keys))]
				if i == 0 {
					k = keys[round%len(keys)] // each at least once
				}
				operand := r.IntN(4)
				if k.arg == Scalar || k.arg == ScalarFirst {
					operand = 5
				}
				links = append(links, Link{k.op, k.arg, operand})
				if r.IntN(6) == 0 {
					links = append(links, Link{compute.OpTypeIdentity, Store, r.IntN(5)})
				}
			}
			links = append(links, Link{compute.OpTypeIdentity, []Arg{Store, Stream}[r.IntN(2)], 4})
			testChain(t, r, links, r.IntN(300))
		}
		if NewChain([]Link{{compute.OpTypeRem, Vector, 0}}) != nil {
			t.Error("a chain with an operation that it does not have")
		}
	})
}

func testChain(t *testing.T, r *rand.Rand, links []Link, n int) {
	const operands, guard = 6, 3
	var got, want [operands][]float32
	var ptrs []unsafe.Pointer
	for i := range got {
		s := make([]float32, n+2*guard+16)
		if shift := int(-uintptr(ptr(s[guard:])) % 64 / 4); r.IntN(2) == 0 {
			s = s[shift:] // where streaming stores can go
		}
		for j := range s {
			s[j] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(12)-6)))
		}
		got[i], want[i] = s, append([]float32(nil), s...)
		ptrs = append(ptrs, ptr(s[guard:]))
	}
	NewChain(links).Run(ptrs, n)
	acc := make([]float32, n)
	for _, l := range links {
		w := want[l.Operand][guard:]
		f := func(m Mode) Func2 { return Binary(l.Op, dtypes.Float32, m) }
		switch id := l.Op == compute.OpTypeIdentity; {
		case id && l.Arg == Vector:
			copy(acc, w)
		case id && l.Arg == Scalar:
			Fill(4)(ptr(acc), ptr(w), n)
		case id:
			copy(w, acc)
		case l.Arg == Alone && l.Op == compute.OpTypeMul:
			f(VV)(ptr(acc), ptr(acc), ptr(acc), n)
		case l.Arg == Alone:
			Unary(l.Op, dtypes.Float32)(ptr(acc), ptr(acc), n)
		case l.Arg == Vector:
			f(VV)(ptr(acc), ptr(acc), ptr(w), n)
		case l.Arg == Scalar:
			f(VS)(ptr(acc), ptr(acc), ptr(w), n)
		case l.Arg == VectorFirst:
			f(VV)(ptr(acc), ptr(w), ptr(acc), n)
		case l.Arg == ScalarFirst:
			f(SV)(ptr(acc), ptr(w), ptr(acc), n)
		}
	}
	for i := range got {
		for j, v := range got[i] {
			if steps(v, want[i][j]) != 0 {
				t.Fatalf("%v, n %d, operand %d, element %d: %g, want %g", links, n, i, j-guard, v, want[i][j])
			}
		}
	}
}

// BenchmarkChain times eight operations on 4,096 elements.
func BenchmarkChain(b *testing.B) {
	const n = 4096
	x, y, s := make([]float32, n), make([]float32, n), []float32{1.0001}
	links := []Link{{compute.OpTypeIdentity, Vector, 0}}
	for i := range 8 {
		links = append(links, Link{[]compute.OpType{compute.OpTypeMul, compute.OpTypeAdd}[i%2], Scalar, 2})
	}
	links = append(links, Link{compute.OpTypeIdentity, Store, 1})
	was := active
	defer func() { active = was }()
	for l := detect(); l > portable; l-- {
		active = l
		c, f := NewChain(links), Binary(compute.OpTypeMul, dtypes.Float32, VS)
		ptrs := []unsafe.Pointer{ptr(x), ptr(y), ptr(s)}
		b.Run(fmt.Sprint(Variant(), "/chain"), func(b *testing.B) { b.ReportMetric(least(func() { c.Run(ptrs, n) })/n, "ns/elem") })
		b.Run(fmt.Sprint(Variant(), "/loops"), func(b *testing.B) {
			b.ReportMetric(least(func() {
				for range 8 {
					f(ptr(y), ptr(y), ptr(s), n)
				}
			})/n, "ns/elem")
		})
	}
}
