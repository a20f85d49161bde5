package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// indexed addresses base + i*step for i < 4, with three times the step in step3.
func indexed(base, step, step3 reg.Register, i int) Mem {
	switch m := (Mem{Base: base}); i {
	case 0:
		return m
	case 3:
		m.Index, m.Scale = step3, 1
		return m
	default:
		m.Index, m.Scale = step, uint8(i)
		return m
	}
}

// linesZ multiplies few rows of A by 16 columns of B, each of which is one run of
// memory (BK is the distance between them): it turns 16 k of 16 columns at a time in
// registers, so that each line of the cache is touched once.
func linesZ(rows int) {
	TEXT(fmt.Sprintf("gemmLinesZ%d", rows), NOSPLIT, "func(t *byte)")
	Load(Param("t"), tile)
	load(8, a0)
	load(16, a1)
	load(24, aK)
	LEAQ(Mem{Base: a1, Index: a1, Scale: 2}, a3)
	LEAQ(Mem{Base: a1, Index: a1, Scale: 4}, a5)
	if rows > 7 {
		LEAQ(Mem{Base: a0, Index: a5, Scale: 1}, aHigh)
		LEAQ(Mem{Base: aHigh, Index: a1, Scale: 2}, aHigh)
	}
	load(0, count)
	// Columns 0, 4, 8, 12, and the three that follow each.
	b3 := reg.R13
	p := []reg.Register{reg.RCX, reg.RBX, reg.R11, reg.R14}
	load(32, p[0])
	load(40, bK)
	LEAQ(Mem{Base: bK, Index: bK, Scale: 2}, b3)
	for i := 1; i < 4; i++ {
		LEAQ(Mem{Base: p[i-1], Index: bK, Scale: 4}, p[i])
	}
	const sums = 17
	for i := range rows {
		VPXORD(z(sums+i), z(sums+i), z(sums+i))
	}
	multiply := func(r int) {
		for i := range rows {
			VFMADD231PS_BCST(row(i, 7), z(r), z(sums+i))
		}
		ADDQ(aK, a0)
		if rows > 7 {
			ADDQ(aK, aHigh)
		}
	}
	column := func(i int) Mem { return indexed(p[i/4], bK, b3, i%4) }
	SUBQ(Imm(16), count)
	JL(LabelRef("rest"))
	align()
	Label("turn")
	for i := range 16 {
		VMOVUPS(column(i), z(i))
	}
	for _, r := range transpose16() {
		multiply(r)
	}
	for _, p := range p {
		ADDQ(Imm(64), p)
	}
	SUBQ(Imm(16), count)
	JGE(LabelRef("turn"))
	Label("rest")
	ADDQ(Imm(16), count)
	JLE(LabelRef("end"))
	MOVL(I32(-1), tile.As32())
	BZHIL(count.As32(), tile.As32(), tile.As32())
	KMOVD(tile.As32(), reg.K1)
	Load(Param("t"), tile)
	for i := range 16 {
		VMOVUPS_Z(column(i), reg.K1, z(i))
	}
	for _, r := range transpose16() { // the last row is never reached
		multiply(r)
		DECQ(count)
		JE(LabelRef("end"))
	}
	Label("end")
	load(56, c)
	output("l", rows,
		func(i int, c Mem) { VADDPS(c, z(sums+i), z(sums+i)) },
		func(i int, c Mem) { VMOVUPS(z(sums+i), c) })
	VZEROUPPER()
	RET()
}
