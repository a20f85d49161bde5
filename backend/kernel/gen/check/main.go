// Command check writes the loops of decoders of quasi-cyclic parity-check codes.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// degrees of the rows that have a loop of their own: those of the base graphs of NR.
var degrees = []int{3, 4, 5, 6, 7, 8, 9, 10, 19}

func main() {
	build.ConstraintExpr("amd64,!noasm")
	for _, d := range degrees {
		minSumZ(d)
	}
	for _, d := range degrees {
		minSumY(d)
	}
	oddZ()
	oddY()
	build.Generate()
}

// Registers of the loops.
var (
	values, messages, places = reg.RAX, reg.RBX, reg.RCX
	blocks, at, wraps, last  = reg.RDX, reg.RSI, reg.RDI, reg.R8
)

const minSumArgs = "func(v, r, places, wraps *byte, blocks, lifting int, scale, offset, limit float32)"

func vector(i int, s reg.Spec) reg.Register { return reg.Vector.Lookup(reg.Index(i), s) }
func z(i int) reg.Register                  { return vector(i, reg.S512) }
func y(i int) reg.Register                  { return vector(i, reg.S256) }

func load(name string, to reg.Register) { build.Load(build.Param(name), to) }

// value is the memory of the values of edge e; it overwrites at.
func value(e, disp int) operand.Mem {
	build.MOVL(operand.Mem{Base: places, Disp: 4 * e}, at.As32())
	return operand.Mem{Base: values, Index: at, Scale: 4, Disp: disp}
}

func message(e, disp int) operand.Mem { return operand.Mem{Base: messages, Disp: 64*e + disp} }

func floatArg(name string) operand.Mem {
	p, err := build.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// maskOf sets k to the first n lanes.
func maskOf(n, k reg.Register) {
	build.MOVL(operand.I32(-1), at.As32())
	build.BZHIL(n.(reg.GP).As32(), at.As32(), at.As32())
	build.KMOVW(at.As32(), k)
}

// The registers behind those of the edges.
const (
	least = 20 + iota
	second
	signs
	magnitude
	result
	abs
	scale
	offset
	limit
	zero
)

// minSumZ is a layer of degree d in AVX-512, with the values of its edges in
// registers 0 to d-1.
func minSumZ(d int) {
	build.TEXT(fmt.Sprintf("avx512MinSum%d", d), build.NOSPLIT, minSumArgs)
	build.Pragma("noescape")
	load("v", values)
	load("r", messages)
	load("places", places)
	load("wraps", wraps)
	load("blocks", blocks)
	load("lifting", last)
	build.MOVL(operand.U32(0x7fffffff), at.As32())
	build.VPBROADCASTD(at.As32(), z(abs))
	build.VBROADCASTSS(floatArg("scale"), z(scale))
	build.VBROADCASTSS(floatArg("offset"), z(offset))
	build.VBROADCASTSS(floatArg("limit"), z(limit))
	build.VPXORD(z(zero), z(zero), z(zero))
	build.MOVL(operand.I32(-1), at.As32())
	build.KMOVW(at.As32(), reg.K1)
	build.MOVQ(last, reg.R9)
	build.DECQ(reg.R9)
	build.ANDQ(operand.I32(15), reg.R9)
	build.INCQ(reg.R9) // lanes of the last block
	build.Label("block")
	build.CMPQ(blocks, operand.I32(1))
	build.JNE(operand.LabelRef("whole"))
	maskOf(reg.R9, reg.K1)
	build.Label("whole")
	for e := range d {
		gatherZ(e)
	}
	for _, m := range []int{least, second} {
		to := map[int]int{least: magnitude, second: second}[m]
		build.VMULPS(z(scale), z(m), z(to))
		build.VSUBPS(z(offset), z(to), z(to))
		build.VMAXPS(z(zero), z(to), z(to))
		build.VMINPS(z(limit), z(to), z(to))
	}
	for e := range d {
		scatterZ(e)
	}
	build.ADDQ(operand.I32(4*d), places)
	build.ADDQ(operand.I32(64*d), messages)
	build.DECQ(blocks)
	build.JNE(operand.LabelRef("block"))
	wrapZ(d)
	build.VZEROUPPER()
	build.RET()
}

// gatherZ takes edge e into the least, the second least and the signs.
func gatherZ(e int) {
	build.VMOVUPS(value(e, 0), z(e))
	build.VSUBPS(message(e, 0), z(e), z(e))
	switch e {
	case 0:
		build.VPANDD(z(abs), z(e), z(least))
		build.VMOVAPS(z(e), z(signs))
		return
	case 1:
		build.VPANDD(z(abs), z(e), z(magnitude))
		build.VMAXPS(z(magnitude), z(least), z(second))
	default:
		build.VPANDD(z(abs), z(e), z(magnitude))
		build.VMAXPS(z(magnitude), z(least), z(result))
		build.VMINPS(z(result), z(second), z(second))
	}
	build.VMINPS(z(magnitude), z(least), z(least))
	build.VPXORD(z(e), z(signs), z(signs))
}

// scatterZ writes the message and the value of edge e. Who has the least magnitude
// itself gets the second least.
func scatterZ(e int) {
	build.VPANDD(z(abs), z(e), z(result))
	build.VCMPPS(operand.U8(0), z(least), z(result), reg.K2)
	build.VBLENDMPS(z(second), z(magnitude), reg.K2, z(result))
	build.VPXORD(z(e), z(signs), z(zero+1))
	build.VPTERNLOGD(operand.U8(0xb4), z(abs), z(zero+1), z(result)) // result ^ signs &^ abs
	build.VMOVUPS(z(result), message(e, 0))
	build.VADDPS(z(result), z(e), z(e))
	build.VMOVUPS(z(e), reg.K1, value(e, 0))
}

// wrapZ makes the copy of the first values behind each column right again.
func wrapZ(d int) {
	build.MOVQ(operand.I32(16), reg.R10)
	build.CMPQ(last, reg.R10)
	build.CMOVQLT(last, reg.R10)
	maskOf(reg.R10, reg.K1)
	build.LEAQ(operand.Mem{Base: values, Index: last, Scale: 4}, reg.R11)
	build.MOVQ(operand.I32(d), blocks)
	build.Label("wrap")
	build.MOVL(operand.Mem{Base: wraps}, reg.R12L)
	build.MOVL(operand.Mem{Base: wraps, Disp: 4}, reg.R9L)
	maskOf(reg.R9, reg.K2)
	front := operand.Mem{Base: values, Index: reg.R12, Scale: 4}
	behind := operand.Mem{Base: reg.R11, Index: reg.R12, Scale: 4}
	build.VMOVUPS(front, z(0))
	build.VMOVUPS(behind, reg.K2, z(0))
	build.VMOVUPS(z(0), reg.K2, front)
	build.VMOVUPS(z(0), reg.K1, behind)
	build.ADDQ(operand.I32(8), wraps)
	build.DECQ(blocks)
	build.JNE(operand.LabelRef("wrap"))
}

// minSumY is the whole blocks of a layer in AVX2, eight lanes at a time. What the
// edges bring waits in the place of their messages.
func minSumY(d int) {
	build.TEXT(fmt.Sprintf("avx2MinSum%d", d), build.NOSPLIT, minSumArgs)
	build.Pragma("noescape")
	load("v", values)
	load("r", messages)
	load("places", places)
	load("blocks", blocks)
	const least, second, signs, magnitude, result, own, abs, scale, offset, limit, zero = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	build.VPCMPEQD(y(abs), y(abs), y(abs))
	build.VPSRLD(operand.U8(1), y(abs), y(abs))
	build.VBROADCASTSS(floatArg("scale"), y(scale))
	build.VBROADCASTSS(floatArg("offset"), y(offset))
	build.VBROADCASTSS(floatArg("limit"), y(limit))
	build.VPXOR(y(zero), y(zero), y(zero))
	build.TESTQ(blocks, blocks)
	build.JZ(operand.LabelRef("done"))
	build.Label("block")
	for _, half := range []int{0, 32} {
		for e := range d {
			build.VMOVUPS(value(e, half), y(own))
			build.VSUBPS(message(e, half), y(own), y(own))
			build.VMOVUPS(y(own), message(e, half))
			if e == 0 {
				build.VANDPS(y(abs), y(own), y(least))
				build.VMOVAPS(y(own), y(signs))
				continue
			}
			build.VANDPS(y(abs), y(own), y(magnitude))
			if e == 1 {
				build.VMAXPS(y(magnitude), y(least), y(second))
			} else {
				build.VMAXPS(y(magnitude), y(least), y(result))
				build.VMINPS(y(result), y(second), y(second))
			}
			build.VMINPS(y(magnitude), y(least), y(least))
			build.VXORPS(y(own), y(signs), y(signs))
		}
		for _, m := range [][2]int{{least, magnitude}, {second, second}} {
			build.VMULPS(y(scale), y(m[0]), y(m[1]))
			build.VSUBPS(y(offset), y(m[1]), y(m[1]))
			build.VMAXPS(y(zero), y(m[1]), y(m[1]))
			build.VMINPS(y(limit), y(m[1]), y(m[1]))
		}
		for e := range d {
			build.VMOVUPS(message(e, half), y(own))
			build.VANDPS(y(abs), y(own), y(result))
			build.VCMPPS(operand.U8(0), y(least), y(result), y(result))
			build.VBLENDVPS(y(result), y(second), y(magnitude), y(result))
			build.VXORPS(y(own), y(signs), y(zero+1))
			build.VANDNPS(y(zero+1), y(abs), y(zero+1))
			build.VXORPS(y(zero+1), y(result), y(result))
			build.VMOVUPS(y(result), message(e, half))
			build.VADDPS(y(result), y(own), y(own))
			build.VMOVUPS(y(own), value(e, half))
		}
	}
	build.ADDQ(operand.I32(4*d), places)
	build.ADDQ(operand.I32(64*d), messages)
	build.DECQ(blocks)
	build.JNE(operand.LabelRef("block"))
	build.Label("done")
	build.VZEROUPPER()
	build.RET()
}

const oddArgs = "func(v, places *byte, blocks, degree, lanes int) (odd int)"

// oddLoop finds whether an odd number of the values of a check is negative. first
// loads or folds edge by edge, any jumps to found.
func oddLoop(name string, clear func(), fold func(operand.Mem), any func()) {
	build.TEXT(name, build.NOSPLIT, oddArgs)
	build.Pragma("noescape")
	load("v", values)
	load("places", places)
	load("blocks", blocks)
	load("degree", reg.R9)
	load("lanes", reg.R10) // of the last block
	build.XORQ(reg.R11, reg.R11)
	build.TESTQ(blocks, blocks)
	build.JZ(operand.LabelRef("done"))
	build.Label("block")
	clear()
	build.MOVQ(reg.R9, reg.R12)
	build.Label("edge")
	fold(value(0, 0))
	build.ADDQ(operand.I32(4), places)
	build.DECQ(reg.R12)
	build.JNE(operand.LabelRef("edge"))
	any() // into EAX's neighbour at
	build.CMPQ(blocks, operand.I32(1))
	build.JNE(operand.LabelRef("whole"))
	build.BZHIL(reg.R10L, at.As32(), at.As32())
	build.Label("whole")
	build.TESTL(at.As32(), at.As32())
	build.JNE(operand.LabelRef("found"))
	build.DECQ(blocks)
	build.JNE(operand.LabelRef("block"))
	build.JMP(operand.LabelRef("done"))
	build.Label("found")
	build.INCQ(reg.R11)
	build.Label("done")
	build.VZEROUPPER()
	build.Store(reg.R11, build.Return("odd"))
	build.RET()
}

func oddZ() {
	oddLoop("avx512Odd",
		func() { build.VPXORD(z(0), z(0), z(0)) },
		func(m operand.Mem) { build.VPXORD(m, z(0), z(0)) },
		func() {
			build.VPMOVD2M(z(0), reg.K1)
			build.KMOVW(reg.K1, at.As32())
		})
}

func oddY() {
	oddLoop("avx2Odd",
		func() { build.VPXOR(y(0), y(0), y(0)); build.VPXOR(y(1), y(1), y(1)) },
		func(m operand.Mem) {
			build.VXORPS(m, y(0), y(0))
			m.Disp = 32
			build.VXORPS(m, y(1), y(1))
		},
		func() {
			build.VMOVMSKPS(y(0), at.As32())
			build.VMOVMSKPS(y(1), reg.R13L)
			build.SHLL(operand.U8(8), reg.R13L)
			build.ORL(reg.R13L, at.As32())
		})
}
