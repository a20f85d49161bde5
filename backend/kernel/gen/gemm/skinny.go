package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// indexed addresses base + i*step for i < 4, with three times the step in step3.
func indexed(base, step, step3 reg.Register, i int) operand.Mem {
	switch m := (operand.Mem{Base: base}); i {
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
	build.TEXT(fmt.Sprintf("gemmLinesZ%d", rows), build.NOSPLIT, "func(t *byte)")
	build.Load(build.Param("t"), tile)
	load(8, a0)
	load(16, a1)
	load(24, aK)
	build.LEAQ(operand.Mem{Base: a1, Index: a1, Scale: 2}, a3)
	build.LEAQ(operand.Mem{Base: a1, Index: a1, Scale: 4}, a5)
	if rows > 7 {
		build.LEAQ(operand.Mem{Base: a0, Index: a5, Scale: 1}, aHigh)
		build.LEAQ(operand.Mem{Base: aHigh, Index: a1, Scale: 2}, aHigh)
	}
	load(0, count)
	// Columns 0, 4, 8, 12, and the three that follow each.
	b3 := reg.R13
	p := []reg.Register{reg.RCX, reg.RBX, reg.R11, reg.R14}
	load(32, p[0])
	load(40, bK)
	build.LEAQ(operand.Mem{Base: bK, Index: bK, Scale: 2}, b3)
	for i := 1; i < 4; i++ {
		build.LEAQ(operand.Mem{Base: p[i-1], Index: bK, Scale: 4}, p[i])
	}
	const sums = 17
	for i := range rows {
		build.VPXORD(z(sums+i), z(sums+i), z(sums+i))
	}
	multiply := func(r int) {
		for i := range rows {
			build.VFMADD231PS_BCST(row(i, 7), z(r), z(sums+i))
		}
		build.ADDQ(aK, a0)
		if rows > 7 {
			build.ADDQ(aK, aHigh)
		}
	}
	column := func(i int) operand.Mem { return indexed(p[i/4], bK, b3, i%4) }
	build.SUBQ(operand.Imm(16), count)
	build.JL(operand.LabelRef("rest"))
	align()
	build.Label("turn")
	for i := range 16 {
		build.VMOVUPS(column(i), z(i))
	}
	for _, r := range transpose16() {
		multiply(r)
	}
	for _, p := range p {
		build.ADDQ(operand.Imm(64), p)
	}
	build.SUBQ(operand.Imm(16), count)
	build.JGE(operand.LabelRef("turn"))
	build.Label("rest")
	build.ADDQ(operand.Imm(16), count)
	build.JLE(operand.LabelRef("end"))
	build.MOVL(operand.I32(-1), tile.As32())
	build.BZHIL(count.As32(), tile.As32(), tile.As32())
	build.KMOVD(tile.As32(), reg.K1)
	build.Load(build.Param("t"), tile)
	for i := range 16 {
		build.VMOVUPS_Z(column(i), reg.K1, z(i))
	}
	for _, r := range transpose16() { // the last row is never reached
		multiply(r)
		build.DECQ(count)
		build.JE(operand.LabelRef("end"))
	}
	build.Label("end")
	load(56, c)
	output("l", rows,
		func(i int, c operand.Mem) { build.VADDPS(c, z(sums+i), z(sums+i)) },
		func(i int, c operand.Mem) { build.VMOVUPS(z(sums+i), c) })
	build.VZEROUPPER()
	build.RET()
}
