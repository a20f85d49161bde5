package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// All packs take the same arguments; width, lane and step are in bytes.
const packArgs = "func(dst *byte, width int, src *byte, lane, step, lanes, ks int)"

var (
	dst   = reg.RDI
	width = reg.R8
	src   = reg.RSI
	lane  = reg.R9
	step  = reg.R10
	lanes = reg.R11
	ks    = reg.RDX
)

func packArguments() {
	build.Load(build.Param("dst"), dst)
	build.Load(build.Param("width"), width)
	build.Load(build.Param("src"), src)
	build.Load(build.Param("lane"), lane)
	build.Load(build.Param("step"), step)
	build.Load(build.Param("lanes"), lanes)
	build.Load(build.Param("ks"), ks)
}

// packLanesZ copies lanes that follow each other, at most 32 words. It stores 16
// or 32 lanes: what is too much is overwritten by the next k.
func packLanesZ() {
	build.TEXT("gemmPackLanesZ", build.NOSPLIT, packArgs)
	packArguments()
	build.MOVL(operand.I32(-1), reg.EAX)
	build.CMPQ(lanes, operand.Imm(32))
	build.JGE(operand.LabelRef("all"))
	build.BZHIL(lanes.As32(), reg.EAX, reg.EAX)
	build.Label("all")
	build.KMOVD(reg.EAX, reg.K1)
	build.KSHIFTRD(operand.Imm(16), reg.K1, reg.K2)
	for _, n := range []int{2, 1} {
		name := map[int]string{2: "two", 1: "one"}[n]
		build.Label(name)
		if n == 2 {
			build.CMPQ(lanes, operand.Imm(16))
			build.JLE(operand.LabelRef("one"))
		}
		build.Label(name + "loop")
		build.TESTQ(ks, ks)
		build.JE(operand.LabelRef("done"))
		for j := range n {
			build.VMOVUPS_Z(operand.Mem{Base: src, Disp: 64 * j}, []reg.Register{reg.K1, reg.K2}[j], z(j))
			build.VMOVUPS(z(j), operand.Mem{Base: dst, Disp: 64 * j})
		}
		build.ADDQ(step, src)
		build.ADDQ(width, dst)
		build.DECQ(ks)
		build.JMP(operand.LabelRef(name + "loop"))
	}
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

// packLanesY copies as many lanes as a panel has, which follow each other: 16 of B or 6
// of A.
func packLanesY() {
	build.TEXT("gemmPackLanesY", build.NOSPLIT, packArgs)
	packArguments()
	build.TESTQ(ks, ks)
	build.JE(operand.LabelRef("done"))
	from, to := operand.Mem{Base: src}, operand.Mem{Base: dst}
	loop := func(name string, copyLanes func()) {
		align()
		build.Label(name)
		copyLanes()
		build.ADDQ(step, src)
		build.ADDQ(width, dst)
		build.DECQ(ks)
		build.JNE(operand.LabelRef(name))
	}
	build.CMPQ(lanes, operand.Imm(16))
	build.JNE(operand.LabelRef("six"))
	loop("sixteen", func() {
		build.VMOVUPS(from, y(0))
		build.VMOVUPS(from.Offset(32), y(1))
		build.VMOVUPS(y(0), to)
		build.VMOVUPS(y(1), to.Offset(32))
	})
	build.JMP(operand.LabelRef("done"))
	loop("six", func() {
		build.VMOVUPS(from, x(0))
		build.VMOVSD(from.Offset(16), x(1))
		build.VMOVUPS(x(0), to)
		build.VMOVSD(x(1), to.Offset(16))
	})
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

// packPairsZ interleaves the bfloat16 of two k: dst[k][lane] = src[2k][lane],
// src[2k+1][lane]. Here ks counts pairs.
func packPairsZ() {
	build.TEXT("gemmPackPairsZ", build.NOSPLIT, packArgs)
	packArguments()
	build.MOVL(operand.I32(-1), reg.EAX)
	build.CMPQ(lanes, operand.Imm(32))
	build.JGE(operand.LabelRef("all"))
	build.BZHIL(lanes.As32(), reg.EAX, reg.EAX)
	build.Label("all")
	build.KMOVD(reg.EAX, reg.K1)
	build.KSHIFTRD(operand.Imm(16), reg.K1, reg.K2)
	build.Label("loop")
	build.TESTQ(ks, ks)
	build.JE(operand.LabelRef("done"))
	second := operand.Mem{Base: src, Index: step, Scale: 1}
	for j, k := range []reg.Register{reg.K1, reg.K2} {
		if j == 1 {
			build.CMPQ(lanes, operand.Imm(16))
			build.JLE(operand.LabelRef("next"))
		}
		build.VPMOVZXWD_Z(operand.Mem{Base: src, Disp: 32 * j}, k, z(0))
		build.VPMOVZXWD_Z(second.Offset(32*j), k, z(1))
		build.VPSLLD(operand.Imm(16), z(1), z(1))
		build.VPORD(z(0), z(1), z(0))
		build.VMOVUPS(z(0), operand.Mem{Base: dst, Disp: 64 * j})
	}
	build.Label("next")
	build.LEAQ(operand.Mem{Base: src, Index: step, Scale: 2}, src)
	build.ADDQ(width, dst)
	build.DECQ(ks)
	build.JMP(operand.LabelRef("loop"))
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

// packStepsZ transposes up to 16 lanes of words whose k follow each other, 16 by
// 16 in registers. Lanes that are missing repeat the last one.
func packStepsZ() {
	build.TEXT("gemmPackStepsZ", build.NOSPLIT, packArgs)
	packArguments()
	build.Label("block")
	build.TESTQ(ks, ks)
	build.JLE(operand.LabelRef("done"))
	build.MOVL(operand.I32(-1), reg.EAX)
	build.CMPQ(ks, operand.Imm(16))
	build.JGE(operand.LabelRef("all"))
	build.BZHIL(ks.As32(), reg.EAX, reg.EAX)
	build.Label("all")
	build.KMOVD(reg.EAX, reg.K1)
	p, by, zero := reg.RAX, reg.RCX, reg.RBX
	build.MOVQ(src, p)
	build.MOVQ(lane, by)
	build.XORL(zero.As32(), zero.As32())
	for i := range 16 {
		build.VMOVUPS_Z(operand.Mem{Base: p}, reg.K1, z(i))
		if i < 15 {
			build.CMPQ(lanes, operand.Imm(uint64(i+1)))
			build.CMOVQLE(zero, by)
			build.ADDQ(by, p)
		}
	}
	build.ADDQ(operand.Imm(64), src)
	for i, r := range transpose16() {
		build.VMOVUPS(z(r), operand.Mem{Base: dst})
		build.ADDQ(width, dst)
		build.DECQ(ks)
		if i < 15 {
			build.JE(operand.LabelRef("done"))
		}
	}
	build.JMP(operand.LabelRef("block"))
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

// transpose16 transposes the words of registers 0 to 15, with one register more, 16,
// to change into, and returns where the rows of the transpose are.
func transpose16() (at [16]int) {
	free := 16
	for i := range at {
		at[i] = i
	}
	// turn replaces rows i and j by low and high of them.
	turn := func(i, j int, low, high func(b, a, to reg.Register)) {
		low(z(at[j]), z(at[i]), z(free))
		high(z(at[j]), z(at[i]), z(at[j]))
		at[i], free = free, at[i]
	}
	words := [2]func(b, a, to reg.Register){
		func(b, a, to reg.Register) { build.VUNPCKLPS(b, a, to) }, func(b, a, to reg.Register) { build.VUNPCKHPS(b, a, to) }}
	pairs := [2]func(b, a, to reg.Register){
		func(b, a, to reg.Register) { build.VUNPCKLPD(b, a, to) }, func(b, a, to reg.Register) { build.VUNPCKHPD(b, a, to) }}
	quarters := [2]func(b, a, to reg.Register){
		func(b, a, to reg.Register) { build.VSHUFF32X4(operand.Imm(0x88), b, a, to) }, func(b, a, to reg.Register) { build.VSHUFF32X4(operand.Imm(0xdd), b, a, to) }}
	for i := 0; i < 16; i += 2 {
		turn(i, i+1, words[0], words[1])
	}
	for i := 0; i < 16; i += 4 {
		turn(i, i+2, pairs[0], pairs[1])   // columns 0 and 1 of each quarter
		turn(i+1, i+3, pairs[0], pairs[1]) // 2 and 3
	}
	var rows [16]int
	for j, from := range [4]int{0, 2, 1, 3} { // where column j of a quarter is
		turn(from, from+4, quarters[0], quarters[1]) // even quarters of rows 0-7, odd ones
		turn(from+8, from+12, quarters[0], quarters[1])
		turn(from, from+8, quarters[0], quarters[1])
		turn(from+4, from+12, quarters[0], quarters[1])
		rows[j], rows[8+j], rows[4+j], rows[12+j] = at[from], at[from+8], at[from+4], at[from+12]
	}
	return rows
}

// packStepsY transposes up to 8 lanes of words whose k follow each other, four k at
// a time, and stores 8 lanes: what is too much is overwritten by the next k. Lanes
// that are missing repeat the last one.
func packStepsY() {
	build.TEXT("gemmPackStepsY", build.NOSPLIT, packArgs)
	packArguments()
	// One pointer a lane, all moved by the same index.
	p := []reg.Register{src, reg.RBX, reg.RCX, reg.R10, reg.R12, reg.R13, reg.R14, reg.R15}
	build.XORL(reg.EAX, reg.EAX)
	for i := 1; i < 8; i++ {
		build.CMPQ(lanes, operand.Imm(uint64(i)))
		build.CMOVQLE(reg.RAX, lane)
		build.LEAQ(operand.Mem{Base: p[i-1], Index: lane, Scale: 1}, p[i])
	}
	index := reg.RAX
	four := func(disp int) {
		for j := range 4 { // lanes j and 4+j
			build.VMOVUPS(operand.Mem{Base: p[j], Index: index, Scale: 1, Disp: disp}, x(j))
			build.VINSERTF128(operand.Imm(1), operand.Mem{Base: p[4+j], Index: index, Scale: 1, Disp: disp}, y(j), y(j))
		}
		transpose4()
		for j := range 4 {
			build.VMOVUPS(y(j), operand.Mem{Base: dst})
			build.ADDQ(width, dst)
		}
	}
	build.SUBQ(operand.Imm(16), ks)
	build.JL(operand.LabelRef("fours"))
	align()
	build.Label("block")
	for j := range 4 {
		four(16 * j)
	}
	build.ADDQ(operand.Imm(64), index)
	build.SUBQ(operand.Imm(16), ks)
	build.JGE(operand.LabelRef("block"))
	build.Label("fours")
	build.ADDQ(operand.Imm(12), ks)
	build.JL(operand.LabelRef("rest"))
	build.Label("four")
	four(0)
	build.ADDQ(operand.Imm(16), index)
	build.SUBQ(operand.Imm(4), ks)
	build.JGE(operand.LabelRef("four"))
	build.Label("rest")
	build.ADDQ(operand.Imm(4), ks)
	build.JLE(operand.LabelRef("done"))
	// One to three k are left: the same under a mask.
	build.MOVQ(operand.U32(8), lane)
	build.SUBQ(ks, lane)
	build.LEAQ(masksY, width)
	build.VMOVUPS(operand.Mem{Base: width, Index: lane, Scale: 4}, x(8))
	for j := range 4 {
		build.VMASKMOVPS(operand.Mem{Base: p[j], Index: index, Scale: 1}, x(8), x(j))
		build.VMASKMOVPS(operand.Mem{Base: p[4+j], Index: index, Scale: 1}, x(8), x(9))
		build.VINSERTF128(operand.Imm(1), x(9), y(j), y(j))
	}
	transpose4()
	build.Load(build.Param("width"), width)
	for j := range 3 {
		build.VMOVUPS(y(j), operand.Mem{Base: dst})
		build.ADDQ(width, dst)
		build.DECQ(ks)
		if j < 2 {
			build.JE(operand.LabelRef("done"))
		}
	}
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

// transpose4 transposes 4 by 4 words in both halves of registers 0 to 3, through 4
// to 7.
func transpose4() {
	for j := 0; j < 4; j += 2 {
		build.VUNPCKLPS(y(j+1), y(j), y(4+j))
		build.VUNPCKHPS(y(j+1), y(j), y(5+j))
	}
	build.VUNPCKLPD(y(6), y(4), y(0))
	build.VUNPCKHPD(y(6), y(4), y(1))
	build.VUNPCKLPD(y(7), y(5), y(2))
	build.VUNPCKHPD(y(7), y(5), y(3))
}
