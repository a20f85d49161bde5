package kernel

import "unsafe"

// gemmScratch is the memory of one task: a block of B, a panel of A, a piece that
// is being converted, a block of sums.
type gemmScratch struct {
	buf        []byte
	tile       Tile
	a, b, t, c unsafe.Pointer
}

func (pl *gemmPlan) scratch() *gemmScratch {
	s := gemmScratches.get()
	sizes := [4]int{pl.aBytes, pl.bBytes, pl.tBytes, pl.cBytes}
	total := 128 // alignment, and no pointer to the end
	for i := range sizes {
		sizes[i] = (sizes[i] + 63) &^ 63
		total += sizes[i]
	}
	if len(s.buf) < total {
		s.buf = make([]byte, total)
	}
	at := unsafe.Pointer(unsafe.SliceData(s.buf))
	at = unsafe.Add(at, -uintptr(at)&63)
	for i, p := range [4]*unsafe.Pointer{&s.a, &s.b, &s.t, &s.c} {
		*p = at
		at = unsafe.Add(at, sizes[i])
	}
	return s
}

func (s *gemmScratch) free() {
	s.tile = Tile{}
	gemmScratches.put(s)
}

// task computes its share of C: some whole batches, or a block of one.
func (pl *gemmPlan) task(i int) {
	s := pl.scratch()
	defer s.free()
	col := i % pl.colTasks * pl.cols
	i /= pl.colTasks
	row := i % pl.rowTasks * pl.rows
	batch := i / pl.rowTasks * pl.batches
	rows, cols := min(pl.rows, pl.m-row), min(pl.cols, pl.n-col)
	for b := batch; b < min(batch+pl.batches, pl.batch); b++ {
		pl.block(s, b, row, col, rows, cols)
	}
}

// block computes C[row:row+rows, col:col+cols] of one batch, one block of K after
// another. Sums go to C itself or, where C has other elements or no unit stride,
// to scratch memory until they are complete.
func (pl *gemmPlan) block(s *gemmScratch, batch, row, col, rows, cols int) {
	t := &s.tile
	c, cRow := pl.at(batch, row, col), pl.cRow*pl.cSize
	t.C, t.CRow = c, cRow
	if pl.staged {
		t.C, t.CRow = s.c, cols*pl.acc
		if pl.accumulate {
			pl.loadSums(s, c, rows, cols)
		}
	}
	sums := t.C
	t.N = cols
	pending := 0 // first row whose sums are complete and not handed on
	for k := 0; k < max(pl.k, 1); k += pl.kBlock {
		ks := min(pl.kBlock, pl.k-k)
		last := k+ks >= pl.k
		t.K = (ks + pl.step - 1) / pl.step
		t.Add = 0
		if k > 0 || pl.accumulate {
			t.Add = 1
		}
		pl.setB(s, batch, col, cols, k, ks)
		for i := 0; i < rows; i += pl.mr {
			r := min(pl.mr, rows-i)
			pl.setA(s, batch, row+i, r, k, ks)
			t.C = unsafe.Add(sums, i*t.CRow)
			pl.sweep(r, t)
			if last && ((i+r-pending)*cols >= 8192 || i+r == rows) {
				pl.finish(s, batch, row+pending, col, i+r-pending, cols, unsafe.Add(sums, pending*t.CRow))
				pending = i + r
			}
		}
	}
}

func (pl *gemmPlan) at(batch, row, col int) unsafe.Pointer {
	off := row*pl.cRow + col*pl.cCol
	if pl.cOff != nil {
		off += pl.cOff[batch]
	}
	return unsafe.Add(pl.c, off*pl.cSize)
}

// setB points the tile at columns col.. of B, rows k..k+ks.
func (pl *gemmPlan) setB(s *gemmScratch, batch, col, cols, k, ks int) {
	t, o := &s.tile, &pl.b
	if o.inPlace {
		t.B, t.BK, t.BPanel = o.at(batch, col, k), o.k*o.size, pl.nr*o.size
		return
	}
	t.B, t.BK, t.BPanel = s.b, pl.nr*pl.elem, t.K*pl.nr*pl.elem
	for j := 0; j < cols; j += pl.nr {
		pl.panel(s, o, unsafe.Add(s.b, j/pl.nr*t.BPanel), batch, col+j, min(pl.nr, cols-j), k, ks)
	}
}

// setA points the tile at rows row.. of A, columns k..k+ks.
func (pl *gemmPlan) setA(s *gemmScratch, batch, row, rows, k, ks int) {
	t, o := &s.tile, &pl.a
	if o.inPlace {
		t.A, t.ARow, t.AK = o.at(batch, row, k), o.lane*o.size, o.k*o.size
		return
	}
	t.A, t.ARow, t.AK = s.a, pl.elem, pl.mr*pl.elem
	pl.panel(s, o, s.a, batch, row, rows, k, ks)
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
	if o.convert == nil {
		pl.pack(dst, o.width, src, laneStride, kStride, lanes, ks)
		return
	}
	pl.converted(s, o, dst, src, laneStride, kStride, lanes, ks)
}

// converted is panel for elements of another type. It converts along the
// direction in which they follow each other in memory.
func (pl *gemmPlan) converted(s *gemmScratch, o *gemmOperand, dst, src unsafe.Pointer, lane, k, lanes, ks int) {
	switch {
	case lane == 1:
		for i := range ks {
			o.convert(unsafe.Add(dst, i*o.width*pl.elem), unsafe.Add(src, i*k*o.size), lanes)
		}
	case k == 1 && src != s.t:
		for i := range lanes {
			o.convert(unsafe.Add(s.t, i*ks*pl.elem), unsafe.Add(src, i*lane*o.size), ks)
		}
		pl.pack(dst, o.width, s.t, ks, 1, lanes, ks)
	default:
		for i := range ks {
			for j := range lanes {
				o.convert(unsafe.Add(dst, (i*o.width+j)*pl.elem), unsafe.Add(src, (i*k+j*lane)*o.size), 1)
			}
		}
	}
}

// loadSums reads a block of C into scratch memory.
func (pl *gemmPlan) loadSums(s *gemmScratch, c unsafe.Pointer, rows, cols int) {
	for i := range rows {
		pl.line(pl.load, unsafe.Add(s.c, i*cols*pl.acc), pl.acc, unsafe.Add(c, i*pl.cRow*pl.cSize), pl.cCol*pl.cSize, cols)
	}
}

// finish stores complete sums that lie in scratch memory and calls Done.
func (pl *gemmPlan) finish(s *gemmScratch, batch, row, col, rows, cols int, sums unsafe.Pointer) {
	if pl.staged {
		c := pl.at(batch, row, col)
		for i := range rows {
			pl.line(pl.store, unsafe.Add(c, i*pl.cRow*pl.cSize), pl.cCol*pl.cSize, unsafe.Add(sums, i*cols*pl.acc), pl.acc, cols)
		}
	}
	switch {
	case pl.done == nil:
	case pl.swapped:
		pl.done(batch, col, row, cols, rows)
	default:
		pl.done(batch, row, col, rows, cols)
	}
}

// line copies n elements between sums and C, strides in bytes.
func (pl *gemmPlan) line(convert Func1, dst unsafe.Pointer, dstStride int, src unsafe.Pointer, srcStride, n int) {
	if convert == nil {
		convert = pl.move
	}
	if pl.cCol == 1 {
		convert(dst, src, n)
		return
	}
	for i := range n {
		convert(unsafe.Add(dst, i*dstStride), unsafe.Add(src, i*srcStride), 1)
	}
}
