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
	transpose16()
	ADDQ(Imm(64), src)
	for i := range 16 {
		VMOVUPS(z(i), Mem{Base: dst})
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

// transpose16 transposes the words of registers 0 to 15, through 16 to 31.
func transpose16() {
	for i := 0; i < 16; i += 2 { // words
		VUNPCKLPS(z(i+1), z(i), z(16+i))
		VUNPCKHPS(z(i+1), z(i), z(17+i))
	}
	for i := 0; i < 16; i += 4 { // pairs: register i+j holds column j of four rows, in each quarter
		VUNPCKLPD(z(18+i), z(16+i), z(i))
		VUNPCKHPD(z(18+i), z(16+i), z(i+1))
		VUNPCKLPD(z(19+i), z(17+i), z(i+2))
		VUNPCKHPD(z(19+i), z(17+i), z(i+3))
	}
	for j := range 4 { // quarters of rows 0-7 and 8-15
		for h := range 2 {
			lo, hi := z(8*h+j), z(8*h+4+j)
			VSHUFF32X4(Imm(0x88), hi, lo, z(16+8*h+j)) // quarters 0, 2 of both
			VSHUFF32X4(Imm(0xdd), hi, lo, z(20+8*h+j)) // quarters 1, 3
		}
	}
	for j := range 4 {
		VSHUFF32X4(Imm(0x88), z(24+j), z(16+j), z(j))
		VSHUFF32X4(Imm(0x88), z(28+j), z(20+j), z(4+j))
		VSHUFF32X4(Imm(0xdd), z(24+j), z(16+j), z(8+j))
		VSHUFF32X4(Imm(0xdd), z(28+j), z(20+j), z(12+j))
	}
}

// packStepsY transposes exactly 8 lanes of words, 8 by 8; ks is a multiple of 8.
func packStepsY() {
	TEXT("gemmPackStepsY", NOSPLIT, packArgs)
	packArguments()
	Label("block")
	TESTQ(ks, ks)
	JLE(LabelRef("done"))
	p := reg.RAX
	MOVQ(src, p)
	for i := range 8 {
		VMOVUPS(Mem{Base: p}, y(i))
		if i < 7 {
			ADDQ(lane, p)
		}
	}
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(y(i+1), y(i), y(8+i))
		VUNPCKHPS(y(i+1), y(i), y(9+i))
	}
	for i := 0; i < 8; i += 4 {
		VUNPCKLPD(y(10+i), y(8+i), y(i))
		VUNPCKHPD(y(10+i), y(8+i), y(i+1))
		VUNPCKLPD(y(11+i), y(9+i), y(i+2))
		VUNPCKHPD(y(11+i), y(9+i), y(i+3))
	}
	for j := range 4 {
		VPERM2F128(Imm(0x20), y(4+j), y(j), y(8+j))
		VPERM2F128(Imm(0x31), y(4+j), y(j), y(12+j))
	}
	for j := range 8 {
		VMOVUPS(y(8+j), Mem{Base: dst})
		ADDQ(width, dst)
	}
	ADDQ(Imm(32), src)
	SUBQ(Imm(8), ks)
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}
