package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
)

// gemmVariants runs a test on every variant that this machine has.
func gemmVariants(t *testing.T, test func(t *testing.T)) {
	best := active
	defer func() { active = best }()
	for l := portable; l <= best; l++ {
		active = l
		t.Run(Variant(), test)
	}
}

// gemmMemory is an operand of a test: elements of any type, read and written as
// float64, in memory with guards around it.
type gemmMemory struct {
	Matrix
	dtype      dtypes.DType
	bytes      []byte
	batch, off int // elements from one batch to the next, elements before the first
	offs       []int
	size       int
}

func (m *gemmMemory) index(batch, i, j int) int {
	return m.off + batch*m.batch + i*m.RowStride + j*m.ColStride
}

func (m *gemmMemory) at(batch, i, j int) float64 {
	return gemmGet(m.dtype, m.bytes, m.index(batch, i, j))
}

// decode returns all elements as float64.
func (m *gemmMemory) decode() []float64 {
	values := make([]float64, m.size)
	for i := range values {
		values[i] = gemmGet(m.dtype, m.bytes, i)
	}
	return values
}

func gemmGet(t dtypes.DType, bytes []byte, i int) float64 {
	p := unsafe.Pointer(&bytes[i*t.Size()])
	switch t {
	case dtypes.Float32:
		return float64(*(*float32)(p))
	case dtypes.Float64:
		return *(*float64)(p)
	case dtypes.Float16:
		return float64((*(*float16.Float16)(p)).Float32())
	case dtypes.BFloat16:
		return float64((*(*bfloat16.BFloat16)(p)).Float32())
	case dtypes.Int8:
		return float64(*(*int8)(p))
	case dtypes.Uint8:
		return float64(*(*uint8)(p))
	case dtypes.Int16:
		return float64(*(*int16)(p))
	case dtypes.Uint16:
		return float64(*(*uint16)(p))
	case dtypes.Int32:
		return float64(*(*int32)(p))
	case dtypes.Uint32:
		return float64(*(*uint32)(p))
	case dtypes.Int64:
		return float64(*(*int64)(p))
	case dtypes.Uint64:
		return float64(*(*uint64)(p))
	}
	panic(t.String())
}

func gemmSet(t dtypes.DType, bytes []byte, i int, v float64) {
	p := unsafe.Pointer(&bytes[i*t.Size()])
	switch t {
	case dtypes.Float32:
		*(*float32)(p) = float32(v)
	case dtypes.Float64:
		*(*float64)(p) = v
	case dtypes.Float16:
		*(*float16.Float16)(p) = float16.FromFloat32(float32(v))
	case dtypes.BFloat16:
		*(*bfloat16.BFloat16)(p) = bfloat16.FromFloat32(float32(v))
	case dtypes.Int8:
		*(*int8)(p) = int8(v)
	case dtypes.Uint8:
		*(*uint8)(p) = uint8(v)
	case dtypes.Int16:
		*(*int16)(p) = int16(v)
	case dtypes.Uint16:
		*(*uint16)(p) = uint16(v)
	case dtypes.Int32:
		*(*int32)(p) = int32(v)
	case dtypes.Uint32:
		*(*uint32)(p) = uint32(v)
	case dtypes.Int64:
		*(*int64)(p) = int64(v)
	case dtypes.Uint64:
		*(*uint64)(p) = uint64(v)
	default:
		panic(t.String())
	}
}

// gemmLayout draws strides for rows x cols; an output has no two elements in one
// place.
func gemmLayout(r *rand.Rand, t dtypes.DType, batch, rows, cols int, output bool) *gemmMemory {
	m := &gemmMemory{dtype: t, off: r.IntN(40)}
	pad := 0
	if r.IntN(2) == 0 {
		pad = r.IntN(20)
	}
	kinds := 6
	if output {
		kinds = 4
	}
	switch r.IntN(kinds) {
	case 0, 1:
		m.RowStride, m.ColStride = cols+pad, 1
	case 2:
		m.RowStride, m.ColStride = 1, rows+pad
	case 3:
		m.RowStride, m.ColStride = 2*(cols+pad), 2
	case 4:
		m.RowStride, m.ColStride = 0, 1
	case 5:
		m.RowStride, m.ColStride = 1, 0
	}
	m.batch = rows*m.RowStride + cols*m.ColStride + r.IntN(10)
	m.allocate(batch)
	return m
}

func (m *gemmMemory) allocate(batch int) {
	m.size = m.off + batch*m.batch + 64
	words := make([]uint64, (m.size*m.dtype.Size()+7)/8)
	m.bytes = unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	Huge(m.bytes)
	m.Data = unsafe.Pointer(&m.bytes[0])
	for b := range batch {
		m.offs = append(m.offs, m.off+b*m.batch)
	}
}

func (m *gemmMemory) fill(r *rand.Rand) *gemmMemory {
	for i := range m.size {
		if m.dtype.IsFloat() {
			gemmSet(m.dtype, m.bytes, i, r.NormFloat64())
		} else {
			gemmSet(m.dtype, m.bytes, i, float64(r.IntN(100)))
		}
	}
	return m
}

// gemmWorkers runs a loop on n goroutines, in an order that varies.
func gemmWorkers(workers int) func(n int, body func(int)) {
	return func(n int, body func(int)) {
		order := rand.Perm(n)
		var wait sync.WaitGroup
		for w := range workers {
			wait.Go(func() {
				for i := w; i < n; i += workers {
					body(order[i])
				}
			})
		}
		wait.Wait()
	}
}

// gemmCheck runs a product and compares it with the scalar loop in float64: every
// element, everything between and around them, and the calls of Done.
func gemmCheck(t *testing.T, p *Product, a, b, c *gemmMemory, do func(int, func(int))) {
	t.Helper()
	batch := max(p.Batch, 1)
	p.A, p.B, p.C, p.AOff, p.BOff, p.COff = a.Matrix, b.Matrix, c.Matrix, a.offs, b.offs, c.offs
	p.Type, p.Out = a.dtype, c.dtype
	before := append([]byte(nil), c.bytes...)
	done := make([]int32, batch*p.M*p.N)
	var mu sync.Mutex
	p.Done = func(batch, row, col, rows, cols int) {
		mu.Lock()
		defer mu.Unlock()
		for i := row; i < row+rows; i++ {
			for j := col; j < col+cols; j++ {
				done[(batch*p.M+i)*p.N+j]++
			}
		}
	}
	p.Run(do)
	what := fmt.Sprintf("%d of %dx%dx%d %s %s strides %d,%d %d,%d %d,%d", batch, p.M, p.N, p.K,
		p.Type, p.Out, a.RowStride, a.ColStride, b.RowStride, b.ColStride, c.RowStride, c.ColStride)
	size := c.dtype.Size()
	av, bv := a.decode(), b.decode()
	for n := range batch {
		for i := range p.M {
			for j := range p.N {
				at := c.index(n, i, j)
				want, scale := 0.0, 0.0
				ai, bj := a.index(n, i, 0), b.index(n, 0, j)
				for range p.K {
					v := av[ai] * bv[bj]
					want += v
					scale += math.Abs(v)
					ai += a.ColStride
					bj += b.RowStride
				}
				if got := c.at(n, i, j); !gemmClose(c.dtype, got, want, scale, p.K) {
					t.Fatalf("%s: element %d %d,%d is %g, want %g", what, n, i, j, got, want)
				}
				if d := done[(n*p.M+i)*p.N+j]; d != 1 {
					t.Fatalf("%s: element %d %d,%d was reported done %d times", what, n, i, j, d)
				}
				copy(before[at*size:(at+1)*size], c.bytes[at*size:])
			}
		}
	}
	for i := range before {
		if before[i] != c.bytes[i] {
			t.Fatalf("%s: a byte outside C was written", what)
		}
	}
}

// gemmClose allows the rounding of any order of k additions, and of the output.
func gemmClose(t dtypes.DType, got, want, scale float64, k int) bool {
	bits := map[dtypes.DType]float64{dtypes.Float32: 24, dtypes.Float64: 52, dtypes.Float16: 11, dtypes.BFloat16: 8}[t]
	if bits == 0 {
		wrap := make([]byte, 8)
		gemmSet(dtypes.Int64, wrap, 0, want)
		return got == gemmGet(t, wrap, 0)
	}
	allowed := math.Abs(want)*math.Exp2(-bits) + scale*float64(k+4)*math.Exp2(-min(24, bits))
	if t == dtypes.Float16 || t == dtypes.BFloat16 {
		allowed = math.Abs(want)*math.Exp2(-bits) + scale*float64(k+4)*math.Exp2(-24) + 1e-7
	}
	return math.Abs(got-want) <= allowed
}

func TestProductRagged(t *testing.T) {
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, uint64(active)))
		for turn := range 600 {
			p := &Product{M: 1 + r.IntN(70), N: 1 + r.IntN(70), K: r.IntN(70), Batch: r.IntN(4)}
			switch turn % 10 {
			case 0:
				p.K = 200 + r.IntN(500)
			case 1:
				p.M = 1
			case 2:
				p.N = 1
			case 3:
				p.N, p.M = 1+r.IntN(700), 1+r.IntN(6)
			case 4:
				p.M, p.N, p.K = 1+r.IntN(700), 1+r.IntN(6), 40+r.IntN(60)
			}
			n := max(p.Batch, 1)
			a := gemmLayout(r, dtypes.Float32, n, p.M, p.K, false).fill(r)
			b := gemmLayout(r, dtypes.Float32, n, p.K, p.N, false).fill(r)
			c := gemmLayout(r, dtypes.Float32, n, p.M, p.N, true).fill(r)
			gemmCheck(t, p, a, b, c, []func(int, func(int)){nil, gemmWorkers(3)}[turn&1])
		}
	})
}

func TestProductLarge(t *testing.T) {
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, uint64(active)))
		for turn := range 6 {
			p := &Product{M: 100 + r.IntN(300), N: 100 + r.IntN(700), K: 100 + r.IntN(300)}
			if turn > 3 {
				p.M, p.N, p.K = 1+r.IntN(14), 1100+r.IntN(1000), 300+r.IntN(300)
			}
			a := gemmLayout(r, dtypes.Float32, 1, p.M, p.K, false).fill(r)
			b := gemmLayout(r, dtypes.Float32, 1, p.K, p.N, false).fill(r)
			for turn > 3 && b.ColStride != 1 { // runs along rows
				b = gemmLayout(r, dtypes.Float32, 1, p.K, p.N, false).fill(r)
			}
			c := gemmLayout(r, dtypes.Float32, 1, p.M, p.N, true).fill(r)
			gemmCheck(t, p, a, b, c, gemmWorkers(2))
		}
	})
}

// Tasks that share panels of B, chunk by chunk.
func TestProductShared(t *testing.T) {
	share, chunk := gemmShare, gemmChunk
	defer func() { gemmShare, gemmChunk = share, chunk }()
	gemmShare = 1
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(10, uint64(active)))
		for turn := range 12 {
			gemmChunk = r.IntN(100_000)
			p := &Product{M: 120 + r.IntN(100), N: 300 + r.IntN(1000), K: 50 + r.IntN(400)}
			dtype := []dtypes.DType{dtypes.Float32, dtypes.BFloat16}[turn%2]
			a := gemmLayout(r, dtype, 1, p.M, p.K, false).fill(r)
			b := gemmLayout(r, dtype, 1, p.K, p.N, false).fill(r)
			c := gemmLayout(r, dtypes.Float32, 1, p.M, p.N, true).fill(r)
			gemmCheck(t, p, a, b, c, []func(int, func(int)){nil, gemmWorkers(3)}[turn&1])
		}
	})
}

func TestProductTypes(t *testing.T) {
	const (
		f64, f32, f16, b16 = dtypes.Float64, dtypes.Float32, dtypes.Float16, dtypes.BFloat16
		i8, u8, i32, u32   = dtypes.Int8, dtypes.Uint8, dtypes.Int32, dtypes.Uint32
		i16, i64, u64      = dtypes.Int16, dtypes.Int64, dtypes.Uint64
	)
	types := [][2]dtypes.DType{
		{b16, f32}, {b16, b16}, {b16, f16}, {f16, f32}, {f16, f16}, {f32, b16}, {f32, f16}, {f64, f64}, {f32, f64}, {f64, f32},
		{i8, i32}, {u8, i32}, {i8, i8}, {u8, u8}, {i16, i16}, {i32, i32}, {u32, u32}, {i64, i64}, {u64, u64}, {i32, i64},
	}
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, uint64(active)))
		for _, types := range types {
			for turn := range 24 {
				p := &Product{M: 1 + r.IntN(50), N: 1 + r.IntN(50), K: r.IntN(50), Batch: r.IntN(3)}
				if turn == 0 {
					p.K = 600 + r.IntN(9)
				}
				n := max(p.Batch, 1)
				a := gemmLayout(r, types[0], n, p.M, p.K, false).fill(r)
				b := gemmLayout(r, types[0], n, p.K, p.N, false).fill(r)
				c := gemmLayout(r, types[1], n, p.M, p.N, true).fill(r)
				gemmCheck(t, p, a, b, c, nil)
			}
		}
	})
	for _, none := range [][2]dtypes.DType{{f32, i32}, {i32, f32}, {dtypes.Bool, dtypes.Bool}, {dtypes.Complex64, dtypes.Complex64}, {dtypes.Int4, i32}} {
		if gemmKernelOf(none[0], none[1]) != nil {
			t.Errorf("there is a product of %s that gives %s", none[0], none[1])
		}
	}
}

// Not-a-numbers and infinities spread as the scalar loop spreads them, zeros hide
// nothing, and denormals count.
func TestProductSpecials(t *testing.T) {
	values := []float32{0, 0, 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-40, -3e-42, 1e-25, 1e38}
	same := func(x, y float32) bool { return x == y || x != x && y != y }
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for range 200 {
			m, n, k := 1+r.IntN(40), 1+r.IntN(40), r.IntN(4)
			a, b, c := make([]float32, m*k+1), make([]float32, k*n+1), make([]float32, m*n)
			for _, s := range [][]float32{a, b} {
				for i := range s {
					s[i] = values[r.IntN(len(values))]
				}
			}
			p := &Product{M: m, N: n, K: k, Type: dtypes.Float32, A: Matrix{unsafe.Pointer(&a[0]), k, 1},
				B: Matrix{unsafe.Pointer(&b[0]), n, 1}, C: Matrix{unsafe.Pointer(&c[0]), n, 1}}
			p.Run(nil)
			for i := range m {
				for j := range n {
					var fused, plain float32
					for q := range k {
						fused = float32(math.FMA(float64(a[i*k+q]), float64(b[q*n+j]), float64(fused)))
						plain += float32(a[i*k+q] * b[q*n+j])
					}
					if got := c[i*n+j]; !same(got, fused) && !same(got, plain) {
						t.Fatalf("%dx%dx%d: element %d,%d is %g, want %g", m, n, k, i, j, got, fused)
					}
				}
			}
		}
	})
}

// An element has the same bits wherever it is computed: alone, as a row, as a
// column, in a batch, in the transpose, and for any number of workers.
func TestProductBits(t *testing.T) {
	gemmVariants(t, func(t *testing.T) {
		for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float64} {
			r := rand.New(rand.NewPCG(5, 5))
			for range 3 {
				m, n, k := 150+r.IntN(200), 150+r.IntN(500), 300+r.IntN(400)
				a := gemmLayout(r, dtype, 1, m, k, false).fill(r)
				b := gemmLayout(r, dtype, 1, k, n, false).fill(r)
				gemmBits(t, r, a, b, m, n, k)
			}
		}
	})
}

func gemmBits(t *testing.T, r *rand.Rand, a, b *gemmMemory, m, n, k int) {
	t.Helper()
	out := a.dtype
	if out == dtypes.BFloat16 {
		out = dtypes.Float32
	}
	run := func(i0, rows, j0, cols int, transposed bool, do func(int, func(int))) func(i, j int) float64 {
		c := &gemmMemory{dtype: out, Matrix: Matrix{RowStride: cols, ColStride: 1}, batch: rows * cols}
		if transposed {
			c.RowStride, c.ColStride = 1, rows
		}
		c.allocate(1)
		p := &Product{M: rows, N: cols, K: k, Type: a.dtype, Out: out, A: a.Matrix, B: b.Matrix, C: c.Matrix,
			AOff: []int{a.index(0, i0, 0)}, BOff: []int{b.index(0, 0, j0)}}
		p.Run(do)
		return func(i, j int) float64 { return c.at(0, i-i0, j-j0) }
	}
	whole := run(0, m, 0, n, false, nil)
	for turn := range 40 {
		i0, j0 := r.IntN(m), r.IntN(n)
		rows, cols := 1+r.IntN(min(m-i0, 40)), 1+r.IntN(min(n-j0, 40))
		switch turn % 5 {
		case 0:
			rows, cols = 1, 1
		case 1:
			rows, cols, j0 = 1, n, 0
		case 2:
			rows, cols, i0 = m, 1, 0
		case 3:
			if turn < 20 {
				i0, j0, rows, cols = 0, 0, m, n
			}
		}
		part := run(i0, rows, j0, cols, r.IntN(2) == 0, gemmWorkers([]int{1, 2, 7}[turn%3]))
		for i := i0; i < i0+rows; i++ {
			for j := j0; j < j0+cols; j++ {
				if x, y := whole(i, j), part(i, j); x != y {
					t.Fatalf("%s %dx%dx%d: element %d,%d is %x in the whole product, %x in %dx%d at %d,%d", a.dtype, m, n, k, i, j, x, y, rows, cols, i0, j0)
				}
			}
		}
	}
}

// Operands that exist only piece by piece give what the same operands in memory give.
func TestProductSource(t *testing.T) {
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 6))
		for turn := range 80 {
			dtype := []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float16, dtypes.Int8}[turn%4]
			p := &Product{M: 1 + r.IntN(90), N: 1 + r.IntN(90), K: r.IntN(400), Batch: 1 + r.IntN(2)}
			a := gemmLayout(r, dtype, p.Batch, p.M, p.K, false).fill(r)
			b := gemmLayout(r, dtype, p.Batch, p.K, p.N, false).fill(r)
			c := gemmLayout(r, map[bool]dtypes.DType{true: dtypes.Float32, false: dtypes.Int32}[dtype.IsFloat()], p.Batch, p.M, p.N, true)
			if turn/4%3 != 1 {
				p.FillA = gemmSource(a.dtype, r.IntN(2) == 0, a.at)
			}
			if turn/4%3 != 2 {
				p.FillB = gemmSource(b.dtype, r.IntN(2) == 0, func(n, lane, k int) float64 { return b.at(n, k, lane) })
			}
			gemmCheck(t, p, a, b, c, nil)
		}
	})
}

func gemmSource(dtype dtypes.DType, byK bool, at func(batch, lane, k int) float64) *Source {
	return &Source{ByK: byK, Piece: func(dst unsafe.Pointer, ld, batch, lane, lanes, k, ks int) {
		lines, line := lanes, ks
		if byK {
			lines, line = ks, lanes
		}
		out := unsafe.Slice((*byte)(dst), ((lines-1)*ld+line)*dtype.Size())
		for i := range lines {
			for j := range line {
				if byK {
					gemmSet(dtype, out, i*ld+j, at(batch, lane+j, k+i))
				} else {
					gemmSet(dtype, out, i*ld+j, at(batch, lane+i, k+j))
				}
			}
		}
	}}
}

// The building blocks for others: packed or strided operands, every number of rows.
func TestTile(t *testing.T) {
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 7))
		mr, nr := TileRows(), TileCols()
		for turn := range 400 {
			rows, n, k := 1+turn%mr, 1+r.IntN(2*nr+5), r.IntN(40)
			a := gemmLayout(r, dtypes.Float32, 1, rows, k, false).fill(r)
			b := &gemmMemory{dtype: dtypes.Float32, Matrix: Matrix{RowStride: n + r.IntN(9), ColStride: 1}}
			b.batch = k*b.RowStride + n
			b.allocate(1)
			b.fill(r)
			c := make([]float32, rows*n+1)
			c[rows*n] = 42
			tile := &Tile{K: k, A: unsafe.Add(a.Data, 4*a.off), ARow: 4 * a.RowStride, AK: 4 * a.ColStride,
				B: b.Data, BK: 4 * b.RowStride, BPanel: 4 * nr, C: unsafe.Pointer(&c[0]), CRow: 4 * n, N: n}
			packed := make([]float32, (k+1)*(mr+nr*((n+nr-1)/nr))+64)
			if turn&1 == 0 {
				Pack(unsafe.Pointer(&packed[0]), mr, tile.A, a.RowStride, a.ColStride, rows, k)
				tile.A, tile.ARow, tile.AK = unsafe.Pointer(&packed[0]), 4, 4*mr
			}
			if turn&2 == 0 {
				at := unsafe.Pointer(&packed[(k+1)*mr])
				for j := 0; j < n; j += nr {
					Pack(unsafe.Add(at, j*k*4), nr, unsafe.Add(b.Data, 4*j), 1, b.RowStride, min(nr, n-j), k)
				}
				tile.B, tile.BK, tile.BPanel = at, 4*nr, 4*nr*k
			}
			tile.Sweep(rows)
			tile.Add = 1
			tile.Sweep(rows)
			for i := range rows {
				for j := range n {
					want, scale := 0.0, 0.0
					for q := range k {
						v := 2 * a.at(0, i, q) * b.at(0, q, j)
						want, scale = want+v, scale+math.Abs(v)
					}
					if got := float64(c[i*n+j]); !gemmClose(dtypes.Float32, got, want, scale, k) {
						t.Fatalf("%dx%dx%d: element %d,%d is %g, want %g", rows, n, k, i, j, got, want)
					}
				}
			}
			if c[rows*n] != 42 {
				t.Fatalf("%dx%dx%d: wrote behind the tile", rows, n, k)
			}
		}
	})
}

func TestProductAllocations(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, dims := range [][3]int{{24, 24, 16}, {200, 600, 300}, {1, 300, 300}} {
		a := gemmLayout(r, dtypes.Float32, 1, dims[0], dims[2], false)
		b := gemmLayout(r, dtypes.Float32, 1, dims[2], dims[1], false)
		c := gemmLayout(r, dtypes.Float32, 1, dims[0], dims[1], true)
		p := &Product{M: dims[0], N: dims[1], K: dims[2], Type: dtypes.Float32, A: a.Matrix, B: b.Matrix, C: c.Matrix, AOff: a.offs, BOff: b.offs, COff: c.offs}
		if n := testing.AllocsPerRun(20, func() { p.Run(nil) }); n > 0 {
			t.Errorf("product of %v allocates %v times", dims, n)
		}
	}
}

func TestPeak(t *testing.T) {
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		if v := Peak(dtype, 1, 2); v < 1e8 {
			t.Errorf("%s: %g operations per second", dtype, v)
		}
	}
}
