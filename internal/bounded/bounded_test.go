package bounded

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestMulAddAgreeWithBigIntegers(t *testing.T) {
	edges := []int64{math.MinInt64, -1, 0, 1, 2, 3, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 62, math.MaxInt64 - 1, math.MaxInt64}
	r := rand.New(rand.NewPCG(1, 2))
	pick := func() int64 {
		if r.IntN(2) == 0 {
			return edges[r.IntN(len(edges))]
		}
		return r.Int64() >> r.IntN(63)
	}
	for range 20000 {
		a, b := pick(), pick()
		check := func(name string, f func(a, b int64) (int64, error), want *big.Int) {
			t.Helper()
			got, err := f(a, b)
			valid := a >= 0 && b >= 0 && want.IsInt64()
			if (err == nil) != valid || (valid && got != want.Int64()) {
				t.Fatalf("%s(%d, %d) = %d, %v; want %v", name, a, b, got, err, want)
			}
			var le *LimitError
			if err != nil && !errors.As(err, &le) {
				t.Fatalf("%s: error %T is not a *LimitError", name, err)
			}
		}
		x, y := big.NewInt(a), big.NewInt(b)
		check("Mul", Mul, new(big.Int).Mul(x, y))
		check("Add", Add, new(big.Int).Add(x, y))
	}
}

func TestProduct(t *testing.T) {
	for _, c := range []struct {
		dims []int
		want int64 // -1: error
	}{
		{nil, 1}, {[]int{3, 4}, 12}, {[]int{0, math.MaxInt, math.MaxInt}, 0},
		{[]int{math.MaxInt, 2}, -1}, {[]int{math.MaxInt, math.MaxInt, 0}, -1}, {[]int{-1}, -1},
	} {
		got, err := Product(c.dims)
		if (err != nil) != (c.want < 0) || (err == nil && got != c.want) {
			t.Errorf("Product(%d) = %d, %v; want %d", c.dims, got, err, c.want)
		}
	}
}

func TestReaderStopsAtLimit(t *testing.T) {
	data := strings.Repeat("x", 100)
	for _, limit := range []int64{0, 1, 99, 100, 101} {
		r := NewReader(iotest.OneByteReader(strings.NewReader(data)), limit)
		b, err := r.All()
		if limit >= 100 {
			if err != nil || string(b) != data || r.Offset() != 100 {
				t.Errorf("limit %d: %d bytes, offset %d, %v", limit, len(b), r.Offset(), err)
			}
			continue
		}
		var le *LimitError
		if !errors.As(err, &le) || le.Limit != limit || r.Offset() != limit {
			t.Errorf("limit %d: offset %d, %v", limit, r.Offset(), err)
		}
	}
}

func TestBytes(t *testing.T) {
	data := make([]byte, 1<<20+17)
	for i := range data {
		data[i] = byte(i * 7)
	}
	r := NewReader(iotest.HalfReader(bytes.NewReader(data)), math.MaxInt64)
	for _, n := range []int64{0, 1, 5, firstChunk - 6, firstChunk + 1, 800000} {
		at := r.Offset()
		b, err := r.Bytes(n)
		if err != nil || !bytes.Equal(b, data[at:at+n]) {
			t.Fatalf("%d bytes at %d: %v", n, at, err)
		}
	}
	if _, err := r.Bytes(1 << 40); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("past the end: %v", err)
	}
	if _, err := NewReader(strings.NewReader("abc"), 2).Bytes(3); err == nil {
		t.Error("past the limit: no error")
	}
	if _, err := r.Bytes(-1); err == nil {
		t.Error("negative size: no error")
	}
}

func TestDeclaredSizeIsNotAllocated(t *testing.T) {
	allocated := func(f func()) uint64 {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		f()
		runtime.ReadMemStats(&b)
		return b.TotalAlloc - a.TotalAlloc
	}
	small := strings.NewReader("only these bytes")
	n := allocated(func() {
		if _, err := NewReader(small, math.MaxInt64).Bytes(1 << 40); err == nil {
			t.Error("no error")
		}
		if _, err := ReadAt(small, 3, 1<<40); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ReadAt: %v", err)
		}
	})
	if n > 1<<20 {
		t.Errorf("allocated %d bytes for 16 that are there", n)
	}
}

func TestReadAt(t *testing.T) {
	r := strings.NewReader("0123456789")
	for _, c := range []struct {
		off, n int64
		want   string
		ok     bool
	}{
		{0, 10, "0123456789", true}, {9, 1, "9", true}, {3, 4, "3456", true}, {10, 0, "", true},
		{0, 11, "", false}, {10, 1, "", false}, {-1, 2, "", false}, {2, -1, "", false},
		{math.MaxInt64, 1, "", false}, {1, math.MaxInt64, "", false},
	} {
		b, err := ReadAt(r, c.off, c.n)
		if (err == nil) != c.ok || string(b) != c.want {
			t.Errorf("ReadAt(%d, %d) = %q, %v", c.off, c.n, b, err)
		}
	}
}
