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
// innermost loops of a product read both operands where they are.
type tiledSum struct {
	*convolution
	segments []tileRun // of the positions
	ks       []axis
	lines    int // rows of images, or parts of them
	chunks   int // so many are a row
	stepX    int // along a row, in the input
	stepW    int // and in the kernel, which here is an image as well
	at       int // lines at a time
}

const (
	segmentMin = 16      // positions that are worth a tile
	lineMin    = 16      // elements of k of a line
	lineCache  = 8 << 10 // elements of the kernel that stay in the L1 cache
	linesMost  = 8
)

// newTiledSum is nil if the convolution, which has one batch, is not of that kind.
func (v *convolution) newTiledSum() *tiledSum {
	if v.dtype != dtypes.Float32 || v.cols < 8 {
		return nil
	}
	column, stepW, ok := v.weights(convRange{}).plain()
	x := v.patches(convRange{})
	run, line := x.lanes[len(x.lanes)-1], x.ks[len(x.ks)-1]
	if !ok || column != 1 || run.x != 1 || run.n < segmentMin || line.n < lineMin {
		return nil
	}
	d := &tiledSum{convolution: v, stepX: line.x, stepW: stepW, ks: x.ks, chunks: ceilDiv(line.n, tileRunMax)}
	d.segments = listRuns(x.lanes, v.rows, v.rows)
	d.lines = v.sums / line.n * d.chunks
	d.at = max(1, min(linesMost, lineCache/(min(line.n, tileRunMax)*v.cols)))
	return d
}

// setLines finds the lines from..to.
func (d *tiledSum) setLines(lines *[linesMost]tileRun, from, to int) {
	run := d.ks[len(d.ks)-1].n
	for i := from; i < to; i++ {
		first := i % d.chunks * tileRunMax
		k := i/d.chunks*run + first
		lines[i-from] = tileRun{walkFrom(d.ks, k).x, k, min(tileRunMax, run-first)}
	}
}

// sum computes the sums of lines from..to.
func (d *tiledSum) sum(out kernel.Matrix, from, to int) {
	wipe(out.Data, d.rows*d.cols*4)
	t := &kernel.Tile{ARow: 4, AK: d.stepX * 4, BK: d.stepW * 4, BPanel: kernel.TileCols() * 4, CRow: d.cols * 4, N: d.cols, Add: 1}
	var lines [linesMost]tileRun
	for ; from < to; from += d.at {
		n := min(d.at, to-from)
		d.setLines(&lines, from, from+n)
		for i := range d.segments {
			s := &d.segments[i]
			tiles := ceilDiv(s.n, kernel.TileRows())
			for tile := range tiles {
				lane, end := tile*s.n/tiles, (tile+1)*s.n/tiles
				t.C = unsafe.Add(out.Data, (s.k+lane)*d.cols*4)
				for j := range n {
					l := &lines[j]
					t.K, t.A, t.B = l.n, at(d.xData, (d.fromX+s.x+lane+l.x)*4), at(d.wData, (d.fromW+l.k*d.stepW)*4)
					t.Sweep(end - lane)
				}
			}
		}
	}
}
