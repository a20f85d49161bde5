package cpu

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// patches is an operand of a convolution's product, lanes by k, that is made when
// the product packs it: the patches of the input, or a kernel whose axes are not
// one stride. A piece of it is cut into blocks, each a run of the innermost axis of
// lanes by a run of the innermost one of k. In a block, only these two axes move, so
// the elements that lie in the input are a rectangle of it, and are copied line by
// line without looking at places.
type patches struct {
	data      unsafe.Pointer
	size      int
	from      int // first element; may lie before the array, in the padding
	group     int // elements between groups
	per       int // batches of a group
	groups    int // of a part
	part      convRange
	m         int // lanes of a batch
	lanes, ks []patchAxis
	inner     []patchAxis // lanes without the axes that are batches
	taps      []convTap
	byK       bool // lines of a piece run along lanes
	strided   func(dst, src unsafe.Pointer, srcStride, n int)
	transpose func(dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int)
}

// patchAxis is one or more axes that are one run of equal steps.
type patchAxis struct {
	n, pitch  int
	tap, move int // see convAxis
	grain     int // so many indices are at the same place of the tap
}

// newAxes joins axes whose elements lie as one axis's would. An axis with a tap can
// be the outermost of such axes only.
func newAxes(axes []convAxis, pitch func(convAxis) int) []patchAxis {
	all := []patchAxis{}
	for _, a := range axes {
		b := patchAxis{a.n, pitch(a), a.tap, a.move, 1}
		if k := len(all) - 1; k >= 0 && b.tap < 0 && all[k].pitch == b.n*b.pitch {
			all[k].n, all[k].pitch, all[k].grain = all[k].n*b.n, b.pitch, all[k].grain*b.n
			continue
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		all = append(all, patchAxis{1, 0, -1, 0, 1})
	}
	return all
}

// patches is the input as operand A.
func (v *convolution) patches(r convRange) *patches {
	pitch := func(a convAxis) int { return a.x }
	p := &patches{data: at(v.xData, 0), from: v.fromX, group: v.groupX, per: v.batches / v.groups, m: v.rows,
		lanes: newAxes(v.lanes, pitch), inner: newAxes(v.lanes[v.outer:], pitch), ks: newAxes(v.ks, pitch), taps: v.taps}
	p.loops(v, r)
	return p
}

// weights is the kernel as operand B.
func (v *convolution) weights(r convRange) *patches {
	lanes := []patchAxis{{v.cols, v.colW, -1, 0, 1}}
	ks := make([]convAxis, len(v.ks))
	for i, a := range v.ks {
		ks[i] = convAxis{n: a.n, y: a.y, tap: -1}
	}
	p := &patches{data: at(v.wData, 0), from: v.fromW, group: v.groupW, per: v.batches / v.groups,
		lanes: lanes, inner: lanes, ks: newAxes(ks, func(a convAxis) int { return a.y })}
	p.loops(v, r)
	return p
}

// loops chooses the direction of lines: that in which the longer runs of memory are.
func (p *patches) loops(v *convolution, r convRange) {
	p.part, p.groups = r, v.groups
	p.size = v.size
	p.strided, p.transpose = kernel.CopyStrided(p.size), kernel.Transpose(p.size)
	lane, k := p.lanes[len(p.lanes)-1], p.ks[len(p.ks)-1]
	dense := func(a patchAxis) int {
		if a.pitch != 1 {
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
	return p.inner[0].pitch, p.ks[0].pitch, len(p.taps) == 0 && len(p.inner) == 1 && len(p.ks) == 1
}

// source makes pieces.
func (p *patches) source() *kernel.Source { return &kernel.Source{Piece: p.piece, ByK: p.byK} }

// strip is a run of an innermost axis in a block.
type strip struct {
	*patchAxis
	from, n int
	step    int // bytes from one element to the next in the piece
}

// piece writes a piece of the operand: see kernel.Source.
func (p *patches) piece(dst unsafe.Pointer, ld, batch, lane, lanes, k, ks int) {
	var room [5][8]int
	group := batch / p.per
	lane, k = lane+batch%p.per*p.m, k+p.part.from+group/p.groups*p.part.sums
	li := indices(p.lanes, lane, room[0][:0])
	first := indices(p.ks, k, room[1][:0])
	ki, pos, lanePos := room[2][:0], room[3][:0], room[4][:0]
	u, v := strip{patchAxis: &p.lanes[len(li)-1], step: p.size}, strip{patchAxis: &p.ks[len(first)-1], step: ld * p.size}
	if !p.byK {
		u.step, v.step = v.step, u.step
	}
	for done := 0; done < lanes; done += u.n {
		u.from = li[len(li)-1]
		u.n = min(u.patchAxis.n-u.from, lanes-done)
		lanePos = lanePos[:0]
		for i := range p.taps {
			lanePos = append(lanePos, p.taps[i].from)
		}
		base := p.from + group%p.groups*p.group + outerAt(p.lanes, li, lanePos) + u.from*u.pitch
		line := unsafe.Add(dst, done*u.step)
		ki = append(ki[:0], first...)
		for at := 0; at < ks; at += v.n {
			v.from = ki[len(ki)-1]
			v.n = min(v.patchAxis.n-v.from, ks-at)
			pos = append(pos[:0], lanePos...)
			src := base + outerAt(p.ks, ki, pos) + v.from*v.pitch
			if p.byK {
				p.block(unsafe.Add(line, at*v.step), src, u, v, pos)
			} else {
				p.block(unsafe.Add(line, at*v.step), src, v, u, pos)
			}
			advance(p.ks, ki, v.n)
		}
		advance(p.lanes, li, u.n)
	}
}

// indices appends those of element i.
func indices(axes []patchAxis, i int, at []int) []int {
	for range axes {
		at = append(at, 0)
	}
	for k := len(axes) - 1; k > 0; k-- {
		at[k] = i % axes[k].n
		i /= axes[k].n
	}
	at[0] = i
	return at
}

// advance moves indices on by a run of the innermost axis.
func advance(axes []patchAxis, at []int, n int) {
	k := len(axes) - 1
	at[k] += n
	for ; k > 0 && at[k] == axes[k].n; k-- {
		at[k] = 0
		at[k-1]++
	}
}

// outerAt adds up what all axes but the innermost contribute: elements to the sum
// that it returns, places to pos.
func outerAt(axes []patchAxis, at []int, pos []int) (src int) {
	for i := range at[:len(at)-1] {
		a := &axes[i]
		src += at[i] * a.pitch
		if a.tap >= 0 {
			pos[a.tap] += at[i] / a.grain * a.move
		}
	}
	return src
}

// block writes a block whose lines run along u. pos has the places that the outer
// axes come to.
func (p *patches) block(dst unsafe.Pointer, src int, u, v strip, pos []int) {
	for i := range pos {
		if i != u.tap && i != v.tap && uint(pos[i]) >= uint(p.taps[i].in) {
			p.rect(dst, src, &u, &v, [4]int{})
			return
		}
	}
	if u.tap < 0 || u.tap != v.tap {
		r := [4]int{0, u.n, 0, v.n}
		if u.tap >= 0 {
			r[0], r[1] = u.inside(pos[u.tap], p.taps[u.tap].in)
		}
		if v.tap >= 0 {
			r[2], r[3] = v.inside(pos[v.tap], p.taps[v.tap].in)
		}
		p.rect(dst, src, &u, &v, r)
		return
	}
	if i := u.tap; pos[i]+u.from/u.grain*u.move+v.from/v.grain*v.move >= 0 && pos[i]+u.last()+v.last() < p.taps[i].in {
		p.rect(dst, src, &u, &v, [4]int{0, u.n, 0, v.n})
		return
	}
	// Both move along one axis of the input: one of them is cut into parts that stay.
	s, cutU := &v, u.places() < v.places()
	if cutU {
		s = &u
	}
	tap, first, end := p.taps[u.tap], s.from, s.from+s.n
	for s.from < end {
		i := s.from / s.grain
		s.n = min((i+1)*s.grain, end) - s.from
		r, at := [4]int{0, u.n, 0, v.n}, pos[u.tap]+i*s.move
		if cutU {
			r[2], r[3] = v.inside(at, tap.in)
		} else {
			r[0], r[1] = u.inside(at, tap.in)
		}
		p.rect(unsafe.Add(dst, (s.from-first)*s.step), src, &u, &v, r)
		src, s.from = src+s.n*s.pitch, s.from+s.n
	}
}

// last is how far the strip's last element is.
func (s *strip) last() int { return (s.from + s.n - 1) / s.grain * s.move }

// places is how many places of its tap a strip is at.
func (s *strip) places() int { return (s.from+s.n-1)/s.grain - s.from/s.grain + 1 }

// inside is the part of the strip that is in an input of so many places if the
// other axes come to pos.
func (s *strip) inside(pos, in int) (lo, hi int) {
	first, last := -pos, in-1-pos
	if s.move != 1 {
		first, last = ceilDiv(first, s.move), floorDiv(last, s.move)
	}
	lo = min(max(first*s.grain-s.from, 0), s.n)
	return lo, min(max((last+1)*s.grain-s.from, lo), s.n)
}

// rect writes a block of which only elements r[0]..r[1] of lines r[2]..r[3] are in
// the input.
func (p *patches) rect(dst unsafe.Pointer, src int, u, v *strip, r [4]int) {
	if r[0] == r[1] {
		r[2], r[3] = 0, 0
	}
	for i := range r[2] {
		wipe(unsafe.Add(dst, i*v.step), u.n*p.size)
	}
	for i := r[3]; i < v.n; i++ {
		wipe(unsafe.Add(dst, i*v.step), u.n*p.size)
	}
	n, lines := r[1]-r[0], r[3]-r[2]
	if lines == 0 || n == 0 {
		return
	}
	if n < u.n {
		for i := r[2]; i < r[3]; i++ {
			line := unsafe.Add(dst, i*v.step)
			wipe(line, r[0]*p.size)
			wipe(unsafe.Add(line, r[1]*p.size), (u.n-r[1])*p.size)
		}
	}
	dst = unsafe.Add(dst, r[0]*p.size+r[2]*v.step)
	from := unsafe.Add(p.data, (src+r[0]*u.pitch+r[2]*v.pitch)*p.size)
	switch {
	case u.pitch == 1:
		copyLines(dst, from, n*p.size, lines, v.step, v.pitch*p.size)
	case v.pitch == 1:
		p.transpose(dst, from, n, lines, v.step/p.size, u.pitch)
	default:
		for i := range lines {
			p.strided(unsafe.Add(dst, i*v.step), unsafe.Add(from, i*v.pitch*p.size), u.pitch, n)
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
