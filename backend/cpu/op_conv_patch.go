package cpu

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// patches is an operand of a convolution's product, lanes by k, that is made when
// the product packs it: the patches of the input, or a kernel whose axes are not
// one stride. A piece of it is cut into blocks, each a run of the innermost axis of
// lanes by a run of the innermost one of k.
type patches struct {
	data      unsafe.Pointer
	size      int
	from      int // first element
	group     int // elements between groups
	per       int // batches of a group
	groups    int // of a part
	part      convRange
	m         int // lanes of a batch
	lanes, ks []axis
	inner     []axis // lanes without the axes that are batches
	byK       bool   // lines of a piece run along lanes
	strided   func(dst, src unsafe.Pointer, srcStride, n int)
	transpose func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)
}

// joined has the axes with one of their steps, as x, those joined whose elements lie as
// one axis's would.
func joined(axes []axis, step func(axis) int) []axis {
	var all []axis
	for _, a := range axes {
		all = append(all, axis{n: a.n, x: step(a)})
	}
	if all = merged(all); len(all) == 0 {
		return []axis{{n: 1}}
	}
	return all
}

func inX(a axis) int { return a.x }
func inY(a axis) int { return a.y }

// patches is the input as operand A.
func (v *convolution) patches(r convRange) *patches {
	p := &patches{data: at(v.xData, 0), from: v.fromX, group: v.groupX, per: v.batches / v.groups, m: v.rows,
		lanes: joined(v.lanes, inX), inner: joined(v.lanes[v.outer:], inX), ks: joined(v.ks, inX)}
	p.loops(v, r)
	return p
}

// weights is the kernel as operand B.
func (v *convolution) weights(r convRange) *patches {
	lanes := []axis{{n: v.cols, x: v.colW}}
	p := &patches{data: at(v.wData, 0), from: v.fromW, group: v.groupW, per: v.batches / v.groups,
		lanes: lanes, inner: lanes, ks: joined(v.ks, inY)}
	p.loops(v, r)
	return p
}

// loops chooses the direction of lines: that in which the longer runs of memory are.
func (p *patches) loops(v *convolution, r convRange) {
	p.part, p.groups = r, v.groups
	p.size = v.size
	p.strided, p.transpose = kernel.CopyStrided(p.size), kernel.Transpose(p.size)
	lane, k := p.lanes[len(p.lanes)-1], p.ks[len(p.ks)-1]
	dense := func(a axis) int {
		if a.x != 1 {
			return 0
		}
		return a.n
	}
	p.byK = dense(lane) > dense(k) || dense(k) == 0 && lane.n >= k.n
	switch v.dtype {
	case dtypes.Int8, dtypes.Int16, dtypes.Uint8, dtypes.Uint16:
		p.byK = true // the product widens lines of lanes a vector at a time
	}
}

// plain reports the strides of lanes and k if the operand is a matrix in memory.
func (p *patches) plain() (lane, k int, ok bool) {
	return p.inner[0].x, p.ks[0].x, len(p.inner) == 1 && len(p.ks) == 1
}

// source makes pieces.
func (p *patches) source() *kernel.Source { return &kernel.Source{Piece: p.piece, ByK: p.byK} }

// piece writes a piece of the operand: see kernel.Source.
func (p *patches) piece(dst unsafe.Pointer, ld, batch, lane, lanes, k, ks int) {
	group := batch / p.per
	u := walkFrom(p.lanes, lane+batch%p.per*p.m)
	first := walkFrom(p.ks, k+p.part.from+group/p.groups*p.part.sums)
	base := p.from + group%p.groups*p.group
	uPitch, vPitch := p.lanes[len(p.lanes)-1].x, p.ks[len(p.ks)-1].x
	for i := 0; i < lanes; {
		n, v := u.run(lanes-i), first
		for j := 0; j < ks; {
			m := v.run(ks - j)
			src := unsafe.Add(p.data, (base+u.x+v.x)*p.size)
			if p.byK {
				p.block(unsafe.Add(dst, (j*ld+i)*p.size), src, n, uPitch, m, ld, vPitch)
			} else {
				p.block(unsafe.Add(dst, (i*ld+j)*p.size), src, m, vPitch, n, ld, uPitch)
			}
			v.on(m)
			j += m
		}
		u.on(n)
		i += n
	}
}

// block writes lines of n elements, which are ld elements apart. The pitches are those of
// the elements of a line and of lines in the input.
func (p *patches) block(dst, src unsafe.Pointer, n, pitch, lines, ld, linePitch int) {
	switch {
	case pitch == 1:
		copyLines(dst, src, n*p.size, lines, ld*p.size, linePitch*p.size)
	case linePitch == 1:
		p.transpose(dst, src, n, lines, ld, pitch)
	default:
		for i := range lines {
			p.strided(unsafe.Add(dst, i*ld*p.size), unsafe.Add(src, i*linePitch*p.size), pitch, n)
		}
	}
}

func wipe(dst unsafe.Pointer, n int) { clear(unsafe.Slice((*byte)(dst), n)) }

// Words that compilers keep in registers, as they do not arrays.
type (
	//lint:ignore U1000 the fields are only copied, all at once
	words2 struct{ a, b uint64 }
	//lint:ignore U1000 likewise
	words3 struct{ a, b, c uint64 }
	//lint:ignore U1000 likewise
	words4 struct{ a, b, c, d uint64 }
)

// shortLines are copyLines for lines of so many times 4 bytes, which are too short
// for a call each.
var shortLines = [17]func(dst, src unsafe.Pointer, n, dstStep, srcStep int){
	1: linesOf[uint32], 2: linesOf[uint64], 3: linesOf2[uint64, uint32],
	4: linesOf[words2], 5: linesOf2[words2, uint32], 6: linesOf[words3],
	7: linesOf2[words3, uint32], 8: linesOf[words4], 9: linesOf2[words4, uint32],
	10: linesOf2[words4, uint64], 12: linesOf2[words4, words2], 14: linesOf2[words4, words3], 16: linesOf2[words4, words4],
}

// linesOf copies lines that are a T. It counts offsets, for no pointer may leave its
// array.
func linesOf[T any](dst, src unsafe.Pointer, n, dstStep, srcStep int) {
	d, s := 0, 0
	for range n {
		*(*T)(unsafe.Add(dst, d)) = *(*T)(unsafe.Add(src, s))
		d, s = d+dstStep, s+srcStep
	}
}

// linesOf2 copies lines that are a T and a U.
func linesOf2[T, U any](dst, src unsafe.Pointer, n, dstStep, srcStep int) {
	var t T
	u := int(unsafe.Sizeof(t))
	d, s := 0, 0
	for range n {
		x, y := *(*T)(unsafe.Add(src, s)), *(*U)(unsafe.Add(src, s+u))
		*(*T)(unsafe.Add(dst, d)), *(*U)(unsafe.Add(dst, d+u)) = x, y
		d, s = d+dstStep, s+srcStep
	}
}

// copyLines copies n lines of so many bytes.
func copyLines(dst, src unsafe.Pointer, bytes, n, dstStep, srcStep int) {
	if bytes <= 64 && bytes%4 == 0 && shortLines[bytes/4] != nil {
		shortLines[bytes/4](dst, src, n, dstStep, srcStep)
		return
	}
	for i := range n {
		copy(unsafe.Slice((*byte)(unsafe.Add(dst, i*dstStep)), bytes), unsafe.Slice((*byte)(unsafe.Add(src, i*srcStep)), bytes))
	}
}
