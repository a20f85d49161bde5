package kernel

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// bySize has a type of each element size.
var bySize = map[int]dtypes.DType{1: dtypes.Uint8, 2: dtypes.Uint16, 4: dtypes.Uint32, 8: dtypes.Uint64, 16: dtypes.Complex128}

func TestFill(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for size, dt := range bySize {
		for _, n := range lengths() {
			x, got := random(r, dt, 1, 1), newArray(dt, n, n%3)
			Fill(size)(got.p(), x.p(), n)
			if !bytes.Equal(got.data(), bytes.Repeat(x.data(), n)) || !got.intact() {
				t.Fatalf("size %d, n %d differs", size, n)
			}
		}
	}
	if CopyStrided(3) != nil || Transpose(0) != nil {
		t.Error("an odd element size has loops")
	}
}

func TestIota(t *testing.T) {
	for _, dt := range allTypes {
		for _, n := range lengths() {
			got, want := newArray(dt, n, 1), newArray(dt, n, 0)
			Iota(dt)(got.p(), n)
			for i := range n {
				want.put(i, oracleConvert(datum{i: int64(i)}, dtypes.Int64, dt))
			}
			compare(t, "iota "+dt.String(), 0, got, want)
		}
	}
}

func TestCopyStrided(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for size, dt := range bySize {
		for _, n := range lengths()[1:] {
			for _, stride := range []int{0, 1, 2, 7, -1, -3} {
				span := (n-1)*max(stride, -stride) + 1
				x, got := random(r, dt, span, 1), newArray(dt, n, n%3)
				first := max(0, -stride*(n-1))
				CopyStrided(size)(got.p(), at(x.p(), first, size), stride, n)
				for i := range n {
					if got.bits(i) != x.bits(first+i*stride) {
						t.Fatalf("size %d, n %d, stride %d: element %d differs", size, n, stride, i)
					}
				}
				if !got.intact() {
					t.Fatalf("size %d, n %d: wrote outside", size, n)
				}
			}
		}
	}
}

func TestTranspose(t *testing.T) {
	everyVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for size, dt := range bySize {
			dims := []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70}
			for _, rows := range dims {
				for _, cols := range dims {
					for _, gap := range []int{0, 3} {
						testTranspose(t, r, size, dt, rows, cols, gap)
					}
				}
			}
		}
	})
}

// testTranspose also sees that the gap between the columns is not written.
func testTranspose(t *testing.T, r *rand.Rand, size int, dt dtypes.DType, rows, cols, gap int) {
	ds, ss := rows+gap, cols+2*gap
	x, got := random(r, dt, rows*ss, 1), random(r, dt, cols*ds, 1)
	want := got.clone()
	for i := range rows {
		for j := range cols {
			copy(want.data()[(j*ds+i)*size:], x.data()[(i*ss+j)*size:][:size])
		}
	}
	Transpose(size)(got.p(), x.p(), rows, cols, ds, ss)
	if !bytes.Equal(got.data(), want.data()) || !got.intact() {
		t.Fatalf("size %d, %d by %d, gap %d differs", size, rows, cols, gap)
	}
}

// BenchmarkLoops times the loops of the active variant on 4,096 elements; see one
// with -bench 'Loops/^Add$'.
func BenchmarkLoops(b *testing.B) {
	const n = 4096
	x, y, c := make([]float64, n), make([]float64, n), make([]float64, 2*n)
	xp, yp, cp := unsafe.Pointer(&x[0]), unsafe.Pointer(&y[0]), unsafe.Pointer(&c[0])
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
	for _, dt := range []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.Int32, dtypes.BFloat16, dtypes.Float16} {
		for op := compute.OpTypeInvalid; op < compute.OpTypeLast; op++ {
			what := fmt.Sprint(op, "/", dt)
			if f := Unary(op, dt); f != nil {
				run(what, func() { f(yp, xp, n) })
			}
			if f := Binary(op, dt, VV); f != nil {
				run(what, func() { f(cp, xp, yp, n) })
			}
			if f := Reduce(op, dt); f != nil {
				run(what, func() { f(cp, xp, n) })
			}
		}
		narrow, widen := Convert(dtypes.Float32, dt), Convert(dt, dtypes.Float32)
		run("from float32/"+dt.String(), func() { narrow(yp, xp, n) })
		run("to float32/"+dt.String(), func() { widen(yp, xp, n) })
	}
	for _, size := range []int{1, 2, 4, 8} {
		f, rows := Transpose(size), 64
		run(fmt.Sprint("Transpose/", size), func() { f(yp, xp, rows, n/rows, rows, n/rows) })
	}
}
