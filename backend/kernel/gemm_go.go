package kernel

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// gemmKernel is how one type is multiplied on one variant.
type gemmKernel struct {
	dtype   dtypes.DType // of the sums
	elem    int          // bytes of what panels hold: an element, or a pair of bfloat16
	acc     int          // bytes of a sum
	step    int          // elements of K in what panels hold: 1, or 2 for pairs
	mr, nr  int          // rows and columns of the register tile
	strided bool         // sweep is as fast on strided operands
	sweep   func(rows int, t *Tile)
	// pack copies elements: dst[k*width+i] = src[i*lane+k*step].
	pack  func(dst unsafe.Pointer, width int, src unsafe.Pointer, lane, step, lanes, ks int)
	lines func(rows int, t *Tile) // see lineRuns; nil: none

	peak     func(count int) // what Peak measures: turns of peakFlop operations
	peakFlop float64
}

// gemmNumber are the types that sums are formed in. Integers wrap around, so that
// 32 and 64 bits serve all narrower results and both signs.
type gemmNumber interface {
	float32 | float64 | int32 | int64
}

func gemmPortable[T gemmNumber](t dtypes.DType) *gemmKernel {
	size := t.Size()
	return &gemmKernel{
		dtype: t, elem: size, acc: size, step: 1, mr: 12, nr: 4,
		sweep: gemmSweepGo[T], pack: gemmPackGo[T], peak: gemmPeakGo, peakFlop: 16,
	}
}

var (
	gemmGoF32 = gemmPortable[float32](dtypes.Float32)
	gemmGoF64 = gemmPortable[float64](dtypes.Float64)
	gemmGoI32 = gemmPortable[int32](dtypes.Int32)
	gemmGoI64 = gemmPortable[int64](dtypes.Int64)
)

// gemmActive is the kernel of float32.
func gemmActive() *gemmKernel { return gemmF32[active] }

// gemmSame reports whether two types have the same bits as far as sums and
// products go.
func gemmSame(a, b dtypes.DType) bool {
	return a == b || a.IsInt() && b.IsInt() && a.Size() == b.Size()
}

// gemmKernelOf returns the kernel for A and B of type t and C of type out, nil where
// there is none.
func gemmKernelOf(t, out dtypes.DType) *gemmKernel {
	wide := t.Size() > 4 || out.Size() > 4
	switch {
	case t.IsPacked() || out.IsPacked():
	case t.IsFloat() && out.IsFloat() && wide:
		return gemmGoF64
	case t.IsFloat() && out.IsFloat():
		return gemmFloat(t)
	case t.IsInt() && out.IsInt() && wide:
		return gemmGoI64
	case t.IsInt() && out.IsInt():
		return gemmGoI32
	}
	return nil
}

// gemmSweepGo is Tile.Sweep for any type: three rows by two columns at a time.
func gemmSweepGo[T gemmNumber](rows int, t *Tile) {
	size := int(unsafe.Sizeof(*new(T)))
	whole := rows / 3 * 3
	for j := 0; j < t.N; j += 2 {
		b := unsafe.Add(t.B, j/4*t.BPanel+j%4*size)
		c := unsafe.Add(t.C, j*size)
		from := 0
		if t.N-j >= 2 {
			for ; from < whole; from += 3 {
				gemmMicroGo[T](t, unsafe.Add(t.A, from*t.ARow), b, unsafe.Add(c, from*t.CRow))
			}
		}
		gemmEdgeGo[T](t, from, rows, min(2, t.N-j), b, c)
	}
}

// gemmMicroGo is three rows by two columns, as many sums and factors as fit in 16
// registers. The conversions to T keep compilers from fusing: one element must not
// round differently in the loop below.
func gemmMicroGo[T gemmNumber](t *Tile, a, b, c unsafe.Pointer) {
	var s00, s01, s10, s11, s20, s21 T
	c0, c1, c2 := (*[2]T)(c), (*[2]T)(unsafe.Add(c, t.CRow)), (*[2]T)(unsafe.Add(c, 2*t.CRow))
	if t.Add == 2 {
		s00, s01, s10, s11, s20, s21 = c0[0], c0[1], c1[0], c1[1], c2[0], c2[1]
	}
	aRow, aK, bK := t.ARow, t.AK, t.BK
	for k := range t.K {
		q := (*[2]T)(unsafe.Add(b, k*bK))
		q0, q1 := q[0], q[1]
		x := *(*T)(unsafe.Add(a, k*aK))
		s00 += T(x * q0)
		s01 += T(x * q1)
		x = *(*T)(unsafe.Add(a, k*aK+aRow))
		s10 += T(x * q0)
		s11 += T(x * q1)
		x = *(*T)(unsafe.Add(a, k*aK+2*aRow))
		s20 += T(x * q0)
		s21 += T(x * q1)
	}
	if t.Add == 1 {
		s00, s01, s10, s11, s20, s21 = c0[0]+s00, c0[1]+s01, c1[0]+s10, c1[1]+s11, c2[0]+s20, c2[1]+s21
	}
	*c0, *c1, *c2 = [2]T{s00, s01}, [2]T{s10, s11}, [2]T{s20, s21}
}

// gemmEdgeGo is rows from..to by fewer columns, one element at a time.
func gemmEdgeGo[T gemmNumber](t *Tile, from, to, cols int, b, c unsafe.Pointer) {
	size := int(unsafe.Sizeof(*new(T)))
	for i := from; i < to; i++ {
		for j := range cols {
			p, q := unsafe.Add(t.A, i*t.ARow), unsafe.Add(b, j*size)
			d := (*T)(unsafe.Add(c, i*t.CRow+j*size))
			var sum T
			if t.Add == 2 {
				sum = *d
			}
			for k := range t.K {
				sum += T(*(*T)(unsafe.Add(p, k*t.AK)) * *(*T)(unsafe.Add(q, k*t.BK)))
			}
			if t.Add == 1 {
				sum = *d + sum
			}
			*d = sum
		}
	}
}

// gemmPackGo is the portable pack.
func gemmPackGo[T any](dst unsafe.Pointer, width int, src unsafe.Pointer, lane, step, lanes, ks int) {
	size := int(unsafe.Sizeof(*new(T)))
	if lane == 1 {
		for k := range ks {
			d := unsafe.Slice((*T)(unsafe.Add(dst, k*width*size)), lanes)
			copy(d, unsafe.Slice((*T)(unsafe.Add(src, k*step*size)), lanes))
		}
		return
	}
	for i := range lanes {
		d, s := unsafe.Add(dst, i*size), unsafe.Add(src, i*lane*size)
		for k := range ks {
			*(*T)(unsafe.Add(d, k*width*size)) = *(*T)(unsafe.Add(s, k*step*size))
		}
	}
}
