package cpu

import (
	"slices"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// tiled is a convolution whose patches consist of long runs of memory, as they do
// where channels lie next to each other. The innermost loops of a product read such
// runs where they are: the patches of neighbours are one step of the input apart.
// Only patches that leave the input are copied, with the zeros outside.
type tiled struct {
	*convolution
	x             *patches
	row           convAxis // the positions of a row
	lines         int      // rows of a group
	runs          []tileRun
	panels        []byte // of the kernel: see kernel.Tile
	panel         int    // bytes of one
	perGroup      int    // panels
	block, narrow int    // rows of a task; columns at a time
}

// tileRun is a part of k (or of the positions) that has equal steps in the input.
type tileRun struct {
	x, k, n     int   // elements from the first one; first element of k; elements
	first, last []int // for each tap, how far its first and last element are
}

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
	d := &tiled{convolution: v, x: v.patches(convRange{0, v.sums, 1}), row: v.lanes[len(v.lanes)-1], lines: 1}
	_, _, isMatrix := d.x.plain()
	run := d.x.ks[len(d.x.ks)-1]
	if isMatrix || run.pitch != 1 || run.n < tileRunMin || d.row.n < tileRow {
		return false
	}
	lane, k, ok := v.weights(convRange{}).plain()
	if !ok {
		return false
	}
	d.x.byK = false
	for _, a := range v.lanes[:len(v.lanes)-1] {
		d.lines *= a.n
	}
	d.runs = listRuns(d.x.ks, v.sums, tileRunMax, len(v.taps))
	s := d.pack(c, lane, k)
	defer s.free()
	d.narrow = min(tileCols, v.cols)
	d.block = max(1, min(tileWork/(d.row.n*v.sums*v.cols), tileResults/(d.row.n*d.narrow)))
	blocks := ceilDiv(d.lines, d.block)
	ranges(c.do, v.groups*blocks, 1, func(lo, _ int) { d.task(lo/blocks, lo%blocks*d.block) })
	return true
}

// listRuns cuts the n elements of axes into runs of the innermost one, at most so
// long each, and says what they add to each of the taps.
func listRuns(axes []patchAxis, n, longest, taps int) (all []tileRun) {
	run := &axes[len(axes)-1]
	for k := 0; k < n; k += run.n {
		var at [8]int
		pos := make([]int, taps)
		x := outerAt(axes, indices(axes, k, at[:0]), pos)
		for from := 0; from < run.n; from += longest {
			r := tileRun{x + from*run.pitch, k + from, min(longest, run.n-from), slices.Clone(pos), slices.Clone(pos)}
			if run.tap >= 0 {
				r.first[run.tap] += from / run.grain * run.move
				r.last[run.tap] += (from + r.n - 1) / run.grain * run.move
			}
			all = append(all, r)
		}
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

// tileLine is a row of positions that a task works on.
type tileLine struct {
	x, o  int   // first element of the input and of the output
	pos   []int // for each tap, where the first position is
	begun bool  // its results hold sums
}

// task computes rows of a group.
func (d *tiled) task(group, line int) {
	lines := make([]tileLine, min(d.block, d.lines-line))
	for i := range lines {
		l := &lines[i]
		for _, t := range d.taps {
			l.pos = append(l.pos, t.from)
		}
		x, o := placeOf(d.lanes[:len(d.lanes)-1], line+i, l.pos)
		l.x, l.o = d.fromX+group*d.groupX+x, d.fromO+group*d.groupO+o
	}
	mr, nr := kernel.TileRows(), kernel.TileCols()
	s := borrow(mr * tileRunMax * 4)
	defer s.free()
	t := &kernel.Tile{AK: 4, BK: nr * 4, BPanel: d.panel, CRow: d.row.y * 4}
	for col := 0; col < d.cols; col += d.narrow {
		t.N = min(d.narrow, d.cols-col)
		for i := range d.runs {
			r := &d.runs[i]
			t.K, t.B = r.n, at(d.panels, (group*d.perGroup+col/nr)*d.panel+r.k*nr*4)
			for j := range lines {
				d.line(t, s, r, &lines[j], group, line+j, col)
			}
		}
		for j := range lines {
			l := &lines[j]
			for p := 0; p < d.row.n && !l.begun; p++ {
				wipe(at(d.out, (l.o+p*d.row.y+col)*4), t.N*4)
			}
			l.begun = false
		}
	}
}

// line adds a run of k to a row of results. The row is divided evenly, for tiles of
// few rows would be slow.
func (d *tiled) line(t *kernel.Tile, s *scratch, r *tileRun, l *tileLine, group, line, col int) {
	for i := range d.taps {
		if p := l.pos[i] + r.first[i]; i != d.row.tap && r.first[i] == r.last[i] && uint(p) >= uint(d.taps[i].in) {
			return // it lies outside for all positions
		}
	}
	t.Add = 0
	if l.begun {
		t.Add = 1
	}
	l.begun = true
	tiles := ceilDiv(d.row.n, kernel.TileRows())
	for i := range tiles {
		from, to := i*d.row.n/tiles, (i+1)*d.row.n/tiles
		t.C = at(d.out, (l.o+from*d.row.y+col)*4)
		if d.inside(r, l, from, to-1) {
			t.A, t.ARow = at(d.xData, (l.x+r.x+from*d.row.x)*4), d.row.x*4
		} else {
			t.A, t.ARow = at(s.data, 0), r.n*4
			d.x.piece(t.A, r.n, group*d.x.per, line*d.row.n+from, to-from, r.k, r.n)
		}
		t.Sweep(to - from)
	}
}

// inside says whether the run lies in the input for all of these positions.
func (d *tiled) inside(r *tileRun, l *tileLine, from, to int) bool {
	for i := range d.taps {
		first, last := l.pos[i]+r.first[i], l.pos[i]+r.last[i]
		if i == d.row.tap {
			first, last = first+from*d.row.move, last+to*d.row.move
		}
		if first < 0 || last >= d.taps[i].in {
			return false
		}
	}
	return true
}
