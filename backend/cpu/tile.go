package cpu

import (
	"sync"
	"unsafe"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/kernel"
)

// A tile program computes a cluster of element-wise operations and reductions in
// one pass over memory. Its domain is rows x cols elements in row-major order. It
// walks the domain in tiles of a few thousand elements that stay in the first
// cache: every instruction is one call of a vector loop on a tile, and only inputs
// and outputs of the cluster touch memory.
//
// Values have one of four forms: all elements of the tile, one element a row, one
// a column, or one for all. Softmax, layer norm, cross-entropy and their gradients
// become programs in which a reduction turns all elements into one a row, and later
// instructions spread it over the row again.
type form uint8

const (
	single form = iota
	perRow
	perCol
	every
)

// join is the form of an operation on two forms.
func join(a, b form) form {
	if a == single || a == b {
		return b
	}
	if b == single {
		return a
	}
	return every
}

// operand is one value of a tile program: where its tile lies.
type operand struct {
	form  form
	size  int  // bytes an element
	slot  int  // of the execution's memory; -1: in the scratch of the worker
	at    int  // byte offset: of the first element in the slot, or in the scratch
	fixed bool // its address does not follow the tile: read by a load, or a partial result
}

// action says how an instruction walks its tile.
type action uint8

const (
	flat1   action = iota // f1 over all elements of the form
	flat2                 // f2
	flat3                 // f3
	rows2                 // f2 row by row
	load                  // copy a strided view
	spread                // form -> every
	foldRow               // f1 reduces each row
	foldCol               // f2 accumulates rows into a partial result
	foldAll               // f1 reduces the tile, f2 accumulates
	chained               // chain: several operations in registers
)

// instruction is one vector loop on a tile.
type instruction struct {
	act     action
	op      compute.OpType // what it computes; of foldCol, of two rows
	form    form           // of what is computed
	dst     int            // operand numbers
	a, b, c int
	f1      kernel.Func1
	f2      kernel.Func2
	f3      kernel.Func3
	src     *strides // load
	group   int      // foldCol: rows that fold into one
	start   []byte   // foldCol: the value to begin with
	chain   *chain
}

// tile is a compiled program.
type tile struct {
	rows, cols int // of the domain; cols of a program without rows: all elements
	byRows     bool
	operands   []operand
	code       []instruction
	tileRows   int // rows a tile
	tileCols   int // columns a tile: cols when byRows
	scratch    int // bytes
	chunk      int // tiles a chunk, the unit of parallel work
	partials   []partial
	streams    bool      // it stores past the caches
	pool       sync.Pool // of *tileState
}

// partial is a result that all chunks contribute to: each chunk folds into its own
// copy, and the copies are folded in order at the end.
type partial struct {
	operand int // written in memory by the last fold
	slot    int // holds the copies
	bytes   int // of one copy
	f2      kernel.Func2
	n       int
	start   []byte // the value to begin with
}

// tileState is what one worker needs to run tiles.
type tileState struct {
	ptr     []unsafe.Pointer // of each operand's tile
	args    []unsafe.Pointer // of a chain
	scratch []byte
}

func (t *tile) state() *tileState {
	if s, ok := t.pool.Get().(*tileState); ok {
		return s
	}
	return &tileState{
		ptr: make([]unsafe.Pointer, len(t.operands)), args: make([]unsafe.Pointer, len(t.operands)),
		scratch: alignedBytes(t.scratch),
	}
}

// at is the address of byte i of memory.
func at(mem []byte, i int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(mem)), i)
}

// chunks is how many pieces of parallel work there are.
func (t *tile) chunks() int {
	per := t.chunk * t.tileRows
	if !t.byRows {
		return (t.cols + t.chunk*t.tileCols - 1) / (t.chunk * t.tileCols)
	}
	return (t.rows + per - 1) / per
}

// run computes the whole domain.
func (t *tile) run(r *run) error {
	n := t.chunks()
	r.do(n, func(i int) { t.runChunk(r, i) })
	for _, p := range t.partials {
		o := &t.operands[p.operand]
		dst := at(r.mem[o.slot], o.at)
		src := r.mem[p.slot]
		copy(unsafe.Slice((*byte)(dst), p.bytes), src[:p.bytes])
		for i := 1; i < n; i++ {
			p.f2(dst, dst, at(src, i*p.bytes), p.n)
		}
	}
	return nil
}

// block computes rows x cols elements of the domain from (row, col) on: what a matrix
// product has just written.
func (t *tile) block(r *run, row, col, rows, cols int) {
	s := t.state()
	defer t.pool.Put(s)
	t.begin(r, s, 0)
	if cols == t.cols && cols <= t.tileCols {
		for i := 0; i < rows; i += t.tileRows {
			t.step(r, s, row+i, min(t.tileRows, rows-i), 0, cols)
		}
		return
	}
	for i := range rows {
		for j := 0; j < cols; j += t.tileCols {
			t.step(r, s, row+i, 1, col+j, min(t.tileCols, cols-j))
		}
	}
}

func (t *tile) runChunk(r *run, i int) {
	s := t.state()
	defer t.pool.Put(s)
	t.begin(r, s, i)
	if t.streams {
		defer kernel.Fence()
	}
	if !t.byRows {
		from := i * t.chunk * t.tileCols
		to := min(t.cols, from+t.chunk*t.tileCols)
		for c := from; c < to; c += t.tileCols {
			t.step(r, s, 0, 1, c, min(t.tileCols, to-c))
		}
		return
	}
	from := i * t.chunk * t.tileRows
	to := min(t.rows, from+t.chunk*t.tileRows)
	for row := from; row < to; row += t.tileRows {
		t.step(r, s, row, min(t.tileRows, to-row), 0, t.cols)
	}
}

// begin readies the scratch and the chunk's own copies of partial results.
func (t *tile) begin(r *run, s *tileState, chunk int) {
	for i := range t.operands {
		if o := &t.operands[i]; o.slot < 0 {
			s.ptr[i] = at(s.scratch, o.at)
		} else if o.form == single {
			s.ptr[i] = at(r.mem[o.slot], o.at)
		}
	}
	for _, p := range t.partials {
		s.ptr[p.operand] = at(r.mem[p.slot], chunk*p.bytes)
		kernel.Fill(len(p.start))(s.ptr[p.operand], unsafe.Pointer(unsafe.SliceData(p.start)), p.n)
	}
}

// step runs the program on a tile: rows from row, columns from col. A tile of
// several rows has all columns.
func (t *tile) step(r *run, s *tileState, row, rows, col, cols int) {
	first := row*t.cols + col
	for i := range t.operands {
		o := &t.operands[i]
		if o.slot < 0 || o.fixed {
			continue
		}
		switch o.form {
		case every:
			s.ptr[i] = at(r.mem[o.slot], o.at+first*o.size)
		case perRow:
			s.ptr[i] = at(r.mem[o.slot], o.at+row*o.size)
		case perCol:
			s.ptr[i] = at(r.mem[o.slot], o.at+col*o.size)
		}
	}
	for i := range t.code {
		t.do(r, s, &t.code[i], row, rows, col, cols)
	}
}

// count is the number of elements that a form has in a tile.
func count(f form, rows, cols int) int {
	switch f {
	case every:
		return rows * cols
	case perRow:
		return rows
	case perCol:
		return cols
	}
	return 1
}

func (t *tile) do(r *run, s *tileState, in *instruction, row, rows, col, cols int) {
	if in.act == chained {
		t.runChain(s, in, rows, cols)
		return
	}
	dst := s.ptr[in.dst]
	switch in.act {
	case flat1:
		in.f1(dst, s.ptr[in.a], count(in.form, rows, cols))
	case flat2:
		in.f2(dst, s.ptr[in.a], s.ptr[in.b], count(in.form, rows, cols))
	case flat3:
		in.f3(dst, s.ptr[in.a], s.ptr[in.b], s.ptr[in.c], count(in.form, rows, cols))
	case rows2:
		t.byRow(s, in, rows, cols)
	case load:
		o := &t.operands[in.a]
		n, first := count(in.form, rows, cols), row*t.cols+col
		if in.form == perRow {
			first = row
		} else if in.form == perCol {
			first = col
		}
		in.src.copy(dst, at(r.mem[o.slot], o.at), first, n)
	case spread:
		t.spread(s, in, rows, cols)
	case foldRow:
		size := t.operands[in.dst].size
		step := t.operands[in.a].size * cols
		for i := range rows {
			in.f1(unsafe.Add(dst, i*size), unsafe.Add(s.ptr[in.a], i*step), cols)
		}
	case foldCol:
		t.foldCol(r, s, in, row, rows, cols)
	case foldAll:
		var one [16]byte
		p := unsafe.Pointer(&one)
		in.f1(p, s.ptr[in.a], count(in.form, rows, cols))
		in.f2(dst, dst, p, 1)
	}
}

// byRow runs a binary loop row by row, where one operand has one element a row or
// the same elements in every row.
func (t *tile) byRow(s *tileState, in *instruction, rows, cols int) {
	dst, d := s.ptr[in.dst], t.operands[in.dst].size*cols
	a, da := s.ptr[in.a], t.operands[in.a].rowStep(cols)
	b, db := s.ptr[in.b], t.operands[in.b].rowStep(cols)
	for i := range rows {
		in.f2(unsafe.Add(dst, i*d), unsafe.Add(a, i*da), unsafe.Add(b, i*db), cols)
	}
}

// rowStep is how far the next row's elements are, in bytes.
func (o *operand) rowStep(cols int) int {
	switch o.form {
	case every:
		return o.size * cols
	case perRow:
		return o.size
	}
	return 0
}

// spread writes out a value of one element a row, column or tile in full.
func (t *tile) spread(s *tileState, in *instruction, rows, cols int) {
	o := &t.operands[in.a]
	dst, src := s.ptr[in.dst], s.ptr[in.a]
	switch {
	case o.form == single:
		in.f1(dst, src, count(in.form, rows, cols))
	case o.form == perCol:
		for i := range rows {
			copy(unsafe.Slice((*byte)(unsafe.Add(dst, i*cols*o.size)), cols*o.size), unsafe.Slice((*byte)(src), cols*o.size))
		}
	default:
		for i := range rows {
			in.f1(unsafe.Add(dst, i*cols*o.size), unsafe.Add(src, i*o.size), cols)
		}
	}
}

// foldCol adds the rows of a tile to a partial result, or, where groups of rows
// fold into one row each, to that row in memory.
func (t *tile) foldCol(r *run, s *tileState, in *instruction, row, rows, cols int) {
	o := &t.operands[in.dst]
	step := t.operands[in.a].size * cols
	for i := range rows {
		dst := s.ptr[in.dst]
		if in.group < t.rows {
			k := row + i
			dst = at(r.mem[o.slot], o.at+k/in.group*cols*o.size)
			if k%in.group == 0 {
				kernel.Fill(o.size)(dst, unsafe.Pointer(unsafe.SliceData(in.start)), cols)
			}
		}
		in.f2(dst, dst, unsafe.Add(s.ptr[in.a], i*step), cols)
	}
}

// strides is a strided view, not of one element, ready to be copied in pieces.
type strides struct {
	axes []axis
	size int                                  // bytes an element
	line func(dst, src unsafe.Pointer, n int) // copies a run of the innermost axis
}

func newStrides(axes []axis, size int) *strides {
	return &strides{axes, size, lineLoop(size, size, axes[len(axes)-1].x*size)}
}

// copy writes elements first to first+n of the view to dst, densely. src is the
// address of the view's first element.
func (v *strides) copy(dst, src unsafe.Pointer, first, n int) {
	for w := walkFrom(v.axes, first); n > 0; {
		m := w.run(n)
		v.line(dst, unsafe.Add(src, w.x*v.size), m)
		w.on(m)
		dst, n = unsafe.Add(dst, m*v.size), n-m
	}
}
