package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Registers of a sweep. The fields of kernel.Tile are eight bytes each.
var (
	tile   = reg.R8
	aStart = Mem{Base: tile, Disp: 8}
	a0     = reg.RAX // rows 0.. of A at the current k
	aHigh  = reg.R15 // rows 7.., or 3.. with AVX2
	a1     = reg.R9  // bytes between rows of A
	a3     = reg.RSI // three times that
	a5     = reg.RDI // five times that
	aK     = reg.R10
	b      = reg.RCX // B at the current k
	bK     = reg.R12
	bPanel = reg.R11 // first row of the panel of B
	c      = reg.R13
	cols   = reg.RBX // columns left
	count  = reg.RDX // of k left
	temp   = reg.R14
)

// row addresses row i of A without a register of its own: from a0, or from aHigh
// which points half rows further.
func row(i, half int) Mem {
	base := a0
	if i >= half {
		base, i = aHigh, i-half
	}
	m := Mem{Base: base}
	switch i {
	case 1, 2, 4:
		m.Index, m.Scale = a1, uint8(i)
	case 3, 6:
		m.Index, m.Scale = a3, uint8(i/3)
	case 5:
		m.Index, m.Scale = a5, 1
	}
	return m
}

func load(offset int, r reg.Register) { MOVQ(Mem{Base: tile, Disp: offset}, r) }

func prologue() {
	Load(Param("t"), tile)
	load(16, a1)
	load(24, aK)
	load(32, bPanel)
	load(40, bK)
	load(56, c)
	load(72, cols)
	LEAQ(Mem{Base: a1, Index: a1, Scale: 2}, a3)
	LEAQ(Mem{Base: a1, Index: a1, Scale: 4}, a5)
}

// inner is the loop over k of one register tile. Sums start from zero or, where Add is
// 2, from C: first loads row i of it.
func inner(name string, rows, half int, zero func(), first func(i int, c Mem), step func()) {
	CMPQ(Mem{Base: tile, Disp: 80}, Imm(2))
	JE(LabelRef(name + "chain"))
	zero()
	JMP(LabelRef(name + "start"))
	Label(name + "chain")
	MOVQ(c, a0)
	load(64, b)
	for i := range rows {
		first(i, Mem{Base: a0})
		if i < rows-1 {
			ADDQ(b, a0)
		}
	}
	Label(name + "start")
	MOVQ(aStart, a0)
	if rows > half {
		LEAQ(Mem{Base: a0, Index: a3, Scale: 1}, aHigh)
		if half == 7 {
			LEAQ(Mem{Base: aHigh, Index: a1, Scale: 4}, aHigh)
		}
	}
	MOVQ(bPanel, b)
	load(0, count)
	TESTQ(count, count)
	JE(LabelRef(name + "end"))
	align()
	Label(name + "k")
	step()
	ADDQ(aK, a0)
	if rows > half {
		ADDQ(aK, aHigh)
	}
	ADDQ(bK, b)
	DECQ(count)
	JNE(LabelRef(name + "k"))
	Label(name + "end")
}

// output adds the sums to C or stores them, row by row.
func output(name string, rows int, add, store func(i int, c Mem)) {
	p, step := a0, b
	MOVQ(c, p)
	load(64, step)
	CMPQ(Mem{Base: tile, Disp: 80}, Imm(1))
	JNE(LabelRef(name + "store"))
	for i := range rows {
		add(i, Mem{Base: p})
		store(i, Mem{Base: p})
		if i < rows-1 {
			ADDQ(step, p)
		}
	}
	JMP(LabelRef(name + "next"))
	Label(name + "store")
	for i := range rows {
		store(i, Mem{Base: p})
		if i < rows-1 {
			ADDQ(step, p)
		}
	}
	Label(name + "next")
}

// sweepZ is Tile.Sweep of a fixed number of rows: 32 columns at a time, then 16,
// then 8, all under masks for the last columns.
func sweepZ(name string, rows int, pairs bool) {
	TEXT(fmt.Sprintf("%s%d", name, rows), NOSPLIT, "func(t *byte)")
	prologue()
	Label("wide")
	CMPQ(cols, Imm(16))
	JLE(LabelRef("half"))
	MOVL(I32(-1), temp.As32())
	CMPQ(cols, Imm(32))
	JGE(LabelRef("full"))
	BZHIL(cols.As32(), temp.As32(), temp.As32())
	Label("full")
	KMOVD(temp.As32(), reg.K1)
	KSHIFTRD(Imm(16), reg.K1, reg.K2)
	sectionZ("w", rows, 2, 512, pairs)
	ADDQ(Mem{Base: tile, Disp: 48}, bPanel)
	ADDQ(Imm(128), c)
	SUBQ(Imm(32), cols)
	JG(LabelRef("wide"))
	JMP(LabelRef("done"))
	Label("half")
	TESTQ(cols, cols)
	JLE(LabelRef("done"))
	MOVL(I32(-1), temp.As32())
	BZHIL(cols.As32(), temp.As32(), temp.As32())
	KMOVD(temp.As32(), reg.K1)
	CMPQ(cols, Imm(8))
	JLE(LabelRef("quarter"))
	sectionZ("h", rows, 1, 512, pairs)
	JMP(LabelRef("done"))
	Label("quarter")
	sectionZ("q", rows, 1, 256, pairs)
	Label("done")
	VZEROUPPER()
	RET()
}

// sectionZ is a register tile of rows by n vectors: sums in registers 0.., then n
// of B, then one of A.
func sectionZ(name string, rows, n, bits int, pairs bool) {
	masks := []reg.Register{reg.K1, reg.K2}
	v := func(i int) reg.Register { return vector(i, map[int]reg.Spec{256: reg.S256, 512: reg.S512}[bits]) }
	sums := rows * n
	elem := sums + n
	zero := func() {
		for i := range sums {
			VPXORD(v(i), v(i), v(i))
		}
	}
	first := func(i int, c Mem) {
		for j := range n {
			VMOVUPS_Z(c.Offset(j*bits/8), masks[j], v(i*n+j))
		}
	}
	inner(name, rows, 7, zero, first, func() {
		for j := range n {
			VMOVUPS_Z(Mem{Base: b, Disp: j * bits / 8}, masks[j], v(sums+j))
		}
		for i := range rows {
			VBROADCASTSS(row(i, 7), v(elem))
			for j := range n {
				if pairs {
					vdpbf16ps(elem, sums+j, i*n+j, bits)
				} else {
					VFMADD231PS(v(elem), v(sums+j), v(i*n+j))
				}
			}
		}
	})
	output(name, rows,
		func(i int, c Mem) {
			for j := range n {
				VADDPS(c.Offset(j*bits/8), v(i*n+j), masks[j], v(i*n+j))
			}
		},
		func(i int, c Mem) {
			for j := range n {
				VMOVUPS(v(i*n+j), masks[j], c.Offset(j*bits/8))
			}
		})
}

// sweepY is Tile.Sweep with AVX2: 16 columns at a time, then 8 under a mask.
func sweepY(rows int) {
	TEXT(fmt.Sprintf("gemmF32Y%d", rows), NOSPLIT, "func(t *byte)")
	prologue()
	Label("wide")
	CMPQ(cols, Imm(16))
	JL(LabelRef("narrow"))
	first := func(i int, c Mem) {
		VMOVUPS(c, y(2*i))
		VMOVUPS(c.Offset(32), y(2*i+1))
	}
	inner("w", rows, 3, func() { zeroY(2 * rows) }, first, func() {
		VMOVUPS(Mem{Base: b}, y(12))
		VMOVUPS(Mem{Base: b, Disp: 32}, y(13))
		for i := range rows {
			VBROADCASTSS(row(i, 3), y(14+i%2))
			VFMADD231PS(y(14+i%2), y(12), y(2*i))
			VFMADD231PS(y(14+i%2), y(13), y(2*i+1))
		}
	})
	output("w", rows,
		func(i int, c Mem) {
			VADDPS(c, y(2*i), y(2*i))
			VADDPS(c.Offset(32), y(2*i+1), y(2*i+1))
		},
		func(i int, c Mem) {
			VMOVUPS(y(2*i), c)
			VMOVUPS(y(2*i+1), c.Offset(32))
		})
	ADDQ(Mem{Base: tile, Disp: 48}, bPanel)
	ADDQ(Imm(64), c)
	SUBQ(Imm(16), cols)
	JMP(LabelRef("wide"))

	Label("narrow")
	TESTQ(cols, cols)
	JLE(LabelRef("done"))
	// The mask is a window on eight words of ones and eight of zeros.
	MOVQ(cols, count)
	MOVQ(U32(8), temp)
	CMPQ(count, temp)
	CMOVQGT(temp, count)
	SUBQ(count, temp)
	LEAQ(masksY, a0)
	VMOVUPS(Mem{Base: a0, Index: temp, Scale: 4}, y(15))
	first = func(i int, c Mem) { VMASKMOVPS(c, y(15), y(i)) }
	inner("n", rows, 3, func() { zeroY(rows) }, first, func() {
		VMASKMOVPS(Mem{Base: b}, y(15), y(12))
		for i := range rows {
			VBROADCASTSS(row(i, 3), y(13+i%2))
			VFMADD231PS(y(13+i%2), y(12), y(i))
		}
	})
	output("n", rows,
		func(i int, c Mem) {
			VMASKMOVPS(c, y(15), y(12))
			VADDPS(y(12), y(i), y(i))
		},
		func(i int, c Mem) { VMASKMOVPS(y(i), y(15), c) })
	ADDQ(Imm(32), bPanel)
	ADDQ(Imm(32), c)
	SUBQ(Imm(8), cols)
	JMP(LabelRef("narrow"))
	Label("done")
	VZEROUPPER()
	RET()
}

var masksY Mem

// defineMasks writes the table that masksY points to.
func defineMasks() {
	masksY = GLOBL("gemmMasks", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(-((15 - i) >> 3))))
	}
}

func zeroY(n int) {
	for i := range n {
		VXORPS(y(i), y(i), y(i))
	}
}
