package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Registers of a sweep. The fields of kernel.Tile are eight bytes each.
var (
	tile   = reg.R8
	aStart = operand.Mem{Base: tile, Disp: 8}
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
func row(i, half int) operand.Mem {
	base := a0
	if i >= half {
		base, i = aHigh, i-half
	}
	m := operand.Mem{Base: base}
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

func load(offset int, r reg.Register) { build.MOVQ(operand.Mem{Base: tile, Disp: offset}, r) }

func prologue() {
	build.Load(build.Param("t"), tile)
	load(16, a1)
	load(24, aK)
	load(32, bPanel)
	load(40, bK)
	load(56, c)
	load(72, cols)
	build.LEAQ(operand.Mem{Base: a1, Index: a1, Scale: 2}, a3)
	build.LEAQ(operand.Mem{Base: a1, Index: a1, Scale: 4}, a5)
}

// inner is the loop over k of one register tile. Sums start from zero or, where Add is
// 2, from C: first loads row i of it. C, which is read or written at the end and lies in
// no near cache, is fetched meanwhile.
func inner(name string, rows, half, lines int, zero func(), first func(i int, c operand.Mem), step func()) {
	build.CMPQ(operand.Mem{Base: tile, Disp: 80}, operand.Imm(2))
	build.JE(operand.LabelRef(name + "chain"))
	zero()
	build.MOVQ(c, a0)
	load(64, b)
	for i := range rows {
		for j := range lines {
			build.PREFETCHT0(operand.Mem{Base: a0, Disp: 64 * j})
		}
		if i < rows-1 {
			build.ADDQ(b, a0)
		}
	}
	build.JMP(operand.LabelRef(name + "start"))
	build.Label(name + "chain")
	build.MOVQ(c, a0)
	load(64, b)
	for i := range rows {
		first(i, operand.Mem{Base: a0})
		if i < rows-1 {
			build.ADDQ(b, a0)
		}
	}
	build.Label(name + "start")
	build.MOVQ(aStart, a0)
	if rows > half {
		build.LEAQ(operand.Mem{Base: a0, Index: a3, Scale: 1}, aHigh)
		if half == 7 {
			build.LEAQ(operand.Mem{Base: aHigh, Index: a1, Scale: 4}, aHigh)
		}
	}
	build.MOVQ(bPanel, b)
	load(0, count)
	build.TESTQ(count, count)
	build.JE(operand.LabelRef(name + "end"))
	align()
	build.Label(name + "k")
	step()
	build.ADDQ(aK, a0)
	if rows > half {
		build.ADDQ(aK, aHigh)
	}
	build.ADDQ(bK, b)
	build.DECQ(count)
	build.JNE(operand.LabelRef(name + "k"))
	build.Label(name + "end")
}

// output adds the sums to C or stores them, row by row.
func output(name string, rows int, add, store func(i int, c operand.Mem)) {
	p, step := a0, b
	build.MOVQ(c, p)
	load(64, step)
	build.CMPQ(operand.Mem{Base: tile, Disp: 80}, operand.Imm(1))
	build.JNE(operand.LabelRef(name + "store"))
	for i := range rows {
		add(i, operand.Mem{Base: p})
		store(i, operand.Mem{Base: p})
		if i < rows-1 {
			build.ADDQ(step, p)
		}
	}
	build.JMP(operand.LabelRef(name + "next"))
	build.Label(name + "store")
	for i := range rows {
		store(i, operand.Mem{Base: p})
		if i < rows-1 {
			build.ADDQ(step, p)
		}
	}
	build.Label(name + "next")
}

// sweepZ is Tile.Sweep of a fixed number of rows: 32 columns at a time, then 16,
// then 8, all under masks for the last columns.
func sweepZ(name string, rows int, pairs bool) {
	build.TEXT(fmt.Sprintf("%s%d", name, rows), build.NOSPLIT, "func(t *byte)")
	prologue()
	build.Label("wide")
	build.CMPQ(cols, operand.Imm(16))
	build.JLE(operand.LabelRef("half"))
	build.MOVL(operand.I32(-1), temp.As32())
	build.CMPQ(cols, operand.Imm(32))
	build.JGE(operand.LabelRef("full"))
	build.BZHIL(cols.As32(), temp.As32(), temp.As32())
	build.Label("full")
	build.KMOVD(temp.As32(), reg.K1)
	build.KSHIFTRD(operand.Imm(16), reg.K1, reg.K2)
	sectionZ("w", rows, 2, 512, pairs)
	build.ADDQ(operand.Mem{Base: tile, Disp: 48}, bPanel)
	build.ADDQ(operand.Imm(128), c)
	build.SUBQ(operand.Imm(32), cols)
	build.JG(operand.LabelRef("wide"))
	build.JMP(operand.LabelRef("done"))
	build.Label("half")
	build.TESTQ(cols, cols)
	build.JLE(operand.LabelRef("done"))
	build.MOVL(operand.I32(-1), temp.As32())
	build.BZHIL(cols.As32(), temp.As32(), temp.As32())
	build.KMOVD(temp.As32(), reg.K1)
	build.CMPQ(cols, operand.Imm(8))
	build.JLE(operand.LabelRef("quarter"))
	sectionZ("h", rows, 1, 512, pairs)
	build.JMP(operand.LabelRef("done"))
	build.Label("quarter")
	sectionZ("q", rows, 1, 256, pairs)
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
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
			build.VPXORD(v(i), v(i), v(i))
		}
	}
	first := func(i int, c operand.Mem) {
		for j := range n {
			build.VMOVUPS_Z(c.Offset(j*bits/8), masks[j], v(i*n+j))
		}
	}
	inner(name, rows, 7, n, zero, first, func() {
		for j := range n {
			build.VMOVUPS_Z(operand.Mem{Base: b, Disp: j * bits / 8}, masks[j], v(sums+j))
		}
		for i := range rows {
			build.VBROADCASTSS(row(i, 7), v(elem))
			for j := range n {
				if pairs {
					vdpbf16ps(elem, sums+j, i*n+j, bits)
				} else {
					build.VFMADD231PS(v(elem), v(sums+j), v(i*n+j))
				}
			}
		}
	})
	output(name, rows,
		func(i int, c operand.Mem) {
			for j := range n {
				build.VADDPS(c.Offset(j*bits/8), v(i*n+j), masks[j], v(i*n+j))
			}
		},
		func(i int, c operand.Mem) {
			for j := range n {
				build.VMOVUPS(v(i*n+j), masks[j], c.Offset(j*bits/8))
			}
		})
}

// sweepY is Tile.Sweep with AVX2: 16 columns at a time, then 8 under a mask.
func sweepY(rows int) {
	build.TEXT(fmt.Sprintf("gemmF32Y%d", rows), build.NOSPLIT, "func(t *byte)")
	prologue()
	build.Label("wide")
	build.CMPQ(cols, operand.Imm(16))
	build.JL(operand.LabelRef("narrow"))
	first := func(i int, c operand.Mem) {
		build.VMOVUPS(c, y(2*i))
		build.VMOVUPS(c.Offset(32), y(2*i+1))
	}
	inner("w", rows, 3, 1, func() { zeroY(2 * rows) }, first, func() {
		build.VMOVUPS(operand.Mem{Base: b}, y(12))
		build.VMOVUPS(operand.Mem{Base: b, Disp: 32}, y(13))
		for i := range rows {
			build.VBROADCASTSS(row(i, 3), y(14+i%2))
			build.VFMADD231PS(y(14+i%2), y(12), y(2*i))
			build.VFMADD231PS(y(14+i%2), y(13), y(2*i+1))
		}
	})
	output("w", rows,
		func(i int, c operand.Mem) {
			build.VADDPS(c, y(2*i), y(2*i))
			build.VADDPS(c.Offset(32), y(2*i+1), y(2*i+1))
		},
		func(i int, c operand.Mem) {
			build.VMOVUPS(y(2*i), c)
			build.VMOVUPS(y(2*i+1), c.Offset(32))
		})
	build.ADDQ(operand.Mem{Base: tile, Disp: 48}, bPanel)
	build.ADDQ(operand.Imm(64), c)
	build.SUBQ(operand.Imm(16), cols)
	build.JMP(operand.LabelRef("wide"))

	build.Label("narrow")
	build.TESTQ(cols, cols)
	build.JLE(operand.LabelRef("done"))
	// The mask is a window on eight words of ones and eight of zeros.
	build.MOVQ(cols, count)
	build.MOVQ(operand.U32(8), temp)
	build.CMPQ(count, temp)
	build.CMOVQGT(temp, count)
	build.SUBQ(count, temp)
	build.LEAQ(masksY, a0)
	build.VMOVUPS(operand.Mem{Base: a0, Index: temp, Scale: 4}, y(15))
	first = func(i int, c operand.Mem) { build.VMASKMOVPS(c, y(15), y(i)) }
	inner("n", rows, 3, 1, func() { zeroY(rows) }, first, func() {
		build.VMASKMOVPS(operand.Mem{Base: b}, y(15), y(12))
		for i := range rows {
			build.VBROADCASTSS(row(i, 3), y(13+i%2))
			build.VFMADD231PS(y(13+i%2), y(12), y(i))
		}
	})
	output("n", rows,
		func(i int, c operand.Mem) {
			build.VMASKMOVPS(c, y(15), y(12))
			build.VADDPS(y(12), y(i), y(i))
		},
		func(i int, c operand.Mem) { build.VMASKMOVPS(y(i), y(15), c) })
	build.ADDQ(operand.Imm(32), bPanel)
	build.ADDQ(operand.Imm(32), c)
	build.SUBQ(operand.Imm(8), cols)
	build.JMP(operand.LabelRef("narrow"))
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

var masksY operand.Mem

// defineMasks writes the table that masksY points to.
func defineMasks() {
	masksY = build.GLOBL("gemmMasks", build.RODATA|build.NOPTR)
	for i := range 16 {
		build.DATA(4*i, operand.U32(uint32(-((15 - i) >> 3))))
	}
}

func zeroY(n int) {
	for i := range n {
		build.VXORPS(y(i), y(i), y(i))
	}
}
