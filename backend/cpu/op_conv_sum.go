package cpu

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/kernel"
)

// tiledSum is a convolution with a small result and long sums in which channels lie
// next to each other: the gradient of a kernel. It is the other half of tiled:
// there, runs of memory are along k, here along positions (the channels of the
// input) and columns (those of the output), and k goes along rows of the images. The
// innermost loops of a product read both operands where they are and skip what lies
// outside the input.
type tiledSum struct {
	*convolution
	segments []tileSegment
	ks       []patchAxis
	lines    int // rows of images, or parts of them
	chunks   int // so many are a row
	stepX    int // along a row, in the input
	stepW    int // and in the kernel, which here is an image as well
	tap      int // that the row moves along, or -1
	move     int
	at       int // lines at a time
}

// tileSegment are positions that are a run of the input and meet the same places.
type tileSegment struct {
	x, row, n int // elements from the first one; first position; positions
	pos       []int
}

const (
	segmentMin = 16      // positions that are worth a tile
	lineMin    = 16      // elements of k of a line
	lineCache  = 4 << 10 // elements of the kernel that stay in the L1 cache
)

// newTiledSum is nil if the convolution, which has one batch, is not of that kind.
func (v *convolution) newTiledSum() *tiledSum {
	if v.dtype != dtypes.Float32 || v.cols < 8 {
		return nil
	}
	column, stepW, ok := v.weights(convRange{}).plain()
	x := v.patches(convRange{0, v.sums, 1})
	run, line := x.lanes[len(x.lanes)-1], x.ks[len(x.ks)-1]
	length := run.n
	if run.tap >= 0 {
		length = run.grain
	}
	if !ok || column != 1 || run.pitch != 1 || length < segmentMin || line.n < lineMin || line.tap >= 0 && line.grain > 1 {
		return nil
	}
	d := &tiledSum{convolution: v, stepX: line.pitch, stepW: stepW, tap: line.tap, move: line.move}
	for _, r := range listRuns(x.lanes, v.rows, length, len(v.taps)) {
		d.segments = append(d.segments, tileSegment{r.x, r.k, r.n, r.first})
	}
	d.ks, d.chunks = x.ks, ceilDiv(line.n, tileRunMax)
	d.lines = v.sums / line.n * d.chunks
	d.at = max(1, min(len(tileLines{}), lineCache/(min(line.n, tileRunMax)*v.cols)))
	return d
}

// tileLines are the lines that are at work.
type tileLines [4]struct {
	x, k, n int   // elements from the first one; first element of k; elements
	pos     []int // what they add to each of the taps
	lo, hi  int   // elements that lie in the input
}

// setLines goes to lines from..to.
func (d *tiledSum) setLines(lines *tileLines, from, to int) {
	run := &d.ks[len(d.ks)-1]
	for i := from; i < to; i++ {
		var room [8]int
		l, first := &lines[i-from], i%d.chunks*tileRunMax
		l.k = i / d.chunks * run.n
		clear(l.pos)
		l.x = outerAt(d.ks, indices(d.ks, l.k, room[:0]), l.pos) + first*run.pitch
		l.k, l.n = l.k+first, min(tileRunMax, run.n-first)
		if run.tap >= 0 {
			l.pos[run.tap] += first * run.move
		}
	}
}

// sum computes the sums of lines from..to.
func (d *tiledSum) sum(out kernel.Matrix, from, to int) {
	wipe(out.Data, d.rows*d.cols*4)
	t := &kernel.Tile{ARow: 4, AK: d.stepX * 4, BK: d.stepW * 4, BPanel: kernel.TileCols() * 4, CRow: d.cols * 4, N: d.cols, Add: 1}
	var lines tileLines
	for i := range lines {
		lines[i].pos = make([]int, len(d.taps))
	}
	for ; from < to; from += d.at {
		n := min(d.at, to-from)
		d.setLines(&lines, from, from+n)
		for i := range d.segments {
			s := &d.segments[i]
			for j := range n {
				l := &lines[j]
				l.lo, l.hi = d.inside(s, l.pos, l.n)
			}
			tiles := ceilDiv(s.n, kernel.TileRows())
			for tile := range tiles {
				lane, end := tile*s.n/tiles, (tile+1)*s.n/tiles
				t.C = unsafe.Add(out.Data, (s.row+lane)*d.cols*4)
				for j := range n {
					l := &lines[j]
					if t.K = l.hi - l.lo; t.K <= 0 {
						continue
					}
					t.A = at(d.xData, (d.fromX+s.x+lane+l.x+l.lo*d.stepX)*4)
					t.B = at(d.wData, (d.fromW+(l.k+l.lo)*d.stepW)*4)
					t.Sweep(end - lane)
				}
			}
		}
	}
}

// inside is the part of a line of n elements for which the segment lies in the input.
func (d *tiledSum) inside(s *tileSegment, pos []int, n int) (lo, hi int) {
	lo, hi = 0, n
	for i, tap := range d.taps {
		p := tap.from + s.pos[i] + pos[i]
		switch {
		case i == d.tap:
			lo, hi = max(lo, ceilDiv(-p, d.move)), min(hi, floorDiv(tap.in-1-p, d.move)+1)
		case uint(p) >= uint(tap.in):
			return 0, 0
		}
	}
	return lo, hi
}
