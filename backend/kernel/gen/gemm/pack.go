package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
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
	Load(Param("dst"), dst)
	Load(Param("width"), width)
	Load(Param("src"), src)
	Load(Param("lane"), lane)
	Load(Param("step"), step)
	Load(Param("lanes"), lanes)
	Load(Param("ks"), ks)
}

// packLanesZ copies lanes that follow each other, at most 32 words. It stores 16
// or 32 lanes: what is too much is overwritten by the next k.
func packLanesZ() {
	TEXT("gemmPackLanesZ", NOSPLIT, packArgs)
	packArguments()
	MOVL(I32(-1), reg.EAX)
	CMPQ(lanes, Imm(32))
	JGE(LabelRef("all"))
	BZHIL(lanes.As32(), reg.EAX, reg.EAX)
	Label("all")
	KMOVD(reg.EAX, reg.K1)
	KSHIFTRD(Imm(16), reg.K1, reg.K2)
	for _, n := range []int{2, 1} {
		name := map[int]string{2: "two", 1: "one"}[n]
		Label(name)
		if n == 2 {
			CMPQ(lanes, Imm(16))
			JLE(LabelRef("one"))
		}
		Label(name + "loop")
		TESTQ(ks, ks)
		JE(LabelRef("done"))
		for j := range n {
			VMOVUPS_Z(Mem{Base: src, Disp: 64 * j}, []reg.Register{reg.K1, reg.K2}[j], z(j))
			VMOVUPS(z(j), Mem{Base: dst, Disp: 64 * j})
		}
		ADDQ(step, src)
		ADDQ(width, dst)
		DECQ(ks)
		JMP(LabelRef(name + "loop"))
	}
	Label("done")
	VZEROUPPER()
	RET()
}

// packPairsZ interleaves the bfloat16 of two k: dst[k][lane] = src[2k][lane],
// src[2k+1][lane]. Here ks counts pairs.
func packPairsZ() {
	TEXT("gemmPackPairsZ", NOSPLIT, packArgs)
	packArguments()
	MOVL(I32(-1), reg.EAX)
	CMPQ(lanes, Imm(32))
	JGE(LabelRef("all"))
	BZHIL(lanes.As32(), reg.EAX, reg.EAX)
	Label("all")
	KMOVD(reg.EAX, reg.K1)
	KSHIFTRD(Imm(16), reg.K1, reg.K2)
	Label("loop")
	TESTQ(ks, ks)
	JE(LabelRef("done"))
	second := Mem{Base: src, Index: step, Scale: 1}
	for j, k := range []reg.Register{reg.K1, reg.K2} {
		if j == 1 {
			CMPQ(lanes, Imm(16))
			JLE(LabelRef("next"))
		}
		VPMOVZXWD_Z(Mem{Base: src, Disp: 32 * j}, k, z(0))
		VPMOVZXWD_Z(second.Offset(32*j), k, z(1))
		VPSLLD(Imm(16), z(1), z(1))
		VPORD(z(0), z(1), z(0))
		VMOVUPS(z(0), Mem{Base: dst, Disp: 64 * j})
	}
	Label("next")
	LEAQ(Mem{Base: src, Index: step, Scale: 2}, src)
	ADDQ(width, dst)
	DECQ(ks)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// packStepsZ transposes up to 16 lanes of words whose k follow each other, 16 by
// 16 in registers. Lanes that are missing repeat the last one.
func packStepsZ() {
	TEXT("gemmPackStepsZ", NOSPLIT, packArgs)
	packArguments()
	Label("block")
	TESTQ(ks, ks)
	JLE(LabelRef("done"))
	MOVL(I32(-1), reg.EAX)
	CMPQ(ks, Imm(16))
	JGE(LabelRef("all"))
	BZHIL(ks.As32(), reg.EAX, reg.EAX)
	Label("all")
	KMOVD(reg.EAX, reg.K1)
	p, by, zero := reg.RAX, reg.RCX, reg.RBX
	MOVQ(src, p)
	MOVQ(lane, by)
	XORL(zero.As32(), zero.As32())
	for i := range 16 {
		VMOVUPS_Z(Mem{Base: p}, reg.K1, z(i))
		if i < 15 {
			CMPQ(lanes, Imm(uint64(i+1)))
			CMOVQLE(zero, by)
			ADDQ(by, p)
		}
	}
	ADDQ(Imm(64), src)
	for i, r := range transpose16() {
		VMOVUPS(z(r), Mem{Base: dst})
		ADDQ(width, dst)
		DECQ(ks)
		if i < 15 {
			JE(LabelRef("done"))
		}
	}
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
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
		func(b, a, to reg.Register) { VUNPCKLPS(b, a, to) }, func(b, a, to reg.Register) { VUNPCKHPS(b, a, to) }}
	pairs := [2]func(b, a, to reg.Register){
		func(b, a, to reg.Register) { VUNPCKLPD(b, a, to) }, func(b, a, to reg.Register) { VUNPCKHPD(b, a, to) }}
	quarters := [2]func(b, a, to reg.Register){
		func(b, a, to reg.Register) { VSHUFF32X4(Imm(0x88), b, a, to) }, func(b, a, to reg.Register) { VSHUFF32X4(Imm(0xdd), b, a, to) }}
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
	TEXT("gemmPackStepsY", NOSPLIT, packArgs)
	packArguments()
	// One pointer a lane, all moved by the same index.
	p := []reg.Register{src, reg.RBX, reg.RCX, reg.R10, reg.R12, reg.R13, reg.R14, reg.R15}
	XORL(reg.EAX, reg.EAX)
	for i := 1; i < 8; i++ {
		CMPQ(lanes, Imm(uint64(i)))
		CMOVQLE(reg.RAX, lane)
		LEAQ(Mem{Base: p[i-1], Index: lane, Scale: 1}, p[i])
	}
	index := reg.RAX
	four := func(disp int) {
		for j := range 4 { // lanes j and 4+j
			VMOVUPS(Mem{Base: p[j], Index: index, Scale: 1, Disp: disp}, x(j))
			VINSERTF128(Imm(1), Mem{Base: p[4+j], Index: index, Scale: 1, Disp: disp}, y(j), y(j))
		}
		transpose4()
		for j := range 4 {
			VMOVUPS(y(j), Mem{Base: dst})
			ADDQ(width, dst)
		}
	}
	SUBQ(Imm(16), ks)
	JL(LabelRef("fours"))
	align()
	Label("block")
	for j := range 4 {
		four(16 * j)
	}
	ADDQ(Imm(64), index)
	SUBQ(Imm(16), ks)
	JGE(LabelRef("block"))
	Label("fours")
	ADDQ(Imm(12), ks)
	JL(LabelRef("rest"))
	Label("four")
	four(0)
	ADDQ(Imm(16), index)
	SUBQ(Imm(4), ks)
	JGE(LabelRef("four"))
	Label("rest")
	ADDQ(Imm(4), ks)
	JLE(LabelRef("done"))
	// One to three k are left: the same under a mask.
	MOVQ(U32(8), lane)
	SUBQ(ks, lane)
	LEAQ(masksY, width)
	VMOVUPS(Mem{Base: width, Index: lane, Scale: 4}, x(8))
	for j := range 4 {
		VMASKMOVPS(Mem{Base: p[j], Index: index, Scale: 1}, x(8), x(j))
		VMASKMOVPS(Mem{Base: p[4+j], Index: index, Scale: 1}, x(8), x(9))
		VINSERTF128(Imm(1), x(9), y(j), y(j))
	}
	transpose4()
	Load(Param("width"), width)
	for j := range 3 {
		VMOVUPS(y(j), Mem{Base: dst})
		ADDQ(width, dst)
		DECQ(ks)
		if j < 2 {
			JE(LabelRef("done"))
		}
	}
	Label("done")
	VZEROUPPER()
	RET()
}

// transpose4 transposes 4 by 4 words in both halves of registers 0 to 3, through 4
// to 7.
func transpose4() {
	for j := 0; j < 4; j += 2 {
		VUNPCKLPS(y(j+1), y(j), y(4+j))
		VUNPCKHPS(y(j+1), y(j), y(5+j))
	}
	VUNPCKLPD(y(6), y(4), y(0))
	VUNPCKHPD(y(6), y(4), y(1))
	VUNPCKLPD(y(7), y(5), y(2))
	VUNPCKHPD(y(7), y(5), y(3))
}
