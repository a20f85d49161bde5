package kernel

import "math"

// Shapes of work. All of this depends on the product alone, never on how many
// workers there are.
const (
	gemmDepth  = 256       // elements of K in a block: fixes the order of sums
	gemmGrain  = 1 << 20   // multiply-adds that are worth handing out
	gemmCoarse = 128 << 20 // multiply-adds that a task need not exceed
	gemmRows   = 96        // rows of a task whose block of C is read again for many blocks of K
)

// Variables, for tests to lower.
var (
	gemmCols  = 512      // columns of a task: with gemmDepth, B's share of the L2 cache
	gemmShare = 32 << 20 // multiply-adds from which tasks share packed B
	gemmChunk = 4 << 20  // elements of B packed at a time
)

// place divides the product into tasks and decides how they read their operands
// and what scratch memory they have.
func (pl *gemmPlan) place() {
	depth := gemmDepth * pl.step
	blocks := max(1, (pl.k+depth-1)/depth)
	pl.kBlock = max(8, gemmEven(pl.k, blocks, 8))
	pl.batches = 1
	if !pl.skinny() {
		pl.split()
	}
	pl.rowTasks = (pl.m + pl.rows - 1) / pl.rows
	pl.colTasks = (pl.n + pl.cols - 1) / pl.cols
	if !pl.a.inPlace || !pl.b.inPlace {
		pl.tBytes = max(pl.mr, pl.nr)*pl.kBlock*max(pl.a.size, pl.b.size, pl.elem) + 64
	}
	if pl.staged {
		pl.cBytes = pl.rows*pl.cols*pl.acc + 64
	}
}

// gemmEven is the size, a multiple of unit, of equal parts of n.
func gemmEven(n, parts, unit int) int {
	return max(1, ((n+parts-1)/parts+unit-1)/unit) * unit
}

// plain operands can be read where they lie.
func (pl *gemmPlan) plain(o *gemmOperand) bool {
	return pl.strided && o.convert == nil && o.fill == nil
}

// split divides C into blocks of rows and columns. Tasks are large enough to pay for
// handing them out, small enough to keep many workers busy to the end.
func (pl *gemmPlan) split() {
	pl.block = (*gemmPlan).panels
	work := int(min(float64(pl.m)*float64(pl.n)*float64(pl.k)*float64(pl.batch), 1<<62))
	want := max(1, min(int(2*math.Sqrt(float64(work/gemmGrain))), 16), work/gemmCoarse)
	rowTasks, colTasks := 1, (pl.n+gemmCols-1)/gemmCols
	share := pl.batch == 1 && work >= gemmShare && pl.m >= 8*pl.mr
	for pl.batch*rowTasks*colTasks < want {
		rows, cols := pl.m/rowTasks, pl.n/colTasks
		if rows >= 4*pl.mr && (share || rows >= cols/2) {
			rowTasks++
		} else if cols >= 4*pl.nr {
			colTasks++
		} else if rows >= 2*pl.mr {
			rowTasks++
		} else {
			break
		}
	}
	// C stays in the L2 cache beside B, also where its rows are a power of two apart and
	// so compete for few places. Where B does not fit a chunk, each task reads it from
	// memory, and fewer rows would cost more than they save.
	if share && pl.k > 3*gemmDepth*pl.step && pl.k*pl.n <= gemmChunk {
		rowTasks = max(rowTasks, (pl.m+gemmRows-1)/gemmRows)
	}
	pl.rows, pl.cols = gemmEven(pl.m, rowTasks, 2), gemmEven(pl.n, colTasks, pl.nr)
	if rowTasks*colTasks == 1 {
		pl.batches = max(1, pl.batch/want)
	}
	pl.a.inPlace = pl.plain(&pl.a) && (pl.cols <= 2*pl.nr || pl.a.lane == 1 && pl.cols <= 4*pl.nr)
	pl.b.inPlace = pl.plain(&pl.b) && pl.b.lane == 1 && pl.rows <= 4*pl.mr
	if share && rowTasks > 1 {
		pl.b.inPlace = false
		pl.chunk = max(1, gemmChunk/max(1, pl.k)/pl.cols) * pl.cols
	}
	if !pl.a.inPlace {
		pl.aBytes = pl.mr*pl.steps(pl.kBlock)*pl.elem + 64
	}
	if !pl.b.inPlace && pl.chunk == 0 {
		pl.bBytes = pl.cols*pl.steps(pl.kBlock)*pl.elem + 64
	}
}

// run hands the tasks to the workers, a chunk of shared B at a time where there is one.
func (pl *gemmPlan) run(do func(n int, body func(int))) {
	tasks := (pl.batch + pl.batches - 1) / pl.batches * pl.rowTasks
	if pl.chunk == 0 {
		pl.chunk = pl.n
		gemmDo(do, tasks*pl.colTasks, pl.body)
		return
	}
	pl.chunk = min(pl.chunk, pl.colTasks*pl.cols)
	pl.shared = gemmChunks.get()
	blocks := (pl.k + pl.kBlock - 1) / pl.kBlock
	pl.shared.reserve([4]int{1: blocks * pl.steps(pl.kBlock) * pl.chunk * pl.elem})
	for ; pl.from < pl.n; pl.from += pl.chunk {
		cols := min(pl.chunk, pl.n-pl.from)
		pl.colTasks = (cols + pl.cols - 1) / pl.cols
		gemmDo(do, blocks*((cols+gemmPiece-1)/gemmPiece), pl.packBody)
		gemmDo(do, tasks*pl.colTasks, pl.body)
	}
	gemmChunks.put(pl.shared)
}

func gemmDo(do func(n int, body func(int)), n int, body func(int)) {
	if n > 1 && do != nil {
		do(n, body)
		return
	}
	for i := range n {
		body(i)
	}
}
