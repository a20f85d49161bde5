package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose emits dst[j*dstStride+i] = src[i*srcStride+j] for elements of 4 bytes:
// squares of 16 (AVX-512) or 8 elements a side in registers, those at the edges
// under masks.
func transpose(g *gen) {
	g.begin("Transpose4", "dst, src unsafe.Pointer, rows, cols, dstStride, srcStride int",
		"dst[j*dstStride+i] = src[i*srcStride+j] for i < rows, j < cols, elements of 4 bytes")
	t := square{g: g, dst: g.param("dst"), src: g.param("src"), rows: g.param("rows"), cols: g.param("cols"),
		ds: g.param("dstStride"), ss: g.param("srcStride"), s: g.GP64(), d: g.GP64(), left: g.GP64()}
	g.SHLQ(operand.U8(2), t.ds)
	g.SHLQ(operand.U8(2), t.ss)
	side := operand.I32(g.lanes)
	band, tile, edge, next, end := g.label("band"), g.label("tile"), g.label("edge"), g.label("next"), g.label("end")
	g.TESTQ(t.cols, t.cols)
	g.JLE(operand.LabelRef(end))
	g.Label(band) // of g.lanes rows
	g.TESTQ(t.rows, t.rows)
	g.JLE(operand.LabelRef(end))
	g.MOVQ(t.src, t.s)
	g.MOVQ(t.dst, t.d)
	g.MOVQ(t.cols, t.left)
	g.Label(tile)
	g.CMPQ(t.rows, side)
	g.JL(operand.LabelRef(edge))
	g.CMPQ(t.left, side)
	g.JL(operand.LabelRef(edge))
	t.full()
	g.JMP(operand.LabelRef(next))
	g.Label(edge)
	t.edge(next)
	g.Label(next)
	g.ADDQ(operand.I32(4*g.lanes), t.s)
	g.SUBQ(side, t.left)
	g.JG(operand.LabelRef(tile))
	g.MOVQ(t.ss, t.s)
	g.IMUL3Q(side, t.s, t.s)
	g.ADDQ(t.s, t.src)
	g.ADDQ(operand.I32(4*g.lanes), t.dst)
	g.SUBQ(side, t.rows)
	g.JMP(operand.LabelRef(band))
	g.Label(end)
	g.VZEROUPPER()
	g.RET()
}

// A square is the square of a transpose at (s, d), strides in bytes. Writing it
// moves d to the next.
type square struct {
	g                            *gen
	dst, src, rows, cols, ds, ss reg.Register
	s, d, left/* columns */ reg.Register
}

func (t square) full() {
	g, p := t.g, t.g.GP64()
	g.MOVQ(t.s, p)
	v := make([]op, g.lanes)
	for i := range v {
		v[i] = loadF32(g, operand.Mem{Base: p}, nil)
		g.ADDQ(t.ss, p)
	}
	for _, c := range g.turn(v) {
		storeF32(g, c, operand.Mem{Base: t.d}, nil)
		g.ADDQ(t.ds, t.d)
	}
}

// edge moves fewer rows or columns: rows beyond the last read the last again, and
// writing ends with the columns.
func (t square) edge(next string) {
	g, p, q, c := t.g, t.g.GP64(), t.g.GP64(), t.g.GP64()
	g.MOVQ(operand.I32(g.lanes), c)
	g.CMPQ(t.left, c)
	g.CMOVQLT(t.left, c)
	across := g.tailMask(c)
	g.MOVQ(t.s, p)
	v := make([]op, g.lanes)
	for i := range v {
		v[i] = loadF32(g, operand.Mem{Base: p}, across)
		g.LEAQ(operand.Mem{Base: p, Index: t.ss, Scale: 1}, q)
		g.CMPQ(t.rows, operand.I32(i+1))
		g.CMOVQGT(q, p)
	}
	g.MOVQ(operand.I32(g.lanes), q)
	g.CMPQ(t.rows, q)
	g.CMOVQLT(t.rows, q)
	down := g.tailMask(q)
	for _, w := range g.turn(v) {
		storeF32(g, w, operand.Mem{Base: t.d}, down)
		g.ADDQ(t.ds, t.d)
		g.DECQ(c)
		g.JZ(operand.LabelRef(next))
	}
}

// turn transposes the square of 32-bit lanes whose rows are v: within groups of
// four rows by interleaving words and then pairs; then the 128-bit parts.
func (g *gen) turn(v []op) []op {
	groups := make([][]op, len(v)/4) // groups[k][c] part p: column 4p+c of rows 4k..4k+3
	for k := range groups {
		r := v[4*k : 4*k+4]
		lo, hi := g.bin(g.VUNPCKLPS), g.bin(g.VUNPCKHPS)
		a, b, c, d := lo(r[0], r[1]), lo(r[2], r[3]), hi(r[0], r[1]), hi(r[2], r[3])
		lo, hi = g.bin(g.VUNPCKLPD), g.bin(g.VUNPCKHPD)
		groups[k] = []op{lo(a, b), hi(a, b), lo(c, d), hi(c, d)}
	}
	out := make([]op, len(v))
	for c := range 4 {
		if !g.wide {
			out[c], out[4+c] = g.parts(0x20, groups[0][c], groups[1][c]), g.parts(0x31, groups[0][c], groups[1][c])
			continue
		}
		even0, even1 := g.parts(0x88, groups[0][c], groups[1][c]), g.parts(0x88, groups[2][c], groups[3][c])
		odd0, odd1 := g.parts(0xdd, groups[0][c], groups[1][c]), g.parts(0xdd, groups[2][c], groups[3][c])
		out[c], out[8+c] = g.parts(0x88, even0, even1), g.parts(0xdd, even0, even1)
		out[4+c], out[12+c] = g.parts(0x88, odd0, odd1), g.parts(0xdd, odd0, odd1)
	}
	return out
}

// parts picks 128-bit parts of a and b.
func (g *gen) parts(which uint8, a, b op) op {
	d := g.vec()
	if g.wide {
		g.VSHUFF32X4(operand.U8(which), b, a, d)
	} else {
		g.VPERM2F128(operand.U8(which), b, a, d)
	}
	return d
}
