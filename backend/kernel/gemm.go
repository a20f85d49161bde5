package kernel

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// Matrix products, from the outside in:
//
//	Product.Run     any strides, types, batches: splits C into tasks (gemm.go)
//	gemmPlan.task   one block of C: packs B, then panel by panel A (gemm_block.go)
//	Tile.Sweep      up to TileRows rows of A times a packed or strided B (assembly)
//
// A task keeps a block of B (gemmDepth rows, gemmCols columns) in the L2 cache and
// one panel of A in the L1 cache. Operands are copied into panels only where that
// pays or where the elements need conversion: Tile reads strided memory as well.
//
// Every element of C is the same chain of additions, whatever the shape around it:
// the K products in blocks of gemmDepth, each block one chain of fused
// multiply-adds in the order of k that starts from zero, and the blocks added one
// after another to C. A streaming kernel built on Tile and Pack keeps that law.

// Matrix is a strided view: element (i, j) of batch b lies at
// Data + (offset[b] + i*RowStride + j*ColStride) * element size.
type Matrix struct {
	Data                 unsafe.Pointer
	RowStride, ColStride int
}

// Source makes pieces of an operand that is nowhere in memory, for instance the
// columns of a convolution's input. A lane is a row of A or a column of B.
type Source struct {
	// Piece writes elements (lane..lane+lanes, k..k+ks) of a batch, in the operand's
	// type, to dst with ld elements from one line to the next. Many workers call it
	// at once.
	Piece func(dst unsafe.Pointer, ld, batch, lane, lanes, k, ks int)
	// ByK: a line of dst is one k and its lanes follow each other. Otherwise a line
	// is one lane and its k follow each other.
	ByK bool
}

// Product is C = A B for one or many batches. A is M x K, B is K x N. Running it only
// reads it.
type Product struct {
	M, N, K          int
	A, B, C          Matrix
	Batch            int   // 0 means 1
	AOff, BOff, COff []int // element offsets of each batch; nil: all zero

	// Type is that of A and B, Out that of C; InvalidDType: Type. Both are floats or both
	// integers; sums of halves are formed in float32 and rounded once.
	Type, Out dtypes.DType

	// FillA and FillB replace the memory of A and B.
	FillA, FillB *Source

	// Done is called once for every finished block of C, by the worker that wrote
	// it, while it is in cache. Blocks cover C exactly and do not overlap.
	Done func(batch, row, col, rows, cols int)
}

// Tile is the innermost product: C[rows x N] (+)= A[rows x K] B[K x N]. All strides
// are in bytes. A and B need only be readable where they have elements.
//
//	for i < rows, j < N:
//	    sum := 0, or C[i*CRow+j*size] where Add is 2
//	    for k < K: sum = fma(A[i*ARow+k*AK], B[j/nr*BPanel + k*BK + j%nr*size], sum)
//	    C[i*CRow+j*size] = sum, or += sum where Add is 1
//
// with nr = TileCols. The portable variant rounds after the product as well.
type Tile struct {
	K      int
	A      unsafe.Pointer
	ARow   int // between rows
	AK     int // between k
	B      unsafe.Pointer
	BK     int // between k
	BPanel int // between panels of TileCols columns
	C      unsafe.Pointer
	CRow   int // between rows
	N      int
	Add    int
}

// Sweep computes a float32 tile of at most TileRows rows.
func (t *Tile) Sweep(rows int) { gemmActive().sweep(rows, t) }

// TileRows and TileCols are the largest number of rows of a Tile, and the width of
// a panel of B.
func TileRows() int { return gemmActive().mr }
func TileCols() int { return gemmActive().nr }

// Pack copies float32 elements into a panel: dst[k*width+i] = src[i*lane+k*step] for
// i < lanes, k < ks. A panel of A has width TileRows, one of B TileCols. It may write
// anything to the unused lanes and to the 64 bytes after the panel.
func Pack(dst unsafe.Pointer, width int, src unsafe.Pointer, lane, step, lanes, ks int) {
	gemmActive().pack(dst, width, src, lane, step, lanes, ks)
}

// gemmOperand is A, B or C as tasks see it: lanes (rows of A and C, columns of B) by k
// (columns of C).
type gemmOperand struct {
	data    unsafe.Pointer
	lane, k int // strides in elements
	offs    []int
	fill    *Source
	size    int   // bytes of an element
	convert Func1 // to the type that is computed in; nil: not needed
	width   int   // lanes of a panel
	inPlace bool  // read where it lies
}

// gemmPlan is a Product that is being run.
type gemmPlan struct {
	*gemmKernel
	m, n, k, batch int
	a, b, c        gemmOperand
	store          Func1 // from the sums' type to C's; nil: the same
	staged         bool  // tasks sum in scratch memory and store at the end
	swapped        bool  // it computes the transpose
	done           func(batch, row, col, rows, cols int)

	rows, cols         int // of a task
	rowTasks, colTasks int
	batches            int // that a task runs one after another
	kBlock             int
	block              func(pl *gemmPlan, s *gemmScratch, w *gemmWork)

	chunk  int          // columns of B packed at a time for all tasks to share; 0: none
	from   int          // first column of the chunk
	shared *gemmScratch // holds the chunk

	aBytes, bBytes, tBytes, cBytes int // of scratch memory

	body, packBody func(int) // task and packShared, bound once
}

// gemmSpare keeps what products need between them: as many as ever ran at once.
type gemmSpare[T any] struct {
	sync.Mutex
	list []*T
}

func (l *gemmSpare[T]) get() *T {
	l.Lock()
	defer l.Unlock()
	n := len(l.list) - 1
	if n < 0 {
		return new(T)
	}
	v := l.list[n]
	l.list = l.list[:n]
	return v
}

func (l *gemmSpare[T]) put(v *T) {
	l.Lock()
	l.list = append(l.list, v)
	l.Unlock()
}

var (
	gemmPlans     gemmSpare[gemmPlan]
	gemmScratches gemmSpare[gemmScratch]
	gemmChunks    gemmSpare[gemmScratch] // large ones, for shared panels of B
)

// Run computes the product on whatever workers do has; a nil do means here.
func (p *Product) Run(do func(n int, body func(int))) {
	if p.M <= 0 || p.N <= 0 {
		return
	}
	pl := gemmPlans.get()
	if pl.body == nil {
		pl.body, pl.packBody = pl.task, pl.packShared
	}
	pl.set(p)
	pl.place()
	pl.run(do)
	*pl = gemmPlan{body: pl.body, packBody: pl.packBody}
	gemmPlans.put(pl)
}

func (pl *gemmPlan) set(p *Product) {
	out := p.Out
	if out == dtypes.InvalidDType {
		out = p.Type
	}
	if pl.gemmKernel = gemmKernelOf(p.Type, out); pl.gemmKernel == nil {
		panic(fmt.Sprintf("product of %s gives no %s", p.Type, out))
	}
	pl.m, pl.n, pl.k, pl.batch = p.M, p.N, max(p.K, 0), max(p.Batch, 1)
	pl.a = pl.operand(p.Type, p.A.Data, p.A.RowStride, p.A.ColStride, p.AOff, p.FillA)
	pl.b = pl.operand(p.Type, p.B.Data, p.B.ColStride, p.B.RowStride, p.BOff, p.FillB)
	pl.c.data, pl.c.lane, pl.c.k, pl.c.offs, pl.c.size = p.C.Data, p.C.RowStride, p.C.ColStride, p.COff, out.Size()
	pl.done = p.Done
	if pl.n == 1 {
		pl.c.k = 1
	}
	if pl.m == 1 {
		pl.c.lane = 1
	}
	if pl.n == 1 || pl.c.k != 1 && pl.c.lane == 1 || pl.thin() {
		// The transpose, B' A', has its rows where C has them in memory, or has rows
		// that are long enough for vectors.
		pl.swapped = true
		pl.m, pl.n, pl.a, pl.b = pl.n, pl.m, pl.b, pl.a
		pl.c.lane, pl.c.k = pl.c.k, pl.c.lane
	}
	pl.a.width, pl.b.width = pl.mr, pl.nr
	if !gemmSame(pl.dtype, out) {
		pl.store = Convert(pl.dtype, out)
	}
	pl.staged = pl.c.k != 1 || pl.store != nil
}

func (pl *gemmPlan) operand(t dtypes.DType, data unsafe.Pointer, lane, k int, offs []int, fill *Source) gemmOperand {
	if pl.k == 0 { // it has no elements, and no pointer may lead past its end
		lane, k, offs = 0, 0, nil
	}
	o := gemmOperand{data: data, lane: lane, k: k, offs: offs, fill: fill, size: t.Size()}
	if pl.step == 1 && !gemmSame(t, pl.dtype) {
		o.convert = Convert(t, pl.dtype)
	}
	return o
}
