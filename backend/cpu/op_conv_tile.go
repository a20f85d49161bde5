package cpu

import (
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// tiled is a convolution whose patches consist of long runs of memory, as they do
// where channels lie next to each other. The innermost loops of a product read such
// runs where they are: the patches of neighbours are one step of the input apart.
type tiled struct {
	*convolution
	row           axis // the positions of a row
	lines         int  // rows of a group
	runs          []tileRun
	panels        []byte // of the kernel: see kernel.Tile
	panel         int    // bytes of one
	perGroup      int    // panels
	block, narrow int    // rows of a task; columns at a time
}

// tileRun is a part of k (or of the positions) that has equal steps in the input.
type tileRun struct{ x, k, n int } // elements from the first one; first element of k; elements

const (
	tileRunMin  = 32      // elements of a run that need no copy
	tileRunMax  = 256     // elements of a run at a time
	tileRow     = 4       // positions of a row that make a tile
	tileCols    = 256     // columns at a time: with tileRunMax, the kernel's share of the L2 cache
	tileWork    = 4 << 20 // multiply-adds of a task
	tileResults = 1 << 15 // results of a task at most, for they stay in the L2 cache
)

// runTiled computes the convolution if it is of that kind.
func (v *convolution) runTiled(c *call) bool {
	if v.dtype != dtypes.Float32 || v.colO != 1 || v.cols < 8 || len(v.lanes) == 0 {
		return false
	}
	last := len(v.lanes) - 1
	d := &tiled{convolution: v, row: v.lanes[last], lines: elements(v.lanes[:last])}
	x := v.patches(convRange{})
	_, _, isMatrix := x.plain()
	run := x.ks[len(x.ks)-1]
	lane, k, ok := v.weights(convRange{}).plain()
	if isMatrix || !ok || run.x != 1 || run.n < tileRunMin || d.row.n < tileRow {
		return false
	}
	d.runs = listRuns(x.ks, v.sums, tileRunMax)
	s := d.pack(c, lane, k)
	defer s.free()
	d.narrow = min(tileCols, v.cols)
	d.block = max(1, min(tileWork/(d.row.n*v.sums*v.cols), tileResults/(d.row.n*d.narrow)))
	blocks := ceilDiv(d.lines, d.block)
	ranges(c.do, v.groups*blocks, 1, func(lo, _ int) { d.task(lo/blocks, lo%blocks*d.block) })
	return true
}

// listRuns cuts the n elements of axes into runs of the innermost one, at most so
// long each.
func listRuns(axes []axis, n, longest int) (all []tileRun) {
	w := walkFrom(axes, 0)
	for k := 0; k < n; {
		// A run that is longer is cut into equal parts.
		whole := axes[len(axes)-1].n
		m := w.run(ceilDiv(whole, ceilDiv(whole, longest)))
		all = append(all, tileRun{w.x, k, m})
		w.on(m)
		k += m
	}
	return all
}

// pack copies the kernel into panels.
func (d *tiled) pack(c *call, lane, k int) *scratch {
	nr := kernel.TileCols()
	d.perGroup = ceilDiv(d.cols, nr)
	d.panel = d.sums*nr*4 + 64 // Pack writes a little more
	s := borrow(d.groups * d.perGroup * d.panel)
	d.panels = s.data
	ranges(c.do, d.groups*d.perGroup, perTask(d.panel), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			col := i % d.perGroup * nr
			from := d.fromW + i/d.perGroup*d.groupW + col*lane
			kernel.Pack(at(d.panels, i*d.panel), nr, at(d.wData, from*4), lane, k, min(nr, d.cols-col), d.sums)
		}
	})
	return s
}

// task computes rows of a group. A row is divided evenly, for tiles of few positions
// would be slow.
func (d *tiled) task(group, line int) {
	last := len(d.lanes) - 1
	nr, tiles := kernel.TileCols(), ceilDiv(d.row.n, kernel.TileRows())
	t := &kernel.Tile{ARow: d.row.x * 4, AK: 4, BK: nr * 4, BPanel: d.panel, CRow: d.row.y * 4}
	for col := 0; col < d.cols; col += d.narrow {
		t.N = min(d.narrow, d.cols-col)
		for i := range d.runs {
			r := &d.runs[i]
			t.K, t.B, t.Add = r.n, at(d.panels, (group*d.perGroup+col/nr)*d.panel+r.k*nr*4), min(i, 1)
			for j, w := line, walkFrom(d.lanes[:last], line); j < min(line+d.block, d.lines); j++ {
				x, o := w.x+d.fromX+group*d.groupX+r.x, w.y+d.fromO+group*d.groupO+col
				w.on(1)
				for k := range tiles {
					from, to := k*d.row.n/tiles, (k+1)*d.row.n/tiles
					t.A, t.C = at(d.xData, (x+from*d.row.x)*4), at(d.out, (o+from*d.row.y)*4)
					t.Sweep(to - from)
				}
			}
		}
	}
}
