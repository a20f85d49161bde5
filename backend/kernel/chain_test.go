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

func load(i int) Link  { return Link{Op: compute.OpTypeIdentity, Arg: Vector, Operand: i} }
func store(i int) Link { return Link{Op: compute.OpTypeIdentity, Arg: Store, Operand: i} }

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
			links := []Link{load(0)}
			for i := range 1 + r.IntN(8) {
				k := keys[r.IntN(len(keys))]
				if i == 0 {
					k = keys[round%len(keys)] // each at least once
				}
				operand := r.IntN(4)
				if k.arg == Scalar || k.arg == ScalarFirst {
					operand = 5
				}
				links = append(links, Link{Op: k.op, Arg: k.arg, Operand: operand})
				if r.IntN(6) == 0 {
					links = append(links, store(r.IntN(5)))
				}
			}
			links = append(links, Link{Op: compute.OpTypeIdentity, Arg: []Arg{Store, Stream}[r.IntN(2)], Operand: 4})
			testChain(t, r, links, r.IntN(300))
		}
		if NewChain([]Link{{Op: compute.OpTypeRem, Arg: Vector}}) != nil {
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

// TestChainPasses normalises a row in three passes with sums between them, bit by bit
// as the loops do, again and again.
func TestChainPasses(t *testing.T) {
	const x, centred, y, sums, mean, slope, inverse, shift, operands = 0, 1, 2, 3, 4, 5, 6, 7, 8
	sum := func(a Arg) Link { return Link{Op: compute.OpTypeReduceSum, Arg: a, Operand: sums} }
	one := func(op compute.OpType, a Arg, i int) Link { return Link{Op: op, Arg: a, Operand: i} }
	everyVariant(t, func(t *testing.T) {
		c := NewChain(
			[]Link{load(x), sum(Fold), {Op: compute.OpTypeIdentity, Arg: Fetch, Operand: x, Ahead: 1 << 20}},
			[]Link{sum(Total), one(compute.OpTypeMul, Scalar, inverse), one(compute.OpTypeIdentity, StoreOne, mean)},
			[]Link{load(x), one(compute.OpTypeSub, Scalar, mean), store(centred), {Op: compute.OpTypeMul, Arg: Alone}, sum(Fold)},
			[]Link{sum(Total), one(compute.OpTypeAdd, Scalar, inverse), {Op: compute.OpTypeRsqrt, Arg: Alone}, one(compute.OpTypeIdentity, StoreOne, slope)},
			[]Link{load(centred), one(compute.OpTypeMul, Scalar, slope), one(compute.OpTypeAdd, Vector, shift), one(compute.OpTypeIdentity, Stream, y)},
		)
		if c == nil {
			return
		}
		r := rand.New(rand.NewPCG(7, 8))
		for _, n := range []int{64, 128, 448, 1024, 4096, 64} {
			values := make([][]float32, operands)
			var ptrs []unsafe.Pointer
			for i := range values {
				values[i] = make([]float32, max(n, SumLen))
				for j := range values[i] {
					if values[i][j] = float32(r.NormFloat64()); i == sums {
						values[i][j] = 0
					}
				}
				ptrs = append(ptrs, ptr(values[i]))
			}
			want, in := make([]float32, n), make([]float32, n)
			var s [3]float32
			f := func(op compute.OpType, m Mode) Func2 { return Binary(op, dtypes.Float32, m) }
			total := func(dst *float32, x []float32) {
				Reduce(compute.OpTypeReduceSum, dtypes.Float32)(unsafe.Pointer(dst), ptr(x), n)
			}
			total(&s[0], values[x])
			s[0] *= values[inverse][0]
			f(compute.OpTypeSub, VS)(ptr(in), ptr(values[x]), unsafe.Pointer(&s[0]), n)
			f(compute.OpTypeMul, VV)(ptr(want), ptr(in), ptr(in), n)
			total(&s[1], want)
			s[1] += values[inverse][0]
			Unary(compute.OpTypeRsqrt, dtypes.Float32)(unsafe.Pointer(&s[2]), unsafe.Pointer(&s[1]), 1)
			f(compute.OpTypeMul, VS)(ptr(want), ptr(in), unsafe.Pointer(&s[2]), n)
			f(compute.OpTypeAdd, VV)(ptr(want), ptr(want), ptr(values[shift]), n)
			for range 2 {
				c.Run(ptrs, n)
				Fence()
				for i, v := range values[y][:n] {
					if steps(v, want[i]) != 0 {
						t.Fatalf("n %d, element %d: %g, want %g", n, i, v, want[i])
					}
				}
			}
		}
	})
}

// BenchmarkChain times eight operations on 4,096 elements.
func BenchmarkChain(b *testing.B) {
	const n = 4096
	x, y, s := make([]float32, n), make([]float32, n), []float32{1.0001}
	links := []Link{load(0)}
	for i := range 8 {
		links = append(links, Link{Op: []compute.OpType{compute.OpTypeMul, compute.OpTypeAdd}[i%2], Arg: Scalar, Operand: 2})
	}
	links = append(links, store(1))
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
