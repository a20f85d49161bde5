package kernel

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// A product of few rows reads each element of B once or twice, so that copying B
// would cost more than multiplying it. Where it lies in runs along its rows, rows
// goes through these runs; where in runs along its columns, lines turns 16 columns
// in registers. Both keep the order of sums.

const (
	gemmStreamSize = 1 << 18 // elements of B that are worth a task
	gemmStreamRun  = 1024    // columns that make streaming worthwhile
)

// streamDepth is how many rows of B to stream at once: few enough that memory sees
// long runs, or a whole block of K where B stays in a cache.
func (pl *gemmPlan) streamDepth() int {
	size := pl.n * pl.k
	if size <= 1<<18 || pl.m > 4 && size <= 1<<22 {
		return pl.kBlock
	}
	return 8
}

// thin reports whether so few columns are better computed as rows of the transpose.
func (pl *gemmPlan) thin() bool {
	return pl.n <= 4 && pl.m >= 32 && pl.k >= 64 && pl.plain(&pl.a) && (pl.a.lane == 1 || pl.a.k == 1 && pl.lines != nil)
}

// skinny plans a product of few rows, and reports whether it is one.
func (pl *gemmPlan) skinny() bool {
	if !pl.plain(&pl.b) || pl.m > max(pl.mr, 16) || pl.k == 0 {
		return false
	}
	parts := min(16, pl.n*pl.k/gemmStreamSize)
	switch {
	case pl.b.lane == 1 && (pl.m <= pl.mr || pl.plain(&pl.a)):
		pl.block = (*gemmPlan).rowRuns
		parts = min(parts, pl.n/gemmStreamRun)
	case pl.b.k == 1 && pl.m <= pl.mr && pl.n >= 16 && pl.lines != nil:
		pl.block = (*gemmPlan).lineRuns
	default:
		return false
	}
	pl.rows, pl.cols = pl.m, gemmEven(pl.n, max(1, parts), pl.nr)
	if pl.n <= pl.cols {
		pl.batches = max(1, min(pl.batch, gemmStreamSize/(pl.n*pl.k)))
	}
	pl.b.inPlace = pl.b.lane == 1
	pl.a.inPlace = pl.plain(&pl.a) && (pl.m == 1 || pl.m > pl.mr || pl.k <= 16)
	if !pl.a.inPlace {
		pl.aBytes = (pl.k+pl.kBlock)*pl.mr*pl.elem + 64
	}
	pl.bBytes = max(pl.m*pl.cols*pl.acc, pl.nr*pl.kBlock*pl.elem) + 64
	return true
}

// packRows packs all of A, unless it is read where it lies.
func (pl *gemmPlan) packRows(s *gemmScratch, w *gemmWork) {
	if pl.a.inPlace {
		return
	}
	for k := 0; k < pl.k; k += pl.kBlock {
		pl.panel(s, &pl.a, unsafe.Add(s.a, k*pl.mr*pl.elem), w.batch, w.row, w.rows, k, min(pl.kBlock, pl.k-k))
	}
}

// lineRuns computes a block from columns of B that are runs of memory, 16 columns at
// a time and all of K for these.
func (pl *gemmPlan) lineRuns(s *gemmScratch, w *gemmWork) {
	pl.packRows(s, w)
	t := &s.tile
	t.CRow = w.stride
	whole := w.cols &^ 15
	for j := 0; j < w.cols; j += 16 {
		for k := 0; k < pl.k; k += pl.kBlock {
			ks := pl.begin(t, k)
			pl.setA(s, k*pl.mr*pl.elem, w.batch, w.row, k)
			t.C = unsafe.Add(w.sums, j*pl.acc)
			if j == whole {
				t.N = w.cols - j
				pl.setB(s, w.batch, w.col+j, t.N, k, ks)
				pl.sweep(w.rows, t)
				continue
			}
			t.B, t.BK = pl.b.at(w.batch, w.col+j, k), pl.b.lane*pl.b.size
			pl.lines(w.rows, t)
		}
	}
	pl.finish(w, 0, w.rows)
}

var gemmAdd = Binary(compute.OpTypeAdd, dtypes.Float32, VV)

// rowRuns computes a block from rows of B that are runs of memory, few of them at a
// time. The chains of a block of K are kept in C itself if nothing is to be added,
// else in scratch memory.
func (pl *gemmPlan) rowRuns(s *gemmScratch, w *gemmWork) {
	pl.packRows(s, w)
	t := &s.tile
	t.N = w.cols
	t.BK, t.BPanel = pl.b.k*pl.b.size, pl.nr*pl.b.size
	depth := pl.streamDepth()
	for k := 0; k < pl.k; k += pl.kBlock {
		ks := pl.begin(t, k)
		pl.setA(s, k*pl.mr*pl.elem, w.batch, w.row, k)
		t.C, t.CRow = w.sums, w.stride
		apart := t.Add != 0 && depth < ks
		if apart {
			t.C, t.CRow, t.Add = s.b, w.cols*pl.acc, 0
		}
		a, c := t.A, t.C
		for at := 0; at < ks; at += depth {
			t.K = min(depth, ks-at)
			t.B = pl.b.at(w.batch, w.col, k+at)
			for i := 0; i < w.rows; i += pl.mr {
				t.A, t.C = unsafe.Add(a, i*t.ARow+at*t.AK), unsafe.Add(c, i*t.CRow)
				pl.sweep(min(pl.mr, w.rows-i), t)
			}
			t.Add = 2
		}
		for i := 0; apart && i < w.rows; i++ {
			c := unsafe.Add(w.sums, i*w.stride)
			gemmAdd(c, c, unsafe.Add(s.b, i*t.CRow), w.cols)
		}
	}
	pl.finish(w, 0, w.rows)
}
