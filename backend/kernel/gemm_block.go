package kernel

import "unsafe"

// gemmScratch is the memory of one task: a block of B, a panel of A, a piece that
// is being converted, a block of sums.
type gemmScratch struct {
	buf        []byte
	tile       Tile
	work       gemmWork
	a, b, t, c unsafe.Pointer
}

// reserve points a, b, t and c at as many bytes, on lines of the cache.
func (s *gemmScratch) reserve(sizes [4]int) {
	total := 128 // alignment, and no pointer to the end
	for i := range sizes {
		sizes[i] = (sizes[i] + 63) &^ 63
		total += sizes[i]
	}
	if len(s.buf) < total {
		s.buf = make([]byte, total)
		Huge(s.buf)
	}
	at := unsafe.Pointer(unsafe.SliceData(s.buf))
	at = unsafe.Add(at, -uintptr(at)&63)
	for i, p := range [4]*unsafe.Pointer{&s.a, &s.b, &s.t, &s.c} {
		*p = at
		at = unsafe.Add(at, sizes[i])
	}
}

func (s *gemmScratch) free() {
	s.tile, s.work = Tile{}, gemmWork{}
	gemmScratches.put(s)
}

// gemmWork is a block of C and where its sums are formed.
type gemmWork struct {
	batch, row, col, rows, cols int
	sums                        unsafe.Pointer
	stride                      int // bytes between rows of sums
}

// task computes its share of C: some whole batches, or a block of one. Sums are
// formed in C itself or, where C has other elements or no unit stride, in scratch
// memory until they are complete.
func (pl *gemmPlan) task(i int) {
	s := gemmScratches.get()
	s.reserve([4]int{pl.aBytes, pl.bBytes, pl.tBytes, pl.cBytes})
	w := &s.work
	w.row = i % pl.rowTasks * pl.rows
	i /= pl.rowTasks
	w.col = pl.from + i%pl.colTasks*pl.cols
	batch := i / pl.colTasks * pl.batches
	w.rows, w.cols = min(pl.rows, pl.m-w.row), min(pl.cols, pl.n-w.col)
	for b := batch; b < min(batch+pl.batches, pl.batch); b++ {
		w.batch = b
		w.sums, w.stride = pl.c.at(b, w.row, w.col), pl.c.lane*pl.c.size
		if pl.staged {
			w.sums, w.stride = s.c, w.cols*pl.acc
		}
		pl.block(pl, s, w)
	}
	s.free()
}

// panels computes a block from panels of A and B, one block of K after another.
func (pl *gemmPlan) panels(s *gemmScratch, w *gemmWork) {
	t := &s.tile
	t.N, t.CRow = w.cols, w.stride
	pending := 0 // first row whose sums are complete and not handed on
	for k := 0; k < max(pl.k, 1); k += pl.kBlock {
		ks := pl.begin(t, k)
		last := k+ks >= pl.k
		pl.setB(s, w.batch, w.col, w.cols, k, ks)
		for i := 0; i < w.rows; i += pl.mr {
			r := min(pl.mr, w.rows-i)
			if !pl.a.inPlace {
				pl.panel(s, &pl.a, s.a, w.batch, w.row+i, r, k, ks)
			}
			pl.setA(s, 0, w.batch, w.row+i, k)
			t.C = unsafe.Add(w.sums, i*w.stride)
			pl.sweep(r, t)
			if last && ((i+r-pending)*w.cols >= gemmDone || i+r == w.rows) {
				pl.finish(w, pending, i+r-pending)
				pending = i + r
			}
		}
	}
}

// gemmDone is how many elements of C to collect for Done: half of the L1 cache.
const gemmDone = 4096

// begin prepares the tile for the block of K at k and returns its size.
func (pl *gemmPlan) begin(t *Tile, k int) int {
	ks := min(pl.kBlock, pl.k-k)
	t.K, t.Add = pl.steps(ks), min(k, 1) // the first block starts from zero
	return ks
}

// setB points the tile at columns col.. of B, rows k..k+ks.
func (pl *gemmPlan) setB(s *gemmScratch, batch, col, cols, k, ks int) {
	t, o := &s.tile, &pl.b
	if o.inPlace {
		t.B, t.BK, t.BPanel = o.at(batch, col, k), o.k*o.size, pl.nr*o.size
		return
	}
	t.BK, t.BPanel = pl.nr*pl.elem, t.K*pl.nr*pl.elem
	if pl.shared != nil {
		t.B = pl.sharedAt(k, t.BPanel, col)
		return
	}
	t.B = s.b
	pl.packB(s, s.b, batch, col, cols, k, ks)
}

// packB copies columns col.. of B, rows k..k+ks, into panels.
func (pl *gemmPlan) packB(s *gemmScratch, dst unsafe.Pointer, batch, col, cols, k, ks int) {
	panel := pl.steps(ks) * pl.nr * pl.elem
	for j := 0; j < cols; j += pl.nr {
		pl.panel(s, &pl.b, unsafe.Add(dst, j/pl.nr*panel), batch, col+j, min(pl.nr, cols-j), k, ks)
	}
}

// Shared panels lie one block of K after another, each with the columns of a chunk.
func (pl *gemmPlan) sharedAt(k, panel, col int) unsafe.Pointer {
	return unsafe.Add(pl.shared.b, k/pl.kBlock*pl.steps(pl.kBlock)*pl.chunk*pl.elem+(col-pl.from)/pl.nr*panel)
}

// steps is the length of a panel of ks elements of K.
func (pl *gemmPlan) steps(ks int) int { return (ks + pl.step - 1) / pl.step }

// packShared packs a piece of the chunk: gemmPiece columns, one block of K.
func (pl *gemmPlan) packShared(i int) {
	s := gemmScratches.get()
	s.reserve([4]int{2: pl.tBytes})
	blocks := (pl.k + pl.kBlock - 1) / pl.kBlock
	k, col := i%blocks*pl.kBlock, pl.from+i/blocks*gemmPiece
	ks := min(pl.kBlock, pl.k-k)
	cols := min(gemmPiece, pl.n-col, pl.from+pl.chunk-col)
	pl.packB(s, pl.sharedAt(k, pl.steps(ks)*pl.nr*pl.elem, col), 0, col, cols, k, ks)
	s.free()
}

const gemmPiece = 128

// setA points the tile at rows row.. of A from k on: where they lie, or in the panel
// at offset from of s.a.
func (pl *gemmPlan) setA(s *gemmScratch, from, batch, row, k int) {
	t, o := &s.tile, &pl.a
	if o.inPlace {
		t.A, t.ARow, t.AK = o.at(batch, row, k), o.lane*o.size, o.k*o.size
		return
	}
	t.A, t.ARow, t.AK = unsafe.Add(s.a, from), pl.elem, pl.mr*pl.elem
}

func (o *gemmOperand) at(batch, lane, k int) unsafe.Pointer {
	off := lane*o.lane + k*o.k
	if o.offs != nil {
		off += o.offs[batch]
	}
	return unsafe.Add(o.data, off*o.size)
}

// panel copies lanes lane.. and k.. of an operand to dst, converted:
// dst[k*width+lane].
func (pl *gemmPlan) panel(s *gemmScratch, o *gemmOperand, dst unsafe.Pointer, batch, lane, lanes, k, ks int) {
	if ks == 0 { // there may be no memory to point to
		return
	}
	src, laneStride, kStride := unsafe.Pointer(nil), o.lane, o.k
	switch f := o.fill; {
	case f == nil:
		src = o.at(batch, lane, k)
	case f.ByK && o.convert == nil && pl.step == 1:
		f.Piece(dst, o.width, batch, lane, lanes, k, ks)
		return
	case f.ByK:
		src, laneStride, kStride = s.t, 1, o.width
		f.Piece(src, o.width, batch, lane, lanes, k, ks)
	default:
		src, laneStride, kStride = s.t, pl.kBlock, 1
		f.Piece(src, pl.kBlock, batch, lane, lanes, k, ks)
	}
	switch { // elements are converted along the direction in which they follow each other
	case o.convert == nil:
		pl.pack(dst, o.width, src, laneStride, kStride, lanes, ks)
	case kStride == 1 && laneStride != 1 && src != s.t:
		for i := range lanes {
			o.convert(unsafe.Add(s.t, i*ks*pl.elem), unsafe.Add(src, i*laneStride*o.size), ks)
		}
		pl.pack(dst, o.width, s.t, ks, 1, lanes, ks)
	default:
		for i := range ks {
			d, line := unsafe.Add(dst, i*o.width*pl.elem), unsafe.Add(src, i*kStride*o.size)
			gemmConvert(o.convert, d, pl.elem, line, laneStride*o.size, lanes, laneStride == 1)
		}
	}
}

// gemmConvert converts n elements, some bytes apart, at once where they are runs of memory.
func gemmConvert(f Func1, dst unsafe.Pointer, dstStep int, src unsafe.Pointer, srcStep, n int, runs bool) {
	if runs {
		f(dst, src, n)
		return
	}
	for i := range n {
		f(unsafe.Add(dst, i*dstStep), unsafe.Add(src, i*srcStep), 1)
	}
}

// storeSums writes rows of sums in scratch memory to C.
func (pl *gemmPlan) storeSums(w *gemmWork, row, rows int) {
	c, sums := pl.c.at(w.batch, w.row+row, w.col), unsafe.Add(w.sums, row*w.stride)
	if pl.store == nil && pl.c.lane == 1 {
		Transpose(pl.acc)(c, sums, rows, w.cols, pl.c.k, w.stride/pl.acc)
		return
	}
	for i := range rows {
		d, s := unsafe.Add(c, i*pl.c.lane*pl.c.size), unsafe.Add(sums, i*w.stride)
		if pl.store == nil {
			Transpose(pl.acc)(d, s, 1, w.cols, pl.c.k, w.cols)
		} else {
			gemmConvert(pl.store, d, pl.c.k*pl.c.size, s, pl.acc, w.cols, pl.c.k == 1)
		}
	}
}

// finish stores rows of complete sums that lie in scratch memory and calls Done.
func (pl *gemmPlan) finish(w *gemmWork, row, rows int) {
	if pl.staged {
		pl.storeSums(w, row, rows)
	}
	switch {
	case pl.done == nil:
	case pl.swapped:
		pl.done(w.batch, w.col, w.row+row, w.cols, rows)
	default:
		pl.done(w.batch, w.row+row, w.col, rows, w.cols)
	}
}
